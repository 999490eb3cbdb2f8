//! `oxbert.ElectraConfig`, `oxbert.DistilBertConfig`.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use super::{PyConfig, dump};
use crate::bindings::door::raise;
use crate::config::{AnyConfig, Config, DistilBertConfig, ElectraConfig};
use crate::error::Result;

/// Define a family's class of configurations.
macro_rules! config_class {
    ($(#[$doc:meta])* $class:ident, $name:literal, $config:ty) => {
        $(#[$doc])*
        #[pyclass(name = $name, module = "oxbert", extends = PyConfig, frozen)]
        pub(crate) struct $class;

        #[pymethods]
        impl $class {
            #[classattr]
            fn model_type() -> &'static str {
                <$config as Config>::MODEL_TYPE
            }

            #[new]
            #[pyo3(signature = (**values))]
            fn new(py: Python<'_>, values: Option<&Bound<'_, PyDict>>) -> PyResult<PyClassInitializer<Self>> {
                let text = values.map_or_else(|| Ok("{}".to_string()), |values| dump(values))?;
                let config = <$config>::from_json(&text).map_err(|error| raise(py, error))?;
                Ok(PyClassInitializer::from(PyConfig::from(AnyConfig::from(config))).add_subclass(Self))
            }
        }
    };
}

config_class!(
    /// Hold the configuration of an ELECTRA model. See `Config` for what all configurations have in common.
    ///
    /// Args:
    ///     vocab_size: V, entries of the vocabulary.
    ///     embedding_size: E, the width of the embeddings.
    ///     hidden_size: H, the width of hidden states.
    ///     num_hidden_layers: Number of layers, from 0 to 1,000.
    ///     num_attention_heads: A; divides H.
    ///     intermediate_size: F, the width inside the feed-forward part.
    ///     hidden_act: One of `Activation.names()`, for the feed-forward part and the discriminator's head.
    ///     hidden_dropout_prob: Dropout rate of the embeddings and of each layer's two outputs. All dropout rates are 0
    ///         <= p < 1.
    ///     attention_probs_dropout_prob: Dropout rate of the attention probabilities.
    ///     max_position_embeddings: The longest text, in tokens.
    ///     type_vocab_size: Number of token types.
    ///     initializer_range: Standard deviation of fresh weights.
    ///     layer_norm_eps: Added to the variance in every layer norm.
    ///     summary_type: How multiple choice turns a text into one vector: the `first` or `last` token, the `mean` of
    ///         all tokens, or `cls_index`, which is the last token.
    ///     summary_use_proj: Whether to project that vector.
    ///     summary_proj_to_labels: Whether to project the vector to L numbers instead of H.
    ///     summary_activation: One of `Activation.names()`, applied after the projection; None applies no activation.
    ///     summary_first_dropout: Dropout rate before the projection.
    ///     summary_last_dropout: Dropout rate after the projection.
    ///     pad_token_id: Return the id of `[PAD]`, below V, whose embedding is not trained.
    ///     classifier_dropout: Dropout rate before a classifier; None uses `hidden_dropout_prob`.
    ///     tie_word_embeddings: Whether to tie the decoder of a masked LM to the word embeddings.
    ///     output_hidden_states: Whether a call returns all hidden states if the call does not say.
    ///     output_attentions: Whether a call returns all attention probabilities if the call does not say.
    ///     problem_type: What the labels of a text classifier are; None lets the first labels decide.
    ///     num_labels: L. If L contradicts the names of the labels, the labels are numbered anew.
    ///     id2label: The names of the labels by id, 0 to L - 1; `LABEL_0`, `LABEL_1` by default.
    ///     label2id: The ids of the labels by name.
    ///     values: Any other keys, with values that JSON can hold.
    ///
    /// Raises:
    ///     ConfigError: if a value is bad; `field` names it.
    ///
    /// Example:
    ///     >>> config = oxbert.ElectraConfig(hidden_size=64, num_attention_heads=2)
    ///     >>> config.hidden_size, config.embedding_size
    ///     (64, 128)
    ///     >>> config.num_labels = 3
    ///     >>> config.id2label
    ///     {0: 'LABEL_0', 1: 'LABEL_1', 2: 'LABEL_2'}
    PyElectraConfig,
    "ElectraConfig",
    ElectraConfig
);
config_class!(
    /// Hold the configuration of a DistilBERT model. See `Config` for what all configurations have in common.
    ///
    /// transformers' general names `hidden_size`, `num_attention_heads` and `num_hidden_layers` are aliases of `dim`,
    /// `n_heads` and `n_layers`. If both are given, the family's own name wins.
    ///
    /// Args:
    ///     vocab_size: V, entries of the vocabulary.
    ///     dim: H, the width of embeddings and hidden states.
    ///     n_layers: Number of layers, from 0 to 1,000.
    ///     n_heads: A, attention heads; divides H.
    ///     hidden_dim: F, the width inside the feed-forward part.
    ///     activation: One of `Activation.names()`, for the feed-forward part and the masked LM's head.
    ///     dropout: Dropout rate of the embeddings, of each layer's feed-forward part, and before a token classifier.
    ///         All dropout rates are 0 <= p < 1.
    ///     attention_dropout: Dropout rate of the attention probabilities.
    ///     qa_dropout: Dropout rate before the question-answering head.
    ///     seq_classif_dropout: Dropout rate in the heads of text classification and multiple choice.
    ///     max_position_embeddings: The longest text, in tokens.
    ///     sinusoidal_pos_embds: Whether a fresh position table holds sines and cosines instead of random numbers.
    ///     initializer_range: Standard deviation of fresh weights.
    ///     pad_token_id: Return the id of `[PAD]`, below V, whose embedding is not trained.
    ///     tie_word_embeddings: Whether to tie the decoder of a masked LM to the word embeddings.
    ///     tie_weights_: Has no effect; written because rust_bert refuses a file without it.
    ///     output_hidden_states: Whether a call returns all hidden states if the call does not say.
    ///     output_attentions: Whether a call returns all attention probabilities if the call does not say.
    ///     problem_type: What the labels of a text classifier are; None lets the first labels decide.
    ///     num_labels: L. If L contradicts the names of the labels, the labels are numbered anew.
    ///     id2label: The names of the labels by id, 0 to L - 1; `LABEL_0`, `LABEL_1` by default.
    ///     label2id: The ids of the labels by name.
    ///     values: Any other keys, with values that JSON can hold.
    ///
    /// Raises:
    ///     ConfigError: if a value is bad; `field` names it.
    ///
    /// Example:
    ///     >>> config = oxbert.DistilBertConfig(hidden_size=64, n_heads=2)
    ///     >>> config.dim, config.hidden_size, config.n_layers
    ///     (64, 64, 6)
    PyDistilBertConfig,
    "DistilBertConfig",
    DistilBertConfig
);

/// The family of a class of configurations.
#[derive(Clone, Copy)]
pub(super) enum Asked {
    Electra,
    DistilBert,
    /// The family that the file names.
    Any,
}

impl Asked {
    /// Return the family of a class.
    pub(super) fn by(class: &Bound<'_, PyType>) -> Self {
        let is = |known: PyResult<bool>| known.unwrap_or(false);
        if is(class.is_subclass_of::<PyElectraConfig>()) {
            Self::Electra
        } else if is(class.is_subclass_of::<PyDistilBertConfig>()) {
            Self::DistilBert
        } else {
            Self::Any
        }
    }

    /// Parse the text of a configuration.
    pub(super) fn parse(self, text: &str) -> Result<AnyConfig> {
        match self {
            Self::Electra => ElectraConfig::from_json(text).map(AnyConfig::from),
            Self::DistilBert => DistilBertConfig::from_json(text).map(AnyConfig::from),
            Self::Any => AnyConfig::from_json(text),
        }
    }

    /// Read the file of a configuration.
    pub(super) fn read(self, path: PathBuf) -> Result<AnyConfig> {
        match self {
            Self::Electra => ElectraConfig::from_file(path).map(AnyConfig::from),
            Self::DistilBert => DistilBertConfig::from_file(path).map(AnyConfig::from),
            Self::Any => AnyConfig::from_file(path),
        }
    }
}
