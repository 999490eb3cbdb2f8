//! Added tokens in the files of a model folder.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde_json::Value;

use super::added::AddedToken;
use super::options::TokenizerOptions;
use super::settings::{content, read_flag};
use super::tokens::Tokens;
use crate::error::{Error, Result};

pub(super) const SETTINGS: &str = "tokenizer_config.json";
pub(super) const SPECIAL: &str = "special_tokens_map.json";
pub(super) const ADDED: &str = "added_tokens.json";
/// The only file of a tokenizer that transformers 5 saves beside the settings.
pub(super) const WHOLE: &str = "tokenizer.json";

/// The added tokens of all files of a folder.
#[derive(Default)]
pub(super) struct AddedFiles {
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

impl AddedFiles {
    /// Take the added tokens of a file. A later file overrides an earlier one, but `added_tokens.json` overrides none.
    /// `names` are the spellings of the five special tokens.
    pub fn read(&mut self, name: &'static str, file: &Value, names: &[String; 5]) -> Result<()> {
        let Some(entries) = file.as_object() else {
            return Err(Error::config("JSON", "expected an object"));
        };
        if name == ADDED {
            // The file has contents and ids only, no properties.
            for (content, id) in entries {
                let is_special = names.contains(content);
                let token = if is_special { AddedToken::special(content) } else { AddedToken::ordinary(content) };
                let origin = Origin { file: name, field: "id", token };
                self.by_id.entry(read_id(id, content)?).or_insert(origin);
            }
            return Ok(());
        }
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

    /// Add all tokens to those of a vocabulary. `folder` is named in errors.
    pub fn join(self, tokens: &mut Tokens, options: &TokenizerOptions, folder: &Path) -> Result<()> {
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
        for (id, Origin { file, field, token }) in by_id {
            let refused = |reason: String| Error::config(field, reason).in_file(folder.join(file));
            tokens.added.insert_with_id(id, token, &tokens.vocabulary).map_err(refused)?;
        }
        tokens.add(&special, options)?;
        Ok(())
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
    let Some(content) = content(token).filter(|_| token.is_object()) else {
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
