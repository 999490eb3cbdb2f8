//! Say where to get a model if its folder is missing.

use std::path::Path;

/// Check that the folder of a model exists.
///
/// # Errors
/// If it does not exist, with where to get one.
pub fn check(folder: &Path) -> Result<(), String> {
    if folder.is_dir() {
        return Ok(());
    }
    Err(format!(
        "there is no model folder {}: pass --model FOLDER; the bundled models, which the packaged crate lacks, are in \
         python/oxbert/bundled of the repository and in the Python package oxbert",
        folder.display()
    ))
}
