//! Encoded rows, and the truncation of texts that do not fit.

use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::options::{EncodeOptions, Side, Truncation};
use super::spelling::{Spelling, Written};
use super::tokens::Tokens;
use super::words::TextToken;
use crate::error::{Error, Result};

/// The word number of tokens that belong to no word.
const NO_WORD: u32 = u32::MAX;

/// A text or a pair of texts in the form that a model takes: one row.
///
/// Every field has one entry per token. The row may be padded at its ends.
#[derive(Debug, Clone)]
pub struct Encoding {
    ids: Vec<i64>,
    offsets: Vec<(u32, u32)>,
    words: Vec<u32>,
    /// The range of the tokens of each text: one range, or two for a pair.
    texts: Vec<Range<usize>>,
    /// The range without padding.
    kept: Range<usize>,
    spelling: Spelling,
}

/// The serialised form of rows.
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
    /// Return the number of tokens.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Return whether the row has no tokens.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Return the token ids.
    #[must_use]
    pub fn ids(&self) -> &[i64] {
        &self.ids
    }

    /// Return the token ids and drop the rest.
    #[must_use]
    pub fn into_ids(self) -> Vec<i64> {
        self.ids
    }

    /// Return the type of each token: 0 for the first text with its `[CLS]` and `[SEP]` and for padding, 1 for the
    /// second text with its `[SEP]`.
    #[must_use]
    pub fn type_ids(&self) -> impl ExactSizeIterator<Item = i64> + '_ {
        let second = match self.texts.as_slice() {
            [_, second] => second.start..self.kept.end,
            _ => 0..0,
        };
        (0..self.len()).map(move |place| i64::from(second.contains(&place)))
    }

    /// Return the attention mask: 0 for padding, 1 for other tokens.
    #[must_use]
    pub fn attention_mask(&self) -> impl ExactSizeIterator<Item = i64> + '_ {
        (0..self.len()).map(|place| i64::from(self.kept.contains(&place)))
    }

    /// Return which tokens do not come from a text: `true` for the `[CLS]` and `[SEP]` that were added and for padding,
    /// `false` for other tokens, among them special tokens that the text itself spells.
    #[must_use]
    pub fn special_tokens_mask(&self) -> impl ExactSizeIterator<Item = bool> + '_ {
        self.sequence_ids().map(|text| text.is_none())
    }

    /// Return the offsets of each token in the original text (in its own text for a pair, in its word if words were
    /// given): start and exclusive end, in characters. (0, 0) for tokens that were added.
    ///
    /// Along a text neither starts nor ends decrease, with one exception that transformers shares: canonical
    /// decomposition may swap combining marks, and the few marks that are not stripped (musical stems, marks younger
    /// than the tables) keep their own places. A token of several such marks can end before it starts: slice with care.
    #[must_use]
    pub fn offsets(&self) -> impl ExactSizeIterator<Item = (usize, usize)> + '_ {
        self.offsets.iter().map(|&(begin, end)| (begin as usize, end as usize))
    }

    /// Return the offsets of one token, as [`Self::offsets`]. (0, 0) if there is no such token.
    #[must_use]
    pub fn offset(&self, place: usize) -> (usize, usize) {
        self.offsets.get(place).map_or((0, 0), |&(begin, end)| (begin as usize, end as usize))
    }

    /// Return the text that each token comes from: 0, or 1 for the second of a pair. `None` for tokens that were added.
    #[must_use]
    pub fn sequence_ids(&self) -> impl ExactSizeIterator<Item = Option<usize>> + '_ {
        (0..self.len()).map(|place| self.texts.iter().position(|text| text.contains(&place)))
    }

    /// Return the number of each token's word in its text, counted from 0. The pieces of a word share a number; a
    /// punctuation character is a word of its own. `None` for tokens that were added.
    #[must_use]
    pub fn word_ids(&self) -> impl ExactSizeIterator<Item = Option<usize>> + '_ {
        self.words.iter().map(|&word| (word != NO_WORD).then_some(word as usize))
    }

    /// Return the tokens as the vocabulary spells them, with `##`.
    #[must_use]
    pub fn tokens(&self) -> Vec<&str> {
        // Every id comes from the vocabulary, so each has a token.
        self.ids.iter().map(|&id| self.spelling.token(id).unwrap_or_default()).collect()
    }

    /// Return the number of texts in the row: 1, or 2 for a pair.
    #[must_use]
    pub fn n_sequences(&self) -> usize {
        self.texts.len()
    }

    /// Return the range of the tokens of a text. If there is no such text, return the range of the whole row.
    #[must_use]
    pub fn text(&self, sequence: usize) -> Range<usize> {
        self.texts.get(sequence).cloned().unwrap_or(0..self.len())
    }

    /// Add padding at one end, up to `width` tokens. A row of that length or more stays as it is.
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

    /// Serialise rows, with the spelling of their own tokens only, for a copy in another process.
    ///
    /// # Errors
    /// [`Error::Internal`] if JSON cannot hold the rows, which does not happen.
    pub fn rows_to_bytes(rows: &[Self]) -> Result<Vec<u8>> {
        let Some(first) = rows.first() else { return Ok(Vec::new()) };
        let spelling = first.spelling.only(rows.iter().flat_map(|row| row.ids.iter().copied()));
        let rows = rows.iter().map(|row| {
            let Self { ids, offsets, words, texts, kept, .. } = row.clone();
            WrittenRow { ids, offsets, words, texts, kept }
        });
        serde_json::to_vec(&WrittenRows { spelling, rows: rows.collect() })
            .map_err(|error| Error::Internal { message: error.to_string() })
    }

    /// Rebuild rows from the bytes of [`Self::rows_to_bytes`].
    ///
    /// # Errors
    /// [`Error::Tokenizer`] if the bytes do not hold rows.
    pub fn rows_from_bytes(bytes: &[u8]) -> Result<Vec<Self>> {
        let refused =
            |reason: String| Error::Tokenizer { reason: format!("the bytes do not hold encoded rows: {reason}") };
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
                return Err(refused("the lengths of their fields differ".into()));
            }
            Ok(Self { ids, offsets, words, texts, kept, spelling: spelling.clone() })
        };
        rows.into_iter().map(read).collect()
    }

    /// Truncate the texts of a row as `options` say and join them. The first row is the truncated one. If
    /// `options.overflow` is set, the rows with the tokens that did not fit follow.
    pub(super) fn assemble(
        tokens: &Arc<Tokens>,
        first: &[TextToken],
        second: Option<&[TextToken]>,
        options: &EncodeOptions,
    ) -> Result<Vec<Self>> {
        let lengths = (first.len(), second.map(<[TextToken]>::len));
        let (one, other) = match options.room(second.is_some())? {
            Some(room) => kept_lengths(lengths, room, options.truncation)?,
            None => (lengths.0, lengths.1.unwrap_or(0)),
        };
        let firsts = windows(first, one, options)?;
        let seconds = match second {
            Some(second) => windows(second, other, options)?.into_iter().map(Some).collect(),
            None => vec![None],
        };
        let join = |first: &[TextToken], second: Option<&[TextToken]>| Self::join(tokens, first, second, options);
        let mut rows = vec![join(firsts[0], seconds[0])];
        // The order of `tokenizers`: each further window of the first text with every window of the second text, then
        // the first window of the first text with the further windows of the second.
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

/// Cut a text into windows: the one that is kept, `length` tokens from one end of the text, and if `options.overflow`
/// is set, the further ones, each of which shares `stride` tokens with the window before.
fn windows<'a>(text: &'a [TextToken], length: usize, options: &EncodeOptions) -> Result<Vec<&'a [TextToken]>> {
    if length == text.len() {
        return Ok(vec![text]);
    }
    if length == 0 {
        // As in `tokenizers`: if no token fits, the overflow is the whole text.
        return Ok(if options.overflow { vec![&text[..0], text] } else { vec![&text[..0]] });
    }
    let Some(step) = length.checked_sub(options.stride).filter(|&step| step > 0) else {
        let reason =
            format!("expected less than the {length} tokens that truncation leaves of a text, got {}", options.stride);
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

/// Return the number of tokens that each text keeps if both may have `room` tokens together.
///
/// Source: `tokenizers` 0.23 `utils/truncation.rs`, `truncate_encodings`.
fn kept_lengths(lengths: (usize, Option<usize>), room: usize, truncation: Truncation) -> Result<(usize, usize)> {
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
        // The message has no lengths: tokens of a long text beyond the limit were never made.
        let reason = format!(
            "shortening the {which} text alone cannot make the row fit; truncate with longest_first or raise max_length"
        );
        Err(Error::Tokenizer { reason })
    };
    match (truncation, lengths.1) {
        (Truncation::None, _) => Ok((first, second)),
        (Truncation::LongestFirst, None) => Ok((room, 0)),
        (Truncation::LongestFirst, Some(_)) => {
            let (shorter, longer) = (first.min(second), first.max(second));
            // The longer text gets the room that the shorter one leaves, but never less than the shorter one.
            let left = room.checked_sub(shorter).map_or(longer, |left| left.max(shorter));
            let (shorter, longer) =
                if shorter + left > room { (room / 2, room / 2 + room % 2) } else { (shorter, left) };
            Ok(if first > second { (longer, shorter) } else { (shorter, longer) })
        }
        (Truncation::OnlyFirst, _) => Ok((shortened(first, "first")?, second)),
        (Truncation::OnlySecond, Some(_)) => Ok((first, shortened(second, "second")?)),
        (Truncation::OnlySecond, None) => {
            let reason =
                "truncation only_second needs a second text, got one text that is too long; use only_first".to_string();
            Err(Error::Tokenizer { reason })
        }
    }
}
