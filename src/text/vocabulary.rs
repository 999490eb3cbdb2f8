//! The vocabulary: a checked table of tokens and ids, from a file.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use rust_tokenizers::vocab::{BertVocab, Vocab};
use serde_json::{Map, Value, json};

use super::special::ROLES;
use super::trie::{NodeIndex, Trie};
use crate::error::{Error, Result};
use crate::interrupt;

/// The mark of a piece that continues a word.
pub(super) const CONTINUATION: &str = "##";

/// The longest word that is split into pieces, in characters. Longer words are unknown. The limit bounds the work for
/// texts of any length.
pub(super) const LONGEST_WORD: usize = 100;

/// The tokens of a model and their ids, the five special ones among them.
pub(super) struct Vocabulary {
    table: BertVocab,
    /// The tokens that can be part of a word.
    trie: Trie,
    /// The node of `trie` behind `##`, where pieces that continue a word start. `None` if there are no such pieces.
    continuation: Option<NodeIndex>,
    /// One more than the largest id.
    limit: i64,
    /// The spellings of the five special tokens, in the order of [`ROLES`].
    pub names: [String; 5],
    pub pad: i64,
    pub unknown: i64,
    pub class: i64,
    pub separator: i64,
    pub mask: i64,
}

impl Vocabulary {
    /// Check a table of tokens that came from the file `path`, and that it has the five special tokens `names`. Ids must
    /// be below 2^32 - 1.
    ///
    /// The steps for millions of tokens ask whether to go on, but not the sort nor the release of memory: run this as
    /// [`interrupt::detached`].
    pub fn new(tokens: HashMap<String, i64>, names: &[String; 5], path: &Path) -> Result<Self> {
        let refused = |reason: String| Error::Vocabulary { path: path.to_path_buf(), line: None, reason };
        let missing: Vec<&str> =
            names.iter().map(String::as_str).filter(|token| !tokens.contains_key(*token)).collect();
        if !missing.is_empty() {
            let marked = tokens.keys().any(|token| token.starts_with('\u{FEFF}'));
            let hint = if marked { "; remove the byte order mark at the start of the file" } else { "" };
            let count = tokens.len();
            return Err(refused(format!("the file lacks {} among its {count} tokens{hint}", missing.join(", "))));
        }
        // `rust_tokenizers` does not export the type of this map, but the type can be deserialised.
        let special: Map<String, Value> =
            ROLES.into_iter().zip(names).map(|(role, name)| (role.to_string(), json!(name))).collect();
        let special =
            serde_json::from_value(special.into()).map_err(|error| Error::Internal { message: error.to_string() })?;
        let trie = build_trie(&tokens)?.map_err(refused)?;
        let continuation = trie.walk(CONTINUATION.as_bytes());
        let limit = tokens.values().max().map_or(0, |id| id + 1);
        let five = names.iter().filter_map(|name| tokens.get(name).map(|&id| (name.clone(), id))).collect();
        let mut table =
            BertVocab::from_values_and_special_token_map(five, special).map_err(|error| refused(error.to_string()))?;
        let mut indices = HashMap::with_capacity(tokens.len());
        for (step, (token, &id)) in tokens.iter().enumerate() {
            interrupt::go_on_at(step)?;
            indices.insert(id, token.clone());
        }
        (table.values, table.indices) = (tokens, indices);
        if table.indices.len() != table.values.len() {
            let twice = table.values.iter().find(|(token, id)| table.indices.get(*id) != Some(*token));
            let token = twice.map(|(token, _)| token.as_str()).unwrap_or_default();
            return Err(refused(format!("the id of {token:?} also belongs to another token")));
        }
        let id = |token: &String| table.values.get(token).copied().unwrap_or_default();
        let [pad, unknown, class, separator, mask] = names.each_ref().map(id);
        Ok(Self { table, trie, continuation, limit, names: names.clone(), pad, unknown, class, separator, mask })
    }

    /// Return the number of tokens.
    pub fn len(&self) -> usize {
        self.table.values.len()
    }

    /// Return one more than the largest id.
    pub fn limit(&self) -> i64 {
        self.limit
    }

    /// Return the trie of the tokens that can be part of a word.
    pub fn trie(&self) -> &Trie {
        &self.trie
    }

    /// Return the node of the trie where pieces that continue a word start. `None` if there are no such pieces.
    pub fn continuation(&self) -> Option<NodeIndex> {
        self.continuation
    }

    /// Return the id of a token, spelled exactly as in the file.
    pub fn id(&self, token: &str) -> Option<i64> {
        self.table.values.get(token).copied()
    }

    /// Return the token of an id.
    pub fn token(&self, id: i64) -> Option<&str> {
        self.table.indices.get(&id).map(String::as_str)
    }

    /// Return the table of `rust_tokenizers`.
    pub fn table(&self) -> &BertVocab {
        &self.table
    }
}

/// Read `vocab.txt`: one token per line, whose id is the number of the line counted from 0.
///
/// White space at the end of a line is not part of the token, so CRLF files work. A blank line is the empty token.
/// The last of several equal lines gives the id; the ids of the others stay unused. A byte order mark is part of
/// the first token. transformers reads the file in the same way.
pub(super) fn read_lines(path: &Path) -> Result<HashMap<String, i64>> {
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    let mut lines: Vec<&[u8]> = bytes.split(|&byte| byte == b'\n').collect();
    // There is no line behind the last line end.
    if lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    let mut tokens = HashMap::with_capacity(lines.len());
    for (index, line) in lines.into_iter().enumerate() {
        interrupt::go_on_at(index)?;
        let token = std::str::from_utf8(line).map_err(|error| Error::Vocabulary {
            path: path.to_path_buf(),
            line: Some(index + 1),
            reason: format!("byte {} of the line is not UTF-8", error.valid_up_to() + 1),
        })?;
        tokens.insert(token.trim_end().to_string(), index as i64);
    }
    Ok(tokens)
}

/// Build the trie of all tokens but those longer than [`LONGEST_WORD`]. The inner error is the reason to refuse a token.
fn build_trie(tokens: &HashMap<String, i64>) -> Result<Result<Trie, String>> {
    let mut strings = Vec::with_capacity(tokens.len());
    for (step, (token, &id)) in tokens.iter().enumerate() {
        interrupt::go_on_at(step)?;
        let Some(number) = u32::try_from(id).ok().filter(|&number| number < u32::MAX) else {
            return Ok(Err(format!("the id {id} of {token:?} is not a whole number below 2^32 - 1")));
        };
        if token.strip_prefix(CONTINUATION).unwrap_or(token).chars().nth(LONGEST_WORD).is_none() {
            strings.push((token.as_bytes(), number));
        }
    }
    Ok(Trie::new(strings)?.ok_or_else(|| "the file has too many tokens".to_string()))
}

impl fmt::Debug for Vocabulary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Vocabulary").field("tokens", &self.len()).finish_non_exhaustive()
    }
}
