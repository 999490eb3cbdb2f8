//! The model behind a Python class: a trainable one behind a lock, or a frozen one that threads share.

use std::sync::Arc;

use super::outputs::Answer;
use crate::any_model::{AnyModel, Run, Train};
use crate::bindings::door::Guarded;
use crate::config::{AnyConfig, ProblemType};
use crate::error::{Error, Result};
use crate::heads::Shareable;
use crate::inputs::{Arguments, Inputs, Targets, Task};
use crate::models::Model;
use crate::nn::{ForwardOptions, Intercept};
use crate::pretrained::{Frozen, Pretrained};

/// A model without its type.
pub(crate) enum Held {
    Trainable(Guarded<Box<dyn Train<Answer>>>),
    Frozen(Box<dyn Run<Answer> + Sync>),
}

impl<M> From<Pretrained<M>> for Held
where
    M: Model<Config: Into<AnyConfig> + TryFrom<AnyConfig, Error = Error> + Send, Output: Into<Answer>> + Send + 'static,
{
    fn from(model: Pretrained<M>) -> Self {
        Self::Trainable(Guarded::new(Box::new(model)))
    }
}

impl<M> From<Frozen<M>> for Held
where
    M: Model<Config: Into<AnyConfig> + Send + Sync, Frozen: Send + Shareable, Output: Into<Answer>> + 'static,
{
    fn from(model: Frozen<M>) -> Self {
        Self::Frozen(Box::new(model))
    }
}

impl Held {
    /// Read what every model can tell.
    pub(crate) fn read<T>(&self, read: impl FnOnce(&dyn AnyModel) -> T) -> Result<T> {
        Ok(match self {
            Self::Trainable(model) => read(model.lock()?.as_ref()),
            Self::Frozen(model) => read(model.as_ref()),
        })
    }

    /// Work with the parameters.
    ///
    /// # Errors
    /// [`Error::Input`] if the model is frozen; the error of `work`.
    pub(crate) fn train<T>(&self, work: impl FnOnce(&mut dyn Train<Answer>) -> Result<T>) -> Result<T> {
        match self {
            Self::Trainable(model) => work(model.lock()?.as_mut()),
            Self::Frozen(_) => Err(frozen()),
        }
    }

    /// Work with the model without a graph.
    ///
    /// # Errors
    /// Those of the lock of a model that can be trained, and of `work`.
    pub(crate) fn infer<T>(&self, work: impl FnOnce(&dyn Run<Answer>) -> Result<T>) -> Result<T> {
        let _no_grad = tch::no_grad_guard();
        match self {
            Self::Trainable(model) => work(model.lock()?.as_ref()),
            Self::Frozen(model) => work(model.as_ref()),
        }
    }

    /// Run the model, and return the answer and the problem type that the labels show.
    pub(crate) fn run(&self, call: ModelCall) -> Result<(Answer, Option<ProblemType>)> {
        match self {
            Self::Trainable(model) => call.run(model.lock()?.as_ref()),
            Self::Frozen(model) => call.run(model.as_ref()),
        }
    }
}

/// The error of whatever a frozen model cannot do.
pub(crate) fn frozen() -> Error {
    Error::input("the model", "expected one that can be trained, got a frozen one: load it with trainable=True")
}

/// A call of a model.
pub(crate) struct ModelCall {
    pub(crate) arguments: Arguments,
    pub(crate) options: ForwardOptions,
    /// The configuration's problem type, for models that classify texts.
    pub(crate) problem: Option<ProblemType>,
    /// Whether the outputs carry a graph.
    pub(crate) graph: bool,
    /// Whether only the encoder is run.
    pub(crate) is_encoder: bool,
    /// What the caller does itself.
    pub(crate) intercept: Option<Arc<Intercept>>,
}

impl ModelCall {
    fn run<M: Run<Answer> + ?Sized>(self, model: &M) -> Result<(Answer, Option<ProblemType>)> {
        let Self { mut arguments, options, mut problem, graph, is_encoder, intercept } = self;
        let _no_grad = (!graph).then(tch::no_grad_guard);
        let mut limits = model.limits();
        if !graph && let Some(embeddings) = &mut arguments.inputs_embeds {
            // An array of numpy is on no device; a tensor of torch has to be on the right one.
            *embeddings = embeddings.f_to_device(limits.device)?;
        }
        if is_encoder {
            limits.task = Task::Encoding;
        }
        let is_text = matches!(limits.task, Task::Texts { .. });
        if let Task::Texts { problem_type, .. } = &mut limits.task {
            *problem_type = problem;
        }
        let inputs = Inputs::new(arguments, &limits)?;
        if is_text {
            problem = inputs.targets.as_ref().and_then(Targets::problem_type);
        }
        let run = || {
            if is_encoder { model.encode(&inputs, options).map(Answer::from) } else { model.forward(&inputs, options) }
        };
        Ok((intercept.map_or_else(run, |intercept| intercept.during(run))?, problem))
    }
}
