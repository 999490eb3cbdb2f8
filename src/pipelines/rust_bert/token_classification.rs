//! Label the tokens, or the words, of texts.
//!
//! Source: rust_bert 0.23 `src/pipelines/token_classification.rs`.

pub use rust_tokenizers::{Mask, Offset};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind};

use super::common::{Files, ModelResource, ModelType, TokenizerOption, answered, configuration};
use crate::error::Result;
use crate::heads::TokenClassificationHead;
use crate::pipelines::labelled_tokens::{Place, Scope};
use crate::pipelines::spans::Characters;
use crate::pipelines::{BATCH_TOKENS, TextPipeline, TokenClassification, TokenClassificationOptions};
use crate::resources::ResourceProvider;
use crate::text::characters::{Kind as CharacterKind, find_kind, is_chinese};

/// A token, or a word of several tokens, with its label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Token {
    /// The characters of the text. A special token is spelled as in the vocabulary.
    pub text: String,
    /// The label's probability. For a word, the product over its tokens of the probability of the label, or of 1 minus that
    /// of the token's own label if that is another.
    pub score: f64,
    /// The label.
    pub label: String,
    /// The label's id.
    pub label_index: i64,
    /// The index of the text among those of the call.
    pub sentence: usize,
    /// The index of the token, or of the word's first token, among the text's tokens, counted from `[CLS]` = 0.
    pub index: usize,
    /// The number of the word among those that are returned for the text, counted from 1.
    pub word_index: usize,
    /// The characters of the token in the text. `None` for a special token.
    pub offset: Option<Offset>,
    /// The kind of token. [`Mask::None`] for a word of several tokens.
    pub mask: Mask,
}

/// Return the id and the name of the label of a word.
type LabelAggregationFunction = Box<fn(&[Token]) -> (i64, String)>;

/// How the labels of the tokens of a word become that of the word.
#[derive(Debug)]
pub enum LabelAggregationOption {
    /// Take that of the first token.
    First,
    /// Take that of the last token.
    Last,
    /// Take the one that most tokens have; of several, the one with the highest probability, then the first in the word.
    Mode,
    /// Call a function with the tokens of the word.
    Custom(LabelAggregationFunction),
}

configuration! {
    /// The files of a token classifier, how it runs, and how words are labelled.
    TokenClassificationConfig,
    extra {
        /// How the labels of the tokens of a word become that of the word.
        label_aggregation_function: LabelAggregationOption = label_aggregation_function,
        /// The model runs on as many windows at once as have the tokens of so many longest rows, or [`BATCH_TOKENS`] if that
        /// is less.
        batch_size: usize = 64,
    },
    arguments { label_aggregation_function: LabelAggregationOption }
}

/// Label tokens and words with a [`TokenClassification`].
#[derive(Debug)]
pub struct TokenClassificationModel {
    pipeline: TokenClassification,
    tokenizer: TokenizerOption,
    aggregation: LabelAggregationOption,
}

impl TokenClassificationModel {
    /// Load the model and its tokenizer.
    ///
    /// # Errors
    /// The errors of [`ResourceProvider::get_local_path`], of reading a configuration, weights or a vocabulary, and of
    /// [`TokenClassification::from_model`]; [`Error::Input`](crate::Error::Input) if a field does not suit the family.
    pub fn new(config: TokenClassificationConfig) -> Result<Self> {
        let tokenizer = config.files().tokenizer()?;
        Self::new_with_tokenizer(config, tokenizer)
    }

    /// Load the model, and take a tokenizer.
    ///
    /// # Errors
    /// The errors of [`TokenClassificationModel::new`].
    pub fn new_with_tokenizer(config: TokenClassificationConfig, tokenizer: TokenizerOption) -> Result<Self> {
        let model = config.files().model::<TokenClassificationHead, _>()?;
        let pipeline = TokenClassification::from_model(model, (*tokenizer).clone())?;
        let longest = pipeline.limits().max_position_embeddings as usize;
        let pipeline = pipeline.with_batch_tokens(config.batch_size.saturating_mul(longest).min(BATCH_TOKENS));
        Ok(Self { pipeline, tokenizer, aggregation: config.label_aggregation_function })
    }

    /// Return the tokenizer.
    #[must_use]
    pub fn get_tokenizer(&self) -> &TokenizerOption {
        &self.tokenizer
    }

    /// Return the tokens of every text with their labels, or with `consolidate_sub_tokens` the words. `return_special` adds
    /// the special tokens. A text of any length is read: it is cut into windows, as in [`TokenClassification::tokens`].
    ///
    /// # Panics
    /// If [`TokenClassificationModel::try_predict`] returns an error, or a custom aggregation panics.
    pub fn predict<S>(&self, input: &[S], consolidate_sub_tokens: bool, return_special: bool) -> Vec<Vec<Token>>
    where
        S: AsRef<str>,
    {
        answered(self.try_predict(input, consolidate_sub_tokens, return_special))
    }

