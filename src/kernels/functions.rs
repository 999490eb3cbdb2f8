//! Elementary functions on vectors, and activations.

use super::rows::parts;
use super::simd::{MOST_LANES, Simd};
use super::{Choice, Forms, Work};

/// `eˣ` within 3e-7 relative; e⁻⁸⁷ below -87, and e⁸⁸ above 88.
#[inline(always)]
pub(super) unsafe fn exp<S: Simd>(x: S::Floats) -> S::Floats {
    unsafe {
        // Each bound comes second, since `max` and `min` return their second argument for NaN: NaN is kept.
        let x = S::min(S::splat(88.0), S::max(S::splat(-87.0), x));
        // x = n ln 2 + r. ln 2 is subtracted in two parts, the first with few bits, so that n times it is exact.
        let n = S::round(S::mul(x, S::splat(std::f32::consts::LOG2_E)));
        let r = S::fma(n, S::splat(-0.693_359_4), x);
        let r = S::fma(n, S::splat(2.121_944_4e-4), r);
        // A least-squares fit of (eʳ - 1 - r) / r² on |r| < ln 2 / 2, within 3e-9.
        let mut p = S::splat(0.001_381_46);
        for coefficient in [0.008_368_717_5, 0.041_668_39, 0.166_665_21, 0.499_999_94] {
            p = S::fma(p, r, S::splat(coefficient));
        }
        let p = S::fma(S::mul(p, r), r, S::add(r, S::splat(1.0)));
        S::scale(p, n)
    }
}

/// The error function, within 4e-7.
#[inline(always)]
pub(super) unsafe fn erf<S: Simd>(x: S::Floats) -> S::Floats {
    unsafe {
        /// Nearly 2/√π, the slope of erf at 0.
        #[expect(clippy::approx_constant, reason = "the fit has another value")]
        const FIRST: f32 = 1.128_379;
        // 1 - erf(3.92) = 3e-8 is half a unit in the last place of 1.
        let x = S::min(S::splat(3.92), S::max(S::splat(-3.92), x));
        let t = S::mul(x, x);
        // A least-squares fit of erf(x) / x as a fraction of two polynomials of x², within 2e-8.
        let mut p = S::splat(2.034_741_8e-6);
        for coefficient in [2.874_771_6e-4, 0.003_868_253_4, 0.053_060_263, 0.192_762_4, FIRST] {
            p = S::fma(p, t, S::splat(coefficient));
        }
        let mut q = S::splat(3.807_059_3e-5);
        for coefficient in [0.001_188_095_9, 0.015_172_153, 0.115_083_93, 0.504_162_9, 1.0] {
            q = S::fma(q, t, S::splat(coefficient));
        }
        // Rounding may lead beyond 1, which gelu multiplies by x.
        let fraction = S::div(S::mul(x, p), q);
        S::min(S::splat(1.0), S::max(S::splat(-1.0), fraction))
    }
}

/// The logistic function.
#[inline(always)]
unsafe fn sigmoid<S: Simd>(x: S::Floats) -> S::Floats {
    unsafe { S::div(S::splat(1.0), S::add(S::splat(1.0), exp::<S>(S::sub(S::splat(0.0), x)))) }
}

/// The hyperbolic tangent, within 3e-7.
#[inline(always)]
unsafe fn tanh<S: Simd>(x: S::Floats) -> S::Floats {
    // 1 - 2 / (1 + e²ˣ)
    unsafe {
        let fall = S::div(S::splat(2.0), S::add(S::splat(1.0), exp::<S>(S::add(x, x))));
        S::sub(S::splat(1.0), fall)
    }
}

/// An activation as a formula.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Function {
    /// `x Φ(x)`.
    Gelu,
    /// `x Φ(x)` clipped to [-10, 10].
    GeluClipped,
    /// `x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2`.
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
    /// `x σ(x)`.
    Silu,
    /// `x min(6, max(0, x + 3)) / 6`.
    HardSwish,
    /// `x tanh(ln(1 + eˣ))`.
    Mish,
    /// `(1 + erf((x - mean) / (deviation √2))) / 2`.
    Laplace {
        /// The mean.
        mean: f32,
        /// `deviation √2`.
        width: f32,
    },
    /// `√ln(1 + eˣ)`.
    SqrtSoftplus,
    /// The logistic function.
    Sigmoid,
    /// The hyperbolic tangent.
    Tanh,
    /// `x`.
    Identity,
}

