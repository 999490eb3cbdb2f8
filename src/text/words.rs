//! A text to words and words to tokens: the loop that all text goes through.

use std::ops::Range;

use super::characters::Kind;
use super::normalize::{Normalizer, Sink, kind};
use super::normalized::Normalized;
use super::options::TokenizerOptions;
use super::progress::{Position, Progress, Span};
use super::vocabulary::{LONGEST_WORD, Vocabulary};
use super::wordpiece::pieces;
use crate::error::Result;

/// A token of one text before texts are joined to rows, 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TextToken {
    pub id: u32,
    /// The range in characters of the original text.
    pub span: Span,
    /// The number of the word in its text.
    pub word: u32,
}

/// The current word if it is not plain ASCII. The memory is reused for one text after the other.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// The characters of the word, up to [`LONGEST_WORD`] of them.
    text: String,
    /// The original character that each byte of `text` stands for.
    places: Vec<u32>,
    /// The number of all characters of the word.
    length: usize,
    /// The original character that the last character of the word stands for.
    last: u32,
}

/// Make the tokens of one text, section by section.
///
/// The text must have at most `u32::MAX` characters.
pub(super) struct TextTokens<'call> {
    words: Words<'call>,
    normalizer: Normalizer,
    progress: Progress,
}

/// The current word and the receiver of complete words.
struct Words<'call> {
    speller: Speller<'call>,
    scratch: &'call mut Scratch,
}

/// The tokens so far, with everything needed to spell further words.
struct Speller<'call> {
    vocabulary: &'call Vocabulary,
    lowers: bool,
    tokens: &'call mut Vec<TextToken>,
    /// The number of tokens that are wanted.
    limit: usize,
    /// The number of words so far.
    words: usize,
}

impl<'call> TextTokens<'call> {
    /// Prepare to append to `tokens` until there are `limit` tokens. The text behind them is not read.
    pub fn new(
        vocabulary: &'call Vocabulary,
        options: &TokenizerOptions,
        limit: usize,
        scratch: &'call mut Scratch,
        tokens: &'call mut Vec<TextToken>,
    ) -> Self {
        let normalizer = Normalizer::new(options);
        scratch.clear();
        let speller = Speller { vocabulary, lowers: normalizer.lowers(), tokens, limit, words: 0 };
        Self { words: Words { speller, scratch }, normalizer, progress: Progress::new() }
    }

    /// Return whether there are as many tokens as are wanted.
    pub fn is_full(&self) -> bool {
        self.words.speller.is_full()
    }

    /// Append a token that was cut out of the text. The token is a word of its own.
    pub fn add(&mut self, id: u32, span: Span) -> Result<()> {
        if !self.is_full() {
            self.words.speller.push_word(id, span);
        }
        self.progress.pass(span.1.saturating_sub(span.0) as usize)
    }

    /// Append the tokens of a section of the text between such tokens. `first` is the number of its first character in
    /// the whole text.
    pub fn text(&mut self, section: &str, first: usize) -> Result<()> {
        let bytes = section.as_bytes();
        let mut at = Position { byte: 0, character: first };
        while let Some(&byte) = bytes.get(at.byte)
            && !self.is_full()
        {
            let length = match BYTES[usize::from(byte)] {
                Byte::Space => 1,
                Byte::Punctuation => {
                    self.words.speller.spell_plain(&bytes[at.byte..=at.byte], at.character);
                    1
                }
                Byte::Letter => match plain_word(&bytes[at.byte..]) {
                    Some(word) => {
                        self.words.speller.spell_plain(word, at.character);
                        word.len()
                    }
                    None => 0,
                },
                Byte::Other => 0,
            };
            if length == 0 {
                at = self.general(section, at)?;
            } else {
                self.progress.pass(length)?;
                at = Position { byte: at.byte + length, character: at.character + length };
            }
        }
        self.words.end_word();
        self.words.speller.truncate();
        Ok(())
    }

    /// Append the tokens of a section of normalised text.
    pub fn normalized(&mut self, normalized: &Normalized, bytes: Range<usize>) -> Result<()> {
        for (character, place) in normalized.characters(bytes) {
            if self.is_full() {
                break;
            }
            self.progress.pass(character.len_utf8())?;
            self.words.put(character, kind(character), place);
        }
        self.words.end_word();
        self.words.speller.truncate();
        Ok(())
    }

