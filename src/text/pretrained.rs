//! A model folder to a vocabulary, its added tokens and its settings, and back.

use std::collections::{BTreeMap, HashMap};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::added::AddedToken;
use super::options::{Side, TokenizerOptions};
use super::special::{CLASS, MASK, PAD, SEPARATOR, SPECIAL_TOKENS, UNKNOWN};
use super::tokens::Tokens;
use super::vocabulary::Vocabulary;
use crate::error::{Error, Result};
use crate::files::write_atomically;

/// Reads what [`super::WordPieceTokenizer::from_pretrained_with`] says.
pub(super) fn read(folder: &Path, change: impl FnOnce(&mut TokenizerOptions)) -> Result<(Tokens, TokenizerOptions)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io("read", folder))? {
        found.push(entry.map_err(Error::io("read", folder))?.file_name().to_string_lossy().into_owned());
    }
    found.sort();
    let open = |name: &str| -> Result<Option<Value>> {
        found.iter().any(|file| file == name).then(|| read_json(&folder.join(name))).transpose()
    };
    let whole = open(WHOLE)?;
    let vocabulary = if found.iter().any(|file| file == VOCABULARY) {
        Vocabulary::from_lines(&folder.join(VOCABULARY))?
    } else if let Some(file) = &whole {
        vocabulary_in_json(file, &folder.join(WHOLE))?
    } else {
        let folder = folder.to_path_buf();
        return Err(Error::MissingFile { folder, wanted: format!("{VOCABULARY} or {WHOLE}"), found });
    };
    let settings_file = open(SETTINGS)?;
    let mut options = match (&settings_file, &whole) {
        (Some(file), _) => settings(file).map_err(|error| error.in_file(folder.join(SETTINGS)))?,
        (None, Some(file)) => normalizer(&file["normalizer"]).map_err(|error| error.in_file(folder.join(WHOLE)))?,
        (None, None) => TokenizerOptions::default(),
    };
    change(&mut options);
    let mut added = Added::default();
    for (name, file) in [(WHOLE, whole), (SETTINGS, settings_file), (ADDED, open(ADDED)?), (SPECIAL, open(SPECIAL)?)] {
        if let Some(file) = file {
            added.read(name, &file).map_err(|error| error.in_file(folder.join(name)))?;
        }
    }
    Ok((added.join(vocabulary, &options, folder)?, options))
}

const VOCABULARY: &str = "vocab.txt";
const SETTINGS: &str = "tokenizer_config.json";
const SPECIAL: &str = "special_tokens_map.json";
const ADDED: &str = "added_tokens.json";
/// The only file of a tokenizer that transformers 5 saves, beside its settings.
const WHOLE: &str = "tokenizer.json";

/// The added tokens of all files of a folder.
#[derive(Default)]
struct Added {
    by_id: BTreeMap<i64, Origin>,
    /// Special ones that are named without an id.
    special: Vec<AddedToken>,
}

/// An added token, and where it was read.
struct Origin {
    file: &'static str,
    field: &'static str,
    token: AddedToken,
}

impl Added {
    /// Takes what a file says; a later file counts more.
    fn read(&mut self, name: &'static str, file: &Value) -> Result<()> {
        let Some(entries) = file.as_object() else {
            return Err(Error::config("JSON", "expected an object"));
        };
        if name == ADDED {
            // Nothing but contents and ids.
            for (content, id) in entries {
                let is_special = SPECIAL_TOKENS.contains(&content.as_str());
                let token = if is_special { AddedToken::special(content) } else { AddedToken::ordinary(content) };
                let origin = Origin { file: name, field: "id", token };
                self.by_id.entry(number(id, content)?).or_insert(origin);
            }
            return Ok(());
        }
        check_special_tokens(file)?;
        let field = "added_tokens";
        for token in list(file, field)? {
            let origin = Origin { file: name, field, token: added_token(token, field)? };
            self.by_id.insert(number(&token["id"], field)?, origin);
        }
        let field = "added_tokens_decoder";
        let decoder = match &file[field] {
            Value::Object(tokens) => Some(tokens),
            Value::Null => None,
            other => return Err(Error::config(field, format!("expected an object of ids and tokens, got {other}"))),
        };
        for (id, token) in decoder.into_iter().flatten() {
            let id = id.parse::<u32>().map_or(Value::Null, Value::from);
            let origin = Origin { file: name, field, token: added_token(token, field)? };
            self.by_id.insert(number(&id, field)?, origin);
        }
        for field in ["additional_special_tokens", "extra_special_tokens"] {
            let tokens: Vec<&Value> = match &file[field] {
                Value::Object(tokens) => tokens.values().collect(),
                _ => list(file, field)?.iter().collect(),
            };
            for token in tokens {
                let token = match token.as_str() {
                    Some(content) => AddedToken::special(content),
                    None => AddedToken {
                        special: true,
                        normalized: flag(token, "normalized")?.unwrap_or(false),
                        ..added_token(token, field)?
                    },
                };
                self.special.push(token);
            }
        }
        Ok(())
    }

