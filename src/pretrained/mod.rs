//! A folder -> a model with its weights.
//!
//! The one place that brings configuration, weights and wiring together: [`crate::models`] knows no files, and
//! [`crate::weights`] knows no models.

use std::io::Write;
use std::path::{Path, PathBuf};

use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

use crate::config::{Config, ElectraConfig};
use crate::encoder::ForwardOptions;
use crate::error::{Error, Result};
use crate::inputs::{Arguments, Inputs};
use crate::models::Model;
use crate::nn::Parameters;
use crate::resources::{ModelFolder, WEIGHT_FILES};
use crate::text::Batch;
use crate::weights::ties::{TIES, has_tied_decoder};
use crate::weights::{LoadReport, OpenOptions, Staged, Strictness, Watch, WeightFormat, WeightSource, stage_variables};

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
    /// The names of the parameters, in the order of the data's way through them.
    names: Vec<String>,
    /// Parameters that hold the random values of a fresh model.
    untrained: Vec<String>,
}

/// Fills the variables of a model that was built on them, in rust_bert's way, from a checkpoint of any format.
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
    open::<M>(path)?.load_into(variables, &M::BACKBONE, Strictness::Everything)
}

/// Opens a checkpoint; of one with two networks, the one that the model is.
fn open<M: Model>(path: impl AsRef<Path>) -> Result<WeightSource> {
    WeightSource::open_with(path, OpenOptions { preferred: Some(M::COMPONENT), ..OpenOptions::default() })
}

/// The configuration of a folder, if it has one, and its weights.
///
/// # Errors
/// [`Error::Io`], [`Error::MissingFile`], [`Error::Config`].
pub(crate) fn parts_of<C: Config>(folder: &ModelFolder) -> Result<(Option<C>, PathBuf)> {
    let config = folder.config();
    match (config, folder.weights()) {
        // What is missing of an empty folder is the configuration.
        (Err(missing), Err(_)) => Err(missing),
        (config, weights) => Ok((config.ok().map(C::from_file).transpose()?, weights?)),
    }
}

