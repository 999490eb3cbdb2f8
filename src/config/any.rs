//! The configuration of either family.

use std::path::Path;

use serde_json::{Map, Value};

use super::{Config, DistilBertConfig, ElectraConfig, EncoderConfig, Shared};
use crate::error::{Error, Result};
use crate::names;

/// The configuration of either family; `model_type` in `config.json` decides which.
///
/// ```
/// use oxbert::config::AnyConfig;
/// let config = AnyConfig::from_json(r#"{"model_type": "distilbert", "n_layers": 2}"#)?;
/// assert!(matches!(config, AnyConfig::DistilBert(config) if config.n_layers == 2));
/// # Ok::<(), oxbert::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum AnyConfig {
    /// `model_type` is `electra`.
    Electra(ElectraConfig),
    /// `model_type` is `distilbert`.
    DistilBert(DistilBertConfig),
}

/// Run an expression on the configuration inside, of whichever family.
macro_rules! either {
    ($any:expr, $config:ident => $result:expr) => {
        match $any {
            $crate::config::AnyConfig::Electra($config) => $result,
            $crate::config::AnyConfig::DistilBert($config) => $result,
        }
    };
}
#[cfg(feature = "python")]
pub(crate) use either;

impl AnyConfig {
    /// Every supported `model_type`.
    pub const MODEL_TYPES: &'static [&'static str] = &[ElectraConfig::MODEL_TYPE, DistilBertConfig::MODEL_TYPE];

    /// Read a JSON text. If it lacks `model_type`, as the files of old checkpoints do, `architectures` decides the
    /// family.
    ///
    /// # Errors
    /// [`Error::Config`].
    pub fn from_json(text: &str) -> Result<Self> {
        Self::from_map(super::object(text)?)
    }

    /// Read a `config.json`.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Config`] with the file's name.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        super::read(path.as_ref(), Self::from_json)
    }

    /// Read the keys of `config.json`.
    ///
    /// # Errors
    /// [`Error::Config`].
    pub fn from_map(values: Map<String, Value>) -> Result<Self> {
        match Self::family(&values) {
            Some(DistilBertConfig::MODEL_TYPE) => DistilBertConfig::from_map(values).map(Self::DistilBert),
            Some(_) => ElectraConfig::from_map(values).map(Self::Electra),
            None => {
                let got = values.get("model_type").map_or_else(|| "none".to_string(), ToString::to_string);
                Err(Error::config("model_type", format!("expected one of {}, got {got}", Self::MODEL_TYPES.join(", "))))
            }
        }
    }

    /// Return the `model_type` of the family that a `config.json` names, whether or not its other keys can be used; None if
    /// it names neither.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read; [`Error::Config`] if it is not a JSON object.
    pub(crate) fn family_of(path: impl AsRef<Path>) -> Result<Option<&'static str>> {
        super::read(path.as_ref(), |text| Ok(Self::family(&super::object(text)?)))
    }

    /// Return the class of transformers to which the weights beside a `config.json` belong, if it says so.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read; [`Error::Config`] if it is not a JSON object.
    pub(crate) fn architecture_of(path: impl AsRef<Path>) -> Result<Option<String>> {
        super::read(path.as_ref(), |text| Ok(Self::architecture(&super::object(text)?).map(str::to_string)))
    }

    fn architecture(values: &Map<String, Value>) -> Option<&str> {
        values.get("architectures").and_then(|names| names.get(0)).and_then(Value::as_str)
    }

    /// Return the family that `model_type` names, or `architectures` if there is no `model_type`.
    fn family(values: &Map<String, Value>) -> Option<&'static str> {
        let named = values.get("model_type").and_then(Value::as_str);
        let built = Self::architecture(values);
        let model_type = named.map_or_else(|| built.unwrap_or_default().to_lowercase(), str::to_string);
        // `distilbert` and `DistilBertForMaskedLM`, lower-cased, begin alike.
        Self::MODEL_TYPES.iter().find(|&&family| model_type.starts_with(family)).copied()
    }

    /// Return the keys of the `config.json` of a BERT; None if the file names another family.
    ///
    /// # Errors
    /// [`Error::Io`] if the file cannot be read; [`Error::Config`] if it is not a JSON object.
    pub(crate) fn bert(path: impl AsRef<Path>) -> Result<Option<Map<String, Value>>> {
        super::read(path.as_ref(), |text| {
            let values = super::object(text)?;
            Ok((values.get("model_type").and_then(Value::as_str) == Some(names::BERT)).then_some(values))
        })
    }

    /// Return the value of `model_type`.
    #[must_use]
    pub fn model_type(&self) -> &'static str {
        match self {
            Self::Electra(_) => ElectraConfig::MODEL_TYPE,
            Self::DistilBert(_) => DistilBertConfig::MODEL_TYPE,
        }
    }

    /// Return the fields that both families have under one name.
    #[must_use]
    pub fn shared(&self) -> Shared<'_> {
        either!(self, config => config.shared())
    }

    /// Return the configuration of the encoder.
    #[must_use]
    pub fn encoder(&self) -> EncoderConfig {
        either!(self, config => config.encoder())
    }

    /// Return the keys of `config.json`.
    #[must_use]
    pub fn to_map(&self) -> Map<String, Value> {
        either!(self, config => config.to_map())
    }

    /// Return the value of one key of [`AnyConfig::to_map`], without the others.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<Value> {
        either!(self, config => config.value(name))
    }
}

/// Conversions to and from the configuration of one family.
macro_rules! family {
    ($variant:ident, $config:ident) => {
        impl From<$config> for AnyConfig {
            fn from(config: $config) -> Self {
                Self::$variant(config)
            }
        }

        impl TryFrom<AnyConfig> for $config {
            type Error = Error;

            /// [`Error::Config`] if the configuration is another family's.
            fn try_from(config: AnyConfig) -> Result<Self> {
                match config {
                    AnyConfig::$variant(config) => Ok(config),
                    other => {
                        let (expected, got) = (Self::MODEL_TYPE, other.model_type());
                        Err(Error::config("model_type", format!("expected {expected:?}, got {got:?}")))
                    }
                }
            }
        }
    };
}
family!(Electra, ElectraConfig);
family!(DistilBert, DistilBertConfig);
