//! Tokens to a text: the decoder of a `tokenizer.json`.

use serde_json::{Value, json};

use super::vocabulary::CONTINUATION;
use crate::error::{Error, Result};
use crate::interrupt;

/// How tokens are joined to a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Joiner {
    /// The type `WordPiece`: pieces that begin with `prefix` continue a word, and `cleanup` removes spaces.
    Pieces { prefix: String, cleanup: bool },
    /// No decoder: every token is a word.
    Words,
}

impl Default for Joiner {
    fn default() -> Self {
        Self::Pieces { prefix: CONTINUATION.into(), cleanup: true }
    }
}

impl Joiner {
    /// Read the decoder of a `tokenizer.json`.
    ///
    /// # Errors
    /// [`Error::Config`] if the type is not `WordPiece`, or a field has the wrong type.
    pub fn read(decoder: &Value) -> Result<Self> {
        match (decoder["type"].as_str(), decoder["prefix"].as_str(), decoder["cleanup"].as_bool()) {
            _ if decoder.is_null() => Ok(Self::Words),
            (Some("WordPiece"), Some(prefix), Some(cleanup)) => Ok(Self::Pieces { prefix: prefix.into(), cleanup }),
            _ => {
                let expected = "expected null or the type WordPiece with a string prefix and a truth value cleanup";
                Err(Error::config("decoder", format!("{expected}, got {decoder}")))
            }
        }
    }

    /// Write the decoder of a `tokenizer.json`.
    pub fn write(&self) -> Value {
        match self {
            Self::Pieces { prefix, cleanup } => json!({"type": "WordPiece", "prefix": prefix, "cleanup": cleanup}),
            Self::Words => Value::Null,
        }
    }

    /// Join tokens into a text, with a space before each word and none before a piece that continues a word.
    pub fn join<'a>(&self, tokens: impl IntoIterator<Item = &'a str>) -> String {
        let mut text = String::new();
        for (number, token) in tokens.into_iter().enumerate() {
            self.push(&mut text, number, token);
        }
        text
    }

    /// Join tokens as [`Self::join`] does, and ask whether to go on.
    ///
    /// # Errors
    /// The errors of [`interrupt::go_on`].
    pub fn try_join<'a>(&self, tokens: impl IntoIterator<Item = &'a str>) -> Result<String> {
        let mut text = String::new();
        for (number, token) in tokens.into_iter().enumerate() {
            interrupt::go_on_at(number)?;
            self.push(&mut text, number, token);
        }
        Ok(text)
    }

    /// Append the token `number` of a text.
    fn push(&self, text: &mut String, number: usize, token: &str) {
        match self {
            Self::Words => {
                text.push_str(if number == 0 { "" } else { " " });
                text.push_str(token);
            }
            Self::Pieces { prefix, cleanup } => {
                let piece = match token.strip_prefix(prefix.as_str()) {
                    _ if number == 0 => token.to_string(),
                    Some(rest) => rest.to_string(),
                    None => format!(" {token}"),
                };
                // `tokenizers` cleans up every piece by itself, whether or not the whole text is cleaned up
                // afterwards. This attaches a full stop to its word but leaves `' s` apart.
                let piece = if *cleanup { contract_do_not(&remove_spaces(&piece)) } else { piece };
                text.push_str(&piece);
            }
        }
    }
}

/// Remove the spaces that tokenising put around punctuation and inside English contractions.
pub(super) fn remove_spaces(text: &str) -> String {
    const REPLACEMENTS: [(&str, &str); 10] = [
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
    REPLACEMENTS
        .iter()
        .fold(text.to_string(), |text, (from, to)| if text.contains(from) { text.replace(from, to) } else { text })
}

/// Replace `do not` by `don't`: `tokenizers` does so in single pieces only.
fn contract_do_not(text: &str) -> String {
    text.replace(" do not", " don't")
}
