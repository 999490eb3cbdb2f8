//! Write files so that a reader sees either the whole file or the old one.

use std::fs::{File, Metadata};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::{Error, Result};

/// Large enough that small records do not cost a system call each.
const BUFFER_BYTES: usize = 1 << 20;

/// Return the reason to refuse a path that is not a regular file, or None for a regular file.
pub(crate) fn irregular(kind: &Metadata) -> Option<&'static str> {
    let folder = "expected a regular file, got a folder";
    let other = "expected a regular file, got a device, pipe or socket";
    (!kind.is_file()).then_some(if kind.is_dir() { folder } else { other })
}

/// Write a file beside its final place, and rename it when its content is on the disk.
///
/// A reader sees the old file or the new one, never a partial file; a program that has mapped the old file keeps it.
/// After an error no temporary file is left. The new file has the permissions that the process's umask gives to any new
/// file.
///
/// # Errors
/// [`Error::Io`] with `path` if the system refuses a step, e.g. because of a missing folder or a full disk.
pub fn write_atomically<F>(path: impl AsRef<Path>, write: F) -> Result<()>
where
    F: FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
{
    let mut files = Staged::default();
    files.write(path, write)?;
    files.commit()
}

/// Files that belong together: all of them are written beside their final places before the first is renamed. If one
/// cannot be written, no file changes.
#[derive(Default)]
pub(crate) struct Staged {
    files: Vec<(NamedTempFile, PathBuf)>,
}

impl Staged {
    /// Write one more file beside its final place.
    pub(crate) fn write<F>(&mut self, path: impl AsRef<Path>, write: F) -> Result<()>
    where
        F: FnOnce(&mut BufWriter<&File>) -> io::Result<()>,
    {
        let path = path.as_ref();
        let temporary = stage(path, write).map_err(Error::io("write", path))?;
        self.files.push((temporary, path.to_path_buf()));
        Ok(())
    }

    /// Rename all files to their final names, in the order in which they were written. The renames are not one atomic
    /// step, but they follow one another at once: only a process killed within these microseconds renames some files
    /// alone.
    pub(crate) fn commit(self) -> Result<()> {
        // While the old files are open, no rename has to free their blocks, which takes milliseconds. Only regular
        // files are opened, since opening a pipe would wait for its other end.
        let old: Vec<_> =
            self.files.iter().filter(|(_, path)| path.is_file()).map(|(_, path)| File::open(path)).collect();
        let mut places = Vec::new();
        for (temporary, path) in self.files {
            temporary.persist(&path).map_err(|error| error.error).map_err(Error::io("write", &path))?;
            places.push(path);
        }
        drop(old);
        // A rename is only on the disk when the folder is.
        #[cfg(unix)]
        for path in places {
            File::open(folder_of(&path)).and_then(|folder| folder.sync_all()).map_err(Error::io("write", &path))?;
        }
        Ok(())
    }
}

/// Return the folder of a file; the parent of a bare file name is the empty path, which means `.`.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn stage(path: &Path, write: impl FnOnce(&mut BufWriter<&File>) -> io::Result<()>) -> io::Result<NamedTempFile> {
    let folder = folder_of(path);
    // This check comes first, so that the system's error is about the folder and not about a temporary name.
    folder.metadata()?;
    if path.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let mut options = File::options();
    options.read(true).write(true).create_new(true);
    // Temporary files are private by default (0600), so no other user or service could read the renamed file.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o666);
    // The error of `make_in` names a temporary file and lacks the system's error number.
    let mut cause = None;
    let open = |path: &Path| options.open(path).inspect_err(|error| cause = error.raw_os_error());
    let made = tempfile::Builder::new().prefix(".oxbert-").suffix(".tmp").make_in(folder, open);
    let temporary = made.map_err(|error| cause.map_or(error, io::Error::from_raw_os_error))?;
    let mut buffered = BufWriter::with_capacity(BUFFER_BYTES, temporary.as_file());
    write(&mut buffered)?;
    buffered.flush()?;
    drop(buffered);
    // Without this a power cut after the rename could leave a file of zeros under the final name.
    temporary.as_file().sync_all()?;
    Ok(temporary)
}

/// Rename a complete file to its final name, so that after a power cut that name has the whole file or none.
#[cfg(feature = "remote")]
pub(crate) fn settle(file: &File, path: &Path, rename: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    // Without this a power cut after the rename could leave a file of zeros under the final name.
    file.sync_all()?;
    rename()?;
    // A rename is only on the disk when the folder is.
    #[cfg(unix)]
    File::open(folder_of(path))?.sync_all()?;
    Ok(())
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

    #[test]
    fn staged_files_are_committed_together() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
        write_atomically(&one, |file| file.write_all(b"old")).unwrap();
        for commits in [false, true] {
            let mut files = Staged::default();
            files.write(&one, |file| file.write_all(b"new")).unwrap();
            let written = files.write(&other, |file| {
                file.write_all(b"new")?;
                if commits { Ok(()) } else { Err(io::Error::other("disk full")) }
            });
            assert_eq!(written.and_then(|()| files.commit()).is_ok(), commits);
            assert_eq!(std::fs::read(&one).unwrap(), if commits { b"new" } else { b"old" });
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), if commits { 2 } else { 1 });
        }
    }

    #[cfg(unix)]
    #[test]
    fn new_files_have_ordinary_permissions() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (ours, ordinary) = (folder.path().join("ours"), folder.path().join("ordinary"));
        write_atomically(&ours, |_| Ok(())).unwrap();
        std::fs::write(&ordinary, b"").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&ordinary));
    }
}
