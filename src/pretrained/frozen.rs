//! A model that can only be run, on a frozen engine, and be shared between threads.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tch::{Device, Kind, Tensor};

use super::Pretrained;
use super::load::{Described, fill_missing, open_folder};
use crate::engine::{Precision, choose};
use crate::error::{Error, Result};
use crate::heads::Shareable;
use crate::inputs::{Inputs, Limits};
use crate::interrupt;
use crate::models::Model;
use crate::nn::{ForwardOptions, Parameters, Values};
use crate::weights::{Fit, LoadReport, Tolerance, Watch, WeightSource};

/// How a frozen model computes. A [`Precision`] converts into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrozenOptions {
    /// The precision of the encoder's layers. Heads are float32; on kernels word embeddings are float16 if the layers are not
    /// float32.
    pub precision: Precision,
    /// Whether a precision is taken that the processor has no arithmetic for, and computed in float32.
    pub emulate: bool,
}

impl Default for FrozenOptions {
    fn default() -> Self {
        Precision::Float32.into()
    }
}

impl From<Precision> for FrozenOptions {
    fn from(precision: Precision) -> Self {
        Self { precision, emulate: false }
    }
}

/// A model `M` on a frozen [`Engine`](crate::engine::Engine).
///
/// A frozen model has no parameters to read, train, resize or save, and its outputs carry no graph. Threads can share a
/// frozen model without a lock, and a clone shares the weights (see [`crate::pretrained`]).
///
/// ```
/// use oxbert::electra::{ElectraConfig, ElectraForMaskedLM};
/// use oxbert::pretrained::Frozen;
/// use oxbert::{Pretrained, text::Batch};
/// use tch::Device;
///
/// let config = ElectraConfig { vocab_size: 50, hidden_size: 8, num_hidden_layers: 1, ..ElectraConfig::default() };
/// let model = Frozen::new(Pretrained::<ElectraForMaskedLM>::from_config(&config, Some(7), Device::Cpu)?)?;
/// let batch = Batch { ids: vec![vec![2, 7, 3]], type_ids: vec![vec![0; 3]] };
/// let sizes = |model: &Frozen<ElectraForMaskedLM>| model.predict(&batch).map(|output| output.prediction_scores.size());
/// std::thread::scope(|scope| {
///     let threads = [0, 1].map(|_| scope.spawn(|| sizes(&model)));
///     threads.map(|thread| assert_eq!(thread.join().unwrap().unwrap(), [1, 3, 50]));
/// });
/// assert_eq!(sizes(&model.clone())?, [1, 3, 50]);
/// # Ok::<(), oxbert::Error>(())
/// ```
#[derive(Debug)]
pub struct Frozen<M: Model>(Arc<Parts<M>>);

impl<M: Model> Clone for Frozen<M> {
    /// Return another handle to the same weights.
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct Parts<M: Model> {
    model: M::Frozen,
    precision: Precision,
    config: M::Config,
    report: LoadReport,
    untrained: Vec<String>,
}

// SAFETY: a `Tensor` is not `Sync` because its methods can change it through a shared reference. Only this type, behind
// `Frozen`, has the tensors of `model`: they were copied or read for it, require no gradient, and are only read by `forward`,
// without a graph.
// libtorch allows several threads to read a tensor at once. Everything else inside is `Shareable` by its own promise.
unsafe impl<M: Model<Config: Sync, Frozen: Shareable>> Sync for Parts<M> {}

impl<M: Model> Frozen<M> {
    /// Freeze a copy of a model's parameters as they are now, in float32.
    ///
    /// # Errors
    /// [`Error::Torch`] if there is no memory.
    pub fn new(model: Pretrained<M>) -> Result<Self> {
        Self::new_with(model, FrozenOptions::default())
    }

    /// Freeze a copy of a model's parameters as they are now, in any precision.
    ///
    /// # Errors
    /// [`Error::Torch`] if there is no memory; [`Error::Input`] if the processor or the device lacks the precision.
    pub fn new_with(model: Pretrained<M>, options: impl Into<FrozenOptions>) -> Result<Self> {
        let FrozenOptions { precision, emulate } = options.into();
        let arithmetic = choose(precision, model.model.limits().device, emulate)?;
        let _no_grad = tch::no_grad_guard();
        let tensors = Tensors(model.variables.variables().into_iter().collect());
        let Pretrained { config, report, untrained, .. } = model;
        let model = M::Frozen::build(&Parameters::frozen(&tensors, arithmetic), &config)?;
        Ok(Self(Arc::new(Parts { model, precision, config, report, untrained })))
    }

    /// Load a model from a folder in float32, as [`Pretrained::from_folder`] does.
    ///
    /// # Errors
    /// The errors of [`Pretrained::from_folder`].
    pub fn from_folder(folder: impl AsRef<Path>, device: Device, tolerance: impl Into<Tolerance>) -> Result<Self> {
        Self::from_folder_with(folder, device, tolerance, FrozenOptions::default())
    }

    /// Load a model from a folder in any precision, as [`Pretrained::from_folder`] does.
    ///
    /// # Errors
    /// The errors of [`Pretrained::from_folder`]; [`Error::Input`] if the processor or the device lacks the precision.
    pub fn from_folder_with(
        folder: impl AsRef<Path>,
        device: Device,
        tolerance: impl Into<Tolerance>,
        options: impl Into<FrozenOptions>,
    ) -> Result<Self> {
        let (config, source) = open_folder::<M>(folder)?;
        Self::from_source_watched(&source, &config, device, tolerance, options, &|_, _| Ok(()))
    }

