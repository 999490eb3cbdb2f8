//! Text to rows: one text or pair, or many on all cores.

use std::cell::RefCell;
use std::sync::OnceLock;

use rayon::prelude::*;

use super::encoding::Encoding;
use super::normalize::Normalizer;
use super::normalized::Normalized;
use super::options::EncodeOptions;
use super::progress::{Position, Progress};
use super::tokenizer::WordPieceTokenizer;
use super::tokens::Tokens;
use super::words::{Scratch, TextToken, TextTokens};
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

impl WordPieceTokenizer {
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
