//! `config.json` -> checked structs.
//!
//! In: the JSON that transformers, rust_bert and oxbert write. Out: [`ElectraConfig`] or [`DistilBertConfig`], and from
//! it the neutral [`EncoderConfig`] that [`crate::encoder`] is built from. Absent keys take the defaults of
//! transformers, unknown keys survive a round trip, and a bad value is an [`Error::Config`] that names its field.

mod any;
mod distilbert;
mod electra;
mod encoder;
mod fields;
mod labels;
mod problem;
mod table;

use std::path::Path;

use serde_json::{Map, Value};

pub use any::AnyConfig;
#[cfg(feature = "python")]
pub(crate) use any::either;
pub use distilbert::DistilBertConfig;
pub use electra::ElectraConfig;
pub(crate) use encoder::Difference;
use encoder::FieldNames;
pub use encoder::{EmbeddingConfig, EncoderConfig};
pub use labels::Labels;
pub use problem::ProblemType;

use crate::error::{Error, Result};
use crate::nn::Initial;

/// A configuration that can be read from a file and written to one.
pub trait Config: Sized + Clone + std::fmt::Debug {
    /// The value of `model_type` in `config.json`.
    const MODEL_TYPE: &'static str;

    /// Other names of fields that are read too: transformers' general name -> the family's own.
    const ALIASES: &'static [(&'static str, &'static str)];

    /// The names of the fields that only this family has.
    const FIELDS: &'static [&'static str];

    /// Read the keys of `config.json`.
    ///
    /// # Errors
    /// [`Error::Config`] with the name of the first bad field.
    fn from_map(values: Map<String, Value>) -> Result<Self>;

    /// Return the keys of `config.json`, unknown ones included.
    fn to_map(&self) -> Map<String, Value>;

    /// Return the value of one key of [`Config::to_map`], without the others.
    fn value(&self, name: &str) -> Option<Value>;

    /// Return whether a key has a meaning here: a field or another name of one, of this family or of both.
    #[must_use]
    fn is_field(name: &str) -> bool {
        /// The fields that both families have.
        const SHARED: [&str; 11] = [
            "vocab_size",
            "max_position_embeddings",
            "initializer_range",
            "pad_token_id",
            "tie_word_embeddings",
            "output_hidden_states",
            "output_attentions",
            "problem_type",
            "num_labels",
            "id2label",
            "label2id",
        ];
        Self::FIELDS.contains(&name) || SHARED.contains(&name) || Self::ALIASES.iter().any(|(alias, _)| *alias == name)
    }

    /// Return the configuration of the encoder.
    fn encoder(&self) -> EncoderConfig;

    /// Check the fields against each other.
    ///
    /// # Errors
    /// [`Error::Config`].
    fn check(&self) -> Result<()>;

    /// Return the fields that both families have under one name.
    fn shared(&self) -> Shared<'_>;

    /// Return the values of fresh parameters.
    fn initial(&self) -> Initial {
        let EmbeddingConfig { padding, sinusoidal, .. } = self.encoder().embeddings;
        Initial { standard_deviation: self.shared().initializer_range, padding, sinusoidal }
    }

    /// Set `tie_word_embeddings` to false.
    fn untie(&mut self);

    /// Set the size of the vocabulary.
    fn set_vocab_size(&mut self, vocab_size: i64);

    /// Set the number of positions.
    fn set_positions(&mut self, positions: i64);

    /// Return the keys that oxbert does not know.
    fn extra_mut(&mut self) -> &mut Map<String, Value>;

    /// Record the dtype of the stored parameters, if the file has such a key or the dtype is not float32.
    fn note_dtype(&mut self, name: &str) {
        let extra = self.extra_mut();
        // transformers before 5 wrote the second name.
        for key in ["dtype", "torch_dtype"] {
            if let Some(dtype) = extra.get_mut(key) {
                *dtype = name.into();
            }
        }
        if name != "float32" && !extra.contains_key("torch_dtype") {
            extra.insert("dtype".into(), name.into());
        }
    }

    /// Record the class of transformers to which the weights beside the file belong.
    fn note_architecture(&mut self, name: &str) {
        self.extra_mut().insert("architectures".into(), Value::from(vec![name]));
    }

    /// Read a JSON text.
    ///
    /// # Errors
    /// [`Error::Config`] if the text is not a JSON object or a field is bad.
    fn from_json(text: &str) -> Result<Self> {
        Self::from_map(object(text)?)
    }

    /// Read a `config.json`.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read; [`Error::Config`] as [`Config::from_json`], with the file's name.
    fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        read(path.as_ref(), Self::from_json)
    }

    /// Return the JSON text that [`Config::from_json`] reads, indented by two spaces.
    fn to_json(&self) -> String {
        format!("{:#}", Value::Object(self.to_map()))
    }

    /// Write `config.json` so that a crash leaves either the old file or the new one.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be written.
    fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        use std::io::Write;
        let path = path.as_ref();
        crate::files::write_atomically(path, |file| writeln!(file, "{}", self.to_json()))
    }
}

