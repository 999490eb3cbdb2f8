//! The tokenizer of both families.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;
use rust_tokenizers::vocab::BertVocab;

use super::normalize::{Normalizer, Position, Progress};
use super::normalized::Normalized;
use super::tokens::Tokens;
use super::vocabulary::Vocabulary;
use super::words::{Scratch, TextToken, TextTokens};
use super::{AddedToken, EncodeOptions, Encoding, TokenizerOptions, decode, pretrained};
use crate::error::{Error, Result};

/// What a row is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source<'a> {
    /// A text.
    Text(&'a str),
    /// The words of a text, which somebody has cut apart already. Offsets are those inside a word then.
    Words(Vec<&'a str>),
}

/// A row's text, and the second one of a pair.
pub type Pair<'a> = (Source<'a>, Option<Source<'a>>);

/// Called now and then by what may take long; when it refuses, that is the end.
pub type Check<'a> = &'a (dyn Fn() -> Result<()> + Sync);

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
pub struct ElectraTokenizer {
    tokens: Arc<Tokens>,
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

    /// How many special tokens a row gets: 2 for one text, 3 for a pair.
    #[must_use]
    pub fn num_special_tokens_to_add(&self, pair: bool) -> usize {
        EncodeOptions::default().added(pair)
    }

    /// The tokens of a text, without `[CLS]` and `[SEP]`. A word that the vocabulary cannot spell is `[UNK]`.
    ///
    /// # Errors
    /// `Input` where the text has more than 2^32 characters.
    pub fn tokenize(&self, text: &str) -> Result<Vec<String>> {
        let tokens = self.source_tokens(&Source::Text(text), usize::MAX, &|| Ok(()))?;
        // Every id came out of the vocabulary.
        let spelled = |token: &TextToken| self.tokens.token(i64::from(token.id)).unwrap_or_default().to_string();
        Ok(tokens.iter().map(spelled).collect())
    }

    /// Encodes a text, or a pair of texts: `[CLS] text [SEP]`, `[CLS] text [SEP] pair [SEP]`.
    ///
    /// # Errors
    /// `Input` where `max_length` leaves no room for the special tokens, or the stride none for a further row; `Tokenizer`
    /// where the text that may be cut is too short to make the row fit, or is the second of none.
    pub fn encode(&self, text: &str, pair: Option<&str>, options: &EncodeOptions) -> Result<Encoding> {
        let pair = (Source::Text(text), pair.map(Source::Text));
        let mut rows = self.encode_rows(&pair, options, &|| Ok(()))?;
        Ok(rows.swap_remove(0))
    }

    /// As [`Self::encode`]: the row, and behind it, where the options ask for that, what did not fit.
    ///
    /// # Errors
    /// As [`Self::encode`], and what `check` says.
    pub fn encode_rows(&self, pair: &Pair, options: &EncodeOptions, check: Check) -> Result<Vec<Encoding>> {
        let (first, second) = pair;
        let limits = options.max_length.or(self.options.model_max_length);
        let side = options.truncation_side.unwrap_or(self.options.truncation_side);
        let options = EncodeOptions { max_length: limits, truncation_side: Some(side), ..options.clone() };
        let tokens = |source: &Source, text: usize| {
            let limit = options.needed(text, second.is_some())?.unwrap_or(usize::MAX);
            self.source_tokens(source, limit, check)
        };
        let first = tokens(first, 0)?;
        let second = second.as_ref().map(|second| tokens(second, 1)).transpose()?;
        Encoding::assemble(&self.tokens, &first, second.as_deref(), &options)
    }

    /// Encodes many texts on all cores; the result has their order.
    ///
    /// # Errors
    /// As [`Self::encode`], for the first row that has one.
    pub fn encode_batch(&self, texts: &[(&str, Option<&str>)], options: &EncodeOptions) -> Result<Vec<Encoding>> {
        let pairs: Vec<Pair> = texts.iter().map(|&(text, pair)| (Source::Text(text), pair.map(Source::Text))).collect();
        let rows = self.encode_pairs(&pairs, options, &|| Ok(()))?;
        Ok(rows.into_iter().flat_map(|rows| rows.into_iter().take(1)).collect())
    }

    /// As [`Self::encode_rows`] for each of many texts, on all cores.
    ///
    /// A process forked from one that has already called this runs on its own core only: the threads stay behind in the
    /// parent, and waiting for them would never end. `check` is called on the caller's thread only.
    ///
    /// # Errors
    /// As [`Self::encode_rows`], for the first row that has one.
    pub fn encode_pairs(&self, pairs: &[Pair], options: &EncodeOptions, check: Check) -> Result<Vec<Vec<Encoding>>> {
        /// Bytes that other threads work on without a word to the caller, who waits.
        const AT_ONCE: usize = 1 << 23;
        static THREADS_OF: OnceLock<u32> = OnceLock::new();
        let process = std::process::id();
        let alone = pairs.len() < 2 || *THREADS_OF.get_or_init(|| process) != process;
        let mut rows = Vec::with_capacity(pairs.len());
        let mut rest = pairs;
        while let Some(first) = rest.first() {
            check()?;
            let mut bytes = 0;
            let fits = |pair: &&Pair| {
                bytes += size(pair);
                bytes <= AT_ONCE
            };
            let count = if alone { 1 } else { rest.iter().take_while(fits).count() };
            if count < 2 {
                rows.push(self.encode_rows(first, options, check)?);
                rest = &rest[1..];
                continue;
            }
            let (slice, after) = rest.split_at(count);
            let encode = |pair: &Pair| self.encode_rows(pair, options, &|| Ok(()));
            let encoded: Vec<Result<Vec<Encoding>>> = slice.par_iter().map(encode).collect();
            for row in encoded {
                rows.push(row?);
            }
            rest = after;
        }
        Ok(rows)
    }

    /// Joins the tokens of `ids` into a text.
    ///
    /// Spaces stand between words, and are taken away before `. ? ! ,` and before `n't 'm 's 've 're` where those are
    /// single tokens. `skip_special_tokens` leaves out the special tokens. `clean_up` is transformers'
    /// `clean_up_tokenization_spaces`, off by default there: it also takes away those spaces where contractions are
    /// several tokens.
    ///
    /// # Errors
    /// `OutOfRange` for an id beyond the vocabulary, `Tokenizer` for one that has no token.
    pub fn decode(&self, ids: &[i64], skip_special_tokens: bool, clean_up: bool) -> Result<String> {
        decode::decode(&self.tokens, ids, skip_special_tokens, clean_up)
    }

    /// Ids to tokens, one for one.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn convert_ids_to_tokens(&self, ids: &[i64], skip_special_tokens: bool) -> Result<Vec<String>> {
        let wanted = ids.iter().enumerate().filter(|(_, id)| !(skip_special_tokens && self.tokens.is_special(**id)));
        wanted.map(|(position, &id)| decode::token(&self.tokens, id, position).map(str::to_string)).collect()
    }

    /// Tokens to ids, one for one; the id of `[UNK]` for a token that the vocabulary lacks.
    #[must_use]
    pub fn convert_tokens_to_ids<Token: AsRef<str>>(&self, tokens: &[Token]) -> Vec<i64> {
        let id = |token: &Token| self.tokens.id(token.as_ref()).unwrap_or(self.tokens.vocabulary.unknown);
        tokens.iter().map(id).collect()
    }

    /// Tokens to a text, as [`Self::decode`] joins them.
    #[must_use]
    pub fn convert_tokens_to_string<Token: AsRef<str>>(&self, tokens: &[Token]) -> String {
        decode::join(tokens.iter().map(AsRef::as_ref))
    }

    /// The tokens of a text, or of words that are cut apart already; the first `limit` at least.
    fn source_tokens(&self, source: &Source, limit: usize, check: Check) -> Result<Vec<TextToken>> {
        /// Words between two calls of `check`.
        const WORDS_BETWEEN: usize = 1 << 10;
        match source {
            Source::Text(text) => self.text_tokens(text, limit, check),
            Source::Words(words) => {
                let mut tokens = Vec::new();
                for (number, word) in words.iter().enumerate() {
                    if tokens.len() >= limit {
                        break;
                    }
                    // Words are too short to ask by themselves.
                    if number % WORDS_BETWEEN == WORDS_BETWEEN - 1 {
                        check()?;
                    }
                    let pieces = self.text_tokens(word, limit - tokens.len(), check)?;
                    tokens.extend(pieces.into_iter().map(|piece| TextToken { word: number as u32, ..piece }));
                }
                Ok(tokens)
            }
        }
    }

    /// The tokens of one text.
    fn text_tokens(&self, text: &str, limit: usize, check: Check) -> Result<Vec<TextToken>> {
        thread_local! {
            static SCRATCH: RefCell<Scratch> = RefCell::default();
        }
        // Offsets are stored in 32 bits; no character has less than a byte.
        if text.len() > u32::MAX as usize && text.chars().count() > u32::MAX as usize {
            return Err(Error::input("text", "expected at most 2^32 characters, got more"));
        }
        // Taken out, not borrowed: `check` may run anything, and come here again.
        let mut scratch = SCRATCH.take();
        let mut tokens = Vec::new();
        let Tokens { vocabulary, added } = &*self.tokens;
        let mut all = TextTokens::new(vocabulary, &self.options, limit, check, &mut scratch, &mut tokens);
        // Each runs along the text; stretches overlap where an added token begins with spaces that another one has taken.
        let (mut begins, mut ends) = (Position::default(), Position::default());
        for (id, bytes) in added.cut(text) {
            if all.is_full() {
                break;
            }
            begins.move_to(bytes.start, text);
            ends.move_to(bytes.end, text);
            let section = &text[bytes];
            if let Some(id) = id {
                all.add(id as u32, (begins.character as u32, ends.character as u32))?;
            } else if added.has_normalized() {
                let (normalizer, mut progress) = (Normalizer::new(&self.options), Progress::new(check));
                let normalized = Normalized::new(section, begins.character, &normalizer, &mut progress)?;
                for (id, bytes) in added.cut_normalized(normalized.text()) {
                    match id {
                        Some(id) => all.add(id as u32, normalized.span(bytes))?,
                        None => all.normalized(&normalized, bytes)?,
                    }
                }
            } else {
                all.text(section, begins.character)?;
            }
        }
        SCRATCH.set(scratch);
        Ok(tokens)
    }
}

/// Bytes of a row's texts.
fn size(pair: &Pair) -> usize {
    let bytes = |source: &Source| match source {
        Source::Text(text) => text.len(),
        Source::Words(words) => words.iter().map(|word| word.len()).sum(),
    };
    bytes(&pair.0) + pair.1.as_ref().map_or(0, bytes)
}
