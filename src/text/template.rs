//! The places of the special tokens in a row: a template for one text and one for a pair.

use serde_json::{Map, Value, json};

use super::vocabulary::Vocabulary;
use crate::error::{Error, Result};

/// A part of a row, with the type that its tokens get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// A text: 0, or 1 for the second of a pair.
    Text { number: usize, kind: i64 },
    /// A token that is added.
    Special { id: i64, kind: i64 },
}

/// The parts of a row of one text, and of a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Template {
    single: Vec<Part>,
    pair: Vec<Part>,
}

impl Template {
    /// Build BERT's: `[CLS] text [SEP]` and `[CLS] text [SEP] pair [SEP]`, with the type 1 from the second text on.
    pub fn bert(vocabulary: &Vocabulary) -> Self {
        Self::framed(vocabulary.class, vocabulary.separator)
    }

    fn framed(class: i64, separator: i64) -> Self {
        let special = |id, kind| Part::Special { id, kind };
        let single = vec![special(class, 0), Part::Text { number: 0, kind: 0 }, special(separator, 0)];
        let second = [Part::Text { number: 1, kind: 1 }, special(separator, 1)];
        let pair = single.iter().copied().chain(second).collect();
        Self { single, pair }
    }

    /// Build the template that adds nothing.
    fn plain() -> Self {
        let text = |number| Part::Text { number, kind: number as i64 };
        Self { single: vec![text(0)], pair: vec![text(0), text(1)] }
    }

    /// Read the post-processor of a `tokenizer.json`. `id` looks up a token.
    ///
    /// # Errors
    /// [`Error::Config`] if the type is another than `TemplateProcessing` or `BertProcessing`, if a template does not
    /// have each text once, or if a token has another id than in the vocabulary.
    pub fn read(processor: &Value, id: impl Fn(&str) -> Option<i64>) -> Result<Self> {
        match processor["type"].as_str() {
            None if processor.is_null() => Ok(Self::plain()),
            Some("TemplateProcessing") => {
                let single = read_parts(processor, "single", 1, &id)?;
                Ok(Self { single, pair: read_parts(processor, "pair", 2, &id)? })
            }
            Some("BertProcessing") => {
                let token = |role: &str| {
                    let (token, number) = (&processor[role][0], &processor[role][1]);
                    checked(token, number, &format!("post_processor.{role}"), &id)
                };
                Ok(Self::framed(token("cls")?, token("sep")?))
            }
            _ => {
                let expected = "expected null or the type TemplateProcessing or BertProcessing";
                Err(Error::config("post_processor", format!("{expected}, got {}", processor["type"])))
            }
        }
    }

    /// Write the post-processor of a `tokenizer.json`. `token` spells an id.
    pub fn write<'a>(&self, token: impl Fn(i64) -> Option<&'a str>) -> Value {
        let spelled = |id| token(id).unwrap_or_default();
        let part = |part: &Part| match *part {
            Part::Text { number, kind } => {
                let name = if number == 0 { "A" } else { "B" };
                json!({"Sequence": {"id": name, "type_id": kind}})
            }
            Part::Special { id, kind } => json!({"SpecialToken": {"id": spelled(id), "type_id": kind}}),
        };
        let parts = |parts: &[Part]| parts.iter().map(part).collect::<Vec<_>>();
        let mut ids: Vec<i64> = self.single.iter().chain(&self.pair).filter_map(Part::special).collect();
        ids.sort_unstable();
        let special: Map<String, Value> = ids
            .into_iter()
            .map(|id| (spelled(id).to_string(), json!({"id": spelled(id), "ids": [id], "tokens": [spelled(id)]})))
            .collect();
        json!({
            "type": "TemplateProcessing", "single": parts(&self.single), "pair": parts(&self.pair),
            "special_tokens": special,
        })
    }

    /// Return the parts of a row of one text or of a pair, in their order. Without special tokens the texts remain.
    pub fn parts(&self, pair: bool, special: bool) -> impl Iterator<Item = Part> + Clone {
        let parts = if pair { &self.pair } else { &self.single };
        parts.iter().copied().filter(move |part| special || part.special().is_none())
    }

    /// Return the number of special tokens that a row gets.
    pub fn added(&self, pair: bool) -> usize {
        self.parts(pair, true).filter(|part| part.special().is_some()).count()
    }

    /// Return whether a row of one text or of a pair gets a token.
    pub fn adds(&self, id: i64) -> bool {
        self.single.iter().chain(&self.pair).any(|part| part.special() == Some(id))
    }

    /// Return whether the second text of a pair comes first.
    pub fn is_reversed(&self) -> bool {
        self.pair.iter().find_map(|part| match part {
            Part::Text { number, .. } => Some(*number),
            Part::Special { .. } => None,
        }) == Some(1)
    }
}

impl Part {
    /// Return the id of a special token; `None` for a text.
    pub fn special(&self) -> Option<i64> {
        match self {
            Self::Special { id, .. } => Some(*id),
            Self::Text { .. } => None,
        }
    }
}

/// Read one template, which has each of `texts` texts once.
fn read_parts(processor: &Value, name: &str, texts: usize, id: &impl Fn(&str) -> Option<i64>) -> Result<Vec<Part>> {
    let field = format!("post_processor.{name}");
    let refused = |got: &Value| Error::config(&field, format!("expected a Sequence or a SpecialToken, got {got}"));
    let mut parts = Vec::new();
    for part in processor[name].as_array().into_iter().flatten() {
        let (text, special) = (&part["Sequence"], &part["SpecialToken"]);
        let kind = text["type_id"].as_u64().or(special["type_id"].as_u64()).filter(|&kind| kind <= u32::MAX.into());
        let kind = kind.ok_or_else(|| refused(part))? as i64;
        match (text["id"].as_str(), special["id"].as_str()) {
            (Some("A"), None) => parts.push(Part::Text { number: 0, kind }),
            (Some("B"), None) => parts.push(Part::Text { number: 1, kind }),
            (None, Some(name)) => {
                let token = &processor["special_tokens"][name];
                let (ids, tokens) = (token["ids"].as_array(), token["tokens"].as_array());
                let (Some(ids), Some(tokens)) = (ids, tokens) else { return Err(refused(part)) };
                if ids.len() != tokens.len() {
                    return Err(refused(part));
                }
                for (number, token) in ids.iter().zip(tokens) {
                    let id = checked(token, number, "post_processor.special_tokens", id)?;
                    parts.push(Part::Special { id, kind });
                }
            }
            _ => return Err(refused(part)),
        }
    }
    let count = |text| parts.iter().filter(|part| matches!(part, Part::Text { number, .. } if *number == text)).count();
    if [count(0), count(1)] != [1, texts - 1] {
        let expected = ["the text A once and no text B", "the texts A and B once each"][texts - 1];
        return Err(Error::config(&field, format!("expected {expected}, got {}", processor[name])));
    }
    Ok(parts)
}

/// Return the id of a token that a post-processor names, if the vocabulary has the token with this id.
fn checked(token: &Value, number: &Value, field: &str, id: &impl Fn(&str) -> Option<i64>) -> Result<i64> {
    let known = token.as_str().and_then(id);
    known.filter(|known| number.as_i64() == Some(*known)).ok_or_else(|| {
        let known = known.map_or_else(|| "no such token".to_string(), |known| format!("the id {known}"));
        Error::config(field, format!("{token} has the id {number} here, but the vocabulary has {known}"))
    })
}
