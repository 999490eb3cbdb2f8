//! Long texts: overlapping windows that fit into a model.

use super::task::TextModel;
use crate::any_model::AnyModel;
use crate::error::{Error, Result};
use crate::text::{EncodeOptions, Side, Truncation};

impl<M: AnyModel + ?Sized> TextModel<M> {
    /// Return the longest row that both the model and its tokenizer take, in tokens, special tokens included.
    pub(super) fn longest_row(&self) -> usize {
        let positions = self.model.limits().max_position_embeddings as usize;
        self.tokenizer.model_max_length().map_or(positions, |length| length.min(positions))
    }
}

/// Return the options that cut the text of a row, or the second of a pair, into windows of `length` tokens.
pub(super) fn window_options(truncation: Truncation, length: usize, stride: usize) -> EncodeOptions {
    // Windows follow each other from the start of the text, whichever end the tokenizer truncates.
    let truncation_side = Some(Side::Right);
    EncodeOptions { overflow: true, stride, truncation_side, ..EncodeOptions::truncated(truncation, length) }
}

/// Check the number of tokens that successive windows share, or choose it if there is none: `default`, or as many as leave
/// each window a new token.
///
/// `capacity` is the number of tokens of the text in a window. `name` is the argument's.
///
/// # Errors
/// [`Error::Input`] if a window has no room for a new token.
pub(super) fn overlap(name: &str, stride: Option<usize>, default: usize, capacity: usize) -> Result<usize> {
    match stride {
        None => Ok(default.min(capacity.saturating_sub(1))),
        Some(stride) if stride < capacity => Ok(stride),
        Some(stride) => {
            let reason = format!("expected less than the {capacity} tokens of the text in a window, got {stride}");
            Err(Error::input(name, reason))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn overlaps_leave_a_new_token() {
        assert_eq!(overlap("stride", None, 5, 20).unwrap(), 5);
        assert_eq!(overlap("stride", None, 5, 3).unwrap(), 2);
        assert_eq!(overlap("stride", Some(2), 5, 3).unwrap(), 2);
        let error = overlap("stride", Some(3), 5, 3).unwrap_err();
        assert_eq!(error.to_string(), "stride: expected less than the 3 tokens of the text in a window, got 3");
    }
}
