//! Texts -> predictions. Only pipelines know both texts and models.

mod fill_mask;
mod predict;
mod replaced_tokens;
mod task;

pub use fill_mask::{Candidate, FillMask, MaskedToken};
pub use replaced_tokens::{JudgedToken, ReplacedTokenDetection};
