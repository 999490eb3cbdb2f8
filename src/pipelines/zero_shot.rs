//! Classify texts by labels that the caller names.

use std::path::Path;

use serde::Serialize;
use tch::Device;

use super::task::text_pipeline;
use super::text_classification::{ScoreFunction, TextClassification};
use crate::error::{Error, Result, excerpt};
use crate::pretrained::FrozenOptions;
use crate::text::Truncation;

/// The answers that [`ZeroShotClassification::predict`] returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZeroShotOptions<'a> {
    /// The sentence that a text is to entail, with `{}` in place of the label.
    pub template: &'a str,
    /// Whether several labels may be true of a text. Scores then do not sum to 1.
    pub multi_label: bool,
    /// Whether to shorten a text with more tokens than the model has positions. It is an error otherwise.
    pub truncate: bool,
}

impl Default for ZeroShotOptions<'_> {
    fn default() -> Self {
        Self { template: "This example is {}.", multi_label: false, truncate: false }
    }
}

/// The labels of a text by falling score.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RankedLabels {
    /// The text.
    pub sequence: String,
    /// The labels.
    pub labels: Vec<String>,
    /// The probability of each label.
    pub scores: Vec<f64>,
}

/// Classify texts by any labels, with a classifier that was trained on natural language inference: a label's score says
/// how likely the text entails a sentence about the label.
#[derive(Debug, Clone)]
pub struct ZeroShotClassification {
    classifier: TextClassification,
    entailment: usize,
}

text_pipeline!(ZeroShotClassification, classifier.0);

impl ZeroShotClassification {
    /// Load the pipeline in any precision from a folder with a configuration, weights and a vocabulary.
    ///
    /// # Errors
    /// The errors of [`TextClassification::from_folder_with`] and [`ZeroShotClassification::new`].
    pub fn from_folder_with(
        folder: impl AsRef<Path>,
        device: Device,
        options: impl Into<FrozenOptions>,
    ) -> Result<Self> {
        Self::new(TextClassification::from_folder_with(folder, device, options)?)
    }

    /// Build the pipeline from a classifier with a label whose name begins with `entail`.
    ///
    /// # Errors
    /// [`Error::Config`] if there is no such label, or no other.
    pub fn new(classifier: TextClassification) -> Result<Self> {
        let labels = classifier.labels();
        let entailment = labels.iter().position(|label| label.to_lowercase().starts_with("entail"));
        match entailment {
            Some(entailment) if labels.len() > 1 => Ok(Self { classifier, entailment }),
            _ => {
                let expected = "expected the labels of natural language inference, one of them entailment";
                Err(Error::config("label2id", format!("{expected}, got {}", labels.join(", "))))
            }
        }
    }

    /// Return the labels of every text by falling score.
    ///
    /// # Errors
    /// [`Error::Input`] if there is no text or no label, or the template has no `{}`; [`Error::TooLong`] if a text has more
    /// tokens than the model has positions and is not to be truncated.
    ///
    /// Source: transformers v5.24 `pipelines/zero_shot_classification.py`, `ZeroShotClassificationPipeline`.
    pub fn predict(&self, texts: &[&str], labels: &[&str], options: &ZeroShotOptions) -> Result<Vec<RankedLabels>> {
        if labels.is_empty() {
            return Err(Error::input("candidate_labels", "expected at least one label, got none"));
        }
        if !options.template.contains("{}") {
            let reason = format!("expected {{}} in place of the label, got {}", excerpt(options.template));
            return Err(Error::input("hypothesis_template", reason));
        }
        let hypotheses: Vec<String> = labels.iter().map(|label| options.template.replace("{}", label)).collect();
        let truncation = if options.truncate { Truncation::OnlyFirst } else { Truncation::None };
        let scores = self.entailment(texts, &hypotheses, options.multi_label, (truncation, usize::MAX))?;
        let rank = |(text, scores): (&&str, Vec<f64>)| {
            let mut order: Vec<usize> = (0..labels.len()).collect();
            // transformers sorts by rising score and reverses.
            order.sort_by(|&one, &other| scores[one].total_cmp(&scores[other]));
            order.reverse();
            RankedLabels {
                sequence: (*text).to_string(),
                labels: order.iter().map(|&place| labels[place].to_string()).collect(),
                scores: order.iter().map(|&place| scores[place]).collect(),
            }
        };
        Ok(texts.iter().zip(scores).map(rank).collect())
    }

    /// Return for every text the probability of each hypothesis, in the order of the hypotheses. A text is shortened as the
    /// truncation says, so that the row has at most so many tokens.
    ///
    /// # Errors
    /// Those of [`ZeroShotClassification::predict`].
    pub(super) fn entailment(
        &self,
        texts: &[&str],
        hypotheses: &[String],
        multi_label: bool,
        (truncation, length): (Truncation, usize),
    ) -> Result<Vec<Vec<f64>>> {
        let pairs: Vec<(&str, &str)> = texts
            .iter()
            .flat_map(|&text| hypotheses.iter().map(move |hypothesis| (text, hypothesis.as_str())))
            .collect();
        let logits = self.classifier.logits_within(&pairs, truncation, length).map_err(|error| match error {
            // A text has a row for each hypothesis.
            Error::TooLong { what, row, length, maximum } => {
                Error::TooLong { what, row: row / hypotheses.len(), length, maximum }
            }
            other => other,
        })?;
        Ok(logits.chunks(hypotheses.len()).map(|logits| self.scores(logits, multi_label)).collect())
    }

    /// Return the probability of each label of a text from the logits of its pairs.
    fn scores(&self, logits: &[Vec<f64>], multi_label: bool) -> Vec<f64> {
        let entailed = |row: &Vec<f64>| row[self.entailment];
        if !multi_label && logits.len() > 1 {
            return ScoreFunction::Softmax.apply(&logits.iter().map(entailed).collect::<Vec<_>>());
        }
        // Entailment against contradiction, which is the first or the last label.
        let against = |row: &Vec<f64>| if self.entailment == 0 { row[row.len() - 1] } else { row[0] };
        logits.iter().map(|row| ScoreFunction::Softmax.apply(&[against(row), entailed(row)])[1]).collect()
    }
}
