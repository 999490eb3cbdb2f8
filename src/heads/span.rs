//! Question answering: find where the answer begins and ends.

use tch::Tensor;

use super::Head;
use super::losses::cross_entropy;
use crate::error::{Error, Result};
use crate::inputs::{Inputs, Targets, Task};
use crate::nn::{Dropout, Linear, Parameters};
use crate::outputs::QuestionAnsweringOutput;

/// `W drop(x) + b`: two logits per token.
#[derive(Debug)]
pub struct QuestionAnsweringHead {
    dropout: Dropout,
    outputs: Linear,
}

impl QuestionAnsweringHead {
    /// Take `weight` `[2, H]` and `bias` `[2]`.
    ///
    /// # Errors
    /// [`Error::Config`] if `labels` is not 2; otherwise the errors of [`Parameters::tensor`].
    pub fn new(parameters: &Parameters, hidden_size: i64, labels: usize, dropout: f64) -> Result<Self> {
        if labels != 2 {
            let reason = format!("expected 2 (the start and the end of an answer), got {labels}");
            return Err(Error::config("num_labels", reason));
        }
        Ok(Self { dropout: Dropout::new(dropout), outputs: Linear::new(parameters, hidden_size, 2)? })
    }
}

impl Head for QuestionAnsweringHead {
    type Output = QuestionAnsweringOutput;
    const NAME: &'static str = "ForQuestionAnswering";
    const TARGETS: &'static [&'static str] = &["start_positions", "end_positions"];

    fn task(&self) -> Task {
        Task::Spans { answerability: false }
    }

    fn answer(&self, hidden: &Tensor, inputs: &Inputs, train: bool) -> Result<QuestionAnsweringOutput> {
        let logits = self.outputs.forward(&self.dropout.forward(hidden.f_alias()?, train)?)?;
        let unpack = |column| inputs.layout.unpack(&logits.f_select(-1, column)?);
        let (start, end) = (unpack(0)?, unpack(1)?);
        let loss = match &inputs.targets {
            Some(Targets::Spans { start: first, end: last, .. }) => {
                // -∞ keeps padded positions out of the softmax over a row. Packing what is returned lets gradients reach it.
                let rows = |logits| inputs.layout.unpack_with(&inputs.layout.pack(logits)?, f64::NEG_INFINITY);
                let (first, last) = (cross_entropy(&rows(&start)?, first)?, cross_entropy(&rows(&end)?, last)?);
                Some(first.f_add(&last)?.f_div_scalar(2.0)?)
            }
            _ => None,
        };
        Ok(QuestionAnsweringOutput::new(loss, start, end))
    }
}
