//! Outputs on their way to `oxbert.outputs`.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tch::Tensor;

use super::tensors::{Arrays, to_python, to_tuple};
use crate::outputs::{DiscriminatorOutput, MaskedLMOutput, ModelOutput, TokenClassificationOutput};

/// An output on its way to Python: the class in `oxbert.outputs` and its fields.
pub(super) struct Answer {
    class: &'static str,
    fields: Vec<(&'static str, Tensor)>,
    hidden_states: Option<Vec<Tensor>>,
    attentions: Option<Vec<Tensor>>,
}

/// From an output: its class, its fields under the names of transformers.
macro_rules! answer {
    ($output:ty, $class:literal, $($name:literal = $field:ident),+) => {
        impl From<$output> for Answer {
            fn from(output: $output) -> Self {
                Self {
                    class: $class,
                    fields: vec![$(($name, output.$field)),+],
                    hidden_states: output.all_hidden_states,
                    attentions: output.all_attentions,
                }
            }
        }
    };
}
answer!(ModelOutput, "BaseModelOutput", "last_hidden_state" = hidden_state);
answer!(MaskedLMOutput, "MaskedLMOutput", "logits" = prediction_scores);
answer!(DiscriminatorOutput, "ElectraForPreTrainingOutput", "logits" = logits, "probabilities" = probabilities);
answer!(TokenClassificationOutput, "TokenClassifierOutput", "logits" = logits);

impl Answer {
    pub(super) fn into_python(self, py: Python<'_>, arrays: Arrays) -> PyResult<Bound<'_, PyAny>> {
        let fields = PyDict::new(py);
        for (name, tensor) in &self.fields {
            fields.set_item(name, to_python(py, tensor, arrays)?)?;
        }
        for (name, tensors) in [("hidden_states", &self.hidden_states), ("attentions", &self.attentions)] {
            if let Some(tensors) = tensors {
                fields.set_item(name, to_tuple(py, tensors, arrays)?)?;
            }
        }
        py.import("oxbert.outputs")?.getattr(self.class)?.call((), Some(&fields))
    }
}
