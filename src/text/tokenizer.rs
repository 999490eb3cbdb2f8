//! The tokenizer of both families: making, saving, added tokens and look-ups. See `encode` and `decode` for the rest.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rust_tokenizers::vocab::BertVocab;

use super::added::AddedToken;
use super::options::TokenizerOptions;
use super::pretrained::{self, Given};
use super::tokens::Tokens;
use super::vocabulary::Vocabulary;
use crate::error::Result;
use crate::interrupt;

/// A tokenizer with a BERT word-piece vocabulary: text to ids and back, for ELECTRA and `DistilBERT`.
///
/// A tokenizer is cheap to clone and may be shared between threads.
///
/// Ids, types, masks and offsets equal those of transformers' `BertTokenizer` 5.23 for any text. The five special
/// tokens `[PAD]`, `[UNK]`, `[CLS]`, `[SEP]` and `[MASK]` are recognised inside a text if they are spelled exactly so,
/// and so are added tokens.
///
/// # Source
/// transformers v5.23 `models/bert/tokenization_bert.py`, over `tokenizers` 0.23.
#[derive(Debug, Clone)]
pub struct WordPieceTokenizer {
    pub(super) tokens: Arc<Tokens>,
    pub(super) options: TokenizerOptions,
}

impl WordPieceTokenizer {
    /// Read a vocabulary file with one token per line. The id of a token is the number of its line, counted from 0.
    ///
    /// White space at the end of a line is dropped, and the last of several equal lines counts, as in transformers.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if the file cannot be read; [`crate::Error::Vocabulary`] if a line is not UTF-8 or a
    /// special token is missing.
    pub fn from_vocab_file(path: impl AsRef<Path>, options: &TokenizerOptions) -> Result<Self> {
        let tokens = pretrained::read_vocabulary(path.as_ref(), options)?;
        Ok(Self { tokens: Arc::new(tokens), options: options.clone() })
    }

    /// Build a tokenizer from tokens and their ids.
    ///
    /// # Errors
    /// [`crate::Error::Vocabulary`] if a special token is missing, or an id is negative, too large or not unique.
    pub fn from_vocab(vocab: HashMap<String, i64>, options: &TokenizerOptions) -> Result<Self> {
        let tokens = pretrained::take_vocabulary(vocab, options)?;
        Ok(Self { tokens: Arc::new(tokens), options: options.clone() })
    }

    /// Read the tokenizer of a model folder.
    ///
    /// `tokenizer.json` holds a whole tokenizer: a vocabulary of word pieces, added tokens, and how a text is
    /// normalised, split and framed with special tokens. Its truncation and padding are options of a call and not read,
    /// as in transformers. Without this file, the vocabulary is `vocab.txt` and all the rest is BERT's.
    ///
    /// `tokenizer_config.json` has settings: `padding_side`, `truncation_side`, `model_max_length` (a billion or more
    /// means unknown), and for BERT's pipeline `do_lower_case`, `strip_accents` and `tokenize_chinese_chars`, which
    /// override the normalizer of `tokenizer.json` unless the `tokenizer_class` is one for any pipeline. Without a
    /// `tokenizer_class` there, that of `config.json` counts. Added tokens are read from the first two files,
    /// `added_tokens.json` and `special_tokens_map.json`.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if the folder or a file cannot be read; [`crate::Error::MissingFile`] if there is no
    /// vocabulary; [`crate::Error::Vocabulary`] as in [`Self::from_vocab_file`], or if the model is not one of word
    /// pieces; [`crate::Error::Config`] if a setting has the wrong type or asks for a tokenizer of another kind, if a
    /// part of `tokenizer.json` is not supported, if a special token is not in the vocabulary, or if the id of an added
    /// token belongs to another token.
    pub fn from_pretrained(folder: impl AsRef<Path>) -> Result<Self> {
        Self::from_pretrained_with(folder, |_| {})
    }

