//! Families of models: wiring only. A configuration becomes an encoder with names and heads; no file is known here.
//!
//! A family is a table of names ([`Family`]) and, for each head, which sizes, names and rates it has there ([`HasHead`]).
//! Everything else is [`Network`], which is the same for all.

pub mod distilbert;
pub mod electra;
mod network;

pub use network::Network;

use tch::Tensor;

use crate::config::Config;
use crate::encoder::EncoderNames;
use crate::error::Result;
use crate::inputs::{Inputs, Limits};
use crate::names::{self, Component};
use crate::nn::{ForwardOptions, Linear, Parameters};

/// A family of models: its configuration and its names.
pub trait Family: std::fmt::Debug + Sized + 'static {
    /// What `config.json` becomes.
    type Config: Config;
    /// What stands first in transformers' names of its models.
    const NAME: &'static str;
    /// Names of the backbone in a checkpoint.
    const BACKBONE: names::Family;
    /// Names inside the backbone.
    const ENCODER: EncoderNames;
}

/// How a head is built on a family's encoder.
pub trait HasHead<H>: Family {
    /// Takes the head's parameters from the root of the checkpoint's names. `words` are the word embeddings.
    ///
    /// # Errors
    /// As [`Parameters::tensor`].
    fn head(parameters: &Parameters, config: &Self::Config, words: &Tensor) -> Result<H>;
}

/// A model of any family with any head, as loaders and pipelines see it.
pub trait Model: Sized + std::fmt::Debug {
    /// The family's configuration.
    type Config: Config;
    /// The result of a forward pass.
    type Output;
    /// The same model on a frozen engine.
    type Frozen: Model<Config = Self::Config, Output = Self::Output>;
    /// How the family names its backbone.
    const BACKBONE: names::Family;
    /// The names in transformers of the arguments that the loss is made from.
    const TARGETS: &'static [&'static str];
    /// The network of a pre-trained pair that this model is.
    const COMPONENT: Component;

    /// Return transformers' name of the model.
    fn name() -> String;

    /// Build the model from the parameters under `parameters`, the root of its checkpoint's names.
    ///
    /// # Errors
    /// [`crate::Error::Config`] if the configuration contradicts itself; else as [`Parameters::tensor`].
    fn build(parameters: &Parameters, config: &Self::Config) -> Result<Self>;

    /// Return the inputs that the model can take now.
    fn limits(&self) -> Limits;

    /// Return the word embeddings `[V, E]`, the parameter itself.
    fn words(&self) -> &Tensor;

    /// Return the decoder of a masked LM, weight `[V, E]` and bias `[V]`; None for other models.
    fn decoder(&self) -> Option<&Linear>;

    /// Run the model.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if libtorch refuses.
    fn forward(&self, inputs: &Inputs, options: ForwardOptions) -> Result<Self::Output>;
}
