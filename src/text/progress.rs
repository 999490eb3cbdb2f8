//! Progress through a text: positions in it, and questions whether to go on.

use crate::error::Result;
use crate::interrupt;

/// A range of characters of the original text, `(start, end)` with `end` exclusive.
pub(super) type Span = (u32, u32);

/// A position in a section of a text.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Position {
    /// Bytes from the start of the section.
    pub byte: usize,
    /// Characters from the start of the whole text.
    pub character: usize,
}

impl Position {
    /// Return the position behind a character that starts here.
    pub fn behind(self, character: char) -> Self {
        Self { byte: self.byte + character.len_utf8(), character: self.character + 1 }
    }

    /// Move to another byte of `text`.
    pub fn move_to(&mut self, byte: usize, text: &str) {
        if byte < self.byte {
            self.character -= text[byte..self.byte].chars().count();
        } else {
            self.character += text[self.byte..byte].chars().count();
        }
        self.byte = byte;
    }
}

/// Asks from time to time whether to [go on](interrupt::go_on).
pub(super) struct Progress {
    /// Bytes until the next question.
    left: usize,
}

impl Progress {
    /// Bytes between two questions, a fraction of a millisecond of work.
    const INTERVAL: usize = 1 << 16;

    pub fn new() -> Self {
        Self { left: Self::INTERVAL }
    }

    /// Count `bytes` as done, and ask if a question is due.
    #[inline]
    pub fn pass(&mut self, bytes: usize) -> Result<()> {
        if let Some(left) = self.left.checked_sub(bytes) {
            self.left = left;
            return Ok(());
        }
        self.left = Self::INTERVAL;
        interrupt::go_on()
    }
}
