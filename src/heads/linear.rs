//! Text classification by one linear layer.

use tch::Tensor;

use super::{Head, SequenceClassificationHead};
use crate::error::Result;
use crate::inputs::{Inputs, Task};
use crate::outputs::SequenceClassificationOutput;

/// `W drop(x_0) + b`: L logits from the hidden state of the first kept token, without a hidden layer.
///
/// Source: google-research/electra, `finetune/classification/classification_tasks.py`.
#[derive(Debug)]
pub struct LinearClassificationHead(SequenceClassificationHead);

impl LinearClassificationHead {
    /// Build the head from that of a text classifier without a projection.
    #[must_use]
    pub fn new(head: SequenceClassificationHead) -> Self {
        Self(head)
    }
}

impl Head for LinearClassificationHead {
    type Output = SequenceClassificationOutput;
    const NAME: &'static str = "ForLinearClassification";

    fn task(&self) -> Task {
        self.0.task()
    }

    fn answer(&self, hidden: &Tensor, inputs: &Inputs, train: bool) -> Result<SequenceClassificationOutput> {
        self.0.answer(hidden, inputs, train)
    }
}
