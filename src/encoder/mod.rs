//! The encoder of both families: [`Inputs`] -> packed hidden states `[T, H]`.
//!
//! An ELECTRA layer and a DistilBERT layer are the same mathematics under two tables of weight names ([`LayerNames`]).
//! [`crate::heads`] turn the hidden states into logits.

mod embeddings;
mod layer;

use std::sync::Arc;

use tch::Tensor;

pub use embeddings::Embeddings;
pub use layer::{Layer, LayerNames};

use crate::config::EncoderConfig;
use crate::error::Result;
use crate::inputs::{Inputs, Limits, Task};
pub use crate::nn::{Direction, ForwardOptions};
use crate::nn::{Intercept, Layout, Linear, Parameters, PreparedLayer};

/// An implementation of an encoder: trainable layers ([`Encoder`]) or a frozen engine ([`crate::engine::Engine`]).
///
/// Heads, models and pipelines work with either.
pub trait Encode: Sized + std::fmt::Debug {
    /// Take the parameters under a family's `names`.
    ///
    /// # Errors
    /// The errors of [`Parameters::tensor`].
    fn build(parameters: &Parameters, config: &EncoderConfig, names: &EncoderNames) -> Result<Self>;

    /// Return the word embeddings `[V, E]`: the decoder of a masked LM may be tied to them.
    fn words(&self) -> &Tensor;

    /// Return the position embeddings, one row of E values per position.
    fn positions(&self) -> &Tensor;

    /// Return the inputs that the encoder's tables can take now, for a head with this task.
    fn limits(&self, task: Task) -> Limits;

    /// Return the packed hidden states `[T, H]`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if libtorch refuses.
    fn encode(&self, inputs: &Inputs, options: ForwardOptions) -> Result<Encoded>;
}

impl Encode for Encoder {
    fn build(parameters: &Parameters, config: &EncoderConfig, names: &EncoderNames) -> Result<Self> {
        Self::new(parameters, config, names)
    }

    fn words(&self) -> &Tensor {
        self.words()
    }

    fn positions(&self) -> &Tensor {
        self.embeddings.positions()
    }

    fn limits(&self, task: Task) -> Limits {
        self.limits(task)
    }

    fn encode(&self, inputs: &Inputs, options: ForwardOptions) -> Result<Encoded> {
        self.forward(inputs, options)
    }
}

/// The packed result of an encoder.
#[derive(Debug)]
pub struct Encoded {
    /// The hidden states of the last layer, `[T, H]`.
    pub hidden: Tensor,
    /// The input of the first layer and the output of each of the n layers, n + 1 unpacked tensors `[B, S, H]`; None
    /// unless requested.
    pub all_hidden_states: Option<Vec<Tensor>>,
    /// The attention probabilities of each layer, n tensors `[B, A, S, S]`; None unless requested.
    pub all_attentions: Option<Vec<Tensor>>,
}

/// The names of the parts of an encoder in a family's checkpoints.
#[derive(Debug, Clone, Copy)]
pub struct EncoderNames {
    /// The embedding tables and their norm.
    pub embeddings: &'static str,
    /// The projection E -> H, if the two differ.
    pub projection: &'static str,
    /// The name before the number of a layer.
    pub layers: &'static str,
    /// The names inside a layer.
    pub layer: LayerNames,
}

/// Embeddings, a projection if E is not H, and a stack of layers.
#[derive(Debug)]
pub struct Encoder {
    embeddings: Embeddings,
    projection: Option<Linear>,
    layers: Vec<Arc<Layer>>,
}

impl Encoder {
    /// Take the parameters under their names.
    ///
    /// # Errors
    /// The errors of [`Parameters::tensor`].
    pub fn new(parameters: &Parameters, config: &EncoderConfig, names: &EncoderNames) -> Result<Self> {
        let (width, hidden) = (config.embeddings.width, config.hidden_size);
        let embeddings = Embeddings::new(&parameters.at(names.embeddings), &config.embeddings)?;
        let projection =
            (width != hidden).then(|| Linear::new(&parameters.at(names.projection), width, hidden)).transpose()?;
        let stack = parameters.at(names.layers);
        let layers = (0..config.num_hidden_layers)
            .map(|number| Ok(Arc::new(Layer::new(&stack.at(&number.to_string()), config, &names.layer)?)))
            .collect::<Result<_>>()?;
        Ok(Self { embeddings, projection, layers })
    }

    /// Return the word embeddings `[V, E]`, the parameter itself: the decoder of a masked LM may be tied to it.
    pub fn words(&self) -> &Tensor {
        self.embeddings.words()
    }

    /// Return the inputs that the encoder's tables can take now, for a head with this task.
    #[must_use]
    pub fn limits(&self, task: Task) -> Limits {
        self.embeddings.limits(task)
    }

    /// Return whether the encoder takes a layout whose rows only the device knows.
    pub(crate) fn is_ragged(&self) -> bool {
        self.layers.iter().all(|layer| layer.is_ragged())
    }

    /// Return the packed hidden states `[T, H]`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if libtorch refuses.
    pub fn forward(&self, inputs: &Inputs, options: ForwardOptions) -> Result<Encoded> {
        let embeddings = self.embeddings.forward(inputs, options.train)?;
        let projected = match &self.projection {
            Some(projection) => projection.forward(&embeddings)?,
            None => embeddings,
        };
        let mut states = Vec::new();
        let mut record = |hidden: Tensor| -> Result<Tensor> {
            if !options.output_hidden_states {
                return Ok(hidden);
            }
            let unpacked = inputs.layout.unpack(&hidden)?;
            // The next layer reads the tensor that the caller gets, so that gradients reach it.
            let read = if unpacked.requires_grad() { inputs.layout.pack(&unpacked)? } else { hidden };
            states.push(unpacked);
            Ok(read)
        };
        let mut attentions = Vec::new();
        let intercept = Intercept::current();
        let mut hidden = record(projected)?;
        for layer in &self.layers {
            let (next, probabilities) = match intercept.as_ref().and_then(|functions| functions.layer()) {
                Some(call) => call(prepared(layer, &inputs.layout, options), &hidden)?,
                None => layer.forward(&hidden, &inputs.layout, options)?,
            };
            attentions.extend(probabilities);
            hidden = record(next)?;
        }
        Ok(Encoded {
            hidden,
            all_hidden_states: options.output_hidden_states.then_some(states),
            all_attentions: options.output_attentions.then_some(attentions),
        })
    }
}

/// Return a layer that needs only its input. A second run, in the backward pass, has the linear layers of the first.
fn prepared(layer: &Arc<Layer>, layout: &Arc<Layout>, options: ForwardOptions) -> PreparedLayer {
    let (layer, layout, intercept) = (Arc::clone(layer), Arc::clone(layout), Intercept::current());
    Box::new(move |hidden| {
        let run = || layer.forward(hidden, &layout, options);
        intercept.as_ref().map_or_else(run, |intercept| intercept.during(run))
    })
}
