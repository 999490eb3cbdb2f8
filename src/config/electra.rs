//! ELECTRA's `config.json`.

use serde_json::{Map, Value};

use super::Config;
use super::encoder::{EmbeddingConfig, EncoderConfig, FieldNames};
use super::table::configuration;
use crate::error::{Error, Result};
use crate::nn::Activation;

configuration!(
    /// The configuration of an ELECTRA model, with the defaults of transformers (the small discriminator).
    ///
    /// ```
    /// use oxbert::{Config, ElectraConfig};
    /// let config = ElectraConfig::from_json(r#"{"hidden_size": 64, "num_attention_heads": 2, "mine": 1}"#)?;
    /// assert_eq!((config.hidden_size, config.embedding_size), (64, 128));
    /// assert!(config.to_json().contains("\"mine\": 1"));
    /// # Ok::<(), oxbert::Error>(())
    /// ```
    ///
    /// Source: `ElectraConfig` of transformers 5.23; `rust_bert::electra::ElectraConfig`.
    ElectraConfig, model_type crate::names::ELECTRA, aliases &[], {
        /// E, the width of the embeddings.
        embedding_size: i64 = 128, size;
        /// H, the width of hidden states.
        hidden_size: i64 = 256, size;
        /// How many layers.
        num_hidden_layers: i64 = 12, count;
        /// A, attention heads; divides H.
        num_attention_heads: i64 = 4, size;
        /// F, the width inside the feed-forward part.
        intermediate_size: i64 = 1024, size;
        /// The activation of the feed-forward part and of the discriminator's head.
        hidden_act: Activation = Activation::Gelu, activation;
        /// Dropout of embeddings and of each layer's two outputs.
        hidden_dropout_prob: f64 = 0.1, probability;
        /// Dropout of attention probabilities.
        attention_probs_dropout_prob: f64 = 0.1, probability;
        /// How many token types.
        type_vocab_size: i64 = 2, size;
        /// Added to the variance in every layer norm.
        layer_norm_eps: f64 = 1e-12, non_negative;
        /// How the multiple-choice head summarises a text: `first`, `last`, `mean` or `cls_index` (the last).
        summary_type: String = "first".into(), string;
        /// Whether that summary is projected.
        summary_use_proj: bool = true, flag;
        /// Whether it is projected to L numbers instead of H.
        summary_proj_to_labels: bool = false, flag;
        /// The activation after that projection; None means no activation.
        summary_activation: Option<Activation> = Some(Activation::Gelu), optional_activation;
        /// Dropout before that projection.
        summary_first_dropout: f64 = 0.0, probability;
        /// Dropout after that summary.
        summary_last_dropout: f64 = 0.1, probability;
        /// Dropout before a classifier; None means `hidden_dropout_prob`.
        classifier_dropout: Option<f64> = None, optional_probability;
    }
);

impl ElectraConfig {
    /// Return the encoder's part of this configuration.
    #[must_use]
    pub fn encoder(&self) -> EncoderConfig {
        EncoderConfig {
            embeddings: EmbeddingConfig {
                vocab_size: self.vocab_size,
                width: self.embedding_size,
                positions: self.max_position_embeddings,
                types: self.type_vocab_size,
                padding: self.pad_token_id,
                sinusoidal: false,
                layer_norm_eps: self.layer_norm_eps,
                dropout: self.hidden_dropout_prob,
            },
            hidden_size: self.hidden_size,
            num_hidden_layers: self.num_hidden_layers,
            num_attention_heads: self.num_attention_heads,
            intermediate_size: self.intermediate_size,
            activation: self.hidden_act,
            layer_norm_eps: self.layer_norm_eps,
            attention_dropout: self.attention_probs_dropout_prob,
            attention_output_dropout: self.hidden_dropout_prob,
            output_dropout: self.hidden_dropout_prob,
        }
    }

