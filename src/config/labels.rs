//! The labels of a classifier: `id2label`, `label2id`, `num_labels`.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::fields::Fields;
use crate::error::{Error, Result};

/// Far more labels than any classifier has, so that a hostile file cannot exhaust memory.
const MAXIMUM: i64 = 1_000_000;

/// The names of a classifier's L labels, by id.
///
/// A configuration without names has two labels, `LABEL_0` and `LABEL_1`, as in transformers.
///
/// ```
/// use oxbert::config::Labels;
/// assert_eq!(Labels::numbered(2).names(), ["LABEL_0", "LABEL_1"]);
///
/// // `id2label` as a map, as in rust_bert.
/// let id2label = std::collections::HashMap::from([(1, "PER".to_string()), (0, "O".to_string())]);
/// assert_eq!(Labels::try_from(id2label)?.names(), ["O", "PER"]);
/// # Ok::<(), oxbert::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labels {
    names: Vec<String>,
    /// Whether each name is an integer in the file, which stays one: of digits alone.
    integers: Vec<bool>,
}

impl Labels {
    /// Return `LABEL_0` to `LABEL_{count - 1}`.
    #[must_use]
    pub fn numbered(count: usize) -> Self {
        Self { names: (0..count).map(|id| format!("LABEL_{id}")).collect(), integers: vec![false; count] }
    }

    /// Return labels with these names, in the order of their ids.
    ///
    /// # Errors
    /// [`Error::Config`] if `names` is empty.
    pub fn new(names: Vec<String>) -> Result<Self> {
        if names.is_empty() {
            return Err(Error::config("id2label", "expected at least one label, got none"));
        }
        let integers = vec![false; names.len()];
        Ok(Self { names, integers })
    }

    /// Return the names, in the order of their ids.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Return the names as `config.json` has them: strings, or integers.
    pub(crate) fn values(&self) -> impl Iterator<Item = Value> {
        self.names.iter().zip(&self.integers).map(|(name, is_integer)| match name.parse::<i64>() {
            Ok(number) if *is_integer => number.into(),
            _ => name.as_str().into(),
        })
    }

    /// Return how many labels there are: L.
    #[must_use]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Return L as libtorch's integer type.
    pub(crate) fn count(&self) -> i64 {
        self.names.len() as i64
    }

    /// Return false: there is at least one label.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub(super) fn read(fields: &mut Fields) -> Result<Self> {
        let count = fields.optional_count("num_labels", 1)?;
        if let Some(count) = count.filter(|&count| count > MAXIMUM) {
            return Err(Error::config("num_labels", format!("expected at most {MAXIMUM}, got {count}")));
        }
        // label2id is the inverse of id2label, so it is only read if id2label is missing.
        let by_name = fields.object("label2id")?;
        let labels = match (fields.object("id2label")?, by_name) {
            (Some(by_id), _) => Self::from_id2label(&by_id)?,
            (None, Some(by_name)) if count.is_none() => Self::from_label2id(&by_name)?,
            (None, _) => Self::numbered(count.map_or(2, |count| count as usize)),
        };
        match count {
            // As in transformers, a count that contradicts the names wins and the labels are numbered.
            Some(count) if count as usize != labels.len() => Ok(Self::numbered(count as usize)),
            _ => Ok(labels),
        }
    }

    fn from_id2label(object: &Map<String, Value>) -> Result<Self> {
        let mut names = vec![None; object.len()];
        for (key, value) in object {
            let slot = key.parse::<usize>().ok().and_then(|id| names.get_mut(id));
            let Some(slot) = slot else {
                let last = object.len().saturating_sub(1);
                return Err(Error::config("id2label", format!("expected the keys 0 to {last}, got {key:?}")));
            };
            let name = match value {
                Value::String(name) => (name.clone(), false),
                Value::Number(number) if number.is_i64() => (number.to_string(), true),
                _ => {
                    let reason = format!("expected a string or an integer at {key:?}, got {value}");
                    return Err(Error::config("id2label", reason));
                }
            };
            *slot = Some(name);
        }
        let names: Option<Vec<_>> = names.into_iter().collect();
        let (names, integers) =
            names.ok_or_else(|| Error::config("id2label", "an id is given twice"))?.into_iter().unzip();
        Ok(Self { integers, ..Self::new(names)? })
    }

    fn from_label2id(object: &Map<String, Value>) -> Result<Self> {
        let by_id: Map<_, _> = object.iter().map(|(name, id)| (id.to_string(), Value::String(name.clone()))).collect();
        if by_id.len() < object.len() {
            return Err(Error::config("label2id", "expected another id for every label, got one twice"));
        }
        Self::from_id2label(&by_id)
    }

    pub(super) fn write(&self, values: &mut Map<String, Value>) {
        let by_id = self.values().enumerate().map(|(id, name)| (id.to_string(), name));
        let by_name = self.names.iter().enumerate().map(|(id, name)| (name.clone(), Value::from(id)));
        values.insert("id2label".into(), Value::Object(by_id.collect()));
        values.insert("label2id".into(), Value::Object(by_name.collect()));
    }
}

impl TryFrom<HashMap<i64, String>> for Labels {
    type Error = Error;

    /// Take `id2label` as rust_bert has it. [`Error::Config`] unless the ids are 0 to L - 1.
    fn try_from(id2label: HashMap<i64, String>) -> Result<Self> {
        let mut by_id: Vec<_> = id2label.into_iter().collect();
        // In order, so that the error names the same id each time.
        by_id.sort_unstable();
        Self::from_id2label(&by_id.into_iter().map(|(id, name)| (id.to_string(), Value::String(name))).collect())
    }
}

impl Default for Labels {
    fn default() -> Self {
        Self::numbered(2)
    }
}
