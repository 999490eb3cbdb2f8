//! The neutral configuration that [`crate::encoder`] is built from, and how two of them differ.

use serde_json::Value;

use crate::error::{Error, Result};
use crate::names::DISTILBERT;
use crate::nn::Activation;

/// The configuration of the embeddings of either family.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EmbeddingConfig {
    /// V, rows of the word table.
    pub vocab_size: i64,
    /// E.
    pub width: i64,
    /// Rows of the position table.
    pub positions: i64,
    /// Rows of the type table; 0 if the family has no type table.
    pub types: i64,
    /// The id whose word embedding stays zero.
    pub padding: Option<i64>,
    /// Whether a fresh position table holds sines and cosines.
    pub sinusoidal: bool,
    /// Added to the variance in the norm.
    pub layer_norm_eps: f64,
    /// Dropout after the norm.
    pub dropout: f64,
}

/// The configuration of the encoder of either family.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EncoderConfig {
    /// The embeddings before the layers.
    pub embeddings: EmbeddingConfig,
    /// H, the width of hidden states.
    pub hidden_size: i64,
    /// How many layers.
    pub num_hidden_layers: i64,
    /// A, attention heads; divides H.
    pub num_attention_heads: i64,
    /// F, the width inside the feed-forward part.
    pub intermediate_size: i64,
    /// The activation inside the feed-forward part.
    pub activation: Activation,
    /// Added to the variance in every layer norm.
    pub layer_norm_eps: f64,
    /// Dropout of attention probabilities.
    pub attention_dropout: f64,
    /// Dropout after the attention's projection.
    pub attention_output_dropout: f64,
    /// Dropout after the feed-forward part.
    pub output_dropout: f64,
}

/// A family's keys in `config.json` for the fields that other families name otherwise.
pub(super) struct FieldNames {
    pub(super) width: &'static str,
    pub(super) hidden: &'static str,
    pub(super) layers: &'static str,
    pub(super) heads: &'static str,
    pub(super) inner: &'static str,
    pub(super) activation: &'static str,
}

/// A field of two configurations that makes their models compute other numbers.
#[derive(Debug)]
pub(crate) struct Difference {
    /// The key in `config.json`.
    pub(crate) field: &'static str,
    /// The value of the one, as `config.json` has it.
    pub(crate) one: Value,
    /// The value of the other.
    pub(crate) other: Value,
}

impl FieldNames {
    pub(super) const ELECTRA: Self = Self {
        width: "embedding_size",
        hidden: "hidden_size",
        layers: "num_hidden_layers",
        heads: "num_attention_heads",
        inner: "intermediate_size",
        activation: "hidden_act",
    };

    pub(super) const DISTILBERT: Self = Self {
        width: "dim",
        hidden: "dim",
        layers: "n_layers",
        heads: "n_heads",
        inner: "hidden_dim",
        activation: "activation",
    };

    /// Return the names of a family; ELECTRA's are transformers' general ones.
    pub(super) fn of(model_type: &str) -> &'static Self {
        if model_type == DISTILBERT { &Self::DISTILBERT } else { &Self::ELECTRA }
    }
}

impl EncoderConfig {
    /// Return the first field in which two encoders differ in evaluation mode, where no dropout counts; None if they
    /// are equal.
    pub(super) fn difference(&self, other: &Self, names: &FieldNames) -> Option<Difference> {
        let mut pairs = self.fields(names).into_iter().zip(other.fields(names));
        pairs.find_map(|((field, one), (_, other))| (one != other).then_some(Difference { field, one, other }))
    }

    /// Return the key and the value of each field that counts in evaluation mode.
    fn fields(&self, names: &FieldNames) -> [(&'static str, Value); 13] {
        // Each field is named here, so that a new one cannot be forgotten.
        let Self {
            embeddings,
            hidden_size,
            num_hidden_layers,
            num_attention_heads,
            intermediate_size,
            activation,
            layer_norm_eps,
            attention_dropout: _,
            attention_output_dropout: _,
            output_dropout: _,
        } = *self;
        let EmbeddingConfig {
            vocab_size,
            width,
            positions,
            types,
            padding,
            sinusoidal,
            layer_norm_eps: embeddings_eps,
            dropout: _,
        } = embeddings;
        [
            ("vocab_size", vocab_size.into()),
            (names.width, width.into()),
            ("max_position_embeddings", positions.into()),
            ("type_vocab_size", types.into()),
            ("pad_token_id", padding.into()),
            ("sinusoidal_pos_embds", sinusoidal.into()),
            ("layer_norm_eps", embeddings_eps.into()),
            (names.hidden, hidden_size.into()),
            (names.layers, num_hidden_layers.into()),
            (names.heads, num_attention_heads.into()),
            (names.inner, intermediate_size.into()),
            (names.activation, activation.name().into()),
            ("layer_norm_eps", layer_norm_eps.into()),
        ]
    }

    /// Far more layers than any model has, so that a hostile file cannot exhaust memory and time.
    pub(crate) const MAXIMUM_LAYERS: i64 = 1000;

    /// Refuse sizes that no encoder can have, by the family's names of them.
    pub(super) fn check(&self, names: &FieldNames) -> Result<()> {
        let (hidden, heads) = (self.hidden_size, self.num_attention_heads);
        for (field, size, minimum) in [
            ("vocab_size", self.embeddings.vocab_size, 1),
            (names.width, self.embeddings.width, 1),
            (names.hidden, hidden, 1),
            (names.layers, self.num_hidden_layers, 0),
            (names.inner, self.intermediate_size, 1),
            ("max_position_embeddings", self.embeddings.positions, 1),
        ] {
            if size < minimum {
                return Err(Error::config(field, format!("expected at least {minimum}, got {size}")));
            }
        }
        if heads < 1 || hidden % heads != 0 {
            let reason = format!("expected a divisor of {} = {hidden}, got {heads}", names.hidden);
            return Err(Error::config(names.heads, reason));
        }
        if self.num_hidden_layers > Self::MAXIMUM_LAYERS {
            let reason = format!("expected at most {}, got {}", Self::MAXIMUM_LAYERS, self.num_hidden_layers);
            return Err(Error::config(names.layers, reason));
        }
        let vocab_size = self.embeddings.vocab_size;
        if let Some(pad) = self.embeddings.padding.filter(|pad| !(0..vocab_size).contains(pad)) {
            let reason = format!("expected an id below vocab_size = {vocab_size}, got {pad}");
            return Err(Error::config("pad_token_id", reason));
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use crate::config::{DistilBertConfig, ElectraConfig, difference};
    use crate::nn::Activation;

    #[test]
    fn differences_have_the_key_and_values_of_config_json() {
        let built = DistilBertConfig::default();
        let found = difference(&built, &DistilBertConfig { n_heads: 2, ..built.clone() }).unwrap();
        assert_eq!((found.field, found.one.to_string(), found.other.to_string()), ("n_heads", "12".into(), "2".into()));
        let built = ElectraConfig::default();
        let other = ElectraConfig { hidden_act: Activation::Relu, pad_token_id: None, ..built.clone() };
        let found = difference(&built, &other).unwrap();
        assert_eq!((found.field, found.other.to_string()), ("pad_token_id", "null".into()));
        let other = ElectraConfig { pad_token_id: Some(0), ..other };
        let found = difference(&built, &other).unwrap();
        assert_eq!((found.field, found.one.to_string()), ("hidden_act", "\"gelu\"".into()));
        assert!(difference(&built, &ElectraConfig { hidden_dropout_prob: 0.5, ..built.clone() }).is_none());
    }
}
