//! Reading and writing the tokenizer of a model folder: vocabulary, added tokens and settings.

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

/// Read the files that [`super::WordPieceTokenizer::from_pretrained_with`] lists.
pub(super) fn read(folder: &Path, change: impl FnOnce(&mut TokenizerOptions)) -> Result<(Tokens, TokenizerOptions)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(Error::io("read", folder))? {
        found.push(entry.map_err(Error::io("read", folder))?.file_name().to_string_lossy().into_owned());
    }
    found.sort();
    let open = |name: &str| -> Result<Option<Value>> {
        found.iter().any(|file| file == name).then(|| read_json(&folder.join(name))).transpose()
    };
    let tokenizer_file = open(WHOLE)?;
    let vocabulary = if found.iter().any(|file| file == VOCABULARY) {
        Vocabulary::from_lines(&folder.join(VOCABULARY))?
    } else if let Some(file) = &tokenizer_file {
        vocabulary_in_json(file, &folder.join(WHOLE))?
    } else {
        let folder = folder.to_path_buf();
        return Err(Error::MissingFile { folder, wanted: format!("{VOCABULARY} or {WHOLE}"), found });
    };
    let settings_file = open(SETTINGS)?;
    let mut options = match (&settings_file, &tokenizer_file) {
        (Some(file), _) => read_settings(file).map_err(|error| error.in_file(folder.join(SETTINGS)))?,
        (None, Some(file)) => {
            read_normalizer(&file["normalizer"]).map_err(|error| error.in_file(folder.join(WHOLE)))?
        }
        (None, None) => TokenizerOptions::default(),
    };
    change(&mut options);
    let mut added = Added::default();
    for (name, file) in
        [(WHOLE, tokenizer_file), (SETTINGS, settings_file), (ADDED, open(ADDED)?), (SPECIAL, open(SPECIAL)?)]
    {
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
/// The only file of a tokenizer that transformers 5 saves beside the settings.
const WHOLE: &str = "tokenizer.json";

/// The added tokens of all files of a folder.
#[derive(Default)]
struct Added {
    by_id: BTreeMap<i64, Origin>,
    /// Special tokens that a file names without an id.
    special: Vec<AddedToken>,
}

/// An added token with the file and field that it was read from.
struct Origin {
    file: &'static str,
    field: &'static str,
    token: AddedToken,
}

impl Added {
    /// Take the added tokens of a file. A later file overrides an earlier one, but `added_tokens.json` overrides none.
    fn read(&mut self, name: &'static str, file: &Value) -> Result<()> {
        let Some(entries) = file.as_object() else {
            return Err(Error::config("JSON", "expected an object"));
        };
        if name == ADDED {
            // The file has contents and ids only, no properties.
            for (content, id) in entries {
                let is_special = SPECIAL_TOKENS.contains(&content.as_str());
                let token = if is_special { AddedToken::special(content) } else { AddedToken::ordinary(content) };
                let origin = Origin { file: name, field: "id", token };
                self.by_id.entry(read_id(id, content)?).or_insert(origin);
            }
            return Ok(());
        }
        check_special_tokens(file)?;
        let field = "added_tokens";
        for token in read_list(file, field)? {
            let origin = Origin { file: name, field, token: read_token(token, field)? };
            self.by_id.insert(read_id(&token["id"], field)?, origin);
        }
        let field = "added_tokens_decoder";
        let decoder = match &file[field] {
            Value::Object(tokens) => Some(tokens),
            Value::Null => None,
            other => return Err(Error::config(field, format!("expected an object of ids and tokens, got {other}"))),
        };
        for (id, token) in decoder.into_iter().flatten() {
            let id = id.parse::<u32>().map_or(Value::Null, Value::from);
            let origin = Origin { file: name, field, token: read_token(token, field)? };
            self.by_id.insert(read_id(&id, field)?, origin);
        }
        for field in ["additional_special_tokens", "extra_special_tokens"] {
            let tokens: Vec<&Value> = match &file[field] {
                Value::Object(tokens) => tokens.values().collect(),
                _ => read_list(file, field)?.iter().collect(),
            };
            for token in tokens {
                let token = match token.as_str() {
                    Some(content) => AddedToken::special(content),
                    None => AddedToken {
                        special: true,
                        normalized: read_flag(token, "normalized")?.unwrap_or(false),
                        ..read_token(token, field)?
                    },
                };
                self.special.push(token);
            }
        }
        Ok(())
    }

    /// Combine the added tokens with the vocabulary. `folder` is named in errors.
    fn join(self, vocabulary: Vocabulary, options: &TokenizerOptions, folder: &Path) -> Result<Tokens> {
        let Self { mut by_id, mut special } = self;
        let mut by_content: HashMap<String, &mut AddedToken> =
            by_id.values_mut().map(|origin| (origin.token.content.clone(), &mut origin.token)).collect();
        special.retain(|token| {
            let known = by_content.get_mut(&token.content);
            let has_no_id = known.is_none();
            if let Some(known) = known.filter(|known| !known.special) {
                **known = token.clone();
            }
            has_no_id
        });
        let mut tokens = Tokens::new(vocabulary, options)?;
        for (id, Origin { file, field, token }) in by_id {
            let refused = |reason: String| Error::config(field, reason).in_file(folder.join(file));
            tokens.added.insert_with_id(id, token, &tokens.vocabulary).map_err(refused)?;
        }
        tokens.added.add(&special, &tokens.vocabulary, options)?;
        Ok(tokens)
    }
}

/// Return the list in a field. It is empty if there is no such field.
fn read_list<'a>(file: &'a Value, field: &str) -> Result<&'a [Value]> {
    match &file[field] {
        Value::Array(tokens) => Ok(tokens),
        Value::Null => Ok(&[]),
        other => Err(Error::config(field, format!("expected a list of tokens, got {other}"))),
    }
}

