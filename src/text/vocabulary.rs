//! The vocabulary: a file to a checked table of tokens.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use rust_tokenizers::vocab::{BertVocab, Vocab};
use serde_json::json;

use super::special::{CLASS, MASK, PAD, SEPARATOR, SPECIAL_TOKENS, UNKNOWN};
use super::trie::{NodeIndex, Trie};
use crate::error::{Error, Result};

/// What marks a piece that continues a word.
pub(super) const CONTINUATION: &str = "##";

/// Longer words, in characters, are unknown without being looked at. The limit bounds the work for a text of any length.
pub(super) const LONGEST_WORD: usize = 100;

/// The tokens of a model and their ids, the five special ones among them.
pub(super) struct Vocabulary {
    table: BertVocab,
    /// The tokens that a word can have.
    trie: Trie,
    /// Where in `trie` a piece begins that continues a word, if there are any.
    continuation: Option<NodeIndex>,
    /// One more than the largest id.
    limit: i64,
    pub pad: i64,
    pub unknown: i64,
    pub class: i64,
    pub separator: i64,
    pub mask: i64,
}

impl Vocabulary {
    /// Reads `vocab.txt`: one token per line, its id the number of the line counted from 0.
    ///
    /// White space at the end of a line is no part of the token (so CRLF files work); a blank line is the empty token; of
    /// equal lines the last one gives the id, and the ids of the others stay unused. A byte order mark is part of the
    /// first token. All this is what transformers does with the file.
    pub fn from_lines(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
        let mut lines: Vec<&[u8]> = bytes.split(|&byte| byte == b'\n').collect();
        // What follows the last line end is no line.
        if lines.last().is_some_and(|line| line.is_empty()) {
            lines.pop();
        }
        let mut tokens = HashMap::with_capacity(lines.len());
        for (index, line) in lines.into_iter().enumerate() {
            let token = std::str::from_utf8(line).map_err(|error| Error::Vocabulary {
                path: path.to_path_buf(),
                line: Some(index + 1),
                reason: format!("byte {} of the line is not UTF-8", error.valid_up_to() + 1),
            })?;
            tokens.insert(token.trim_end().to_string(), index as i64);
        }
        Self::new(tokens, path)
    }

    /// Checks a table of tokens that came from the file `path`. Ids are below 2^32 - 1.
    pub fn new(tokens: HashMap<String, i64>, path: &Path) -> Result<Self> {
        let refused = |reason: String| Error::Vocabulary { path: path.to_path_buf(), line: None, reason };
        let missing: Vec<&str> = SPECIAL_TOKENS.into_iter().filter(|token| !tokens.contains_key(*token)).collect();
        if !missing.is_empty() {
            let marked = tokens.keys().any(|token| token.starts_with('\u{FEFF}'));
            let hint = if marked { "; the file begins with a byte order mark, remove it" } else { "" };
            let count = tokens.len();
            return Err(refused(format!("it lacks {} among its {count} tokens{hint}", missing.join(", "))));
        }
        // `rust_tokenizers` does not export the type of this map; it can be had by deserialising.
        let special = json!({ "unk_token": UNKNOWN, "pad_token": PAD, "sep_token": SEPARATOR, "cls_token": CLASS, "mask_token": MASK });
        let special =
            serde_json::from_value(special).map_err(|error| Error::Internal { message: error.to_string() })?;
        let trie = trie(&tokens).map_err(refused)?;
        let continuation = trie.walk(CONTINUATION.as_bytes());
        let limit = tokens.values().max().map_or(0, |id| id + 1);
        let table = BertVocab::from_values_and_special_token_map(tokens, special)
            .map_err(|error| refused(error.to_string()))?;
        if table.indices.len() != table.values.len() {
            let twice = table.values.iter().find(|(token, id)| table.indices.get(*id) != Some(*token));
            let token = twice.map(|(token, _)| token.as_str()).unwrap_or_default();
            return Err(refused(format!("the id of {token:?} is another token's too")));
        }
        let id = |token: &str| table.values.get(token).copied().unwrap_or_default();
        let [pad, unknown, class, separator, mask] = SPECIAL_TOKENS.map(id);
        Ok(Self { table, trie, continuation, limit, pad, unknown, class, separator, mask })
    }

    /// How many tokens there are.
    pub fn len(&self) -> usize {
        self.table.values.len()
    }

    /// One more than the largest id.
    pub fn limit(&self) -> i64 {
        self.limit
    }

    /// The tokens that a word can have, byte by byte.
    pub fn trie(&self) -> &Trie {
        &self.trie
    }

    /// Where in the trie a piece begins that continues a word, if there are any.
    pub fn continuation(&self) -> Option<NodeIndex> {
        self.continuation
    }

    /// The id of a token, exactly as the file spells it.
    pub fn id(&self, token: &str) -> Option<i64> {
        self.table.values.get(token).copied()
    }

    /// The token of an id.
    pub fn token(&self, id: i64) -> Option<&str> {
        self.table.indices.get(&id).map(String::as_str)
    }

    /// The table itself.
    pub fn table(&self) -> &BertVocab {
        &self.table
    }
}

/// The trie of all tokens but those that are longer than any word that is looked at.
fn trie(tokens: &HashMap<String, i64>) -> Result<Trie, String> {
    let mut strings = Vec::with_capacity(tokens.len());
    for (token, &id) in tokens {
        let number = u32::try_from(id).ok().filter(|&number| number < u32::MAX);
        let number = number.ok_or_else(|| format!("the id {id} of {token:?} is not a number below 2^32 - 1"))?;
        if token.strip_prefix(CONTINUATION).unwrap_or(token).chars().nth(LONGEST_WORD).is_none() {
            strings.push((token.as_bytes(), number));
        }
    }
    Trie::new(strings).ok_or_else(|| "its tokens are too many".to_string())
}

impl fmt::Debug for Vocabulary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Vocabulary").field("tokens", &self.len()).finish_non_exhaustive()
    }
}
