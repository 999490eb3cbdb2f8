//! Texts to encodings: one text or pair, or many on all cores.

use std::cell::RefCell;
use std::sync::OnceLock;

use rayon::prelude::*;

use super::encoding::Encoding;
use super::normalize::Normalizer;
use super::normalized::Normalized;
use super::options::EncodeOptions;
use super::progress::{Position, Progress};
use super::template::Part;
use super::tokenizer::WordPieceTokenizer;
use super::tokens::Tokens;
use super::words::{Scratch, TextToken, TextTokens};
use crate::error::{Error, Result};

/// The input that the tokens of a row come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source<'a> {
    /// A text.
    Text(&'a str),
    /// The words of a text that is already split. Offsets then count from the start of the word.
    Words(Vec<&'a str>),
}

/// The text of a row, and the second text if the row is a pair.
pub type Pair<'a> = (Source<'a>, Option<Source<'a>>);

/// A function that long computations call from time to time. Its error ends the computation.
pub type Check<'a> = &'a (dyn Fn() -> Result<()> + Sync);

impl WordPieceTokenizer {
    /// Return the number of special tokens that a row gets: 2 for one text and 3 for a pair, unless `tokenizer.json` has
    /// another template.
    #[must_use]
    pub fn num_special_tokens_to_add(&self, pair: bool) -> usize {
        self.tokens.template.added(pair)
    }

    /// Lay out ids as a row with special tokens. Return the id and the type of each token, and whether the token was
    /// added.
    #[must_use]
    pub fn with_special_tokens(&self, first: &[i64], second: Option<&[i64]>) -> Vec<(i64, i64, bool)> {
        let texts = [first, second.unwrap_or_default()];
        let lay = |part| match part {
            Part::Special { id, kind } => vec![(id, kind, true)],
            Part::Text { number, kind } => texts[number].iter().map(|&id| (id, kind, false)).collect(),
        };
        self.tokens.template.parts(second.is_some(), true).flat_map(lay).collect()
    }

    /// Split a text into tokens, without `[CLS]` and `[SEP]`. A word that the vocabulary cannot spell becomes `[UNK]`.
    ///
    /// # Errors
    /// [`Error::Input`] if the text has more than 2^32 - 1 characters.
    pub fn tokenize(&self, text: &str) -> Result<Vec<String>> {
        let tokens = self.source_tokens(&Source::Text(text), usize::MAX, &|| Ok(()))?;
        // Every id comes from the vocabulary, so each has a token.
        let spelled = |token: &TextToken| self.tokens.token(i64::from(token.id)).unwrap_or_default().to_string();
        Ok(tokens.iter().map(spelled).collect())
    }

    /// Encode a text or a pair of texts: `[CLS] text [SEP]` or `[CLS] text [SEP] pair [SEP]`.
    ///
    /// # Errors
    /// [`Error::Input`] if `max_length` leaves no room for the special tokens, if `stride` leaves no new token for a
    /// further row, or as in [`Self::tokenize`]; [`Error::Tokenizer`] if the text that may be truncated is too short to
    /// make the row fit, or if only the second text may be truncated and there is none.
    pub fn encode(&self, text: &str, pair: Option<&str>, options: &EncodeOptions) -> Result<Encoding> {
        let pair = (Source::Text(text), pair.map(Source::Text));
        let mut rows = self.encode_rows(&pair, options, &|| Ok(()))?;
        Ok(rows.swap_remove(0))
    }

    /// Encode a text or a pair as [`Self::encode`] does and return the row. If `options.overflow` is set, the rows with
    /// the tokens that did not fit follow.
    ///
    /// # Errors
    /// The errors of [`Self::encode`], and the error of `check`.
    pub fn encode_rows(&self, pair: &Pair, options: &EncodeOptions, check: Check) -> Result<Vec<Encoding>> {
        let (first, second) = pair;
        let max_length = options.max_length.or(self.options.model_max_length);
        let side = options.truncation_side.unwrap_or(self.options.truncation_side);
        let options = EncodeOptions { max_length, truncation_side: Some(side), ..options.clone() };
        let tokens = |source: &Source, text: usize| {
            let limit = options.tokens_needed(text, &self.tokens.template, second.is_some())?.unwrap_or(usize::MAX);
            self.source_tokens(source, limit, check)
        };
        let first = tokens(first, 0)?;
        let second = second.as_ref().map(|second| tokens(second, 1)).transpose()?;
        Encoding::assemble(&self.tokens, &first, second.as_deref(), &options)
    }

    /// Encode many texts on all cores. The result has the order of the texts.
    ///
    /// # Errors
    /// The errors of [`Self::encode`], for the first row with one.
    pub fn encode_batch(&self, texts: &[(&str, Option<&str>)], options: &EncodeOptions) -> Result<Vec<Encoding>> {
        let pairs: Vec<Pair> = texts.iter().map(|&(text, pair)| (Source::Text(text), pair.map(Source::Text))).collect();
        let rows = self.encode_pairs(&pairs, options, &|| Ok(()))?;
        Ok(rows.into_iter().flat_map(|rows| rows.into_iter().take(1)).collect())
    }

    /// Encode many texts or pairs on all cores, each as [`Self::encode_rows`] does.
    ///
    /// A process that was forked after its parent had called this function uses one thread only: the worker threads
    /// exist in the parent alone, and waiting for them would never end. `check` is called on the caller's thread only.
    ///
    /// # Errors
    /// The errors of [`Self::encode_rows`], for the first row with one.
    pub fn encode_pairs(&self, pairs: &[Pair], options: &EncodeOptions, check: Check) -> Result<Vec<Vec<Encoding>>> {
        /// Bytes of text that the worker threads encode between two calls of `check`.
        const BYTES_PER_ROUND: usize = 1 << 23;
        static OWNER: OnceLock<u32> = OnceLock::new();
        let process = std::process::id();
        let single_thread = pairs.len() < 2 || *OWNER.get_or_init(|| process) != process;
        let mut rows = Vec::with_capacity(pairs.len());
        let mut rest = pairs;
        while let Some(first) = rest.first() {
            check()?;
            let mut bytes = 0;
            let fits = |pair: &&Pair| {
                bytes += count_bytes(pair);
                bytes <= BYTES_PER_ROUND
            };
            let count = if single_thread { 1 } else { rest.iter().take_while(fits).count() };
            if count < 2 {
                rows.push(self.encode_rows(first, options, check)?);
                rest = &rest[1..];
                continue;
            }
            let (round, after) = rest.split_at(count);
            let encode = |pair: &Pair| self.encode_rows(pair, options, &|| Ok(()));
            let encoded: Vec<Result<Vec<Encoding>>> = round.par_iter().map(encode).collect();
            for row in encoded {
                rows.push(row?);
            }
            rest = after;
        }
        Ok(rows)
    }

    /// Return the tokens of a text, or of words that are already split. Only the first `limit` tokens are needed.
    fn source_tokens(&self, source: &Source, limit: usize, check: Check) -> Result<Vec<TextToken>> {
        /// Words between two calls of `check`.
        const WORDS_PER_CHECK: usize = 1 << 10;
        match source {
            Source::Text(text) => self.text_tokens(text, limit, check),
            Source::Words(words) => {
                let mut tokens = Vec::new();
                for (number, word) in words.iter().enumerate() {
                    if tokens.len() >= limit {
                        break;
                    }
                    // A single word is too short to reach a call of `check` by itself.
                    if number % WORDS_PER_CHECK == WORDS_PER_CHECK - 1 {
                        check()?;
                    }
                    let pieces = self.text_tokens(word, limit - tokens.len(), check)?;
                    tokens.extend(pieces.into_iter().map(|piece| TextToken { word: number as u32, ..piece }));
                }
                Ok(tokens)
            }
        }
    }

    /// Return the first `limit` tokens of one text.
    fn text_tokens(&self, text: &str, limit: usize, check: Check) -> Result<Vec<TextToken>> {
        thread_local! {
            static SCRATCH: RefCell<Scratch> = RefCell::default();
        }
        // Offsets are stored in 32 bits. Counting characters is needed only if there are as many bytes.
        if text.len() > u32::MAX as usize && text.chars().count() > u32::MAX as usize {
            return Err(Error::input("text", "expected at most 2^32 - 1 characters, got more"));
        }
        let Tokens { vocabulary, added, pipeline, .. } = &*self.tokens;
        if let Some(pipeline) = pipeline {
            check()?;
            return pipeline.tokens(text, added, limit);
        }
        // Taken, not borrowed: `check` may run any code, and call this function again.
        let mut scratch = SCRATCH.take();
        let mut tokens = Vec::new();
        let mut output = TextTokens::new(vocabulary, &self.options, limit, check, &mut scratch, &mut tokens);
        // Two positions that advance along the text: ranges overlap if an added token starts with spaces that the token
        // before has taken.
        let (mut starts, mut ends) = (Position::default(), Position::default());
        for (id, bytes) in added.split(text) {
            if output.is_full() {
                break;
            }
            starts.move_to(bytes.start, text);
            ends.move_to(bytes.end, text);
            let section = &text[bytes];
            if let Some(id) = id {
                output.add(id as u32, (starts.character as u32, ends.character as u32))?;
            } else if added.has_normalized() {
                let (normalizer, mut progress) = (Normalizer::new(&self.options), Progress::new(check));
                let normalized = Normalized::new(section, starts.character, &normalizer, &mut progress)?;
                for (id, bytes) in added.split_normalized(normalized.text()) {
                    match id {
                        Some(id) => output.add(id as u32, normalized.span(bytes))?,
                        None => output.normalized(&normalized, bytes)?,
                    }
                }
            } else {
                output.text(section, starts.character)?;
            }
        }
        SCRATCH.set(scratch);
        Ok(tokens)
    }
}

/// Return the number of bytes in the texts of a row.
fn count_bytes(pair: &Pair) -> usize {
    let bytes = |source: &Source| match source {
        Source::Text(text) => text.len(),
        Source::Words(words) => words.iter().map(|word| word.len()).sum(),
    };
    bytes(&pair.0) + pair.1.as_ref().map_or(0, bytes)
}
