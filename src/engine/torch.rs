//! A frozen encoder on libtorch's operators.

use std::sync::Arc;

use tch::Device;

use super::graphs::Graphs;
use crate::config::EncoderConfig;
use crate::encoder::{Encoded, Encoder, EncoderNames};
use crate::error::Result;
use crate::inputs::{Inputs, Task};
use crate::nn::{Direction, ForwardOptions, Parameters};

/// The layers of the trainable encoder on frozen values, with queries, keys and values packed into one matrix.
#[derive(Debug)]
pub(super) struct TorchEncoder {
    encoder: Arc<Shared>,
    /// On a GPU.
    graphs: Option<Graphs>,
}

#[derive(Debug)]
struct Shared(Encoder);

// SAFETY: a `Tensor` is not `Sync` because its methods can change it through a shared reference. The tensors of a frozen
// encoder are only read, which libtorch allows several threads to do at once.
unsafe impl Sync for Shared {}

impl TorchEncoder {
    pub(super) fn new(parameters: &Parameters, config: &EncoderConfig, names: &EncoderNames) -> Result<Self> {
        let encoder = Arc::new(Shared(Encoder::new(parameters, config, names)?));
        let device = encoder.0.limits(Task::Encoding).device;
        let graphs = (matches!(device, Device::Cuda(_)) && encoder.0.is_ragged()).then(|| {
            let encoder = Arc::clone(&encoder);
            Graphs::new(Arc::new(move |inputs| Ok(encoder.0.forward(inputs, ForwardOptions::default())?.hidden)))
        });
        Ok(Self { encoder, graphs })
    }

    pub(super) fn encoder(&self) -> &Encoder {
        &self.encoder.0
    }

    pub(super) fn forward(&self, inputs: &Inputs, options: ForwardOptions) -> Result<Encoded> {
        let is_plain = !options.output_hidden_states && !options.output_attentions;
        if let Some(graphs) = &self.graphs
            && is_plain
            && options.direction == Direction::Both
            && let Some(hidden) = graphs.run(inputs)?
        {
            return Ok(Encoded { hidden, all_hidden_states: None, all_attentions: None });
        }
        self.encoder.0.forward(inputs, options)
    }
}
