//! The options of a forward pass.

use tch::{Device, Kind, Tensor};

use crate::error::Result;

/// The options of one forward pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ForwardOptions {
    /// Whether dropout is applied.
    pub train: bool,
    /// Whether the hidden states of all layers are returned.
    pub output_hidden_states: bool,
    /// Whether the attention probabilities of all layers are returned.
    pub output_attentions: bool,
    /// The tokens of its row that a token attends to.
    pub direction: Direction,
}

/// The tokens of its row that a token attends to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Direction {
    /// All tokens.
    #[default]
    Both,
    /// The token itself and the tokens before it.
    LeftToRight,
    /// The token itself and the tokens after it.
    RightToLeft,
}

impl Direction {
    /// Return a mask `[L, L]` bool that is true if token `row` attends to token `column`; None if every token attends
    /// to all tokens.
    pub(super) fn mask(self, length: i64, device: Device) -> Result<Option<Tensor>> {
        let all = || Tensor::f_ones([length, length], (Kind::Bool, device));
        Ok(match self {
            Self::Both => None,
            Self::LeftToRight => Some(all()?.f_tril(0)?),
            Self::RightToLeft => Some(all()?.f_triu(0)?),
        })
    }
}
