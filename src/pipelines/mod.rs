//! Texts -> predictions. Only pipelines know both texts and models.

mod answers;
mod entities;
mod features;
mod fill_mask;
mod predict;
mod question_answering;
mod replaced_tokens;
mod sentences;
mod spans;
mod task;
mod text_classification;
mod token_classification;
mod windows;
mod zero_shot;

pub use answers::{Answer, QuestionAnsweringOptions};
pub use entities::{Aggregation, Entity};
pub use features::{FeatureExtraction, TokenPooling};
pub use fill_mask::{Candidate, FillMask, FillMaskOptions, MaskedToken, Target};
pub use question_answering::QuestionAnswering;
pub use replaced_tokens::{JudgedToken, JudgedWord, ReplacedTokenDetection};
pub use sentences::{SentenceEncoder, SentenceOptions};
pub use task::{BATCH_TOKENS, TextPipeline};
pub use text_classification::{ClassificationOptions, Label, ScoreFunction, TextClassification};
pub use token_classification::{LabelledToken, TokenClassification, TokenClassificationOptions};
pub use zero_shot::{RankedLabels, ZeroShotClassification, ZeroShotOptions};
