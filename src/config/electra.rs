//! ELECTRA's `config.json`.

use serde_json::{Map, Value};

use super::fields::Fields;
use super::{Config, EncoderConfig, Labels};
use crate::error::{Error, Result};
use crate::nn::Activation;

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
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::struct_excessive_bools, reason = "they are the keys of config.json")]
pub struct ElectraConfig {
    /// V, entries of the vocabulary.
    pub vocab_size: i64,
    /// E, the width of the embeddings.
    pub embedding_size: i64,
    /// H, the width of hidden states.
    pub hidden_size: i64,
    /// How many layers.
    pub num_hidden_layers: i64,
    /// A, attention heads; divides H.
    pub num_attention_heads: i64,
    /// F, the width inside the feed-forward part.
    pub intermediate_size: i64,
    /// The activation of the feed-forward part and of the discriminator's head.
    pub hidden_act: Activation,
    /// Dropout of embeddings and of each layer's two outputs.
    pub hidden_dropout_prob: f64,
    /// Dropout of attention probabilities.
    pub attention_probs_dropout_prob: f64,
    /// The longest text, in tokens.
    pub max_position_embeddings: i64,
    /// How many token types.
    pub type_vocab_size: i64,
    /// Standard deviation of freshly initialised weights.
    pub initializer_range: f64,
    /// Added to the variance in every layer norm.
    pub layer_norm_eps: f64,
    /// How the multiple-choice head summarises a text.
    pub summary_type: String,
    /// Whether that summary is projected.
    pub summary_use_proj: bool,
    /// The activation after that projection; none where it is not given.
    pub summary_activation: Option<Activation>,
    /// Dropout after that summary.
    pub summary_last_dropout: f64,
    /// The id of `[PAD]`, whose embedding is not trained.
    pub pad_token_id: Option<i64>,
    /// Dropout before a classifier; `hidden_dropout_prob` where it is not given.
    pub classifier_dropout: Option<f64>,
    /// Whether the masked-LM decoder is the word embeddings (true unless a checkpoint says otherwise).
    pub tie_word_embeddings: bool,
    /// Whether `forward_t` returns the hidden states of all layers.
    pub output_hidden_states: bool,
    /// Whether `forward_t` returns the attention probabilities of all layers.
    pub output_attentions: bool,
    /// The labels of a classifier.
    pub labels: Labels,
    /// Keys that this version does not know; written back as they were read.
    pub extra: Map<String, Value>,
}

impl Default for ElectraConfig {
    fn default() -> Self {
        Self {
            vocab_size: 30_522,
            embedding_size: 128,
            hidden_size: 256,
            num_hidden_layers: 12,
            num_attention_heads: 4,
            intermediate_size: 1024,
            hidden_act: Activation::Gelu,
            hidden_dropout_prob: 0.1,
            attention_probs_dropout_prob: 0.1,
            max_position_embeddings: 512,
            type_vocab_size: 2,
            initializer_range: 0.02,
            layer_norm_eps: 1e-12,
            summary_type: "first".into(),
            summary_use_proj: true,
            summary_activation: Some(Activation::Gelu),
            summary_last_dropout: 0.1,
            pad_token_id: Some(0),
            classifier_dropout: None,
            tie_word_embeddings: true,
            output_hidden_states: false,
            output_attentions: false,
            labels: Labels::default(),
            extra: Map::new(),
        }
    }
}

impl ElectraConfig {
    /// Far more than any model has: a hostile file must not make the process build layers without end.
    const MAXIMUM_LAYERS: i64 = 1000;

    /// The encoder's part of this configuration.
    #[must_use]
    pub fn encoder(&self) -> EncoderConfig {
        EncoderConfig {
            hidden_size: self.hidden_size,
            num_hidden_layers: self.num_hidden_layers,
            num_attention_heads: self.num_attention_heads,
            intermediate_size: self.intermediate_size,
            activation: self.hidden_act,
            layer_norm_eps: self.layer_norm_eps,
            hidden_dropout: self.hidden_dropout_prob,
            attention_dropout: self.attention_probs_dropout_prob,
        }
    }

    /// Checks what no single field can tell. Every model does so before it allocates anything.
    ///
    /// # Errors
    /// [`Error::Config`] where a size is too small, H is not a multiple of A, there are more than 1,000 layers, `pad_token_id` lies outside the vocabulary, or the
    /// configuration asks for a decoder.
    pub fn check(&self) -> Result<()> {
        for (field, size, minimum) in [
            ("vocab_size", self.vocab_size, 1),
            ("embedding_size", self.embedding_size, 1),
            ("hidden_size", self.hidden_size, 1),
            ("num_hidden_layers", self.num_hidden_layers, 0),
            ("intermediate_size", self.intermediate_size, 1),
            ("max_position_embeddings", self.max_position_embeddings, 1),
            ("type_vocab_size", self.type_vocab_size, 1),
        ] {
            if size < minimum {
                return Err(Error::config(field, format!("expected at least {minimum}, got {size}")));
            }
        }
        let (hidden, heads) = (self.hidden_size, self.num_attention_heads);
        if heads < 1 || hidden % heads != 0 {
            let reason = format!("expected a divisor of hidden_size = {hidden}, got {heads}");
            return Err(Error::config("num_attention_heads", reason));
        }
        if self.num_hidden_layers > Self::MAXIMUM_LAYERS {
            let reason = format!("expected at most {}, got {}", Self::MAXIMUM_LAYERS, self.num_hidden_layers);
            return Err(Error::config("num_hidden_layers", reason));
        }
        if let Some(pad) = self.pad_token_id.filter(|pad| !(0..self.vocab_size).contains(pad)) {
            let reason = format!("expected an id below vocab_size = {}, got {pad}", self.vocab_size);
            return Err(Error::config("pad_token_id", reason));
        }
        for key in ["is_decoder", "add_cross_attention"] {
            if self.extra.get(key) == Some(&Value::Bool(true)) {
                return Err(Error::config(key, "expected false (oxbert has encoders only), got true"));
            }
        }
        Ok(())
    }
}

