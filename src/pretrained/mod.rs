//! A folder -> a model with its weights.
//!
//! Configuration, weights and models meet here: [`crate::models`] knows no files, and [`crate::weights`] knows no
//! models. A [`Pretrained`] model can be trained, resized and saved; a [`Frozen`] model can only be run.
//!
//! # Threads
//!
//! | type | `Send` | `Sync` | `Clone` |
//! |---|---|---|---|
//! | [`Frozen`], and the pipelines, which have one inside | yes | yes | shares the weights |
//! | [`Pretrained`] and models on a `VarStore` of your own | yes | no | no |
//! | tokenizers, configurations, [`Batch`](crate::text::Batch), [`Error`] | yes | yes | as usual ([`Error`]: no) |
//! | [`Inputs`](crate::inputs::Inputs) and outputs, which hold tensors | yes | no | no |
//!
//! tch's `Tensor` is `Send` and not `Sync`, since most of its methods can change it through `&self`: an optimizer that
//! steps while another thread runs a forward pass would be a data race. So a model that can be trained needs a lock, or a
//! thread of its own. The tensors of a frozen model are its own copies, and nothing can reach them but its forward pass,
//! which only reads them without a graph; libtorch lets any number of threads do that. Hand [`Frozen`] out as a clone or in
//! an `Arc`, and make inputs and take numbers out of outputs on the thread that runs the model.
//!
//! libtorch starts threads of its own for each call. Where your program has as many threads as there are cores, call
//! `tch::set_num_threads(1)` once at its start.
//!
//! ```compile_fail,E0277
//! fn share<T: Sync>() {}
//! share::<oxbert::Pretrained<oxbert::electra::ElectraModel>>();
//! ```

mod describe;
mod frozen;
mod load;
mod resize;
mod save;

use tch::nn::VarStore;
use tch::{Device, Tensor};

pub use describe::{Description, describe};
pub use frozen::{Frozen, FrozenOptions};
#[cfg(feature = "python")]
pub(crate) use load::{config_by_shapes, parts_of};
pub use load::{load, load_with};

use crate::config::Config;
use crate::error::{Error, Result};
use crate::models::Model;
use crate::nn::{Parameters, precision};
use crate::weights::LoadReport;

/// A model that can be trained: the network, its variables, its configuration, and the report of loading its weights.
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
    /// The model's configuration. `tie_word_embeddings` is false if the file held a decoder of its own.
    pub config: M::Config,
    /// Which parameters the file filled, and which it lacks.
    pub report: LoadReport,
    variables: VarStore,
    /// The names of the parameters, in the order in which data passes through them.
    names: Vec<String>,
    /// The names of the parameters that hold random initial values.
    untrained: Vec<String>,
}

impl<M: Model> Pretrained<M> {
    /// Build a model with initial values, as transformers does. The seed goes to libtorch's global random generator, as
    /// with `torch.manual_seed`, so that the same seed gives the same values.
    ///
    /// # Errors
    /// [`Error::Config`] if the configuration contradicts itself; [`Error::Torch`] if there is no memory.
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

    /// Return the store of the parameters, for tch's optimizers. A tied decoder is no variable of its own: it is listed
    /// once, as the word embeddings. Parameters that require no gradient stay as they are.
    ///
    /// Call [`Pretrained::mark_trained`] after training: the store does not say which values are still random.
    ///
    /// ```
    /// use oxbert::electra::{ElectraConfig, ElectraForSequenceClassification};
    /// use oxbert::{Pretrained, inputs::Arguments, text::Batch};
    /// use tch::Device;
    /// use tch::nn::{Adam, OptimizerConfig};
    ///
    /// let config = ElectraConfig { vocab_size: 50, hidden_size: 8, num_hidden_layers: 1, ..ElectraConfig::default() };
    /// let mut classifier = Pretrained::<ElectraForSequenceClassification>::from_config(&config, Some(7), Device::Cpu)?;
    /// let mut optimizer = Adam::default().build(classifier.var_store(), 1e-3)?;
    /// let batch = Batch { ids: vec![vec![2, 7, 3], vec![2, 9, 3]], type_ids: vec![vec![0; 3]; 2] };
    /// let output = classifier.model.forward_with(Arguments::from(&batch).with_labels([1, 0]), true)?;
    /// if let Some(loss) = output.loss {
    ///     optimizer.backward_step(&loss);
    /// }
    /// classifier.mark_trained();
    /// # Ok::<(), oxbert::Error>(())
    /// ```
    #[must_use]
    pub fn var_store(&self) -> &VarStore {
        &self.variables
    }

