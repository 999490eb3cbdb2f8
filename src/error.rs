//! The one error type of the crate. Each variant carries data: the argument or file, what was got, what was expected.

use std::fmt::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

/// The result of every fallible function of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A tensor whose shape or dtype in a file is not the model's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Name of the parameter, in the model's own terms.
    pub name: String,
    /// The shape and dtype that the model needs, e.g. `[30522, 128]`.
    pub expected: String,
    /// The shape and dtype in the file.
    pub got: String,
    /// The model's shape and the file's, unless they are not what differs.
    pub shapes: Option<(Vec<i64>, Vec<i64>)>,
}

/// Serialise as a tuple (name, expected, got).
impl Serialize for Mismatch {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        (&self.name, &self.expected, &self.got).serialize(serializer)
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} (expected {}, got {})", self.name, self.expected, self.got)
    }
}

/// Every error of this crate.
///
/// The message of an error is complete: it includes the operating system's own message, so `source()` returns None and
/// nothing is printed twice by a program that prints the chain of sources. The system's error is a field of
/// [`Error::Io`].
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused to read or write a file.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// `"open"`, `"read"`, `"write"`, ...
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's own error.
        // Spelled raw, so that thiserror does not return it from `source()`: the message has it.
        r#source: std::io::Error,
    },

    /// A model folder lacks a file that is needed.
    #[error("{} has no {wanted}; it holds: {}", folder.display(), list(found))]
    MissingFile {
        /// The folder that was searched.
        folder: PathBuf,
        /// The missing file, e.g. `config.json`.
        wanted: String,
        /// The files in the folder.
        found: Vec<String>,
    },

    /// A file on the network could not be fetched.
    #[error("cannot download {url}: {reason}")]
    Download {
        /// The address of the file.
        url: String,
        /// The answer of the server or the network, and the expected one.
        reason: String,
    },

    /// A configuration field is missing, has the wrong type, or an impossible value.
    #[error("config{}: {field}: {reason}", place(path.as_deref()))]
    Config {
        /// The file, if there is one.
        path: Option<PathBuf>,
        /// The key in `config.json`.
        field: String,
        /// The value that was got and the one that was expected.
        reason: String,
    },

    /// A weight file is truncated, corrupt, hostile or of an unsupported format.
    #[error("{} is not a readable weight file: {reason}", path.display())]
    WeightsFormat {
        /// The file.
        path: PathBuf,
        /// The bytes or names that were found, their place, and what was expected.
        reason: String,
    },

    /// A record of a `TFRecord` file is cut off, damaged, or holds no pre-training example.
    #[error("{}, record {record}: {reason} (the record begins at byte {byte})", path.display())]
    Data {
        /// The file.
        path: PathBuf,
        /// The number of the record in the file, from 0.
        record: usize,
        /// The offset of the record in the file, in bytes.
        byte: u64,
        /// The content that was found and the one that was expected.
        reason: String,
    },

    /// The tensors of a file do not match the model's parameters. All differences are reported at once.
    #[error("{}", mismatch_message(path.as_deref(), missing, unexpected, mismatched))]
    WeightsMismatch {
        /// The file, if there is one.
        path: Option<PathBuf>,
        /// Parameters of the model that the file lacks.
        missing: Vec<String>,
        /// Tensors of the file without a parameter in the model.
        unexpected: Vec<String>,
        /// Tensors with another shape or dtype than the model's.
        mismatched: Vec<Mismatch>,
    },

    /// An argument has the wrong shape.
    #[error("{what}: expected shape {expected}, got {got}")]
    Shape {
        /// The argument, e.g. `attention_mask`.
        what: String,
        /// In the letters of the documentation and numbers, e.g. `[B, S] = [2, 7]`.
        expected: String,
        /// The shape that was given.
        got: String,
    },

    /// An argument has the wrong dtype.
    #[error("{what}: expected {expected}, got {got}")]
    Dtype {
        /// The argument.
        what: String,
        /// The dtypes that are accepted.
        expected: String,
        /// The dtype that was given.
        got: String,
    },

    /// An argument has an impossible value or combination.
    #[error("{what}: {reason}")]
    Input {
        /// The argument or arguments.
        what: String,
        /// The value that was got and the one that was expected.
        reason: String,
    },

    /// An id or a position lies outside its table.
    #[error("{what}: {value} at {position:?} is out of range, expected 0 <= value < {limit}")]
    OutOfRange {
        /// The argument, e.g. `input_ids`.
        what: String,
        /// The first bad value, row by row.
        value: i64,
        /// The position of the value: [row, column].
        position: Vec<usize>,
        /// The largest allowed value plus one.
        limit: i64,
    },

    /// A text has more tokens than the model has positions.
    #[error(
        "{what}: {length} tokens at row {row} are more than the model's {maximum} positions; truncate the text (the tokenizer's truncation and max_length)"
    )]
    TooLong {
        /// The argument.
        what: String,
        /// The row of the batch.
        row: usize,
        /// Tokens in it.
        length: usize,
        /// `max_position_embeddings`.
        maximum: usize,
    },

    /// A vocabulary file cannot be used.
    #[error("vocabulary {}{}: {reason}", path.display(), line.map(|line| format!(", line {line}")).unwrap_or_default())]
    Vocabulary {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1, if one line is wrong.
        line: Option<usize>,
        /// The content that was found and the one that was expected.
        reason: String,
    },

    /// A text cannot be tokenised as asked.
    #[error("tokenizer: {reason}")]
    Tokenizer {
        /// The value that was got and the one that was expected.
        reason: String,
    },

    /// There is no memory for a result.
    #[error(
        "{what}: {bytes} bytes are needed, more than there is memory; use less at once, such as fewer or shorter rows"
    )]
    Memory {
        /// The result.
        what: String,
        /// Its size; `usize::MAX` if larger.
        bytes: usize,
    },

    /// A device does not exist here.
    #[error("device {requested:?}: {reason}")]
    Device {
        /// The device as the caller named it.
        requested: String,
        /// Why the device cannot be used, and which devices can.
        reason: String,
    },

    /// A pipeline was given a model whose head was not loaded.
    #[error(
        "{task} needs a trained model, but {} still have the random values of a fresh one; load a checkpoint that has them",
        shortened(parameters)
    )]
    UntrainedHead {
        /// The task.
        task: String,
        /// The parameters that still have random values.
        parameters: Vec<String>,
    },

    /// libtorch refused an operation.
    #[error("libtorch: {message}")]
    Torch {
        /// The first line of libtorch's message.
        message: String,
    },

    /// The work was interrupted, as the check of [`watch`](crate::interrupt::watch) asked for.
    #[error("interrupted")]
    Interrupted,

    /// A defect of oxbert itself.
    #[error("internal error, please report it: {message}")]
    Internal {
        /// The broken assumption.
        message: String,
    },
}

