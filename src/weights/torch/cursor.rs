//! A bounds-checked reader of little-endian numbers and texts.

use crate::weights::index::{Checked, truncated};

/// A position in bytes.
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
    /// What the bytes are, for messages.
    what: &'static str,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { rest: bytes, what }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Return the bytes that have not been read.
    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn take(&mut self, count: usize) -> Checked<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(|| self.truncated(count))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Checked<[u8; N]> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or_else(|| self.truncated(N))?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Checked<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u16(&mut self) -> Checked<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Checked<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Checked<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// Read the text up to the next line feed, and skip the line feed.
    pub(super) fn line(&mut self) -> Checked<&'a str> {
        let end = self.rest.iter().position(|&byte| byte == b'\n').unwrap_or(self.rest.len());
        let line = self.take(end)?;
        self.take(1)?;
        self.text(line)
    }

    /// Read a text of `count` bytes.
    pub(super) fn string(&mut self, count: usize) -> Checked<&'a str> {
        let bytes = self.take(count)?;
        self.text(bytes)
    }

    fn text(&self, bytes: &'a [u8]) -> Checked<&'a str> {
        std::str::from_utf8(bytes).map_err(|_| format!("{} contains a text that is not UTF-8", self.what))
    }

    fn truncated(&self, expected: usize) -> String {
        truncated(self.what, expected, self.rest.len())
    }
}
