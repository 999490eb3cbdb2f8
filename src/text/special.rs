//! The five special tokens, and where a text itself contains them.

use std::ops::Range;

/// Fills the rows of a padded batch.
pub(super) const PAD: &str = "[PAD]";
/// Stands for a word that the vocabulary cannot spell.
pub(super) const UNKNOWN: &str = "[UNK]";
/// Begins every row.
pub(super) const CLASS: &str = "[CLS]";
/// Ends every text.
pub(super) const SEPARATOR: &str = "[SEP]";
/// Stands for a word to be guessed.
pub(super) const MASK: &str = "[MASK]";

/// All five, in the order of their usual ids.
pub(super) const SPECIAL_TOKENS: [&str; 5] = [PAD, UNKNOWN, CLASS, SEPARATOR, MASK];

/// A stretch of a text between special tokens, or a special token.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Section {
    /// Ordinary text, as a range of bytes.
    Text(Range<usize>),
    /// A special token that the text spells out.
    Special(&'static str),
}

/// Cuts `text` at the special tokens it contains.
///
/// They are looked for in the raw text, so that only the exact spelling counts: `[mask]` is ordinary text even for a
/// lower-casing tokenizer. No special token holds a second `[`, so two matches never overlap and the first one found
/// from the left is the only candidate.
pub(super) fn sections(text: &str) -> Vec<Section> {
    let mut sections = Vec::new();
    let mut begin = 0;
    let mut search = 0;
    while let Some(distance) = text[search..].find('[') {
        let bracket = search + distance;
        match SPECIAL_TOKENS.into_iter().find(|token| text[bracket..].starts_with(token)) {
            Some(token) => {
                if begin < bracket {
                    sections.push(Section::Text(begin..bracket));
                }
                sections.push(Section::Special(token));
                begin = bracket + token.len();
                search = begin;
            }
            None => search = bracket + 1,
        }
    }
    if begin < text.len() {
        sections.push(Section::Text(begin..text.len()));
    }
    sections
}
