//! Outputs of models -> the classes of `oxbert.outputs`.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use tch::Tensor;

use crate::bindings::door::{Arrays, to_python, to_tuple};
use crate::error::{Error, Result};
use crate::outputs::{
    AnswerOutput, DiscriminatorOutput, JointQuestionAnsweringOutput, MaskedLMOutput, ModelOutput, MultipleChoiceOutput,
    QuestionAnsweringOutput, SequenceClassificationOutput, Spans, TokenClassificationOutput,
};

/// An output for Python: the class in `oxbert.outputs` and its fields.
pub(crate) struct Answer {
    class: &'static str,
    /// Fields that are `None` are left out.
    fields: Vec<(&'static str, Option<Tensor>)>,
    hidden_states: Option<Vec<Tensor>>,
    attentions: Option<Vec<Tensor>>,
}

/// Convert an output: its class, its loss if it has one, its fields under the names of transformers.
macro_rules! answer {
    ($output:ty, $class:literal, [$($loss:ident)?], $($name:literal = $field:ident),+) => {
        impl From<$output> for Answer {
            fn from(output: $output) -> Self {
                Self {
                    class: $class,
                    fields: vec![$((stringify!($loss), output.$loss),)? $(($name, Some(output.$field))),+],
                    hidden_states: output.all_hidden_states,
                    attentions: output.all_attentions,
                }
            }
        }

        impl TryFrom<Answer> for $output {
            type Error = Error;

            /// [`Error::Internal`] if the answer is another model's. The loss, the states and the attentions are dropped.
            fn try_from(mut answer: Answer) -> Result<Self> {
                Ok(Self::new($({ let $loss = None; $loss },)? $(answer.take($name)?),+))
            }
        }
    };
}
answer!(ModelOutput, "BaseModelOutput", [], "last_hidden_state" = hidden_state);
answer!(MaskedLMOutput, "MaskedLMOutput", [loss], "logits" = prediction_scores);
answer!(DiscriminatorOutput, "ElectraForPreTrainingOutput", [loss], "logits" = logits, "probabilities" = probabilities);
answer!(TokenClassificationOutput, "TokenClassifierOutput", [loss], "logits" = logits);
answer!(SequenceClassificationOutput, "SequenceClassifierOutput", [loss], "logits" = logits);
answer!(
    QuestionAnsweringOutput,
    "QuestionAnsweringModelOutput",
    [loss],
    "start_logits" = start_logits,
    "end_logits" = end_logits
);
answer!(MultipleChoiceOutput, "MultipleChoiceModelOutput", [loss], "logits" = logits);

const JOINT: &str = "JointQuestionAnsweringModelOutput";

impl From<JointQuestionAnsweringOutput> for Answer {
    fn from(output: JointQuestionAnsweringOutput) -> Self {
        let mut fields = vec![("loss", output.loss)];
        if let Some(spans) = output.spans {
            fields.extend([
                ("start_top_log_probs", Some(spans.start_scores)),
                ("start_top_index", Some(spans.starts)),
                ("end_top_log_probs", Some(spans.end_scores)),
                ("end_top_index", Some(spans.ends)),
            ]);
        }
        fields.push(("cls_logits", Some(output.answerability_logits)));
        Self { class: JOINT, fields, hidden_states: output.all_hidden_states, attentions: output.all_attentions }
    }
}

impl TryFrom<Answer> for JointQuestionAnsweringOutput {
    type Error = Error;

    /// [`Error::Internal`] if the answer is another model's. The loss, the states and the attentions are dropped.
    fn try_from(mut answer: Answer) -> Result<Self> {
        let spans = Spans {
            start_scores: answer.take("start_top_log_probs")?,
            starts: answer.take("start_top_index")?,
            end_scores: answer.take("end_top_log_probs")?,
            ends: answer.take("end_top_index")?,
        };
        Ok(Self::new(None, Some(spans), answer.take("cls_logits")?))
    }
}

impl TryFrom<Answer> for AnswerOutput {
    type Error = Error;

    /// [`Error::Internal`] if the answer is that of a model for something else.
    fn try_from(answer: Answer) -> Result<Self> {
        Ok(if answer.class == JOINT { Self::Joint(answer.try_into()?) } else { Self::Independent(answer.try_into()?) })
    }
}

impl Answer {
    /// Take the tensor of a field out.
    fn take(&mut self, name: &str) -> Result<Tensor> {
        let field = self.fields.iter_mut().find(|(field, _)| *field == name).and_then(|(_, tensor)| tensor.take());
        field.ok_or_else(|| Error::Internal { message: format!("a {} has no {name}", self.class) })
    }

    pub(crate) fn into_python(self, py: Python<'_>, arrays: Arrays) -> PyResult<Bound<'_, PyAny>> {
        let fields = PyDict::new(py);
        for (name, tensor) in &self.fields {
            if let Some(tensor) = tensor {
                fields.set_item(name, to_python(py, tensor, arrays)?)?;
            }
        }
        if let Some(states) = &self.hidden_states {
            let states = match (fields.get_item("last_hidden_state")?, states.split_last()) {
                // One object under two names, as in transformers: a gradient at the one is a gradient at the other.
                (Some(last), Some((_, before))) => {
                    let states = before.iter().map(|state| to_python(py, state, arrays)).chain([Ok(last)]);
                    PyTuple::new(py, states.collect::<PyResult<Vec<_>>>()?)?
                }
                _ => to_tuple(py, states, arrays)?,
            };
            fields.set_item("hidden_states", states)?;
        }
        if let Some(attentions) = &self.attentions {
            fields.set_item("attentions", to_tuple(py, attentions, arrays)?)?;
        }
        py.import("oxbert.outputs")?.getattr(self.class)?.call((), Some(&fields))
    }
}
