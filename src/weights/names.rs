//! A file's names -> the model's parameters, by the names alone.

use std::collections::{BTreeMap, BTreeSet};

pub use crate::names::Family;
use crate::names::first_component;

/// The tensor of a file for each parameter of a model.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Resolution {
    /// Parameter -> name in the file.
    pub found: BTreeMap<String, String>,
    /// Tensors of the file without a parameter: the name in the model's terms -> the name in the file.
    pub unexpected: BTreeMap<String, String>,
    /// Buffers of older versions of transformers, such as `position_ids`, which no model needs.
    pub ignored: Vec<String>,
    /// Two names of the file that are one parameter.
    pub ambiguous: Option<(String, String)>,
}

/// Find the parameter of every tensor of a file.
///
/// These rules apply in order:
///
/// 1. Buffers named `position_ids` and `token_type_ids` are ignored.
/// 2. The prefix `module.` of a data-parallel wrapper is stripped.
/// 3. `LayerNorm.gamma` and `LayerNorm.beta` become `LayerNorm.weight` and `LayerNorm.bias`.
/// 4. The prefix of a wrapper that all names share, such as `model.`, is stripped.
/// 5. If only the file or only the model has the family's prefix before the backbone, the prefix is stripped or added.
#[must_use]
pub fn resolve<'a>(
    file: impl IntoIterator<Item = &'a str>,
    parameters: &BTreeSet<String>,
    family: &Family,
) -> Resolution {
    let mut resolution = Resolution::default();
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    for source in file {
        match canonical(source) {
            None => resolution.ignored.push(source.to_string()),
            Some(name) => {
                if let Some(other) = names.insert(name, source.to_string()) {
                    resolution.ambiguous = Some((other, source.to_string()));
                }
            }
        }
    }
    let wrapped = wrapper(&names.keys().map(String::as_str).collect::<Vec<_>>(), family);
    let names: BTreeMap<&str, &String> = names.iter().map(|(name, source)| (&name[wrapped..], source)).collect();
    let has_prefix = |name: &str| first_component(name) == family.prefix;
    let file_has_prefix = names.keys().any(|name| has_prefix(name));
    let model_has_prefix = parameters.iter().any(|name| has_prefix(name));
    for (name, source) in names {
        let ours = match (file_has_prefix, model_has_prefix) {
            (true, false) => {
                name.strip_prefix(family.prefix).and_then(|rest| rest.strip_prefix('.')).unwrap_or(name).into()
            }
            (false, true) if family.is_backbone(name) => format!("{}.{name}", family.prefix),
            _ => name.to_string(),
        };
        let place = if parameters.contains(&ours) { &mut resolution.found } else { &mut resolution.unexpected };
        // A file can have a parameter both with and without the prefix.
        if let Some(other) = place.insert(ours, source.clone()) {
            resolution.ambiguous = Some((other, source.clone()));
        }
    }
    resolution
}

/// Return the length of the prefix that a wrapper has put before all names, such as `model.` or `_orig_mod.`.
///
/// A prefix of any name counts if the family's own follows somewhere. Otherwise it may be that of another family, and only the
/// usual names of wrappers count.
fn wrapper(names: &[&str], family: &Family) -> usize {
    const WRAPPERS: [&str; 7] =
        ["module", "model", "_orig_mod", "_forward_module", "backbone", "generator", "discriminator"];
    let mut length = 0;
    loop {
        let mut firsts = names.iter().map(|name| name[length..].split_once('.'));
        let Some((first, _)) = firsts.next().flatten() else { return length };
        let is_shared = firsts.all(|split| split.is_some_and(|(other, _)| other == first));
        let behind = length + first.len() + 1;
        let is_before = || {
            names
                .iter()
                .any(|name| name.get(behind..).is_some_and(|rest| rest.split('.').any(|part| part == family.prefix)))
        };
        if !is_shared || first == family.prefix || !(WRAPPERS.contains(&first) || is_before()) {
            return length;
        }
        length = behind;
    }
}

/// Return a file's name without the prefix of a data-parallel wrapper, and with torch's names of a norm's parameters
/// instead of TensorFlow's. Return None for the buffers `position_ids` and `token_type_ids` of older versions.
#[must_use]
pub fn canonical(name: &str) -> Option<String> {
    if matches!(name.rsplit('.').next(), Some("position_ids" | "token_type_ids")) {
        return None;
    }
    let name = name.strip_prefix("module.").unwrap_or(name);
    for (old, new) in [(".gamma", ".weight"), (".beta", ".bias")] {
        if let Some(norm) = name.strip_suffix(old) {
            // Other layers may have a parameter with the name `gamma`.
            if norm.ends_with("LayerNorm") || norm.ends_with("layer_norm") {
                return Some(format!("{norm}{new}"));
            }
        }
    }
    Some(name.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAMILY: Family = Family { prefix: "electra", roots: &["embeddings", "encoder"], rust_bert_root: "" };

    fn resolved(file: &[&str], model: &[&str]) -> Resolution {
        resolve(file.iter().copied(), &model.iter().map(ToString::to_string).collect(), &FAMILY)
    }

    #[test]
    fn prefixes_are_added_and_stripped() {
        let with = ["electra.embeddings.LayerNorm.gamma", "head.bias"];
        let without = ["embeddings.LayerNorm.weight"];
        assert_eq!(resolved(&with, &without).found[without[0]], with[0]);
        assert_eq!(resolved(&with, &without).unexpected["head.bias"], "head.bias");
        let model = ["electra.embeddings.LayerNorm.weight", "head.bias"];
        assert_eq!(resolved(&["embeddings.LayerNorm.beta", "head.bias"], &model).unexpected.len(), 1);
        assert_eq!(resolved(&without, &model).found[model[0]], without[0]);
        assert_eq!(resolved(&["module.head.bias"], &model).found["head.bias"], "module.head.bias");
    }

    #[test]
    fn a_wrapper_around_all_names_is_stripped_and_no_other_family() {
        let model = ["electra.embeddings.LayerNorm.weight", "head.bias"];
        for wrapper in ["model", "_orig_mod", "module._orig_mod", "anything", "model.module.net"] {
            let file = model.map(|name| format!("{wrapper}.{name}"));
            let file: Vec<&str> = file.iter().map(String::as_str).collect();
            assert_eq!(resolved(&file, &model).found.len(), 2, "{wrapper}");
            // One name without it: the names are shown as they are.
            assert!(resolved(&[&file[..], &["loss.weight"]].concat(), &model).found.is_empty());
        }
        let bare = ["embeddings.LayerNorm.weight", "encoder.bias"];
        assert_eq!(resolved(&["model.embeddings.LayerNorm.weight", "model.encoder.bias"], &bare).found.len(), 2);
        assert!(resolved(&["bert.embeddings.LayerNorm.weight", "bert.encoder.bias"], &bare).found.is_empty());
        assert!(resolved(&["bert.embeddings.LayerNorm.weight"], &model).found.is_empty());
    }

    #[test]
    fn only_norms_are_renamed_and_only_buffers_ignored() {
        let found = resolved(&["x.gamma", "embeddings.position_ids"], &["x.gamma"]);
        assert_eq!(found.found["x.gamma"], "x.gamma");
        assert_eq!(found.ignored, ["embeddings.position_ids"]);
    }

    #[test]
    fn two_names_of_one_parameter_are_reported() {
        let found = resolved(&["a.LayerNorm.gamma", "a.LayerNorm.weight"], &[]);
        assert_eq!(found.ambiguous, Some(("a.LayerNorm.gamma".into(), "a.LayerNorm.weight".into())));
    }
}
