//! Sentence encoders: the folders of sentence-transformers.
//!
//! `modules` reads the files that say what follows the encoder, and `layer` has what follows.

mod layer;
mod modules;

use std::collections::BTreeMap;
use std::path::Path;

use tch::{Device, Kind, Tensor};

use super::features::{FeatureExtraction, normalize};
use super::task::text_pipeline;
use crate::any_model::frozen_or_bert;
use crate::error::{Error, Result};
use crate::heads::NoHead;
use crate::nn::{values, values_mut};
use crate::pretrained::FrozenOptions;
use crate::text::{ElectraTokenizer, EncodeOptions, Encoding, Pair, Source, Truncation};
use crate::weights::Strictness;
use layer::Layer;
use modules::{PoolingModule, Settings};

/// The vectors that [`SentenceEncoder::encode`] returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentenceOptions<'a> {
    /// A text that is put before every text; None means none.
    pub prompt: Option<&'a str>,
    /// Whether to divide the vectors by their lengths, beside what the folder asks for.
    pub normalize: bool,
    /// Whether to shorten a text with more than [`SentenceEncoder::max_length`] tokens. It is an error otherwise.
    pub truncate: bool,
}

impl Default for SentenceOptions<'_> {
    fn default() -> Self {
        Self { prompt: None, normalize: false, truncate: true }
    }
}

/// Return a vector for each text: an encoder of either family or a BERT, a pooling, and layers. Threads can share an
/// encoder, and a clone shares the model.
#[derive(Debug, Clone)]
pub struct SentenceEncoder {
    features: FeatureExtraction,
    pooling: PoolingModule,
    layers: std::sync::Arc<Vec<Layer>>,
    settings: Settings,
}

text_pipeline!(SentenceEncoder, features.0);

impl SentenceEncoder {
    /// Load a folder of sentence-transformers in any precision.
    ///
    /// # Errors
    /// [`Error::MissingFile`] if the folder has no `modules.json` or lacks another file; [`Error::Config`] if a module is
    /// none of Transformer, Pooling, Dense and Normalize, or its configuration is bad; the errors of
    /// [`FeatureExtraction::from_folder_with`].
    pub fn from_folder_with(
        folder: impl AsRef<Path>,
        device: Device,
        options: impl Into<FrozenOptions>,
    ) -> Result<Self> {
        let found = modules::read(folder.as_ref())?;
        let model = frozen_or_bert::<NoHead>(&found.encoder, device, Strictness::default(), options)?;
        let tokenizer = ElectraTokenizer::from_pretrained_with(&found.encoder, |options| {
            if found.settings.lower && !options.do_lower_case {
                // Lower-casing is added to what the tokenizer does, and accents stay if they stayed.
                options.strip_accents.get_or_insert(false);
                options.do_lower_case = true;
            }
        })?;
        let features = FeatureExtraction::from_model(model, tokenizer)?;
        let mut width = features.hidden_size() * found.pooling.poolings.len();
        for layer in &found.layers {
            width = layer.width(width)?;
        }
        Ok(Self { features, pooling: found.pooling, layers: found.layers.into(), settings: found.settings })
    }

    /// Return D, the width of a vector.
    #[must_use]
    pub fn dimension(&self) -> usize {
        let width = self.features.hidden_size() * self.pooling.poolings.len();
        // `from_folder_with` has checked the widths.
        self.layers.iter().fold(width, |width, layer| layer.width(width).unwrap_or(width))
    }

    /// Return the largest number of tokens of a text, `[CLS]` and `[SEP]` included.
    #[must_use]
    pub fn max_length(&self) -> usize {
        let positions = self.features.0.model.limits().max_position_embeddings as usize;
        let own = self.features.0.tokenizer.model_max_length().unwrap_or(positions);
        self.settings.max_length.unwrap_or(own).min(positions)
    }

    /// Return the prompts of the folder by name.
    #[must_use]
    pub fn prompts(&self) -> &BTreeMap<String, String> {
        &self.settings.prompts
    }

    /// Return the name of the prompt that the folder puts before texts unless told otherwise.
    #[must_use]
    pub fn default_prompt_name(&self) -> Option<&str> {
        self.settings.default_prompt.as_deref()
    }

    /// Return one vector for each text, float32 `[N, D]` on the CPU.
    ///
    /// # Errors
    /// [`Error::Input`] if there is no text; [`Error::TooLong`] if a text is too long and not to be truncated.
    ///
    /// Source: the documentation of sentence-transformers, `SentenceTransformer.encode` and `models.Pooling`.
    pub fn encode(&self, texts: &[&str], options: &SentenceOptions) -> Result<Tensor> {
        if texts.is_empty() {
            return Err(Error::input("texts", "expected at least one text, got none"));
        }
        let prompt = options.prompt.unwrap_or_default();
        let longest = self.max_length();
        let truncation = if options.truncate { Truncation::LongestFirst } else { Truncation::None };
        let texts: Vec<String> = texts.iter().map(|text| format!("{prompt}{text}")).collect();
        let encodings = self.tokens(&texts, &EncodeOptions::truncated(truncation, longest))?;
        if let Some(row) = encodings.iter().position(|encoding| encoding.len() > longest) {
            let length = encodings[row].len();
            return Err(Error::TooLong { what: "input_ids".into(), row, length, maximum: longest });
        }
        // The tokens of a prompt that is left out, with [CLS].
        let skipped = if self.pooling.include_prompt || prompt.is_empty() {
            0
        } else {
            let alone = self.tokens(&[prompt.to_string()], &EncodeOptions::truncated(truncation, longest))?;
            alone.first().map_or(0, |encoding| encoding.len().saturating_sub(1))
        };
        let mut vectors = self.features.pooled(&encodings, &self.pooling.poolings, skipped)?;
        for layer in self.layers.as_slice() {
            vectors = apply(layer, &vectors)?;
        }
        if options.normalize {
            vectors = apply(&Layer::Normalize, &vectors)?;
        }
        Ok(vectors)
    }

    fn tokens(&self, texts: &[String], options: &EncodeOptions) -> Result<Vec<Encoding>> {
        let pairs: Vec<Pair> = texts.iter().map(|text| (Source::Text(text), None)).collect();
        Ok(self.features.0.tokenizer.encode_pairs(&pairs, options)?.into_iter().flatten().collect())
    }
}

/// Apply a layer to each row.
fn apply(layer: &Layer, vectors: &Tensor) -> Result<Tensor> {
    let (rows, width) = vectors.size2()?;
    let outputs = layer.width(width as usize)?;
    let mut result = Tensor::f_zeros([rows, outputs as i64], (Kind::Float, Device::Cpu))?;
    if width == 0 || outputs == 0 {
        return Ok(result);
    }
    let into = values_mut(&mut result)?.chunks_exact_mut(outputs);
    for (row, out) in values(vectors)?.chunks_exact(width as usize).zip(into) {
        match layer {
            Layer::Dense(dense) => dense.forward(row, out),
            Layer::Normalize => {
                out.copy_from_slice(row);
                normalize(out);
            }
        }
    }
    match layer {
        Layer::Dense(dense) => dense.activation.forward(&result),
        Layer::Normalize => Ok(result),
    }
}
