//! Find the answer to a question in a text.
//!
//! Source: rust_bert 0.23 `src/pipelines/question_answering.rs`.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tch::{Device, Kind};

use super::common::{Files, ModelResource, ModelType, TokenizerOption, answered, configuration};
use crate::error::{Error, Result};
use crate::heads::QuestionAnsweringHead;
use crate::pipelines::{self, BATCH_TOKENS, QuestionAnswering, QuestionAnsweringOptions, TextPipeline};
use crate::resources::ResourceProvider;

/// A question and the text that may have its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QaInput {
    /// The question.
    pub question: String,
    /// The text.
    pub context: String,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The probability of the answer, given its window of the context.
    pub score: f64,
    /// The index of the answer's first character in the context.
    pub start: usize,
    /// One past the answer's last character in the context.
    pub end: usize,
    /// The characters of the context from `start` to `end`.
    pub answer: String,
}

configuration! {
    /// The files of a model for question answering, how it runs, and how long texts are cut. Lengths are in tokens.
    QuestionAnsweringConfig,
    extra {
        /// The longest row of a question and a window of its context.
        max_seq_length: usize = 384,
        /// The number of tokens that two successive windows of a context share.
        doc_stride: usize = 128,
        /// The longest question. The rest of a longer question is left out.
        max_query_length: usize = 64,
        /// The longest answer.
        max_answer_length: usize = 15,
    },
    arguments {}
}

impl QuestionAnsweringConfig {
    /// Name the files of a model as [`QuestionAnsweringConfig::new`] does, and set the lengths. `None` means the default.
    #[expect(clippy::too_many_arguments, reason = "the signature is rust_bert's")]
    pub fn custom_new<RC, RV>(
        model_type: ModelType,
        model_resource: ModelResource,
        config_resource: RC,
        vocab_resource: RV,
        merges_resource: Option<RV>,
        lower_case: bool,
        strip_accents: impl Into<Option<bool>>,
        add_prefix_space: impl Into<Option<bool>>,
        max_seq_length: impl Into<Option<usize>>,
        doc_stride: impl Into<Option<usize>>,
        max_query_length: impl Into<Option<usize>>,
        max_answer_length: impl Into<Option<usize>>,
    ) -> Self
    where
        RC: ResourceProvider + Send + 'static,
        RV: ResourceProvider + Send + 'static,
    {
        let files = Self::new(
            model_type,
            model_resource,
            config_resource,
            vocab_resource,
            merges_resource,
            lower_case,
            strip_accents,
            add_prefix_space,
        );
        Self {
            max_seq_length: max_seq_length.into().unwrap_or(files.max_seq_length),
            doc_stride: doc_stride.into().unwrap_or(files.doc_stride),
            max_query_length: max_query_length.into().unwrap_or(files.max_query_length),
            max_answer_length: max_answer_length.into().unwrap_or(files.max_answer_length),
            ..files
        }
    }
}

#[cfg(feature = "remote")]
impl Default for QuestionAnsweringConfig {
    /// Name the files of `distilbert-base-cased-distilled-squad`, which are downloaded when they are first used.
    fn default() -> Self {
        use crate::resources::{
            DistilBertConfigResources, DistilBertModelResources, DistilBertVocabResources, RemoteResource,
        };
        let weights = RemoteResource::from_pretrained(DistilBertModelResources::DISTIL_BERT_SQUAD);
        Self::new(
            ModelType::DistilBert,
            ModelResource::Torch(Box::new(weights)),
            RemoteResource::from_pretrained(DistilBertConfigResources::DISTIL_BERT_SQUAD),
            RemoteResource::from_pretrained(DistilBertVocabResources::DISTIL_BERT_SQUAD),
            None,
            false,
            None,
            None,
        )
    }
}

/// Answer questions about texts with a [`QuestionAnswering`].
#[derive(Debug, Clone)]
pub struct QuestionAnsweringModel {
    pipeline: QuestionAnswering,
    tokenizer: TokenizerOption,
    options: QuestionAnsweringOptions,
    max_seq_length: usize,
}

impl QuestionAnsweringModel {
    /// Load the model and its tokenizer.
    ///
    /// # Errors
    /// The errors of [`ResourceProvider::get_local_path`], of reading a configuration, weights or a vocabulary, and of
    /// [`QuestionAnswering::from_model`]; [`Error::Input`] if a field does not suit the family, `max_seq_length` is more than
    /// the model takes or has no room beside the longest question for `doc_stride` and a token, or another length is 0.
    pub fn new(question_answering_config: QuestionAnsweringConfig) -> Result<Self> {
        let tokenizer = question_answering_config.files().tokenizer()?;
        Self::new_with_tokenizer(question_answering_config, tokenizer)
    }