/// rust_bert's name of [`Error`], whose variants have other names and carry more data.
pub type RustBertError = Error;

impl Error {
    /// Return a function that wraps the error of a file operation, for `map_err`.
    pub fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::Io { action, path, source }
    }

    /// Return an error about an argument or a combination of arguments.
    pub fn input(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Input { what: what.into(), reason: reason.into() }
    }

    /// Return an error about a result that takes more memory than there is.
    pub fn memory(what: impl Into<String>, bytes: usize) -> Self {
        Self::Memory { what: what.into(), bytes }
    }

    /// Return an error about a configuration field; [`Error::in_file`] adds the file.
    pub fn config(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Config { path: None, field: field.into(), reason: reason.into() }
    }

    /// Add the file to a configuration or weight error that names none.
    #[must_use]
    pub fn in_file(mut self, file: impl AsRef<Path>) -> Self {
        match &mut self {
            Self::Config { path, .. } | Self::WeightsMismatch { path, .. } => {
                path.get_or_insert_with(|| file.as_ref().to_path_buf());
            }
            _ => {}
        }
        self
    }
}

impl From<tch::TchError> for Error {
    fn from(error: tch::TchError) -> Self {
        // libtorch appends a C++ backtrace; the first line says what went wrong.
        let text = error.to_string();
        let message = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("unknown error").trim().to_string();
        Self::Torch { message }
    }
}

impl From<rust_tokenizers::error::TokenizerError> for Error {
    fn from(error: rust_tokenizers::error::TokenizerError) -> Self {
        Self::Tokenizer { reason: error.to_string() }
    }
}

fn place(path: Option<&Path>) -> String {
    path.map(|path| format!(" {}", path.display())).unwrap_or_default()
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_string() } else { shortened(names) }
}

/// Return the beginning of a text for a message, since a text may have any length.
pub(crate) fn excerpt(text: &str) -> String {
    const LENGTH: usize = 80;
    match text.char_indices().nth(LENGTH) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}...", text.get(..end).unwrap_or_default()),
    }
}