/// Return the first field in which two configurations make a model compute other numbers in evaluation mode; None if
/// there is no such field.
pub(crate) fn difference<C: Config>(one: &C, other: &C) -> Option<Difference> {
    one.encoder().difference(&other.encoder(), FieldNames::of(C::MODEL_TYPE))
}

/// Parse a text that must be a JSON object.
fn object(text: &str) -> Result<Map<String, Value>> {
    match serde_json::from_str(text) {
        Ok(Value::Object(values)) => Ok(values),
        Ok(_) => Err(Error::config("the whole file", "expected a JSON object")),
        Err(error) => Err(Error::config("the whole file", format!("not valid JSON: {error}"))),
    }
}

/// Parse a file; an error names it.
fn read<T>(path: &Path, parse: impl Fn(&str) -> Result<T>) -> Result<T> {
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    let text = String::from_utf8(bytes)
        .map_err(|error| Error::config("the whole file", format!("not UTF-8: {error}")).in_file(path))?;
    parse(&text).map_err(|error| error.in_file(path))
}

/// The fields that both families have under one name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shared<'a> {
    /// Standard deviation of freshly initialised weights.
    pub initializer_range: f64,
    /// Whether the decoder of a masked LM is the word embeddings.
    pub tie_word_embeddings: bool,
    /// Whether the hidden states of all layers are returned.
    pub output_hidden_states: bool,
    /// Whether the attention probabilities of all layers are returned.
    pub output_attentions: bool,
    /// The kind of a text classifier's labels.
    pub problem_type: Option<ProblemType>,
    /// The labels of a classifier.
    pub labels: &'a Labels,
}

/// Refuse a single-label problem with one label.
fn check_problem(problem_type: Option<ProblemType>, labels: &Labels) -> Result<()> {
    if problem_type == Some(ProblemType::SingleLabel) && labels.len() == 1 {
        let reason = "single_label_classification needs two labels at least, got one";
        return Err(Error::config("problem_type", reason));
    }
    Ok(())
}

/// Refuse options that change a model's numbers and are not supported.
fn refuse_unsupported(extra: &Map<String, Value>) -> Result<()> {
    for key in ["is_decoder", "add_cross_attention"] {
        if extra.get(key) == Some(&Value::Bool(true)) {
            return Err(Error::config(key, "expected false (oxbert has encoders only), got true"));
        }
    }
    for key in ["return_dict", "use_cache", "torchscript"] {
        match extra.get(key) {
            None | Some(Value::Null | Value::Bool(_)) => {}
            Some(other) => return Err(Error::config(key, format!("expected true or false, got {other}"))),
        }
    }
    if extra.get("torchscript") == Some(&Value::Bool(true)) {
        let reason =
            "expected false, got true: torch.jit cannot record models of oxbert; for tuples, set return_dict to false";
        return Err(Error::config("torchscript", reason));
    }
    match extra.get("chunk_size_feed_forward") {
        // The numbers are the same in chunks of any size.
        None | Some(Value::Null) => {}
        Some(size) if size.as_u64().is_some() => {}
        Some(other) => {
            let reason = format!("expected a whole number of tokens, 0 for all at once, got {other}");
            return Err(Error::config("chunk_size_feed_forward", reason));
        }
    }
    match extra.get("position_embedding_type") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(kind)) if kind == "absolute" => Ok(()),
        Some(other) => Err(Error::config("position_embedding_type", format!("expected \"absolute\", got {other}"))),
    }
}
