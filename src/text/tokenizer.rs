//! The tokenizer of both families.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rust_tokenizers::vocab::BertVocab;

use super::added::AddedToken;
use super::options::TokenizerOptions;
use super::pretrained;
use super::tokens::Tokens;
use super::vocabulary::Vocabulary;
use crate::error::Result;

/// Text to ids and back, over a BERT word-piece vocabulary.
///
/// The same one serves `DistilBERT`. It is cheap to clone and may be shared between threads.
///
/// Ids, types, masks and offsets are those of transformers' `BertTokenizer` 5.23, for any text. It recognises the five
/// special tokens `[PAD]`, `[UNK]`, `[CLS]`, `[SEP]` and `[MASK]` inside a text when they are spelled exactly so, and the
/// tokens that were added.
///
/// # Source
/// `transformers/models/bert/tokenization_bert.py` (5.23) over `tokenizers` 0.23.
#[derive(Debug, Clone)]
pub struct WordPieceTokenizer {
    pub(super) tokens: Arc<Tokens>,
    pub(super) options: TokenizerOptions,
}

impl WordPieceTokenizer {
    /// Reads a vocabulary file: one token per line, the number of the line counted from 0 is its id.
    ///
    /// White space at the end of a line is dropped, and of equal lines the last one counts, as in transformers.
    ///
    /// # Errors
    /// `Io` where the file cannot be read; `Vocabulary` where a line is not UTF-8 or a special token is missing.
    pub fn from_vocab_file(path: impl AsRef<Path>, options: &TokenizerOptions) -> Result<Self> {
        let tokens = Tokens::new(Vocabulary::from_lines(path.as_ref())?, options)?;
        Ok(Self { tokens: Arc::new(tokens), options: options.clone() })
    }

    /// Reads the tokenizer of a model folder: `vocab.txt`, or the vocabulary inside `tokenizer.json` where there is no
    /// `vocab.txt`; and `tokenizer_config.json` where there is one.
    ///
    /// Read from `tokenizer_config.json`: `do_lower_case`, `strip_accents`, `tokenize_chinese_chars` and
    /// `model_max_length` (a billion or more means that it is unknown).
    ///
    /// # Errors
    /// `Io` where the folder or a file cannot be read; `MissingFile` without a vocabulary; `Vocabulary` as in
    /// [`Self::from_vocab_file`]; `Config` where a setting has the wrong type, where one of the five special tokens has
    /// another name, or where the id of an added token is another one's.
    pub fn from_pretrained(folder: impl AsRef<Path>) -> Result<Self> {
        Self::from_pretrained_with(folder, |_| {})
    }

    /// As [`Self::from_pretrained`], with changes to the settings of the folder.
    ///
    /// # Errors
    /// As [`Self::from_pretrained`].
    pub fn from_pretrained_with(folder: impl AsRef<Path>, change: impl FnOnce(&mut TokenizerOptions)) -> Result<Self> {
        let (tokens, options) = pretrained::read(folder.as_ref(), change)?;
        Ok(Self { tokens: Arc::new(tokens), options })
    }

    /// Writes `vocab.txt`, `tokenizer_config.json` and `special_tokens_map.json` into a folder, which is made where there
    /// is none. Returns their paths.
    ///
    /// # Errors
    /// `Io` where a file cannot be written; `Tokenizer` where a token cannot stand in a line of its own.
    pub fn save_pretrained(&self, folder: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
        pretrained::write(folder.as_ref(), &self.tokens, &self.options)
    }

    /// Adds tokens that are cut out of a text before it is cut into word pieces; one that the vocabulary has already keeps
    /// its id, the others get the next ones. Returns how many were not added before with the same properties.
    ///
    /// A model's word embeddings must have a row for each: see [`crate::Pretrained::resize_vocabulary`].
    ///
    /// # Errors
    /// `Tokenizer` where they are more than can be searched for at once.
    pub fn add_tokens(&mut self, tokens: &[AddedToken]) -> Result<usize> {
        let mut changed = Tokens::clone(&self.tokens);
        let new = changed.added.add(tokens, &changed.vocabulary, &self.options)?;
        self.tokens = Arc::new(changed);
        Ok(new)
    }

