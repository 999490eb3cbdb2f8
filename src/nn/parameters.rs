//! Where the layers get their parameters from: a variable store, a path in it, and how new values are made.

use tch::nn::Path;
use tch::{Device, Kind, Tensor};

use crate::error::{Error, Result};

/// How a new parameter gets its values.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Filling {
    /// As transformers initialises a model, with this standard deviation.
    Random { standard_deviation: f64 },
    /// Whatever the memory holds: a loader fills all of them.
    Deferred,
}

/// A path in a variable store, from which layers take their parameters.
///
/// Names are those of the checkpoint: `parameters.at("attention.self.query")` is a folder deeper three times.
#[derive(Debug, Clone)]
pub struct Parameters<'a> {
    path: Path<'a>,
    filling: Filling,
}

impl<'a> Parameters<'a> {
    /// New parameters are initialised as transformers does: see [`initialise`].
    #[must_use]
    pub fn random(path: &Path<'a>, standard_deviation: f64) -> Self {
        Self { path: path.clone(), filling: Filling::Random { standard_deviation } }
    }

    /// New parameters hold whatever their memory holds: the caller must fill all of them.
    ///
    /// Nothing touches the memory before that, so a configuration that asks for more than a file has is refused without
    /// having cost any.
    #[must_use]
    pub fn deferred(path: &Path<'a>) -> Self {
        Self { path: path.clone(), filling: Filling::Deferred }
    }

    /// The parameters under a dotted name.
    #[must_use]
    pub fn at(&self, name: &str) -> Self {
        // tch panics on a dot inside one component.
        let path = name.split('.').filter(|part| !part.is_empty()).fold(self.path.clone(), |path, part| path.sub(part));
        Self { path, filling: self.filling }
    }

    /// The device of the variable store.
    #[must_use]
    pub fn device(&self) -> Device {
        self.path.device()
    }

    /// A new trainable parameter, float32.
    ///
    /// # Errors
    /// [`Error::Torch`] where there is no memory; [`Error::Internal`] where the name is taken.
    pub fn tensor(&self, name: &str, shape: &[i64]) -> Result<Tensor> {
        let full_name = self.path.path(name);
        if self.exists(name) {
            // tch would silently register it under another name, which no file would ever fill.
            return Err(Error::Internal { message: format!("the parameter {full_name} is defined twice") });
        }
        let memory = Tensor::f_empty(shape, (Kind::Float, self.device()))?;
        let mut tensor = self.path.add(name, memory, true);
        if let Filling::Random { standard_deviation } = self.filling {
            initialise(&full_name, &mut tensor, standard_deviation, None)?;
        }
        Ok(tensor)
    }

    fn exists(&self, name: &str) -> bool {
        self.path.get(name).is_some()
    }

    /// As [`Parameters::tensor`], for an embedding table whose row `padding` starts, and stays, at zero.
    ///
    /// # Errors
    /// As [`Parameters::tensor`].
    pub fn table(&self, name: &str, shape: &[i64], padding: Option<i64>) -> Result<Tensor> {
        let mut tensor = self.tensor(name, shape)?;
        if self.filling != Filling::Deferred {
            zero_row(&mut tensor, padding)?;
        }
        Ok(tensor)
    }
}

/// Gives a parameter the values that transformers gives a fresh one: biases 0, the weights of layer norms 1, everything
/// else N(0, σ²); the row `padding` of an embedding table 0.
///
/// Source: `PreTrainedModel._init_weights` of transformers 5.23.
///
/// # Errors
/// [`Error::Torch`] where libtorch refuses.
pub fn initialise(name: &str, tensor: &mut Tensor, standard_deviation: f64, padding: Option<i64>) -> Result<()> {
    let _no_grad = tch::no_grad_guard();
    let is_norm = tensor.dim() == 1 && name.ends_with("weight");
    let _ = if name.ends_with("bias") {
        tensor.f_fill_(0.0)?
    } else if is_norm {
        tensor.f_fill_(1.0)?
    } else {
        tensor.f_normal_(0.0, standard_deviation)?
    };
    zero_row(tensor, padding)
}

fn zero_row(tensor: &mut Tensor, row: Option<i64>) -> Result<()> {
    if let Some(row) = row {
        let _no_grad = tch::no_grad_guard();
        let _ = tensor.f_narrow(0, row, 1)?.f_fill_(0.0)?;
    }
    Ok(())
}
