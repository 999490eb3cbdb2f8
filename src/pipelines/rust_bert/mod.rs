//! The paths, names and signatures of `rust_bert::pipelines` for ELECTRA and `DistilBERT`, over the pipelines of this crate.
//!
//! A configuration names the files of a model; a model loads them and answers texts. What is answered is decided by the
//! pipelines: nothing here runs a model. `docs/deviations.md` lists where the answers differ from rust_bert's.

pub mod common;
pub mod masked_language;
pub mod ner;
pub mod question_answering;
pub mod sentiment;
pub mod sequence_classification;
pub mod token_classification;
pub mod zero_shot_classification;
