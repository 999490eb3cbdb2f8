//! One encoded row, and the cutting of texts that do not fit.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::options::{EncodeOptions, Side, Truncation};
use super::spelling::{Spelling, Written};
use super::tokens::Tokens;
use super::words::TextToken;
use crate::error::{Error, Result};

/// What stands for "no word" in a row.
const NO_WORD: u32 = u32::MAX;

/// A text, or a pair of texts, as a model takes it.
///
/// Everything has one entry per token; the row may have padding at one of its ends.
#[derive(Debug, Clone)]
pub struct Encoding {
    ids: Vec<i64>,
    offsets: Vec<(u32, u32)>,
    words: Vec<u32>,
    /// Where the tokens of each text stand: one range, or two of a pair.
    texts: Vec<Range<usize>>,
    /// What is no padding.
    kept: Range<usize>,
    spelling: Spelling,
}

/// Rows as they are written down.
#[derive(Serialize, Deserialize)]
struct WrittenRows {
    spelling: Written,
    rows: Vec<WrittenRow>,
}

#[derive(Serialize, Deserialize)]
struct WrittenRow {
    ids: Vec<i64>,
    offsets: Vec<(u32, u32)>,
    words: Vec<u32>,
    texts: Vec<Range<usize>>,
    kept: Range<usize>,
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

    /// Token ids.
    #[must_use]
    pub fn ids(&self) -> &[i64] {
        &self.ids
    }

    /// Token ids, without the rest.
    #[must_use]
    pub fn into_ids(self) -> Vec<i64> {
        self.ids
    }

