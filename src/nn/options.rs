//! What a forward pass is asked for.

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
    /// Which tokens of its row a token attends to.
    pub direction: Direction,
}

/// Which tokens of its row a token attends to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Direction {
    /// All of them.
    #[default]
    Both,
    /// Itself and those before it.
    LeftToRight,
    /// Itself and those after it.
    RightToLeft,
}

impl Direction {
    /// Whether the first index attends to the second, `[L, L]` bool; none where all do.
    pub(super) fn mask(self, length: i64, device: Device) -> Result<Option<Tensor>> {
        let all = || Tensor::f_ones([length, length], (Kind::Bool, device));
        Ok(match self {
            Self::Both => None,
            Self::LeftToRight => Some(all()?.f_tril(0)?),
            Self::RightToLeft => Some(all()?.f_triu(0)?),
        })
    }
}
