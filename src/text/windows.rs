//! The truncation of texts that do not fit in a row, and windows for the rest of them.

use super::options::{EncodeOptions, Side, Truncation};
use super::words::TextToken;
use crate::error::{Error, Result};

/// Tokens of a text that fit in a row.
#[derive(Clone, Copy)]
pub(super) struct Window<'a> {
    pub tokens: &'a [TextToken],
    /// Whether these are the tokens that truncation keeps.
    pub is_first: bool,
}

impl<'a> Window<'a> {
    /// Return the window that is a whole text.
    pub fn whole(tokens: &'a [TextToken]) -> Self {
        Self { tokens, is_first: true }
    }
}

/// Cut a text into windows: the one that is kept, `length` tokens from one end of the text, and if `options.overflow`
/// is set, the further ones, each of which shares `stride` tokens with the window before.
pub(super) fn windows<'a>(text: &'a [TextToken], length: usize, options: &EncodeOptions) -> Result<Vec<Window<'a>>> {
    let window = |tokens, number| Window { tokens, is_first: number == 0 };
    if length == text.len() {
        return Ok(vec![Window::whole(text)]);
    }
    if length == 0 {
        // As in `tokenizers`: if no token fits, the overflow is the whole text.
        let all = [window(&text[..0], 0), window(text, 1)];
        return Ok(all[..if options.overflow { 2 } else { 1 }].to_vec());
    }
    let Some(step) = length.checked_sub(options.stride).filter(|&step| step > 0) else {
        let reason =
            format!("expected less than the {length} tokens that truncation leaves of a text, got {}", options.stride);
        return Err(Error::input("stride", reason));
    };
    let count = if options.overflow { 1 + (text.len() - length).div_ceil(step) } else { 1 };
    let tokens = |number: usize| match options.truncation_side.unwrap_or_default() {
        Side::Right => &text[number * step..(number * step + length).min(text.len())],
        Side::Left => {
            let end = text.len() - number * step;
            &text[end.saturating_sub(length)..end]
        }
    };
    Ok((0..count).map(|number| window(tokens(number), number)).collect())
}

/// Return the number of tokens that each text keeps if both may have `room` tokens together.
///
/// Source: `tokenizers` 0.23 `utils/truncation.rs`, `truncate_encodings`.
pub(super) fn kept_lengths(
    lengths: (usize, Option<usize>),
    room: usize,
    truncation: Truncation,
) -> Result<(usize, usize)> {
    let (first, second) = (lengths.0, lengths.1.unwrap_or(0));
    if first + second <= room || truncation == Truncation::None {
        return Ok((first, second));
    }
    if room == 0 {
        return Ok((0, 0));
    }
    let excess = first + second - room;
    let shortened = |length: usize, which: &str| {
        if length > excess {
            return Ok(length - excess);
        }
        // The message has no lengths: tokens of a long text beyond the limit were never made.
        let reason = format!(
            "shortening the {which} text alone cannot make the row fit; truncate with longest_first or raise max_length"
        );
        Err(Error::Tokenizer { reason })
    };
    match (truncation, lengths.1) {
        (Truncation::None, _) => Ok((first, second)),
        (Truncation::LongestFirst, None) => Ok((room, 0)),
        (Truncation::LongestFirst, Some(_)) => {
            let (shorter, longer) = (first.min(second), first.max(second));
            // The longer text gets the room that the shorter one leaves, but never less than the shorter one.
            let left = room.checked_sub(shorter).map_or(longer, |left| left.max(shorter));
            let (shorter, longer) =
                if shorter + left > room { (room / 2, room / 2 + room % 2) } else { (shorter, left) };
            Ok(if first > second { (longer, shorter) } else { (shorter, longer) })
        }
        (Truncation::OnlyFirst, _) => Ok((shortened(first, "first")?, second)),
        (Truncation::OnlySecond, Some(_)) => Ok((first, shortened(second, "second")?)),
        (Truncation::OnlySecond, None) => {
            let reason =
                "truncation only_second needs a second text, got one text that is too long; use only_first".to_string();
            Err(Error::Tokenizer { reason })
        }
    }
}
