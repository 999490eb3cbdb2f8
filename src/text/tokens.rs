//! All tokens of a tokenizer: those of the vocabulary and the added ones, and how texts become such tokens and back.

use std::sync::Arc;

use super::added::{AddedToken, AddedTokens};
use super::joiner::Joiner;
use super::normalize::Normalizer;
use super::normalized::Normalized;
use super::options::TokenizerOptions;
use super::pipeline::Pipeline;
use super::progress::Progress;
use super::template::Template;
use super::vocabulary::Vocabulary;
use crate::error::Result;

/// A vocabulary with added tokens.
#[derive(Debug, Clone)]
pub(super) struct Tokens {
    pub vocabulary: Arc<Vocabulary>,
    pub added: AddedTokens,
    /// How texts become pieces; `None` for BERT's own pipeline.
    pub pipeline: Option<Arc<Pipeline>>,
    pub template: Template,
    pub joiner: Joiner,
}

impl Tokens {
    /// Combine a vocabulary with a pipeline, without added tokens. The rest is BERT's.
    pub fn new(vocabulary: Vocabulary, pipeline: Option<Pipeline>) -> Result<Self> {
        Ok(Self {
            template: Template::bert(&vocabulary),
            vocabulary: Arc::new(vocabulary),
            added: AddedTokens::new()?,
            pipeline: pipeline.map(Arc::new),
            joiner: Joiner::default(),
        })
    }

    /// Add tokens, as [`AddedTokens::add`].
    pub fn add(&mut self, tokens: &[AddedToken], options: &TokenizerOptions) -> Result<usize> {
        let normalizer = Normalizer::new(options);
        let pipeline = self.pipeline.clone();
        let normalize = |content: &str| {
            if let Some(pipeline) = &pipeline {
                return pipeline.normalized(content);
            }
            Ok(Normalized::new(content, 0, &normalizer, &mut Progress::new())?.into_text())
        };
        self.added.add(tokens, &self.vocabulary, &normalize)
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

    /// Return the token of an id as files spell it.
    pub fn content(&self, id: i64) -> Option<&str> {
        self.added.token(id).map(|token| token.content.as_str()).or_else(|| self.vocabulary.token(id))
    }

    /// Return whether decoding may skip an id.
    pub fn is_special(&self, id: i64) -> bool {
        self.token(id).is_some_and(|token| self.added.is_special(token))
    }
}
