//! `tokenizer.json`: a whole tokenizer in one file, as the library `tokenizers` writes it.

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::added::AddedToken;
use super::joiner::Joiner;
use super::options::TokenizerOptions;
use super::pipeline::Pipeline;
use super::settings::read_flag;
use super::special::{SPECIAL_TOKENS, UNKNOWN_ROLE};
use super::template::Template;
use super::tokens::Tokens;
use super::vocabulary::{CONTINUATION, LONGEST_WORD};
use crate::error::{Error, Result};

/// Read the word-piece vocabulary, and how it spells the unknown token.
pub(super) fn read_vocabulary(file: &Value, path: &Path) -> Result<(HashMap<String, i64>, String)> {
    let refused = |reason: String| Error::Vocabulary { path: path.to_path_buf(), line: None, reason };
    let model = &file["model"];
    // Old files have no type. A vocabulary that maps tokens to ids without merges is one of word pieces.
    let kind = if model["type"].is_null() { "WordPiece".into() } else { model["type"].to_string() };
    if kind.trim_matches('"') != "WordPiece" || !model["merges"].is_null() {
        return Err(refused(format!("expected the model.type WordPiece, got {}", model["type"])));
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
    let unknown = &model["unk_token"];
    if !unknown.is_null() && !unknown.is_string() {
        return Err(Error::config("model.unk_token", format!("expected a token, got {unknown}")).in_file(path));
    }
    Ok((tokens, unknown.as_str().unwrap_or(SPECIAL_TOKENS[UNKNOWN_ROLE]).to_string()))
}

/// Read the pipeline. `None` if it is BERT's own.
pub(super) fn read_pipeline(file: &Value) -> Result<Option<Pipeline>> {
    let mut model = file["model"].clone();
    for (field, usual) in [
        ("type", json!("WordPiece")),
        ("unk_token", json!(SPECIAL_TOKENS[UNKNOWN_ROLE])),
        ("continuing_subword_prefix", json!(CONTINUATION)),
        ("max_input_chars_per_word", json!(LONGEST_WORD)),
    ] {
        if model[field].is_null() {
            model[field] = usual;
        }
    }
    let is_bert = file["normalizer"]["type"] == "BertNormalizer"
        && read_flag(&file["normalizer"], "clean_text")?.unwrap_or(true)
        && file["pre_tokenizer"]["type"] == "BertPreTokenizer"
        && model["continuing_subword_prefix"] == CONTINUATION
        && model["max_input_chars_per_word"] == LONGEST_WORD;
    if is_bert { Ok(None) } else { Pipeline::read(&file["normalizer"], &file["pre_tokenizer"], &model).map(Some) }
}

/// Read the settings from the normalizer, those of the first part that has them.
pub(super) fn read_options(file: &Value) -> Result<TokenizerOptions> {
    let mut options = TokenizerOptions {
        do_lower_case: false,
        strip_accents: Some(false),
        tokenize_chinese_chars: false,
        ..TokenizerOptions::default()
    };
    take_options(&file["normalizer"], &mut options)?;
    Ok(options)
}

fn take_options(normalizer: &Value, options: &mut TokenizerOptions) -> Result<()> {
    match normalizer["type"].as_str() {
        Some("Lowercase") => options.do_lower_case = true,
        Some("StripAccents") => options.strip_accents = Some(true),
        Some("BertNormalizer") => {
            let flag = |name: &str| -> Result<bool> { Ok(read_flag(normalizer, name)?.unwrap_or(true)) };
            options.do_lower_case |= flag("lowercase")?;
            options.strip_accents = read_flag(normalizer, "strip_accents")?;
            options.tokenize_chinese_chars |= flag("handle_chinese_chars")?;
        }
        _ => {
            for inner in normalizer["normalizers"].as_array().into_iter().flatten() {
                take_options(inner, options)?;
            }
        }
    }
    Ok(())
}

/// Return whether a tokenizer is a `BertTokenizer` of transformers, which has all parts but the settings of the
/// normalizer built in.
pub(super) fn is_plain(tokens: &Tokens) -> bool {
    let Tokens { vocabulary, added, pipeline, template, joiner } = tokens;
    pipeline.is_none()
        && *joiner == Joiner::default()
        && *template == Template::bert(vocabulary)
        && vocabulary.names.iter().all(|name| added.is_special(name))
}

/// Build the content of the file.
pub(super) fn write(tokens: &Tokens, options: &TokenizerOptions) -> Result<Value> {
    let Tokens { vocabulary, added, pipeline, template, joiner } = tokens;
    let (normalizer, pre_tokenizer) = if let Some(pipeline) = pipeline {
        pipeline.write()?
    } else {
        let normalizer = json!({
            "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": options.tokenize_chinese_chars,
            "strip_accents": options.strip_accents, "lowercase": options.do_lower_case,
        });
        (normalizer, json!({"type": "BertPreTokenizer"}))
    };
    let (prefix, longest) = pipeline.as_ref().map_or((CONTINUATION, LONGEST_WORD), |pipeline| pipeline.model());
    let mut entries: Vec<(i64, &str)> = vocabulary.table().values.iter().map(|(token, id)| (*id, &**token)).collect();
    entries.sort_unstable();
    let entries: Map<String, Value> = entries.into_iter().map(|(id, token)| (token.to_string(), json!(id))).collect();
    let added: Vec<Value> = added
        .iter()
        .map(|(id, token)| {
            let mut properties = write_properties(token);
            properties["id"] = json!(id);
            properties
        })
        .collect();
    Ok(json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added,
        "normalizer": normalizer, "pre_tokenizer": pre_tokenizer,
        "post_processor": template.write(|id| tokens.content(id)), "decoder": joiner.write(),
        "model": {
            "type": "WordPiece", "unk_token": vocabulary.names[UNKNOWN_ROLE], "continuing_subword_prefix": prefix,
            "max_input_chars_per_word": longest, "vocab": entries,
        },
    }))
}

/// Build the properties of an added token.
pub(super) fn write_properties(token: &AddedToken) -> Value {
    json!({
        "content": token.content, "lstrip": token.lstrip, "normalized": token.normalized,
        "rstrip": token.rstrip, "single_word": token.single_word, "special": token.special,
    })
}
