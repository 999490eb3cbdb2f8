//! One encoded row, and the cutting of texts that do not fit.

use std::sync::Arc;

use super::normalize::Span;
use super::vocabulary::Vocabulary;
use super::{EncodeOptions, Truncation};
use crate::error::{Error, Result};

/// A text, or a pair of texts, as a model takes it.
///
/// All fields have one entry per token.
#[derive(Debug, Clone)]
pub struct Encoding {
    /// Token ids.
    pub ids: Vec<i64>,
    /// 0 for the first text with its `[CLS]` and `[SEP]`, 1 for the second with its `[SEP]`.
    pub type_ids: Vec<i64>,
    /// `true` for the `[CLS]` and `[SEP]` that were added. A special token that the text itself spells is `false`.
    pub special_tokens_mask: Vec<bool>,
    /// The characters of the original text (of the token's own text, in a pair) that the token stands for: begin and
    /// exclusive end, in characters. (0, 0) for tokens that were added.
    ///
    /// Neither begins nor ends run backwards along a text, with one exception that transformers shares: canonical
    /// decomposition may swap combining marks, and those few that are not stripped (musical stems, marks younger than the
    /// tables) keep their own places. A token of several such marks can then end before it begins: slice with care.
    pub offsets: Vec<(usize, usize)>,
    /// The text that the token comes from: 0, or 1 for the second of a pair. `None` for tokens that were added.
    pub sequence_ids: Vec<Option<usize>>,
    /// The word of that text, counted from 0; pieces of one word share it, punctuation is a word of its own. `None` for
    /// tokens that were added.
    pub word_ids: Vec<Option<usize>>,
    vocabulary: Arc<Vocabulary>,
}

impl Encoding {
    /// How many tokens there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no token.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The tokens as the vocabulary spells them, `##` and all.
    #[must_use]
    pub fn tokens(&self) -> Vec<&str> {
        // Every id came out of the vocabulary.
        self.ids.iter().map(|&id| self.vocabulary.token(id).unwrap_or_default()).collect()
    }

    /// Truncates the texts of a row to `options` and joins them.
    ///
    /// `model_max_length` stands in where the options name no length, in tokens.
    pub(super) fn assemble(
        vocabulary: &Arc<Vocabulary>,
        mut first: Vec<TextToken>,
        mut second: Option<Vec<TextToken>>,
        options: &EncodeOptions,
        model_max_length: Option<usize>,
    ) -> Result<Self> {
        let texts = 1 + usize::from(second.is_some());
        let added = if options.add_special_tokens { texts + 1 } else { 0 };
        if options.truncation != Truncation::None
            && let Some(limit) = options.max_length.or(model_max_length)
        {
            let room = limit.checked_sub(added).ok_or_else(|| {
                Error::input(
                    "max_length",
                    format!("got {limit}, expected room for the {added} special tokens at least"),
                )
            })?;
            let lengths = (first.len(), second.as_ref().map(Vec::len));
            let (first_length, second_length) = kept(lengths, room, options.truncation)?;
            first.truncate(first_length);
            if let Some(second) = &mut second {
                second.truncate(second_length);
            }
        }
        let capacity = first.len() + second.as_ref().map_or(0, Vec::len) + added;
        let mut encoding = Self {
            ids: Vec::with_capacity(capacity),
            type_ids: Vec::with_capacity(capacity),
            special_tokens_mask: Vec::with_capacity(capacity),
            offsets: Vec::with_capacity(capacity),
            sequence_ids: Vec::with_capacity(capacity),
            word_ids: Vec::with_capacity(capacity),
            vocabulary: Arc::clone(vocabulary),
        };
        if options.add_special_tokens {
            encoding.push_added(vocabulary.class, 0);
        }
        for (sequence, text) in std::iter::once(first).chain(second).enumerate() {
            for token in text {
                encoding.push(&token, sequence);
            }
            if options.add_special_tokens {
                encoding.push_added(vocabulary.separator, sequence as i64);
            }
        }
        Ok(encoding)
    }

    fn push(&mut self, token: &TextToken, sequence: usize) {
        self.ids.push(token.id);
        self.type_ids.push(sequence as i64);
        self.special_tokens_mask.push(false);
        self.offsets.push(token.span);
        self.sequence_ids.push(Some(sequence));
        self.word_ids.push(Some(token.word));
    }

    fn push_added(&mut self, id: i64, type_id: i64) {
        self.ids.push(id);
        self.type_ids.push(type_id);
        self.special_tokens_mask.push(true);
        self.offsets.push((0, 0));
        self.sequence_ids.push(None);
        self.word_ids.push(None);
    }
}

/// A token of one text, before texts are joined.
#[derive(Debug, Clone)]
pub(super) struct TextToken {
    pub id: i64,
    /// In characters of the original text.
    pub span: Span,
    /// Number of the word in its text.
    pub word: usize,
}

/// How many tokens of each text stay when both may have `room` together (`truncate_encodings` of `tokenizers`).
fn kept(lengths: (usize, Option<usize>), room: usize, truncation: Truncation) -> Result<(usize, usize)> {
    let (first, second) = (lengths.0, lengths.1.unwrap_or(0));
    if first + second <= room || truncation == Truncation::None {
        return Ok((first, second));
    }
    if room == 0 {
        return Ok((0, 0));
    }
    let excess = first + second - room;
    let shortened = |length: usize, which: &str| {
        if length > excess {
            return Ok(length - excess);
        }
        let reason = format!(
            "{excess} tokens are too many, and the {which} text has only {length}; truncate with longest_first or raise max_length"
        );
        Err(Error::Tokenizer { reason })
    };
    match (truncation, lengths.1) {
        (Truncation::None, _) => Ok((first, second)),
        (Truncation::LongestFirst, None) => Ok((room, 0)),
        (Truncation::LongestFirst, Some(_)) => {
            let (shorter, longer) = (first.min(second), first.max(second));
            // The longer text takes what the shorter one leaves, but never becomes the shorter one by it.
            let left = room.checked_sub(shorter).map_or(longer, |left| left.max(shorter));
            let (shorter, longer) =
                if shorter + left > room { (room / 2, room / 2 + room % 2) } else { (shorter, left) };
            Ok(if first > second { (longer, shorter) } else { (shorter, longer) })
        }
        (Truncation::OnlyFirst, _) => Ok((shortened(first, "first")?, second)),
        (Truncation::OnlySecond, Some(_)) => Ok((first, shortened(second, "second")?)),
        (Truncation::OnlySecond, None) => {
            let reason = "only_second truncation needs a second text, got one text that is too long".to_string();
            Err(Error::Tokenizer { reason })
        }
    }
}
