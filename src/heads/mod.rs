//! Heads: hidden states -> logits.
//!
//! In: hidden states `[..., H]`, packed or not: a head looks at one position at a time. Out: logits with the same leading
//! dimensions. Next come [`crate::outputs`].

mod discriminator;
mod masked_lm;
mod token;

pub use discriminator::ElectraDiscriminatorHead;
pub use masked_lm::{Decoder, ElectraGeneratorHead};
pub use token::TokenClassificationHead;
