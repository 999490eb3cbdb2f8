//! Multiple choice: choose one of C texts.

use tch::Tensor;

use super::losses::loss;
use super::{Head, SummaryHead};
use crate::error::Result;
use crate::inputs::{Inputs, Task};
use crate::outputs::MultipleChoiceOutput;

/// One logit from the [`Summary`](super::Summary) of each text, compared over the choices of a question.
#[derive(Debug)]
pub struct MultipleChoiceHead {
    head: SummaryHead,
}

impl MultipleChoiceHead {
    /// Build the head from a summary head with one output.
    #[must_use]
    pub fn new(head: SummaryHead) -> Self {
        Self { head }
    }
}

impl Head for MultipleChoiceHead {
    type Output = MultipleChoiceOutput;
    const NAME: &'static str = "ForMultipleChoice";

    fn task(&self) -> Task {
        Task::Choices
    }

    fn answer(&self, hidden: &Tensor, inputs: &Inputs, train: bool) -> Result<MultipleChoiceOutput> {
        let logits = self.head.forward_packed(hidden, &inputs.layout, train)?;
        let logits = logits.f_view([-1, inputs.layout.choices()])?;
        Ok(MultipleChoiceOutput::new(loss(&logits, inputs.targets.as_ref())?, logits))
    }
}
