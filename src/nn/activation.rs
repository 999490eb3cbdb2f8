//! Activation functions under the names that checkpoints use.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tch::Tensor;

use crate::error::Result;
use crate::kernels::Function;

/// An activation function. serde reads and writes it as its name.
///
/// ```
/// use oxbert::Activation;
/// assert_eq!(Activation::from_name("gelu"), Some(Activation::Gelu));
/// assert_eq!(Activation::from_name("gellu"), None);
/// ```
///
/// Source: `ACT2FN` of transformers 5.23 and rust_bert's `Activation`. transformers' `prelu` and `xielu` are
/// missing: both have parameters, which no checkpoint of these families carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activation {
    /// `x Φ(x)` by the error function: the default of ELECTRA and DistilBERT.
    Gelu,
    /// `gelu(x)` clipped to [-10, 10].
    Gelu10,
    /// The tanh form as Google's BERT wrote it (`gelu_new`, `gelu_accurate`).
    GeluNew,
    /// The tanh form with the constant 0.7978845608.
    GeluFast,
    /// The tanh form as one fused operation.
    GeluTanh,
    /// `x σ(1.702 x)`.
    QuickGelu,
    /// `max(0, x)`.
    Relu,
    /// `max(0, x)²`.
    ReluSquared,
    /// `min(6, max(0, x))`.
    Relu6,
    /// `x` above zero, `0.01 x` below.
    LeakyRelu,
    /// `x σ(x)`, also called swish.
    Silu,
    /// `x tanh(ln(1 + eˣ))`.
    Mish,
    /// `x min(6, max(0, x + 3)) / 6`.
    HardSwish,
    /// `(1 + erf((x - 0.707107) / (0.282095 √2))) / 2`.
    Laplace,
    /// `√ln(1 + eˣ)`.
    SqrtSoftplus,
    /// The logistic function.
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// `x`.
    Identity,
}

/// √½, rounded as in transformers.
#[expect(clippy::approx_constant, reason = "the exact constant would change the results")]
const LAPLACE_MEAN: f64 = 0.707_107;
/// √(1 / 4π), rounded as in transformers.
const LAPLACE_DEVIATION: f64 = 0.282_095;

/// Every name that a checkpoint may use, with its activation. The first name of an activation is the one that is saved.
const TABLE: &[(&str, Activation)] = &[
    ("gelu", Activation::Gelu),
    ("gelu_python", Activation::Gelu),
    ("gelu_10", Activation::Gelu10),
    ("gelu_new", Activation::GeluNew),
    ("gelu_accurate", Activation::GeluNew),
    ("gelu_fast", Activation::GeluFast),
    ("gelu_pytorch_tanh", Activation::GeluTanh),
    ("gelu_python_tanh", Activation::GeluTanh),
    ("quick_gelu", Activation::QuickGelu),
    ("relu", Activation::Relu),
    ("relu2", Activation::ReluSquared),
    ("relu6", Activation::Relu6),
    ("leaky_relu", Activation::LeakyRelu),
    ("silu", Activation::Silu),
    ("swish", Activation::Silu),
    ("mish", Activation::Mish),
    ("hardswish", Activation::HardSwish),
    ("laplace", Activation::Laplace),
    ("sqrtsoftplus", Activation::SqrtSoftplus),
    ("sigmoid", Activation::Sigmoid),
    ("tanh", Activation::Tanh),
    ("linear", Activation::Identity),
    ("identity", Activation::Identity),
];

