//! The tokenizer of both families.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;
use rust_tokenizers::vocab::BertVocab;

use super::encoding::TextToken;
use super::normalize::Normalized;
use super::special::{Section, sections};
use super::vocabulary::Vocabulary;
use super::{EncodeOptions, Encoding, TokenizerOptions, decode, pretrained, wordpiece};
use crate::error::Result;

/// Text to ids and back, over a BERT word-piece vocabulary.
///
/// The same one serves `DistilBERT`. It is cheap to clone and may be shared between threads.
///
/// Ids, types, masks and offsets are those of transformers' `BertTokenizer` 5.23, for any text. It recognises the five
/// special tokens `[PAD]`, `[UNK]`, `[CLS]`, `[SEP]` and `[MASK]` inside a text when they are spelled exactly so.
///
/// # Source
/// `transformers/models/bert/tokenization_bert.py` (5.23) over `tokenizers` 0.23.
#[derive(Debug, Clone)]
pub struct ElectraTokenizer {
    vocabulary: Arc<Vocabulary>,
    options: TokenizerOptions,
}

impl ElectraTokenizer {
    /// Reads a vocabulary file: one token per line, the number of the line counted from 0 is its id.
    ///
    /// White space at the end of a line is dropped, and of equal lines the last one counts, as in transformers.
    ///
    /// # Errors
    /// `Io` where the file cannot be read; `Vocabulary` where a line is not UTF-8 or a special token is missing.
    pub fn from_vocab_file(path: impl AsRef<Path>, options: &TokenizerOptions) -> Result<Self> {
        let vocabulary = Arc::new(Vocabulary::from_lines(path.as_ref())?);
        Ok(Self { vocabulary, options: options.clone() })
    }

