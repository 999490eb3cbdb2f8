//! A model of Python as a pipeline runs it.

use std::sync::Arc;

use tch::Tensor;

use crate::any_model::{AnyModel, Run, ScoreTokens};
use crate::bindings::models::held::Held;
use crate::bindings::models::outputs::Answer;
use crate::config::AnyConfig;
use crate::error::{Error, Result};
use crate::inputs::{Inputs, Limits, Task};
use crate::names::{DISTILBERT, ELECTRA, first_component};
use crate::nn::ForwardOptions;
use crate::outputs::{MaskedLMOutput, ModelOutput};
use crate::weights::LoadReport;

/// A model that Python has too: a pipeline sees every change of its parameters.
pub(super) struct Loaded {
    held: Arc<Held>,
    // What the model was when the pipeline was built.
    limits: Limits,
    config: AnyConfig,
    report: LoadReport,
    untrained: Vec<String>,
    precision: &'static str,
    is_encoder: bool,
}

impl std::fmt::Debug for Loaded {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Loaded").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Loaded {
    /// # Errors
    /// Those of the model's lock.
    pub(super) fn new(held: Arc<Held>) -> Result<Self> {
        let (limits, config, report, untrained, precision) = held.read(|model| {
            (model.limits(), model.config(), model.report().clone(), model.untrained().to_vec(), model.precision())
        })?;
        Ok(Self { held, limits, config, report, untrained, precision, is_encoder: false })
    }

    /// Return the model with its encoder alone: the head is not run, and need not have been trained.
    pub(super) fn encoder(mut self) -> Self {
        self.is_encoder = true;
        self.untrained.retain(|name| {
            let first = first_component(name);
            [ELECTRA, DISTILBERT, "embeddings", "embeddings_project", "encoder", "transformer"].contains(&first)
        });
        self
    }

    /// Return the limits of the model as it is now.
    pub(super) fn now(&self) -> Limits {
        // A lock that cannot be had is the error of the forward pass that follows.
        let mut limits = self.held.read(|model| model.limits()).unwrap_or(self.limits);
        if self.is_encoder {
            limits.task = Task::Encoding;
        }
        limits
    }
}

impl AnyModel for Loaded {
    fn limits(&self) -> Limits {
        self.now()
    }

    fn config(&self) -> AnyConfig {
        self.config.clone()
    }

    fn report(&self) -> &LoadReport {
        &self.report
    }

    fn untrained(&self) -> &[String] {
        &self.untrained
    }

    fn precision(&self) -> &'static str {
        self.precision
    }
}

impl<O: TryFrom<Answer, Error = Error>> Run<O> for Loaded {
    fn forward(&self, inputs: &Inputs, options: ForwardOptions) -> Result<O> {
        self.held.infer(|model| model.forward(inputs, options))?.try_into()
    }

    fn encode(&self, inputs: &Inputs, options: ForwardOptions) -> Result<ModelOutput> {
        self.held.infer(|model| model.encode(inputs, options))
    }
}

impl ScoreTokens for Loaded {
    fn scores_at(&self, inputs: &Inputs, positions: &[(usize, usize)]) -> Result<Tensor> {
        let output: MaskedLMOutput = self.forward(inputs, ForwardOptions::default())?;
        let columns = inputs.layout.columns();
        let places: Vec<i64> = positions.iter().map(|&(row, column)| row as i64 * columns + column as i64).collect();
        let scores = output.prediction_scores.f_flatten(0, 1)?;
        Ok(scores.f_index_select(0, &Tensor::f_from_slice(&places)?.f_to_device(scores.device())?)?)
    }
}