impl Activation {
    /// Every name that [`Activation::from_name`] understands.
    pub const NAMES: &'static [&'static str] = &{
        let mut names = [""; TABLE.len()];
        let mut row = 0;
        while row < names.len() {
            names[row] = TABLE[row].0;
            row += 1;
        }
        names
    };

    /// Return the activation called `name`, or None if there is no such activation.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        TABLE.iter().find(|(known, _)| *known == name).map(|(_, activation)| *activation)
    }

    /// Return the activation's name in `config.json`.
    #[must_use]
    pub fn name(self) -> &'static str {
        TABLE.iter().find(|(_, activation)| *activation == self).map_or("linear", |(name, _)| name)
    }

    /// Return the formula, for kernels.
    pub(crate) fn function(self) -> Function {
        match self {
            Self::Gelu => Function::Gelu,
            Self::Gelu10 => Function::GeluClipped,
            Self::GeluNew | Self::GeluFast | Self::GeluTanh => Function::GeluTanh,
            Self::QuickGelu => Function::QuickGelu,
            Self::Relu => Function::Relu,
            Self::ReluSquared => Function::ReluSquared,
            Self::Relu6 => Function::Relu6,
            Self::LeakyRelu => Function::LeakyRelu,
            Self::Silu => Function::Silu,
            Self::Mish => Function::Mish,
            Self::HardSwish => Function::HardSwish,
            Self::Laplace => {
                let width = (LAPLACE_DEVIATION * std::f64::consts::SQRT_2) as f32;
                Function::Laplace { mean: LAPLACE_MEAN as f32, width }
            }
            Self::SqrtSoftplus => Function::SqrtSoftplus,
            Self::Sigmoid => Function::Sigmoid,
            Self::Tanh => Function::Tanh,
            Self::Identity => Function::Identity,
        }
    }

    /// Apply the activation to every element of a tensor of any shape.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if the dtype is not floating point.
    pub fn forward(self, input: &Tensor) -> Result<Tensor> {
        /// √(2/π).
        const ROOT: f64 = std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2;
        Ok(match self {
            Self::Gelu => input.f_gelu("none")?,
            Self::Gelu10 => input.f_gelu("none")?.f_clamp(-10.0, 10.0)?,
            Self::GeluNew => {
                let cube = input.f_pow_tensor_scalar(3.0)?.f_mul_scalar(0.044_715)?;
                tanh_form(input, &cube.f_add(input)?.f_mul_scalar(ROOT)?)?
            }
            Self::GeluFast => {
                let bend = input.f_square()?.f_mul_scalar(0.044_715)?.f_add_scalar(1.0)?;
                tanh_form(input, &input.f_mul_scalar(0.797_884_560_8)?.f_mul(&bend)?)?
            }
            Self::GeluTanh => input.f_gelu("tanh")?,
            Self::QuickGelu => input.f_mul(&input.f_mul_scalar(1.702)?.f_sigmoid()?)?,
            Self::Relu => input.f_relu()?,
            Self::ReluSquared => input.f_relu()?.f_square()?,
            Self::Relu6 => input.f_relu6()?,
            Self::LeakyRelu => input.f_leaky_relu()?,
            Self::Silu => input.f_silu()?,
            Self::Mish => input.f_mish()?,
            Self::HardSwish => input.f_hardswish()?,
            Self::Laplace => {
                let scaled =
                    input.f_sub_scalar(LAPLACE_MEAN)?.f_div_scalar(LAPLACE_DEVIATION * std::f64::consts::SQRT_2)?;
                scaled.f_erf()?.f_add_scalar(1.0)?.f_mul_scalar(0.5)?
            }
            Self::SqrtSoftplus => input.f_softplus()?.f_sqrt()?,
            Self::Sigmoid => input.f_sigmoid()?,
            Self::Tanh => input.f_tanh()?,
            Self::Identity => input.f_alias()?,
        })
    }
}

/// The names of rust_bert's variants.
#[allow(non_upper_case_globals, reason = "rust_bert spells its variants as config.json does")]
impl Activation {
    /// [`Activation::Gelu`].
    pub const gelu: Self = Self::Gelu;
    /// [`Activation::Relu`].
    pub const relu: Self = Self::Relu;
    /// [`Activation::Silu`].
    pub const swish: Self = Self::Silu;
    /// [`Activation::Mish`].
    pub const mish: Self = Self::Mish;
    /// [`Activation::GeluNew`].
    pub const gelu_new: Self = Self::GeluNew;
    /// [`Activation::Tanh`].
    pub const tanh: Self = Self::Tanh;
    /// [`Activation::Identity`].
    pub const identity: Self = Self::Identity;
}

impl Serialize for Activation {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        self.name().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Activation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::from_name(&name).ok_or_else(|| D::Error::unknown_variant(&name, Self::NAMES))
    }
}

/// Return `x (1 + tanh(inner)) / 2`.
fn tanh_form(input: &Tensor, inner: &Tensor) -> Result<Tensor> {
    Ok(inner.f_tanh()?.f_add_scalar(1.0)?.f_mul(&input.f_mul_scalar(0.5)?)?)
}
