//! `config.json` -> checked structs.
//!
//! In: the JSON that transformers, rust_bert and oxbert write. Out: [`ElectraConfig`], and from it the neutral
//! [`EncoderConfig`] that [`crate::encoder`] is built from. Absent keys take the defaults of transformers, unknown keys
//! survive a round trip, and a bad value is an [`Error::Config`] that names its field.

mod electra;
mod fields;
mod labels;

use std::path::Path;

use serde_json::{Map, Value};

pub use electra::ElectraConfig;
pub use labels::Labels;

use crate::error::{Error, Result};
use crate::nn::Activation;

/// A configuration that can be read from a file and written to one.
pub trait Config: Sized {
    /// The value of `model_type` in `config.json`.
    const MODEL_TYPE: &'static str;

    /// Reads the keys of `config.json`.
    ///
    /// # Errors
    /// [`Error::Config`] with the name of the first bad field.
    fn from_map(values: Map<String, Value>) -> Result<Self>;

    /// The keys of `config.json`, unknown ones included.
    fn to_map(&self) -> Map<String, Value>;

    /// Standard deviation of freshly initialised weights.
    fn initializer_range(&self) -> f64;

    /// The id whose word embedding stays zero.
    fn pad_token_id(&self) -> Option<i64>;

    /// Says that the decoder of a masked LM is not the word embeddings.
    fn untie(&mut self);

    /// Says that the parameters are float32 now, where the file said what they were stored in.
    fn note_float32(&mut self);

    /// Reads a JSON text.
    ///
    /// # Errors
    /// [`Error::Config`] where the text is not a JSON object or a field is bad.
    fn from_json(text: &str) -> Result<Self> {
        match serde_json::from_str(text) {
            Ok(Value::Object(values)) => Self::from_map(values),
            Ok(_) => Err(Error::config("the whole file", "expected a JSON object")),
            Err(error) => Err(Error::config("the whole file", format!("not valid JSON: {error}"))),
        }
    }

    /// Reads a `config.json`.
    ///
    /// # Errors
    /// [`Error::Io`] where the file cannot be read; [`Error::Config`] as [`Config::from_json`], with the file's name.
    fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
        let text = String::from_utf8(bytes)
            .map_err(|error| Error::config("the whole file", format!("not UTF-8: {error}")).in_file(path))?;
        Self::from_json(&text).map_err(|error| error.in_file(path))
    }

    /// The JSON text that [`Config::from_json`] reads, indented by two spaces.
    fn to_json(&self) -> String {
        format!("{:#}", Value::Object(self.to_map()))
    }

    /// Writes `config.json` so that a crash leaves either the old file or the new one.
    ///
    /// # Errors
    /// [`Error::Io`] where the file cannot be written.
    fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        use std::io::Write;
        let path = path.as_ref();
        crate::weights::write_atomically(path, |file| writeln!(file, "{}", self.to_json()))
    }
}

/// What the encoder of either family needs to know.
#[derive(Debug, Clone, PartialEq)]
pub struct EncoderConfig {
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
    /// Dropout after the attention's projection and after the feed-forward part.
    pub hidden_dropout: f64,
    /// Dropout of attention probabilities.
    pub attention_dropout: f64,
}
