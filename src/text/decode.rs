//! Ids to tokens and text.

use super::joiner::remove_spaces;
use super::tokenizer::WordPieceTokenizer;
use crate::error::{Error, Result};
use crate::interrupt;

impl WordPieceTokenizer {
    /// Join the tokens of `ids` into a text.
    ///
    /// Words are separated by spaces, which are removed before `. ? ! ,` and before `n't 'm 's 've 're` if those are
    /// single tokens. `skip_special_tokens` leaves out the special tokens. `clean_up` is transformers'
    /// `clean_up_tokenization_spaces`, off by default there: it removes those spaces also before contractions of
    /// several tokens.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] if an id is negative or at least [`Self::id_limit`]; [`Error::Tokenizer`] if an id has no
    /// token; the errors of [`interrupt::go_on`].
    pub fn decode(&self, ids: &[i64], skip_special_tokens: bool, clean_up: bool) -> Result<String> {
        let text = self.tokens.joiner.try_join(self.spell(ids, skip_special_tokens)?)?;
        Ok(if clean_up { remove_spaces(&text) } else { text })
    }

    /// Convert ids to tokens, one for one but for special tokens that are skipped.
    ///
    /// # Errors
    /// The errors of [`Self::decode`].
    pub fn convert_ids_to_tokens(&self, ids: &[i64], skip_special_tokens: bool) -> Result<Vec<String>> {
        Ok(self.spell(ids, skip_special_tokens)?.into_iter().map(str::to_string).collect())
    }

    /// Convert tokens to ids, one for one. A token that the vocabulary lacks gets the id of `[UNK]`.
    #[must_use]
    pub fn convert_tokens_to_ids<Token: AsRef<str>>(&self, tokens: &[Token]) -> Vec<i64> {
        let id = |token: &Token| self.tokens.id(token.as_ref()).unwrap_or(self.tokens.vocabulary.unknown);
        tokens.iter().map(id).collect()
    }

    /// Join tokens into a text as [`Self::decode`] does.
    #[must_use]
    pub fn convert_tokens_to_string<Token: AsRef<str>>(&self, tokens: &[Token]) -> String {
        self.tokens.joiner.join(tokens.iter().map(AsRef::as_ref))
    }

    /// Join tokens as [`Self::convert_tokens_to_string`] does, and ask whether to go on.
    #[cfg(feature = "python")]
    pub(crate) fn join<'a>(&self, tokens: impl IntoIterator<Item = &'a str>) -> Result<String> {
        self.tokens.joiner.try_join(tokens)
    }

    /// Return the token of each id, without special tokens if `skip_special`.
    pub(crate) fn spell(&self, ids: &[i64], skip_special: bool) -> Result<Vec<&str>> {
        let mut spelled = Vec::with_capacity(ids.len());
        for (position, &id) in ids.iter().enumerate() {
            interrupt::go_on_at(position)?;
            let token = self.tokens.token(id).ok_or_else(|| self.no_token(id, position))?;
            if !(skip_special && self.tokens.is_special(id)) {
                spelled.push(token);
            }
        }
        Ok(spelled)
    }

    /// Build the error for an id without a token at `position` of a list.
    fn no_token(&self, id: i64, position: usize) -> Error {
        let limit = self.tokens.limit();
        if (0..limit).contains(&id) {
            let reason =
                format!("id {id} at {position} has no token: a later line of the vocabulary repeats its token");
            return Error::Tokenizer { reason };
        }
        Error::OutOfRange { what: "ids".to_string(), value: id, position: vec![position], limit }
    }
}
