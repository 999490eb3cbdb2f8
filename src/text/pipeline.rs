//! Pipelines other than BERT's, run by the crate `tokenizers`, and the one place where its types are used.

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde::de::DeserializeOwned;
use serde_json::Value;
use tokenizers::models::TrainerWrapper;
use tokenizers::models::wordpiece::{WordPiece, WordPieceTrainer};
use tokenizers::tokenizer::normalizer::Range as Place;
use tokenizers::{
    Model, NormalizedString, Normalizer, NormalizerWrapper, OffsetType, PreTokenizedString, PreTokenizer,
    PreTokenizerWrapper, Token, Tokenizer, TruncationDirection,
};

use super::added::{AddedToken, AddedTokens, Section};
use super::words::TextToken;
use crate::error::{Error, Result};
use crate::interrupt;

/// The parts of a pipeline that turn a text into pieces: normalizer, pre-tokenizer and model.
#[derive(Debug, Clone)]
pub(super) struct Pipeline {
    normalizer: Option<NormalizerWrapper>,
    pre_tokenizer: Option<PreTokenizerWrapper>,
    model: WordPiece,
}

/// The types that are supported, and for those that hold others, the key of the list.
const NORMALIZERS: [(&str, Option<&str>); 10] = [
    ("NFC", None),
    ("NFD", None),
    ("NFKC", None),
    ("NFKD", None),
    ("Lowercase", None),
    ("StripAccents", None),
    ("BertNormalizer", None),
    ("Replace", None),
    ("Strip", None),
    ("Sequence", Some("normalizers")),
];
const PRE_TOKENIZERS: [(&str, Option<&str>); 7] = [
    ("Whitespace", None),
    ("WhitespaceSplit", None),
    ("BertPreTokenizer", None),
    ("Punctuation", None),
    ("Digits", None),
    ("Split", None),
    ("Sequence", Some("pretokenizers")),
];

impl Pipeline {
    /// Read the parts of a `tokenizer.json`. The model must have all its fields.
    ///
    /// # Errors
    /// [`Error::Config`] if a part has a type that is not supported, or a field has the wrong type.
    pub fn read(normalizer: &Value, pre_tokenizer: &Value, model: &Value) -> Result<Self> {
        check_types(normalizer, "normalizer", &NORMALIZERS)?;
        check_types(pre_tokenizer, "pre_tokenizer", &PRE_TOKENIZERS)?;
        Ok(Self {
            normalizer: parse(normalizer, "normalizer")?,
            pre_tokenizer: parse(pre_tokenizer, "pre_tokenizer")?,
            model: parse(model, "model")?,
        })
    }

    /// Write the normalizer and the pre-tokenizer of a `tokenizer.json`.
    pub fn write(&self) -> Result<(Value, Value)> {
        let written = |part: serde_json::Result<Value>| {
            part.map_err(|error| Error::Internal { message: format!("a part of a pipeline is no JSON: {error}") })
        };
        Ok((written(serde_json::to_value(&self.normalizer))?, written(serde_json::to_value(&self.pre_tokenizer))?))
    }

    /// Return what the pieces that continue a word begin with, and the length of the longest word that is split, in
    /// characters.
    pub fn model(&self) -> (&str, usize) {
        (&self.model.continuing_subword_prefix, self.model.max_input_chars_per_word)
    }

    /// Return the normalised text.
    pub fn normalized(&self, text: &str) -> Result<String> {
        guarded(|| {
            let mut text = NormalizedString::from(text);
            self.normalize(&mut text)?;
            Ok(text.get().to_string())
        })
    }

    fn normalize(&self, text: &mut NormalizedString) -> tokenizers::Result<()> {
        self.normalizer.as_ref().map_or(Ok(()), |normalizer| normalizer.normalize(text))
    }

