//! A folder or named tensors -> the parameters of a model.

use std::path::{Path, PathBuf};

use tch::Device;
use tch::nn::VarStore;

use super::Pretrained;
use crate::config::{Config, ElectraConfig};
use crate::error::Result;
use crate::interrupt;
use crate::models::Model;
use crate::nn::Parameters;
use crate::resources::ModelFolder;
use crate::weights::ties::has_tied_decoder;
use crate::weights::{LoadReport, OpenOptions, Strictness, Tolerance, Watch, WeightSource};

/// Load a checkpoint of any format into the variables of a model that was built on them, in rust_bert's way. The path is
/// a file, or a folder with one of [`WEIGHT_FILES`](crate::resources::WEIGHT_FILES).
///
/// Unlike tch's `VarStore::load`, this function returns an error for any bad file, checks everything before a parameter
/// changes, and knows the names that other programs use. Every difference is an error: [`load_with`] allows some.
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
/// The errors of [`load_with`].
pub fn load<M: Model>(variables: &VarStore, path: impl AsRef<Path>) -> Result<LoadReport> {
    load_with::<M>(variables, path, Strictness::Everything)
}

/// Load a checkpoint as [`load`] does, with the differences that `tolerance` allows, and report them.
///
/// [`Strictness::Backbone`] is for fine-tuning: it takes the encoder out of any checkpoint of the model's family, such as a
/// classifier's out of a discriminator. Variables that the file lacks keep their values: the initial ones of a head, and
/// variables of your own beside the model's. [`Tolerance::ignore_sizes`] also leaves out a head of the same name with
/// another number of labels. `M` is the model, or the encoder, that the variables were made for.
///
/// ```
/// use oxbert::electra::{ElectraConfig, ElectraDiscriminator, ElectraForSequenceClassification};
/// use oxbert::weights::{Strictness, WeightFormat};
/// use tch::{Device, nn::VarStore};
/// # let config = ElectraConfig { vocab_size: 50, hidden_size: 8, num_hidden_layers: 1, ..ElectraConfig::default() };
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path();
/// # oxbert::Pretrained::<ElectraDiscriminator>::from_config(&config, Some(1), Device::Cpu)?.save(folder, WeightFormat::Ot)?;
///
/// let vs = VarStore::new(Device::Cpu);
/// let model = ElectraForSequenceClassification::new(vs.root(), &config)?;
/// let report = oxbert::load_with::<ElectraForSequenceClassification>(&vs, folder, Strictness::Backbone)?;
/// assert!(report.missing.iter().all(|name| name.starts_with("classifier.")));
/// assert!(report.unexpected.iter().all(|name| name.starts_with("discriminator_predictions.")));
/// # Ok::<(), oxbert::Error>(())
/// ```
///
/// # Errors
/// [`Error::Io`](crate::Error::Io); [`Error::MissingFile`](crate::Error::MissingFile) if the folder has no weights;
/// [`Error::WeightsFormat`](crate::Error::WeightsFormat);
/// [`Error::WeightsMismatch`](crate::Error::WeightsMismatch) if `tolerance` forbids a difference. Nothing has changed then.
pub fn load_with<M: Model>(
    variables: &VarStore,
    path: impl AsRef<Path>,
    tolerance: impl Into<Tolerance>,
) -> Result<LoadReport> {
    let path = path.as_ref();
    let source = if path.is_dir() { open::<M>(ModelFolder::open(path)?.weights()?) } else { open::<M>(path) }?;
    source.load_into(variables, &M::BACKBONE, tolerance)
}

/// Open a checkpoint. If the checkpoint holds two networks, choose the model's.
fn open<M: Model>(path: impl AsRef<Path>) -> Result<WeightSource> {
    WeightSource::open_with(path, OpenOptions { preferred: Some(M::COMPONENT), ..OpenOptions::default() })
}

