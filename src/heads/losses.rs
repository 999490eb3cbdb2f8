//! Losses: logits and targets -> a scalar, computed as in transformers.

use tch::{Reduction, Tensor};

use crate::error::{Error, Result};
use crate::inputs::{IGNORED, Inputs, Targets};

/// Return the mean loss over the targets that are not [`IGNORED`]; None without targets.
///
/// `logits` are `[N, L]` for classes `[N]`, otherwise of the targets' shape.
pub(super) fn loss(logits: &Tensor, targets: Option<&Targets>) -> Result<Option<Tensor>> {
    let Some(targets) = targets else { return Ok(None) };
    Ok(Some(match targets {
        Targets::Classes(classes) => cross_entropy(logits, classes)?,
        Targets::Flags(flags) => {
            let flags = flags.f_to_kind(logits.kind())?;
            logits.f_binary_cross_entropy_with_logits::<Tensor>(&flags, None, None, Reduction::Mean)?
        }
        Targets::Numbers(numbers) => logits.f_mse_loss(&numbers.f_to_kind(logits.kind())?, Reduction::Mean)?,
        Targets::Spans { .. } => return Err(Error::Internal { message: "spans have two logits".into() }),
    }))
}

/// Unpack the logits of tokens, `[T]` or `[T, L]`, and return the loss and the unpacked logits.
///
/// If a graph is recorded, the loss is computed from the tensor that is returned, so that gradients reach it. Only the
/// logits that have a target are copied for that: a masked LM has few targets and 30,522 logits for each.
pub(super) fn unpack_with_loss(logits: &Tensor, inputs: &Inputs) -> Result<(Option<Tensor>, Tensor)> {
    let unpacked = inputs.layout.unpack(logits)?;
    let loss = match &inputs.targets {
        targets if !unpacked.requires_grad() => loss(logits, targets.as_ref())?,
        Some(Targets::Classes(classes)) => {
            let places = classes.f_ne(IGNORED)?.f_nonzero()?.f_squeeze_dim(1)?;
            let logits = inputs.layout.pack_at(&unpacked, &places)?;
            Some(cross_entropy(&logits, &classes.f_index_select(0, &places)?)?)
        }
        targets => loss(&inputs.layout.pack(&unpacked)?, targets.as_ref())?,
    };
    Ok((loss, unpacked))
}

/// Return the cross-entropy of logits `[N, L]` and classes `[N]`: NaN, as in transformers, if every class is
/// [`IGNORED`].
pub(super) fn cross_entropy(logits: &Tensor, classes: &Tensor) -> Result<Tensor> {
    Ok(logits.f_cross_entropy_loss::<Tensor>(classes, None, Reduction::Mean, IGNORED, 0.0)?)
}
