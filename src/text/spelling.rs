//! The tokens that the ids of rows stand for: the tokenizer's, or a copy in rows that came from another process.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::tokens::Tokens;

/// A table of tokens by id, as far as rows need it.
#[derive(Debug, Clone)]
pub(super) enum Spelling {
    /// The tokens of the tokenizer that made the rows.
    Tokenizer(Arc<Tokens>),
    /// The tokens that were serialised with the rows.
    Written(Arc<Written>),
}

/// The serialised form: the tokens that occur in some rows.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Written {
    tokens: BTreeMap<i64, String>,
    pad: i64,
}

impl Spelling {
    /// Return the token of an id.
    pub fn token(&self, id: i64) -> Option<&str> {
        match self {
            Self::Tokenizer(tokens) => tokens.token(id),
            Self::Written(written) => written.tokens.get(&id).map(String::as_str),
        }
    }

    /// Return the id of padding.
    pub fn pad(&self) -> i64 {
        match self {
            Self::Tokenizer(tokens) => tokens.vocabulary.pad,
            Self::Written(written) => written.pad,
        }
    }

    /// Copy the tokens of `ids` and of padding.
    pub fn only(&self, ids: impl Iterator<Item = i64>) -> Written {
        let pad = self.pad();
        let mut tokens = BTreeMap::new();
        // One by one: a map that is collected first holds every id of every row.
        for id in ids.chain([pad]) {
            if let (Entry::Vacant(place), Some(token)) = (tokens.entry(id), self.token(id)) {
                place.insert(token.to_string());
            }
        }
        Written { tokens, pad }
    }
}
