//! Classify texts and pairs of texts.

use std::path::Path;

use serde::Serialize;
use tch::Device;

use super::task::{TextModel, Work, numbers, text_pipeline};
use crate::any_model::{Run, frozen_classifier};
use crate::config::ProblemType;
use crate::error::{Error, Result};
use crate::inputs::Inputs;
use crate::nn::ForwardOptions;
use crate::outputs::SequenceClassificationOutput;
use crate::pretrained::FrozenOptions;
use crate::text::{ElectraTokenizer, Encoding, TextRow, Truncation};
use crate::weights::Strictness;

/// The function that turns the logits of a text into scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScoreFunction {
    /// The logits themselves.
    None,
    /// A probability for each label by itself.
    Sigmoid,
    /// Probabilities that sum to 1 over the labels.
    Softmax,
}

impl ScoreFunction {
    /// Every name that [`ScoreFunction::from_name`] understands.
    pub const NAMES: &'static [&'static str] = &["none", "sigmoid", "softmax"];

    /// Return the function of a name; None for an unknown name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let place = Self::NAMES.iter().position(|known| known.eq_ignore_ascii_case(name))?;
        [Self::None, Self::Sigmoid, Self::Softmax].get(place).copied()
    }

    /// Return the function that transformers applies for a classifier with `labels` labels: none for regression, the
    /// sigmoid for several labels that are true or false or for a single label, otherwise the softmax.
    ///
    /// Source: transformers v5.24 `pipelines/text_classification.py`, `TextClassificationPipeline.postprocess`.
    #[must_use]
    pub fn of(problem: Option<ProblemType>, labels: usize) -> Self {
        match problem {
            Some(ProblemType::Regression) => Self::None,
            Some(ProblemType::MultiLabel) => Self::Sigmoid,
            _ if labels == 1 => Self::Sigmoid,
            _ => Self::Softmax,
        }
    }

    /// Return the scores of the logits of a text.
    #[must_use]
    pub fn apply(self, logits: &[f64]) -> Vec<f64> {
        match self {
            Self::None => logits.to_vec(),
            Self::Sigmoid => logits.iter().map(|logit| 1.0 / (1.0 + (-logit).exp())).collect(),
            Self::Softmax => {
                let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let powers: Vec<f64> = logits.iter().map(|logit| (logit - largest).exp()).collect();
                let sum: f64 = powers.iter().sum();
                powers.into_iter().map(|power| power / sum).collect()
            }
        }
    }
}

/// The answers that [`TextClassification::predict`] returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassificationOptions {
    /// The largest number of labels per text; None means all.
    pub top_k: Option<usize>,
    /// The function that turns logits into scores; None means [`ScoreFunction::of`] the configuration.
    pub function: Option<ScoreFunction>,
    /// How to shorten a text with more tokens than the model has positions. Without a truncation it is an error.
    pub truncation: Truncation,
}

impl Default for ClassificationOptions {
    fn default() -> Self {
        Self { top_k: Some(1), function: None, truncation: Truncation::None }
    }
}

/// A label and its score.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Label {
    /// The name of the label in the configuration's `id2label`.
    pub label: String,
    /// The score; a probability unless the function is [`ScoreFunction::None`].
    pub score: f64,
    /// The id of the label.
    #[serde(skip)]
    pub id: usize,
}

/// Classify texts, or pairs of texts, with a classifier of either family. Threads can share a pipeline, and a clone shares
/// the model.
#[derive(Debug, Clone)]
pub struct TextClassification(pub(super) TextModel<dyn Run<SequenceClassificationOutput> + Sync>);

text_pipeline!(TextClassification, 0);

impl TextClassification {
    /// Load the pipeline in float32 from a folder with a configuration, weights and a vocabulary.
    ///
    /// # Errors
    /// The errors of [`TextClassification::from_folder_with`].
    pub fn from_folder(folder: impl AsRef<Path>, device: Device) -> Result<Self> {
        Self::from_folder_with(folder, device, FrozenOptions::default())
    }

