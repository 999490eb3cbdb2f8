//! BERT (Devlin et al., 2019) as an encoder of texts: its layers and their names are ELECTRA's, with E = H.
//!
//! A configuration of BERT becomes one of ELECTRA ([`ElectraConfig::from_bert`]). BERT has no pre-training heads here: what
//! reads its folders are sentence encoders and cross-encoders.

use tch::Tensor;

use super::electra::Electra;
use super::{Family, HasHead};
use crate::config::ElectraConfig;
use crate::encoder::EncoderNames;
use crate::error::Result;
use crate::heads::{SequenceClassificationHead, SummaryConfig, SummaryHead};
use crate::names;
use crate::nn::{Activation, Parameters, Pooling};

/// The BERT family.
#[derive(Debug)]
pub enum Bert {}

impl Family for Bert {
    type Config = ElectraConfig;
    const NAME: &'static str = "Bert";
    const BACKBONE: names::Family =
        names::Family { prefix: names::BERT, roots: &["embeddings", "encoder"], rust_bert_root: names::BERT };
    const ENCODER: EncoderNames = Electra::ENCODER;
}

/// Source: `BertPooler` and `BertForSequenceClassification` of transformers 5.24.
impl HasHead<SequenceClassificationHead> for Bert {
    fn head(parameters: &Parameters, config: &ElectraConfig, _: &Tensor) -> Result<SequenceClassificationHead> {
        let summary = SummaryConfig {
            pooling: Pooling::First,
            before: 0.0,
            projection: Some("bert.pooler.dense"),
            activation: Activation::Tanh,
            after: config.classifier_dropout(),
        };
        let labels = config.labels.count();
        let head = SummaryHead::new(parameters, config.hidden_size, &summary, "classifier", labels)?;
        Ok(SequenceClassificationHead::new(head, labels, config.problem_type))
    }
}
