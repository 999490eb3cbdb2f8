//! Readers of the fields of a `config.json`: every bad value is an error that names its field.

use serde_json::{Map, Value};

use super::ProblemType;
use crate::error::{Error, Result};
use crate::names::{DISTILBERT, ELECTRA};
use crate::nn::Activation;

/// The fields of a configuration that have not been read yet; what is left at the end are the unknown keys.
pub(super) struct Fields {
    values: Map<String, Value>,
}

impl Fields {
    /// Take the fields of `config.json`, with aliases under the family's own names. If a file has both, the family's
    /// own name wins.
    pub(super) fn new(mut values: Map<String, Value>, aliases: &[(&str, &str)]) -> Self {
        for (alias, name) in aliases {
            if let Some(value) = values.shift_remove(*alias) {
                values.entry(*name).or_insert(value);
            }
        }
        Self { values }
    }

    /// Refuse the configuration of another family.
    pub(super) fn model_type(&mut self, expected: &str) -> Result<()> {
        let Some(got) = self.text("model_type")? else { return self.architecture(expected) };
        if got == expected {
            return Ok(());
        }
        // BERT and ELECTRA differ in the width of the embeddings only.
        let hint = if (expected, got.as_str()) == ("electra", "bert") {
            "; a BERT encoder runs as an electra whose embedding_size is its hidden_size"
        } else {
            ""
        };
        Err(Error::config("model_type", format!("expected {expected:?}, got {got:?}{hint}")))
    }

    /// Refuse a class of another family in `architectures`, the only hint in old files.
    fn architecture(&self, expected: &str) -> Result<()> {
        let class = self.values.get("architectures").and_then(|names| names.get(0)).and_then(Value::as_str);
        let Some(class) = class else { return Ok(()) };
        let others = [ELECTRA, DISTILBERT].into_iter().filter(|other| *other != expected);
        if others.into_iter().any(|other| class.to_lowercase().starts_with(other)) {
            return Err(Error::config("architectures", format!("expected a class of {expected}, got {class:?}")));
        }
        Ok(())
    }

    /// Return the keys that were not read.
    pub(super) fn rest(self) -> Map<String, Value> {
        self.values
    }

    /// Return the value of a key, unless it is absent or null.
    fn take(&mut self, key: &str) -> Option<Value> {
        // `shift_remove` keeps the order of what is left, so that a file is written back as it was read.
        self.values.shift_remove(key).filter(|value| !value.is_null())
    }

    /// Return whether the key is in the file with the value null.
    fn is_null(&self, key: &str) -> bool {
        self.values.get(key).is_some_and(Value::is_null)
    }

    /// Return an integer of at least 1, or the default if the key is absent.
    pub(super) fn size(&mut self, key: &str, default: i64) -> Result<i64> {
        self.at_least(1, key, default)
    }

    /// Return an integer of at least 0, or the default if the key is absent.
    pub(super) fn count(&mut self, key: &str, default: i64) -> Result<i64> {
        self.at_least(0, key, default)
    }

    fn at_least(&mut self, minimum: i64, key: &str, default: i64) -> Result<i64> {
        if self.is_null(key) {
            return Err(wrong(key, &format!("an integer of at least {minimum}"), &Value::Null));
        }
        Ok(self.optional_count(key, minimum)?.unwrap_or(default))
    }

    /// Return an integer of at least `minimum`, or None if the key is absent or null.
    pub(super) fn optional_count(&mut self, key: &str, minimum: i64) -> Result<Option<i64>> {
        // No model is larger, and products of two sizes stay inside 64 bits.
        const MAXIMUM: i64 = i32::MAX as i64;
        let Some(value) = self.take(key) else { return Ok(None) };
        match value.as_i64() {
            Some(number) if (minimum..=MAXIMUM).contains(&number) => Ok(Some(number)),
            _ => Err(wrong(key, &format!("an integer from {minimum} to {MAXIMUM}"), &value)),
        }
    }

    /// Return a probability in [0, 1), or the default if the key is absent.
    pub(super) fn probability(&mut self, key: &str, default: f64) -> Result<f64> {
        if self.is_null(key) {
            return Err(wrong(key, "a probability, 0 <= p < 1", &Value::Null));
        }
        Ok(self.optional_probability(key, None)?.unwrap_or(default))
    }

