//! Parameters that share their values: the decoder of a masked LM and the word embeddings.

use std::collections::BTreeMap;

use crate::names::{self, Tie};
use crate::weights::names::Resolution;

/// Decoder -> the parameter that it is tied to unless `tie_word_embeddings` is false.
pub const TIES: &[(&str, &str)] = &[pair(0), pair(1)];

const fn pair(family: usize) -> (&'static str, &'static str) {
    (names::TIES[family].decoder, names::TIES[family].words)
}

/// Use the decoder in the file for the word embeddings if the file lacks them, in a model with tied decoders. Return
/// the pairs `(decoder, words)` of names that are both in the file.
///
/// The values of such a pair must be equal; otherwise the checkpoint is not tied.
pub(super) fn absorb<'a>(
    resolution: &mut Resolution,
    tied: impl Iterator<Item = (&'a str, &'a str)>,
) -> Vec<(String, String)> {
    let mut both = Vec::new();
    for (decoder, words) in tied {
        let Some(source) = resolution.unexpected.remove(decoder) else { continue };
        match resolution.found.get(words) {
            Some(words) => both.push((source, words.clone())),
            None => {
                resolution.found.insert(words.to_string(), source);
            }
        }
    }
    both
}

/// Return whether the model of these variables has a tied decoder.
pub(crate) fn has_tied_decoder(variables: &tch::nn::VarStore) -> bool {
    tied(&variables.variables().into_iter().collect()).next().is_some()
}

/// Return the tied decoders of a model, which are not parameters of their own, and the word embeddings of each.
pub(super) fn tied<T>(parameters: &BTreeMap<String, T>) -> impl Iterator<Item = (&'static str, &'static str)> {
    let is_tied = |tie: &Tie| {
        // A model without the decoder's bias has no decoder. A model with the bias lacks the weight because of the tie.
        parameters.contains_key(tie.bias) && parameters.contains_key(tie.words) && !parameters.contains_key(tie.decoder)
    };
    names::TIES.into_iter().filter(is_tied).map(|tie| (tie.decoder, tie.words))
}
