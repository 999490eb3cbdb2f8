//! A folder -> a model with its weights.
//!
//! The one place that brings configuration, weights and wiring together: [`crate::models`] knows no files, and
//! [`crate::weights`] knows no models.

use std::path::Path;

use tch::nn::VarStore;
use tch::{Device, Tensor};

use crate::config::Config;
use crate::encoder::ForwardOptions;
use crate::error::{Error, Result};
use crate::inputs::{Arguments, Inputs};
use crate::models::Model;
use crate::nn::{Parameters, initialise};
use crate::resources::ModelFolder;
use crate::text::Batch;
use crate::weights::{LoadReport, Strictness, WeightFormat, WeightSource, save_variables};

/// A model, the variables that it is made of, its configuration, and how its weights came to be.
///
/// ```
/// use oxbert::electra::{ElectraConfig, ElectraForMaskedLM};
/// use oxbert::{Pretrained, weights::{Strictness, WeightFormat}};
/// use tch::Device;
///
/// let config = ElectraConfig { vocab_size: 50, hidden_size: 8, num_hidden_layers: 1, ..ElectraConfig::default() };
/// let fresh = Pretrained::<ElectraForMaskedLM>::from_config(&config, Some(7), Device::Cpu)?;
/// let folder = tempfile::tempdir().unwrap();
/// fresh.save(folder.path(), WeightFormat::Ot)?;
/// let again = Pretrained::<ElectraForMaskedLM>::from_folder(folder.path(), Device::Cpu, Strictness::Everything)?;
/// assert_eq!(again.report.loaded, fresh.parameters().len());
/// # Ok::<(), oxbert::Error>(())
/// ```
#[derive(Debug)]
pub struct Pretrained<M: Model> {
    /// The model.
    pub model: M,
    /// Its configuration. `tie_word_embeddings` is false where the file held a decoder of its own.
    pub config: M::Config,
    /// What was found in the file and what was not.
    pub report: LoadReport,
    variables: VarStore,
    /// Parameters that hold the random values of a fresh model.
    untrained: Vec<String>,
}

/// Fills the variables of a model that was built on them, in rust_bert's way, from a `.ot` or `.safetensors` file.
///
/// Unlike `VarStore::load` of tch it survives any file, checks everything before a parameter changes, and knows the names
/// that other programs use. Every difference is an error.
///
/// ```
/// # use oxbert::electra::{ElectraConfig, ElectraForMaskedLM};
/// # use tch::{Device, nn::VarStore};
/// # let config = ElectraConfig { vocab_size: 50, hidden_size: 8, num_hidden_layers: 1, ..ElectraConfig::default() };
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("rust_model.ot");
/// # let saved = VarStore::new(Device::Cpu);
/// # ElectraForMaskedLM::new(saved.root(), &config)?;
/// # saved.save(&path)?;
/// let variables = VarStore::new(Device::Cpu);
/// let model = ElectraForMaskedLM::new(variables.root(), &config)?;
/// oxbert::load::<ElectraForMaskedLM>(&variables, &path)?;
/// # Ok::<(), oxbert::Error>(())
/// ```
///
/// # Errors
/// [`Error::Io`], [`Error::WeightsFormat`], [`Error::WeightsMismatch`].
pub fn load<M: Model>(variables: &VarStore, path: impl AsRef<Path>) -> Result<LoadReport> {
    WeightSource::open(path)?.load_into(variables, &M::FAMILY, Strictness::Everything)
}

impl<M: Model> Pretrained<M> {
    /// Freshly initialised, as transformers does. A seed is given to libtorch's one random generator, as
    /// `torch.manual_seed` does, so that the same seed gives the same values.
    ///
    /// # Errors
    /// [`Error::Config`] where the configuration contradicts itself; [`Error::Torch`] where there is no memory.
    pub fn from_config(config: &M::Config, seed: Option<i64>, device: Device) -> Result<Self> {
        if let Some(seed) = seed {
            tch::manual_seed(seed);
        }
        let variables = VarStore::new(device);
        let model = M::build(&Parameters::random(&variables.root(), config.initializer_range()), config)?;
        let mut untrained: Vec<String> = variables.variables().into_keys().collect();
        untrained.sort();
        Ok(Self { model, config: config.clone(), report: LoadReport::default(), variables, untrained })
    }

