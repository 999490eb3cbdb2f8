//! What the ids of rows stand for: the tokenizer's tokens, or those of rows that came from another process.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::tokens::Tokens;

/// Ids to tokens, as far as rows need them.
#[derive(Debug, Clone)]
pub(super) enum Spelling {
    /// The tokenizer that made the rows.
    Tokenizer(Arc<Tokens>),
    /// What was taken along when the rows were written down.
    Written(Arc<Written>),
}

/// The tokens of some rows, without those that they lack.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Written {
    tokens: HashMap<i64, String>,
    pad: i64,
}

impl Spelling {
    /// The token of an id.
    pub fn token(&self, id: i64) -> Option<&str> {
        match self {
            Self::Tokenizer(tokens) => tokens.token(id),
            Self::Written(written) => written.tokens.get(&id).map(String::as_str),
        }
    }

    /// The id of padding.
    pub fn pad(&self) -> i64 {
        match self {
            Self::Tokenizer(tokens) => tokens.vocabulary.pad,
            Self::Written(written) => written.pad,
        }
    }

    /// What is needed for `ids` and for padding.
    pub fn of(&self, ids: impl Iterator<Item = i64>) -> Written {
        let pad = self.pad();
        let spelled = |id| self.token(id).map(|token| (id, token.to_string()));
        Written { tokens: ids.chain([pad]).filter_map(spelled).collect(), pad }
    }
}
