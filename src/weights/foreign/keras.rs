//! Names of transformers' TensorFlow classes in `tf_model.h5`.

use super::leaf;
use crate::weights::index::{Checked, Index};

/// Translate the names of a `tf_model.h5`: `tf_electra_model/electra/encoder/layer_._0/output/dense/kernel:0`.
pub(in crate::weights) fn translate(index: Index) -> Checked<Index> {
    index.renamed(|entry| Ok(Some(translated(&entry.name))))
}

fn translated(variable: &str) -> (String, bool) {
    let path = variable.split_once(':').map_or(variable, |(path, _)| path);
    // The first component is the name of the model.
    let path = path.split_once('/').map_or(path, |(_, rest)| rest);
    let path = path.replace("_._", "/");
    let mut components: Vec<&str> = path.split('/').collect();
    let (last, is_transposed) = leaf(components.pop().unwrap_or_default());
    components.push(last);
    (components.join("."), is_transposed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_translated_to_parameter_names() {
        for (variable, name, is_transposed) in [
            (
                "tf_electra_model/electra/embeddings/word_embeddings/weight:0",
                "electra.embeddings.word_embeddings.weight",
                false,
            ),
            (
                "m/electra/embeddings/position_embeddings/embeddings:0",
                "electra.embeddings.position_embeddings.weight",
                false,
            ),
            (
                "m/electra/encoder/layer_._11/attention/self/query/kernel:0",
                "electra.encoder.layer.11.attention.self.query.weight",
                true,
            ),
            (
                "m/electra/encoder/layer_._0/output/LayerNorm/gamma:0",
                "electra.encoder.layer.0.output.LayerNorm.weight",
                false,
            ),
            ("m/classifier/out_proj/bias:0", "classifier.out_proj.bias", false),
        ] {
            assert_eq!(translated(variable), (name.to_string(), is_transposed));
        }
    }
}
