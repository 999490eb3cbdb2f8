//! Text -> answers: the only room that sees both texts and models.

mod fill_mask;
mod predict;
mod replaced_tokens;

use tch::Tensor;

pub use fill_mask::{Candidate, FillMask, MaskedToken};
pub use replaced_tokens::{JudgedToken, ReplacedTokenDetection};

use crate::error::{Error, Result};
use crate::text::{ElectraTokenizer, EncodeOptions, Encoding};

/// Tokenises the texts of a call. All of them go through the model in one packed batch.
fn encode(tokenizer: &ElectraTokenizer, texts: &[&str]) -> Result<Vec<Encoding>> {
    if texts.is_empty() {
        return Err(Error::input("texts", "expected at least one text, got none"));
    }
    let pairs: Vec<_> = texts.iter().map(|&text| (text, None)).collect();
    tokenizer.encode_batch(&pairs, &EncodeOptions::default())
}

/// Refuses a tokenizer with ids that the model has no embedding for.
fn check_vocabulary(tokenizer: &ElectraTokenizer, vocab_size: i64) -> Result<()> {
    let limit = tokenizer.id_limit();
    if limit > vocab_size {
        let reason = format!("expected at most the model's {vocab_size} ids, got {limit}");
        return Err(Error::input("the vocabulary", reason));
    }
    Ok(())
}

/// The numbers of a tensor on any device, row-major.
fn numbers(tensor: &Tensor) -> Result<Vec<f64>> {
    Ok(Vec::try_from(tensor.f_to_kind(tch::Kind::Double)?.f_reshape([-1])?.f_to_device(tch::Device::Cpu)?)?)
}
