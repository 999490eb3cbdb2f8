//! Where the layers get their parameters from: a variable store, a path in it, and how new values are made.

use std::cell::RefCell;
use std::rc::Rc;

use tch::nn::Path;
use tch::{Device, Kind, Tensor};

use crate::error::{Error, Result};

/// The values of fresh parameters, as transformers chooses them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Initial {
    /// σ of the normal distribution.
    pub standard_deviation: f64,
    /// The row of the word embeddings that is zero.
    pub padding: Option<i64>,
    /// Whether the position embeddings are sines and cosines.
    pub sinusoidal: bool,
}

impl Initial {
    /// Gives a parameter its first values, by its name: biases 0, the weights of layer norms 1, everything else
    /// N(0, σ²), the padding row of the word embeddings 0.
    ///
    /// Source: `PreTrainedModel._init_weights` of transformers 5.23.
    ///
    /// # Errors
    /// [`Error::Torch`] where libtorch refuses.
    pub fn fill(&self, name: &str, tensor: &mut Tensor) -> Result<()> {
        let _no_grad = tch::no_grad_guard();
        let is_norm = tensor.dim() == 1 && name.ends_with("weight");
        let _ = if name.ends_with("bias") {
            tensor.f_fill_(0.0)?
        } else if is_norm {
            tensor.f_fill_(1.0)?
        } else if self.sinusoidal && name.ends_with("position_embeddings.weight") {
            tensor.f_copy_(&sinusoids(tensor.size()[0], tensor.size()[1])?)?;
            tensor.f_alias()?
        } else {
            tensor.f_normal_(0.0, self.standard_deviation)?
        };
        if let Some(row) = self.padding.filter(|_| name.ends_with("word_embeddings.weight")) {
            let _ = tensor.f_narrow(0, row, 1)?.f_fill_(0.0)?;
        }
        Ok(())
    }
}

/// `[positions, width]`: sin(p / 10000^(j/width)) in even columns j, in odd ones the cosine of the column before.
///
/// Source: Vaswani et al. 2017, section 3.5.
fn sinusoids(positions: i64, width: i64) -> Result<Tensor> {
    let wave = |position: i64, column: i64| {
        let angle = position as f64 / 10_000_f64.powf((2 * (column / 2)) as f64 / width as f64);
        (if column % 2 == 0 { angle.sin() } else { angle.cos() }) as f32
    };
    let values: Vec<f32> = (0..positions).flat_map(|row| (0..width).map(move |column| wave(row, column))).collect();
    Ok(Tensor::f_from_slice(&values)?.f_view([positions, width])?)
}

/// A path in a variable store, from which layers take their parameters.
///
/// Names are those of the checkpoint: `parameters.at("attention.self.query")` is a folder deeper three times.
#[derive(Debug, Clone)]
pub struct Parameters<'a> {
    path: Path<'a>,
    /// None where a loader fills them.
    initial: Option<Initial>,
    /// The names as they were asked for, which a variable store does not keep.
    order: Rc<RefCell<Vec<String>>>,
    /// A full name before a dot, and where what stands below it is to be found instead.
    twin: Option<(String, Path<'a>)>,
}

impl<'a> Parameters<'a> {
    /// New parameters have these values.
    #[must_use]
    pub fn random(path: &Path<'a>, initial: Initial) -> Self {
        Self { path: path.clone(), initial: Some(initial), order: Rc::default(), twin: None }
    }

    /// New parameters hold whatever their memory holds: the caller must fill all of them.
    ///
    /// Nothing touches the memory before that, so a configuration that asks for more than a file has is refused without
    /// having cost any.
    #[must_use]
    pub fn deferred(path: &Path<'a>) -> Self {
        Self { path: path.clone(), initial: None, order: Rc::default(), twin: None }
    }

    /// The same, but that new parameters have these values.
    #[must_use]
    pub fn initialised(&self, initial: Initial) -> Self {
        Self { initial: Some(initial), ..self.clone() }
    }

    /// The parameters under a dotted name.
    #[must_use]
    pub fn at(&self, name: &str) -> Self {
        // tch panics on a dot inside one component.
        let path = name.split('.').filter(|part| !part.is_empty()).fold(self.path.clone(), |path, part| path.sub(part));
        Self { path, ..self.clone() }
    }

    /// Whatever is asked for under a dotted name is the parameter of the same name under `other`, which is there already:
    /// one parameter of two models.
    #[must_use]
    pub fn sharing(&self, name: &str, other: &Self) -> Self {
        let own = self.at(name).path.path("");
        Self { twin: Some((own, other.path.clone())), ..self.clone() }
    }

    /// The names of all parameters so far, in the order in which the layers asked for them.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.order.borrow().clone()
    }

    /// A new trainable parameter, float32.
    ///
    /// # Errors
    /// [`Error::Torch`] where there is no memory; [`Error::Internal`] where the name is taken.
    pub fn tensor(&self, name: &str, shape: &[i64]) -> Result<Tensor> {
        let full_name = self.path.path(name);
        if let Some(shared) = self.shared(&full_name, shape)? {
            return Ok(shared);
        }
        if self.path.get(name).is_some() {
            // tch would silently register it under another name, which no file would ever fill.
            return Err(Error::Internal { message: format!("the parameter {full_name} is defined twice") });
        }
        let memory = Tensor::f_empty(shape, (Kind::Float, self.device()))?;
        let mut tensor = self.path.add(name, memory, true);
        if let Some(initial) = &self.initial {
            initial.fill(&full_name, &mut tensor)?;
        }
        self.order.borrow_mut().push(full_name);
        Ok(tensor)
    }

    /// The parameter of another model that has this name here.
    fn shared(&self, full_name: &str, shape: &[i64]) -> Result<Option<Tensor>> {
        let Some((own, other)) = &self.twin else { return Ok(None) };
        let Some(rest) = full_name.strip_prefix(own.as_str()) else { return Ok(None) };
        let (folders, last) = rest.rsplit_once('.').unwrap_or(("", rest));
        let path = folders.split('.').filter(|part| !part.is_empty()).fold(other.clone(), |path, part| path.sub(part));
        match path.get(last) {
            Some(tensor) if tensor.size() == shape => Ok(Some(tensor)),
            Some(tensor) => Err(Error::Shape {
                what: full_name.into(),
                expected: format!("{shape:?}, since it is shared"),
                got: format!("{:?}", tensor.size()),
            }),
            None => Err(Error::Internal { message: format!("there is no parameter to share for {full_name}") }),
        }
    }

    fn device(&self) -> Device {
        self.path.device()
    }
}
