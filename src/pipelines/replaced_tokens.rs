//! Predict for each token of a text how likely it was replaced.

use std::path::Path;

use serde::Serialize;
use tch::Device;

use super::spans::Characters;
use super::task::{TextModel, Work, numbers, text_pipeline};
use crate::any_model::Run;
use crate::electra::ElectraDiscriminator;
use crate::error::{Error, Result};
use crate::inputs::Inputs;
use crate::interrupt;
use crate::nn::ForwardOptions;
use crate::outputs::DiscriminatorOutput;
use crate::pretrained::{Frozen, FrozenOptions, Pretrained};
use crate::text::{ElectraTokenizer, Encoding};
use crate::weights::Strictness;

/// A token and the probability that it was replaced.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JudgedToken {
    /// The token as the vocabulary spells it.
    pub token: String,
    /// The index of the token's first character in the text.
    #[serde(rename = "start")]
    pub begin: usize,
    /// One past the token's last character in the text.
    pub end: usize,
    /// The probability that the token was replaced.
    pub probability: f64,
}

/// A word and the probability that it was replaced.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct JudgedWord {
    /// The word as the text spells it.
    pub word: String,
    /// The index of the word's first character in the text.
    #[serde(rename = "start")]
    pub begin: usize,
    /// One past the word's last character in the text.
    pub end: usize,
    /// The probability that the word was replaced: the largest of its tokens.
    pub probability: f64,
}

/// Predict with a discriminator whether each token of a text was replaced. Only ELECTRA has a discriminator. Threads can
/// share a pipeline, and a clone shares the model.
#[derive(Debug, Clone)]
pub struct ReplacedTokenDetection(TextModel<dyn Run<DiscriminatorOutput> + Sync>);

text_pipeline!(ReplacedTokenDetection, 0);

impl ReplacedTokenDetection {
    /// Load the pipeline in float32 from a folder with a configuration, weights and a vocabulary.
    ///
    /// # Errors
    /// The errors of [`ReplacedTokenDetection::from_folder_with`].
    pub fn from_folder(folder: impl AsRef<Path>, device: Device) -> Result<Self> {
        Self::from_folder_with(folder, device, FrozenOptions::default())
    }

    /// Load the pipeline in any precision from a folder with a configuration, weights and a vocabulary.
    ///
    /// # Errors
    /// The errors of [`Frozen::from_folder_with`], [`ElectraTokenizer::from_pretrained`] and
    /// [`ReplacedTokenDetection::from_model`].
    pub fn from_folder_with(
        folder: impl AsRef<Path>,
        device: Device,
        options: impl Into<FrozenOptions>,
    ) -> Result<Self> {
        let strictness = Strictness::default();
        let model = Frozen::<ElectraDiscriminator>::from_folder_with(&folder, device, strictness, options)?;
        Self::from_model(Box::new(model), ElectraTokenizer::from_pretrained(folder)?)
    }

    /// Build the pipeline from an ELECTRA discriminator and a tokenizer.
    ///
    /// # Errors
    /// The errors of [`ReplacedTokenDetection::from_model`].
    pub fn new(model: Pretrained<ElectraDiscriminator>, tokenizer: ElectraTokenizer) -> Result<Self> {
        Self::from_model(Box::new(Frozen::new(model)?), tokenizer)
    }

    /// Build the pipeline from a discriminator and a tokenizer.
    ///
    /// # Errors
    /// [`crate::Error::UntrainedHead`] if the model's head was not loaded; [`crate::Error::Input`] if the vocabulary is
    /// larger than the model's.
    pub fn from_model(model: Box<dyn Run<DiscriminatorOutput> + Sync>, tokenizer: ElectraTokenizer) -> Result<Self> {
        TextModel::new("replaced-token-detection", model, tokenizer).map(Self)
    }

    /// Return the tokens of every text, without `[CLS]` and `[SEP]`, with the probability that each was replaced.
    ///
    /// # Errors
    /// [`crate::Error::Input`] if there is no text; [`crate::Error::TooLong`] if a text has more tokens than the model
    /// has positions.
    pub fn predict(&self, texts: &[&str]) -> Result<Vec<Vec<JudgedToken>>> {
        let encodings = self.0.encode(texts)?;
        self.0.answer(&encodings, self)
    }

    /// Return the words of every text whose probability is at least `threshold`. Words are those of the tokenizer: a
    /// punctuation character is a word of its own.
    ///
    /// # Errors
    /// The errors of [`ReplacedTokenDetection::predict`]; [`crate::Error::Input`] if the threshold is no probability.
    pub fn words(&self, texts: &[&str], threshold: f64) -> Result<Vec<Vec<JudgedWord>>> {
        if !(0.0..=1.0).contains(&threshold) {
            return Err(Error::input("threshold", format!("expected a number from 0 to 1, got {threshold}")));
        }
        let encodings = self.0.encode(texts)?;
        let answers = self.0.answer(&encodings, self)?;
        let of_text = |((text, encoding), tokens): ((&&str, &Encoding), Vec<JudgedToken>)| {
            interrupt::go_on()?;
            let numbers: Vec<_> = encoding.word_ids().collect();
            let numbers = &numbers[encoding.text(0)];
            let mut words: Vec<(Option<usize>, JudgedWord)> = Vec::new();
            for (token, &number) in tokens.into_iter().zip(numbers) {
                match words.last_mut() {
                    Some((last, word)) if *last == number => {
                        word.begin = word.begin.min(token.begin);
                        word.end = word.end.max(token.end);
                        word.probability = word.probability.max(token.probability);
                    }
                    _ => {
                        let JudgedToken { begin, end, probability, .. } = token;
                        words.push((number, JudgedWord { word: String::new(), begin, end, probability }));
                    }
                }
            }
            let mut words: Vec<_> = words.into_iter().map(|(_, word)| word).collect();
            words.retain(|word| word.probability >= threshold);
            let mut characters = Characters::new(text);
            for word in &mut words {
                word.word = characters.slice(word.begin, word.end).to_string();
            }
            Ok(words)
        };
        texts.iter().zip(&encodings).zip(answers).map(of_text).collect()
    }
}

/// The result of a text has a probability for each token.
impl Work for ReplacedTokenDetection {
    type Answer = Vec<JudgedToken>;

    fn cost(&self, encoding: &Encoding) -> usize {
        encoding.len()
    }

    fn size(&self, encoding: &Encoding) -> usize {
        encoding.len()
    }

    fn run(&self, batch: &[&Encoding], inputs: &Inputs, results: &mut Vec<f64>) -> Result<()> {
        let output = self.0.model.forward(inputs, ForwardOptions::default())?;
        let padded = numbers(&output.probabilities)?;
        for (encoding, row) in batch.iter().zip(padded.chunks(inputs.layout.columns() as usize)) {
            results.extend(&row[..encoding.len()]);
        }
        Ok(())
    }

    fn answer(&self, encoding: &Encoding, result: &[f64]) -> Result<Vec<JudgedToken>> {
        let tokens = encoding.tokens();
        let judge = |column: usize| {
            let (begin, end) = encoding.offset(column);
            JudgedToken { token: tokens[column].to_string(), begin, end, probability: result[column] }
        };
        // Without [CLS] and [SEP].
        Ok(encoding.text(0).map(judge).collect())
    }
}
