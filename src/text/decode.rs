//! Ids back to text.

use super::tokens::Tokens;
use super::wordpiece::CONTINUATION;
use crate::error::{Error, Result};

/// Joins the tokens of `ids`; see [`super::ElectraTokenizer::decode`].
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
