//! All tokens of a tokenizer: those of the vocabulary, and those that stand beside its word pieces.

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
    /// A vocabulary, whose five special tokens are added ones.
    pub fn new(vocabulary: Vocabulary, options: &TokenizerOptions) -> Result<Self> {
        let added = AddedTokens::new(&vocabulary, options)?;
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

    /// The token of an id. An added token that is looked for in the normalised text is spelled as there.
    pub fn token(&self, id: i64) -> Option<&str> {
        self.added.spelling(id).or_else(|| self.vocabulary.token(id))
    }

    /// Whether decoding may leave an id out.
    pub fn is_special(&self, id: i64) -> bool {
        self.token(id).is_some_and(|token| self.added.is_special(token))
    }
}
