//! Find named entities.
//!
//! Source: rust_bert 0.23 `src/pipelines/ner.rs`.

use serde::{Deserialize, Serialize};

use super::common::{TokenizerOption, answered};
use super::token_classification::{Offset, Token, TokenClassificationConfig, TokenClassificationModel};
use crate::error::Result;
use crate::pipelines::spans::Characters;

/// A named entity, or a word of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entity {
    /// The characters of the text.
    pub word: String,
    /// The product of the probabilities of the words.
    pub score: f64,
    /// The label: as the configuration spells it for a word, without the prefix for an entity.
    pub label: String,
    /// The characters of the entity in the text.
    pub offset: Offset,
}

/// The files of a token classifier, how it runs, and how words are labelled.
pub type NERConfig = TokenClassificationConfig;

/// Find named entities with a token classifier whose labels are `O` and entities' names, with the prefixes `B-`, `I-`, `E-`
/// and `S-` or without.
#[derive(Debug)]
pub struct NERModel {
    model: TokenClassificationModel,
}

impl NERModel {
    /// Load the model and its tokenizer.
    ///
    /// # Errors
    /// The errors of [`TokenClassificationModel::new`].
    pub fn new(ner_config: NERConfig) -> Result<Self> {
        Ok(Self { model: TokenClassificationModel::new(ner_config)? })
    }

    /// Load the model, and take a tokenizer.
    ///
    /// # Errors
    /// The errors of [`TokenClassificationModel::new`].
    pub fn new_with_tokenizer(ner_config: NERConfig, tokenizer: TokenizerOption) -> Result<Self> {
        Ok(Self { model: TokenClassificationModel::new_with_tokenizer(ner_config, tokenizer)? })
    }

    /// Return the tokenizer.
    #[must_use]
    pub fn get_tokenizer(&self) -> &TokenizerOption {
        self.model.get_tokenizer()
    }

    /// Return the words of every text whose label is not `O`.
    ///
    /// # Panics
    /// If [`NERModel::try_predict`] returns an error, or a custom aggregation panics.
    pub fn predict<S>(&self, input: &[S]) -> Vec<Vec<Entity>>
    where
        S: AsRef<str>,
    {
        answered(self.try_predict(input))
    }

    /// Return what [`NERModel::predict`] does, or the error.
    ///
    /// # Errors
    /// The errors of [`TokenClassificationModel::try_predict`].
    pub fn try_predict<S>(&self, input: &[S]) -> Result<Vec<Vec<Entity>>>
    where
        S: AsRef<str>,
    {
        let word = |token: Token| {
            let offset = token.offset.filter(|_| token.label != OUTSIDE)?;
            Some(Entity { word: token.text, score: token.score, label: token.label, offset })
        };
        let texts = self.model.try_predict(input, true, false)?;
        Ok(texts.into_iter().map(|tokens| tokens.into_iter().filter_map(word).collect()).collect())
    }

    /// Return the entities of every text: neighbouring words of one name. `B-` and `S-` begin an entity, and `E-` and `S-` end
    /// one. A label with another prefix, or none, is the name of an entity as it is.
    ///
    /// # Panics
    /// If [`NERModel::try_predict_full_entities`] returns an error, or a custom aggregation panics.
    pub fn predict_full_entities<S>(&self, input: &[S]) -> Vec<Vec<Entity>>
    where
        S: AsRef<str>,
    {
        answered(self.try_predict_full_entities(input))
    }

    /// Return what [`NERModel::predict_full_entities`] does, or the error.
    ///
    /// # Errors
    /// The errors of [`TokenClassificationModel::try_predict`].
    pub fn try_predict_full_entities<S>(&self, input: &[S]) -> Result<Vec<Vec<Entity>>>
    where
        S: AsRef<str>,
    {
        let texts = self.model.try_predict(input, true, false)?;
        Ok(input.iter().zip(texts).map(|(text, tokens)| entities(text.as_ref(), &tokens)).collect())
    }
}

/// The label of words that belong to no entity.
const OUTSIDE: &str = "O";

/// What the prefix of a label says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tag<'a> {
    begins: bool,
    ends: bool,
    name: &'a str,
}

impl<'a> Tag<'a> {
    /// Return the tag of a label, or `None` for `O`.
    fn of(label: &'a str) -> Option<Self> {
        let prefixed = label.split_once('-').filter(|(prefix, _)| ["B", "I", "E", "S"].contains(prefix));
        let (prefix, name) = prefixed.unwrap_or(("I", label));
        let tag = Self { begins: matches!(prefix, "B" | "S"), ends: matches!(prefix, "E" | "S"), name };
        (label != OUTSIDE).then_some(tag)
    }
}

/// Join the words of a text into entities.
fn entities(text: &str, words: &[Token]) -> Vec<Entity> {
    let mut characters = Characters::new(text);
    let mut entities: Vec<Entity> = Vec::new();
    // Whether the word before belongs to the last entity, and more may follow.
    let mut is_open = false;
    for word in words {
        let (Some(tag), Some(offset)) = (Tag::of(&word.label), word.offset) else {
            is_open = false;
            continue;
        };
        match entities.last_mut() {
            Some(last) if is_open && !tag.begins && last.label == tag.name => {
                last.score *= word.score;
                last.offset.end = offset.end;
            }
            _ => entities.push(Entity { word: String::new(), score: word.score, label: tag.name.into(), offset }),
        }
        is_open = !tag.ends;
    }
    for entity in &mut entities {
        entity.word = characters.slice(entity.offset.begin as usize, entity.offset.end as usize).to_string();
    }
    entities
}

#[cfg(test)]
mod tests {
    use rust_tokenizers::Mask;

    use super::*;

    /// Return the names and the words of the entities of `a b c ...`, whose words have these labels.
    fn found(labels: &[&str]) -> Vec<String> {
        let text = "a b c d e f g h i j k l"[..2 * labels.len() - 1].to_string();
        let word = |(number, label): (usize, &&str)| {
            let begin = 2 * number as u32;
            let (text, offset) = (text[2 * number..=2 * number].to_string(), Some(Offset::new(begin, begin + 1)));
            let (label, mask) = ((*label).to_string(), Mask::None);
            Token {
                text,
                score: 0.5,
                label,
                label_index: 0,
                sentence: 0,
                index: 0,
                word_index: number + 1,
                offset,
                mask,
            }
        };
        let words: Vec<Token> = labels.iter().enumerate().map(word).collect();
        entities(&text, &words).into_iter().map(|entity| format!("{}: {}", entity.label, entity.word)).collect()
    }

    #[test]
    fn tags_begin_continue_and_end_entities() {
        assert_eq!(found(&["B-X", "I-X", "O", "I-X"]), ["X: a b", "X: d"]);
        assert_eq!(found(&["B-X", "B-X", "I-Y"]), ["X: a", "X: b", "Y: c"]);
        assert_eq!(found(&["S-X", "I-X", "E-X", "I-X", "S-X"]), ["X: a", "X: b c", "X: d", "X: e"]);
        // Names without a known prefix, and names with hyphens.
        assert_eq!(
            found(&["LOC", "LOC", "U-LOC", "", "B-work-of-art", "I-work-of-art"]),
            ["LOC: a b", "U-LOC: c", ": d", "work-of-art: e f"]
        );
        assert!(found(&["O"]).is_empty());
    }
}
