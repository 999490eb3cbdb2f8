//! The discriminator: was each token replaced?

use super::ElectraModel;
use crate::config::ElectraConfig;
use crate::encoder::ForwardOptions;
use crate::error::Result;
use crate::heads::ElectraDiscriminatorHead;
use crate::inputs::{Inputs, Limits};
use crate::models::Model;
use crate::nn::Parameters;
use crate::outputs::DiscriminatorOutput;
use crate::weights::names::Family;

/// Says of every token how likely it is that another model put it there.
///
/// Source: `ElectraForPreTraining` of transformers 5.23; `rust_bert::electra::ElectraDiscriminator`.
#[derive(Debug)]
pub struct ElectraDiscriminator {
    electra: ElectraModel,
    discriminator_predictions: ElectraDiscriminatorHead,
}

/// transformers' name of [`ElectraDiscriminator`].
pub type ElectraForPreTraining = ElectraDiscriminator;

impl ElectraDiscriminator {
    pub(super) fn backbone(&self) -> &ElectraModel {
        &self.electra
    }
}

impl Model for ElectraDiscriminator {
    type Config = ElectraConfig;
    type Output = DiscriminatorOutput;
    const FAMILY: Family = super::FAMILY;

    fn build(parameters: &Parameters, config: &ElectraConfig) -> Result<Self> {
        let discriminator_predictions = parameters.at("discriminator_predictions");
        Ok(Self {
            electra: ElectraModel::build(&parameters.at("electra"), config)?,
            discriminator_predictions: ElectraDiscriminatorHead::build(&discriminator_predictions, config)?,
        })
    }

    fn limits(&self) -> Limits {
        self.electra.limits()
    }

    fn forward(&self, inputs: &Inputs, options: ForwardOptions) -> Result<DiscriminatorOutput> {
        let encoded = self.electra.encode(inputs, options)?;
        let logits = self.discriminator_predictions.forward(&encoded.hidden)?;
        Ok(DiscriminatorOutput {
            // After unpacking, a padded position would read as 0.5.
            probabilities: inputs.layout.unpack(&logits.f_sigmoid()?)?,
            logits: inputs.layout.unpack(&logits)?,
            all_hidden_states: encoded.unpack_hidden_states(&inputs.layout)?,
            all_attentions: encoded.all_attentions,
        })
    }
}

super::rust_bert_surface!(ElectraDiscriminator, DiscriminatorOutput);
