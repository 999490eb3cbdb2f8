//! The part of a file that has been received, beside its final place: `name.part` has the bytes, and `name.part.json`
//! records how many of them are safe on the disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use fs4::{FileExt, TryLockError};
use serde::{Deserialize, Serialize};

use super::request::TICK;
use crate::error::{Error, Result};
use crate::files::{settle, write_atomically};

/// The number of bytes after which they are synchronised with the disk, so that they survive a power cut.
const KEPT_EVERY: u64 = 32 << 20;

/// A file that this process alone is writing.
#[derive(Debug)]
pub(super) struct Part {
    file: File,
    path: PathBuf,
    length: u64,
    record: Record,
    finished: bool,
}

/// The facts about the file that a later download needs.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Record {
    /// The server's strong `ETag` of this version. With a weak one, the rest could be of another version.
    etag: Option<String>,
    /// The number of bytes of the whole file.
    total: Option<u64>,
    /// The number of bytes that are safe on the disk.
    length: u64,
}

impl Part {
    /// Return the part of the file at `target`, with the bytes of an earlier download. While another process writes the
    /// part, wait and call `waiting`. Return None if another process has completed the file.
    pub(super) fn claim(target: &Path, waiting: &dyn Fn() -> Result<()>) -> Result<Option<Self>> {
        let path = beside(target, ".part");
        loop {
            let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
            let file = opened.map_err(Error::io("write", &path))?;
            while !lock(&file).map_err(Error::io("lock", &path))? {
                waiting()?;
                std::thread::sleep(TICK);
            }
            // The process that had the lock may have renamed or removed this file; then another file must be opened.
            let ours = is_at(&file, &path);
            if target.is_file() {
                if ours {
                    // This part was created after the rename, so it is empty. If its removal fails, an empty file
                    // stays.
                    let _ = fs::remove_file(&path);
                }
                return Ok(None);
            }
            if ours {
                return Self::resume(file, path).map(Some);
            }
        }
    }

