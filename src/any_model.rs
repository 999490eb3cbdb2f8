//! Models of any family, trainable or frozen, behind one trait for each type of output.
//!
//! [`Run`] has the methods that pipelines need, and [`Train`] adds those that only a [`Pretrained`] model has.
//! [`frozen`] and [`masked_lm`] choose the family by the folder's `model_type`.

use std::path::{Path, PathBuf};

use tch::{Device, Tensor};

use crate::config::{AnyConfig, Config, DistilBertConfig, ElectraConfig};
use crate::error::{Error, Result};
use crate::heads::{
    Head, JointQuestionAnsweringHead, LinearClassificationHead, MaskedLMHead, QuestionAnsweringHead,
    SequenceClassificationHead, Shareable,
};
use crate::inputs::{Inputs, Limits};
use crate::models::bert::Bert;
use crate::models::distilbert::DistilBert;
use crate::models::electra::Electra;
use crate::models::{HasHead, Model, Network};
use crate::nn::ForwardOptions;
use crate::outputs::{AnswerOutput, MaskedLMOutput, ModelOutput, SequenceClassificationOutput};
use crate::pretrained::{Frozen, FrozenOptions, Pretrained};
use crate::resources::ModelFolder;
use crate::weights::{LoadReport, Strictness, Tolerance, WeightFormat, WeightSource};

/// The methods of every model.
pub trait AnyModel: Send + std::fmt::Debug {
    /// Return the inputs that the model can take now.
    fn limits(&self) -> Limits;
    /// Return the configuration.
    fn config(&self) -> AnyConfig;
    /// Return which parameters the file filled, and which it lacks.
    fn report(&self) -> &LoadReport;
    /// Return the names of parameters that hold random initial values.
    fn untrained(&self) -> &[String];
    /// Return the precision of the parameters: their dtype.
    fn precision(&self) -> &'static str;
}

/// A model whose output is `O` or converts into `O`.
pub trait Run<O>: AnyModel {
    /// Run the model. Outputs of a frozen model carry no graph.
    ///
    /// # Errors
    /// [`Error::Torch`] if libtorch refuses; [`Error::Input`] if a frozen model is run in training mode.
    fn forward(&self, inputs: &Inputs, options: ForwardOptions) -> Result<O>;

    /// Run the encoder without the head, on inputs without targets.
    ///
    /// # Errors
    /// The errors of [`Run::forward`].
    fn encode(&self, inputs: &Inputs, options: ForwardOptions) -> Result<ModelOutput>;
}

/// A masked LM.
pub trait ScoreTokens: Run<MaskedLMOutput> {
    /// Return the logits over the vocabulary at P positions `(row, column)` only, `[P, V]`.
    ///
    /// # Errors
    /// [`Error::Input`] if a position is not kept; [`Error::Torch`] if libtorch refuses.
    fn scores_at(&self, inputs: &Inputs, positions: &[(usize, usize)]) -> Result<Tensor>;
}

/// A model that can be trained, resized, moved and saved.
pub trait Train<O>: Run<O> {
    /// See [`Pretrained::parameters`].
    fn parameters(&self) -> Vec<(String, Tensor)>;
    /// See [`Pretrained::decoder`].
    fn decoder(&self) -> Option<(Tensor, Tensor)>;
    /// See [`Pretrained::word_embeddings`].
    ///
    /// # Errors
    /// The errors of [`Pretrained::word_embeddings`].
    fn word_embeddings(&self) -> Result<Tensor>;
    /// See [`Pretrained::position_embeddings`].
    fn position_embeddings(&self) -> Tensor;
    /// See [`Pretrained::resize_positions`].
    ///
    /// # Errors
    /// The errors of [`Pretrained::resize_positions`].
    fn resize_positions(&mut self, size: i64) -> Result<()>;
    /// See [`Pretrained::resize_vocabulary`].
    ///
    /// # Errors
    /// The errors of [`Pretrained::resize_vocabulary`].
    fn resize_vocabulary(&mut self, size: i64, mean: bool) -> Result<()>;
    /// See [`Pretrained::set_word_embeddings`].
    ///
    /// # Errors
    /// The errors of [`Pretrained::set_word_embeddings`].
    fn set_word_embeddings(&mut self, rows: &Tensor) -> Result<()>;
    /// See [`Pretrained::to_device`].
    ///
    /// # Errors
    /// The errors of [`Pretrained::to_device`].
    fn to_device(&mut self, device: Device) -> Result<()>;
    /// See [`Pretrained::load`].
    ///
    /// # Errors
    /// The errors of [`Pretrained::load`].
    fn load(&mut self, source: &WeightSource, strictness: Strictness) -> Result<()>;
    /// Save with another configuration: see [`Pretrained::set_config`] and [`Pretrained::save`].
    ///
    /// # Errors
    /// The errors of both.
    fn save(&mut self, folder: PathBuf, config: AnyConfig, format: WeightFormat) -> Result<()>;
}

