//! A frozen encoder: [`Inputs`] -> packed hidden states `[T, H]`, without gradients.
//!
//! An [`Engine`] is built from the same configuration and table of names as the trainable
//! [`Encoder`](crate::encoder::Encoder) and implements the same trait [`Encode`], so heads and models work with either.
//! Nobody can read, resize, save or train the weights of an engine, so the engine may keep them in the form that is fastest.

mod choice;
mod embeddings;
mod graphs;
mod layers;
mod torch;

use tch::Tensor;

pub(crate) use choice::choose;
pub use choice::{Instructions, Precision, choices, fastest};
pub use graphs::{Recorder, Recording, Work, set_recorder};
use layers::PackedEncoder;
use torch::TorchEncoder;

use crate::config::EncoderConfig;
use crate::encoder::{Encode, Encoded, EncoderNames};
use crate::error::{Error, Result};
use crate::inputs::{Inputs, Limits, Task};
use crate::nn::{Arithmetic, ForwardOptions, Parameters};

/// A frozen encoder.
#[derive(Debug)]
pub struct Engine {
    form: Form,
}

/// The form of the weights, with the code that computes with them.
#[derive(Debug)]
enum Form {
    /// float32, float16 or bfloat16 on libtorch's operators, on any device.
    Torch(TorchEncoder),
    /// Any precision, on the kernels of [`crate::kernels`].
    Packed(PackedEncoder),
}

impl Encode for Engine {
    fn build(parameters: &Parameters, config: &EncoderConfig, names: &EncoderNames) -> Result<Self> {
        let form = match parameters.arithmetic() {
            Some(Arithmetic::Torch(_)) => Form::Torch(TorchEncoder::new(parameters, config, names)?),
            Some(Arithmetic::Kernels(choice)) => Form::Packed(PackedEncoder::new(parameters, config, names, choice)?),
            None => {
                let message = "an engine was built on parameters that can be trained".into();
                return Err(Error::Internal { message });
            }
        };
        Ok(Self { form })
    }

    fn words(&self) -> &Tensor {
        match &self.form {
            Form::Torch(encoder) => encoder.encoder().words(),
            Form::Packed(encoder) => encoder.words(),
        }
    }

    fn positions(&self) -> &Tensor {
        match &self.form {
            Form::Torch(encoder) => encoder.encoder().positions(),
            Form::Packed(encoder) => encoder.positions(),
        }
    }

    fn limits(&self, task: Task) -> Limits {
        match &self.form {
            Form::Torch(encoder) => encoder.encoder().limits(task),
            Form::Packed(encoder) => encoder.limits(task),
        }
    }

    fn encode(&self, inputs: &Inputs, options: ForwardOptions) -> Result<Encoded> {
        if options.train {
            return Err(Error::input("train", "expected false for a frozen model: load it as trainable to train it"));
        }
        let _no_grad = tch::no_grad_guard();
        match &self.form {
            Form::Torch(encoder) => encoder.forward(inputs, options),
            Form::Packed(encoder) => encoder.forward(inputs, options),
        }
    }
}
