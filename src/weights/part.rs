//! One file of a checkpoint, mapped into memory.

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use memmap2::Mmap;

use crate::error::{Error, Result};

/// A mapped file, which must not be changed in place while it is open.
pub(super) struct Part {
    map: Mmap,
}

impl Part {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let refuse = |reason: &str| Error::WeightsFormat { path: path.to_path_buf(), reason: reason.into() };
        // Before opening, since opening a pipe waits for its writer.
        let kind = std::fs::metadata(path).map_err(Error::io("open", path))?;
        if !kind.is_file() {
            return Err(refuse(if kind.is_dir() { "it is a folder" } else { "it is no regular file" }));
        }
        let file = File::open(path).map_err(Error::io("open", path))?;
        if file.metadata().map_err(Error::io("open", path))?.len() == 0 {
            return Err(refuse("it is empty"));
        }
        // SAFETY: the map is private to `Part` and read only. No reader that maps files can prevent that another
        // process changes or shortens the file; `WeightFile` documents this condition, and our own writers never change
        // a file in place.
        let map = unsafe { Mmap::map(&file) }.map_err(Error::io("map", path))?;
        Ok(Self { map })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// Release the memory of bytes that have been copied; the next access reads them again. Otherwise a checkpoint
    /// would be in memory twice at the end of loading.
    pub(super) fn release(&self, bytes: Range<usize>) {
        #[cfg(unix)]
        {
            let length = bytes.len();
            // SAFETY: the map is of a file and read only, so that its pages come back from the file as they were. A
            // failure, for a range outside the map, has no consequence.
            let _ = unsafe { self.map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, bytes.start, length) };
        }
        #[cfg(not(unix))]
        let _ = bytes;
    }
}
