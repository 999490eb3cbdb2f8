//! Families of models: the wiring of an encoder and a head from a configuration, without files.
//!
//! A family is a table of names ([`Family`]) and, for each head, the sizes, names and rates of that head ([`HasHead`]).
//! [`Network`], an encoder with a head, is the same for all families.
//!
//! A model is built on a variable store and filled from a file, as in rust_bert:
//!
//! ```
//! use std::collections::HashMap;
//!
//! use oxbert::Config;
//! use oxbert::electra::{ElectraConfig, ElectraForTokenClassification};
//! use oxbert::resources::{LocalResource, ResourceProvider};
//! use tch::{Device, Tensor, nn, no_grad};
//! # let folder = tempfile::tempdir().unwrap();
//! # let folder = folder.path();
//! # let small = r#"{"vocab_size": 50, "hidden_size": 8, "num_hidden_layers": 2, "num_labels": 3}"#;
//! # std::fs::write(folder.join("config.json"), small).unwrap();
//! # let saved = nn::VarStore::new(Device::Cpu);
//! # ElectraForTokenClassification::new(saved.root(), &ElectraConfig::from_json(small)?)?;
//! # saved.save(folder.join("rust_model.ot"))?;
//! let config_resource = LocalResource { local_path: folder.join("config.json") };
//! let weights_resource = LocalResource { local_path: folder.join("rust_model.ot") };
//!
//! let mut config = ElectraConfig::from_file(config_resource.get_local_path()?)?;
//! config.output_attentions = true;
//! let id2label: HashMap<i64, String> = HashMap::from([(0, "O".into()), (1, "PER".into()), (2, "LOC".into())]);
//! config.labels = id2label.try_into()?;
//!
//! let vs = nn::VarStore::new(Device::Cpu);
//! let model = ElectraForTokenClassification::new(vs.root(), &config)?;
//! oxbert::load::<ElectraForTokenClassification>(&vs, weights_resource.get_local_path()?)?;
//!
//! let ids = Tensor::from_slice(&[2_i64, 7, 5, 3]).unsqueeze(0);
//! let output = no_grad(|| model.forward_t(Some(&ids), None, None, None, None, false))?;
//! assert_eq!(output.logits.size(), [1, 4, 3]);
//! assert_eq!(output.all_attentions.map(|layers| layers.len()), Some(2));
//! # Ok::<(), oxbert::Error>(())
//! ```
//!
//! `docs/deviations.md` in the repository lists what a program for rust_bert has to change.

pub mod bert;
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
