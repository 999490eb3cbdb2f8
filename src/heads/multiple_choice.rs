//! Multiple choice: which of C texts?

use super::losses::loss;
use super::{Head, SummaryHead};
use crate::encoder::Encoded;
use crate::error::Result;
use crate::inputs::{Inputs, Task};
use crate::outputs::MultipleChoiceOutput;

/// One logit from a text's [`Summary`](super::Summary), compared over the choices of a question.
#[derive(Debug)]
pub struct MultipleChoiceHead {
    head: SummaryHead,
}

impl MultipleChoiceHead {
    /// Of a head with one output.
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

    fn forward(&self, encoded: Encoded, inputs: &Inputs, train: bool) -> Result<MultipleChoiceOutput> {
        let logits = self.head.forward_packed(&encoded.hidden, &inputs.layout, train)?;
        let logits = logits.f_view([-1, inputs.layout.choices()])?;
        Ok(MultipleChoiceOutput {
            loss: loss(&logits, inputs.targets.as_ref())?,
            logits,
            all_hidden_states: encoded.unpack_hidden_states(&inputs.layout)?,
            all_attentions: encoded.all_attentions,
        })
    }
}
