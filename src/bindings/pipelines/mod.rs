//! Pipelines in Python: one file for each task, and what they share.
//!
//! `source` finds the model and the tokenizer that a pipeline is built of, `loaded` makes a pipeline of a model that is
//! loaded already, and `base` has the class that all pipelines extend. `oxbert.pipelines` gives them their public form.

pub(super) mod base;
pub(super) mod features;
pub(super) mod fill_mask;
mod loaded;
pub(super) mod question_answering;
pub(super) mod replaced_tokens;
pub(super) mod sentences;
mod source;
pub(super) mod text_classification;
pub(super) mod token_classification;
pub(super) mod zero_shot;
