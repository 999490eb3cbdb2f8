//! All tokens of a tokenizer: those of the vocabulary, and those that stand beside its word pieces.

use std::sync::Arc;

use super::TokenizerOptions;
use super::added::{AddedToken, AddedTokens};
use super::vocabulary::Vocabulary;
use crate::error::Result;

/// A vocabulary with added tokens.
#[derive(Debug, Clone)]
pub(super) struct Tokens {
    pub vocabulary: Arc<Vocabulary>,
    pub added: AddedTokens,
}

impl Tokens {
    /// The vocabulary's five special tokens, and these, by the ids that files give them.
    pub fn new(vocabulary: Vocabulary, added: &[(i64, AddedToken)], options: &TokenizerOptions) -> Result<Self> {
        let added = AddedTokens::new(&vocabulary, added, options)?;
        Ok(Self { vocabulary: Arc::new(vocabulary), added })
    }

    /// One more than the largest id.
    pub fn limit(&self) -> i64 {
        self.added.limit(&self.vocabulary)
    }

    /// How many tokens there are.
    pub fn len(&self) -> usize {
        let new = self.added.iter().filter(|(_, token)| self.vocabulary.id(&token.content).is_none()).count();
        self.vocabulary.len() + new
    }

    /// The id of a token, exactly as it is spelled.
    pub fn id(&self, token: &str) -> Option<i64> {
        self.added.id(token).or_else(|| self.vocabulary.id(token))
    }

    /// The token of an id.
    pub fn token(&self, id: i64) -> Option<&str> {
        let added = self.added.token(id).map(|token| token.content.as_str());
        added.or_else(|| self.vocabulary.token(id))
    }

    /// Whether decoding may leave an id out.
    pub fn is_special(&self, id: i64) -> bool {
        self.added.token(id).is_some_and(|token| token.special)
    }
}
