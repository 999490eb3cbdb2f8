//! Labels of tokens -> entities: words, groups of words, and entities of overlapping windows.
//!
//! Source: transformers v5.23 `pipelines/token_classification.py`.

use std::cell::RefCell;
use std::ops::Range;

use serde::Serialize;

use super::spans::Characters;
use crate::error::Result;
use crate::interrupt;
use crate::text::{ElectraTokenizer, Encoding};

/// How the labels of tokens become those of entities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Aggregation {
    /// Group neighbouring tokens of one label. A word may be split.
    #[default]
    Simple,
    /// Give each word the label of its first token, then group words.
    First,
    /// Give each word the label with the highest score on the average of its tokens, then group words.
    Average,
    /// Give each word the label of its token with the highest score, then group words.
    Max,
}

impl Aggregation {
    /// Every way.
    pub const ALL: [Self; 4] = [Self::Simple, Self::First, Self::Average, Self::Max];

    /// Return the way with a name of transformers' `aggregation_strategy`. `None` for other names, and for `none`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.name() == name)
    }

    /// Return the name in transformers' `aggregation_strategy`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::First => "first",
            Self::Average => "average",
            Self::Max => "max",
        }
    }
}

/// A group of tokens with one label.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entity {
    /// The label without the prefix `B-` or `I-`.
    #[serde(rename = "entity_group")]
    pub label: String,
    /// The mean probability of the label over the tokens of the group, or over its words.
    pub score: f64,
    /// The tokens, joined. An `[UNK]` is spelled as in the text.
    pub word: String,
    /// The index of the first character in the text.
    #[serde(rename = "start")]
    pub begin: usize,
    /// One past the last character in the text.
    pub end: usize,
}

/// A token, or a word of several tokens, with its label.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Piece {
    /// The label's id.
    pub label: usize,
    /// The label's probability.
    pub score: f64,
    /// The tokens in the window.
    pub columns: Range<usize>,
}

/// Divide the tokens of a window into words.
///
/// As in transformers, a token continues the word before if its spelling and its place in the text differ in length: by
/// the prefix `##`, or by characters that normalising removes or splits. `[UNK]` starts a word.
pub(super) fn words(encoding: &Encoding, unknown: i64) -> Vec<Range<usize>> {
    let columns = encoding.text(0);
    let (tokens, ids) = (encoding.tokens(), encoding.ids());
    let is_continued = |column: usize| {
        let (begin, end) = encoding.offset(column);
        ids[column] != unknown && tokens[column].chars().count() != end.saturating_sub(begin)
    };
    let mut words: Vec<Range<usize>> = Vec::new();
    for column in columns {
        match words.last_mut() {
            Some(word) if is_continued(column) => word.end = column + 1,
            _ => words.push(column..column + 1),
        }
    }
    words
}

/// Where the tokens of a text stand in it, and how they are spelled.
pub(super) struct Speller<'a> {
    tokenizer: &'a ElectraTokenizer,
    labels: &'a [String],
    text: RefCell<Characters<'a>>,
    /// The character at which each word starts, if the text was given as words.
    words: &'a [usize],
}

impl<'a> Speller<'a> {
    pub fn new(tokenizer: &'a ElectraTokenizer, labels: &'a [String], text: &'a str, words: &'a [usize]) -> Self {
        Self { tokenizer, labels, text: RefCell::new(Characters::new(text)), words }
    }

    /// Return the characters of a token in the text.
    pub fn span(&self, encoding: &Encoding, column: usize) -> (usize, usize) {
        let (begin, end) = encoding.offset(column);
        let word = encoding.word_id(column).and_then(|word| self.words.get(word)).copied().unwrap_or_default();
        (word + begin, word + end)
    }

    /// Return the spelling of a token: as in the vocabulary, and of `[UNK]` as in the text.
    pub fn token(&self, encoding: &Encoding, column: usize) -> &'a str {
        let id = encoding.ids()[column];
        if id == self.tokenizer.unk_token_id() {
            let (begin, end) = self.span(encoding, column);
            return self.text.borrow_mut().slice(begin, end);
        }
        // Every id comes from the vocabulary, so each has a token.
        self.tokenizer.id_to_token(id).unwrap_or_default()
    }

    /// Group the pieces of a window: a piece joins the one before if both labels have the same name and its own does not
    /// begin with `B-`.
    pub fn group(&self, encoding: &Encoding, pieces: &[Piece], of_words: bool) -> Vec<Entity> {
        let is_joined = |one: &Piece, next: &Piece| {
            let (one, next) = (tag(&self.labels[one.label]), tag(&self.labels[next.label]));
            one.1 == next.1 && !next.0
        };
        pieces.chunk_by(is_joined).map(|pieces| self.entity(encoding, pieces, of_words)).collect()
    }

    /// Build the entity of a group of pieces.
    fn entity(&self, encoding: &Encoding, pieces: &[Piece], of_words: bool) -> Entity {
        let tokens =
            |piece: &Piece| -> Vec<&str> { piece.columns.clone().map(|column| self.token(encoding, column)).collect() };
        let spellings: Vec<String> = if of_words {
            pieces.iter().map(|piece| self.tokenizer.convert_tokens_to_string(&tokens(piece))).collect()
        } else {
            pieces.iter().flat_map(tokens).map(str::to_string).collect()
        };
        let (first, last) = (&pieces[0], &pieces[pieces.len() - 1]);
        let label = &self.labels[first.label];
        Entity {
            label: label.split_once('-').map_or(label.as_str(), |(_, rest)| rest).to_string(),
            score: pieces.iter().map(|piece| piece.score).sum::<f64>() / pieces.len() as f64,
            word: self.tokenizer.convert_tokens_to_string(&spellings),
            begin: self.span(encoding, first.columns.start).0,
            end: self.span(encoding, last.columns.end - 1).1,
        }
    }
}

/// Split a label into whether it begins an entity, and the name of the entity.
fn tag(label: &str) -> (bool, &str) {
    match label.strip_prefix("B-") {
        Some(name) => (true, name),
        None => (false, label.strip_prefix("I-").unwrap_or(label)),
    }
}

/// Merge the entities of overlapping windows. Of two that overlap, the longer one stays, or of equally long ones that with
/// the higher score.
///
/// # Errors
/// The errors of [`interrupt::go_on`].
pub(super) fn merge(mut entities: Vec<Entity>) -> Result<Vec<Entity>> {
    entities.sort_by_key(|entity| entity.begin);
    let mut merged: Vec<Entity> = Vec::new();
    for (number, entity) in entities.into_iter().enumerate() {
        interrupt::go_on_at(number)?;
        // Negative for a token of combining marks that ends before it starts.
        let length = |entity: &Entity| entity.end as i64 - entity.begin as i64;
        match merged.last_mut() {
            Some(last) if entity.begin < last.end => {
                let (new, old) = (length(&entity), length(last));
                if new > old || new == old && entity.score > last.score {
                    *last = entity;
                }
            }
            _ => merged.push(entity),
        }
    }
    Ok(merged)
}
