//! Tell positive texts from negative ones.
//!
//! Source: rust_bert 0.23 `src/pipelines/sentiment.rs`.

use serde::{Deserialize, Serialize};

use super::common::{TokenizerOption, answered};
use super::sequence_classification::{SequenceClassificationConfig, SequenceClassificationModel};
use crate::error::{Error, Result};

/// The sentiment of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SentimentPolarity {
    /// The text is positive.
    Positive,
    /// The text is negative.
    Negative,
}

/// The sentiment of a text and its probability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sentiment {
    /// The sentiment.
    pub polarity: SentimentPolarity,
    /// Its probability.
    pub score: f64,
}

/// The files of a classifier with two labels, and how it runs.
pub type SentimentConfig = SequenceClassificationConfig;

/// Tell positive texts from negative ones, with a classifier that has a label for each.
#[derive(Debug, Clone)]
pub struct SentimentModel {
    model: SequenceClassificationModel,
    /// The id of the positive label.
    positive: i64,
}

impl SentimentModel {
    /// Load the model and its tokenizer.
    ///
    /// # Errors
    /// The errors of [`SequenceClassificationModel::new`]; [`Error::Config`] if the model has not two labels.
    pub fn new(sentiment_config: SentimentConfig) -> Result<Self> {
        Self::of(SequenceClassificationModel::new(sentiment_config)?)
    }

    /// Load the model, and take a tokenizer.
    ///
    /// # Errors
    /// The errors of [`SentimentModel::new`].
    pub fn new_with_tokenizer(sentiment_config: SentimentConfig, tokenizer: TokenizerOption) -> Result<Self> {
        Self::of(SequenceClassificationModel::new_with_tokenizer(sentiment_config, tokenizer)?)
    }

    fn of(model: SequenceClassificationModel) -> Result<Self> {
        let labels = model.labels();
        if labels.len() != 2 {
            let reason = format!("expected two labels, negative and positive, got {}", labels.join(", "));
            return Err(Error::config("id2label", reason));
        }
        let named = labels.iter().position(|label| label.to_lowercase().starts_with("pos"));
        Ok(Self { model, positive: named.unwrap_or(1) as i64 })
    }

    /// Return the tokenizer.
    #[must_use]
    pub fn get_tokenizer(&self) -> &TokenizerOption {
        self.model.get_tokenizer()
    }

    /// Return the sentiment of every text. The positive label is the one whose name begins with `pos`, whatever its case,
    /// or if there is none, the second. Texts with more tokens than the model has positions are shortened.
    ///
    /// # Panics
    /// If [`SentimentModel::try_predict`] returns an error.
    pub fn predict<'a, S>(&self, input: S) -> Vec<Sentiment>
    where
        S: AsRef<[&'a str]>,
    {
        answered(self.try_predict(input))
    }

    /// Return what [`SentimentModel::predict`] does, or the error.
    ///
    /// # Errors
    /// The errors of [`SequenceClassificationModel::try_predict`].
    pub fn try_predict<'a, S>(&self, input: S) -> Result<Vec<Sentiment>>
    where
        S: AsRef<[&'a str]>,
    {
        let polarity = |id| if id == self.positive { SentimentPolarity::Positive } else { SentimentPolarity::Negative };
        let labels = self.model.try_predict(input)?;
        Ok(labels.into_iter().map(|label| Sentiment { polarity: polarity(label.id), score: label.score }).collect())
    }
}