/// Return the configuration of a folder, if it has one, and the path of its `weights`.
///
/// # Errors
/// [`Error::Io`](crate::Error::Io), [`Error::MissingFile`](crate::Error::MissingFile),
/// [`Error::Config`](crate::Error::Config).
pub(crate) fn parts_of<C: Config>(folder: &ModelFolder, weights: Result<PathBuf>) -> Result<(Option<C>, PathBuf)> {
    match (folder.config(), weights) {
        // The error for an empty folder is the missing configuration.
        (Err(missing), Err(_)) => Err(missing),
        (config, weights) => Ok((config.ok().map(C::from_file).transpose()?, weights?)),
    }
}

/// Derive the configuration from the shapes of tensors, for checkpoints of google-research/electra, which have no
/// `config.json`.
///
/// # Errors
/// [`Error::MissingFile`](crate::Error::MissingFile) if the shapes do not determine it.
pub(crate) fn config_by_shapes<C: Config>(folder: &ModelFolder, source: &WeightSource) -> Result<C> {
    let described = ElectraConfig::from_shapes(|name| source.shape(name));
    match described.filter(|_| source.is_googles() && C::MODEL_TYPE == ElectraConfig::MODEL_TYPE) {
        Some(config) => C::from_map(config.to_map()),
        None => C::from_file(folder.config()?),
    }
}

/// Open a model folder and return its configuration and weights.
pub(super) fn open_folder<M: Model>(folder: impl AsRef<Path>) -> Result<(M::Config, WeightSource)> {
    let folder = ModelFolder::open(folder)?;
    let (config, weights) = parts_of(&folder, folder.weights())?;
    let source = open::<M>(weights)?;
    let config = config.map_or_else(|| config_by_shapes(&folder, &source), Ok)?;
    Ok((config, source))
}

/// A model whose parameters are not filled yet. Their memory is not touched before they are filled.
pub(super) struct Described<M: Model> {
    pub(super) model: M,
    /// `tie_word_embeddings` is false if the file has a decoder of its own.
    pub(super) config: M::Config,
    pub(super) variables: VarStore,
    pub(super) names: Vec<String>,
}

impl<M: Model> Described<M> {
    /// Describe the model that will be filled from `source`.
    pub(super) fn new(source: &WeightSource, config: &M::Config, device: Device) -> Result<Self> {
        let mut config = config.clone();
        config.note_dtype("float32");
        let described = Self::build(config, device)?;
        if !has_tied_decoder(&described.variables) || !source.is_untied(&M::BACKBONE)? {
            return Ok(described);
        }
        let mut config = described.config;
        config.untie();
        Self::build(config, device)
    }

    fn build(config: M::Config, device: Device) -> Result<Self> {
        let variables = VarStore::new(device);
        let parameters = Parameters::deferred(&variables.root());
        let model = M::build(&parameters, &config)?;
        let names = parameters.names();
        Ok(Self { model, config, variables, names })
    }
}

/// Give the parameters that a file lacks their initial values, in the order of `names`, so that a seed determines them.
pub(super) fn fill_missing<C: Config>(variables: &VarStore, names: &[String], config: &C) -> Result<()> {
    let (initial, mut tensors) = (config.initial(), variables.variables());
    for name in names {
        if let Some(tensor) = tensors.get_mut(name) {
            interrupt::go_on()?;
            initial.fill(name, tensor)?;
        }
    }
    Ok(())
}

