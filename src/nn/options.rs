//! The options of a forward pass.

use tch::{Device, Kind, Tensor};

use crate::error::Result;
pub use crate::kernels::Direction;

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

/// Return a mask `[L, L]` bool that is true if token `row` attends to token `column`; None if every token attends to all
/// tokens.
pub(super) fn mask(direction: Direction, length: i64, device: Device) -> Result<Option<Tensor>> {
    let all = || Tensor::f_ones([length, length], (Kind::Bool, device));
    Ok(match direction {
        Direction::Both => None,
        Direction::LeftToRight => Some(all()?.f_tril(0)?),
        Direction::RightToLeft => Some(all()?.f_triu(0)?),
    })
}