    /// Load the model, and take a tokenizer.
    ///
    /// # Errors
    /// The errors of [`QuestionAnsweringModel::new`].
    pub fn new_with_tokenizer(
        question_answering_config: QuestionAnsweringConfig,
        tokenizer: TokenizerOption,
    ) -> Result<Self> {
        let config = question_answering_config;
        let QuestionAnsweringConfig { max_seq_length, doc_stride, max_query_length, max_answer_length, .. } = config;
        for (name, value) in [("max_query_length", max_query_length), ("max_answer_length", max_answer_length)] {
            if value == 0 {
                return Err(Error::input(name, "expected at least 1, got 0"));
            }
        }
        // So that no question and no context has too little room.
        let added = tokenizer.num_special_tokens_to_add(true);
        let least = [doc_stride, added, 1].iter().fold(max_query_length, |sum, one| sum.saturating_add(*one));
        if max_seq_length < least {
            let needed = format!(
                "{max_query_length} tokens of a question, {doc_stride} of doc_stride, {added} special tokens and a new token"
            );
            let reason = format!("expected at least {least} for {needed}, got {max_seq_length}");
            return Err(Error::input("max_seq_length", reason));
        }
        let pipeline =
            QuestionAnswering::from_model(config.files().model::<QuestionAnsweringHead, _>()?, (*tokenizer).clone())?;
        let longest = pipeline.longest_row();
        if max_seq_length > longest {
            let reason = format!(
                "expected at most the {longest} tokens that the model takes, got {max_seq_length}; \
                 QuestionAnsweringConfig::custom_new sets it"
            );
            return Err(Error::input("max_seq_length", reason));
        }
        let options = QuestionAnsweringOptions {
            max_seq_len: Some(max_seq_length),
            doc_stride: Some(doc_stride),
            max_question_len: max_query_length,
            max_answer_len: max_answer_length,
            ..QuestionAnsweringOptions::default()
        };
        Ok(Self { pipeline, tokenizer, options, max_seq_length })
    }

    /// Return the tokenizer.
    #[must_use]
    pub fn get_tokenizer(&self) -> &TokenizerOption {
        &self.tokenizer
    }

    /// Return at most `top_k` answers to each question, the likeliest first, as [`QuestionAnswering::predict`] finds them. A
    /// context without a token has one answer, the empty one with the score 0.
    ///
    /// The model runs on as many windows at once as have the tokens of `batch_size` longest rows, or [`BATCH_TOKENS`] if
    /// that is less.
    ///
    /// # Panics
    /// If [`QuestionAnsweringModel::try_predict`] returns an error.
    #[must_use]
    pub fn predict(&self, qa_inputs: &[QaInput], top_k: i64, batch_size: usize) -> Vec<Vec<Answer>> {
        answered(self.try_predict(qa_inputs, top_k, batch_size))
    }

    /// Return what [`QuestionAnsweringModel::predict`] does, or the error.
    ///
    /// # Errors
    /// [`Error::Torch`] or [`Error::Memory`] if there is no memory; the errors of a check that [`crate::interrupt::watch`]
    /// installed.
    pub fn try_predict(&self, qa_inputs: &[QaInput], top_k: i64, batch_size: usize) -> Result<Vec<Vec<Answer>>> {
        let top_k = usize::try_from(top_k).unwrap_or(0);
        if qa_inputs.is_empty() || top_k == 0 {
            return Ok(vec![Vec::new(); qa_inputs.len()]);
        }
        let questions: Vec<(&str, &str)> =
            qa_inputs.iter().map(|QaInput { question, context }| (filled(question), filled(context))).collect();
        let tokens = batch_size.saturating_mul(self.max_seq_length).min(BATCH_TOKENS);
        let options = QuestionAnsweringOptions { top_k, ..self.options.clone() };
        let answers = self.pipeline.clone().with_batch_tokens(tokens).predict(&questions, &options)?;
        let rename = |answer: pipelines::Answer| {
            let pipelines::Answer { score, begin: start, end, answer } = answer;
            Answer { score, start, end, answer }
        };
        Ok(answers.into_iter().map(|answers| answers.into_iter().map(rename).collect()).collect())
    }
}

/// Return a text, or a space for the empty one: the pipeline refuses an empty text, and a space has no tokens either.
fn filled(text: &str) -> &str {
    if text.is_empty() { " " } else { text }
}

/// Read the questions of a file of `SQuAD`, of version 1.1 or 2.0, each with its context.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read; [`Error::Config`] if it is not JSON or lacks a key.
pub fn squad_processor(file_path: impl AsRef<Path>) -> Result<Vec<QaInput>> {
    let path = file_path.as_ref();
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    read_squad(&bytes).map_err(|error| error.in_file(path))
}

fn read_squad(bytes: &[u8]) -> Result<Vec<QaInput>> {
    fn list<'a>(value: &'a Value, key: &'static str) -> Result<&'a Vec<Value>> {
        value[key].as_array().ok_or_else(|| Error::config(key, "expected a list, as in a file of SQuAD"))
    }
    fn text(value: &Value, key: &'static str) -> Result<String> {
        let found = value[key].as_str().ok_or_else(|| Error::config(key, "expected a text, as in a file of SQuAD"))?;
        Ok(found.to_string())
    }
    let file: Value = serde_json::from_slice(bytes).map_err(|error| Error::config("JSON", error.to_string()))?;
    let mut inputs = Vec::new();
    for article in list(&file, "data")? {
        for paragraph in list(article, "paragraphs")? {
            let context = text(paragraph, "context")?;
            for question in list(paragraph, "qas")? {
                inputs.push(QaInput { question: text(question, "question")?, context: context.clone() });
            }
        }
    }
    Ok(inputs)
}
