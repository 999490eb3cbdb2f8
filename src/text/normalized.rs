//! A whole text, normalised: for added tokens that are looked for in such a text. Everything else does without one.

use std::ops::Range;

use super::characters::Kind;
use super::normalize::{Normalizer, Sink};
use super::progress::{Position, Progress, Span};
use crate::error::Result;

/// A normalised text, and the character of the original text that each of its bytes stands for.
#[derive(Debug, Default)]
pub(super) struct Normalized {
    text: String,
    places: Vec<u32>,
}

impl Normalized {
    /// Normalises a stretch of text whose first character is the `first`-th of the whole text.
    pub fn new(section: &str, first: usize, normalizer: &Normalizer, progress: &mut Progress<'_>) -> Result<Self> {
        let mut normalized =
            Self { text: String::with_capacity(section.len()), places: Vec::with_capacity(section.len()) };
        let mut at = Position { byte: 0, character: first };
        while at.byte < section.len() {
            at = normalizer.step(section, at, &mut normalized, progress)?;
        }
        Ok(normalized)
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text alone.
    pub fn into_text(self) -> String {
        self.text
    }

    /// The original characters that some bytes of the text stand for.
    pub fn span(&self, bytes: Range<usize>) -> Span {
        match self.places.get(bytes) {
            Some(places @ [first, ..]) => (*first, places[places.len() - 1].saturating_add(1)),
            _ => (0, 0),
        }
    }

    /// The characters of some bytes of the text, each with the original character that it stands for.
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
