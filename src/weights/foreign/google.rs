//! Names of google-research/electra, whose checkpoints have both networks or a fine-tuned one.

use std::collections::BTreeSet;

use super::leaf;
use crate::names::Component;
use crate::weights::index::{Checked, Entry, Index};

/// The scopes of variables.
const ENCODER: &str = "electra/";
const GENERATOR: &str = "generator/";
const GENERATOR_HEAD: &str = "generator_predictions/";
const DISCRIMINATOR_HEAD: &str = "discriminator_predictions/";
const TASKS: &str = "task_specific/";

/// The suffixes of optimizer states: of the original's optimizer, then of TensorFlow's.
const SLOTS: [&str; 4] = ["/adam_m", "/adam_v", "/Adam", "/Adam_1"];

/// Return the networks in a checkpoint.
pub(in crate::weights) fn components(index: &Index) -> Vec<Component> {
    let has = |scope: &str| index.iter().any(|entry| entry.name.starts_with(scope));
    let generator = has(GENERATOR) || has(GENERATOR_HEAD);
    // In a checkpoint of a masked LM alone, the encoder belongs to the generator.
    let discriminator = has(ENCODER) && (has(DISCRIMINATOR_HEAD) || has(GENERATOR) || !generator);
    let found = [(generator, Component::Generator), (discriminator, Component::Discriminator)];
    found.into_iter().filter(|(is_there, _)| *is_there).map(|(_, component)| component).collect()
}

/// Keep the variables of one network, under transformers' names.
///
/// The networks share the discriminator's embeddings unless the generator has its own. A single fine-tuned layer
/// becomes `classifier`, as in transformers' token classifier; the layers of a head that transformers does not have
/// keep their scope.
///
/// Source: `model/modeling.py`, `pretrain/run_pretraining.py` and `finetune/` of google-research/electra.
pub(in crate::weights) fn translate(index: Index, component: Component) -> Checked<Index> {
    let scopes = Scopes::of(&index);
    index.renamed(|entry| Ok(scopes.translated(entry, component)))
}

/// Facts about the whole checkpoint on which the new names depend.
struct Scopes {
    has_generator: bool,
    /// Whether the generator has embeddings of its own.
    is_untied: bool,
    /// The layers of fine-tuned heads: `task_specific/chunk/dense`.
    tasks: BTreeSet<String>,
}

impl Scopes {
    fn of(index: &Index) -> Self {
        let has = |scope: &str| index.iter().any(|entry| entry.name.starts_with(scope));
        let layer = |entry: &Entry| {
            let (layer, _) = entry.name.rsplit_once('/')?;
            (layer.starts_with(TASKS) && !is_slot(&entry.name)).then(|| layer.to_string())
        };
        Self {
            has_generator: has(GENERATOR),
            is_untied: has("generator/embeddings/"),
            tasks: index.iter().filter_map(layer).collect(),
        }
    }

    fn translated(&self, entry: &Entry, component: Component) -> Option<(String, bool)> {
        let variable = entry.name.as_str();
        if is_slot(variable) {
            return None;
        }
        if component == Component::Discriminator {
            if let Some(rest) = variable.strip_prefix(ENCODER) {
                return Some(encoder(rest));
            }
            if let Some(rest) = variable.strip_prefix(DISCRIMINATOR_HEAD) {
                return Some(joined("discriminator_predictions", &rest.replace("dense_1", "dense_prediction")));
            }
            return variable.strip_prefix(TASKS).map(|rest| self.task(variable, rest));
        }
        if let Some(rest) = variable.strip_prefix(GENERATOR_HEAD) {
            return Some(match rest {
                "output_bias" => ("generator_lm_head.bias".into(), false),
                _ => joined("generator_predictions", rest),
            });
        }
        let own = variable.strip_prefix(GENERATOR);
        let shared = variable.strip_prefix(ENCODER).filter(|rest| {
            // Without variables of its own, the generator is the same network as the discriminator.
            !self.has_generator || (!self.is_untied && rest.starts_with("embeddings/"))
        });
        own.or(shared).map(encoder)
    }

    fn task(&self, variable: &str, rest: &str) -> (String, bool) {
        let (layer, last) = variable.rsplit_once('/').unwrap_or((variable, ""));
        if self.tasks.len() == 1 && layer.ends_with("/dense") {
            return joined("classifier", last);
        }
        joined("task_specific", rest)
    }
}

fn is_slot(variable: &str) -> bool {
    SLOTS.iter().any(|slot| variable.ends_with(slot))
}