    /// Return a probability in [0, 1), or the default if the key is absent or null.
    pub(super) fn optional_probability(&mut self, key: &str, default: Option<f64>) -> Result<Option<f64>> {
        let Some(value) = self.take(key) else { return Ok(default) };
        match value.as_f64() {
            Some(number) if (0.0..1.0).contains(&number) => Ok(Some(number)),
            _ => Err(wrong(key, "a probability, 0 <= p < 1", &value)),
        }
    }

    /// Return a finite number of at least 0, or the default if the key is absent or null.
    pub(super) fn non_negative(&mut self, key: &str, default: f64) -> Result<f64> {
        let Some(value) = self.take(key) else { return Ok(default) };
        match value.as_f64() {
            Some(number) if number >= 0.0 && number.is_finite() => Ok(number),
            _ => Err(wrong(key, "a number of at least 0", &value)),
        }
    }

    /// Return a truth value, or the default if the key is absent or null.
    pub(super) fn flag(&mut self, key: &str, default: bool) -> Result<bool> {
        let Some(value) = self.take(key) else { return Ok(default) };
        value.as_bool().ok_or_else(|| wrong(key, "true or false", &value))
    }

    /// Return a string, or None if the key is absent or null.
    pub(super) fn text(&mut self, key: &str) -> Result<Option<String>> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(value) => Err(wrong(key, "a string", &value)),
        }
    }

    /// Return a string, or the default if the key is absent or null.
    pub(super) fn string(&mut self, key: &str, default: String) -> Result<String> {
        Ok(self.text(key)?.unwrap_or(default))
    }

    /// Return what the labels of a text classifier are, or None if the key is absent or null.
    pub(super) fn problem_type(&mut self, key: &str) -> Result<Option<ProblemType>> {
        self.choice(key, None, ProblemType::NAMES, |name| ProblemType::from_name(name).map(Some))
    }

    /// Return the name of an activation, or the default if the key is absent or null.
    pub(super) fn activation(&mut self, key: &str, default: Activation) -> Result<Activation> {
        self.choice(key, default, Activation::NAMES, Activation::from_name)
    }

    /// Return a string that `parse` understands, or the default if the key is absent or null. The error lists
    /// `allowed`.
    pub(super) fn choice<T>(
        &mut self,
        key: &str,
        default: T,
        allowed: &[&str],
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<T> {
        let Some(text) = self.text(key)? else { return Ok(default) };
        parse(&text).ok_or_else(|| Error::config(key, format!("expected one of {}, got {text:?}", allowed.join(", "))))
    }

    /// Return the name of an activation; the default if the key is absent, None if it is null or empty.
    pub(super) fn optional_activation(&mut self, key: &str, default: Option<Activation>) -> Result<Option<Activation>> {
        if self.is_null(key) {
            self.values.shift_remove(key);
            return Ok(None);
        }
        let parse = |name: &str| if name.is_empty() { Some(None) } else { Activation::from_name(name).map(Some) };
        self.choice(key, default, Activation::NAMES, parse)
    }

    /// Return the id of a token; the default if the key is absent, None if it is null.
    pub(super) fn optional_id(&mut self, key: &str, default: Option<i64>) -> Result<Option<i64>> {
        if self.is_null(key) {
            self.values.shift_remove(key);
            return Ok(None);
        }
        Ok(self.optional_count(key, 0)?.or(default))
    }

    /// Return an object, or None if the key is absent or null.
    pub(super) fn object(&mut self, key: &str) -> Result<Option<Map<String, Value>>> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object)),
            Some(value) => Err(wrong(key, "an object", &value)),
        }
    }
}

/// A field that can be written to `config.json`.
pub(super) trait ToJson {
    fn to_json(&self) -> Value;
}

macro_rules! as_value {
    ($($type:ty),+) => {
        $(impl ToJson for $type {
            fn to_json(&self) -> Value {
                self.clone().into()
            }
        })+
    };
}
as_value!(i64, f64, bool, String, Option<f64>);

impl ToJson for Activation {
    fn to_json(&self) -> Value {
        self.name().into()
    }
}

impl ToJson for Option<Activation> {
    fn to_json(&self) -> Value {
        // transformers refuses null; an empty string means no activation.
        self.map_or("", Activation::name).into()
    }
}

fn wrong(key: &str, expected: &str, got: &Value) -> Error {
    Error::config(key, format!("expected {expected}, got {got}"))
}
