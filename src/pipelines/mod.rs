//! Texts -> predictions. Only pipelines know both texts and models.

mod fill_mask;
mod predict;
mod replaced_tokens;
mod spans;
mod task;

pub use fill_mask::{Candidate, FillMask, FillMaskOptions, MaskedToken, Target};
pub use replaced_tokens::{JudgedToken, JudgedWord, ReplacedTokenDetection};
pub use task::{BATCH_TOKENS, TextPipeline};