    /// Takes over the tokens of `changed`, which was made from `before`; false where others have come since.
    #[cfg(feature = "python")]
    pub(crate) fn take_tokens(&mut self, before: &Self, changed: &Self) -> bool {
        let is_current = Arc::ptr_eq(&self.tokens, &before.tokens);
        if is_current {
            self.tokens = Arc::clone(&changed.tokens);
        }
        is_current
    }

    /// The added tokens by id, the five special ones among them.
    pub fn added_tokens(&self) -> impl Iterator<Item = (i64, &AddedToken)> {
        self.tokens.added.iter()
    }

    /// Other settings of rows: their longest length, and the ends at which they are padded and cut.
    pub fn set_options(&mut self, change: impl FnOnce(&mut TokenizerOptions)) {
        let before = self.options.clone();
        change(&mut self.options);
        // Those that added tokens were normalised by stay.
        let TokenizerOptions { do_lower_case, strip_accents, tokenize_chinese_chars, .. } = before;
        self.options =
            TokenizerOptions { do_lower_case, strip_accents, tokenize_chinese_chars, ..self.options.clone() };
    }

    /// The settings.
    #[must_use]
    pub fn options(&self) -> &TokenizerOptions {
        &self.options
    }

    /// The longest row that the model takes, in tokens, special tokens included; `None` where it is not known.
    #[must_use]
    pub fn model_max_length(&self) -> Option<usize> {
        self.options.model_max_length
    }

    /// How many tokens the vocabulary has, added ones left out.
    ///
    /// A file that repeats a token has ids beyond this number; see [`Self::id_limit`].
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.tokens.vocabulary.len()
    }

    /// How many tokens there are, added ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Always false: the five special tokens are there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// One more than the largest id: the rows that a model's word embeddings must have at least.
    #[must_use]
    pub fn id_limit(&self) -> i64 {
        self.tokens.limit()
    }

    /// The vocabulary as `rust_tokenizers` holds it.
    #[must_use]
    pub fn vocab(&self) -> &BertVocab {
        self.tokens.vocabulary.table()
    }

    /// The id of a token, exactly as the vocabulary spells it (`##` and all).
    #[must_use]
    pub fn token_to_id(&self, token: &str) -> Option<i64> {
        self.tokens.id(token)
    }

    /// The token of an id.
    #[must_use]
    pub fn id_to_token(&self, id: i64) -> Option<&str> {
        self.tokens.token(id)
    }

    /// The id of `[PAD]`.
    #[must_use]
    pub fn pad_token_id(&self) -> i64 {
        self.tokens.vocabulary.pad
    }

    /// The id of `[UNK]`.
    #[must_use]
    pub fn unk_token_id(&self) -> i64 {
        self.tokens.vocabulary.unknown
    }

    /// The id of `[CLS]`.
    #[must_use]
    pub fn cls_token_id(&self) -> i64 {
        self.tokens.vocabulary.class
    }

    /// The id of `[SEP]`.
    #[must_use]
    pub fn sep_token_id(&self) -> i64 {
        self.tokens.vocabulary.separator
    }

    /// The id of `[MASK]`.
    #[must_use]
    pub fn mask_token_id(&self) -> i64 {
        self.tokens.vocabulary.mask
    }

    /// The ids of `[PAD]`, `[UNK]`, `[CLS]`, `[SEP]` and `[MASK]`.
    #[must_use]
    pub fn special_token_ids(&self) -> [i64; 5] {
        let Vocabulary { pad, unknown, class, separator, mask, .. } = *self.tokens.vocabulary;
        [pad, unknown, class, separator, mask]
    }

    /// The ids of all special tokens: the five of the vocabulary, then those that were added.
    #[must_use]
    pub fn special_ids(&self) -> Vec<i64> {
        let five = self.special_token_ids();
        let added = self.added_tokens().filter(|(id, token)| token.special && !five.contains(id)).map(|(id, _)| id);
        five.into_iter().chain(added).collect()
    }

    /// Everything about the tokenizer in bytes, for a copy in another process.
    ///
    /// # Errors
    /// `Internal` where JSON cannot hold it, which cannot be.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        pretrained::to_bytes(&self.tokens, &self.options)
    }

    /// The tokenizer that [`Self::to_bytes`] was called on.
    ///
    /// # Errors
    /// `Tokenizer` where the bytes are others.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let (tokens, options) = pretrained::from_bytes(bytes)?;
        Ok(Self { tokens: Arc::new(tokens), options })
    }
}
