//! Families of models: the wiring of an encoder and a head from a configuration, without files.
//!
//! A family is a table of names ([`Family`]) and, for each head, the sizes, names and rates of that head ([`HasHead`]).
//! [`Network`], an encoder with a head, is the same for all families.

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
use crate::outputs::ModelOutput;

/// A family of models: its configuration and its names.
pub trait Family: std::fmt::Debug + Sized + 'static {
    /// The family's configuration.
    type Config: Config;
    /// The beginning of the names of the family's models in transformers.
    const NAME: &'static str;
    /// The names of the backbone in a checkpoint.
    const BACKBONE: names::Family;
    /// The names inside the backbone.
    const ENCODER: EncoderNames;
}

/// A family that has models with the head `H`.
pub trait HasHead<H>: Family {
    /// Build the head, with parameters under the root of the checkpoint's names. `words` are the word embeddings.
    ///
    /// # Errors
    /// [`crate::Error::Config`] if the configuration does not fit the head; otherwise the errors of
    /// [`Parameters::tensor`].
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
    /// The family's names of the backbone in a checkpoint.
    const BACKBONE: names::Family;
    /// The names in transformers of the arguments from which the loss is computed.
    const TARGETS: &'static [&'static str];
    /// The network of a pre-trained pair that this model loads.
    const COMPONENT: Component;

    /// Return the name of the model in transformers.
    fn name() -> String;

    /// Build the model from the parameters under `parameters`, the root of its checkpoint's names.
    ///
    /// # Errors
    /// [`crate::Error::Config`] if the configuration contradicts itself; otherwise the errors of
    /// [`Parameters::tensor`].
    fn build(parameters: &Parameters, config: &Self::Config) -> Result<Self>;

    /// Return the inputs that the model can take now.
    fn limits(&self) -> Limits;

    /// Return the word embeddings `[V, E]`, the parameter itself.
    fn words(&self) -> &Tensor;

    /// Return the position embeddings, the parameter itself.
    fn positions(&self) -> &Tensor;

    /// Return the decoder of a masked LM, weight `[V, E]` and bias `[V]`; None for other models.
    fn decoder(&self) -> Option<&Linear>;

    /// Run the model.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if libtorch refuses.
    fn forward(&self, inputs: &Inputs, options: ForwardOptions) -> Result<Self::Output>;

    /// Run the encoder without the head, on inputs without targets.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if libtorch refuses.
    fn encode(&self, inputs: &Inputs, options: ForwardOptions) -> Result<ModelOutput>;
}
