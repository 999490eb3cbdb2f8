//! Files that are there whole or not at all.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::error::{Error, Result};

/// Large enough that small records do not cost a system call each.
const BUFFER_BYTES: usize = 1 << 20;

/// Writes a file beside its final place and renames it once it is safe on the disk.
///
/// A reader sees the old file or the new one, never a part; a program that has the old one mapped keeps it. On an
/// error nothing is left behind. The new file has the permissions that the process's umask gives to any new file.
///
/// # Errors
/// [`Error::Io`] with `path` where the system refuses any step, e.g. a missing folder or a full disk.
pub fn write_atomically<F>(path: impl AsRef<Path>, write: F) -> Result<()>
where
    F: FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
{
    let path = path.as_ref();
    replace(path, write).map_err(Error::io("write", path))
}

fn replace(path: &Path, write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>) -> io::Result<()> {
    let folder = folder_of(path);
    // Asked first, so that the error is the system's own about this folder and not one about a temporary name.
    folder.metadata()?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".oxbert-").suffix(".tmp");
    // Temporary files are private by default (0600), which would lock every other user and service out.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let temporary = builder.tempfile_in(folder)?;
    let mut buffered = BufWriter::with_capacity(BUFFER_BYTES, temporary.as_file());
    write(&mut buffered)?;
    buffered.flush()?;
    drop(buffered);
    let (file, temporary) = temporary.into_parts();
    settle(&file, path, || temporary.persist(path).map_err(|error| error.error))
}

/// Gives a file that is complete its final name, so that a power cut leaves all of it or nothing under that name.
pub(crate) fn settle(file: &File, path: &Path, rename: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    // Without this a power cut after the rename could leave a file of zeros under the final name.
    file.sync_all()?;
    rename()?;
    // The rename itself is in the folder.
    #[cfg(unix)]
    File::open(folder_of(path))?.sync_all()?;
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    // The parent of a bare file name is the empty path.
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn failure_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights");
        write_atomically(&path, |file| file.write_all(b"old")).unwrap();
        let error = write_atomically(&path, |file| {
            file.write_all(b"new")?;
            Err(io::Error::other("disk full"))
        })
        .unwrap_err();
        assert!(error.to_string().ends_with("weights: disk full"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(write_atomically(folder.path().join("no/such"), |_| Ok(())).is_err());
        // A folder cannot be replaced by a file.
        assert!(write_atomically(folder.path(), |_| Ok(())).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn permissions_are_those_of_an_ordinary_new_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (ours, ordinary) = (folder.path().join("ours"), folder.path().join("ordinary"));
        write_atomically(&ours, |_| Ok(())).unwrap();
        std::fs::write(&ordinary, b"").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&ordinary));
    }
}
