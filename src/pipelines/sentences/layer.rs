//! The layers after the pooling of a sentence encoder.

use crate::error::{Error, Result};
use crate::nn::Activation;

/// A layer of a sentence encoder.
#[derive(Debug)]
pub(super) enum Layer {
    /// `act(W x + b)`.
    Dense(Dense),
    /// `x / |x|`.
    Normalize,
}

/// `W x + b`, computed row by row in one order, so that a row's numbers never depend on its neighbours.
#[derive(Debug)]
pub(super) struct Dense {
    inputs: usize,
    /// `[outputs, inputs]`.
    weight: Vec<f32>,
    bias: Vec<f32>,
    pub(super) activation: Activation,
}

impl Dense {
    /// Take a weight `[outputs, inputs]` and a bias `[outputs]`.
    pub(super) fn new(inputs: usize, weight: Vec<f32>, bias: Vec<f32>, activation: Activation) -> Self {
        Self { inputs, weight, bias, activation }
    }

    /// Map a row of `inputs` numbers, without the activation.
    pub(super) fn forward(&self, row: &[f32], out: &mut [f32]) {
        for ((out, weights), bias) in out.iter_mut().zip(self.weight.chunks_exact(self.inputs)).zip(&self.bias) {
            *out = product(row, weights) + bias;
        }
    }
}

impl Layer {
    /// Return the width of the layer's output for an input of some width.
    ///
    /// # Errors
    /// [`Error::Config`] if the layer takes another width.
    pub(super) fn width(&self, width: usize) -> Result<usize> {
        match self {
            Self::Normalize => Ok(width),
            Self::Dense(dense) if dense.inputs == width => Ok(dense.bias.len()),
            Self::Dense(dense) => {
                let reason = format!("expected {width}, the width of what comes before, got {}", dense.inputs);
                Err(Error::config("in_features", reason))
            }
        }
    }
}

/// Return the product of two vectors, in lanes that the compiler turns into vector instructions.
fn product(one: &[f32], other: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0.0_f32; LANES];
    let (ones, others) = (one.chunks_exact(LANES), other.chunks_exact(LANES));
    let rest: f32 = ones.remainder().iter().zip(others.remainder()).map(|(one, other)| one * other).sum();
    for (one, other) in ones.zip(others) {
        for ((sum, one), other) in sums.iter_mut().zip(one).zip(other) {
            *sum += one * other;
        }
    }
    sums.iter().sum::<f32>() + rest
}
