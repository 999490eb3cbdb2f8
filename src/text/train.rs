//! A tokenizer with the pipeline of another one and a vocabulary that is learnt from texts.

use serde_json::{Value, json};

use super::added::AddedToken;
use super::pipeline::learn;
use super::pretrained::{read_parts, settings_and_special};
use super::tokenizer::WordPieceTokenizer;
use super::whole;
use crate::error::{Error, Result};
use crate::interrupt;
use crate::memory::check_room;

impl WordPieceTokenizer {
    /// Learn a vocabulary of at most `size` tokens from texts, which are normalised and split as this tokenizer does.
    /// The special tokens of this tokenizer get the first ids, in their order, and then those in `special`.
    ///
    /// # Errors
    /// [`Error::Input`] if `size` has no room for the special tokens; [`Error::Tokenizer`] if the pipeline fails on a
    /// text; the errors of [`interrupt::go_on`].
    ///
    /// # Source
    /// transformers v5.24 `tokenization_utils_tokenizers.py`, `train_new_from_iterator`.
    pub fn train_new(&self, texts: Vec<String>, size: usize, special: &[AddedToken]) -> Result<Self> {
        let own = self.added_tokens().filter(|(_, token)| token.special).map(|(_, token)| token.clone());
        let five = self.special_tokens().map(AddedToken::special);
        let mut tokens: Vec<AddedToken> = Vec::new();
        for token in own.chain(five).chain(special.iter().cloned()) {
            if !tokens.iter().any(|known| known.content == token.content) {
                tokens.push(token);
            }
        }
        if size < tokens.len() {
            let reason = format!("expected at least {}, the number of special tokens, got {size}", tokens.len());
            return Err(Error::input("vocab_size", reason));
        }
        let size = size.min(largest(&texts).max(USUAL));
        check_room("the vocabulary", size, BYTES_PER_TOKEN)?;
        let mut file = whole::write(&self.tokens, &self.options)?;
        let mut frame = file["post_processor"].take();
        file["model"]["vocab"] = json!({});
        file["added_tokens"] = json!([]);
        let mut file = interrupt::detached(move || learn(&file, &texts, size, &tokens))?;
        for (name, token) in frame["special_tokens"].as_object_mut().into_iter().flatten() {
            token["ids"] = json!([file["model"]["vocab"][name.as_str()]]);
        }
        file["post_processor"] = frame;
        let (mut settings, _) = settings_and_special(&self.tokens, &self.options);
        for field in ["added_tokens_decoder", "additional_special_tokens"] {
            settings[field] = Value::Null;
        }
        let (tokens, options) = read_parts(file, settings, "the learnt tokenizer")?;
        Ok(Self { tokens: tokens.into(), options })
    }
}

/// What learning reserves for a token before there is one, at least.
const BYTES_PER_TOKEN: usize = 64;

/// A size for which there is always memory. A normalizer that replaces characters by long texts may need it.
const USUAL: usize = 1 << 20;

/// The bytes into which Unicode's normal forms turn one, at most: a character of three bytes may become eighteen.
const GROWTH: usize = 32;

/// Return a number of tokens that texts cannot exceed: each character is at most two pieces, at the start of a word and
/// inside one, and ends at most one longer piece. Learning reserves memory for as many tokens as it may find.
fn largest(texts: &[String]) -> usize {
    texts.iter().map(|text| text.len().saturating_mul(3 * GROWTH)).fold(0, usize::saturating_add)
}
