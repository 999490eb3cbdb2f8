//! DistilBERT's `config.json`.

use super::encoder::{EmbeddingConfig, EncoderConfig, FieldNames};
use super::table::configuration;
use crate::error::Result;
use crate::nn::Activation;

configuration!(
    /// The configuration of a DistilBERT model, with the defaults of transformers (the base model).
    ///
    /// ```
    /// use oxbert::{Config, DistilBertConfig};
    /// // transformers' general names are understood too.
    /// let config = DistilBertConfig::from_json(r#"{"hidden_size": 64, "n_heads": 2}"#)?;
    /// assert_eq!((config.dim, config.n_layers), (64, 6));
    /// # Ok::<(), oxbert::Error>(())
    /// ```
    ///
    /// Source: `DistilBertConfig` of transformers 5.23; `rust_bert::distilbert::DistilBertConfig`.
    DistilBertConfig, model_type crate::names::DISTILBERT,
    aliases &[("hidden_size", "dim"), ("num_attention_heads", "n_heads"), ("num_hidden_layers", "n_layers")], {
        /// H, the width of embeddings and hidden states.
        dim: i64 = 768, size;
        /// How many layers.
        n_layers: i64 = 6, count;
        /// A, attention heads; divides H.
        n_heads: i64 = 12, size;
        /// F, the width inside the feed-forward part.
        hidden_dim: i64 = 3072, size;
        /// The activation of the feed-forward part and of the masked LM's head.
        activation: Activation = Activation::Gelu, activation;
        /// Dropout of embeddings, of each layer's feed-forward part, and before a token classifier.
        dropout: f64 = 0.1, probability;
        /// Dropout of attention probabilities.
        attention_dropout: f64 = 0.1, probability;
        /// Dropout before the question-answering head.
        qa_dropout: f64 = 0.1, probability;
        /// Dropout in the heads of text classification and multiple choice.
        seq_classif_dropout: f64 = 0.2, probability;
        /// Whether a fresh position table holds sines and cosines instead of random numbers.
        sinusoidal_pos_embds: bool = false, flag;
        /// Without effect; rust_bert refuses a file that lacks this key.
        tie_weights_: bool = true, flag;
    }
);

impl DistilBertConfig {
    /// DistilBERT's layer norms have this epsilon whatever the configuration says.
    const LAYER_NORM_EPS: f64 = 1e-12;

    /// Return the encoder's part of this configuration.
    #[must_use]
    pub fn encoder(&self) -> EncoderConfig {
        EncoderConfig {
            embeddings: EmbeddingConfig {
                vocab_size: self.vocab_size,
                width: self.dim,
                positions: self.max_position_embeddings,
                types: 0,
                padding: self.pad_token_id,
                sinusoidal: self.sinusoidal_pos_embds,
                layer_norm_eps: Self::LAYER_NORM_EPS,
                dropout: self.dropout,
            },
            hidden_size: self.dim,
            num_hidden_layers: self.n_layers,
            num_attention_heads: self.n_heads,
            intermediate_size: self.hidden_dim,
            activation: self.activation,
            layer_norm_eps: Self::LAYER_NORM_EPS,
            attention_dropout: self.attention_dropout,
            // DistilBERT drops nothing there.
            attention_output_dropout: 0.0,
            output_dropout: self.dropout,
        }
    }

    /// Check the fields against each other. Every model does so before it allocates anything.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) if a size is too small, H is not a multiple of A, there are more than
    /// 1,000 layers, `pad_token_id` lies outside the vocabulary, or the configuration asks for a decoder.
    pub fn check(&self) -> Result<()> {
        self.encoder().check(&FieldNames::DISTILBERT)?;
        super::refuse_unsupported(&self.extra)
    }
}
