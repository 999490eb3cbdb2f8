//! Predict the words at masks.
//!
//! Source: rust_bert 0.23 `src/pipelines/masked_language.rs`.

use tch::{Device, Kind};

use super::common::{Files, ModelResource, ModelType, TokenizerOption, configuration};
use crate::error::{Error, Result};
use crate::pipelines::{self, FillMask};
use crate::resources::ResourceProvider;

/// The likeliest token at a mask.
#[derive(Debug, Clone, PartialEq)]
pub struct MaskedToken {
    /// The token, decoded.
    pub text: String,
    /// The token's id.
    pub id: i64,
    /// The token's probability at the mask, over the whole vocabulary.
    pub score: f64,
}

configuration! {
    /// The files of a masked LM, and how it runs.
    MaskedLanguageConfig,
    extra {
        /// How the texts spell a mask, beside `[MASK]`. `None` means no other way.
        mask_token: Option<String> = mask_token.into(),
    },
    arguments { mask_token: impl Into<Option<String>> }
}

#[cfg(feature = "remote")]
impl Default for MaskedLanguageConfig {
    /// Name the files of `distilbert-base-uncased`, which are downloaded when they are first used.
    fn default() -> Self {
        use crate::resources::{
            DistilBertConfigResources, DistilBertModelResources, DistilBertVocabResources, RemoteResource,
        };
        let weights = RemoteResource::from_pretrained(DistilBertModelResources::DISTIL_BERT);
        Self::new(
            ModelType::DistilBert,
            ModelResource::Torch(Box::new(weights)),
            RemoteResource::from_pretrained(DistilBertConfigResources::DISTIL_BERT),
            RemoteResource::from_pretrained(DistilBertVocabResources::DISTIL_BERT),
            None,
            true,
            None,
            None,
            None,
        )
    }
}

/// Predict the words at masks with a [`FillMask`].
#[derive(Debug, Clone)]
pub struct MaskedLanguageModel {
    pipeline: FillMask,
    tokenizer: TokenizerOption,
    mask_token: Option<String>,
}

impl MaskedLanguageModel {
    /// Load the model and its tokenizer.
    ///
    /// # Errors
    /// The errors of [`ResourceProvider::get_local_path`], of reading a configuration, weights or a vocabulary, and of
    /// [`FillMask::from_model`]; [`Error::Input`] if a field does not suit the family, or `mask_token` is empty.
    pub fn new(config: MaskedLanguageConfig) -> Result<Self> {
        let tokenizer = config.files().tokenizer()?;
        Self::new_with_tokenizer(config, tokenizer)
    }

    /// Load the model, and take a tokenizer.
    ///
    /// # Errors
    /// The errors of [`MaskedLanguageModel::new`].
    pub fn new_with_tokenizer(config: MaskedLanguageConfig, tokenizer: TokenizerOption) -> Result<Self> {
        if config.mask_token.as_deref() == Some("") {
            return Err(Error::input("mask_token", "expected a spelling of the mask, got an empty one"));
        }
        let pipeline = FillMask::from_model(config.files().masked_lm()?, (*tokenizer).clone())?;
        Ok(Self { pipeline, tokenizer, mask_token: config.mask_token })
    }

    /// Return the tokenizer.
    #[must_use]
    pub fn get_tokenizer(&self) -> &TokenizerOption {
        &self.tokenizer
    }

    /// Return the likeliest token at every mask of every text, which may have none.
    ///
    /// # Errors
    /// [`Error::TooLong`] if a text with a mask has more tokens than the model has positions.
    pub fn predict<'a, S>(&self, input: S) -> Result<Vec<Vec<MaskedToken>>>
    where
        S: AsRef<[&'a str]>,
    {
        let texts = input.as_ref();
        let Some(mask_token) = &self.mask_token else { return self.fill(texts) };
        let mask = self.tokenizer.id_to_token(self.tokenizer.mask_token_id()).unwrap_or_default();
        let texts: Vec<String> = texts.iter().map(|text| text.replace(mask_token.as_str(), mask)).collect();
        self.fill(&texts.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn fill(&self, texts: &[&str]) -> Result<Vec<Vec<MaskedToken>>> {
        let likeliest = |mask: pipelines::MaskedToken| {
            let candidate = mask.candidates.into_iter().next()?;
            let text = self.tokenizer.decode(&[candidate.token], false, true);
            Some(text.map(|text| MaskedToken { text, id: candidate.token, score: candidate.score }))
        };
        let answers = self.pipeline.likeliest(texts)?;
        answers.into_iter().map(|masks| masks.into_iter().filter_map(likeliest).collect()).collect()
    }
}
