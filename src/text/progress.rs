//! How far a text has been read: positions in it, and the question whether to go on.

use crate::error::Result;

/// Characters of the original text, `(begin, end)` with `end` exclusive.
pub(super) type Span = (u32, u32);

/// Where something begins in a stretch of text.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Position {
    /// Counted from the begin of the stretch.
    pub byte: usize,
    /// Counted from the begin of the whole text.
    pub character: usize,
}

impl Position {
    pub fn behind(self, character: char) -> Self {
        Self { byte: self.byte + character.len_utf8(), character: self.character + 1 }
    }

    /// Goes to another byte of `text`.
    pub fn move_to(&mut self, byte: usize, text: &str) {
        if byte < self.byte {
            self.character -= text[byte..self.byte].chars().count();
        } else {
            self.character += text[self.byte..byte].chars().count();
        }
        self.byte = byte;
    }
}

/// Asks from time to time whether to go on.
pub(super) struct Progress<'call> {
    check: &'call dyn Fn() -> Result<()>,
    /// Bytes until the next time.
    left: usize,
}

impl<'call> Progress<'call> {
    /// Bytes between two calls of `check`: a fraction of a millisecond.
    const INTERVAL: usize = 1 << 16;

    pub fn new(check: &'call dyn Fn() -> Result<()>) -> Self {
        Self { check, left: Self::INTERVAL }
    }

    /// Notes that so many bytes are done.
    #[inline]
    pub fn pass(&mut self, bytes: usize) -> Result<()> {
        if let Some(left) = self.left.checked_sub(bytes) {
            self.left = left;
            return Ok(());
        }
        self.left = Self::INTERVAL;
        (self.check)()
    }
}
