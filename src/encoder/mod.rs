//! The encoder of both families: [`Inputs`](crate::inputs::Inputs) -> packed hidden states `[T, H]`.
//!
//! An ELECTRA layer and a DistilBERT layer are the same mathematics under two tables of weight names ([`LayerNames`]).
//! Next come [`crate::heads`].

mod embeddings;
mod layer;

use tch::Tensor;

pub use embeddings::{EmbeddingSizes, Embeddings};
pub use layer::{Layer, LayerNames};

use crate::config::EncoderConfig;
use crate::error::Result;
use crate::inputs::Layout;
use crate::nn::Parameters;

/// What a forward pass is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ForwardOptions {
    /// Whether dropout is applied.
    pub train: bool,
    /// Whether the hidden states of all layers are returned.
    pub output_hidden_states: bool,
    /// Whether the attention probabilities of all layers are returned.
    pub output_attentions: bool,
}

/// What the encoder found, still packed.
#[derive(Debug)]
pub struct Encoded {
    /// The hidden states of the last layer, `[T, H]`.
    pub hidden: Tensor,
    /// What went into the first layer and came out of each of the n layers, n + 1 tensors `[T, H]`.
    pub all_hidden_states: Option<Vec<Tensor>>,
    /// The attention probabilities of each layer, n tensors `[B, A, S, S]`.
    pub all_attentions: Option<Vec<Tensor>>,
}

/// A stack of layers.
#[derive(Debug)]
pub struct Encoder {
    layers: Vec<Layer>,
}

impl Encoder {
    /// Takes layer `i` from `parameters.at("{i}")`.
    ///
    /// # Errors
    /// As [`Parameters::tensor`].
    pub fn new(parameters: &Parameters, config: &EncoderConfig, names: &LayerNames) -> Result<Self> {
        let layers = (0..config.num_hidden_layers)
            .map(|number| Layer::new(&parameters.at(&number.to_string()), config, names))
            .collect::<Result<_>>()?;
        Ok(Self { layers })
    }

    /// hidden `[T, H]` -> `[T, H]`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] where libtorch refuses.
    pub fn forward(&self, hidden: Tensor, layout: &Layout, options: ForwardOptions) -> Result<Encoded> {
        let mut hidden = hidden;
        let mut states = Vec::new();
        let mut attentions = Vec::new();
        for layer in &self.layers {
            let (next, probabilities) = layer.forward(&hidden, layout, options)?;
            states.push(std::mem::replace(&mut hidden, next));
            attentions.extend(probabilities);
            if !options.output_hidden_states {
                // Without a graph this gives a layer's memory back before the next one asks for its own.
                states.clear();
            }
        }
        states.push(hidden.f_alias()?);
        Ok(Encoded {
            hidden,
            all_hidden_states: options.output_hidden_states.then_some(states),
            all_attentions: options.output_attentions.then_some(attentions),
        })
    }
}