/// Read an id from JSON.
fn read_id(id: &Value, field: &str) -> Result<i64> {
    let id = id.as_u64().filter(|&id| id < u64::from(u32::MAX));
    id.map(|id| id as i64)
        .ok_or_else(|| Error::config(field, "expected a whole number from 0 to 2^32 - 2 as the id of every token"))
}

/// Read a token with its properties. Absent properties are those of an ordinary token.
fn read_token(token: &Value, field: &str) -> Result<AddedToken> {
    let Some(content) = token["content"].as_str() else {
        return Err(Error::config(field, format!("expected a token with a string `content`, got {token}")));
    };
    let flag = |name: &str| read_flag(token, name);
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

/// Build the content of `tokenizer_config.json` and of `special_tokens_map.json`.
fn settings_and_special(tokens: &Tokens, options: &TokenizerOptions) -> (Value, Value) {
    /// The number with which transformers says that the length is unknown.
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

/// Serialise what [`write`] writes, with the vocabulary as an object of tokens and ids.
pub(super) fn to_bytes(tokens: &Tokens, options: &TokenizerOptions) -> Result<Vec<u8>> {
    let vocabulary: Map<String, Value> =
        tokens.vocabulary.table().values.iter().map(|(token, id)| (token.clone(), json!(id))).collect();
    let (settings, _) = settings_and_special(tokens, options);
    let whole = json!({ "model": { "type": "WordPiece", "vocab": vocabulary }, "settings": settings });
    serde_json::to_vec(&whole).map_err(|error| Error::Internal { message: error.to_string() })
}

/// Read the bytes of [`to_bytes`].
pub(super) fn from_bytes(bytes: &[u8]) -> Result<(Tokens, TokenizerOptions)> {
    let refused =
        |error: serde_json::Error| Error::Tokenizer { reason: format!("the bytes do not hold a tokenizer: {error}") };
    let whole: Value = serde_json::from_slice(bytes).map_err(refused)?;
    let vocabulary = vocabulary_in_json(&whole, Path::new("the bytes"))?;
    let options = read_settings(&whole["settings"])?;
    let mut added = Added::default();
    added.read(SETTINGS, &whole["settings"])?;
    Ok((added.join(vocabulary, &options, Path::new("the bytes"))?, options))
}

/// Write the files of [`super::WordPieceTokenizer::save_pretrained`].
pub(super) fn write(folder: &Path, tokens: &Tokens, options: &TokenizerOptions) -> Result<Vec<PathBuf>> {
    let vocabulary = &tokens.vocabulary;
    // Every id needs a line. A few repeated tokens leave gaps, but a hostile file leaves billions.
    if vocabulary.limit() as usize > 2 * vocabulary.len() + 1000 {
        let (count, limit) = (vocabulary.len(), vocabulary.limit());
        let reason = format!("{count} tokens have ids up to {}, too sparse for the lines of {VOCABULARY}", limit - 1);
        return Err(Error::Tokenizer { reason });
    }
    std::fs::create_dir_all(folder).map_err(Error::io("make the folder", folder))?;
    let last = vocabulary.token(vocabulary.limit() - 1).unwrap_or_default();
    // A line without a token repeats the last token: of equal lines the last one gives the id.
    let lines: Vec<&str> = (0..vocabulary.limit()).map(|id| vocabulary.token(id).unwrap_or(last)).collect();
    if let Some(bad) = lines.iter().find(|token| token.contains(['\n', '\r']) || token.trim_end() != **token) {
        let reason =
            format!("the token {bad:?} cannot be a line of {VOCABULARY}: it has a line end, or white space at its end");
        return Err(Error::Tokenizer { reason });
    }
    let (settings, special) = settings_and_special(tokens, options);
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

/// Read the word-piece vocabulary of a `tokenizer.json`.
fn vocabulary_in_json(file: &Value, path: &Path) -> Result<Vocabulary> {
    let refused = |reason: String| Error::Vocabulary { path: path.to_path_buf(), line: None, reason };
    let model = &file["model"];
    // Old files have no type. A vocabulary that maps tokens to ids without merges is one of word pieces.
    let kind = model["type"].as_str().unwrap_or("WordPiece");
    if kind != "WordPiece" {
        return Err(refused(format!("expected the model.type WordPiece, got {kind}")));
    }
    let Some(entries) = model["vocab"].as_object() else {
        return Err(refused("expected an object of tokens and ids in model.vocab".to_string()));
    };
    let mut tokens = HashMap::with_capacity(entries.len());
    for (token, id) in entries {
        let id = id.as_u64().and_then(|id| u32::try_from(id).ok());
        let id = id.ok_or_else(|| refused(format!("the id of {token:?} is not a whole number below 2^32 - 1")))?;
        tokens.insert(token.clone(), i64::from(id));
    }
    Vocabulary::new(tokens, path)
}

/// Read the settings from the normaliser of a `tokenizer.json`.
fn read_normalizer(normalizer: &Value) -> Result<TokenizerOptions> {
    let defaults = TokenizerOptions::default();
    Ok(TokenizerOptions {
        do_lower_case: read_flag(normalizer, "lowercase")?.unwrap_or(defaults.do_lower_case),
        strip_accents: read_flag(normalizer, "strip_accents")?,
        tokenize_chinese_chars: read_flag(normalizer, "handle_chinese_chars")?
            .unwrap_or(defaults.tokenize_chinese_chars),
        ..defaults
    })
}

/// Refuse other spellings of the five special tokens, and special tokens that BERT's vocabularies lack.
fn check_special_tokens(config: &Value) -> Result<()> {
    for (field, token) in [
        ("pad_token", PAD),
        ("unk_token", UNKNOWN),
        ("cls_token", CLASS),
        ("sep_token", SEPARATOR),
        ("mask_token", MASK),
    ] {
        let value = &config[field];
        // The value is the token itself, or an object with its properties.
        let content = if value.is_object() { &value["content"] } else { value };
        if !content.is_null() && content.as_str() != Some(token) {
            return Err(Error::config(field, format!("expected {token}, got {content}")));
        }
    }
    for field in ["bos_token", "eos_token"] {
        if !config[field].is_null() {
            return Err(Error::config(
                field,
                format!("expected null, since BERT's vocabularies have no such token, got {}", config[field]),
            ));
        }
    }
    Ok(())
}

/// Read the settings from a `tokenizer_config.json`.
fn read_settings(config: &Value) -> Result<TokenizerOptions> {
    let defaults = TokenizerOptions::default();
    let side = |field: &str| match config[field].as_str() {
        None if config[field].is_null() => Ok(Side::Right),
        name => name
            .and_then(Side::from_name)
            .ok_or_else(|| Error::config(field, format!("expected left or right, got {}", config[field]))),
    };
    Ok(TokenizerOptions {
        do_lower_case: read_flag(config, "do_lower_case")?.unwrap_or(defaults.do_lower_case),
        strip_accents: read_flag(config, "strip_accents")?,
        tokenize_chinese_chars: read_flag(config, "tokenize_chinese_chars")?.unwrap_or(defaults.tokenize_chinese_chars),
        model_max_length: read_max_length(config)?,
        padding_side: side("padding_side")?,
        truncation_side: side("truncation_side")?,
    })
}

/// Read an optional truth value.
fn read_flag(config: &Value, field: &str) -> Result<Option<bool>> {
    match &config[field] {
        Value::Null => Ok(None),
        Value::Bool(value) => Ok(Some(*value)),
        other => Err(Error::config(field, format!("expected true, false or null, got {other}"))),
    }
}

/// Read `model_max_length`. `None` if absent or so large that it means unknown.
fn read_max_length(config: &Value) -> Result<Option<usize>> {
    let value = &config["model_max_length"];
    if value.is_null() {
        return Ok(None);
    }
    match value.as_f64() {
        // 10^30 becomes the largest `usize`.
        Some(length) if length >= 1.0 && length.fract() == 0.0 => Ok(TokenizerOptions::known_length(length as usize)),
        _ => Err(Error::config("model_max_length", format!("expected a whole number of tokens above 0, got {value}"))),
    }
}