/// Return the first names and the number of the others: a foreign checkpoint can lack hundreds. The variant has all
/// names.
fn shortened(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let more = names.len().saturating_sub(SHOWN);
    let shown = names[..names.len() - more].join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

fn mismatch_message(path: Option<&Path>, missing: &[String], unexpected: &[String], mismatched: &[Mismatch]) -> String {
    let mut message = format!("weights{} do not fit the model", place(path));
    let parts = [
        ("missing", missing.to_vec()),
        ("unexpected", unexpected.to_vec()),
        ("mismatched", mismatched.iter().map(ToString::to_string).collect()),
    ];
    for (label, names) in parts {
        if !names.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(message, "; {label}: {}", shortened(&names));
        }
    }
    if let Some(prefix) = foreign_prefix(missing, unexpected) {
        let _ = write!(message, "; remove {prefix:?} from the beginning of the names");
    }
    message
}

/// Return the prefix of the first name in the file that ends with the name of a missing parameter.
fn foreign_prefix<'a>(missing: &[String], unexpected: &'a [String]) -> Option<&'a str> {
    unexpected.iter().find_map(|name| {
        let parameter = missing.iter().find(|parameter| name.ends_with(&format!(".{parameter}")))?;
        name.strip_suffix(parameter.as_str())
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::error::Error as _;

    use super::*;

    /// Return an error of each kind. `said` is in every text that an error can hold.
    fn all(said: &str) -> Vec<Error> {
        let (text, path) = (|| said.to_string(), || Some(PathBuf::from(said)));
        let file = || PathBuf::from(said);
        let mismatch = Mismatch { name: text(), expected: text(), got: text(), shapes: None };
        vec![
            Error::io("open", said)(std::io::Error::other(format!("{said} as the system says"))),
            Error::MissingFile { folder: file(), wanted: text(), found: vec![text()] },
            Error::Download { url: text(), reason: text() },
            Error::Config { path: path(), field: text(), reason: text() },
            Error::WeightsFormat { path: file(), reason: text() },
            Error::Data { path: file(), record: 1, byte: 2, reason: text() },
            Error::WeightsMismatch {
                path: path(),
                missing: vec![text()],
                unexpected: vec![text()],
                mismatched: vec![mismatch],
            },
            Error::Shape { what: text(), expected: text(), got: text() },
            Error::Dtype { what: text(), expected: text(), got: text() },
            Error::Input { what: text(), reason: text() },
            Error::OutOfRange { what: text(), value: 1, position: vec![0], limit: 1 },
            Error::TooLong { what: text(), row: 0, length: 2, maximum: 1 },
            Error::Vocabulary { path: file(), line: Some(1), reason: text() },
            Error::from(rust_tokenizers::error::TokenizerError::FileNotFound(text())),
            Error::Memory { what: text(), bytes: 1 },
            Error::Device { requested: text(), reason: text() },
            Error::UntrainedHead { task: text(), parameters: vec![text()] },
            Error::from(tch::TchError::Torch(text())),
            Error::Interrupted,
            Error::Internal { message: text() },
        ]
    }

    /// Return the number of a variant. A variant that is missing here does not compile, and must be added to [`all`].
    fn number(error: &Error) -> usize {
        match error {
            Error::Io { .. } => 0,
            Error::MissingFile { .. } => 1,
            Error::Download { .. } => 2,
            Error::Config { .. } => 3,
            Error::WeightsFormat { .. } => 4,
            Error::Data { .. } => 5,
            Error::WeightsMismatch { .. } => 6,
            Error::Shape { .. } => 7,
            Error::Dtype { .. } => 8,
            Error::Input { .. } => 9,
            Error::OutOfRange { .. } => 10,
            Error::TooLong { .. } => 11,
            Error::Vocabulary { .. } => 12,
            Error::Tokenizer { .. } => 13,
            Error::Memory { .. } => 14,
            Error::Device { .. } => 15,
            Error::UntrainedHead { .. } => 16,
            Error::Torch { .. } => 17,
            Error::Interrupted => 18,
            Error::Internal { .. } => 19,
        }
    }

    #[test]
    fn messages_are_complete_and_a_chain_repeats_nothing() {
        let errors = all("said");
        assert_eq!(errors.iter().map(number).collect::<BTreeSet<_>>(), (0..20).collect());
        for error in errors {
            let message = error.to_string();
            assert!(message.contains("said") || matches!(error, Error::Interrupted), "{message}");
            assert!(!message.contains('\n'), "{message:?}");
            // As programs print an error: its message, then those of its sources.
            let mut printed = vec![message];
            let mut source = error.source();
            while let Some(error) = source {
                let message = error.to_string();
                assert!(!printed.iter().any(|before| before.contains(&message)), "{printed:?} repeats {message:?}");
                printed.push(message);
                source = error.source();
            }
        }
        // The system's message is in the error's own, once.
        let io = all("said").swap_remove(0);
        assert_eq!(io.to_string().matches("as the system says").count(), 1);
        assert!(matches!(io, Error::Io { source, .. } if source.kind() == std::io::ErrorKind::Other));
    }
}
