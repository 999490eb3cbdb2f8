//! The options of a tokenizer, and the options of each call.

use super::template::Template;
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
    /// The longest row that the model takes, in tokens, special tokens included. `None` if unknown. A truncation
    /// without `max_length` uses this length.
    pub model_max_length: Option<usize>,
    /// The end at which rows are padded.
    pub padding_side: Side,
    /// The end at which truncation removes tokens.
    pub truncation_side: Side,
    /// Whether Python's `decode` cleans up the text unless it is told otherwise; the argument `clean_up` of
    /// [`decode`](super::WordPieceTokenizer::decode) in Rust.
    pub clean_up_tokenization_spaces: bool,
    /// Whether Python's tokenizers return token types by default. `None` follows the family.
    pub token_types: Option<bool>,
}

/// An end of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Side {
    /// The start of the text.
    Left,
    /// The end of the text.
    #[default]
    Right,
}

impl Side {
    /// Return the side with the name `left` or `right`. `None` for other names.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Left, Self::Right].into_iter().find(|side| side.name() == name)
    }

    /// Return the name in `tokenizer_config.json`, `left` or `right`.
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
            clean_up_tokenization_spaces: false,
            token_types: None,
        }
    }
}

impl TokenizerOptions {
    /// Return the length of a longest row, or `None` if it is a billion tokens or more: so transformers, which writes
    /// 10^30, says that the length is unknown.
    #[must_use]
    pub fn known_length(length: usize) -> Option<usize> {
        (length < 1_000_000_000).then_some(length)
    }

    /// Return the `model_input_names` of transformers.
    pub(crate) fn input_names(token_types: bool) -> &'static [&'static str] {
        if token_types { &["input_ids", "token_type_ids", "attention_mask"] } else { &["input_ids", "attention_mask"] }
    }

    /// Read the `model_input_names` of transformers: whether `token_type_ids` is among them. The order has no meaning
    /// here. `None` for other names than [`Self::input_names`].
    pub(crate) fn read_input_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<bool> {
        let mut names: Vec<&str> = names.into_iter().collect();
        names.sort_unstable();
        match names[..] {
            ["attention_mask", "input_ids", "token_type_ids"] => Some(true),
            ["attention_mask", "input_ids"] => Some(false),
            _ => None,
        }
    }

    /// Return whether accents are removed, with `None` resolved.
    pub(super) fn strips_accents(&self) -> bool {
        self.strip_accents.unwrap_or(self.do_lower_case)
    }
}

/// The text of a pair that is shortened if both together are too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Truncation {
    /// Keep every token and ignore `max_length`.
    #[default]
    None,
    /// Shorten the longer text first. If both texts are longer than half of the room, both get half of it, and an odd
    /// token goes to the second text, or to the first if that was the longer one.
    LongestFirst,
    /// Shorten the first text only.
    OnlyFirst,
    /// Shorten the second text only.
    OnlySecond,
}

/// The options for encoding one text or pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodeOptions {
    /// Add `[CLS]` before the first text and `[SEP]` after each text.
    pub add_special_tokens: bool,
    /// The text to shorten if the row is longer than `max_length`.
    pub truncation: Truncation,
    /// The longest row, in tokens, special tokens included. `None` means the tokenizer's `model_max_length`. If that is
    /// unknown too, nothing is truncated.
    pub max_length: Option<usize>,
    /// Whether to return the tokens that did not fit as further rows.
    pub overflow: bool,
    /// The number of tokens that two successive rows of a text share.
    pub stride: usize,
    /// The end at which truncation removes tokens. `None` means the tokenizer's `truncation_side`.
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
    /// Build default options with `truncation` to `max_length` tokens.
    #[must_use]
    pub fn truncated(truncation: Truncation, max_length: usize) -> Self {
        Self { truncation, max_length: Some(max_length), ..Self::default() }
    }

    /// Return the number of tokens that the texts of a row may have together. `None` if nothing is truncated.
    pub(super) fn room(&self, template: &Template, pair: bool) -> Result<Option<usize>> {
        let Some(limit) = self.max_length.filter(|_| self.truncation != Truncation::None) else { return Ok(None) };
        let added = if self.add_special_tokens { template.added(pair) } else { 0 };
        // As in transformers, the special tokens of one text even if others are added, and even if nothing is cut.
        let single = template.added(false);
        if limit.saturating_sub(single) < self.stride {
            let (expected, got) = (format!("max_length = {limit} minus {single} special tokens"), self.stride);
            let reason = format!("expected less than {expected}, got {got}");
            return Err(Error::input("stride", reason));
        }
        match limit.checked_sub(added) {
            Some(room) => Ok(Some(room)),
            None => Err(Error::input(
                "max_length",
                format!("got {limit}, expected at least {added}, the number of special tokens"),
            )),
        }
    }

    /// Return the number of tokens of a text that must be made, if all further tokens are cut off. `None` if all are
    /// needed.
    pub(super) fn tokens_needed(&self, text: usize, template: &Template, pair: bool) -> Result<Option<usize>> {
        let first_only = text == 0 && (self.truncation == Truncation::OnlyFirst || !pair);
        let is_cut = first_only || text == 1 && self.truncation == Truncation::OnlySecond;
        let from_the_end = self.truncation_side == Some(Side::Left);
        if self.overflow || from_the_end || !is_cut {
            return Ok(None);
        }
        // One more than fits, to show that the text must be truncated.
        Ok(self.room(template, pair)?.map(|room| room.saturating_add(1)))
    }
}