/// What the shapes of tensors tell, where a checkpoint of google-research/electra came without a `config.json`.
///
/// # Errors
/// [`Error::MissingFile`], where they tell nothing.
pub(crate) fn config_by_shapes<C: Config>(folder: &ModelFolder, source: &WeightSource) -> Result<C> {
    let described = ElectraConfig::from_shapes(|name| source.shape(name));
    match described.filter(|_| source.is_googles() && C::MODEL_TYPE == ElectraConfig::MODEL_TYPE) {
        Some(config) => C::from_map(config.to_map()),
        None => C::from_file(folder.config()?),
    }
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
        let parameters = Parameters::random(&variables.root(), config.initial());
        let model = M::build(&parameters, config)?;
        let names = parameters.names();
        let (config, untrained) = (config.clone(), names.clone());
        Ok(Self { model, config, report: LoadReport::default(), variables, names, untrained })
    }

    /// From a folder with `config.json` and weights, the first of [`crate::resources::WEIGHT_FILES`] that is there; or with a
    /// checkpoint of google-research/electra alone, of which the network is taken that the model is.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::MissingFile`], [`Error::Config`], [`Error::WeightsFormat`]; and
    /// [`Error::WeightsMismatch`] by `strictness`.
    pub fn from_folder(folder: impl AsRef<Path>, device: Device, strictness: Strictness) -> Result<Self> {
        let folder = ModelFolder::open(folder)?;
        let (config, weights) = parts_of(&folder)?;
        let source = open::<M>(weights)?;
        let config = config.map_or_else(|| config_by_shapes(&folder, &source), Ok)?;
        Self::from_source(&source, &config, device, strictness)
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
        Self::from_source_watched(source, config, device, strictness, &|_, _| Ok(()))
    }

    /// As [`Pretrained::from_source`], where somebody watches and may give up.
    ///
    /// # Errors
    /// As [`Pretrained::from_source`], and what `watch` says.
    pub fn from_source_watched(
        source: &WeightSource,
        config: &M::Config,
        device: Device,
        strictness: Strictness,
        watch: Watch,
    ) -> Result<Self> {
        let mut config = config.clone();
        config.note_dtype("float32");
        let mut variables = VarStore::new(device);
        let mut parameters = Parameters::deferred(&variables.root());
        let mut model = M::build(&parameters, &config)?;
        if has_tied_decoder(&variables) && source.is_untied(&M::BACKBONE)? {
            config.untie();
            variables = VarStore::new(device);
            parameters = Parameters::deferred(&variables.root());
            model = M::build(&parameters, &config)?;
        }
        let names = parameters.names();
        let report = source.load_into_watched(&variables, &M::BACKBONE, strictness, watch)?;
        let (initial, mut tensors) = (config.initial(), variables.variables());
        for name in &report.missing {
            if let Some(tensor) = tensors.get_mut(name) {
                initial.fill(name, tensor)?;
            }
        }
        let untrained = report.missing.clone();
        Ok(Self { model, config, report, variables, names, untrained })
    }

    /// Replaces the values of the parameters.
    ///
    /// # Errors
    /// As [`WeightSource::load_into`]; then nothing has changed.
    pub fn load(&mut self, source: &WeightSource, strictness: Strictness) -> Result<()> {
        self.report = source.load_into(&self.variables, &M::BACKBONE, strictness)?;
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

    /// All parameters by name, the parameters themselves, in the order of the data's way through them. A tied decoder is
    /// not there a second time.
    #[must_use]
    pub fn parameters(&self) -> Vec<(String, Tensor)> {
        let mut parameters = self.variables.variables();
        self.names.iter().filter_map(|name| Some((name.clone(), parameters.remove(name)?))).collect()
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

    /// What a copy takes over beside the values: which parameters are frozen, which are untrained, what they are stored in.
    #[cfg(feature = "python")]
    pub(crate) fn restore_marks(&mut self, frozen: &[String], untrained: Vec<String>, kind: Kind) -> Result<()> {
        let _no_grad = tch::no_grad_guard();
        for (name, mut parameter) in self.parameters() {
            if parameter.kind() != kind {
                let converted = parameter.f_to_kind(kind)?;
                parameter.f_set_data(&converted)?;
            }
            let _ = parameter.set_requires_grad(!frozen.contains(&name));
        }
        self.untrained = untrained;
        Ok(())
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
        self.model.limits().device
    }

    /// What the parameters are stored in: float32, unless torch converted them.
    #[must_use]
    pub fn dtype(&self) -> &'static str {
        match self.model.limits().kind {
            Kind::Half => "float16",
            Kind::BFloat16 => "bfloat16",
            Kind::Double => "float64",
            _ => "float32",
        }
    }

    /// Moves the parameters to another device. They stay the same parameters: an optimizer made before goes on.
    ///
    /// # Errors
    /// [`Error::Torch`] where it has no memory; then the model is where it was.
    pub fn to_device(&self, device: Device) -> Result<()> {
        let _no_grad = tch::no_grad_guard();
        let mut moved = Vec::new();
        for (_, parameter) in self.parameters() {
            let gradient = parameter.f_grad()?;
            let gradient = gradient.defined().then(|| gradient.f_to_device(device)).transpose()?;
            moved.push((parameter.f_to_device(device)?, parameter, gradient));
        }
        for (there, mut parameter, gradient) in moved {
            parameter.f_set_data(&there)?;
            if let Some(gradient) = gradient {
                parameter.f_grad()?.f_set_data(&gradient)?;
            }
        }
        Ok(())
    }

    /// The word embeddings `[V, E]`, the parameter itself.
    ///
    /// # Errors
    /// [`Error::Internal`] where there are none, which cannot be.
    pub fn word_embeddings(&self) -> Result<Tensor> {
        let words = self.parameters().into_iter().find(|(name, _)| name.ends_with("word_embeddings.weight"));
        words.map(|(_, words)| words).ok_or_else(|| Error::Internal { message: "no word embeddings".into() })
    }

    /// The decoder of a masked LM, weight `[V, E]` and bias `[V]`, the parameters themselves; none for other models.
    #[must_use]
    pub fn decoder(&self) -> Option<(Tensor, Tensor)> {
        let mut parameters = self.variables.variables();
        let (decoder, words) = TIES.iter().find(|(decoder, _)| parameters.contains_key(&bias_of(decoder)))?;
        let bias = parameters.remove(&bias_of(decoder))?;
        let weight = parameters.remove(*decoder).or_else(|| parameters.remove(*words))?;
        Some((weight, bias))
    }

    /// Gives the vocabulary another size, and the decoder of a masked LM with it. The last rows are dropped; new ones are
    /// drawn around the mean of the old ones, or, where `mean` is false, as fresh ones. Gradients become zeros, and an
    /// optimizer has to be made anew.
    ///
    /// Source: `PreTrainedModel.resize_token_embeddings` of transformers 5.23.
    ///
    /// # Errors
    /// [`Error::Config`] where the size is too small; [`Error::Torch`] where there is no memory. Then nothing has changed.
    pub fn resize_vocabulary(&mut self, size: i64, mean: bool) -> Result<()> {
        let mut config = self.config.clone();
        config.set_vocab_size(size);
        config.check()?;
        let words = self.word_embeddings()?;
        let deviation = config.shared().initializer_range;
        let mut changes = vec![Change::new(resized(&words, size, mean, deviation)?, words)?];
        if let Some((weight, bias)) = self.decoder() {
            let is_tied = config.shared().tie_word_embeddings;
            changes.push(Change::new(resized_bias(&bias, size, mean && !is_tied)?, bias)?);
            if !is_tied {
                changes.push(Change::new(resized(&weight, size, mean, deviation)?, weight)?);
            }
        }
        for change in changes {
            change.make()?;
        }
        self.config = config;
        Ok(())
    }

    /// Replaces the word embeddings by others `[V, E]`, with a vocabulary of another size where they have more or fewer
    /// rows.
    ///
    /// # Errors
    /// [`Error::Shape`] where E is another; as [`Pretrained::resize_vocabulary`].
    pub fn set_word_embeddings(&mut self, rows: &Tensor) -> Result<()> {
        let mut words = self.word_embeddings()?;
        let (shape, width) = (rows.size(), words.size()[1]);
        let kind = rows.f_kind()?;
        if !matches!(kind, Kind::Float | Kind::Double | Kind::Half | Kind::BFloat16) {
            let (what, expected) = ("the word embeddings".into(), "a float dtype".into());
            return Err(Error::Dtype { what, expected, got: format!("{kind:?}").to_lowercase() });
        }
        match shape[..] {
            [size, columns] if columns == width => {
                if size != words.size()[0] {
                    self.resize_vocabulary(size, true)?;
                }
                let _no_grad = tch::no_grad_guard();
                Ok(words.f_copy_(rows)?)
            }
            _ => Err(Error::Shape {
                what: "the word embeddings".into(),
                expected: format!("[V, E = {width}]"),
                got: format!("{shape:?}"),
            }),
        }
    }

    /// Another configuration of the same parameters, to be saved with them: other names of labels, other unknown keys. What
    /// the model computes stays as it was built.
    ///
    /// # Errors
    /// [`Error::Config`] where it is one of other parameters, or of other numbers made with them.
    pub fn set_config(&mut self, config: &M::Config) -> Result<()> {
        let described = VarStore::new(Device::Cpu);
        // Nothing touches the memory of these, so they cost nothing.
        M::build(&Parameters::deferred(&described.root()), config)?;
        let (mut described, own) = (described.variables(), self.variables.variables());
        for (name, parameter) in &own {
            let shape = described.remove(name).map(|tensor| tensor.size());
            if shape.as_ref() != Some(&parameter.size()) {
                let got = shape.map_or_else(|| "none".into(), |shape| format!("{shape:?}"));
                let reason = format!("the model's {name} is {:?}, the configuration says {got}", parameter.size());
                return Err(Error::config("the whole configuration", reason));
            }
        }
        if let Some(name) = described.keys().next() {
            let reason = format!("the model has no {name}, the configuration says that it has");
            return Err(Error::config("the whole configuration", reason));
        }
        if let Some(reason) = self.config.encoder().difference(&config.encoder()) {
            return Err(Error::config("the whole configuration", reason));
        }
        self.config = config.clone();
        Ok(())
    }

    /// Writes `config.json` and the weights into a folder, which is made where there is none. Where the folder has weights
    /// in another format, they are written anew too; and where it has some that are not written here, such as several files
    /// of a larger model, then also in the format that is read before all others. So a folder never contradicts itself. All
    /// files are written before the first is replaced.
    ///
    /// # Errors
    /// [`Error::Io`]; then the folder is as it was.
    pub fn save(&self, folder: impl AsRef<Path>, format: WeightFormat) -> Result<()> {
        let folder = folder.as_ref();
        std::fs::create_dir_all(folder).map_err(Error::io("make the folder", folder))?;
        // An older file in another format would contradict the new one, and might be the one that is read.
        let is_written = |known: &WeightFormat| *known == format || folder.join(known.file_name()).exists();
        let mut formats: Vec<WeightFormat> = WeightFormat::ALL.into_iter().filter(is_written).collect();
        let is_ours = |name: &str| formats.iter().any(|known| known.file_name() == name);
        let read = WEIGHT_FILES.into_iter().find(|name| is_ours(name) || folder.join(name).is_file());
        if !read.is_some_and(is_ours) {
            formats.push(WeightFormat::default());
        }
        let mut files = Staged::default();
        for format in formats {
            stage_variables(&mut files, &folder.join(format.file_name()), &self.variables, &M::BACKBONE, format)?;
        }
        let mut config = self.config.clone();
        config.note_dtype(self.dtype());
        config.note_architecture(&M::name());
        files.write(folder.join("config.json"), |file| writeln!(file, "{}", config.to_json()))?;
        files.commit()
    }
}

