//! Texts to encodings: one text or pair, or many on all cores.

use std::cell::RefCell;
use std::sync::Arc;

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
use crate::interrupt;
use crate::memory::room;

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
        let tokens = self.source_tokens(&Source::Text(text), usize::MAX)?;
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
        let mut rows = self.encode_rows(&pair, options)?;
        Ok(rows.swap_remove(0))
    }

    /// Encode a text or a pair as [`Self::encode`] does and return the row. If `options.overflow` is set, the rows with
    /// the tokens that did not fit follow.
    ///
    /// # Errors
    /// The errors of [`Self::encode`], and of [`interrupt::go_on`].
    pub fn encode_rows(&self, pair: &Pair, options: &EncodeOptions) -> Result<Vec<Encoding>> {
        let (first, second) = pair;
        let max_length = options.max_length.or(self.options.model_max_length);
        let side = options.truncation_side.unwrap_or(self.options.truncation_side);
        let options = EncodeOptions { max_length, truncation_side: Some(side), ..options.clone() };
        let tokens = |source: &Source, text: usize| {
            let limit = options.tokens_needed(text, &self.tokens.template, second.is_some())?.unwrap_or(usize::MAX);
            self.source_tokens(source, limit)
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
        let rows = self.encode_pairs(&pairs, options)?;
        Ok(rows.into_iter().flat_map(|rows| rows.into_iter().take(1)).collect())
    }

    /// Encode many texts or pairs on all cores, each as [`Self::encode_rows`] does. A process that was forked after its
    /// parent had called this function uses one core.
    ///
    /// # Errors
    /// The errors of [`Self::encode_rows`], for the first row with one.
    pub fn encode_pairs(&self, pairs: &[Pair], options: &EncodeOptions) -> Result<Vec<Vec<Encoding>>> {
        interrupt::map_on_workers(pairs, |pair| self.encode_rows(pair, options))
    }

    /// Return the tokens of a text, or of words that are already split. Only the first `limit` tokens are needed.
    fn source_tokens(&self, source: &Source, limit: usize) -> Result<Vec<TextToken>> {
        /// Words between two questions whether to go on.
        const WORDS_PER_QUESTION: usize = 1 << 10;
        match source {
            Source::Text(text) => self.text_tokens(text, limit),
            Source::Words(words) => {
                let mut tokens = Vec::new();
                for (number, word) in words.iter().enumerate() {
                    if tokens.len() >= limit {
                        break;
                    }
                    // A single word is too short to ask by itself.
                    if number % WORDS_PER_QUESTION == WORDS_PER_QUESTION - 1 {
                        interrupt::go_on()?;
                    }
                    let pieces = self.text_tokens(word, limit - tokens.len())?;
                    tokens.extend(pieces.into_iter().map(|piece| TextToken { word: number as u32, ..piece }));
                }
                Ok(tokens)
            }
        }
    }

    /// Return the first `limit` tokens of one text.
    fn text_tokens(&self, text: &str, limit: usize) -> Result<Vec<TextToken>> {
        /// The longest text for which the crate `tokenizers`, which does not ask whether to go on, takes a moment.
        const QUICK_BYTES: usize = 1 << 16;
        const BYTES_PER_TOKEN: usize = 4;
        thread_local! {
            static SCRATCH: RefCell<Scratch> = RefCell::default();
        }
        // Offsets are stored in 32 bits. Counting characters is needed only if there are as many bytes.
        if text.len() > u32::MAX as usize && text.chars().count() > u32::MAX as usize {
            return Err(Error::input("text", "expected at most 2^32 - 1 characters, got more"));
        }
        let Tokens { vocabulary, added, pipeline, .. } = &*self.tokens;
        if let Some(pipeline) = pipeline {
            if text.len() <= QUICK_BYTES {
                interrupt::go_on()?;
                return pipeline.tokens(text, added, limit);
            }
            let (pipeline, tokens, text) = (Arc::clone(pipeline), Arc::clone(&self.tokens), text.to_string());
            return interrupt::detached(move || pipeline.tokens(&text, &tokens.added, limit));
        }
        // Taken, not borrowed: a check may run any code, and call this function again.
        let mut scratch = SCRATCH.take();
        // About as many tokens as a text of this length has.
        let mut tokens = room("tokens", limit.min(text.len() / BYTES_PER_TOKEN + 1))?;
        let mut output = TextTokens::new(vocabulary, &self.options, limit, &mut scratch, &mut tokens);
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
                let (normalizer, mut progress) = (Normalizer::new(&self.options), Progress::new());
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