impl Config for ElectraConfig {
    const MODEL_TYPE: &'static str = "electra";

    fn initializer_range(&self) -> f64 {
        self.initializer_range
    }

    fn pad_token_id(&self) -> Option<i64> {
        self.pad_token_id
    }

    fn untie(&mut self) {
        self.tie_word_embeddings = false;
    }

    fn note_float32(&mut self) {
        // transformers before 5 wrote the second name.
        for key in ["dtype", "torch_dtype"] {
            if let Some(dtype) = self.extra.get_mut(key) {
                *dtype = "float32".into();
            }
        }
    }

    fn from_map(values: Map<String, Value>) -> Result<Self> {
        let default = Self::default();
        let mut fields = Fields::new(values);
        if let Some(model_type) = fields.text("model_type")?.filter(|model_type| model_type != Self::MODEL_TYPE) {
            return Err(Error::config("model_type", format!("expected {:?}, got {model_type:?}", Self::MODEL_TYPE)));
        }
        let config = Self {
            vocab_size: fields.count("vocab_size", default.vocab_size, 1)?,
            embedding_size: fields.count("embedding_size", default.embedding_size, 1)?,
            hidden_size: fields.count("hidden_size", default.hidden_size, 1)?,
            num_hidden_layers: fields.count("num_hidden_layers", default.num_hidden_layers, 0)?,
            num_attention_heads: fields.count("num_attention_heads", default.num_attention_heads, 1)?,
            intermediate_size: fields.count("intermediate_size", default.intermediate_size, 1)?,
            hidden_act: fields.choice("hidden_act", default.hidden_act, Activation::NAMES, Activation::from_name)?,
            hidden_dropout_prob: fields.probability("hidden_dropout_prob", default.hidden_dropout_prob)?,
            attention_probs_dropout_prob: fields
                .probability("attention_probs_dropout_prob", default.attention_probs_dropout_prob)?,
            max_position_embeddings: fields.count("max_position_embeddings", default.max_position_embeddings, 1)?,
            type_vocab_size: fields.count("type_vocab_size", default.type_vocab_size, 1)?,
            initializer_range: fields.non_negative("initializer_range", default.initializer_range)?,
            layer_norm_eps: fields.non_negative("layer_norm_eps", default.layer_norm_eps)?,
            summary_type: fields.text("summary_type")?.unwrap_or(default.summary_type),
            summary_use_proj: fields.flag("summary_use_proj", default.summary_use_proj)?,
            summary_activation: fields.optional_activation("summary_activation", default.summary_activation)?,
            summary_last_dropout: fields.probability("summary_last_dropout", default.summary_last_dropout)?,
            pad_token_id: fields.optional_id("pad_token_id", default.pad_token_id)?,
            classifier_dropout: fields.optional_probability("classifier_dropout")?,
            tie_word_embeddings: fields.flag("tie_word_embeddings", default.tie_word_embeddings)?,
            output_hidden_states: fields.flag("output_hidden_states", default.output_hidden_states)?,
            output_attentions: fields.flag("output_attentions", default.output_attentions)?,
            labels: Labels::read(&mut fields)?,
            extra: fields.rest(),
        };
        config.check()?;
        Ok(config)
    }

    fn to_map(&self) -> Map<String, Value> {
        let mut values = Map::new();
        let mut put = |key: &str, value: Value| values.insert(key.to_string(), value);
        put("model_type", Self::MODEL_TYPE.into());
        put("vocab_size", self.vocab_size.into());
        put("embedding_size", self.embedding_size.into());
        put("hidden_size", self.hidden_size.into());
        put("num_hidden_layers", self.num_hidden_layers.into());
        put("num_attention_heads", self.num_attention_heads.into());
        put("intermediate_size", self.intermediate_size.into());
        put("hidden_act", self.hidden_act.name().into());
        put("hidden_dropout_prob", self.hidden_dropout_prob.into());
        put("attention_probs_dropout_prob", self.attention_probs_dropout_prob.into());
        put("max_position_embeddings", self.max_position_embeddings.into());
        put("type_vocab_size", self.type_vocab_size.into());
        put("initializer_range", self.initializer_range.into());
        put("layer_norm_eps", self.layer_norm_eps.into());
        put("summary_type", self.summary_type.clone().into());
        put("summary_use_proj", self.summary_use_proj.into());
        put("summary_activation", self.summary_activation.map(Activation::name).into());
        put("summary_last_dropout", self.summary_last_dropout.into());
        put("pad_token_id", self.pad_token_id.into());
        put("classifier_dropout", self.classifier_dropout.into());
        put("tie_word_embeddings", self.tie_word_embeddings.into());
        put("output_hidden_states", self.output_hidden_states.into());
        put("output_attentions", self.output_attentions.into());
        self.labels.write(&mut values);
        values.extend(self.extra.clone());
        values
    }
}
