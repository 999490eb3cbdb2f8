//! A word to the pieces of the vocabulary that spell it.

use std::ops::Range;

use super::trie::Trie;
use super::vocabulary::Vocabulary;

/// Split a word into pieces, from left to right, each the longest that the vocabulary has, and call `give` with the id
/// of each piece and its range of bytes in the word. Return `None` if no piece fits somewhere: then the word is
/// unknown, and the caller must discard the pieces given so far.
///
/// ASCII letters are lower-cased first if `lower` is set.
#[inline]
pub(super) fn pieces(
    word: &[u8],
    lower: bool,
    vocabulary: &Vocabulary,
    mut give: impl FnMut(u32, Range<usize>),
) -> Option<()> {
    let trie = vocabulary.trie();
    let mut start = 0;
    while start < word.len() {
        let mut node = if start == 0 { Trie::ROOT } else { vocabulary.continuation()? };
        let mut longest = None;
        for (index, byte) in word.iter().enumerate().skip(start) {
            let byte = if lower { byte.to_ascii_lowercase() } else { *byte };
            let Some(next) = trie.step(node, byte) else { break };
            node = next;
            if let Some(id) = trie.id(node) {
                longest = Some((id, index + 1));
            }
        }
        let (id, end) = longest?;
        give(id, start..end);
        start = end;
    }
    Some(())
}
