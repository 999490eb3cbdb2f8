//! A word to the pieces of the vocabulary that spell it.

use std::ops::Range;

use super::vocabulary::Vocabulary;

/// Longer words, in characters, are unknown without being looked at. The limit bounds the work for a text of any length.
const LONGEST_WORD: usize = 100;

/// What marks a piece that continues a word.
pub(super) const CONTINUATION: &str = "##";

/// A token of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// Its id.
    pub id: i64,
    /// Characters of the word that it covers.
    pub characters: Range<usize>,
}

/// Cuts a word into the longest pieces that the vocabulary has, from left to right; one unknown token for the whole word
/// when that fails anywhere. `buffer` is scratch space, so that a text needs one allocation and not one per piece tried.
///
/// `length` is the number of characters of `word`.
pub(super) fn pieces(word: &str, length: usize, vocabulary: &Vocabulary, buffer: &mut String) -> Vec<Piece> {
    let unknown = || vec![Piece { id: vocabulary.unknown, characters: 0..length }];
    if length > LONGEST_WORD {
        return unknown();
    }
    if let Some(id) = vocabulary.id(word) {
        return vec![Piece { id, characters: 0..length }];
    }
    let mut pieces = Vec::new();
    let mut rest = word;
    let mut begin = 0;
    while !rest.is_empty() {
        buffer.clear();
        if begin > 0 {
            buffer.push_str(CONTINUATION);
        }
        let tried = (length - begin).min(vocabulary.longest());
        buffer.extend(rest.chars().take(tried));
        let mut end = begin + tried;
        let id = loop {
            if let Some(id) = vocabulary.id(buffer) {
                break id;
            }
            if end <= begin + 1 {
                return unknown();
            }
            buffer.pop();
            end -= 1;
        };
        pieces.push(Piece { id, characters: begin..end });
        let prefix = if begin > 0 { CONTINUATION.len() } else { 0 };
        rest = &rest[buffer.len() - prefix..];
        begin = end;
    }
    pieces
}
