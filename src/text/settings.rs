//! `tokenizer_config.json`: the settings of a tokenizer, and what they say of a tokenizer that is not ours.

use serde_json::Value;

use super::options::{Side, TokenizerOptions};
use super::special::ROLES;
use crate::error::{Error, Result};

/// How a class of transformers reads a `tokenizer.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// A class of the family of BERT, whose settings set up BERT's pipeline.
    Bert,
    /// A class for any pipeline, which has no settings of its own.
    Any,
}

/// The classes that are word pieces of these families, and the names under which transformers saves any pipeline.
const CLASSES: [(&str, Class); 5] = [
    ("BertTokenizer", Class::Bert),
    ("ElectraTokenizer", Class::Bert),
    ("DistilBertTokenizer", Class::Bert),
    ("PreTrainedTokenizer", Class::Any),
    ("TokenizersBackend", Class::Any),
];

impl Class {
    /// Read `tokenizer_class`, of the settings or of the model's configuration. `None` if the file has none.
    pub fn read(file: &Value) -> Result<Option<Self>> {
        let name = &file["tokenizer_class"];
        if name.is_null() {
            return Ok(None);
        }
        // A class and its fast variant are the same.
        let class = name.as_str().map(|name| name.strip_suffix("Fast").unwrap_or(name));
        CLASSES.iter().find(|(known, _)| Some(*known) == class).map(|(_, class)| Some(*class)).ok_or_else(|| {
            let names: Vec<&str> = CLASSES.iter().map(|(name, _)| *name).collect();
            let reason = format!("expected one of {} or its Fast variant, got {name}", names.join(", "));
            Error::config("tokenizer_class", reason)
        })
    }
}

/// Refuse settings that ask for other ids than this tokenizer makes. `code` says that code of the folder is not wanted,
/// so that a tokenizer of its own is no reason to refuse.
pub(super) fn refuse_foreign(settings: &Value, without_code: bool) -> Result<()> {
    let refused = |field: &str, expected: &str| {
        Err(Error::config(field, format!("expected {expected}, got {}", settings[field])))
    };
    // A list is of the time when there were auto maps of tokenizers only.
    let code = &settings["auto_map"];
    if !without_code && (code.is_array() || !code["AutoTokenizer"].is_null()) {
        return refused(
            "auto_map",
            "no code for the tokenizer, which oxbert does not run; pass trust_remote_code=False \
             to use the folder's files without it",
        );
    }
    for field in ["do_basic_tokenize", "do_word_tokenize", "do_subword_tokenize", "do_wordpiece_tokenize", "clean_text"]
    {
        if read_flag(settings, field)? == Some(false) {
            return refused(field, "true: words are always split and cleaned here");
        }
    }
    if read_flag(settings, "split_special_tokens")? == Some(true) {
        return refused("split_special_tokens", "false: special tokens are always cut out of a text here");
    }
    for (field, only) in
        [("word_tokenizer_type", "basic"), ("subword_tokenizer_type", "wordpiece"), ("wordpieces_prefix", "##")]
    {
        if !settings[field].is_null() && settings[field].as_str() != Some(only) {
            return refused(field, only);
        }
    }
    let files = &settings["fast_tokenizer_files"];
    if !files.is_null() && *files != serde_json::json!(["tokenizer.json"]) {
        return refused("fast_tokenizer_files", "null: only tokenizer.json is read");
    }
    let special: Vec<&str> = ROLES
        .iter()
        .zip(super::special::SPECIAL_TOKENS)
        .map(|(role, usual)| content(&settings[role]).unwrap_or(usual))
        .collect();
    let kept = |token: &Value| token.as_str().is_some_and(|token| special.contains(&token));
    match &settings["never_split"] {
        Value::Null => Ok(()),
        Value::Array(tokens) if tokens.iter().all(kept) => Ok(()),
        _ => refused("never_split", "null: give such words as added tokens"),
    }
}

/// Return the text of a token, which is a string or an object with its properties.
pub(super) fn content(token: &Value) -> Option<&str> {
    token.as_str().or_else(|| token["content"].as_str())
}

