//! A batch of tokenised texts -> a model's output.

use crate::error::Result;
use crate::inputs::Inputs;
use crate::models::Model;
use crate::nn::ForwardOptions;
use crate::pretrained::{Frozen, Pretrained};
use crate::text::Batch;

impl<M: Model> Pretrained<M> {
    /// Run the model on tokenised texts, in evaluation mode and without a graph.
    ///
    /// # Errors
    /// The errors of [`Inputs::new`].
    pub fn predict(&self, batch: &Batch) -> Result<M::Output> {
        let _no_grad = tch::no_grad_guard();
        self.model.forward(&Inputs::new(batch, &self.model.limits())?, ForwardOptions::default())
    }
}

impl<M: Model> Frozen<M> {
    /// Run the model on tokenised texts.
    ///
    /// # Errors
    /// The errors of [`Inputs::new`].
    pub fn predict(&self, batch: &Batch) -> Result<M::Output> {
        self.forward(&Inputs::new(batch, &self.limits())?, ForwardOptions::default())
    }
}