    /// 0 for the first text with its `[CLS]` and `[SEP]`, and for padding; 1 for the second with its `[SEP]`.
    #[must_use]
    pub fn type_ids(&self) -> impl ExactSizeIterator<Item = i64> + '_ {
        let second = match self.texts.as_slice() {
            [_, second] => second.start..self.kept.end,
            _ => 0..0,
        };
        (0..self.len()).map(move |place| i64::from(second.contains(&place)))
    }

    /// 1, and 0 for padding.
    #[must_use]
    pub fn attention_mask(&self) -> impl ExactSizeIterator<Item = i64> + '_ {
        (0..self.len()).map(|place| i64::from(self.kept.contains(&place)))
    }

    /// `true` for the `[CLS]` and `[SEP]` that were added, and for padding. A special token that the text itself spells is
    /// `false`.
    #[must_use]
    pub fn special_tokens_mask(&self) -> impl ExactSizeIterator<Item = bool> + '_ {
        self.sequence_ids().map(|text| text.is_none())
    }

    /// The characters of the original text (of the token's own text, in a pair; of its word, where words were given) that
    /// the token stands for: begin and exclusive end, in characters. (0, 0) for tokens that were added.
    ///
    /// Neither begins nor ends run backwards along a text, with one exception that transformers shares: canonical
    /// decomposition may swap combining marks, and those few that are not stripped (musical stems, marks younger than the
    /// tables) keep their own places. A token of several such marks can then end before it begins: slice with care.
    #[must_use]
    pub fn offsets(&self) -> impl ExactSizeIterator<Item = (usize, usize)> + '_ {
        self.offsets.iter().map(|&(begin, end)| (begin as usize, end as usize))
    }

    /// The offsets of one token; (0, 0) where there is no such token.
    #[must_use]
    pub fn offset(&self, place: usize) -> (usize, usize) {
        self.offsets.get(place).map_or((0, 0), |&(begin, end)| (begin as usize, end as usize))
    }

    /// The text that the token comes from: 0, or 1 for the second of a pair. `None` for tokens that were added.
    #[must_use]
    pub fn sequence_ids(&self) -> impl ExactSizeIterator<Item = Option<usize>> + '_ {
        (0..self.len()).map(|place| self.texts.iter().position(|text| text.contains(&place)))
    }

    /// The word of that text, counted from 0; pieces of one word share it, punctuation is a word of its own. `None` for
    /// tokens that were added.
    #[must_use]
    pub fn word_ids(&self) -> impl ExactSizeIterator<Item = Option<usize>> + '_ {
        self.words.iter().map(|&word| (word != NO_WORD).then_some(word as usize))
    }

    /// The tokens as the vocabulary spells them, `##` and all.
    #[must_use]
    pub fn tokens(&self) -> Vec<&str> {
        // Every id came out of the vocabulary.
        self.ids.iter().map(|&id| self.spelling.token(id).unwrap_or_default()).collect()
    }

    /// How many texts the row is made of.
    #[must_use]
    pub fn n_sequences(&self) -> usize {
        self.texts.len()
    }

    /// Where the tokens of a text stand; of all of them, where there is no such text.
    #[must_use]
    pub fn text(&self, sequence: usize) -> Range<usize> {
        self.texts.get(sequence).cloned().unwrap_or(0..self.len())
    }

    /// Adds padding at one end, up to `width` tokens. A row that is as long already stays as it is.
    pub fn pad(&mut self, width: usize, side: Side) {
        let missing = width.saturating_sub(self.len());
        let pad = self.spelling.pad();
        match side {
            Side::Right => {
                self.ids.resize(width.max(self.ids.len()), pad);
                self.offsets.resize(self.ids.len(), (0, 0));
                self.words.resize(self.ids.len(), NO_WORD);
            }
            Side::Left => {
                self.ids.splice(0..0, std::iter::repeat_n(pad, missing));
                self.offsets.splice(0..0, std::iter::repeat_n((0, 0), missing));
                self.words.splice(0..0, std::iter::repeat_n(NO_WORD, missing));
                let moved = |range: &Range<usize>| range.start + missing..range.end + missing;
                self.texts = self.texts.iter().map(moved).collect();
                self.kept = moved(&self.kept);
            }
        }
    }

    /// Rows as bytes, with the tokens that they have and no others, for a copy in another process.
    ///
    /// # Errors
    /// `Internal` where JSON cannot hold them, which cannot be.
    pub fn rows_to_bytes(rows: &[Self]) -> Result<Vec<u8>> {
        let Some(first) = rows.first() else { return Ok(Vec::new()) };
        let spelling = first.spelling.of(rows.iter().flat_map(|row| row.ids.iter().copied()));
        let rows = rows.iter().map(|row| {
            let Self { ids, offsets, words, texts, kept, .. } = row.clone();
            WrittenRow { ids, offsets, words, texts, kept }
        });
        serde_json::to_vec(&WrittenRows { spelling, rows: rows.collect() })
            .map_err(|error| Error::Internal { message: error.to_string() })
    }

    /// The rows that [`Self::rows_to_bytes`] was called on.
    ///
    /// # Errors
    /// `Tokenizer` where the bytes are others.
    pub fn rows_from_bytes(bytes: &[u8]) -> Result<Vec<Self>> {
        let refused = |reason: String| Error::Tokenizer { reason: format!("these are no rows: {reason}") };
        if bytes.is_empty() {
            return Ok(Vec::new());
        }
        let WrittenRows { spelling, rows } =
            serde_json::from_slice(bytes).map_err(|error| refused(error.to_string()))?;
        let spelling = Spelling::Written(Arc::new(spelling));
        let read = |WrittenRow { ids, offsets, words, texts, kept }| {
            let is_inside = |range: &Range<usize>| range.start <= range.end && range.end <= ids.len();
            let is_whole = offsets.len() == ids.len() && words.len() == ids.len();
            if !is_whole || texts.len() > 2 || !texts.iter().chain([&kept]).all(is_inside) {
                return Err(refused("their parts do not fit together".into()));
            }
            Ok(Self { ids, offsets, words, texts, kept, spelling: spelling.clone() })
        };
        rows.into_iter().map(read).collect()
    }

    /// Truncates the texts of a row to `options` and joins them. The first row is the one that is asked for; the others
    /// are what did not fit, where the options ask for that.
    pub(super) fn assemble(
        tokens: &Arc<Tokens>,
        first: &[TextToken],
        second: Option<&[TextToken]>,
        options: &EncodeOptions,
    ) -> Result<Vec<Self>> {
        let lengths = (first.len(), second.map(<[TextToken]>::len));
        let (one, other) = match options.room(second.is_some())? {
            Some(room) => kept(lengths, room, options.truncation)?,
            None => (lengths.0, lengths.1.unwrap_or(0)),
        };
        let firsts = windows(first, one, options)?;
        let seconds = match second {
            Some(second) => windows(second, other, options)?.into_iter().map(Some).collect(),
            None => vec![None],
        };
        let join = |first: &[TextToken], second: Option<&[TextToken]>| Self::join(tokens, first, second, options);
        let mut rows = vec![join(firsts[0], seconds[0])];
        // The order of `tokenizers`: the further windows of the first text with each of the second, then the first of
        // the first text with the further ones of the second.
        for &window in &firsts[1..] {
            rows.extend(seconds.iter().map(|&second| join(window, second)));
        }
        rows.extend(seconds[1..].iter().map(|&second| join(firsts[0], second)));
        Ok(rows)
    }

    fn join(tokens: &Arc<Tokens>, first: &[TextToken], second: Option<&[TextToken]>, options: &EncodeOptions) -> Self {
        let capacity = first.len() + second.map_or(0, <[TextToken]>::len) + options.added(second.is_some());
        let mut row = Self {
            ids: Vec::with_capacity(capacity),
            offsets: Vec::with_capacity(capacity),
            words: Vec::with_capacity(capacity),
            texts: Vec::with_capacity(2),
            kept: 0..capacity,
            spelling: Spelling::Tokenizer(Arc::clone(tokens)),
        };
        if options.add_special_tokens {
            row.push_added(tokens.vocabulary.class);
        }
        for text in std::iter::once(first).chain(second) {
            row.texts.push(row.len()..row.len() + text.len());
            row.ids.extend(text.iter().map(|token| i64::from(token.id)));
            row.offsets.extend(text.iter().map(|token| token.span));
            row.words.extend(text.iter().map(|token| token.word));
            if options.add_special_tokens {
                row.push_added(tokens.vocabulary.separator);
            }
        }
        row
    }

    fn push_added(&mut self, id: i64) {
        self.ids.push(id);
        self.offsets.push((0, 0));
        self.words.push(NO_WORD);
    }
}

