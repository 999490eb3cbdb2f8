//! A word to the pieces of the vocabulary that spell it.

use std::ops::Range;

use super::trie::Trie;
use super::vocabulary::Vocabulary;

/// Cuts a word into the longest pieces that the vocabulary has, from left to right, and gives each of them, as its id and
/// the bytes of the word that it covers. `None` when that fails anywhere: then the word is unknown, and the pieces given so
/// far are to be forgotten.
///
/// `lower` makes ASCII letters lower case on the way.
#[inline]
pub(super) fn pieces(
    word: &[u8],
    lower: bool,
    vocabulary: &Vocabulary,
    mut give: impl FnMut(u32, Range<usize>),
) -> Option<()> {
    let trie = vocabulary.trie();
    let mut begin = 0;
    while begin < word.len() {
        let mut node = if begin == 0 { Trie::ROOT } else { vocabulary.continuation()? };
        let mut longest = None;
        for (index, byte) in word.iter().enumerate().skip(begin) {
            let byte = if lower { byte.to_ascii_lowercase() } else { *byte };
            let Some(next) = trie.step(node, byte) else { break };
            node = next;
            if let Some(id) = trie.id(node) {
                longest = Some((id, index + 1));
            }
        }
        let (id, end) = longest?;
        give(id, begin..end);
        begin = end;
    }
    Some(())
}
