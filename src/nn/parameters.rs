//! The parameters of layers: new ones in a variable store, or frozen values.

use std::cell::RefCell;
use std::rc::Rc;

use tch::nn::Path;
use tch::{Device, Kind, Tensor};

use crate::error::{Error, Result};
use crate::interrupt;
use crate::kernels::{Choice, Precision};
use crate::memory::room;

/// The initial values of new parameters, as transformers chooses them.
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
    /// Fill a parameter with initial values by its name: 0 for biases, 1 for the weights of layer norms, N(0, σ²) for
    /// everything else, and 0 for the padding row of the word embeddings.
    ///
    /// Source: `PreTrainedModel._init_weights` of transformers 5.23.
    ///
    /// # Errors
    /// [`Error::Torch`] if libtorch refuses.
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
            fill_normal(tensor, self.standard_deviation)?;
            tensor.f_alias()?
        };
        if let Some(row) = self.padding.filter(|_| name.ends_with("word_embeddings.weight")) {
            let _ = tensor.f_narrow(0, row, 1)?.f_fill_(0.0)?;
        }
        Ok(())
    }
}

/// The numbers that are drawn at once: a fraction of a second of work. libtorch's generator on a CPU makes numbers by
/// sixteens: a tensor in parts of whole sixteens gets the numbers of the tensor as a whole, if the last part has sixteen
/// or more.
const AT_ONCE: i64 = 1 << 22;

/// Fill a contiguous tensor with the numbers of `normal_`, and ask between parts whether to go on.
fn fill_normal(tensor: &mut Tensor, standard_deviation: f64) -> Result<()> {
    let count = tensor.numel() as i64;
    let at_once = if tensor.device() == Device::Cpu { AT_ONCE } else { count };
    let (flat, mut done) = (tensor.f_view([-1])?, 0);
    while done < count {
        interrupt::go_on()?;
        let rest = count - done;
        let part = if rest < at_once + 16 { rest } else { at_once };
        let _ = flat.f_narrow(0, done, part)?.f_normal_(0.0, standard_deviation)?;
        done += part;
    }
    Ok(())
}

/// Return `[positions, width]`: sin(p / 10000^(j/width)) in even columns j, and in each odd column the cosine of the
/// same angle as in the column before.
///
/// Source: Vaswani et al. 2017, section 3.5.
fn sinusoids(positions: i64, width: i64) -> Result<Tensor> {
    let wave = |position: i64, column: i64| {
        let angle = position as f64 / 10_000_f64.powf((2 * (column / 2)) as f64 / width as f64);
        (if column % 2 == 0 { angle.sin() } else { angle.cos() }) as f32
    };
    // The configuration chooses the size.
    let mut values: Vec<f32> = room("the position embeddings", (positions * width) as usize)?;
    values.extend((0..positions).flat_map(|row| (0..width).map(move |column| wave(row, column))));
    Ok(Tensor::f_from_slice(&values)?.f_view([positions, width])?)
}

/// Named tensors that exist already, for layers that are never trained.
pub trait Values: std::fmt::Debug {
    /// Return the tensor `name`, float32 of this shape, without a gradient. Each name is requested once, so the values
    /// of a file are read one tensor at a time.
    ///
    /// # Errors
    /// [`Error::Internal`] if there is no such name; [`Error::Torch`] if there is no memory.
    fn tensor(&self, name: &str, shape: &[i64]) -> Result<Tensor>;
}

/// The code that computes with frozen parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    /// Kernels. Heads have float32's.
    Kernels(Choice),
    /// libtorch's operators. The products of an encoder's layers have this dtype; all else is float32.
    Torch(Kind),
}

/// A dotted path from which layers take their parameters.
///
/// Names are those of the checkpoint: `parameters.at("attention.self.query")` descends three levels. Behind the path is
/// either a variable store, where every parameter is new and can be trained, or [`Values`], which are frozen.
#[derive(Debug, Clone)]
pub struct Parameters<'a>(Origin<'a>);