    /// Return the store of the parameters, to freeze all of them or to cast them. To freeze some, call
    /// `set_requires_grad(false)` on those of [`Pretrained::parameters`].
    ///
    /// The parameters must stay the model's own, so do not put another store in place of this one.
    /// [`Pretrained::load`] reads a file, rather than the store's `load`.
    #[must_use]
    pub fn var_store_mut(&mut self) -> &mut VarStore {
        &mut self.variables
    }

    /// Return all parameters by name, the parameters themselves, in the order in which data passes through them. A tied
    /// decoder is listed once, as the word embeddings.
    #[must_use]
    pub fn parameters(&self) -> Vec<(String, Tensor)> {
        let mut parameters = self.variables.variables();
        self.names.iter().filter_map(|name| Some((name.clone(), parameters.remove(name)?))).collect()
    }

    /// Return the names of parameters that no file has filled and [`Pretrained::mark_trained`] has not cleared.
    /// Predictions with such parameters would be random.
    #[must_use]
    pub fn untrained(&self) -> &[String] {
        &self.untrained
    }

    /// Declare that all parameters have been trained.
    pub fn mark_trained(&mut self) {
        self.untrained.clear();
    }

    /// Restore the state of a copied model apart from its values: the frozen parameters, the untrained parameters, and
    /// the dtype.
    #[cfg(feature = "python")]
    pub(crate) fn restore_marks(&mut self, frozen: &[String], untrained: Vec<String>, kind: tch::Kind) -> Result<()> {
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

    /// Refuse a model with parameters that still hold random values.
    ///
    /// # Errors
    /// [`Error::UntrainedHead`], with the names of the parameters.
    pub fn check_trained(&self, task: &str) -> Result<()> {
        check_trained(&self.untrained, task)
    }

    /// Return the device of the parameters.
    #[must_use]
    pub fn device(&self) -> Device {
        self.model.limits().device
    }

    /// Return the dtype of the parameters: float32 unless torch converted them.
    #[must_use]
    pub fn dtype(&self) -> &'static str {
        precision::name_of(self.model.limits().kind).unwrap_or("float32")
    }

    /// Move the parameters to another device. They stay the same parameters, so an existing optimizer keeps working.
    ///
    /// # Errors
    /// [`Error::Torch`] if the device has not enough memory; the model then stays on its device.
    pub fn to_device(&mut self, device: Device) -> Result<()> {
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
        // The parameters are there already; the store takes note of the device.
        self.variables.set_device(device);
        Ok(())
    }

    /// Return the word embeddings `[V, E]`, the parameter itself.
    ///
    /// # Errors
    /// None. The function returns a [`Result`] so that its signature stays the same.
    pub fn word_embeddings(&self) -> Result<Tensor> {
        Ok(self.model.words().shallow_clone())
    }

    /// Return the position embeddings, the parameter itself: one row of E values per position.
    pub fn position_embeddings(&self) -> Tensor {
        self.model.positions().shallow_clone()
    }

    /// Return the decoder of a masked LM, weight `[V, E]` and bias `[V]`, the parameters themselves; None for other
    /// models.
    #[must_use]
    pub fn decoder(&self) -> Option<(Tensor, Tensor)> {
        let (weight, bias) = self.model.decoder()?.tensors()?;
        Some((weight.shallow_clone(), bias.shallow_clone()))
    }
}

/// Refuse a model whose parameters `untrained` still hold random values.
pub(crate) fn check_trained(untrained: &[String], task: &str) -> Result<()> {
    if untrained.is_empty() {
        return Ok(());
    }
    Err(Error::UntrainedHead { task: task.into(), parameters: untrained.to_vec() })
}
