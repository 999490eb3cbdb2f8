//! Ids back to text.

use super::tokenizer::WordPieceTokenizer;
use super::tokens::Tokens;
use super::vocabulary::CONTINUATION;
use crate::error::{Error, Result};

impl WordPieceTokenizer {
    /// Joins the tokens of `ids` into a text.
    ///
    /// Spaces stand between words, and are taken away before `. ? ! ,` and before `n't 'm 's 've 're` where those are
    /// single tokens. `skip_special_tokens` leaves out the special tokens. `clean_up` is transformers'
    /// `clean_up_tokenization_spaces`, off by default there: it also takes away those spaces where contractions are
    /// several tokens.
    ///
    /// # Errors
    /// `OutOfRange` for an id beyond the vocabulary, `Tokenizer` for one that has no token.
    pub fn decode(&self, ids: &[i64], skip_special_tokens: bool, clean_up: bool) -> Result<String> {
        decode(&self.tokens, ids, skip_special_tokens, clean_up)
    }

    /// Ids to tokens, one for one.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn convert_ids_to_tokens(&self, ids: &[i64], skip_special_tokens: bool) -> Result<Vec<String>> {
        let wanted = ids.iter().enumerate().filter(|(_, id)| !(skip_special_tokens && self.tokens.is_special(**id)));
        wanted.map(|(position, &id)| token(&self.tokens, id, position).map(str::to_string)).collect()
    }

    /// Tokens to ids, one for one; the id of `[UNK]` for a token that the vocabulary lacks.
    #[must_use]
    pub fn convert_tokens_to_ids<Token: AsRef<str>>(&self, tokens: &[Token]) -> Vec<i64> {
        let id = |token: &Token| self.tokens.id(token.as_ref()).unwrap_or(self.tokens.vocabulary.unknown);
        tokens.iter().map(id).collect()
    }

    /// Tokens to a text, as [`Self::decode`] joins them.
    #[must_use]
    pub fn convert_tokens_to_string<Token: AsRef<str>>(&self, tokens: &[Token]) -> String {
        join(tokens.iter().map(AsRef::as_ref))
    }
}

/// Joins the tokens of `ids`; see [`super::WordPieceTokenizer::decode`].
pub(super) fn decode(tokens: &Tokens, ids: &[i64], skip_special: bool, clean_up: bool) -> Result<String> {
    let mut spelled = Vec::with_capacity(ids.len());
    for (position, &id) in ids.iter().enumerate() {
        let token = token(tokens, id, position)?;
        if !(skip_special && tokens.is_special(id)) {
            spelled.push(token);
        }
    }
    let text = join(spelled);
    Ok(if clean_up { join_punctuation(&text) } else { text })
}

/// Tokens to a text: a space before each word, none before the pieces that continue one.
pub(super) fn join<'a>(tokens: impl IntoIterator<Item = &'a str>) -> String {
    let mut text = String::new();
    let mut first = true;
    for token in tokens {
        let piece = match token.strip_prefix(CONTINUATION) {
            _ if first => token.to_string(),
            Some(rest) => rest.to_string(),
            None => format!(" {token}"),
        };
        // `tokenizers` tidies every piece by itself, whether or not the whole is tidied afterwards: that is what
        // puts a full stop next to its word, but leaves `' s` apart.
        text.push_str(&join_negation(&join_punctuation(&piece)));
        first = false;
    }
    text
}

/// The token of `id`, which stands at `position` in a list.
pub(super) fn token(tokens: &Tokens, id: i64, position: usize) -> Result<&str> {
    tokens.token(id).ok_or_else(|| {
        if (0..tokens.limit()).contains(&id) {
            let reason = format!("id {id} at {position} has no token: its line in the vocabulary is repeated later on");
            Error::Tokenizer { reason }
        } else {
            let what = "ids".to_string();
            Error::OutOfRange { what, value: id, position: vec![position], limit: tokens.limit() }
        }
    })
}

/// Takes away the spaces that tokenising set around punctuation and English contractions.
fn join_punctuation(text: &str) -> String {
    const JOINS: [(&str, &str); 10] = [
        (" .", "."),
        (" ?", "?"),
        (" !", "!"),
        (" ,", ","),
        (" ' ", "'"),
        (" n't", "n't"),
        (" 'm", "'m"),
        (" 's", "'s"),
        (" 've", "'ve"),
        (" 're", "'re"),
    ];
    JOINS
        .iter()
        .fold(text.to_string(), |text, (from, to)| if text.contains(from) { text.replace(from, to) } else { text })
}

/// The one replacement that only the tidying of a single piece has.
fn join_negation(text: &str) -> String {
    text.replace(" do not", " don't")
}