#[derive(Debug, Clone)]
enum Origin<'a> {
    Trainable(Trainable<'a>),
    Frozen { values: &'a dyn Values, arithmetic: Arithmetic, kind: Kind, prefix: String },
}

#[derive(Debug, Clone)]
struct Trainable<'a> {
    path: Path<'a>,
    /// None if a loader fills the parameters.
    initial: Option<Initial>,
    /// The names in the order in which layers requested them. A variable store does not keep the order.
    order: Rc<RefCell<Vec<String>>>,
    /// The beginning of full names, up to a dot, and the path in another model with the parameters to share for them.
    twin: Option<(String, Path<'a>)>,
}

impl<'a> Parameters<'a> {
    /// Create new parameters with these initial values.
    #[must_use]
    pub fn random(path: &Path<'a>, initial: Initial) -> Self {
        Self::trainable(path, Some(initial))
    }

    /// Create new parameters in uninitialised memory: the caller must fill all of them.
    ///
    /// The memory is not touched before it is filled, so a configuration that describes more than the file holds costs
    /// nothing before it is refused.
    #[must_use]
    pub fn deferred(path: &Path<'a>) -> Self {
        Self::trainable(path, None)
    }

    fn trainable(path: &Path<'a>, initial: Option<Initial>) -> Self {
        Self(Origin::Trainable(Trainable { path: path.clone(), initial, order: Rc::default(), twin: None }))
    }

    /// Take tensors that exist already. Layers built on them have no parameters to train.
    #[must_use]
    pub(crate) fn frozen(values: &'a dyn Values, arithmetic: Arithmetic) -> Self {
        Self(Origin::Frozen { values, arithmetic, kind: Kind::Float, prefix: String::new() })
    }

    /// Return the same parameters in the dtype of an encoder's products, and the dtype if it is another than float32.
    #[must_use]
    pub(crate) fn of_products(&self) -> (Self, Option<Kind>) {
        match &self.0 {
            Origin::Frozen { values, arithmetic: Arithmetic::Torch(kind), prefix, .. } if *kind != Kind::Float => {
                let (arithmetic, kind) = (Arithmetic::Torch(*kind), *kind);
                (Self(Origin::Frozen { values: *values, arithmetic, kind, prefix: prefix.clone() }), Some(kind))
            }
            Origin::Frozen { .. } | Origin::Trainable(_) => (self.clone(), None),
        }
    }

    /// Return the float32 kernels that frozen layers compute with; None for libtorch's operators.
    pub(crate) fn kernels(&self) -> Option<Choice> {
        match self.arithmetic() {
            Some(Arithmetic::Kernels(choice)) => Some(choice.with(Precision::Float32)),
            Some(Arithmetic::Torch(_)) | None => None,
        }
    }

    /// Return the code that computes with frozen parameters; None for parameters that can be trained.
    pub(crate) fn arithmetic(&self) -> Option<Arithmetic> {
        match &self.0 {
            Origin::Frozen { arithmetic, .. } => Some(*arithmetic),
            Origin::Trainable(_) => None,
        }
    }

    /// Return whether layers built on these parameters can never be trained, so that they may repack their weights.
    #[must_use]
    pub fn is_frozen(&self) -> bool {
        matches!(self.0, Origin::Frozen { .. })
    }

    /// Give new parameters these initial values. Frozen parameters keep their values.
    #[must_use]
    pub fn initialised(&self, initial: Initial) -> Self {
        self.map(|trainable| Trainable { initial: Some(initial), ..trainable })
    }

    /// Descend to the parameters under a dotted name.
    #[must_use]
    pub fn at(&self, name: &str) -> Self {
        match &self.0 {
            Origin::Frozen { values, arithmetic, kind, prefix } => {
                let prefix = format!("{prefix}{name}{}", if name.is_empty() { "" } else { "." });
                Self(Origin::Frozen { values: *values, arithmetic: *arithmetic, kind: *kind, prefix })
            }
            Origin::Trainable(trainable) => {
                let path = descend(&trainable.path, name);
                Self(Origin::Trainable(Trainable { path, ..trainable.clone() }))
            }
        }
    }

    /// Share parameters between two models: each parameter under the dotted name `name` is the parameter with the same
    /// name under `other`, which must exist already.
    #[must_use]
    pub fn sharing(&self, name: &str, other: &Self) -> Self {
        let Origin::Trainable(other) = &other.0 else { return self.clone() };
        self.map(|trainable| {
            let own = descend(&trainable.path, name).path("");
            Trainable { twin: Some((own, other.path.clone())), ..trainable }
        })
    }

    fn map(&self, change: impl FnOnce(Trainable<'a>) -> Trainable<'a>) -> Self {
        match &self.0 {
            Origin::Trainable(trainable) => Self(Origin::Trainable(change(trainable.clone()))),
            Origin::Frozen { .. } => self.clone(),
        }
    }

    /// Return the names of all trainable parameters so far, in the order in which layers requested them.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match &self.0 {
            Origin::Trainable(trainable) => trainable.order.borrow().clone(),
            Origin::Frozen { .. } => Vec::new(),
        }
    }

    /// Return the parameter `name` with this shape: a new one that can be trained, float32, or one of the frozen values.
    ///
    /// # Errors
    /// [`Error::Torch`] if there is no memory; [`Error::Internal`] if the name is taken, or if the frozen values lack
    /// it.
    pub fn tensor(&self, name: &str, shape: &[i64]) -> Result<Tensor> {
        match &self.0 {
            Origin::Trainable(trainable) => trainable.tensor(name, shape),
            Origin::Frozen { values, kind, prefix, .. } => {
                Ok(values.tensor(&format!("{prefix}{name}"), shape)?.f_to_kind(*kind)?)
            }
        }
    }
}