/// Return a variable of an encoder, without its scope.
fn encoder(rest: &str) -> (String, bool) {
    let (name, is_transposed) = joined("electra", rest);
    // An embedding table is a variable without a layer around it, so its name lacks the last component.
    if rest.starts_with("embeddings/") && rest.ends_with("_embeddings") {
        return (format!("{name}.weight"), false);
    }
    (name.replacen(".layer_", ".layer.", 1), is_transposed)
}

fn joined(prefix: &str, path: &str) -> (String, bool) {
    let mut components: Vec<&str> = path.split('/').collect();
    let (last, is_transposed) = leaf(components.pop().unwrap_or_default());
    components.insert(0, prefix);
    components.push(last);
    (components.join("."), is_transposed)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;
    use crate::weights::Dtype;

    const SHARED: [&str; 6] = [
        "electra/embeddings/word_embeddings",
        "electra/embeddings/LayerNorm/gamma",
        "electra/embeddings_project/kernel",
        "electra/encoder/layer_3/attention/self/query/kernel",
        "discriminator_predictions/dense_1/bias",
        "electra/encoder/layer_3/attention/self/query/kernel/adam_m",
    ];
    const GENERATOR: [&str; 4] = [
        "generator/embeddings_project/bias",
        "generator/encoder/layer_3/output/LayerNorm/beta",
        "generator_predictions/output_bias",
        "generator_predictions/dense/kernel",
    ];

    fn index(variables: &[&str]) -> Index {
        let mut index = Index::new(1 << 20);
        for variable in variables {
            let shape = if variable.ends_with("kernel") { vec![2, 3] } else { vec![6] };
            index.push(Entry::new((*variable).into(), Dtype::Int8, shape, 0), &[0; 6]).unwrap();
        }
        index
    }

    fn names(variables: &[&str], component: Component) -> Vec<String> {
        let index = translate(index(variables), component).unwrap();
        index.iter().map(|entry| format!("{} {:?}", entry.name, entry.shape)).collect()
    }

    #[test]
    fn each_network_gets_its_own_parameters_and_shared_embeddings() {
        let both = [&SHARED[..], &GENERATOR].concat();
        assert_eq!(components(&index(&both)), [Component::Generator, Component::Discriminator]);
        assert_eq!(
            names(&both, Component::Discriminator),
            [
                "electra.embeddings.word_embeddings.weight [6]",
                "electra.embeddings.LayerNorm.weight [6]",
                "electra.embeddings_project.weight [3, 2]",
                "electra.encoder.layer.3.attention.self.query.weight [3, 2]",
                "discriminator_predictions.dense_prediction.bias [6]",
            ]
        );
        assert_eq!(
            names(&both, Component::Generator),
            [
                "electra.embeddings.word_embeddings.weight [6]",
                "electra.embeddings.LayerNorm.weight [6]",
                "electra.embeddings_project.bias [6]",
                "electra.encoder.layer.3.output.LayerNorm.bias [6]",
                "generator_lm_head.bias [6]",
                "generator_predictions.dense.weight [3, 2]",
            ]
        );
        let untied = [&both[..], &["generator/embeddings/word_embeddings"]].concat();
        let names = names(&untied, Component::Generator);
        assert_eq!(names.iter().filter(|name| name.contains("electra.embeddings.")).count(), 1);
    }

    #[test]
    fn shared_and_single_networks_are_recognised() {
        let one = [&SHARED[..], &GENERATOR[2..]].concat();
        assert_eq!(components(&index(&one)), [Component::Generator, Component::Discriminator]);
        assert!(names(&one, Component::Generator)[3].contains("layer.3"));
        let alone = [&SHARED[..4], &GENERATOR[2..]].concat();
        assert_eq!(components(&index(&alone)), [Component::Generator]);
        assert_eq!(components(&index(&["bert/embeddings/word_embeddings"])), []);
    }

    #[test]
    fn fine_tuned_heads_are_kept() {
        let tagging = [&SHARED[..4], &["task_specific/chunk/dense/kernel", "task_specific/chunk/dense/bias"]].concat();
        assert_eq!(components(&index(&tagging)), [Component::Discriminator]);
        assert_eq!(names(&tagging, Component::Discriminator)[4..], ["classifier.weight [3, 2]", "classifier.bias [6]"]);
        let answers = [&tagging[..], &["task_specific/chunk/qa_hidden/bias"]].concat();
        assert!(
            names(&answers, Component::Discriminator)[4..].iter().all(|name| name.starts_with("task_specific.chunk."))
        );
    }
}