    /// Return the first `limit` tokens of a text, in which `added` are looked for first. Between two steps, and for each
    /// word, ask whether to go on; no step asks by itself.
    pub fn tokens(&self, text: &str, added: &AddedTokens, limit: usize) -> Result<Vec<TextToken>> {
        guarded(|| {
            let mut parts = PreTokenizedString::from(text);
            parts.split(|_, part| {
                let sections = added.split(part.get()).collect();
                cut(&part, sections)
            })?;
            parts.split(|_, mut part| {
                interrupt::go_on()?;
                self.normalize(&mut part)?;
                let mut sections: Vec<Section> = added.split_normalized(part.get()).collect();
                if !added.has_normalized() {
                    sections.push((None, 0..part.get().len()));
                }
                cut(&part, sections)
            })?;
            interrupt::go_on()?;
            if let Some(pre_tokenizer) = &self.pre_tokenizer {
                pre_tokenizer.pre_tokenize(&mut parts)?;
            }
            let spell = |part: &NormalizedString| {
                interrupt::go_on()?;
                self.model.tokenize(part.get())
            };
            parts.tokenize_with_limit(spell, limit, TruncationDirection::Right)?;
            let pieces = parts.into_encoding(None, 0, OffsetType::Char)?;
            let places = pieces.get_ids().iter().zip(pieces.get_offsets()).zip(pieces.get_word_ids());
            let token = |((&id, &(begin, end)), word): ((_, &(usize, usize)), &Option<u32>)| TextToken {
                id,
                span: (begin as u32, end as u32),
                word: word.unwrap_or_default(),
            };
            Ok(places.map(token).take(limit).collect())
        })
    }
}

/// Learn the vocabulary of a `tokenizer.json` from texts.
pub(super) fn learn(file: &Value, texts: &[String], size: usize, special: &[AddedToken]) -> Result<Value> {
    let token = |token: &AddedToken| tokenizers::AddedToken {
        content: token.content.clone(),
        single_word: token.single_word,
        lstrip: token.lstrip,
        rstrip: token.rstrip,
        normalized: token.normalized,
        special: token.special,
    };
    guarded(|| {
        // A forked process must not wait for threads that only its parent has.
        tokenizers::parallelism::set_parallelism(false);
        let mut tokenizer: Tokenizer = file.to_string().parse()?;
        let prefix = file["model"]["continuing_subword_prefix"].as_str().unwrap_or_default();
        let mut trainer: TrainerWrapper = WordPieceTrainer::builder()
            .show_progress(false)
            .vocab_size(size)
            .special_tokens(special.iter().map(token).collect())
            .continuing_subword_prefix(prefix.to_string())
            .build()
            .into();
        let mut outcome = Ok(());
        let texts = texts.iter().take_while(|_| {
            outcome = interrupt::go_on();
            outcome.is_ok()
        });
        tokenizer.train(&mut trainer, texts)?;
        outcome?;
        Ok(serde_json::from_str(&tokenizer.to_string(false)?)?)
    })
}

/// Cut a part of a text into sections, those that are added tokens with their ids.
fn cut(
    part: &NormalizedString,
    sections: Vec<Section>,
) -> tokenizers::Result<Vec<(NormalizedString, Option<Vec<Token>>)>> {
    let section = |(id, bytes): Section| {
        let length = bytes.len();
        let section = part.slice(Place::Normalized(bytes)).ok_or("an added token ends inside a character")?;
        let token = |id| vec![Token::new(id as u32, String::new(), (0, length))];
        Ok((section, id.map(token)))
    };
    sections.into_iter().map(section).collect()
}

/// Run code of the crate, whose errors are texts and which panics on some input.
fn guarded<T>(run: impl FnOnce() -> tokenizers::Result<T>) -> Result<T> {
    let refused =
        |reason: String| Error::Tokenizer { reason: format!("the pipeline of tokenizer.json failed: {reason}") };
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(done) => done.map_err(|error| match error.downcast() {
            // An error of this crate, from a question whether to go on.
            Ok(own) => *own,
            Err(error) => refused(error.to_string()),
        }),
        Err(_) => Err(refused("the crate tokenizers panicked on this text".into())),
    }
}

/// Refuse types that are not in `known`, with the field of the first such part.
fn check_types(part: &Value, field: &str, known: &[(&str, Option<&str>)]) -> Result<()> {
    if part.is_null() {
        return Ok(());
    }
    let name = part["type"].as_str();
    let Some((_, list)) = known.iter().find(|(known, _)| Some(*known) == name) else {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        return Err(Error::config(
            field,
            format!("expected one of {}, got the type {}", names.join(", "), part["type"]),
        ));
    };
    for (place, inner) in list.and_then(|list| part[list].as_array()).into_iter().flatten().enumerate() {
        check_types(inner, &format!("{field}[{place}]"), known)?;
    }
    Ok(())
}

fn parse<T: DeserializeOwned>(part: &Value, field: &str) -> Result<T> {
    // From text: the crate borrows from it.
    serde_json::from_str(&part.to_string()).map_err(|error| Error::config(field, error.to_string()))
}
