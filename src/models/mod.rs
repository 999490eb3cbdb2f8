//! Families of models: wiring only. A configuration becomes an encoder with names and heads; no file is known here.
//!
//! A family is a table of names ([`Family`]) and, for each head, which sizes, names and rates it has there ([`HasHead`]).
//! Everything else is [`Network`], which is the same for all.

pub mod distilbert;
pub mod electra;
mod network;

pub use network::Network;

use crate::config::Config;
use crate::encoder::{EncoderNames, ForwardOptions};
use crate::error::Result;
use crate::inputs::{Inputs, Limits};
use crate::names::{self, Component};
use crate::nn::Parameters;

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
    fn head(parameters: &Parameters, config: &Self::Config, words: &tch::Tensor) -> Result<H>;
}

/// What loaders, bindings and pipelines need of any model.
pub trait Model: Sized {
    /// The family's configuration.
    type Config: Config;
    /// What a forward pass returns.
    type Output;
    /// How the family names its backbone.
    const BACKBONE: names::Family;
    /// The arguments that its loss is made from, by their names in transformers.
    const TARGETS: &'static [&'static str];
    /// Which of the two networks it is that are pre-trained together.
    const COMPONENT: Component;

    /// transformers' name of the model.
    fn name() -> String;

    /// Builds the model from parameters under `parameters`, which is the root of its checkpoint's names.
    ///
    /// # Errors
    /// [`crate::Error::Config`] where the configuration contradicts itself; else as [`Parameters::tensor`].
    fn build(parameters: &Parameters, config: &Self::Config) -> Result<Self>;

    /// What the model can take.
    fn limits(&self) -> Limits;

    /// Runs the model.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] where libtorch refuses.
    fn forward(&self, inputs: &Inputs, options: ForwardOptions) -> Result<Self::Output>;
}
