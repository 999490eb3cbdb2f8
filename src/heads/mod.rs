//! Heads: hidden states -> logits, and their losses.
//!
//! In: what the encoder found, packed `[T, H]`, and [`Targets`](crate::inputs::Targets) where labels came. Out: logits and
//! the loss, in a struct of [`crate::outputs`]. A head knows no family: [`crate::models`] says which sizes, names and rates
//! it has there. Most are usable alone, on hidden states `[..., H]`.

mod discriminator;
mod losses;
mod masked_lm;
mod multiple_choice;
mod sequence;
mod span;
mod summary;
mod token;

pub use discriminator::DiscriminatorHead;
pub use masked_lm::{Decoder, MaskedLMHead, Transform};
pub use multiple_choice::MultipleChoiceHead;
pub use sequence::SequenceClassificationHead;
pub use span::QuestionAnsweringHead;
pub use summary::{Summary, SummaryConfig, SummaryHead};
pub use token::TokenClassificationHead;

use crate::encoder::Encoded;
use crate::error::Result;
use crate::inputs::{Inputs, Task};
use crate::names::Component;
use crate::outputs::ModelOutput;

/// What stands on an encoder.
pub trait Head: Sized + std::fmt::Debug {
    /// What a forward pass returns.
    type Output;

    /// What stands after the family's name in transformers' name of a model with this head.
    const NAME: &'static str;

    /// The arguments that its loss is made from, by their names in transformers.
    const TARGETS: &'static [&'static str] = &["labels"];

    /// Which of the two networks that are pre-trained together it stands on.
    const COMPONENT: Component = Component::Discriminator;

    /// What its labels are.
    fn task(&self) -> Task;

    /// Packed hidden states -> logits, unpacked, and the loss where there are targets.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] where libtorch refuses.
    fn forward(&self, encoded: Encoded, inputs: &Inputs, train: bool) -> Result<Self::Output>;
}

/// None: the hidden states themselves.
#[derive(Debug)]
pub struct NoHead;

impl Head for NoHead {
    type Output = ModelOutput;
    const NAME: &'static str = "Model";
    const TARGETS: &'static [&'static str] = &[];

    fn task(&self) -> Task {
        Task::Encoding
    }

    fn forward(&self, encoded: Encoded, inputs: &Inputs, _train: bool) -> Result<ModelOutput> {
        Ok(ModelOutput {
            hidden_state: inputs.layout.unpack(&encoded.hidden)?,
            all_hidden_states: encoded.unpack_hidden_states(&inputs.layout)?,
            all_attentions: encoded.all_attentions,
        })
    }
}