    /// All tokens of a folder.
    fn join(self, vocabulary: Vocabulary, options: &TokenizerOptions, folder: &Path) -> Result<Tokens> {
        let Self { mut by_id, mut special } = self;
        let mut by_content: HashMap<String, &mut AddedToken> =
            by_id.values_mut().map(|origin| (origin.token.content.clone(), &mut origin.token)).collect();
        special.retain(|token| {
            let known = by_content.get_mut(&token.content);
            let unnumbered = known.is_none();
            if let Some(known) = known.filter(|known| !known.special) {
                **known = token.clone();
            }
            unnumbered
        });
        let mut tokens = Tokens::new(vocabulary, options)?;
        for (id, Origin { file, field, token }) in by_id {
            let refused = |reason: String| Error::config(field, reason).in_file(folder.join(file));
            tokens.added.place(id, token, &tokens.vocabulary).map_err(refused)?;
        }
        tokens.added.add(&special, &tokens.vocabulary, options)?;
        Ok(tokens)
    }
}

/// The list in a field, which is empty where there is no such field.
fn list<'a>(file: &'a Value, field: &str) -> Result<&'a [Value]> {
    match &file[field] {
        Value::Array(tokens) => Ok(tokens),
        Value::Null => Ok(&[]),
        other => Err(Error::config(field, format!("expected a list of tokens, got {other}"))),
    }
}

fn number(id: &Value, field: &str) -> Result<i64> {
    let id = id.as_u64().filter(|&id| id < u64::from(u32::MAX));
    id.map(|id| id as i64).ok_or_else(|| Error::config(field, "expected an id below 2^32 - 1 for every token"))
}

/// A token with its properties; those that are absent are those of an ordinary token.
fn added_token(token: &Value, field: &str) -> Result<AddedToken> {
    let Some(content) = token["content"].as_str() else {
        return Err(Error::config(field, format!("expected a token with its content, got {token}")));
    };
    let flag = |name: &str| flag(token, name);
    let special = flag("special")?.unwrap_or(false);
    Ok(AddedToken {
        content: content.to_string(),
        single_word: flag("single_word")?.unwrap_or(false),
        lstrip: flag("lstrip")?.unwrap_or(false),
        rstrip: flag("rstrip")?.unwrap_or(false),
        normalized: flag("normalized")?.unwrap_or(!special),
        special,
    })
}

/// What stands in the files of settings and of special tokens.
fn described(tokens: &Tokens, options: &TokenizerOptions) -> (Value, Value) {
    /// transformers' word for a length that is not known.
    const NO_LENGTH: f64 = 1e30;
    let properties = |token: &AddedToken| {
        json!({
            "content": token.content, "lstrip": token.lstrip, "normalized": token.normalized,
            "rstrip": token.rstrip, "single_word": token.single_word, "special": token.special,
        })
    };
    let decoder: Map<String, Value> =
        tokens.added.iter().map(|(id, token)| (id.to_string(), properties(token))).collect();
    let extra = |token: &AddedToken| token.special && !SPECIAL_TOKENS.contains(&token.content.as_str());
    let extra: Vec<&str> =
        tokens.added.iter().filter(|(_, token)| extra(token)).map(|(_, token)| token.content.as_str()).collect();
    let mut special = json!({
        "cls_token": CLASS, "mask_token": MASK, "pad_token": PAD, "sep_token": SEPARATOR, "unk_token": UNKNOWN,
    });
    if !extra.is_empty() {
        special["additional_special_tokens"] = json!(extra);
    }
    let mut settings = json!({
        "added_tokens_decoder": decoder,
        "do_lower_case": options.do_lower_case,
        "strip_accents": options.strip_accents,
        "tokenize_chinese_chars": options.tokenize_chinese_chars,
        "model_max_length": options.model_max_length.map_or_else(|| json!(NO_LENGTH), |length| json!(length)),
        "padding_side": options.padding_side.name(),
        "truncation_side": options.truncation_side.name(),
        "tokenizer_class": "BertTokenizer",
    });
    for (name, token) in special.as_object().into_iter().flatten() {
        settings[name] = token.clone();
    }
    (settings, special)
}

/// As [`write`], in one text: the vocabulary as an object of tokens and ids.
pub(super) fn to_bytes(tokens: &Tokens, options: &TokenizerOptions) -> Result<Vec<u8>> {
    let vocabulary: Map<String, Value> =
        tokens.vocabulary.table().values.iter().map(|(token, id)| (token.clone(), json!(id))).collect();
    let (settings, _) = described(tokens, options);
    let whole = json!({ "model": { "type": "WordPiece", "vocab": vocabulary }, "settings": settings });
    serde_json::to_vec(&whole).map_err(|error| Error::Internal { message: error.to_string() })
}

