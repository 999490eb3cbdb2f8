//! The generator: a masked LM.

use tch::Tensor;

use super::ElectraModel;
use crate::config::ElectraConfig;
use crate::encoder::ForwardOptions;
use crate::error::Result;
use crate::heads::{Decoder, ElectraGeneratorHead};
use crate::inputs::{Inputs, Limits};
use crate::models::{Model, places};
use crate::nn::Parameters;
use crate::outputs::MaskedLMOutput;
use crate::weights::names::Family;

/// Which token stands at each position? The decoder is the word embeddings unless `tie_word_embeddings` is false.
///
/// Source: `ElectraForMaskedLM` of transformers 5.23; `rust_bert::electra::ElectraForMaskedLM` (never tied there).
#[derive(Debug)]
pub struct ElectraForMaskedLM {
    electra: ElectraModel,
    generator_predictions: ElectraGeneratorHead,
    generator_lm_head: Decoder,
}

impl ElectraForMaskedLM {
    /// Logits over the vocabulary at P positions `(row, column)` only, `[P, V]`: the vocabulary is wide, and a pipeline
    /// wants it at the masked tokens alone.
    ///
    /// # Errors
    /// [`crate::Error::Input`] where a position is not kept; [`crate::Error::Torch`] where libtorch refuses.
    pub fn scores_at(&self, inputs: &Inputs, positions: &[(usize, usize)]) -> Result<Tensor> {
        let places = places(inputs, positions, self.limits().device)?;
        let encoded = self.electra.encode(inputs, ForwardOptions::default())?;
        self.decode(&encoded.hidden.f_index_select(0, &places)?)
    }

    pub(super) fn backbone(&self) -> &ElectraModel {
        &self.electra
    }

    fn decode(&self, hidden_states: &Tensor) -> Result<Tensor> {
        self.generator_lm_head.forward(&self.generator_predictions.forward(hidden_states)?)
    }
}

impl Model for ElectraForMaskedLM {
    type Config = ElectraConfig;
    type Output = MaskedLMOutput;
    const FAMILY: Family = super::FAMILY;

    fn build(parameters: &Parameters, config: &ElectraConfig) -> Result<Self> {
        let electra = ElectraModel::build(&parameters.at("electra"), config)?;
        let generator_predictions = ElectraGeneratorHead::build(&parameters.at("generator_predictions"), config)?;
        let words = electra.embeddings().words();
        let generator_lm_head = Decoder::new(&parameters.at("generator_lm_head"), words, config.tie_word_embeddings)?;
        Ok(Self { electra, generator_predictions, generator_lm_head })
    }

    fn limits(&self) -> Limits {
        self.electra.limits()
    }

    fn forward(&self, inputs: &Inputs, options: ForwardOptions) -> Result<MaskedLMOutput> {
        let encoded = self.electra.encode(inputs, options)?;
        Ok(MaskedLMOutput {
            prediction_scores: inputs.layout.unpack(&self.decode(&encoded.hidden)?)?,
            all_hidden_states: encoded.unpack_hidden_states(&inputs.layout)?,
            all_attentions: encoded.all_attentions,
        })
    }
}

super::rust_bert_surface!(ElectraForMaskedLM, MaskedLMOutput);