impl Trainable<'_> {
    fn tensor(&self, name: &str, shape: &[i64]) -> Result<Tensor> {
        interrupt::go_on()?;
        let full_name = self.path.path(name);
        if let Some(shared) = self.shared(&full_name, shape)? {
            return Ok(shared);
        }
        if self.path.get(name).is_some() {
            // tch would silently register the parameter under a new name, which no file would ever fill.
            return Err(Error::Internal { message: format!("the parameter {full_name} is defined twice") });
        }
        let memory = Tensor::f_empty(shape, (Kind::Float, self.path.device()))?;
        let mut tensor = self.path.add(name, memory, true);
        if let Some(initial) = &self.initial {
            initial.fill(&full_name, &mut tensor)?;
        }
        self.order.borrow_mut().push(full_name);
        Ok(tensor)
    }

    /// Return the parameter of another model that has this name here.
    fn shared(&self, full_name: &str, shape: &[i64]) -> Result<Option<Tensor>> {
        let Some((own, other)) = &self.twin else { return Ok(None) };
        let Some(rest) = full_name.strip_prefix(own.as_str()) else { return Ok(None) };
        let (folders, last) = rest.rsplit_once('.').unwrap_or(("", rest));
        match descend(other, folders).get(last) {
            Some(tensor) if tensor.size() == shape => Ok(Some(tensor)),
            Some(tensor) => Err(Error::Shape {
                what: full_name.into(),
                expected: format!("{shape:?}, since it is shared"),
                got: format!("{:?}", tensor.size()),
            }),
            None => Err(Error::Internal { message: format!("there is no parameter to share for {full_name}") }),
        }
    }
}

/// Descend by a dotted name: tch panics on a dot inside one component.
fn descend<'a>(path: &Path<'a>, name: &str) -> Path<'a> {
    name.split('.').filter(|part| !part.is_empty()).fold(path.clone(), |path, part| path.sub(part))
}
