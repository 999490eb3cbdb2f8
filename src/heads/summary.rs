//! The tokens of a text -> one vector -> logits.

use tch::Tensor;

use crate::error::Result;
use crate::nn::{Activation, Dropout, Layout, Linear, Parameters, Pooling};

/// The settings of a [`Summary`].
#[derive(Debug, Clone, Copy)]
pub struct SummaryConfig {
    /// The way tokens are pooled into one vector.
    pub pooling: Pooling,
    /// The rate of dropout before the projection.
    pub before: f64,
    /// The name of the projection H -> H in the checkpoint. None means no projection.
    pub projection: Option<&'static str>,
    /// The activation after the projection.
    pub activation: Activation,
    /// The rate of dropout after the activation.
    pub after: f64,
}

impl SummaryConfig {
    /// Return the settings of the first token alone, dropped out.
    #[must_use]
    pub fn first(dropout: f64) -> Self {
        Self {
            pooling: Pooling::First,
            before: dropout,
            projection: None,
            activation: Activation::Identity,
            after: 0.0,
        }
    }
}

/// `drop(act(W drop(pool(x)) + b))`, one vector for each text.
///
/// Source: `ElectraClassificationHead`, `ElectraSequenceSummary` and the `pre_classifier` of DistilBERT in transformers
/// 5.23, which compute this with different names and rates.
#[derive(Debug)]
pub struct Summary {
    pooling: Pooling,
    before: Dropout,
    projection: Option<Linear>,
    activation: Activation,
    after: Dropout,
}

impl Summary {
    /// Take the projection, if there is one.
    ///
    /// # Errors
    /// The errors of [`Parameters::tensor`].
    pub fn new(parameters: &Parameters, hidden_size: i64, config: &SummaryConfig) -> Result<Self> {
        let projection = config.projection.map(|name| Linear::new(&parameters.at(name), hidden_size, hidden_size));
        Ok(Self {
            pooling: config.pooling,
            before: Dropout::new(config.before),
            projection: projection.transpose()?,
            activation: config.activation,
            after: Dropout::new(config.after),
        })
    }

    /// Map hidden states `[B, S, H]` without padding to `[B, H]`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if the shape differs.
    pub fn forward(&self, hidden_states: &Tensor, train: bool) -> Result<Tensor> {
        let pooled = match self.pooling {
            Pooling::First => hidden_states.f_select(1, 0)?,
            Pooling::Last => hidden_states.f_select(1, -1)?,
            Pooling::Mean => hidden_states.f_mean_dim(1_i64, false, None)?,
        };
        self.project(pooled, train)
    }

    /// Map packed hidden states `[T, H]` to `[B, H]`.
    pub(super) fn forward_packed(&self, hidden: &Tensor, layout: &Layout, train: bool) -> Result<Tensor> {
        self.project(layout.pool(hidden, self.pooling)?, train)
    }

    fn project(&self, pooled: Tensor, train: bool) -> Result<Tensor> {
        let pooled = self.before.forward(pooled, train)?;
        let activated = match &self.projection {
            Some(projection) => projection.activate(self.activation, &projection.forward(&pooled)?)?,
            None => self.activation.forward(&pooled)?,
        };
        self.after.forward(activated, train)
    }
}

/// A [`Summary`], then `W x + b`.
#[derive(Debug)]
pub struct SummaryHead {
    summary: Summary,
    output: Linear,
}

impl SummaryHead {
    /// Take the projection, and the output layer H -> L under the name `output`.
    ///
    /// # Errors
    /// The errors of [`Parameters::tensor`].
    pub fn new(
        parameters: &Parameters,
        hidden_size: i64,
        config: &SummaryConfig,
        output: &str,
        labels: i64,
    ) -> Result<Self> {
        Ok(Self {
            summary: Summary::new(parameters, hidden_size, config)?,
            output: Linear::new(&parameters.at(output), hidden_size, labels)?,
        })
    }

    /// Map hidden states `[B, S, H]` without padding to logits `[B, L]`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if the shape differs.
    pub fn forward(&self, hidden_states: &Tensor, train: bool) -> Result<Tensor> {
        self.output.forward(&self.summary.forward(hidden_states, train)?)
    }

    /// Map packed hidden states `[T, H]` to logits `[B, L]`.
    pub(super) fn forward_packed(&self, hidden: &Tensor, layout: &Layout, train: bool) -> Result<Tensor> {
        self.output.forward(&self.summary.forward_packed(hidden, layout, train)?)
    }
}
