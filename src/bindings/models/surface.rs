//! The order of the arguments of a call, which is transformers'.

use super::arguments::Signature;
use crate::config::{DistilBertConfig, ElectraConfig};
use crate::models::Model;

/// A family's order of arguments: those before the labels, those after the labels, and those that have no effect.
pub(crate) trait Surface {
    const BEFORE: &'static [&'static str];
    const AFTER: &'static [&'static str];
    const IGNORED: &'static [&'static str];
}

impl Surface for ElectraConfig {
    const BEFORE: &'static [&'static str] =
        &["input_ids", "attention_mask", "token_type_ids", "position_ids", "inputs_embeds"];
    const AFTER: &'static [&'static str] = &[];
    const IGNORED: &'static [&'static str] = &[];
}

impl Surface for DistilBertConfig {
    const BEFORE: &'static [&'static str] = &["input_ids", "attention_mask", "inputs_embeds"];
    const AFTER: &'static [&'static str] = &["position_ids"];
    // As in transformers: its tokenizers make them.
    const IGNORED: &'static [&'static str] = &["token_type_ids"];
}

/// Return the arguments of a call of a model.
pub(super) fn signature<M: Model<Config: Surface>>() -> Signature {
    let parts = [M::Config::BEFORE, M::TARGETS, M::Config::AFTER];
    Signature { names: parts.concat(), ignored: M::Config::IGNORED }
}
