//! The tokens of a text -> one vector -> logits.

use tch::Tensor;

use crate::error::Result;
use crate::nn::{Activation, Dropout, Layout, Linear, Parameters, Pooling};

/// How a text becomes one vector, with the checkpoint's name of the projection.
#[derive(Debug, Clone, Copy)]
pub struct SummaryConfig {
    /// Which tokens count.
    pub pooling: Pooling,
    /// Dropout before the projection.
    pub before: f64,
    /// The name of the projection H -> H; none where there is none.
    pub projection: Option<&'static str>,
    /// The activation after it.
    pub activation: Activation,
    /// Dropout after that.
    pub after: f64,
}

/// `drop(act(W drop(pool(x)) + b))`.
///
/// Source: `ElectraClassificationHead`, `ElectraSequenceSummary` and the `pre_classifier` of DistilBERT in transformers
/// 5.23, which are this with other names and rates.
#[derive(Debug)]
pub struct Summary {
    pooling: Pooling,
    before: Dropout,
    projection: Option<Linear>,
    activation: Activation,
    after: Dropout,
}

impl Summary {
    /// Takes the projection, where there is one.
    ///
    /// # Errors
    /// As [`Parameters::tensor`].
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

    /// hidden states `[B, S, H]` without padding -> `[B, H]`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] where the shape is another.
    pub fn forward(&self, hidden_states: &Tensor, train: bool) -> Result<Tensor> {
        let pooled = match self.pooling {
            Pooling::First => hidden_states.f_select(1, 0)?,
            Pooling::Last => hidden_states.f_select(1, -1)?,
            Pooling::Mean => hidden_states.f_mean_dim(1_i64, false, None)?,
        };
        self.project(pooled, train)
    }

    /// packed hidden states `[T, H]` -> `[B, H]`, kept tokens only.
    pub(super) fn forward_packed(&self, hidden: &Tensor, layout: &Layout, train: bool) -> Result<Tensor> {
        self.project(layout.pool(hidden, self.pooling)?, train)
    }

    fn project(&self, pooled: Tensor, train: bool) -> Result<Tensor> {
        let pooled = self.before.forward(pooled, train)?;
        let projected = match &self.projection {
            Some(projection) => projection.forward(&pooled)?,
            None => pooled,
        };
        self.after.forward(self.activation.forward(&projected)?, train)
    }
}

/// A [`Summary`], then `W x + b`.
#[derive(Debug)]
pub struct SummaryHead {
    summary: Summary,
    output: Linear,
}

impl SummaryHead {
    /// Takes the projection, and the output layer H -> L under its name.
    ///
    /// # Errors
    /// As [`Parameters::tensor`].
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

    /// hidden states `[B, S, H]` without padding -> logits `[B, L]`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] where the shape is another.
    pub fn forward(&self, hidden_states: &Tensor, train: bool) -> Result<Tensor> {
        self.output.forward(&self.summary.forward(hidden_states, train)?)
    }

    /// packed hidden states `[T, H]` -> logits `[B, L]`.
    pub(super) fn forward_packed(&self, hidden: &Tensor, layout: &Layout, train: bool) -> Result<Tensor> {
        self.output.forward(&self.summary.forward_packed(hidden, layout, train)?)
    }
}
