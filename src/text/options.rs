//! What a tokenizer is told when it is made, and what it is told for each text.

use crate::error::{Error, Result};

/// How a tokenizer treats every text. The defaults are those of transformers' `BertTokenizer`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenizerOptions {
    /// Lower-case the text. `true` for the uncased vocabularies, which ELECTRA's are.
    pub do_lower_case: bool,
    /// Remove accents (non-spacing marks, after canonical decomposition). `None` follows `do_lower_case`.
    pub strip_accents: Option<bool>,
    /// Make every Chinese character a word of its own.
    pub tokenize_chinese_chars: bool,
    /// The longest row that the model takes, in tokens with the special ones; `None` where it is not known. It is the
    /// length of a truncation that names none.
    pub model_max_length: Option<usize>,
    /// The end at which rows are padded.
    pub padding_side: Side,
    /// The end at which texts that are too long lose tokens.
    pub truncation_side: Side,
}

/// An end of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Side {
    /// Where the text begins.
    Left,
    /// Where it ends.
    #[default]
    Right,
}

impl Side {
    /// `left` or `right`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Left, Self::Right].into_iter().find(|side| side.name() == name)
    }

    /// The name in `tokenizer_config.json`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Right => "right",
        }
    }
}

impl Default for TokenizerOptions {
    fn default() -> Self {
        Self {
            do_lower_case: true,
            strip_accents: None,
            tokenize_chinese_chars: true,
            model_max_length: None,
            padding_side: Side::Right,
            truncation_side: Side::Right,
        }
    }
}

impl TokenizerOptions {
    /// Whether accents are removed, once `None` is resolved.
    pub(super) fn strips_accents(&self) -> bool {
        self.strip_accents.unwrap_or(self.do_lower_case)
    }
}

/// Which text of a pair loses tokens when both together are too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Truncation {
    /// Keep every token, whatever `max_length` says.
    #[default]
    None,
    /// Shorten the longer text first; when neither fits, both get half (the second the odd token, unless the first was
    /// the longer one).
    LongestFirst,
    /// Shorten the first text only.
    OnlyFirst,
    /// Shorten the second text only.
    OnlySecond,
}

/// How one text, or one pair, is encoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodeOptions {
    /// Add `[CLS]` before the first text and `[SEP]` after each text.
    pub add_special_tokens: bool,
    /// What to do when the row is longer than `max_length`.
    pub truncation: Truncation,
    /// The longest row, in tokens, special tokens included. `None` stands for the tokenizer's `model_max_length`; where
    /// that is unknown too, nothing is cut.
    pub max_length: Option<usize>,
    /// Whether what did not fit comes as further rows.
    pub overflow: bool,
    /// How many tokens of a row the next one of the same text repeats.
    pub stride: usize,
    /// The end at which texts lose tokens; `None` stands for the tokenizer's.
    pub truncation_side: Option<Side>,
}

impl Default for EncodeOptions {
    fn default() -> Self {
        Self {
            add_special_tokens: true,
            truncation: Truncation::None,
            max_length: None,
            overflow: false,
            stride: 0,
            truncation_side: None,
        }
    }
}

impl EncodeOptions {
    /// The default options with `truncation` to `max_length` tokens.
    #[must_use]
    pub fn truncated(truncation: Truncation, max_length: usize) -> Self {
        Self { truncation, max_length: Some(max_length), ..Self::default() }
    }

    /// How many special tokens a row gets.
    pub(super) fn added(&self, pair: bool) -> usize {
        if self.add_special_tokens { 2 + usize::from(pair) } else { 0 }
    }

    /// How many tokens the texts of a row may have together; none where nothing is cut.
    pub(super) fn room(&self, pair: bool) -> Result<Option<usize>> {
        let Some(limit) = self.max_length.filter(|_| self.truncation != Truncation::None) else { return Ok(None) };
        let added = self.added(pair);
        // As in the reference: whatever is added, and whether anything is cut or not.
        if limit.saturating_sub(2) < self.stride {
            let reason =
                format!("expected less than max_length = {limit} without the special tokens, got {}", self.stride);
            return Err(Error::input("stride", reason));
        }
        match limit.checked_sub(added) {
            Some(room) => Ok(Some(room)),
            None => Err(Error::input(
                "max_length",
                format!("got {limit}, expected room for the {added} special tokens at least"),
            )),
        }
    }

    /// How many tokens of a text have to be known, since all further ones are cut off; none where all of them count.
    pub(super) fn needed(&self, text: usize, pair: bool) -> Result<Option<usize>> {
        let first_only = text == 0 && (self.truncation == Truncation::OnlyFirst || !pair);
        let is_cut = first_only || text == 1 && self.truncation == Truncation::OnlySecond;
        let from_the_end = self.truncation_side == Some(Side::Left);
        if self.overflow || from_the_end || !is_cut {
            return Ok(None);
        }
        // One more, so that it is seen that something has to go.
        Ok(self.room(pair)?.map(|room| room + 1))
    }
}
