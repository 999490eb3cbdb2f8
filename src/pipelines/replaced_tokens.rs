//! Which tokens of a text were put there by another model?

use std::path::Path;

use tch::Device;

use super::{check_vocabulary, encode, numbers};
use crate::electra::ElectraDiscriminator;
use crate::error::Result;
use crate::pretrained::Pretrained;
use crate::text::ElectraTokenizer;
use crate::weights::Strictness;

/// A token and how likely it is that it was replaced.
#[derive(Debug, Clone, PartialEq)]
pub struct JudgedToken {
    /// As the vocabulary spells it.
    pub token: String,
    /// Its first character in the text.
    pub begin: usize,
    /// One past its last character in the text.
    pub end: usize,
    /// The probability that it was replaced.
    pub probability: f64,
}

/// Judges every token of a text with a discriminator.
#[derive(Debug)]
pub struct ReplacedTokenDetection {
    model: Pretrained<ElectraDiscriminator>,
    tokenizer: ElectraTokenizer,
}

impl ReplacedTokenDetection {
    /// From a folder with a configuration, weights and a vocabulary.
    ///
    /// # Errors
    /// Those of [`Pretrained::from_folder`] and [`ElectraTokenizer::from_pretrained`], and of
    /// [`ReplacedTokenDetection::new`].
    pub fn from_folder(folder: impl AsRef<Path>, device: Device) -> Result<Self> {
        let model = Pretrained::from_folder(&folder, device, Strictness::default())?;
        Self::new(model, ElectraTokenizer::from_pretrained(folder)?)
    }

    /// From a model and a tokenizer.
    ///
    /// # Errors
    /// [`crate::Error::UntrainedHead`] where the model's head was not loaded; [`crate::Error::Input`] where the vocabulary
    /// is larger than the model's.
    pub fn new(model: Pretrained<ElectraDiscriminator>, tokenizer: ElectraTokenizer) -> Result<Self> {
        model.check_trained("replaced-token-detection")?;
        check_vocabulary(&tokenizer, model.config.vocab_size)?;
        Ok(Self { model, tokenizer })
    }

    /// The tokens of every text, `[CLS]` and `[SEP]` left out.
    ///
    /// # Errors
    /// [`crate::Error::Input`] where there is no text; [`crate::Error::TooLong`].
    pub fn predict(&self, texts: &[&str]) -> Result<Vec<Vec<JudgedToken>>> {
        let encodings = encode(&self.tokenizer, texts)?;
        let output = self.model.predict(&encodings.iter().collect())?;
        let probabilities = numbers(&output.probabilities)?;
        let width = probabilities.len() / encodings.len();
        let judge = |(row, encoding): (usize, &crate::text::Encoding)| {
            let tokens = encoding.tokens();
            (1..encoding.len() - 1)
                .map(|column| JudgedToken {
                    token: tokens[column].to_string(),
                    begin: encoding.offset(column).0,
                    end: encoding.offset(column).1,
                    probability: probabilities[row * width + column],
                })
                .collect()
        };
        Ok(encodings.iter().enumerate().map(judge).collect())
    }
}