    fn resume(file: File, path: PathBuf) -> Result<Self> {
        let mut part = Self { file, path, length: 0, record: Record::default(), finished: false };
        // A record that cannot be read counts as missing.
        let known: Option<Record> =
            fs::read(part.record_path()).ok().and_then(|text| serde_json::from_slice(&text).ok());
        let held = part.file.metadata().map_err(Error::io("read", &part.path))?.len();
        match known {
            Some(record) if record.etag.is_some() && record.length <= held => {
                part.length = record.length;
                part.record = record;
                part.cut()?;
            }
            _ => part.discard()?,
        }
        Ok(part)
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    pub(super) fn total(&self) -> Option<u64> {
        self.record.total
    }

    pub(super) fn is_complete(&self) -> bool {
        self.record.total == Some(self.length)
    }

    /// Return the start of the missing rest and the version that it must have. None if the whole file must be fetched.
    pub(super) fn rest(&self) -> Option<(u64, String)> {
        self.record.etag.clone().filter(|_| self.length > 0).map(|etag| (self.length, etag))
    }

    /// Discard the bytes and start a file of this version and length.
    pub(super) fn begin(&mut self, etag: Option<String>, total: Option<u64>) -> Result<()> {
        self.discard()?;
        self.record = Record { etag, total, length: 0 };
        Ok(())
    }

    /// Set the length of the file if it was not known.
    pub(super) fn expect(&mut self, total: Option<u64>) {
        self.record.total = self.record.total.or(total);
    }

    /// Discard the bytes and their version.
    pub(super) fn discard(&mut self) -> Result<()> {
        // The record is removed before the bytes, so that it never describes bytes that are gone.
        self.remove_record()?;
        self.record = Record::default();
        self.length = 0;
        self.cut()
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(Error::io("write", &self.path))?;
        self.length += bytes.len() as u64;
        if self.length - self.record.length >= KEPT_EVERY { self.keep() } else { Ok(()) }
    }

    /// Write the bytes and the record to the disk, so that a later download can continue from here.
    pub(super) fn keep(&mut self) -> Result<()> {
        if self.record.etag.is_none() {
            return Ok(());
        }
        self.file.sync_data().map_err(Error::io("write", &self.path))?;
        self.record.length = self.length;
        let text = serde_json::to_vec(&self.record).map_err(io::Error::from);
        let text = text.map_err(Error::io("write", self.record_path()))?;
        write_atomically(self.record_path(), |file| file.write_all(&text))
    }

    /// Give the complete file its final name.
    pub(super) fn finish(mut self, target: &Path) -> Result<()> {
        settle(&self.file, target, || fs::rename(&self.path, target)).map_err(Error::io("write", target))?;
        self.finished = true;
        self.remove_record()
    }

    /// Shorten the file to the recorded length, and continue to write from there.
    fn cut(&mut self) -> Result<()> {
        let cut = self.file.set_len(self.length).and_then(|()| self.file.seek(SeekFrom::Start(self.length)));
        cut.map(|_| ()).map_err(Error::io("write", &self.path))
    }

    fn record_path(&self) -> PathBuf {
        beside(&self.path, ".json")
    }

    fn remove_record(&self) -> Result<()> {
        match fs::remove_file(self.record_path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io("remove", self.record_path())(error))
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.finished && self.record.etag.is_none() {
            // Without a version, no later download can continue from this part.
            let _ = fs::remove_file(&self.path);
        }
        // Closing the file would not release the lock if a forked child has the file open too.
        let _ = FileExt::unlock(&self.file);
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Return false if another process or thread has the lock.
fn lock(file: &File) -> io::Result<bool> {
    match FileExt::try_lock(file) {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Return whether a path leads to this open file.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let place = |metadata: &fs::Metadata| (metadata.dev(), metadata.ino());
    matches!((file.metadata(), fs::metadata(path)), (Ok(one), Ok(other)) if place(&one) == place(&other))
}

/// Return whether a path leads to this open file.
#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> bool {
    path.is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nobody() -> Result<()> {
        panic!("nobody else has it")
    }

    const ETAG: &str = "\"1\"";

    fn files(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn only_recorded_bytes_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("file");
        let mut part = Part::claim(&target, &nobody).unwrap().unwrap();
        assert_eq!((part.length(), part.rest()), (0, None));
        part.begin(Some(ETAG.into()), Some(9)).unwrap();
        part.append(b"abcd").unwrap();
        part.keep().unwrap();
        // After a power cut these bytes may be missing on the disk.
        part.append(b"????").unwrap();
        drop(part);
        let mut part = Part::claim(&target, &nobody).unwrap().unwrap();
        assert_eq!((part.length(), part.total(), part.rest()), (4, Some(9), Some((4, ETAG.into()))));
        part.append(b"efghi").unwrap();
        assert!(part.is_complete());
        part.finish(&target).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"abcdefghi");
        assert_eq!(files(folder.path()), ["file"]);
        assert!(Part::claim(&target, &nobody).unwrap().is_none());
        assert_eq!(files(folder.path()), ["file"]);
    }

    #[test]
    fn parts_without_a_valid_record_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("file");
        let mut part = Part::claim(&target, &nobody).unwrap().unwrap();
        part.begin(None, Some(9)).unwrap();
        part.append(b"abcd").unwrap();
        part.keep().unwrap();
        assert_eq!(part.rest(), None);
        drop(part);
        assert!(files(folder.path()).is_empty());
        // A record of more bytes than the part has, an invalid record, and a record without a version.
        for record in [r#"{"etag":"\"1\"","total":9,"length":4}"#, "{", r#"{"etag":null,"total":9,"length":0}"#] {
            fs::write(folder.path().join("file.part"), "abc").unwrap();
            fs::write(folder.path().join("file.part.json"), record).unwrap();
            let part = Part::claim(&target, &nobody).unwrap().unwrap();
            assert_eq!((part.length(), part.rest()), (0, None));
            drop(part);
            assert!(files(folder.path()).is_empty(), "{record}");
        }
    }

    #[test]
    fn long_downloads_record_their_progress() {
        let folder = tempfile::tempdir().unwrap();
        let mut part = Part::claim(&folder.path().join("file"), &nobody).unwrap().unwrap();
        part.begin(Some(ETAG.into()), None).unwrap();
        let bytes = vec![7; 1 << 20];
        for _ in 0..KEPT_EVERY >> 20 {
            assert!(!part.record_path().exists());
            part.append(&bytes).unwrap();
        }
        let text = fs::read_to_string(part.record_path()).unwrap();
        assert!(text.contains(&format!("\"length\":{KEPT_EVERY}")), "{text}");
    }

    #[test]
    fn one_process_writes_and_the_others_wait() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("file");
        let held = std::cell::RefCell::new(Part::claim(&target, &nobody).unwrap());
        // If the holder of the lock fails, the next process gets the part.
        let next = Part::claim(&target, &|| {
            drop(held.take());
            Ok(())
        });
        // If the holder of the lock succeeds, the next process has nothing to do.
        held.replace(next.unwrap());
        let nothing = Part::claim(&target, &|| {
            held.take().map_or(Ok(()), |mut part| {
                part.begin(Some(ETAG.into()), Some(1))?;
                part.append(b"x")?;
                part.finish(&target)
            })
        });
        assert!(nothing.unwrap().is_none());
        assert_eq!(files(folder.path()), ["file"]);
        // A process that waits can be interrupted.
        let target = folder.path().join("other");
        let _held = Part::claim(&target, &nobody).unwrap();
        let stopped = Part::claim(&target, &|| Err(Error::input("it", "stopped")));
        assert!(matches!(stopped, Err(Error::Input { .. })));
    }
}