/// New values for a parameter, which stays the same parameter. Everything is allocated before anything changes.
struct Change {
    parameter: Tensor,
    values: Tensor,
    /// Of the new shape, where there is a gradient.
    gradient: Option<Tensor>,
}

impl Change {
    fn new(values: Tensor, parameter: Tensor) -> Result<Self> {
        let gradient = parameter.f_grad()?.defined().then(|| values.f_zeros_like()).transpose()?;
        Ok(Self { parameter, values, gradient })
    }

    fn make(mut self) -> Result<()> {
        let _no_grad = tch::no_grad_guard();
        let mut old = self.parameter.f_grad()?;
        self.parameter.f_set_data(&self.values)?;
        if let Some(gradient) = self.gradient {
            old.f_set_data(&gradient)?;
        }
        Ok(())
    }
}

/// A table with `size` rows: the first of the old ones, then new ones.
fn resized(old: &Tensor, size: i64, mean: bool, deviation: f64) -> Result<Tensor> {
    /// The covariance of new rows, as a share of the old ones'.
    const SHARE: f64 = 1e-9;
    let _no_grad = tch::no_grad_guard();
    let (rows, width) = (old.size()[0], old.size()[1]);
    if size <= rows {
        // A copy: a view would keep the memory of all rows.
        return Ok(Tensor::f_cat(&[old.f_narrow(0, 0, size)?], 0)?);
    }
    let shape = [size - rows, width];
    let new = if mean {
        let all = old.f_to_kind(Kind::Float)?;
        let centre = all.f_mean_dim(0_i64, true, None)?;
        let centred = all.f_sub(&centre)?;
        let covariance = centred.f_transpose(0, 1)?.f_matmul(&centred)?.f_mul_scalar(SHARE / rows as f64)?;
        let (root, failed) = covariance.f_linalg_cholesky_ex(false, false)?;
        if failed.f_int64_value(&[])? == 0 {
            let draws = Tensor::f_randn(shape, (Kind::Float, old.device()))?;
            draws.f_matmul(&root.f_transpose(0, 1)?)?.f_add(&centre)?
        } else {
            // Fewer old rows than columns: they do not say how new ones should vary.
            centre.f_expand(shape, false)?
        }
    } else {
        Tensor::f_zeros(shape, (Kind::Float, old.device()))?.f_normal_(0.0, deviation)?
    };
    Ok(Tensor::f_cat(&[old, &new.f_to_kind(old.kind())?], 0)?)
}

/// A decoder's bias with `size` numbers: the first of the old ones, then zeros, or their mean.
fn resized_bias(old: &Tensor, size: i64, mean: bool) -> Result<Tensor> {
    let _no_grad = tch::no_grad_guard();
    let length = old.size()[0].min(size);
    let new = if mean { old.f_mean(None)? } else { old.f_mean(None)?.f_zeros_like()? };
    Ok(Tensor::f_cat(&[old.f_narrow(0, 0, length)?, new.f_expand([size - length], false)?], 0)?)
}

fn bias_of(decoder: &str) -> String {
    decoder.replace(".weight", ".bias")
}
