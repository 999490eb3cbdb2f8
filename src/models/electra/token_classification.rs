//! Token classification: named entities, parts of speech.

use super::ElectraModel;
use crate::config::ElectraConfig;
use crate::encoder::ForwardOptions;
use crate::error::Result;
use crate::heads::TokenClassificationHead;
use crate::inputs::{Inputs, Limits};
use crate::models::Model;
use crate::nn::Parameters;
use crate::outputs::TokenClassificationOutput;
use crate::weights::names::Family;

/// A label for every token; the labels are the configuration's.
///
/// Source: `ElectraForTokenClassification` of transformers 5.23 and of rust_bert.
#[derive(Debug)]
pub struct ElectraForTokenClassification {
    electra: ElectraModel,
    classifier: TokenClassificationHead,
}

impl ElectraForTokenClassification {
    pub(super) fn backbone(&self) -> &ElectraModel {
        &self.electra
    }
}

impl Model for ElectraForTokenClassification {
    type Config = ElectraConfig;
    type Output = TokenClassificationOutput;
    const FAMILY: Family = super::FAMILY;

    fn build(parameters: &Parameters, config: &ElectraConfig) -> Result<Self> {
        let dropout = config.classifier_dropout.unwrap_or(config.hidden_dropout_prob);
        let (hidden, labels) = (config.hidden_size, config.labels.len() as i64);
        Ok(Self {
            electra: ElectraModel::build(&parameters.at("electra"), config)?,
            classifier: TokenClassificationHead::new(&parameters.at("classifier"), hidden, labels, dropout)?,
        })
    }

    fn limits(&self) -> Limits {
        self.electra.limits()
    }

    fn forward(&self, inputs: &Inputs, options: ForwardOptions) -> Result<TokenClassificationOutput> {
        let encoded = self.electra.encode(inputs, options)?;
        let all_hidden_states = encoded.unpack_hidden_states(&inputs.layout)?;
        let logits = self.classifier.forward(encoded.hidden, options.train)?;
        Ok(TokenClassificationOutput {
            logits: inputs.layout.unpack(&logits)?,
            all_hidden_states,
            all_attentions: encoded.all_attentions,
        })
    }
}

super::rust_bert_surface!(ElectraForTokenClassification, TokenClassificationOutput);
