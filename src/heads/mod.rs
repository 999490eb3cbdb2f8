//! Heads: hidden states -> logits, and their losses.
//!
//! In: the encoder's packed hidden states `[T, H]`, and [`Targets`](crate::inputs::Targets) if labels were given. Out:
//! logits and the loss, in a struct of [`crate::outputs`]. A head knows no family: [`crate::models`] chooses its sizes,
//! names and dropout rates. Most heads can also be used alone, on hidden states `[..., H]`.

mod discriminator;
mod joint;
mod linear;
mod losses;
mod masked_lm;
mod multiple_choice;
mod sequence;
mod span;
mod summary;
mod token;

pub use discriminator::DiscriminatorHead;
pub use joint::{BEAM, JointQuestionAnsweringHead};
pub use linear::LinearClassificationHead;
pub use masked_lm::{Decoder, MaskedLMHead, Transform};
pub use multiple_choice::MultipleChoiceHead;
pub use sequence::SequenceClassificationHead;
pub use span::QuestionAnsweringHead;
pub use summary::{Summary, SummaryConfig, SummaryHead};
pub use token::TokenClassificationHead;

use tch::Tensor;

use crate::encoder::Encoded;
use crate::error::Result;
use crate::inputs::{Inputs, Task};
use crate::names::Component;
use crate::nn::Linear;
use crate::outputs::{LayerOutputs, ModelOutput};

/// The part of a model above its encoder.
pub trait Head: Sized + std::fmt::Debug {
    /// The result of a forward pass.
    type Output: LayerOutputs;

    /// The end of the name of a model with this head in transformers, after the family's name.
    const NAME: &'static str;

    /// Whether a model with this head is the encoder alone. The names in a checkpoint of an encoder alone have no
    /// prefix.
    const IS_EMPTY: bool = false;

    /// The names in transformers of the arguments from which the loss is computed.
    const TARGETS: &'static [&'static str] = &["labels"];

    /// The network of a pre-trained pair that this head belongs to.
    const COMPONENT: Component = Component::Discriminator;

    /// Return the task, which determines the kind and shape of the labels.
    fn task(&self) -> Task;

    /// Return the decoder of a masked LM; None for other heads.
    fn decoder(&self) -> Option<&Linear> {
        None
    }

    /// Map packed hidden states `[T, H]` to unpacked logits, and compute the loss if there are targets.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if libtorch refuses.
    fn answer(&self, hidden: &Tensor, inputs: &Inputs, train: bool) -> Result<Self::Output>;

    /// Return the output of [`Head::answer`] with the hidden states and attentions of the layers, if they were
    /// requested.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if libtorch refuses.
    fn forward(&self, encoded: Encoded, inputs: &Inputs, train: bool) -> Result<Self::Output> {
        let mut output = self.answer(&encoded.hidden, inputs, train)?;
        output.attach_layers(encoded.all_hidden_states, encoded.all_attentions);
        Ok(output)
    }
}

/// A part of a model that threads may share when it is frozen.
///
/// # Safety
/// Nothing inside the type changes through a shared reference, once its tensors are [`crate::nn::Values`] that no one else
/// changes.
pub unsafe trait Shareable {}

// SAFETY: each of these holds tensors and plain values, and only reads them in a forward pass.
unsafe impl Shareable for NoHead {}
unsafe impl Shareable for DiscriminatorHead {}
unsafe impl Shareable for MaskedLMHead {}
unsafe impl Shareable for TokenClassificationHead {}
unsafe impl Shareable for SequenceClassificationHead {}
unsafe impl Shareable for QuestionAnsweringHead {}
unsafe impl Shareable for JointQuestionAnsweringHead {}
unsafe impl Shareable for LinearClassificationHead {}
unsafe impl Shareable for MultipleChoiceHead {}

/// No head: the output is the hidden states.
#[derive(Debug)]
pub struct NoHead;

impl Head for NoHead {
    type Output = ModelOutput;
    const NAME: &'static str = "Model";
    const IS_EMPTY: bool = true;
    const TARGETS: &'static [&'static str] = &[];

    fn task(&self) -> Task {
        Task::Encoding
    }

    fn answer(&self, hidden: &Tensor, inputs: &Inputs, _train: bool) -> Result<ModelOutput> {
        Ok(ModelOutput::new(inputs.layout.unpack(hidden)?))
    }
}