    /// Load a model from named tensors, as [`Pretrained::from_source_watched`] does. Every difference is found before
    /// the first tensor is read, and tensors are read one at a time.
    ///
    /// # Errors
    /// The errors of [`Pretrained::from_source_watched`]; [`Error::Input`] if the processor or the device lacks the
    /// precision.
    pub fn from_source_watched(
        source: &WeightSource,
        config: &M::Config,
        device: Device,
        tolerance: impl Into<Tolerance>,
        options: impl Into<FrozenOptions>,
        watch: Watch,
    ) -> Result<Self> {
        let FrozenOptions { precision, emulate } = options.into();
        let arithmetic = choose(precision, device, emulate)?;
        let Described { model, config, variables, .. } = Described::<M>::new(source, config, device)?;
        drop(model);
        let tensors: BTreeMap<String, Tensor> = variables.variables().into_iter().collect();
        let fit = source.fit(&tensors, &M::BACKBONE, tolerance.into())?;
        fill_missing(&variables, &fit.report.unfilled(), &config)?;
        drop(variables);
        let _no_grad = tch::no_grad_guard();
        let (tensors, done, not_finite) = (RefCell::new(tensors), Cell::new(0), RefCell::default());
        let values = FileValues { source, fit: &fit, tensors, watch, done, not_finite };
        let model = M::Frozen::build(&Parameters::frozen(&values, arithmetic), &config)?;
        watch(fit.bytes, fit.bytes)?;
        let mut not_finite = values.not_finite.into_inner();
        not_finite.sort_unstable();
        let report = LoadReport { not_finite, ..fit.report };
        let untrained = report.unfilled();
        Ok(Self(Arc::new(Parts { model, precision, config, report, untrained })))
    }

    /// Return the configuration.
    #[must_use]
    pub fn config(&self) -> &M::Config {
        &self.0.config
    }

    /// Return which parameters the file filled, and which it lacks.
    #[must_use]
    pub fn report(&self) -> &LoadReport {
        &self.0.report
    }

    /// Return the names of parameters that hold random initial values.
    #[must_use]
    pub fn untrained(&self) -> &[String] {
        &self.0.untrained
    }

    /// Return the precision of the weights.
    #[must_use]
    pub fn precision(&self) -> Precision {
        self.0.precision
    }

    /// Return the inputs that the model can take.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.0.model.limits()
    }

    /// Run the model without a graph.
    ///
    /// # Errors
    /// [`Error::Input`] if `options.train` is set; [`Error::Torch`] if libtorch refuses.
    pub fn forward(&self, inputs: &Inputs, options: ForwardOptions) -> Result<M::Output> {
        self.with(|model| model.forward(inputs, options))
    }

    /// Call a method of the network without a graph.
    pub(crate) fn with<T>(&self, call: impl FnOnce(&M::Frozen) -> T) -> T {
        let _no_grad = tch::no_grad_guard();
        call(&self.0.model)
    }
}

/// The values of a model in memory.
#[derive(Debug)]
struct Tensors(BTreeMap<String, Tensor>);

impl Values for Tensors {
    fn tensor(&self, name: &str, _shape: &[i64]) -> Result<Tensor> {
        interrupt::go_on()?;
        let tensor = self.0.get(name).ok_or_else(|| absent(name))?;
        let copy = Tensor::f_empty(tensor.size(), (Kind::Float, tensor.device()))?;
        // A copy, since others may have the parameter.
        copy.shallow_clone().f_copy_(tensor)?;
        Ok(copy)
    }
}

/// The values of a file, and initial values for parameters that the file lacks.
struct FileValues<'a> {
    source: &'a WeightSource,
    fit: &'a Fit,
    /// The memory of all parameters, which was allocated before anything is read: between the temporary memory of reading it
    /// would fragment. A tensor is filled when it is taken out.
    tensors: RefCell<BTreeMap<String, Tensor>>,
    watch: Watch<'a>,
    /// Number of bytes read so far.
    done: Cell<usize>,
    /// The names of parameters with a value that is not finite.
    not_finite: RefCell<Vec<String>>,
}

impl std::fmt::Debug for FileValues<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("FileValues").field("source", &self.source).finish_non_exhaustive()
    }
}

impl Values for FileValues<'_> {
    fn tensor(&self, name: &str, _shape: &[i64]) -> Result<Tensor> {
        interrupt::go_on()?;
        (self.watch)(self.done.get(), self.fit.bytes)?;
        let tensor = self.tensors.borrow_mut().remove(name).ok_or_else(|| absent(name))?.f_detach()?;
        if let Some(source) = self.fit.found.get(name) {
            if !self.source.copy_into(source, &tensor)? {
                self.not_finite.borrow_mut().push(name.to_string());
            }
            self.done.set(self.done.get() + tensor.numel() * tensor.kind().elt_size_in_bytes());
        }
        Ok(tensor)
    }
}

fn absent(name: &str) -> Error {
    Error::Internal { message: format!("the model has no parameter {name}") }
}
