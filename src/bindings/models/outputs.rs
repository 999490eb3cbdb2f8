//! Outputs of models -> the classes of `oxbert.outputs`.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tch::Tensor;

use crate::bindings::door::{Arrays, to_python, to_tuple};
use crate::outputs::{
    DiscriminatorOutput, MaskedLMOutput, ModelOutput, MultipleChoiceOutput, QuestionAnsweringOutput,
    SequenceClassificationOutput, TokenClassificationOutput,
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

impl Answer {
    pub(crate) fn into_python(self, py: Python<'_>, arrays: Arrays) -> PyResult<Bound<'_, PyAny>> {
        let fields = PyDict::new(py);
        for (name, tensor) in &self.fields {
            if let Some(tensor) = tensor {
                fields.set_item(name, to_python(py, tensor, arrays)?)?;
            }
        }
        for (name, tensors) in [("hidden_states", &self.hidden_states), ("attentions", &self.attentions)] {
            if let Some(tensors) = tensors {
                fields.set_item(name, to_tuple(py, tensors, arrays)?)?;
            }
        }
        py.import("oxbert.outputs")?.getattr(self.class)?.call((), Some(&fields))
    }
}
