//! One file of a checkpoint, mapped into memory.

use std::fs::File;
use std::ops::Range;
use std::path::Path;

use memmap2::Mmap;

use crate::checksum::FETCH_AGAIN;
use crate::error::{Error, Result};
use crate::files::irregular;

/// A mapped file, which must not be changed in place while it is open.
pub(super) struct Part {
    map: Mmap,
}

impl Part {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let refuse = |reason: String| Error::WeightsFormat { path: path.to_path_buf(), reason };
        // This check comes before opening, since opening a pipe waits for its writer.
        let kind = std::fs::metadata(path).map_err(Error::io("open", path))?;
        if let Some(reason) = irregular(&kind) {
            return Err(refuse(reason.into()));
        }
        let file = File::open(path).map_err(Error::io("open", path))?;
        if file.metadata().map_err(Error::io("open", path))?.len() == 0 {
            return Err(refuse(format!("the file is empty; {FETCH_AGAIN}")));
        }
        // SAFETY: the map is private to `Part` and read-only. No reader that maps files can prevent another process
        // from changing or shortening the file; `WeightFile` documents this condition, and oxbert's writers never
        // change a file in place.
        let map = unsafe { Mmap::map(&file) }.map_err(Error::io("map", path))?;
        Ok(Self { map })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// Release the memory of bytes that have been copied; the next access reads them again. Without this a checkpoint
    /// would be in memory twice at the end of loading.
    pub(super) fn release(&self, bytes: Range<usize>) {
        #[cfg(unix)]
        {
            let length = bytes.len();
            // SAFETY: the map is of a file and read-only, so the next access reads the same pages from the file. A
            // failure, for a range outside the map, has no consequence.
            let _ = unsafe { self.map.unchecked_advise_range(memmap2::UncheckedAdvice::DontNeed, bytes.start, length) };
        }
        #[cfg(not(unix))]
        let _ = bytes;
    }
}
