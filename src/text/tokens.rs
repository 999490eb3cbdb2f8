//! All tokens of a tokenizer: those of the vocabulary and the added ones.

use std::sync::Arc;

use super::added::AddedTokens;
use super::options::TokenizerOptions;
use super::vocabulary::Vocabulary;
use crate::error::Result;

/// A vocabulary with added tokens.
#[derive(Debug, Clone)]
pub(super) struct Tokens {
    pub vocabulary: Arc<Vocabulary>,
    pub added: AddedTokens,
}

impl Tokens {
    /// Combine a vocabulary with its five special tokens as added tokens.
    pub fn new(vocabulary: Vocabulary, options: &TokenizerOptions) -> Result<Self> {
        let added = AddedTokens::new(&vocabulary, options)?;
        Ok(Self { vocabulary: Arc::new(vocabulary), added })
    }

    /// Return one more than the largest id.
    pub fn limit(&self) -> i64 {
        self.added.limit(&self.vocabulary)
    }

    /// Return the number of tokens.
    pub fn len(&self) -> usize {
        let new = self.added.iter().filter(|(_, token)| self.vocabulary.id(&token.content).is_none()).count();
        self.vocabulary.len() + new
    }

    /// Return the id of a token, spelled exactly so.
    pub fn id(&self, token: &str) -> Option<i64> {
        self.added.id(token).or_else(|| self.vocabulary.id(token))
    }

    /// Return the token of an id. An added token that is searched for in normalised text has its normalised spelling.
    pub fn token(&self, id: i64) -> Option<&str> {
        self.added.spelling(id).or_else(|| self.vocabulary.token(id))
    }

    /// Return whether decoding may skip an id.
    pub fn is_special(&self, id: i64) -> bool {
        self.token(id).is_some_and(|token| self.added.is_special(token))
    }
}