impl Function {
    /// Return the function of each value.
    #[inline(always)]
    pub(super) unsafe fn of<S: Simd>(self, x: S::Floats) -> S::Floats {
        unsafe {
            match self {
                Self::Gelu => gelu::<S>(x),
                Self::GeluClipped => S::min(S::splat(10.0), S::max(S::splat(-10.0), gelu::<S>(x))),
                Self::GeluTanh => {
                    let cube = S::mul(S::mul(x, x), x);
                    let inner = S::mul(S::fma(cube, S::splat(0.044_715), x), S::splat(0.797_884_6));
                    S::mul(S::mul(x, S::splat(0.5)), S::add(S::splat(1.0), tanh::<S>(inner)))
                }
                Self::QuickGelu => S::mul(x, sigmoid::<S>(S::mul(x, S::splat(1.702)))),
                Self::Relu => S::max(S::splat(0.0), x),
                Self::ReluSquared => {
                    let x = S::max(S::splat(0.0), x);
                    S::mul(x, x)
                }
                Self::Relu6 => S::min(S::splat(6.0), S::max(S::splat(0.0), x)),
                Self::LeakyRelu => S::max(S::mul(x, S::splat(0.01)), x),
                Self::Silu => S::mul(x, sigmoid::<S>(x)),
                Self::HardSwish => {
                    let gate = S::min(S::splat(6.0), S::max(S::splat(0.0), S::add(x, S::splat(3.0))));
                    S::div(S::mul(x, gate), S::splat(6.0))
                }
                Self::Mish => {
                    // tanh(ln(1 + w)) = w (w + 2) / (w (w + 2) + 2); above 20 it is 1 in float32.
                    let w = exp::<S>(S::min(S::splat(20.0), x));
                    let n = S::mul(w, S::add(w, S::splat(2.0)));
                    S::mul(x, S::div(n, S::add(n, S::splat(2.0))))
                }
                Self::Laplace { mean, width } => {
                    let scaled = S::div(S::sub(x, S::splat(mean)), S::splat(width));
                    S::mul(S::add(erf::<S>(scaled), S::splat(1.0)), S::splat(0.5))
                }
                Self::SqrtSoftplus => {
                    let mut lanes = [0.0_f32; MOST_LANES];
                    S::store(lanes.as_mut_ptr(), x);
                    // As in libtorch, softplus is x itself above 20.
                    let softplus = |x: f32| if x > 20.0 { x } else { x.exp().ln_1p() };
                    for lane in &mut lanes {
                        *lane = softplus(*lane).sqrt();
                    }
                    S::load(lanes.as_ptr())
                }
                Self::Sigmoid => sigmoid::<S>(x),
                Self::Tanh => tanh::<S>(x),
                Self::Identity => x,
            }
        }
    }
}

#[inline(always)]
unsafe fn gelu<S: Simd>(x: S::Floats) -> S::Floats {
    unsafe {
        let half = S::mul(x, S::splat(0.5));
        S::fma(half, erf::<S>(S::mul(x, S::splat(std::f32::consts::FRAC_1_SQRT_2))), half)
    }
}

/// Apply a function to each value.
pub(crate) fn apply(choice: Choice, function: Function, values: &mut [f32]) {
    choice.run(Map { function, values });
}

struct Map<'a> {
    function: Function,
    values: &'a mut [f32],
}

impl Work for Map<'_> {
    type Result = ();

    fn run<S: Simd, F: Forms>(self) {
        let Self { function, values } = self;
        let (count, start) = (values.len(), values.as_mut_ptr());
        // SAFETY: the choice runs on this processor.
        unsafe {
            S::compile(
                #[inline(always)]
                || {
                    parts::<S>(
                        count,
                        #[inline(always)]
                        |at, part| {
                            let place = start.add(at);
                            S::store_part(place, function.of::<S>(S::load_part(place, part)), part);
                        },
                    );
                },
            );
        }
    }
}