    /// Read the tokenizer of a model folder as [`Self::from_pretrained`] does, and change its settings.
    ///
    /// # Errors
    /// The errors of [`Self::from_pretrained`].
    pub fn from_pretrained_with(folder: impl AsRef<Path>, change: impl FnOnce(&mut TokenizerOptions)) -> Result<Self> {
        Self::from_pretrained_given(folder, &Given::default(), change)
    }

    /// Read the tokenizer of a model folder with special tokens that the caller names.
    pub(crate) fn from_pretrained_given(
        folder: impl AsRef<Path>,
        given: &Given,
        change: impl FnOnce(&mut TokenizerOptions),
    ) -> Result<Self> {
        let (tokens, options) = pretrained::read(folder.as_ref(), given, change)?;
        Ok(Self { tokens: Arc::new(tokens), options })
    }

    /// Write `vocab.txt`, `tokenizer.json`, `tokenizer_config.json` and `special_tokens_map.json` into a folder and
    /// return their paths. The folder is created if it does not exist. A pipeline other than BERT's has no `vocab.txt`.
    ///
    /// # Errors
    /// [`crate::Error::Io`] if a file cannot be written; [`crate::Error::Tokenizer`] if `vocab.txt` cannot hold the
    /// vocabulary: a token contains a line end or ends in white space, or most ids below the largest have no token.
    pub fn save_pretrained(&self, folder: impl AsRef<Path>) -> Result<Vec<PathBuf>> {
        pretrained::write(folder.as_ref(), &self.tokens, &self.options)
    }

    /// Add tokens, which are cut out of a text before it is split into word pieces. A token of the vocabulary keeps its
    /// id, the others get the next free ids. Return the number of tokens that are new or have new properties.
    ///
    /// A model's word embeddings must have a row for each id: see [`crate::Pretrained::resize_vocabulary`].
    ///
    /// # Errors
    /// [`crate::Error::Tokenizer`] if there are more tokens than can be searched for at once, or no id is left.
    pub fn add_tokens(&mut self, tokens: &[AddedToken]) -> Result<usize> {
        let (before, tokens, options) = (Arc::clone(&self.tokens), tokens.to_vec(), self.options.clone());
        // The search for the tokens is built by code that never asks.
        let (changed, new) = interrupt::detached(move || {
            let mut changed = Tokens::clone(&before);
            let new = changed.add(&tokens, &options)?;
            Ok((changed, new))
        })?;
        self.tokens = Arc::new(changed);
        Ok(new)
    }

    /// Replace the tokens by those of `changed`, which was made from `before`. Return false, and change nothing, if the
    /// tokens are no longer those of `before`.
    #[cfg(feature = "python")]
    pub(crate) fn take_tokens(&mut self, before: &Self, changed: &Self) -> bool {
        let is_current = Arc::ptr_eq(&self.tokens, &before.tokens);
        if is_current {
            self.tokens = Arc::clone(&changed.tokens);
        }
        is_current
    }

    /// Iterate over the added tokens in the order of their ids, the five special tokens among them.
    pub fn added_tokens(&self) -> impl Iterator<Item = (i64, &AddedToken)> {
        self.tokens.added.iter()
    }

    /// Change the settings of rows: `model_max_length`, `padding_side` and `truncation_side`. Changes to other settings
    /// have no effect.
    pub fn set_options(&mut self, change: impl FnOnce(&mut TokenizerOptions)) {
        let before = self.options.clone();
        change(&mut self.options);
        // The added tokens were normalised by these settings.
        let TokenizerOptions { do_lower_case, strip_accents, tokenize_chinese_chars, .. } = before;
        self.options =
            TokenizerOptions { do_lower_case, strip_accents, tokenize_chinese_chars, ..self.options.clone() };
    }

    /// Return the settings.
    #[must_use]
    pub fn options(&self) -> &TokenizerOptions {
        &self.options
    }