    /// Normalise characters of any kind, from a position between two words to the next position where plain ASCII words
    /// may follow.
    fn general(&mut self, section: &str, mut at: Position) -> Result<Position> {
        loop {
            at = self.normalizer.step(section, at, &mut self.words, &mut self.progress)?;
            let next = section.as_bytes().get(at.byte);
            if next.is_none_or(|&byte| byte.is_ascii() && self.words.scratch.length == 0) || self.is_full() {
                return Ok(at);
            }
        }
    }
}

impl Words<'_> {
    /// End the current word and append its tokens.
    fn end_word(&mut self) {
        let Scratch { text, places, length, last } = &*self.scratch;
        match places.first() {
            None => return,
            Some(&first) if *length > LONGEST_WORD => self.speller.push_unknown(span(first, *last)),
            Some(_) => self.speller.spell(text.as_bytes(), |byte| places[byte]),
        }
        self.scratch.clear();
    }
}

impl Speller<'_> {
    fn is_full(&self) -> bool {
        self.tokens.len() >= self.limit
    }

    /// Append a word that is one token.
    fn push_word(&mut self, id: u32, span: Span) {
        self.tokens.push(TextToken { id, span, word: self.words as u32 });
        self.words += 1;
    }

    fn push_unknown(&mut self, span: Span) {
        // Every id of the vocabulary is below 2^32 - 1.
        self.push_word(self.vocabulary.unknown as u32, span);
    }

    /// Append the tokens of an ASCII word, whose characters are those of the text except for their case.
    #[inline]
    fn spell_plain(&mut self, word: &[u8], first: usize) {
        self.spell(word, |byte| (first + byte) as u32);
    }

    /// Append the tokens of a word. `place` maps a byte of the word to the character of the text that it stands for.
    #[inline]
    fn spell(&mut self, word: &[u8], place: impl Fn(usize) -> u32) {
        let before = self.tokens.len();
        let number = self.words as u32;
        let covered = |bytes: Range<usize>| span(place(bytes.start), place(bytes.end - 1));
        let give = |id, bytes| self.tokens.push(TextToken { id, span: covered(bytes), word: number });
        if pieces(word, self.lowers, self.vocabulary, give).is_some() {
            self.words += 1;
        } else {
            self.tokens.truncate(before);
            self.push_unknown(covered(0..word.len()));
        }
    }

    /// Remove the tokens of the last word beyond the limit.
    fn truncate(&mut self) {
        self.tokens.truncate(self.limit);
    }
}

/// Return the span from one character to another, both included.
#[inline]
fn span(first: u32, last: u32) -> Span {
    (first, last.saturating_add(1))
}

impl Sink for Words<'_> {
    #[inline]
    fn put(&mut self, character: char, kind: Kind, place: usize) {
        if kind != Kind::Letter {
            self.end_word();
        }
        if kind != Kind::Space {
            self.scratch.push(character, place as u32);
        }
        if kind == Kind::Punctuation {
            self.end_word();
        }
    }
}

impl Scratch {
    #[inline]
    fn push(&mut self, character: char, place: u32) {
        self.length += 1;
        self.last = place;
        if self.length <= LONGEST_WORD {
            self.text.push(character);
            self.places.resize(self.text.len(), place);
        }
    }

    fn clear(&mut self) {
        self.text.clear();
        self.places.clear();
        self.length = 0;
    }
}

/// Return the ASCII word at the start of a text. `None` if something other than white space, punctuation or the end of
/// the text follows, or if the word is too long.
#[inline]
fn plain_word(bytes: &[u8]) -> Option<&[u8]> {
    let kind = |byte: &u8| BYTES[usize::from(*byte)];
    let end = bytes.iter().take(LONGEST_WORD + 1).position(|byte| kind(byte) != Byte::Letter);
    let end = end.unwrap_or(bytes.len());
    let is_whole = bytes.get(end).is_none_or(|byte| kind(byte) != Byte::Other);
    (is_whole && end <= LONGEST_WORD).then(|| &bytes[..end])
}

/// The class of a byte, by ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Byte {
    Letter,
    Punctuation,
    Space,
    /// A control character, or not ASCII.
    Other,
}

static BYTES: [Byte; 256] = {
    let mut bytes = [Byte::Other; 256];
    let mut index = 0_u8;
    while index < 0x7f {
        bytes[index as usize] = match index {
            b' ' | b'\t' | b'\n' | b'\r' => Byte::Space,
            _ if index.is_ascii_punctuation() => Byte::Punctuation,
            _ if index.is_ascii_alphanumeric() => Byte::Letter,
            _ => Byte::Other,
        };
        index += 1;
    }
    bytes
};
