//! A whole normalised text, for added tokens that are searched for in it. Everything else does without such a text.

use std::ops::Range;

use super::characters::Kind;
use super::normalize::{Normalizer, Sink};
use super::progress::{Position, Progress, Span};
use crate::error::Result;

/// A normalised text, with the character of the original text that each byte stands for.
#[derive(Debug, Default)]
pub(super) struct Normalized {
    text: String,
    places: Vec<u32>,
}

impl Normalized {
    /// Normalise a section of a text. `first` is the number of its first character in the whole text.
    pub fn new(section: &str, first: usize, normalizer: &Normalizer, progress: &mut Progress) -> Result<Self> {
        let mut normalized =
            Self { text: String::with_capacity(section.len()), places: Vec::with_capacity(section.len()) };
        let mut at = Position { byte: 0, character: first };
        while at.byte < section.len() {
            at = normalizer.step(section, at, &mut normalized, progress)?;
        }
        Ok(normalized)
    }

    /// Return the text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Return the text and drop the rest.
    pub fn into_text(self) -> String {
        self.text
    }

    /// Return the original characters that a range of bytes stands for.
    pub fn span(&self, bytes: Range<usize>) -> Span {
        match self.places.get(bytes) {
            Some(places @ [first, ..]) => (*first, places[places.len() - 1].saturating_add(1)),
            _ => (0, 0),
        }
    }

    /// Iterate over the characters in a range of bytes, each with the number of the original character.
    pub fn characters(&self, bytes: Range<usize>) -> impl Iterator<Item = (char, usize)> {
        let places = self.places.get(bytes.clone()).unwrap_or_default();
        let text = self.text.get(bytes).unwrap_or_default();
        text.char_indices().map(|(byte, character)| (character, places[byte] as usize))
    }
}

impl Sink for Normalized {
    fn put(&mut self, character: char, _: Kind, place: usize) {
        self.text.push(character);
        self.places.resize(self.text.len(), place as u32);
    }
}