    /// Return the longest row that the model takes, in tokens, special tokens included. `None` if unknown.
    #[must_use]
    pub fn model_max_length(&self) -> Option<usize> {
        self.options.model_max_length
    }

    /// Return the number of tokens in the vocabulary, without added tokens.
    ///
    /// If a file repeats a token, ids may exceed this number; see [`Self::id_limit`].
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.tokens.vocabulary.len()
    }

    /// Return the number of tokens, added tokens included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Return false: every tokenizer has the five special tokens.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Return one more than the largest id: the least number of rows that a model's word embeddings must have.
    #[must_use]
    pub fn id_limit(&self) -> i64 {
        self.tokens.limit()
    }

    /// Return the vocabulary as a table of `rust_tokenizers`.
    #[must_use]
    pub fn vocab(&self) -> &BertVocab {
        self.tokens.vocabulary.table()
    }

    /// Return the id of a token, spelled exactly as in the vocabulary, with `##`. `None` if there is no such token.
    #[must_use]
    pub fn token_to_id(&self, token: &str) -> Option<i64> {
        self.tokens.id(token)
    }

    /// Return the token of an id. `None` if there is no such id.
    #[must_use]
    pub fn id_to_token(&self, id: i64) -> Option<&str> {
        self.tokens.token(id)
    }

    /// Return the id of `[PAD]`.
    #[must_use]
    pub fn pad_token_id(&self) -> i64 {
        self.tokens.vocabulary.pad
    }

    /// Return the id of `[UNK]`.
    #[must_use]
    pub fn unk_token_id(&self) -> i64 {
        self.tokens.vocabulary.unknown
    }

    /// Return the id of `[CLS]`.
    #[must_use]
    pub fn cls_token_id(&self) -> i64 {
        self.tokens.vocabulary.class
    }

    /// Return the id of `[SEP]`.
    #[must_use]
    pub fn sep_token_id(&self) -> i64 {
        self.tokens.vocabulary.separator
    }

    /// Return the id of `[MASK]`.
    #[must_use]
    pub fn mask_token_id(&self) -> i64 {
        self.tokens.vocabulary.mask
    }

    /// Return how the vocabulary spells `[PAD]`, `[UNK]`, `[CLS]`, `[SEP]` and `[MASK]`, in this order.
    #[must_use]
    pub fn special_tokens(&self) -> [&str; 5] {
        self.tokens.vocabulary.names.each_ref().map(String::as_str)
    }

    /// Return the ids of `[PAD]`, `[UNK]`, `[CLS]`, `[SEP]` and `[MASK]`.
    #[must_use]
    pub fn special_token_ids(&self) -> [i64; 5] {
        let Vocabulary { pad, unknown, class, separator, mask, .. } = *self.tokens.vocabulary;
        [pad, unknown, class, separator, mask]
    }

    /// Return the ids of all special tokens: the five of the vocabulary, then those that were added.
    #[must_use]
    pub fn special_ids(&self) -> Vec<i64> {
        let five = self.special_token_ids();
        let added = self.added_tokens().filter(|(id, token)| token.special && !five.contains(id)).map(|(id, _)| id);
        five.into_iter().chain(added).collect()
    }

    /// Serialise the whole tokenizer, for a copy in another process.
    ///
    /// # Errors
    /// [`crate::Error::Internal`] if JSON cannot hold the tokenizer, which does not happen.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        pretrained::to_bytes(&self.tokens, &self.options)
    }

    /// Rebuild the tokenizer from the bytes of [`Self::to_bytes`].
    ///
    /// # Errors
    /// [`crate::Error::Tokenizer`] if the bytes are not JSON; [`crate::Error::Vocabulary`] or [`crate::Error::Config`]
    /// if the JSON is not that of a tokenizer.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self> {
        let (tokens, options) = pretrained::from_bytes(bytes)?;
        Ok(Self { tokens: Arc::new(tokens), options })
    }
}