    /// Reads the tokenizer of a model folder: `vocab.txt`, or the vocabulary inside `tokenizer.json` where there is no
    /// `vocab.txt`; and `tokenizer_config.json` where there is one.
    ///
    /// Read from `tokenizer_config.json`: `do_lower_case`, `strip_accents`, `tokenize_chinese_chars` and
    /// `model_max_length` (a billion or more means that it is unknown).
    ///
    /// # Errors
    /// `Io` where the folder or a file cannot be read; `MissingFile` without a vocabulary; `Vocabulary` as in
    /// [`Self::from_vocab_file`]; `Config` where a setting has the wrong type, or asks for special or added tokens other
    /// than the five.
    pub fn from_pretrained(folder: impl AsRef<Path>) -> Result<Self> {
        let (vocabulary, options) = pretrained::read(folder.as_ref())?;
        Ok(Self { vocabulary: Arc::new(vocabulary), options })
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

    /// How many tokens the vocabulary has.
    ///
    /// A file that repeats a token has ids beyond this number; see [`Self::id_limit`].
    #[must_use]
    pub fn vocab_size(&self) -> usize {
        self.vocabulary.len()
    }

    /// One more than the largest id: the rows that a model's word embeddings must have at least.
    #[must_use]
    pub fn id_limit(&self) -> i64 {
        self.vocabulary.limit()
    }

    /// The vocabulary as `rust_tokenizers` holds it.
    #[must_use]
    pub fn vocab(&self) -> &BertVocab {
        self.vocabulary.table()
    }

    /// The id of a token, exactly as the vocabulary spells it (`##` and all).
    #[must_use]
    pub fn token_to_id(&self, token: &str) -> Option<i64> {
        self.vocabulary.id(token)
    }

    /// The token of an id.
    #[must_use]
    pub fn id_to_token(&self, id: i64) -> Option<&str> {
        self.vocabulary.token(id)
    }

    /// The id of `[PAD]`.
    #[must_use]
    pub fn pad_token_id(&self) -> i64 {
        self.vocabulary.pad
    }

    /// The id of `[UNK]`.
    #[must_use]
    pub fn unk_token_id(&self) -> i64 {
        self.vocabulary.unknown
    }

    /// The id of `[CLS]`.
    #[must_use]
    pub fn cls_token_id(&self) -> i64 {
        self.vocabulary.class
    }

    /// The id of `[SEP]`.
    #[must_use]
    pub fn sep_token_id(&self) -> i64 {
        self.vocabulary.separator
    }

    /// The id of `[MASK]`.
    #[must_use]
    pub fn mask_token_id(&self) -> i64 {
        self.vocabulary.mask
    }

    /// The ids of `[PAD]`, `[UNK]`, `[CLS]`, `[SEP]` and `[MASK]`.
    #[must_use]
    pub fn special_token_ids(&self) -> [i64; 5] {
        let Vocabulary { pad, unknown, class, separator, mask, .. } = *self.vocabulary;
        [pad, unknown, class, separator, mask]
    }

    /// How many special tokens a row gets: 2 for one text, 3 for a pair.
    #[must_use]
    pub fn num_special_tokens_to_add(&self, pair: bool) -> usize {
        2 + usize::from(pair)
    }

    /// The tokens of a text, without `[CLS]` and `[SEP]`. A word that the vocabulary cannot spell is `[UNK]`.
    #[must_use]
    pub fn tokenize(&self, text: &str) -> Vec<String> {
        // Every id came out of the vocabulary.
        let spelled = |token: &TextToken| self.vocabulary.token(token.id).unwrap_or_default().to_string();
        self.text_tokens(text).iter().map(spelled).collect()
    }

    /// Encodes a text, or a pair of texts: `[CLS] text [SEP]`, `[CLS] text [SEP] pair [SEP]`.
    ///
    /// # Errors
    /// Only when truncation is asked for: `Input` where `max_length` leaves no room for the special tokens; `Tokenizer`
    /// where the text that may be cut is too short to make the row fit, or is the second of none.
    pub fn encode(&self, text: &str, pair: Option<&str>, options: &EncodeOptions) -> Result<Encoding> {
        let first = self.text_tokens(text);
        let second = pair.map(|pair| self.text_tokens(pair));
        Encoding::assemble(&self.vocabulary, first, second, options, self.options.model_max_length)
    }

    /// Encodes many texts on all cores; the result has their order.
    ///
    /// A process forked from one that has already called this runs on its own core only: the threads stay behind in the
    /// parent, and waiting for them would never end.
    ///
    /// # Errors
    /// As [`Self::encode`], for the first row that has one.
    pub fn encode_batch(&self, texts: &[(&str, Option<&str>)], options: &EncodeOptions) -> Result<Vec<Encoding>> {
        static THREADS_OF: OnceLock<u32> = OnceLock::new();
        let encode = |&(text, pair): &(&str, Option<&str>)| self.encode(text, pair, options);
        if texts.len() < 2 {
            return texts.iter().map(encode).collect();
        }
        let process = std::process::id();
        if *THREADS_OF.get_or_init(|| process) != process {
            return texts.iter().map(encode).collect();
        }
        let rows: Vec<Result<Encoding>> = texts.par_iter().map(encode).collect();
        rows.into_iter().collect()
    }

    /// Joins the tokens of `ids` into a text.
    ///
    /// Spaces stand between words, and are taken away before `. ? ! ,` and before `n't 'm 's 've 're` where those are
    /// single tokens. `skip_special_tokens` leaves out the five special tokens. `clean_up` is transformers'
    /// `clean_up_tokenization_spaces`, off by default there: it also takes away those spaces where contractions are
    /// several tokens.
    ///
    /// # Errors
    /// `OutOfRange` for an id beyond the vocabulary, `Tokenizer` for one that has no token.
    pub fn decode(&self, ids: &[i64], skip_special_tokens: bool, clean_up: bool) -> Result<String> {
        decode::decode(&self.vocabulary, ids, skip_special_tokens, clean_up)
    }

    /// Ids to tokens, one for one.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn convert_ids_to_tokens(&self, ids: &[i64]) -> Result<Vec<String>> {
        let token = |(position, &id)| decode::token(&self.vocabulary, id, position).map(str::to_string);
        ids.iter().enumerate().map(token).collect()
    }

    /// Tokens to ids, one for one; the id of `[UNK]` for a token that the vocabulary lacks.
    #[must_use]
    pub fn convert_tokens_to_ids<Token: AsRef<str>>(&self, tokens: &[Token]) -> Vec<i64> {
        let id = |token: &Token| self.vocabulary.id(token.as_ref()).unwrap_or(self.vocabulary.unknown);
        tokens.iter().map(id).collect()
    }

    /// The tokens of one text.
    fn text_tokens(&self, text: &str) -> Vec<TextToken> {
        let mut tokens = Vec::new();
        let mut buffer = String::new();
        // Characters and words of the text that lie behind.
        let mut characters = 0;
        let mut words = 0;
        for section in sections(text) {
            match section {
                Section::Special(token) => {
                    let end = characters + token.len();
                    let id = self.vocabulary.id(token).unwrap_or(self.vocabulary.unknown);
                    tokens.push(TextToken { id, span: (characters, end), word: words });
                    characters = end;
                    words += 1;
                }
                Section::Text(bytes) => {
                    let section = &text[bytes];
                    for word in Normalized::new(section, characters, &self.options).words() {
                        for piece in wordpiece::pieces(word.text, word.spans.len(), &self.vocabulary, &mut buffer) {
                            let (begin, end) = (piece.characters.start, piece.characters.end);
                            let span = (word.spans[begin].0, word.spans[end - 1].1);
                            tokens.push(TextToken { id: piece.id, span, word: words });
                        }
                        words += 1;
                    }
                    characters += section.chars().count();
                }
            }
        }
        tokens
    }
}