    /// Return what [`TokenClassificationModel::predict`] does, or the error.
    ///
    /// # Errors
    /// [`Error::Torch`](crate::Error::Torch) or [`Error::Memory`](crate::Error::Memory) if there is no memory; the errors of
    /// a check that [`crate::interrupt::watch`] installed.
    pub fn try_predict<S>(
        &self,
        input: &[S],
        consolidate_sub_tokens: bool,
        return_special: bool,
    ) -> Result<Vec<Vec<Token>>>
    where
        S: AsRef<str>,
    {
        if input.is_empty() {
            return Ok(Vec::new());
        }
        let texts: Vec<&str> = input.iter().map(AsRef::as_ref).collect();
        let scope = if return_special { Scope::Row } else { Scope::Text };
        let options = TokenClassificationOptions { ignore_labels: Vec::new(), ..TokenClassificationOptions::default() };
        let rows = self.pipeline.each_token(&texts, scope, &options, |speller, place| {
            let span = speller.span(place.encoding, place.column);
            Some(Seen::new(&place, span))
        })?;
        let name = |(sentence, (text, seen)): (usize, (&&str, Vec<Seen>))| {
            let mut tokens = self.named(sentence, text, &seen);
            if consolidate_sub_tokens {
                tokens = tokens
                    .chunk_by(|one, next| one.word_index == next.word_index)
                    .map(|word| self.word(word))
                    .collect();
            }
            tokens
        };
        Ok(texts.iter().zip(rows).enumerate().map(name).collect())
    }

    /// Name the labels of the tokens of a text, number its words, and tell kinds of tokens.
    fn named(&self, sentence: usize, text: &str, seen: &[Seen]) -> Vec<Token> {
        let mut characters = Characters::new(text);
        let mut tokens = Vec::with_capacity(seen.len());
        let words = seen.chunk_by(|one, next| one.word.is_some() && one.word == next.word);
        for (number, word) in words.enumerate() {
            for (place, token) in word.iter().enumerate() {
                let (begin, end) = token.span;
                let text = if token.special {
                    self.tokenizer.id_to_token(token.id).unwrap_or_default()
                } else {
                    characters.slice(begin, end)
                };
                let limit = |character| u32::try_from(character).unwrap_or(u32::MAX);
                tokens.push(Token {
                    text: text.to_string(),
                    score: token.score,
                    label: self.pipeline.labels()[token.label].clone(),
                    label_index: token.label as i64,
                    sentence,
                    index: token.index,
                    word_index: number + 1,
                    offset: (!token.special).then(|| Offset::new(limit(begin), limit(end))),
                    mask: if token.special { Mask::Special } else { self.mask(token.id, text, place, word.len()) },
                });
            }
        }
        tokens
    }

    /// Return the kind of a token: the `place`th of `count` in its word.
    fn mask(&self, id: i64, text: &str, place: usize, count: usize) -> Mask {
        let mut characters = text.chars();
        match (characters.next(), characters.next()) {
            _ if place > 0 => Mask::Continuation,
            _ if count > 1 => Mask::Begin,
            _ if id == self.tokenizer.unk_token_id() => Mask::Unknown,
            (Some(one), None) if find_kind(one) == CharacterKind::Punctuation => Mask::Punctuation,
            (Some(one), None) if is_chinese(one) => Mask::CJK,
            _ => Mask::None,
        }
    }

    /// Merge the tokens of a word. A single token stays as it is.
    fn word(&self, tokens: &[Token]) -> Token {
        let mut word = tokens[0].clone();
        if let [first, .., last] = tokens {
            (word.label_index, word.label) = self.aggregation.label(tokens);
            word.text = tokens.iter().map(|token| token.text.as_str()).collect();
            let score = |token: &Token| {
                if token.label_index == word.label_index { token.score } else { 1.0 - token.score }
            };
            word.score = tokens.iter().map(score).product();
            word.offset = first.offset.zip(last.offset).map(|(first, last)| Offset::new(first.begin, last.end));
            word.mask = Mask::None;
        }
        word
    }
}

impl LabelAggregationOption {
    /// Return the id and the name of the label of a word of several tokens.
    fn label(&self, tokens: &[Token]) -> (i64, String) {
        let chosen = match self {
            Self::Custom(function) => return function(tokens),
            Self::First => &tokens[0],
            Self::Last => &tokens[tokens.len() - 1],
            Self::Mode => {
                let count =
                    |token: &Token| tokens.iter().filter(|other| other.label_index == token.label_index).count();
                let rank = |token: &Token| (count(token), token.score);
                // The first of several.
                tokens.iter().fold(&tokens[0], |best, token| if rank(token) > rank(best) { token } else { best })
            }
        };
        (chosen.label_index, chosen.label.clone())
    }
}

/// A labelled token before its label and its kind are named.
struct Seen {
    id: i64,
    label: usize,
    score: f64,
    index: usize,
    span: (usize, usize),
    word: Option<usize>,
    special: bool,
}

impl Seen {
    fn new(place: &Place, span: (usize, usize)) -> Self {
        let Place { piece, encoding, column, index } = *place;
        let special = !encoding.text(0).contains(&column);
        let word = if special { None } else { encoding.word_id(column) };
        Self { id: encoding.ids()[column], label: piece.label, score: piece.score, index, span, word, special }
    }
}