impl<M: Model<Config: Into<AnyConfig> + Send> + Send> AnyModel for Pretrained<M> {
    fn limits(&self) -> Limits {
        self.model.limits()
    }

    fn config(&self) -> AnyConfig {
        self.config.clone().into()
    }

    fn report(&self) -> &LoadReport {
        &self.report
    }

    fn untrained(&self) -> &[String] {
        Pretrained::untrained(self)
    }

    fn precision(&self) -> &'static str {
        self.dtype()
    }
}

impl<M: Model<Config: Into<AnyConfig> + Send, Output: Into<O>> + Send, O> Run<O> for Pretrained<M> {
    fn forward(&self, inputs: &Inputs, options: ForwardOptions) -> Result<O> {
        Ok(self.model.forward(inputs, options)?.into())
    }

    fn encode(&self, inputs: &Inputs, options: ForwardOptions) -> Result<ModelOutput> {
        self.model.encode(inputs, options)
    }
}

impl<M, O> Train<O> for Pretrained<M>
where
    M: Model<Config: Into<AnyConfig> + TryFrom<AnyConfig, Error = Error> + Send, Output: Into<O>> + Send,
{
    fn parameters(&self) -> Vec<(String, Tensor)> {
        Pretrained::parameters(self)
    }

    fn decoder(&self) -> Option<(Tensor, Tensor)> {
        Pretrained::decoder(self)
    }

    fn word_embeddings(&self) -> Result<Tensor> {
        Pretrained::word_embeddings(self)
    }

    fn position_embeddings(&self) -> Tensor {
        Pretrained::position_embeddings(self)
    }

    fn resize_positions(&mut self, size: i64) -> Result<()> {
        Pretrained::resize_positions(self, size)
    }

    fn resize_vocabulary(&mut self, size: i64, mean: bool) -> Result<()> {
        Pretrained::resize_vocabulary(self, size, mean)
    }

    fn set_word_embeddings(&mut self, rows: &Tensor) -> Result<()> {
        Pretrained::set_word_embeddings(self, rows)
    }

    fn to_device(&mut self, device: Device) -> Result<()> {
        Pretrained::to_device(self, device)
    }

    fn load(&mut self, source: &WeightSource, strictness: Strictness) -> Result<()> {
        Pretrained::load(self, source, strictness)
    }

    fn save(&mut self, folder: PathBuf, config: AnyConfig, format: WeightFormat) -> Result<()> {
        self.set_config(&config.try_into()?)?;
        Pretrained::save(self, folder, format)
    }
}

impl<M: Model<Config: Into<AnyConfig> + Send + Sync, Frozen: Send + Shareable>> AnyModel for Frozen<M> {
    fn limits(&self) -> Limits {
        Frozen::limits(self)
    }

    fn config(&self) -> AnyConfig {
        Frozen::config(self).clone().into()
    }

    fn report(&self) -> &LoadReport {
        Frozen::report(self)
    }

    fn untrained(&self) -> &[String] {
        Frozen::untrained(self)
    }

    fn precision(&self) -> &'static str {
        Frozen::precision(self).name()
    }
}

impl<M, O> Run<O> for Frozen<M>
where
    M: Model<Config: Into<AnyConfig> + Send + Sync, Frozen: Send + Shareable, Output: Into<O>>,
{
    fn forward(&self, inputs: &Inputs, options: ForwardOptions) -> Result<O> {
        Ok(Frozen::forward(self, inputs, options)?.into())
    }

    fn encode(&self, inputs: &Inputs, options: ForwardOptions) -> Result<ModelOutput> {
        self.with(|model| model.encode(inputs, options))
    }
}

impl<F: HasHead<MaskedLMHead, Config: Into<AnyConfig> + Send + Sync>> ScoreTokens for Frozen<Network<F, MaskedLMHead>> {
    fn scores_at(&self, inputs: &Inputs, positions: &[(usize, usize)]) -> Result<Tensor> {
        self.with(|model| model.scores_at(inputs, positions, false))
    }
}

/// Load the frozen model of the folder's family with a head, and erase its type.
macro_rules! of_family {
    ($head:ty, $folder:expr, $device:expr, $tolerance:expr, $options:expr) => {
        Ok(if is_distilbert(&$folder)? {
            Box::new(Frozen::<Network<DistilBert, $head>>::from_folder_with($folder, $device, $tolerance, $options)?)
        } else {
            Box::new(Frozen::<Network<Electra, $head>>::from_folder_with($folder, $device, $tolerance, $options)?)
        })
    };
}