    /// From a folder with `config.json` and `model.safetensors` or `rust_model.ot` (the first that is there).
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::MissingFile`], [`Error::Config`], [`Error::WeightsFormat`]; and
    /// [`Error::WeightsMismatch`] by `strictness`.
    pub fn from_folder(folder: impl AsRef<Path>, device: Device, strictness: Strictness) -> Result<Self> {
        let folder = ModelFolder::open(folder)?;
        let config = M::Config::from_file(folder.config()?)?;
        Self::from_source(&WeightSource::open(folder.weights()?)?, &config, device, strictness)
    }

    /// From named tensors. Parameters that they lack are initialised as transformers does, and listed in the report.
    ///
    /// # Errors
    /// As [`Pretrained::from_folder`].
    pub fn from_source(
        source: &WeightSource,
        config: &M::Config,
        device: Device,
        strictness: Strictness,
    ) -> Result<Self> {
        let mut config = config.clone();
        config.note_float32();
        if source.is_untied(&M::FAMILY)? {
            config.untie();
        }
        let variables = VarStore::new(device);
        let model = M::build(&Parameters::deferred(&variables.root()), &config)?;
        let report = source.load_into(&variables, &M::FAMILY, strictness)?;
        let mut parameters = variables.variables();
        for name in &report.missing {
            let padding = config.pad_token_id().filter(|_| name.ends_with("word_embeddings.weight"));
            if let Some(parameter) = parameters.get_mut(name) {
                initialise(name, parameter, config.initializer_range(), padding)?;
            }
        }
        let untrained = report.missing.clone();
        Ok(Self { model, config, report, variables, untrained })
    }

    /// Replaces the values of the parameters.
    ///
    /// # Errors
    /// As [`WeightSource::load_into`]; then nothing has changed.
    pub fn load(&mut self, source: &WeightSource, strictness: Strictness) -> Result<()> {
        self.report = source.load_into(&self.variables, &M::FAMILY, strictness)?;
        self.untrained.retain(|name| self.report.missing.contains(name));
        Ok(())
    }

    /// Runs the model on tokenised texts, in evaluation and without a graph.
    ///
    /// # Errors
    /// Those of [`Inputs::new`].
    pub fn predict(&self, batch: &Batch) -> Result<M::Output> {
        let _no_grad = tch::no_grad_guard();
        let inputs = Inputs::new(Arguments::from_batch(batch), &self.model.limits())?;
        self.model.forward(&inputs, ForwardOptions::default())
    }

    /// All parameters by name, the parameters themselves.
    #[must_use]
    pub fn parameters(&self) -> Vec<(String, Tensor)> {
        let mut parameters: Vec<_> = self.variables.variables().into_iter().collect();
        parameters.sort_by(|(one, _), (other, _)| one.cmp(other));
        parameters
    }

    /// Parameters that no file has filled and that [`Pretrained::mark_trained`] has not vouched for: an answer made with
    /// them would be a random one.
    #[must_use]
    pub fn untrained(&self) -> &[String] {
        &self.untrained
    }

    /// Says that the parameters have been trained since.
    pub fn mark_trained(&mut self) {
        self.untrained.clear();
    }

    /// Refuses a model with parameters that are still random.
    ///
    /// # Errors
    /// [`Error::UntrainedHead`], with the names.
    pub fn check_trained(&self, task: &str) -> Result<()> {
        if self.untrained.is_empty() {
            return Ok(());
        }
        Err(Error::UntrainedHead { task: task.into(), parameters: self.untrained.clone() })
    }

    /// The device of the parameters.
    #[must_use]
    pub fn device(&self) -> Device {
        self.variables.device()
    }

    /// Moves the parameters to another device.
    ///
    /// # Errors
    /// [`Error::Torch`] where it has no memory; then the model is where it was.
    pub fn to_device(&mut self, device: Device) -> Result<()> {
        if device == self.device() {
            return Ok(());
        }
        let variables = VarStore::new(device);
        let model = M::build(&Parameters::deferred(&variables.root()), &self.config)?;
        let _no_grad = tch::no_grad_guard();
        let mut targets = variables.variables();
        for (name, parameter) in self.variables.variables() {
            if let Some(target) = targets.get_mut(&name) {
                target.f_copy_(&parameter)?;
            }
        }
        (self.model, self.variables) = (model, variables);
        Ok(())
    }

    /// Writes `config.json` and the weights into a folder, which is made where there is none. Where the folder has weights
    /// in the other format, they are written anew too, so that a folder never contradicts itself.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn save(&self, folder: impl AsRef<Path>, format: WeightFormat) -> Result<()> {
        let folder = folder.as_ref();
        std::fs::create_dir_all(folder).map_err(Error::io("make the folder", folder))?;
        save_variables(folder.join(format.file_name()), &self.variables, format)?;
        // An older file in the other format would contradict the new one, and might be the one that is read.
        for other in [WeightFormat::Safetensors, WeightFormat::Ot].into_iter().filter(|&other| other != format) {
            let path = folder.join(other.file_name());
            if path.exists() {
                save_variables(path, &self.variables, other)?;
            }
        }
        self.config.save(folder.join("config.json"))
    }
}
