//! ELECTRA: Pre-training Text Encoders as Discriminators Rather Than Generators (Clark et al., ICLR 2020).
//!
//! [`ElectraModel`] is the encoder; [`ElectraForMaskedLM`] the generator; [`ElectraDiscriminator`] (in transformers:
//! `ElectraForPreTraining`) says of every token whether it was replaced; [`ElectraForTokenClassification`] labels tokens.
//! Names and paths are rust_bert's, numbers are transformers'.

mod discriminator;
mod masked_lm;
mod model;
mod token_classification;

pub use discriminator::{ElectraDiscriminator, ElectraForPreTraining};
pub use masked_lm::ElectraForMaskedLM;
pub use model::ElectraModel;
pub use token_classification::ElectraForTokenClassification;

pub use crate::config::ElectraConfig;
pub use crate::heads::{ElectraDiscriminatorHead, ElectraGeneratorHead};
/// rust_bert's name.
pub type ElectraModelOutput = crate::outputs::ModelOutput;
/// rust_bert's name.
pub type ElectraMaskedLMOutput = crate::outputs::MaskedLMOutput;
/// rust_bert's name.
pub type ElectraDiscriminatorOutput = crate::outputs::DiscriminatorOutput;
/// rust_bert's name.
pub type ElectraTokenClassificationOutput = crate::outputs::TokenClassificationOutput;

/// ELECTRA's names of the backbone.
const FAMILY: crate::weights::names::Family =
    crate::weights::names::Family { prefix: "electra", roots: &["embeddings", "embeddings_project", "encoder"] };

/// The constructor and the forward pass that rust_bert's users know, for a type that implements `Model`.
macro_rules! rust_bert_surface {
    ($model:ty, $output:ty) => {
        impl $model {
            /// A freshly initialised model whose names start at `path`. Load weights into its variable store next.
            ///
            /// # Errors
            /// [`crate::Error::Config`] where the configuration contradicts itself; [`crate::Error::Torch`] where there
            /// is no memory.
            pub fn new<'p>(
                path: impl std::borrow::Borrow<tch::nn::Path<'p>>,
                config: &crate::config::ElectraConfig,
            ) -> crate::Result<Self> {
                let parameters = crate::nn::Parameters::random(path.borrow(), config.initializer_range);
                <Self as crate::models::Model>::build(&parameters, config)
            }

            /// Checks the arguments ([`crate::inputs`] says what they mean) and runs the model. Hidden states and
            /// attentions are returned where the configuration asks for them.
            ///
            /// # Errors
            /// Those of [`crate::inputs::Inputs::new`]; [`crate::Error::Torch`] where libtorch refuses.
            pub fn forward_t(
                &self,
                input_ids: Option<&tch::Tensor>,
                mask: Option<&tch::Tensor>,
                token_type_ids: Option<&tch::Tensor>,
                position_ids: Option<&tch::Tensor>,
                input_embeds: Option<&tch::Tensor>,
                train: bool,
            ) -> crate::Result<$output> {
                use crate::models::Model;
                let arguments = crate::inputs::Arguments::from_tensors(
                    input_ids,
                    mask,
                    token_type_ids,
                    position_ids,
                    input_embeds,
                )?;
                let inputs = crate::inputs::Inputs::new(arguments, &self.limits())?;
                self.forward(&inputs, self.backbone().options(train))
            }
        }
    };
}
use rust_bert_surface;