    /// Check the fields against each other. Every model does so before it allocates anything.
    ///
    /// # Errors
    /// [`Error::Config`] if a size is too small, H is not a multiple of A, there are more than 1,000 layers,
    /// `pad_token_id` lies outside the vocabulary, or the configuration asks for a decoder.
    pub fn check(&self) -> Result<()> {
        self.encoder().check(&FieldNames::ELECTRA)?;
        // DistilBERT has no such table.
        if self.type_vocab_size < 1 {
            return Err(Error::config("type_vocab_size", format!("expected at least 1, got {}", self.type_vocab_size)));
        }
        super::refuse_unsupported(&self.extra)
    }

    /// Return the configuration of a checkpoint of google-research/electra, which comes without a `config.json`: sizes
    /// from the tensors' shapes, everything else by default. None if the tensors are not those of an ELECTRA.
    ///
    /// `shape` returns the shape of a tensor by transformers' name. The number of heads is not in any shape: each head
    /// has 64 columns, as in all original models.
    ///
    /// Source: google-research/electra `model/modeling.py`, `pretrain/pretrain_helpers.py`.
    #[must_use]
    pub fn from_shapes(shape: impl Fn(&str) -> Option<Vec<i64>>) -> Option<Self> {
        const HEAD: i64 = 64;
        let sizes = |name: &str| match shape(&format!("electra.{name}")).as_deref() {
            Some(&[rows, columns]) => Some((rows, columns)),
            _ => None,
        };
        let (vocab_size, embedding_size) = sizes("embeddings.word_embeddings.weight")?;
        let (max_position_embeddings, _) = sizes("embeddings.position_embeddings.weight")?;
        let (type_vocab_size, _) = sizes("embeddings.token_type_embeddings.weight")?;
        let (intermediate_size, hidden_size) = sizes("encoder.layer.0.intermediate.dense.weight")?;
        let layer = |number: &i64| sizes(&format!("encoder.layer.{number}.intermediate.dense.weight")).is_some();
        Some(Self {
            vocab_size,
            embedding_size,
            max_position_embeddings,
            type_vocab_size,
            intermediate_size,
            hidden_size,
            num_hidden_layers: (0..=EncoderConfig::MAXIMUM_LAYERS).take_while(layer).count() as i64,
            num_attention_heads: (hidden_size / HEAD).max(1),
            ..Self::default()
        })
    }

    /// Return the configuration of ELECTRA for a BERT, whose layers are ELECTRA's and whose embeddings have the width of its
    /// hidden states.
    ///
    /// # Errors
    /// [`Error::Config`] if a field is bad, or asks for something that ELECTRA has not: relative positions or a decoder.
    ///
    /// Source: `BertConfig` of transformers 5.24.
    pub fn from_bert(mut values: Map<String, Value>) -> Result<Self> {
        if let Some(positions) =
            values.get("position_embedding_type").filter(|&kind| kind != "absolute" && !kind.is_null())
        {
            let reason = format!("expected \"absolute\" positions, which ELECTRA has, got {positions}");
            return Err(Error::config("position_embedding_type", reason));
        }
        let width = values.get("hidden_size").cloned().unwrap_or_else(|| 768.into());
        // BERT's defaults, where they differ from ELECTRA's.
        for (name, default) in [("hidden_size", 768), ("num_attention_heads", 12), ("intermediate_size", 3072)] {
            values.entry(name).or_insert_with(|| default.into());
        }
        values.insert("embedding_size".into(), width);
        values.insert("model_type".into(), Self::MODEL_TYPE.into());
        let config = Self::from_map(values)?;
        config.check()?;
        Ok(config)
    }

    /// Return whether the number of heads that [`ElectraConfig::from_shapes`] assumes is known: this width has room for
    /// one head only, or is that of a published model.
    #[must_use]
    pub fn has_known_heads(&self) -> bool {
        self.hidden_size <= 64 || matches!(self.hidden_size, 256 | 768 | 1024)
    }

    /// Return the dropout before and inside a classifier.
    pub(crate) fn classifier_dropout(&self) -> f64 {
        self.classifier_dropout.unwrap_or(self.hidden_dropout_prob)
    }
}