    /// Load the pipeline in any precision from a folder with a configuration, weights and a vocabulary.
    ///
    /// # Errors
    /// The errors of [`frozen_classifier`], [`ElectraTokenizer::from_pretrained`] and [`TextClassification::from_model`].
    pub fn from_folder_with(
        folder: impl AsRef<Path>,
        device: Device,
        options: impl Into<FrozenOptions>,
    ) -> Result<Self> {
        let model = frozen_classifier(&folder, device, Strictness::default(), options)?;
        Self::from_model(model, ElectraTokenizer::from_pretrained(folder)?)
    }

    /// Build the pipeline from a classifier and a tokenizer.
    ///
    /// # Errors
    /// [`Error::UntrainedHead`] if the model's head was not loaded; [`Error::Input`] if the vocabulary is larger than the
    /// model's.
    pub fn from_model(
        model: Box<dyn Run<SequenceClassificationOutput> + Sync>,
        tokenizer: ElectraTokenizer,
    ) -> Result<Self> {
        TextModel::new("text-classification", model, tokenizer).map(Self)
    }

    /// Return the names of the labels, in the order of their ids.
    #[must_use]
    pub fn labels(&self) -> Vec<String> {
        self.0.model.config().shared().labels.names().to_vec()
    }

    /// Return the labels of every text, or pair of texts, by falling score.
    ///
    /// # Errors
    /// [`Error::Input`] if there is no text or `top_k` is 0; [`Error::TooLong`] if a text has more tokens than the model
    /// has positions and is not to be truncated; [`Error::Tokenizer`] if a pair cannot be truncated.
    pub fn predict<Row: TextRow>(&self, texts: &[Row], options: &ClassificationOptions) -> Result<Vec<Vec<Label>>> {
        if options.top_k == Some(0) {
            return Err(Error::input("top_k", "expected at least 1, got 0"));
        }
        let config = self.0.model.config();
        let shared = config.shared();
        let names = shared.labels.names();
        let function = options.function.unwrap_or_else(|| ScoreFunction::of(shared.problem_type, names.len()));
        let label = |logits: Vec<f64>| {
            let scores = function.apply(&logits).into_iter().enumerate();
            let mut labels: Vec<Label> =
                scores.zip(names).map(|((id, score), name)| Label { label: name.clone(), score, id }).collect();
            // Equal scores stay in the order of their ids.
            labels.sort_by(|one, other| other.score.total_cmp(&one.score));
            labels.truncate(options.top_k.unwrap_or(usize::MAX));
            labels
        };
        Ok(self.logits(texts, options.truncation)?.into_iter().map(label).collect())
    }

    /// Return the logits of every text, or pair of texts, one for each label.
    ///
    /// # Errors
    /// The errors of [`TextClassification::predict`].
    pub fn logits<Row: TextRow>(&self, texts: &[Row], truncation: Truncation) -> Result<Vec<Vec<f64>>> {
        self.logits_within(texts, truncation, usize::MAX)
    }

    /// Return the logits of every text, or pair of texts, shortened to at most `length` tokens if there is a truncation.
    pub(super) fn logits_within<Row: TextRow>(
        &self,
        texts: &[Row],
        truncation: Truncation,
        length: usize,
    ) -> Result<Vec<Vec<f64>>> {
        let encodings = self.0.encode_within(texts, truncation, length)?;
        let labels = self.0.model.config().shared().labels.len();
        self.0.answer(&encodings, &Logits { pipeline: self, labels })
    }
}

/// One call of the pipeline. The result of a text has a logit for each label.
struct Logits<'a> {
    pipeline: &'a TextClassification,
    labels: usize,
}

impl Work for Logits<'_> {
    type Answer = Vec<f64>;

    fn cost(&self, encoding: &Encoding) -> usize {
        encoding.len()
    }

    fn size(&self, _encoding: &Encoding) -> usize {
        self.labels
    }

    fn run(&self, _batch: &[&Encoding], inputs: &Inputs, results: &mut Vec<f64>) -> Result<()> {
        let output = self.pipeline.0.model.forward(inputs, ForwardOptions::default())?;
        results.extend(numbers(&output.logits)?);
        Ok(())
    }

    fn answer(&self, _encoding: &Encoding, result: &[f64]) -> Result<Vec<f64>> {
        Ok(result.to_vec())
    }
}
