//! Texts -> predictions. Only pipelines know both texts and models.

mod features;
mod fill_mask;
mod predict;
mod replaced_tokens;
mod sentences;
mod spans;
mod task;
mod text_classification;
mod zero_shot;

pub use features::{FeatureExtraction, TokenPooling};
pub use fill_mask::{Candidate, FillMask, FillMaskOptions, MaskedToken, Target};
pub use replaced_tokens::{JudgedToken, JudgedWord, ReplacedTokenDetection};
pub use sentences::{SentenceEncoder, SentenceOptions};
pub use task::{BATCH_TOKENS, TextPipeline};
pub use text_classification::{ClassificationOptions, Label, ScoreFunction, TextClassification};
pub use zero_shot::{RankedLabels, ZeroShotClassification, ZeroShotOptions};
