//! What a tokenizer is told when it is made, and what it is told for each text.

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
}

impl Default for TokenizerOptions {
    fn default() -> Self {
        Self { do_lower_case: true, strip_accents: None, tokenize_chinese_chars: true, model_max_length: None }
    }
}

impl TokenizerOptions {
    /// Whether accents are removed, once `None` is resolved.
    pub(super) fn strips_accents(&self) -> bool {
        self.strip_accents.unwrap_or(self.do_lower_case)
    }
}

/// Which text of a pair loses tokens when both together are too long. Tokens are always taken from the end.
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
}

impl Default for EncodeOptions {
    fn default() -> Self {
        Self { add_special_tokens: true, truncation: Truncation::None, max_length: None }
    }
}

impl EncodeOptions {
    /// The default options with `truncation` to `max_length` tokens.
    #[must_use]
    pub fn truncated(truncation: Truncation, max_length: usize) -> Self {
        Self { truncation, max_length: Some(max_length), ..Self::default() }
    }
}
