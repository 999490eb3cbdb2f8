//! A batch of tokenised texts -> a model's output.

use crate::error::Result;
use crate::inputs::{Arguments, Inputs};
use crate::models::Model;
use crate::nn::ForwardOptions;
use crate::pretrained::Pretrained;
use crate::text::Batch;

impl<M: Model> Pretrained<M> {
    /// Run the model on tokenised texts, in evaluation mode and without a graph.
    ///
    /// # Errors
    /// The errors of [`Inputs::new`].
    pub fn predict(&self, batch: &Batch) -> Result<M::Output> {
        let _no_grad = tch::no_grad_guard();
        let inputs = Inputs::new(Arguments::from_batch(batch), &self.model.limits())?;
        self.model.forward(&inputs, ForwardOptions::default())
    }
}
