//! Encoded rows.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use smallvec::{SmallVec, smallvec};

use super::options::{EncodeOptions, Side};
use super::spelling::{Spelling, Written};
use super::template::Part;
use super::tokens::Tokens;
use super::windows::{Window, kept_lengths, windows};
use super::words::TextToken;
use crate::error::{Error, Result};
use crate::memory::{Bytes, check_room, reserve, room};

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
    texts: SmallVec<[Range<usize>; 2]>,
    /// The types: runs of tokens of one type, each with its end. Tokens behind the last run have the type 0.
    types: SmallVec<[(usize, i64); 2]>,
    /// The range without padding.
    kept: Range<usize>,
    spelling: Spelling,
}

/// The serialised form of rows.
#[derive(Serialize, Deserialize)]
struct WrittenRows<'a> {
    spelling: Written,
    rows: Vec<WrittenRow<'a>>,
}

#[derive(Serialize, Deserialize)]
struct WrittenRow<'a> {
    ids: Cow<'a, [i64]>,
    offsets: Cow<'a, [(u32, u32)]>,
    words: Cow<'a, [u32]>,
    texts: Cow<'a, [Range<usize>]>,
    types: Cow<'a, [(usize, i64)]>,
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
    /// second text with its `[SEP]`. A post-processor in `tokenizer.json` may give other types.
    #[must_use]
    pub fn type_ids(&self) -> impl ExactSizeIterator<Item = i64> + '_ {
        let kind = |place| self.types.iter().find(|(end, _)| place < *end).map_or(0, |(_, kind)| *kind);
        (0..self.len()).map(kind)
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

    /// Return the number of one token's word, as [`Self::word_ids`]. `None` if there is no such token.
    #[must_use]
    pub fn word_id(&self, place: usize) -> Option<usize> {
        self.words.get(place).filter(|&&word| word != NO_WORD).map(|&word| word as usize)
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

    /// The memory that a token of a row takes, in bytes.
    pub(crate) const TOKEN: usize = size_of::<i64>() + size_of::<(u32, u32)>() + size_of::<u32>();

    /// Add padding at one end, up to `width` tokens. A row of that length or more stays as it is.
    ///
    /// # Errors
    /// [`Error::Memory`] if there is no memory for the row, which stays as it is.
    pub fn pad(&mut self, width: usize, side: Side) -> Result<()> {
        let missing = width.saturating_sub(self.len());
        let pad = self.spelling.pad();
        reserve(&mut self.ids, "padding", missing)?;
        reserve(&mut self.offsets, "padding", missing)?;
        reserve(&mut self.words, "padding", missing)?;
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
                self.types = std::iter::once((0, 0))
                    .chain(self.types.drain(..))
                    .map(|(end, kind)| (end + missing, kind))
                    .collect();
                self.kept = moved(&self.kept);
            }
        }
        Ok(())
    }

    /// Serialise rows, with the spelling of their own tokens only, for a copy in another process.
    ///
    /// # Errors
    /// [`Error::Memory`] if there is no memory for the bytes; [`Error::Internal`] if JSON cannot hold the rows, which
    /// does not happen.
    pub fn rows_to_bytes(rows: &[Self]) -> Result<Vec<u8>> {
        let Some(first) = rows.first() else { return Ok(Vec::new()) };
        let spelling = first.spelling.only(rows.iter().flat_map(|row| row.ids.iter().copied()));
        let rows = rows.iter().map(|row| WrittenRow {
            ids: (&row.ids).into(),
            offsets: (&row.offsets).into(),
            words: (&row.words).into(),
            texts: (&*row.texts).into(),
            types: (&*row.types).into(),
            kept: row.kept.clone(),
        });
        let mut bytes = Bytes::default();
        let written = serde_json::to_writer(&mut bytes, &WrittenRows { spelling, rows: rows.collect() });
        match written {
            Ok(()) => Ok(bytes.0),
            Err(error) if error.is_io() => Err(Error::memory("encoded rows", bytes.0.len().saturating_mul(2))),
            Err(error) => Err(Error::Internal { message: error.to_string() }),
        }
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
        let read = |WrittenRow { ids, offsets, words, texts, types, kept }| {
            let is_inside = |range: &Range<usize>| range.start <= range.end && range.end <= ids.len();
            let is_whole = offsets.len() == ids.len() && words.len() == ids.len();
            if !is_whole || texts.len() > 2 || !texts.iter().chain([&kept]).all(is_inside) {
                return Err(refused("the lengths of their fields differ".into()));
            }
            Ok(Self {
                ids: ids.into_owned(),
                offsets: offsets.into_owned(),
                words: words.into_owned(),
                texts: texts.into_owned().into(),
                types: types.into_owned().into(),
                kept,
                spelling: spelling.clone(),
            })
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
        let (one, other) = match options.room(&tokens.template, second.is_some())? {
            Some(room) => kept_lengths(lengths, room, options.truncation)?,
            None => (lengths.0, lengths.1.unwrap_or(0)),
        };
        if second.is_none() && one == first.len() {
            // Most rows are a whole text.
            return Ok(vec![Self::join(tokens, &[Window::whole(first)], options)?]);
        }
        let firsts = windows(first, one, options)?;
        let Some(second) = second else {
            Self::check_rows(firsts.len(), one)?;
            return firsts.into_iter().map(|window| Self::join(tokens, &[window], options)).collect();
        };
        let seconds = windows(second, other, options)?;
        Self::check_rows(firsts.len().saturating_mul(seconds.len()), one + other)?;
        // The order of `tokenizers`: each further window of the text that comes first with every window of the other,
        // then the first window of that text with the further windows of the other.
        let is_reversed = tokens.template.is_reversed();
        let (outer, inner) = if is_reversed { (&seconds, &firsts) } else { (&firsts, &seconds) };
        let join = |outer: Window, inner: Window| {
            Self::join(tokens, &if is_reversed { [inner, outer] } else { [outer, inner] }, options)
        };
        let mut rows = room("rows", outer.len() * inner.len())?;
        rows.push(join(outer[0], inner[0])?);
        for &window in &outer[1..] {
            for &other in inner {
                rows.push(join(window, other)?);
            }
        }
        for &other in &inner[1..] {
            rows.push(join(outer[0], other)?);
        }
        Ok(rows)
    }

    /// Check that there is memory for windows of about `length` tokens.
    fn check_rows(windows: usize, length: usize) -> Result<()> {
        if windows == 1 { Ok(()) } else { check_room("windows", windows, size_of::<Self>() + length * Self::TOKEN) }
    }

    /// Lay out a window of one text, or of both texts of a pair, as the template says.
    fn join(tokens: &Arc<Tokens>, texts: &[Window], options: &EncodeOptions) -> Result<Self> {
        let parts = tokens.template.parts(texts.len() == 2, options.add_special_tokens);
        let size = |part: Part| if let Part::Text { number, .. } = part { texts[number].tokens.len() } else { 1 };
        let capacity = parts.clone().map(size).sum();
        let mut row = Self {
            ids: room("row", capacity)?,
            offsets: room("row", capacity)?,
            words: room("row", capacity)?,
            texts: smallvec![0..0; texts.len()],
            types: SmallVec::new(),
            kept: 0..capacity,
            spelling: Spelling::Tokenizer(Arc::clone(tokens)),
        };
        for part in parts {
            let kind = match part {
                Part::Special { id, kind } => {
                    row.ids.push(id);
                    row.offsets.push((0, 0));
                    row.words.push(NO_WORD);
                    kind
                }
                Part::Text { number, kind } => {
                    let window = &texts[number];
                    row.texts[number] = row.len()..row.len() + window.tokens.len();
                    row.ids.extend(window.tokens.iter().map(|token| i64::from(token.id)));
                    row.offsets.extend(window.tokens.iter().map(|token| token.span));
                    row.words.extend(window.tokens.iter().map(|token| token.word));
                    // `tokenizers` gives the template's types to the first window only.
                    if window.is_first { kind } else { number as i64 }
                }
            };
            match row.types.last_mut() {
                Some(last) if last.1 == kind => last.0 = row.ids.len(),
                _ => row.types.push((row.ids.len(), kind)),
            }
        }
        Ok(row)
    }
}