/// Read how a file spells the special tokens, each `None` if the file does not say.
pub(super) fn read_special(file: &Value) -> Result<[Option<String>; 5]> {
    let mut names = [const { None }; 5];
    for (name, role) in names.iter_mut().zip(ROLES) {
        *name = content(&file[role]).map(str::to_string);
        if name.is_none() && !file[role].is_null() {
            return Err(Error::config(role, format!("expected a token, got {}", file[role])));
        }
    }
    for field in ["bos_token", "eos_token"] {
        if !file[field].is_null() {
            let reason = format!("expected null, since BERT's vocabularies have no such token, got {}", file[field]);
            return Err(Error::config(field, reason));
        }
    }
    Ok(names)
}

/// Read the settings of BERT's pipeline and of rows.
pub(super) fn read_settings(config: &Value) -> Result<TokenizerOptions> {
    let defaults = TokenizerOptions::default();
    let options = TokenizerOptions {
        do_lower_case: read_flag(config, "do_lower_case")?.unwrap_or(defaults.do_lower_case),
        strip_accents: read_flag(config, "strip_accents")?,
        tokenize_chinese_chars: read_flag(config, "tokenize_chinese_chars")?.unwrap_or(defaults.tokenize_chinese_chars),
        ..defaults
    };
    read_rows(config, &options)
}

/// Read the settings of rows, and keep the others.
pub(super) fn read_rows(config: &Value, options: &TokenizerOptions) -> Result<TokenizerOptions> {
    let side = |field: &str| match config[field].as_str() {
        None if config[field].is_null() => Ok(Side::Right),
        name => name
            .and_then(Side::from_name)
            .ok_or_else(|| Error::config(field, format!("expected left or right, got {}", config[field]))),
    };
    Ok(TokenizerOptions {
        model_max_length: read_max_length(config)?,
        padding_side: side("padding_side")?,
        truncation_side: side("truncation_side")?,
        clean_up_tokenization_spaces: read_flag(config, "clean_up_tokenization_spaces")?.unwrap_or(false),
        token_types: read_token_types(config)?,
        ..options.clone()
    })
}

/// Refuse settings of BERT's pipeline that a pipeline of another kind, whose settings are `options`, contradicts.
pub(super) fn refuse_contradiction(settings: &Value, options: &TokenizerOptions) -> Result<()> {
    for (field, is_so) in [("do_lower_case", options.do_lower_case), ("strip_accents", options.strips_accents())] {
        if read_flag(settings, field)?.is_some_and(|asked| asked != is_so) {
            let reason = format!(
                "expected {is_so}, as the normalizer of tokenizer.json does, got {}; with the tokenizer_class \
                 PreTrainedTokenizerFast tokenizer.json alone counts",
                !is_so
            );
            return Err(Error::config(field, reason));
        }
    }
    Ok(())
}

/// Read an optional truth value.
pub(super) fn read_flag(config: &Value, field: &str) -> Result<Option<bool>> {
    match &config[field] {
        Value::Null => Ok(None),
        Value::Bool(value) => Ok(Some(*value)),
        other => Err(Error::config(field, format!("expected true, false or null, got {other}"))),
    }
}

/// Read `model_input_names`: whether token types are among them. `None` if absent.
fn read_token_types(config: &Value) -> Result<Option<bool>> {
    let value = &config["model_input_names"];
    if value.is_null() {
        return Ok(None);
    }
    let names = value.as_array().and_then(|names| names.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
    names.and_then(TokenizerOptions::read_input_names).map(Some).ok_or_else(|| {
        let known = TokenizerOptions::input_names(true).join(", ");
        let reason = format!("expected the names {known}, the second or not, got {value}");
        Error::config("model_input_names", reason)
    })
}

/// Read `model_max_length`. `None` if absent or so large that it means unknown.
fn read_max_length(config: &Value) -> Result<Option<usize>> {
    // The name before transformers 4.
    let value = if config["model_max_length"].is_null() { &config["max_len"] } else { &config["model_max_length"] };
    if value.is_null() {
        return Ok(None);
    }
    match value.as_f64() {
        // 10^30 becomes the largest `usize`.
        Some(length) if length >= 1.0 && length.fract() == 0.0 => Ok(TokenizerOptions::known_length(length as usize)),
        _ => Err(Error::config("model_max_length", format!("expected a whole number of tokens above 0, got {value}"))),
    }
}