/// The stretch of a text that is kept, `length` tokens from one of its ends, and, where they are asked for, the further
/// ones that follow, each of which begins with the last `stride` tokens of the one before.
fn windows<'a>(text: &'a [TextToken], length: usize, options: &EncodeOptions) -> Result<Vec<&'a [TextToken]>> {
    if length == text.len() {
        return Ok(vec![text]);
    }
    if length == 0 {
        // As in `tokenizers`: what does not fit into nothing is the whole.
        return Ok(if options.overflow { vec![&text[..0], text] } else { vec![&text[..0]] });
    }
    let Some(step) = length.checked_sub(options.stride).filter(|&step| step > 0) else {
        let reason = format!("expected less than the {length} tokens that are left of a text, got {}", options.stride);
        return Err(Error::input("stride", reason));
    };
    let count = if options.overflow { 1 + (text.len() - length).div_ceil(step) } else { 1 };
    let window = |number: usize| match options.truncation_side.unwrap_or_default() {
        Side::Right => &text[number * step..(number * step + length).min(text.len())],
        Side::Left => {
            let end = text.len() - number * step;
            &text[end.saturating_sub(length)..end]
        }
    };
    Ok((0..count).map(window).collect())
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
        // No numbers: further tokens of a long text may not be known.
        let reason = format!(
            "the {which} text alone is too short to make the row fit; truncate with longest_first or raise max_length"
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
