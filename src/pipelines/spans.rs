//! Spans of characters -> pieces of the text.

/// A text that is sliced by characters, in time that grows with the distance from one slice to the next.
#[derive(Debug)]
pub(super) struct Characters<'text> {
    text: &'text str,
    /// A character and the byte at which it begins.
    place: (usize, usize),
}

impl<'text> Characters<'text> {
    pub(super) fn new(text: &'text str) -> Self {
        Self { text, place: (0, 0) }
    }

    /// Return the characters from `begin` to `end`, exclusive. A span that ends before it begins is empty, and one beyond
    /// the text is cut.
    pub(super) fn slice(&mut self, begin: usize, end: usize) -> &'text str {
        let first = self.byte(begin);
        let last = self.byte(end.max(begin));
        &self.text[first..last]
    }

    /// Return the byte at which a character begins, or the end of the text.
    fn byte(&mut self, character: usize) -> usize {
        let (from, byte) = self.place;
        let (before, after) = self.text.split_at(byte);
        self.place = if let Some(steps) = from.checked_sub(character).filter(|&steps| steps > 0) {
            (character, before.char_indices().nth_back(steps - 1).map_or(0, |(byte, _)| byte))
        } else {
            let places = after.char_indices().map(|(ahead, _)| ahead).chain([after.len()]);
            let (steps, ahead) = places.enumerate().take(character - from + 1).last().unwrap_or((0, 0));
            (from + steps, byte + ahead)
        };
        self.place.1
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Characters;

    proptest! {
        #[test]
        fn slices_are_those_of_a_list_of_characters(
            text in any::<String>(),
            spans in prop::collection::vec((0..40_usize, 0..40_usize), 0..6),
        ) {
            let all: Vec<char> = text.chars().collect();
            let mut characters = Characters::new(&text);
            for (begin, end) in spans {
                let expected: String = all.iter().skip(begin).take(end.saturating_sub(begin)).collect();
                prop_assert_eq!(characters.slice(begin, end), expected);
            }
        }
    }
}
