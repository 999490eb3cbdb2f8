//! Classify texts.
//!
//! Source: rust_bert 0.23 `src/pipelines/sequence_classification.rs`.

use serde::{Deserialize, Serialize};
use tch::{Device, Kind};

use super::common::{Files, ModelResource, ModelType, TokenizerOption, answered, configuration};
use crate::error::Result;
use crate::heads::SequenceClassificationHead;
use crate::pipelines::{self, ClassificationOptions, ScoreFunction, TextClassification};
use crate::resources::ResourceProvider;
use crate::text::Truncation;

/// A label of a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Label {
    /// The name of the label.
    pub text: String,
    /// The label's probability.
    pub score: f64,
    /// The id of the label.
    pub id: i64,
    /// The index of the text among those of the call.
    #[serde(default)]
    pub sentence: usize,
}

configuration! {
    /// The files of a text classifier, and how it runs.
    SequenceClassificationConfig,
    extra {},
    arguments {}
}

#[cfg(feature = "remote")]
impl Default for SequenceClassificationConfig {
    /// Name the files of `distilbert-base-uncased-finetuned-sst-2-english`, which are downloaded when they are first used.
    fn default() -> Self {
        use crate::resources::{
            DistilBertConfigResources, DistilBertModelResources, DistilBertVocabResources, RemoteResource,
        };
        let weights = RemoteResource::from_pretrained(DistilBertModelResources::DISTIL_BERT_SST2);
        Self::new(
            ModelType::DistilBert,
            ModelResource::Torch(Box::new(weights)),
            RemoteResource::from_pretrained(DistilBertConfigResources::DISTIL_BERT_SST2),
            RemoteResource::from_pretrained(DistilBertVocabResources::DISTIL_BERT_SST2),
            None,
            true,
            None,
            None,
        )
    }
}

/// Classify texts with a [`TextClassification`].
#[derive(Debug, Clone)]
pub struct SequenceClassificationModel {
    pipeline: TextClassification,
    tokenizer: TokenizerOption,
}

impl SequenceClassificationModel {
    /// Load the model and its tokenizer.
    ///
    /// # Errors
    /// The errors of [`ResourceProvider::get_local_path`], of reading a configuration, weights or a vocabulary, and of
    /// [`TextClassification::from_model`]; [`Error::Input`](crate::Error::Input) if a field does not suit the family.
    pub fn new(config: SequenceClassificationConfig) -> Result<Self> {
        let tokenizer = config.files().tokenizer()?;
        Self::new_with_tokenizer(config, tokenizer)
    }

    /// Load the model, and take a tokenizer.
    ///
    /// # Errors
    /// The errors of [`SequenceClassificationModel::new`].
    #[expect(clippy::needless_pass_by_value, reason = "the signature is rust_bert's")]
    pub fn new_with_tokenizer(config: SequenceClassificationConfig, tokenizer: TokenizerOption) -> Result<Self> {
        let model = config.files().model::<SequenceClassificationHead, _>()?;
        Ok(Self { pipeline: TextClassification::from_model(model, (*tokenizer).clone())?, tokenizer })
    }

    /// Return the tokenizer.
    #[must_use]
    pub fn get_tokenizer(&self) -> &TokenizerOption {
        &self.tokenizer
    }

    /// Return the names of the labels, in the order of their ids.
    pub(super) fn labels(&self) -> Vec<String> {
        self.pipeline.labels()
    }

    /// Return the likeliest label of every text, with its softmax over the labels, or the sigmoid of the only label. Texts
    /// with more tokens than the model has positions are shortened.
    ///
    /// # Panics
    /// If [`SequenceClassificationModel::try_predict`] returns an error.
    pub fn predict<'a, S>(&self, input: S) -> Vec<Label>
    where
        S: AsRef<[&'a str]>,
    {
        answered(self.try_predict(input))
    }

    /// Return what [`SequenceClassificationModel::predict`] does, or the error.
    ///
    /// # Errors
    /// [`Error::Torch`](crate::Error::Torch) or [`Error::Memory`](crate::Error::Memory) if there is no memory; the errors of
    /// a check that [`crate::interrupt::watch`] installed.
    pub fn try_predict<'a, S>(&self, input: S) -> Result<Vec<Label>>
    where
        S: AsRef<[&'a str]>,
    {
        let function = Some(ScoreFunction::of(None, self.pipeline.labels().len()));
        let labels = self.labels_of(input.as_ref(), Some(1), function)?;
        Ok(labels.into_iter().flatten().collect())
    }

    /// Return for every text the labels whose probability, each a sigmoid, is at least `threshold`, in the order of their
    /// ids. Texts with more tokens than the model has positions are shortened.
    ///
    /// # Errors
    /// The errors of [`SequenceClassificationModel::try_predict`].
    pub fn predict_multilabel(&self, input: &[&str], threshold: f64) -> Result<Vec<Vec<Label>>> {
        let mut labels = self.labels_of(input, None, Some(ScoreFunction::Sigmoid))?;
        for labels in &mut labels {
            labels.retain(|label| label.score >= threshold);
            labels.sort_by_key(|label| label.id);
        }
        Ok(labels)
    }

    /// Return the best labels of every text.
    fn labels_of(
        &self,
        texts: &[&str],
        top_k: Option<usize>,
        function: Option<ScoreFunction>,
    ) -> Result<Vec<Vec<Label>>> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let options = ClassificationOptions { top_k, function, truncation: Truncation::LongestFirst };
        let renamed = |(sentence, labels): (usize, Vec<pipelines::Label>)| {
            let rename = |label: pipelines::Label| {
                let pipelines::Label { label: text, score, id } = label;
                Label { text, score, id: id as i64, sentence }
            };
            labels.into_iter().map(rename).collect()
        };
        Ok(self.pipeline.predict(texts, &options)?.into_iter().enumerate().map(renamed).collect())
    }
}
