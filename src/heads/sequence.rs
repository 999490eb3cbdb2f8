//! Text classification: one label, several labels, or numbers for each text.

use tch::Tensor;

use super::losses::loss;
use super::{Head, SummaryHead};
use crate::config::ProblemType;
use crate::error::Result;
use crate::inputs::{Inputs, Task};
use crate::outputs::SequenceClassificationOutput;

/// L logits from the [`Summary`](super::Summary) of each text.
#[derive(Debug)]
pub struct SequenceClassificationHead {
    head: SummaryHead,
    labels: i64,
    problem_type: Option<ProblemType>,
}

impl SequenceClassificationHead {
    /// Build the head from a summary head with L = `labels` outputs.
    #[must_use]
    pub fn new(head: SummaryHead, labels: i64, problem_type: Option<ProblemType>) -> Self {
        Self { head, labels, problem_type }
    }
}

impl Head for SequenceClassificationHead {
    type Output = SequenceClassificationOutput;
    const NAME: &'static str = "ForSequenceClassification";

    fn task(&self) -> Task {
        Task::Texts { labels: self.labels, problem_type: self.problem_type }
    }

    fn answer(&self, hidden: &Tensor, inputs: &Inputs, train: bool) -> Result<SequenceClassificationOutput> {
        let logits = self.head.forward_packed(hidden, &inputs.layout, train)?;
        Ok(SequenceClassificationOutput::new(loss(&logits, inputs.targets.as_ref())?, logits))
    }
}
