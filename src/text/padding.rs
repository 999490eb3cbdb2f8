//! The width that rows are padded to: one set of rules for a tokenizer's call and for its `pad`.

use super::{EncodeOptions, Truncation};
use crate::error::{Error, Result};

/// The longest row that padding may make: far more than any model takes, and little enough memory.
const LONGEST_ROW: usize = 1 << 20;

/// The width that rows are padded to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// No padding.
    None,
    /// The longest row.
    Longest,
    /// A given number of tokens.
    MaxLength,
}

impl Padding {
    /// Return the padding of a name that transformers gives it: `longest`, `max_length` or `do_not_pad`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "longest" => Some(Self::Longest),
            "max_length" => Some(Self::MaxLength),
            "do_not_pad" => Some(Self::None),
            _ => None,
        }
    }
}

/// How wide rows are padded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Width {
    /// The width that rows are padded to.
    pub padding: Padding,
    /// The width for [`Padding::MaxLength`], in tokens.
    pub max_length: Option<usize>,
    /// Round the width up to a multiple of this.
    pub pad_to_multiple_of: Option<usize>,
}

impl Width {
    /// Check the options, before any text is read.
    ///
    /// # Errors
    /// [`Error::Input`] if `pad_to_multiple_of` is 0, or [`Padding::MaxLength`] has no `max_length`.
    pub fn check(&self) -> Result<()> {
        if self.pad_to_multiple_of == Some(0) {
            return Err(Error::input("pad_to_multiple_of", "expected at least 1, got 0"));
        }
        if let Some(multiple) = self.pad_to_multiple_of.filter(|&multiple| multiple > LONGEST_ROW) {
            let reason = format!("expected at most {LONGEST_ROW} tokens, got {multiple}");
            return Err(Error::input("pad_to_multiple_of", reason));
        }
        if self.padding == Padding::MaxLength && self.max_length.is_none() {
            return Err(Error::input("padding", "expected max_length beside padding=\"max_length\""));
        }
        Ok(())
    }

    /// Check the options together with those of truncation.
    ///
    /// # Errors
    /// [`Error::Input`] as for [`Width::check`], or if rows are truncated to a length that padding exceeds.
    pub fn check_with(&self, options: &EncodeOptions) -> Result<()> {
        let multiple = self.pad_to_multiple_of.filter(|&multiple| multiple > 0).unwrap_or(1);
        let cut = self.max_length.filter(|_| options.truncation != Truncation::None && self.padding != Padding::None);
        if let Some(length) = cut.filter(|length| length % multiple != 0) {
            let reason = format!("expected a multiple of pad_to_multiple_of = {multiple}, got {length}");
            return Err(Error::input("max_length", reason));
        }
        self.check()
    }

    /// Return the width for rows of these lengths, in tokens; `None` if nothing is padded.
    ///
    /// # Errors
    /// [`Error::Input`] as for [`Width::check`], or if `max_length` is above 1,048,576 tokens.
    pub fn of(&self, lengths: impl Iterator<Item = usize>) -> Result<Option<usize>> {
        self.check()?;
        let width = match self.padding {
            Padding::None => return Ok(None),
            Padding::Longest => lengths.max().unwrap_or(0),
            Padding::MaxLength => self.max_length.unwrap_or(0),
        };
        let width = width.checked_next_multiple_of(self.pad_to_multiple_of.unwrap_or(1)).unwrap_or(usize::MAX);
        if width > LONGEST_ROW && self.padding == Padding::MaxLength {
            let reason = format!("expected at most {LONGEST_ROW} tokens to pad to, got {width}");
            return Err(Error::input("max_length", reason));
        }
        Ok(Some(width))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROWS: [usize; 3] = [3, 7, 5];

    fn width(padding: Padding, max_length: Option<usize>, pad_to_multiple_of: Option<usize>) -> Result<Option<usize>> {
        Width { padding, max_length, pad_to_multiple_of }.of(ROWS.into_iter())
    }

    #[test]
    fn rows_are_padded_to_the_longest_or_to_a_length() {
        assert_eq!(width(Padding::None, Some(9), Some(4)).unwrap(), None);
        assert_eq!(width(Padding::Longest, Some(9), None).unwrap(), Some(7));
        assert_eq!(width(Padding::Longest, None, Some(4)).unwrap(), Some(8));
        assert_eq!(width(Padding::MaxLength, Some(9), None).unwrap(), Some(9));
        assert_eq!(width(Padding::MaxLength, Some(9), Some(8)).unwrap(), Some(16));
    }

    #[test]
    fn impossible_widths_are_refused() {
        let refused = |width: Result<Option<usize>>| width.unwrap_err().to_string();
        assert!(refused(width(Padding::MaxLength, None, None)).contains("expected max_length beside"));
        assert!(refused(width(Padding::Longest, None, Some(0))).contains("expected at least 1, got 0"));
        assert!(refused(width(Padding::None, None, Some(0))).contains("expected at least 1, got 0"));
        assert!(refused(width(Padding::Longest, None, Some(1 << 50))).contains("expected at most 1048576 tokens"));
        assert!(refused(width(Padding::MaxLength, Some(1 << 21), None)).contains("at most 1048576 tokens"));
        let options = EncodeOptions::truncated(Truncation::LongestFirst, 9);
        let width = Width { padding: Padding::Longest, max_length: Some(9), pad_to_multiple_of: Some(8) };
        assert!(width.check_with(&options).unwrap_err().to_string().contains("expected a multiple of"));
    }
}