/// Load a frozen model with the head `H` from a folder of either family.
///
/// # Errors
/// The errors of [`Frozen::from_folder_with`].
pub fn frozen<H: Head + Shareable + Send + 'static>(
    folder: impl AsRef<Path>,
    device: Device,
    tolerance: impl Into<Tolerance>,
    options: impl Into<FrozenOptions>,
) -> Result<Box<dyn Run<H::Output> + Sync>>
where
    Electra: HasHead<H>,
    DistilBert: HasHead<H>,
{
    frozen_into::<H, H::Output>(folder, device, tolerance, options)
}

/// Load a frozen model with the head `H` from a folder of either family, whose output becomes `O`.
fn frozen_into<H: Head<Output: Into<O>> + Shareable + Send + 'static, O>(
    folder: impl AsRef<Path>,
    device: Device,
    tolerance: impl Into<Tolerance>,
    options: impl Into<FrozenOptions>,
) -> Result<Box<dyn Run<O> + Sync>>
where
    Electra: HasHead<H>,
    DistilBert: HasHead<H>,
{
    of_family!(H, folder, device, tolerance, options)
}

/// Load a frozen model for question answering from a folder of either family, with the head that its configuration names.
///
/// # Errors
/// The errors of [`Frozen::from_folder_with`].
pub fn frozen_answerer(
    folder: impl AsRef<Path>,
    device: Device,
    tolerance: impl Into<Tolerance>,
    options: impl Into<FrozenOptions>,
) -> Result<Box<dyn Run<AnswerOutput> + Sync>> {
    if names_head::<JointQuestionAnsweringHead>(&folder)? {
        return frozen_into::<JointQuestionAnsweringHead, _>(folder, device, tolerance, options);
    }
    frozen_into::<QuestionAnsweringHead, _>(folder, device, tolerance, options)
}

/// Load a frozen text classifier from a folder of either family, or of a BERT, with the head that its configuration names.
///
/// # Errors
/// The errors of [`frozen_or_bert`].
pub fn frozen_classifier(
    folder: impl AsRef<Path>,
    device: Device,
    tolerance: impl Into<Tolerance>,
    options: impl Into<FrozenOptions>,
) -> Result<Box<dyn Run<SequenceClassificationOutput> + Sync>> {
    if names_head::<LinearClassificationHead>(&folder)? {
        return frozen::<LinearClassificationHead>(folder, device, tolerance, options);
    }
    frozen_or_bert::<SequenceClassificationHead>(folder, device, tolerance, options)
}

/// Return whether the folder's configuration names a class with the head `H`.
fn names_head<H: Head>(folder: impl AsRef<Path>) -> Result<bool> {
    let Ok(config) = ModelFolder::open(folder)?.config() else { return Ok(false) };
    Ok(AnyConfig::architecture_of(config)?.is_some_and(|name| name.ends_with(H::NAME)))
}

/// Load a frozen masked LM from a folder of either family.
///
/// # Errors
/// The errors of [`Frozen::from_folder_with`].
pub fn masked_lm(
    folder: impl AsRef<Path>,
    device: Device,
    options: impl Into<FrozenOptions>,
) -> Result<Box<dyn ScoreTokens + Sync>> {
    of_family!(MaskedLMHead, folder, device, Strictness::default(), options)
}

/// Load a frozen model with the head `H` from a folder of either family, or of a BERT.
///
/// # Errors
/// The errors of [`Frozen::from_folder_with`]; [`Error::Config`] if a BERT does not fit, see
/// [`ElectraConfig::from_bert`].
pub fn frozen_or_bert<H: Head + Shareable + Send + 'static>(
    folder: impl AsRef<Path>,
    device: Device,
    tolerance: impl Into<Tolerance>,
    options: impl Into<FrozenOptions>,
) -> Result<Box<dyn Run<H::Output> + Sync>>
where
    Electra: HasHead<H>,
    DistilBert: HasHead<H>,
    Bert: HasHead<H>,
{
    let files = ModelFolder::open(&folder)?;
    // A checkpoint of google-research/electra has no configuration.
    let bert = files.config().ok().map(|path| AnyConfig::bert(&path).map(|values| (path, values))).transpose()?;
    let Some((path, Some(values))) = bert else { return frozen::<H>(folder, device, tolerance, options) };
    let config = ElectraConfig::from_bert(values).map_err(|error| error.in_file(&path))?;
    let source = WeightSource::open(files.weights()?)?;
    let go_on = |_: usize, _: usize| Ok(());
    let model = Frozen::<Network<Bert, H>>::from_source_watched(&source, &config, device, tolerance, options, &go_on)?;
    Ok(Box::new(model))
}

/// Return whether the folder's configuration is DistilBERT's. A folder without a configuration may hold a checkpoint of
/// google-research/electra, and a configuration that names neither family is read as ELECTRA's.
fn is_distilbert(folder: impl AsRef<Path>) -> Result<bool> {
    let Ok(config) = ModelFolder::open(folder)?.config() else { return Ok(false) };
    Ok(AnyConfig::family_of(config)? == Some(DistilBertConfig::MODEL_TYPE))
}