impl<M: Model> Pretrained<M> {
    /// Load a model from a folder with `config.json` and weights, the first of [`crate::resources::WEIGHT_FILES`] that
    /// exists; or from a folder with only a checkpoint of google-research/electra, which holds a generator and a
    /// discriminator, of which the model's network is loaded.
    ///
    /// To load with another number of labels, change the configuration and call [`Pretrained::from_source`]:
    ///
    /// ```
    /// use oxbert::electra::{ElectraConfig, ElectraForSequenceClassification};
    /// use oxbert::weights::{Strictness, Tolerance, WeightFormat, WeightSource};
    /// use oxbert::{Config, Pretrained, config::Labels, resources::ModelFolder};
    /// use tch::Device;
    /// # let small = ElectraConfig { vocab_size: 9, hidden_size: 8, num_hidden_layers: 1, ..ElectraConfig::default() };
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let folder = folder.path();
    /// # let two = Pretrained::<ElectraForSequenceClassification>::from_config(&small, Some(1), Device::Cpu)?;
    /// # two.save(folder, WeightFormat::Safetensors)?;
    ///
    /// let files = ModelFolder::open(folder)?;
    /// let mut config = ElectraConfig::from_file(files.config()?)?;
    /// config.labels = Labels::new(vec!["bug".into(), "feature".into(), "question".into()])?;
    /// let source = WeightSource::open(files.weights()?)?;
    /// // The folder has a head for two labels, which is left out.
    /// let tolerance = Tolerance { strictness: Strictness::Backbone, ignore_sizes: true };
    /// let three: Pretrained<ElectraForSequenceClassification> =
    ///     Pretrained::from_source(&source, &config, Device::Cpu, tolerance)?;
    /// assert_eq!(three.untrained(), ["classifier.out_proj.bias", "classifier.out_proj.weight"]);
    /// # // Loading again leaves the same parameters untrained.
    /// # let mut three = three;
    /// # three.load(&source, tolerance)?;
    /// # assert_eq!(three.untrained(), ["classifier.out_proj.bias", "classifier.out_proj.weight"]);
    /// # assert!(three.load(&source, Strictness::Backbone).is_err());
    /// # let two = Pretrained::<ElectraForSequenceClassification>::from_folder(folder, Device::Cpu, tolerance)?;
    /// # assert!(two.untrained().is_empty());
    /// # Ok::<(), oxbert::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io), [`Error::MissingFile`](crate::Error::MissingFile),
    /// [`Error::Config`](crate::Error::Config), [`Error::WeightsFormat`](crate::Error::WeightsFormat); and
    /// [`Error::WeightsMismatch`](crate::Error::WeightsMismatch) if `tolerance` forbids a difference.
    pub fn from_folder(folder: impl AsRef<Path>, device: Device, tolerance: impl Into<Tolerance>) -> Result<Self> {
        let (config, source) = open_folder::<M>(folder)?;
        Self::from_source(&source, &config, device, tolerance)
    }

    /// Load a model from named tensors. Parameters that `source` lacks are initialised as transformers does and listed
    /// in the report.
    ///
    /// # Errors
    /// The errors of [`Pretrained::from_folder`].
    pub fn from_source(
        source: &WeightSource,
        config: &M::Config,
        device: Device,
        tolerance: impl Into<Tolerance>,
    ) -> Result<Self> {
        Self::from_source_watched(source, config, device, tolerance, &|_, _| Ok(()))
    }

    /// Load as [`Pretrained::from_source`] does, and call `watch` before each parameter. An error from `watch` ends the
    /// loading.
    ///
    /// # Errors
    /// The errors of [`Pretrained::from_source`], and the error from `watch`.
    pub fn from_source_watched(
        source: &WeightSource,
        config: &M::Config,
        device: Device,
        tolerance: impl Into<Tolerance>,
        watch: Watch,
    ) -> Result<Self> {
        let Described { model, config, variables, names } = Described::<M>::new(source, config, device)?;
        // The model is dropped if this refuses, so the parameters may be left half-filled.
        let watch = |done: usize, total: usize| interrupt::go_on().and_then(|()| watch(done, total));
        let report = source.load_into_watched(&variables, &M::BACKBONE, tolerance, &watch)?;
        let untrained = report.unfilled();
        fill_missing(&variables, &untrained, &config)?;
        Ok(Self { model, config, report, variables, names, untrained })
    }

    /// Replace the values of the parameters by those in `source`.
    ///
    /// # Errors
    /// The errors of [`WeightSource::load_into`]; nothing has changed then.
    pub fn load(&mut self, source: &WeightSource, tolerance: impl Into<Tolerance>) -> Result<()> {
        self.report = source.load_into(&self.variables, &M::BACKBONE, tolerance)?;
        let unfilled = self.report.unfilled();
        self.untrained.retain(|name| unfilled.contains(name));
        Ok(())
    }
}
