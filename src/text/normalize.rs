//! The text as the vocabulary spells it, with the way back to the characters that were given.
//!
//! This is why oxbert takes the vocabulary of `rust_tokenizers` and not its `BertTokenizer`. That one has tables of its own
//! for white space, control characters, accents and punctuation, decomposes each character without putting combining
//! marks in canonical order, and leaves U+2028 inside a word; its ids and offsets then differ from those that the models
//! were trained with. Its word-piece step cannot be called alone, so the text is cleaned and cut into words here, step for
//! step as `tokenizers` does it (`normalizers/bert.rs`, `pre_tokenizers/bert.rs`), and spelled in `wordpiece`.
//!
//! The Unicode tables are those of the crates that `tokenizers` itself uses, old as they are, because a newer table
//! would give other tokens: `unicode_categories` 0.1 (Unicode 8) for control characters, marks and punctuation,
//! `unicode-normalization-alignments` 0.1 (Unicode 9) for canonical decomposition. White space and lower case are the standard
//! library's in both.

use unicode_categories::UnicodeCategories;
use unicode_normalization_alignments::UnicodeNormalization;

use super::TokenizerOptions;

/// Characters of the original text, `(begin, end)` with `end` exclusive.
pub(super) type Span = (usize, usize);

/// A normalised text and, for each of its characters, the original characters that it stands for.
#[derive(Debug, Default)]
pub(super) struct Normalized {
    text: String,
    spans: Vec<Span>,
}

/// A word of a normalised text: what the word-piece vocabulary is asked to spell. Never empty.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word<'text> {
    /// The word itself.
    pub text: &'text str,
    /// One span per character of `text`.
    pub spans: &'text [Span],
}

impl Normalized {
    /// Normalises a stretch of text whose first character is the `first`-th of the whole text.
    pub fn new(section: &str, first: usize, options: &TokenizerOptions) -> Self {
        let cleaned = clean(section, first, options.tokenize_chinese_chars);
        // ASCII has no accents, and decomposes to itself.
        let stripped = if options.strips_accents() && !section.is_ascii() { strip_accents(&cleaned) } else { cleaned };
        if options.do_lower_case { lower_case(stripped) } else { stripped }
    }

    /// The words: separated by white space, with each punctuation character a word of its own.
    pub fn words(&self) -> Vec<Word<'_>> {
        let mut words = Vec::new();
        // First byte and first character of the word under way.
        let mut open: Option<(usize, usize)> = None;
        let word = |(byte, character): (usize, usize), end_byte: usize, end_character: usize| Word {
            text: &self.text[byte..end_byte],
            spans: &self.spans[character..end_character],
        };
        for (index, (byte, character)) in self.text.char_indices().enumerate() {
            let space = character.is_whitespace();
            if space || is_punctuation(character) {
                if let Some(start) = open.take() {
                    words.push(word(start, byte, index));
                }
                if !space {
                    words.push(word((byte, index), byte + character.len_utf8(), index + 1));
                }
            } else if open.is_none() {
                open = Some((byte, index));
            }
        }
        if let Some(start) = open {
            words.push(word(start, self.text.len(), self.spans.len()));
        }
        words
    }

    fn with_capacity(bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), spans: Vec::with_capacity(bytes) }
    }

    fn push(&mut self, character: char, span: Span) {
        self.text.push(character);
        self.spans.push(span);
    }
}

/// Drops what cannot be seen, makes all white space a space, and sets Chinese characters apart.
fn clean(section: &str, first: usize, tokenize_chinese_chars: bool) -> Normalized {
    let mut cleaned = Normalized::with_capacity(section.len());
    for (index, character) in section.chars().enumerate() {
        let span = (first + index, first + index + 1);
        if matches!(character, '\0' | char::REPLACEMENT_CHARACTER) || is_control(character) {
            continue;
        }
        if character.is_whitespace() {
            cleaned.push(' ', span);
        } else if tokenize_chinese_chars && is_chinese(character) {
            for character in [' ', character, ' '] {
                cleaned.push(character, span);
            }
        } else {
            cleaned.push(character, span);
        }
    }
    cleaned
}

/// Canonical decomposition without the non-spacing marks. Hangul falls apart into its Jamo here, which is what the
/// multilingual vocabularies hold.
fn strip_accents(text: &Normalized) -> Normalized {
    let mut stripped = Normalized::with_capacity(text.text.len());
    // Characters of `text` that are used up so far.
    let mut used = 0_usize;
    for (character, change) in text.text.as_str().nfd() {
        // A change above zero marks a further character of the same decomposition: it shares the span of the last
        // character used. Marks may come out in another order than they went in; spans follow the order of the result,
        // as they do in `tokenizers`.
        let source = if change > 0 {
            used.checked_sub(1)
        } else {
            used += 1;
            Some(used - 1)
        };
        let span = source.and_then(|source| text.spans.get(source)).copied().unwrap_or_default();
        if !character.is_mark_nonspacing() {
            stripped.push(character, span);
        }
    }
    stripped
}

/// Lower case, one character at a time: a final sigma stays an ordinary one.
fn lower_case(text: Normalized) -> Normalized {
    if text.text.is_ascii() {
        return Normalized { text: text.text.to_ascii_lowercase(), spans: text.spans };
    }
    let mut lower = Normalized::with_capacity(text.text.len());
    for (character, span) in text.text.chars().zip(text.spans) {
        for character in character.to_lowercase() {
            lower.push(character, span);
        }
    }
    lower
}

/// Control, format, private-use and surrogate characters; tab and line ends count as white space instead.
fn is_control(character: char) -> bool {
    !matches!(character, '\t' | '\n' | '\r') && character.is_other()
}

/// What BERT calls punctuation: every visible ASCII character that is no letter or digit, and Unicode's own category.
fn is_punctuation(character: char) -> bool {
    character.is_ascii_punctuation() || character.is_punctuation()
}

/// The blocks of Chinese characters, as `tokenizers` lists them. It leaves out U+2B820 to U+2B91F, which BERT's first
/// implementation had.
fn is_chinese(character: char) -> bool {
    matches!(
        u32::from(character),
        0x4E00..=0x9FFF
            | 0x3400..=0x4DBF
            | 0x20000..=0x2A6DF
            | 0x2A700..=0x2B73F
            | 0x2B740..=0x2B81F
            | 0x2B920..=0x2CEAF
            | 0xF900..=0xFAFF
            | 0x2F800..=0x2FA1F
    )
}
