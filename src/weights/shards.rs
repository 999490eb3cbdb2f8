//! The index of a checkpoint in several files, which lists the file of each tensor: `model.safetensors.index.json`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};

use super::index::Checked;
use crate::error::excerpt;

/// The index that transformers writes beside the files of a checkpoint. Its other keys are not needed.
#[derive(Deserialize)]
struct ShardIndex {
    #[serde(deserialize_with = "each_once")]
    weight_map: BTreeMap<String, String>,
}

/// Longer than any index. The names in an index take memory, so its length is bounded.
const MAX_BYTES: usize = 16 << 20;

/// Read a map and refuse repeated keys, of which serde would keep the last.
fn each_once<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error> {
    struct Pairs;

    impl<'de> Visitor<'de> for Pairs {
        type Value = BTreeMap<String, String>;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut pairs = BTreeMap::new();
            while let Some((name, file)) = map.next_entry::<String, String>()? {
                if pairs.contains_key(&name) {
                    return Err(A::Error::custom(format!("the tensor {} is listed twice", excerpt(&name))));
                }
                pairs.insert(name, file);
            }
            Ok(pairs)
        }
    }

    deserializer.deserialize_map(Pairs)
}

/// Return the names of the files in their order, each with the names of its tensors.
pub(super) fn read(file: &[u8]) -> Checked<BTreeMap<String, BTreeSet<String>>> {
    if file.len() > MAX_BYTES {
        return Err(format!("got an index of {} bytes, expected at most {MAX_BYTES}", file.len()));
    }
    let index: ShardIndex = serde_json::from_slice(file)
        .map_err(|error| format!("got a text file, expected JSON with a weight_map from tensors to files: {error}"))?;
    if index.weight_map.is_empty() {
        return Err("the weight_map is empty".into());
    }
    let mut shards: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, shard) in index.weight_map {
        if !is_plain(&shard) {
            return Err(format!("weight_map: expected names of files in the same folder, got {}", excerpt(&shard)));
        }
        shards.entry(shard).or_default().insert(name);
    }
    Ok(shards)
}

/// Return whether a file's name has no path in it.
fn is_plain(name: &str) -> bool {
    !name.contains(['/', '\\', ':', '\0']) && Path::new(name).file_name().is_some_and(|file| file == name)
}

/// Check that a file has exactly the tensors that the index lists for it.
pub(super) fn check<'a>(listed: &BTreeSet<String>, names: impl Iterator<Item = &'a str>) -> Checked<()> {
    let found: BTreeSet<&str> = names.collect();
    let first = |mut names: Box<dyn Iterator<Item = &str> + '_>| names.next().map(excerpt);
    if let Some(name) = first(Box::new(listed.iter().map(String::as_str).filter(|name| !found.contains(name)))) {
        return Err(format!("the file lacks the tensor {name}, which the index of the checkpoint lists for it"));
    }
    if let Some(name) = first(Box::new(found.iter().copied().filter(|name| !listed.contains(*name)))) {
        return Err(format!("the file has the tensor {name}, which the index of the checkpoint does not list for it"));
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn file_names_outside_the_folder_are_refused() {
        let with = |name: &str| serde_json::json!({ "weight_map": { "a": name } }).to_string();
        assert_eq!(read(with("model-00001-of-00001.safetensors").as_bytes()).unwrap().len(), 1);
        for name in ["../a", "/etc/passwd", "a/b", "..", ".", "", "a\\b", "c:a", "a\0"] {
            assert!(read(with(name).as_bytes()).unwrap_err().contains("files in the same folder"), "{name:?}");
        }
        let twice = "{\"weight_map\": {\"a\": \"x\", \"a\": \"y\"}}";
        for text in ["{}", "[]", "{\"weight_map\": {}}", "{\"weight_map\": {\"a\": 1}}", "{", twice] {
            assert!(read(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn shards_must_match_the_list() {
        let listed = BTreeSet::from(["a".to_string(), "b".to_string()]);
        assert!(check(&listed, ["b", "a"].into_iter()).is_ok());
        assert!(check(&listed, ["a"].into_iter()).unwrap_err().contains("lacks the tensor \"b\""));
        assert!(check(&listed, ["a", "b", "c"].into_iter()).unwrap_err().contains("has the tensor \"c\""));
    }
}
