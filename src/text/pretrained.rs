//! A model folder to a vocabulary and its settings.

use std::collections::HashMap;
use std::path::Path;

use serde_json::Value;

use super::TokenizerOptions;
use super::special::{CLASS, MASK, PAD, SEPARATOR, SPECIAL_TOKENS, UNKNOWN};
use super::vocabulary::Vocabulary;
use crate::error::{Error, Result};

/// Reads what [`super::ElectraTokenizer::from_pretrained`] says.
pub(super) fn read(folder: &Path) -> Result<(Vocabulary, TokenizerOptions)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io("read", folder))? {
        found.push(entry.map_err(Error::io("read", folder))?.file_name().to_string_lossy().into_owned());
    }
    found.sort();
    let has = |name: &str| found.iter().any(|file| file == name);
    let vocabulary = if has("vocab.txt") {
        Vocabulary::from_lines(&folder.join("vocab.txt"))?
    } else if has("tokenizer.json") {
        vocabulary_in_json(&folder.join("tokenizer.json"))?
    } else {
        return Err(Error::MissingFile {
            folder: folder.to_path_buf(),
            wanted: "vocab.txt or tokenizer.json".into(),
            found,
        });
    };
    for name in ["added_tokens.json", "special_tokens_map.json"].into_iter().filter(|name| has(name)) {
        let path = folder.join(name);
        let file = json(&path)?;
        // The first file is nothing but added tokens with their ids.
        let refused = if name == "added_tokens.json" { no_added_keys(&file) } else { no_added_lists(&file) };
        refused.map_err(|error| error.in_file(&path))?;
    }
    let options = if has("tokenizer_config.json") {
        let path = folder.join("tokenizer_config.json");
        settings(&json(&path)?).map_err(|error| error.in_file(&path))?
    } else {
        TokenizerOptions::default()
    };
    Ok((vocabulary, options))
}

fn json(path: &Path) -> Result<Value> {
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    serde_json::from_slice(&bytes).map_err(|error| Error::config("JSON", error.to_string()).in_file(path))
}

/// The word-piece vocabulary of a `tokenizer.json`, which is the only file that transformers 5 saves.
fn vocabulary_in_json(path: &Path) -> Result<Vocabulary> {
    let refused = |reason: String| Error::Vocabulary { path: path.to_path_buf(), line: None, reason };
    let file = json(path)?;
    let model = &file["model"];
    // Old files name no type; a vocabulary that maps tokens to ids without merges is one of word pieces.
    let kind = model["type"].as_str().unwrap_or("WordPiece");
    if kind != "WordPiece" {
        return Err(refused(format!("model.type is {kind}, expected WordPiece")));
    }
    let Some(entries) = model["vocab"].as_object() else {
        return Err(refused("model.vocab is not an object of tokens and ids".to_string()));
    };
    let mut tokens = HashMap::with_capacity(entries.len());
    for (token, id) in entries {
        let id = id.as_u64().and_then(|id| u32::try_from(id).ok());
        let id = id.ok_or_else(|| refused(format!("the id of {token:?} is not a number below 2^32")))?;
        tokens.insert(token.clone(), i64::from(id));
    }
    if let Some(added) = file["added_tokens"].as_array() {
        for token in added {
            only_special(token["content"].as_str(), "added_tokens").map_err(|error| error.in_file(path))?;
        }
    }
    Vocabulary::new(tokens, path)
}

fn settings(config: &Value) -> Result<TokenizerOptions> {
    for (field, token) in [
        ("pad_token", PAD),
        ("unk_token", UNKNOWN),
        ("cls_token", CLASS),
        ("sep_token", SEPARATOR),
        ("mask_token", MASK),
    ] {
        let value = &config[field];
        // Either the token itself, or a table with its properties.
        let content = if value.is_object() { &value["content"] } else { value };
        if !content.is_null() && content.as_str() != Some(token) {
            return Err(Error::config(field, format!("got {content}, expected {token}")));
        }
    }
    if let Some(added) = config["added_tokens_decoder"].as_object() {
        for token in added.values() {
            only_special(token["content"].as_str(), "added_tokens_decoder")?;
        }
    }
    no_added_lists(config)?;
    let defaults = TokenizerOptions::default();
    Ok(TokenizerOptions {
        do_lower_case: flag(config, "do_lower_case")?.unwrap_or(defaults.do_lower_case),
        strip_accents: flag(config, "strip_accents")?,
        tokenize_chinese_chars: flag(config, "tokenize_chinese_chars")?.unwrap_or(defaults.tokenize_chinese_chars),
        model_max_length: model_max_length(config)?,
    })
}

/// Added tokens would have to be cut out of the text before everything else, under rules of their own; the tokens of a
/// text that holds them would be wrong without that, so they are refused.
fn only_special(token: Option<&str>, field: &str) -> Result<()> {
    match token {
        Some(token) if SPECIAL_TOKENS.contains(&token) => Ok(()),
        other => {
            let got = other.unwrap_or("something that is no token");
            Err(Error::config(field, format!("got {got}, expected none but {}", SPECIAL_TOKENS.join(", "))))
        }
    }
}

/// Refuses added tokens in the lists, or tables by name, that hold them.
fn no_added_lists(config: &Value) -> Result<()> {
    for field in ["additional_special_tokens", "extra_special_tokens"] {
        let tokens: Vec<&Value> = match &config[field] {
            Value::Array(tokens) => tokens.iter().collect(),
            Value::Object(tokens) => tokens.values().collect(),
            _ => continue,
        };
        for token in tokens {
            let content = if token.is_object() { &token["content"] } else { token };
            only_special(content.as_str(), field)?;
        }
    }
    Ok(())
}

fn no_added_keys(tokens: &Value) -> Result<()> {
    tokens.as_object().into_iter().flatten().try_for_each(|(token, _)| only_special(Some(token), "added tokens"))
}

fn flag(config: &Value, field: &str) -> Result<Option<bool>> {
    match &config[field] {
        Value::Null => Ok(None),
        Value::Bool(value) => Ok(Some(*value)),
        other => Err(Error::config(field, format!("got {other}, expected true, false or null"))),
    }
}

fn model_max_length(config: &Value) -> Result<Option<usize>> {
    /// transformers writes 1e30 where it knows no length.
    const UNKNOWN_FROM: f64 = 1e9;
    let value = &config["model_max_length"];
    if value.is_null() {
        return Ok(None);
    }
    match value.as_f64() {
        Some(length) if length >= UNKNOWN_FROM => Ok(None),
        Some(length) if length >= 1.0 && length.fract() == 0.0 => Ok(Some(length as usize)),
        _ => Err(Error::config("model_max_length", format!("got {value}, expected a whole number of tokens above 0"))),
    }
}