/// What [`to_bytes`] wrote.
pub(super) fn from_bytes(bytes: &[u8]) -> Result<(Tokens, TokenizerOptions)> {
    let refused = |error: serde_json::Error| Error::Tokenizer { reason: format!("these are no tokenizer: {error}") };
    let whole: Value = serde_json::from_slice(bytes).map_err(refused)?;
    let vocabulary = vocabulary_in_json(&whole, Path::new("the bytes"))?;
    let options = settings(&whole["settings"])?;
    let mut added = Added::default();
    added.read(SETTINGS, &whole["settings"])?;
    Ok((added.join(vocabulary, &options, Path::new("the bytes"))?, options))
}

/// Writes what [`super::WordPieceTokenizer::save_pretrained`] says.
pub(super) fn write(folder: &Path, tokens: &Tokens, options: &TokenizerOptions) -> Result<Vec<PathBuf>> {
    let vocabulary = &tokens.vocabulary;
    // A line for every id: a few repeated tokens leave gaps, a hostile file leaves billions.
    if vocabulary.limit() as usize > 2 * vocabulary.len() + 1000 {
        let (count, limit) = (vocabulary.len(), vocabulary.limit());
        let reason = format!("{count} tokens have ids up to {limit}, which is no {VOCABULARY}");
        return Err(Error::Tokenizer { reason });
    }
    std::fs::create_dir_all(folder).map_err(Error::io("make the folder", folder))?;
    let last = vocabulary.token(vocabulary.limit() - 1).unwrap_or_default();
    // A repeated line is written as the last token, which has the last word.
    let lines: Vec<&str> = (0..vocabulary.limit()).map(|id| vocabulary.token(id).unwrap_or(last)).collect();
    if let Some(bad) = lines.iter().find(|token| token.contains(['\n', '\r']) || token.trim_end() != **token) {
        let reason = format!("the token {bad:?} cannot stand in a line of {VOCABULARY}");
        return Err(Error::Tokenizer { reason });
    }
    let (settings, special) = described(tokens, options);
    let mut paths = Vec::new();
    for (name, text) in [
        (VOCABULARY, lines.join("\n") + "\n"),
        (SETTINGS, format!("{settings:#}\n")),
        (SPECIAL, format!("{special:#}\n")),
    ] {
        let path = folder.join(name);
        write_atomically(&path, |file| file.write_all(text.as_bytes()))?;
        paths.push(path);
    }
    Ok(paths)
}

fn read_json(path: &Path) -> Result<Value> {
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    serde_json::from_slice(&bytes).map_err(|error| Error::config("JSON", error.to_string()).in_file(path))
}

/// The word-piece vocabulary of a `tokenizer.json`.
fn vocabulary_in_json(file: &Value, path: &Path) -> Result<Vocabulary> {
    let refused = |reason: String| Error::Vocabulary { path: path.to_path_buf(), line: None, reason };
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
    Vocabulary::new(tokens, path)
}

/// The settings that stand in a `tokenizer.json` alone.
fn normalizer(normalizer: &Value) -> Result<TokenizerOptions> {
    let defaults = TokenizerOptions::default();
    Ok(TokenizerOptions {
        do_lower_case: flag(normalizer, "lowercase")?.unwrap_or(defaults.do_lower_case),
        strip_accents: flag(normalizer, "strip_accents")?,
        tokenize_chinese_chars: flag(normalizer, "handle_chinese_chars")?.unwrap_or(defaults.tokenize_chinese_chars),
        ..defaults
    })
}

/// Refuses other spellings of the five special tokens, and those that BERT's vocabularies have not.
fn check_special_tokens(config: &Value) -> Result<()> {
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
    for field in ["bos_token", "eos_token"] {
        if !config[field].is_null() {
            return Err(Error::config(
                field,
                format!("got {}, expected none: BERT's vocabularies have none", config[field]),
            ));
        }
    }
    Ok(())
}

fn settings(config: &Value) -> Result<TokenizerOptions> {
    let defaults = TokenizerOptions::default();
    let side = |field: &str| match config[field].as_str() {
        None if config[field].is_null() => Ok(Side::Right),
        name => name
            .and_then(Side::from_name)
            .ok_or_else(|| Error::config(field, format!("got {}, expected left or right", config[field]))),
    };
    Ok(TokenizerOptions {
        do_lower_case: flag(config, "do_lower_case")?.unwrap_or(defaults.do_lower_case),
        strip_accents: flag(config, "strip_accents")?,
        tokenize_chinese_chars: flag(config, "tokenize_chinese_chars")?.unwrap_or(defaults.tokenize_chinese_chars),
        model_max_length: model_max_length(config)?,
        padding_side: side("padding_side")?,
        truncation_side: side("truncation_side")?,
    })
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
