//! Classify texts by labels that the caller names.
//!
//! Source: rust_bert 0.23 `src/pipelines/zero_shot_classification.rs`.

use tch::{Device, Kind};

use super::common::{Files, ModelResource, ModelType, TokenizerOption, configuration};
use super::sequence_classification::Label;
use crate::error::{Error, Result};
use crate::heads::SequenceClassificationHead;
use crate::pipelines::{TextClassification, ZeroShotClassification};
use crate::resources::ResourceProvider;
use crate::text::Truncation;

configuration! {
    /// The files of a classifier that was trained on natural language inference, and how it runs.
    ZeroShotClassificationConfig,
    extra {},
    arguments {}
}

/// Return the sentence that a text is to entail, for a label.
pub type ZeroShotTemplate = Box<dyn Fn(&str) -> String>;

/// Classify texts by any labels with a [`ZeroShotClassification`].
#[derive(Debug, Clone)]
pub struct ZeroShotClassificationModel {
    pipeline: ZeroShotClassification,
    tokenizer: TokenizerOption,
}

impl ZeroShotClassificationModel {
    /// Load the model and its tokenizer.
    ///
    /// # Errors
    /// The errors of [`ResourceProvider::get_local_path`], of reading a configuration, weights or a vocabulary, and of
    /// [`ZeroShotClassification::new`]; [`Error::Input`] if a field does not suit the family.
    pub fn new(config: ZeroShotClassificationConfig) -> Result<Self> {
        let tokenizer = config.files().tokenizer()?;
        Self::new_with_tokenizer(config, tokenizer)
    }

    /// Load the model, and take a tokenizer.
    ///
    /// # Errors
    /// The errors of [`ZeroShotClassificationModel::new`].
    #[expect(clippy::needless_pass_by_value, reason = "the signature is rust_bert's")]
    pub fn new_with_tokenizer(config: ZeroShotClassificationConfig, tokenizer: TokenizerOption) -> Result<Self> {
        let model = config.files().model::<SequenceClassificationHead, _>()?;
        let classifier = TextClassification::from_model(model, (*tokenizer).clone())?;
        Ok(Self { pipeline: ZeroShotClassification::new(classifier)?, tokenizer })
    }

    /// Return the tokenizer.
    #[must_use]
    pub fn get_tokenizer(&self) -> &TokenizerOption {
        &self.tokenizer
    }

    /// Return the likeliest label of every text, if exactly one is true. `id` is the label's index among the labels.
    ///
    /// `template` makes a sentence of a label, `This example is about {label}.` if it is `None`. A text is shortened so that
    /// it has at most `max_length` tokens together with the sentence.
    ///
    /// # Errors
    /// [`Error::Input`] if there is no text or no label; [`Error::Tokenizer`] or [`Error::Input`] if `max_length`, or the
    /// positions of the model, have no room for a sentence.
    #[expect(clippy::needless_pass_by_value, reason = "the signature is rust_bert's")]
    pub fn predict<'a, S, T>(
        &self,
        inputs: S,
        labels: T,
        template: Option<ZeroShotTemplate>,
        max_length: usize,
    ) -> Result<Vec<Label>>
    where
        S: AsRef<[&'a str]>,
        T: AsRef<[&'a str]>,
    {
        let best = |labels: Vec<Label>| {
            // The first of several with the highest score.
            labels.into_iter().reduce(|best, label| if label.score > best.score { label } else { best })
        };
        let scored = self.scored(inputs.as_ref(), labels.as_ref(), template.as_ref(), (false, max_length))?;
        Ok(scored.into_iter().filter_map(best).collect())
    }

    /// Return the probability of each label for every text, in the order of the labels, if any number of them may be true.
    /// The arguments are those of [`ZeroShotClassificationModel::predict`].
    ///
    /// # Errors
    /// Those of [`ZeroShotClassificationModel::predict`].
    #[expect(clippy::needless_pass_by_value, reason = "the signature is rust_bert's")]
    pub fn predict_multilabel<'a, S, T>(
        &self,
        inputs: S,
        labels: T,
        template: Option<ZeroShotTemplate>,
        max_length: usize,
    ) -> Result<Vec<Vec<Label>>>
    where
        S: AsRef<[&'a str]>,
        T: AsRef<[&'a str]>,
    {
        self.scored(inputs.as_ref(), labels.as_ref(), template.as_ref(), (true, max_length))
    }

    /// Return every label of every text.
    fn scored(
        &self,
        texts: &[&str],
        labels: &[&str],
        template: Option<&ZeroShotTemplate>,
        (multi_label, max_length): (bool, usize),
    ) -> Result<Vec<Vec<Label>>> {
        if labels.is_empty() {
            return Err(Error::input("labels", "expected at least one label, got none"));
        }
        let sentence = |label: &&str| match template {
            Some(template) => template(label),
            None => format!("This example is about {label}."),
        };
        let sentences: Vec<String> = labels.iter().map(sentence).collect();
        let scores = self.pipeline.entailment(texts, &sentences, multi_label, (Truncation::OnlyFirst, max_length))?;
        let label = |sentence: usize, id: usize, score: f64| Label {
            text: labels[id].to_string(),
            score,
            id: id as i64,
            sentence,
        };
        let of_text = |(sentence, scores): (usize, Vec<f64>)| {
            scores.into_iter().enumerate().map(|(id, score)| label(sentence, id, score)).collect()
        };
        Ok(scores.into_iter().enumerate().map(of_text).collect())
    }
}
