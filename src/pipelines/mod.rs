//! Texts -> predictions. Only pipelines know both texts and models.
//!
//! The types of this module are oxbert's own pipelines, with the answers of transformers. The modules [`common`],
//! [`sentiment`], [`sequence_classification`], [`ner`], [`token_classification`], [`question_answering`],
//! [`zero_shot_classification`] and [`masked_language`] have the paths, names and signatures of `rust_bert::pipelines`, and
//! run these pipelines.

mod answers;
mod entities;
mod features;
mod fill_mask;
mod labelled_tokens;
mod predict;
mod questions;
mod replaced_tokens;
mod rust_bert;
mod sentences;
mod spans;
mod task;
mod text_classification;
mod windows;
mod zero_shot;

pub use answers::{Answer, QuestionAnsweringOptions};
pub use entities::{Aggregation, Entity};
pub use features::{FeatureExtraction, TokenPooling};
pub use fill_mask::{Candidate, FillMask, FillMaskOptions, MaskedToken, Target};
pub use labelled_tokens::{LabelledToken, TokenClassification, TokenClassificationOptions};
pub use questions::QuestionAnswering;
pub use replaced_tokens::{JudgedToken, JudgedWord, ReplacedTokenDetection};
pub use rust_bert::{
    common, masked_language, ner, question_answering, sentiment, sequence_classification, token_classification,
    zero_shot_classification,
};
pub use sentences::{SentenceEncoder, SentenceOptions};
pub use task::{BATCH_TOKENS, TextPipeline};
pub use text_classification::{ClassificationOptions, Label, ScoreFunction, TextClassification};
pub use zero_shot::{RankedLabels, ZeroShotClassification, ZeroShotOptions};
