//! What the configurations of all pipelines share: families, files and tokenizers.
//!
//! Source: rust_bert 0.23 `src/pipelines/common.rs`.

use std::ops::Deref;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tch::{Device, Kind};

use crate::any_model::{Run, ScoreTokens};
use crate::config::{Config, DistilBertConfig, ElectraConfig};
use crate::engine::Precision;
use crate::error::{Error, Result};
use crate::heads::{Head, MaskedLMHead, Shareable};
use crate::models::distilbert::DistilBert;
use crate::models::electra::Electra;
use crate::models::{HasHead, Network};
use crate::pretrained::Frozen;
use crate::resources::ResourceProvider;
use crate::text::{ElectraTokenizer, TokenizerOptions};
use crate::weights::{Strictness, WeightSource};

/// The family of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ModelType {
    /// `DistilBERT`.
    DistilBert,
    /// ELECTRA.
    Electra,
}

/// The weights of a model, in a file of any format that [`WeightSource`] reads.
#[derive(Debug)]
#[non_exhaustive]
pub enum ModelResource {
    /// A file that libtorch runs. rust_bert's other kind, ONNX, is not supported.
    Torch(Box<dyn ResourceProvider + Send>),
}

impl ModelResource {
    /// Return the path of the weights on this machine, after a download if necessary.
    ///
    /// # Errors
    /// Those of [`ResourceProvider::get_local_path`].
    pub fn get_torch_local_path(&self) -> Result<PathBuf> {
        self.get_local_path()
    }
}

impl ResourceProvider for ModelResource {
    fn get_local_path(&self) -> Result<PathBuf> {
        let Self::Torch(resource) = self;
        resource.get_local_path()
    }
}

/// The tokenizer of a pipeline. It dereferences to an [`ElectraTokenizer`], and is made from one.
#[derive(Debug, Clone)]
pub struct TokenizerOption(ElectraTokenizer);

impl TokenizerOption {
    /// Read a vocabulary file with one token per line. Both families split texts in the same way.
    ///
    /// `strip_accents` follows `lower_case` if it is `None`.
    ///
    /// # Errors
    /// [`Error::Input`] if there is a file of merges or `add_prefix_space` is true: word pieces have neither; the errors of
    /// [`ElectraTokenizer::from_vocab_file`].
    pub fn from_file(
        _model_type: ModelType,
        vocab_path: &str,
        merges_path: Option<&str>,
        lower_case: bool,
        strip_accents: impl Into<Option<bool>>,
        add_prefix_space: impl Into<Option<bool>>,
    ) -> Result<Self> {
        refuse_byte_pairs(merges_path.is_some(), add_prefix_space.into())?;
        read_tokenizer(vocab_path.as_ref(), lower_case, strip_accents.into())
    }
}

impl From<ElectraTokenizer> for TokenizerOption {
    fn from(tokenizer: ElectraTokenizer) -> Self {
        Self(tokenizer)
    }
}

impl Deref for TokenizerOption {
    type Target = ElectraTokenizer;

    fn deref(&self) -> &ElectraTokenizer {
        &self.0
    }
}

/// Refuse the settings of tokenizers with byte-pair encoding.
fn refuse_byte_pairs(has_merges: bool, add_prefix_space: Option<bool>) -> Result<()> {
    let families = "the vocabularies of ELECTRA and DistilBERT are word pieces";
    if has_merges {
        return Err(Error::input("merges_resource", format!("expected None, got a file: {families}, without merges")));
    }
    if add_prefix_space == Some(true) {
        return Err(Error::input("add_prefix_space", format!("expected None or false, got true: {families}")));
    }
    Ok(())
}

fn read_tokenizer(path: &std::path::Path, lower_case: bool, strip_accents: Option<bool>) -> Result<TokenizerOption> {
    let options = TokenizerOptions { do_lower_case: lower_case, strip_accents, ..TokenizerOptions::default() };
    ElectraTokenizer::from_vocab_file(path, &options).map(TokenizerOption)
}

/// The part of a configuration that all pipelines have.
pub(super) struct Files<'a> {
    pub model_type: ModelType,
    pub model: &'a ModelResource,
    pub config: &'a dyn ResourceProvider,
    pub vocab: &'a dyn ResourceProvider,
    pub has_merges: bool,
    pub lower_case: bool,
    pub strip_accents: Option<bool>,
    pub add_prefix_space: Option<bool>,
    pub device: Device,
    pub kind: Option<Kind>,
}

/// Load the frozen model with a head from its files, and erase its family.
macro_rules! of_family {
    ($files:expr, $head:ty) => {{
        let files: &Files = $files;
        let config = files.config.get_local_path()?;
        let source = WeightSource::open(files.model.get_local_path()?)?;
        let (device, strictness, precision) = (files.device, Strictness::default(), files.precision()?);
        let go_on = |_: usize, _: usize| Ok(());
        Ok(match files.model_type {
            ModelType::DistilBert => Box::new(Frozen::<Network<DistilBert, $head>>::from_source_watched(
                &source,
                &DistilBertConfig::from_file(config)?,
                device,
                strictness,
                precision,
                &go_on,
            )?),
            ModelType::Electra => Box::new(Frozen::<Network<Electra, $head>>::from_source_watched(
                &source,
                &ElectraConfig::from_file(config)?,
                device,
                strictness,
                precision,
                &go_on,
            )?),
        })
    }};
}

impl Files<'_> {
    /// Read the tokenizer.
    pub fn tokenizer(&self) -> Result<TokenizerOption> {
        refuse_byte_pairs(self.has_merges, self.add_prefix_space)?;
        read_tokenizer(&self.vocab.get_local_path()?, self.lower_case, self.strip_accents)
    }

    /// Load the model with the head `H`, whose output becomes `O`.
    pub fn model<H: Head<Output: Into<O>> + Shareable + Send + 'static, O>(&self) -> Result<Box<dyn Run<O> + Sync>>
    where
        Electra: HasHead<H>,
        DistilBert: HasHead<H>,
    {
        of_family!(self, H)
    }

    /// Load the masked LM.
    pub fn masked_lm(&self) -> Result<Box<dyn ScoreTokens + Sync>> {
        of_family!(self, MaskedLMHead)
    }

    /// Return the precision of a kind of numbers: float32 for `None`.
    fn precision(&self) -> Result<Precision> {
        match self.kind {
            None | Some(Kind::Float) => Ok(Precision::Float32),
            Some(Kind::Half) => Ok(Precision::Float16),
            Some(Kind::BFloat16) => Ok(Precision::BFloat16),
            Some(other) => Err(Error::input("kind", format!("expected None, Float, Half or BFloat16, got {other:?}"))),
        }
    }
}

/// Define the configuration of a pipeline: rust_bert's common fields, then those of `extra`. `new` has the arguments of
/// `arguments` after the common ones, and sets each field of `extra` to its value.
macro_rules! configuration {
    (
        $(#[$about:meta])* $name:ident,
        extra { $($(#[$doc:meta])* $field:ident: $type:ty = $value:expr,)* },
        arguments { $($argument:ident: $kind:ty),* }
    ) => {
        $(#[$about])*
        #[derive(Debug)]
        pub struct $name {
            /// The family of the model.
            pub model_type: ModelType,
            /// The weights.
            pub model_resource: ModelResource,
            /// `config.json`.
            pub config_resource: Box<dyn ResourceProvider + Send>,
            /// The vocabulary, one token per line.
            pub vocab_resource: Box<dyn ResourceProvider + Send>,
            /// `None`: word pieces have no merges.
            pub merges_resource: Option<Box<dyn ResourceProvider + Send>>,
            /// Whether texts are lower-cased.
            pub lower_case: bool,
            /// Whether accents are removed. `None` follows `lower_case`.
            pub strip_accents: Option<bool>,
            /// `None` or false: word pieces have no prefix.
            pub add_prefix_space: Option<bool>,
            /// The device on which the model runs.
            pub device: Device,
            /// The precision of the encoder. `None` means float32.
            pub kind: Option<Kind>,
            $($(#[$doc])* pub $field: $type,)*
        }

        impl $name {
            /// Name the files of a model. The device is the first of CUDA if there is one, otherwise the CPU.
            #[expect(clippy::too_many_arguments, reason = "the signature is rust_bert's")]
            pub fn new<RC, RV>(
                model_type: ModelType,
                model_resource: ModelResource,
                config_resource: RC,
                vocab_resource: RV,
                merges_resource: Option<RV>,
                lower_case: bool,
                strip_accents: impl Into<Option<bool>>,
                add_prefix_space: impl Into<Option<bool>>,
                $($argument: $kind,)*
            ) -> Self
            where
                RC: ResourceProvider + Send + 'static,
                RV: ResourceProvider + Send + 'static,
            {
                Self {
                    model_type,
                    model_resource,
                    config_resource: Box::new(config_resource),
                    vocab_resource: Box::new(vocab_resource),
                    merges_resource: merges_resource.map(|file| Box::new(file) as Box<_>),
                    lower_case,
                    strip_accents: strip_accents.into(),
                    add_prefix_space: add_prefix_space.into(),
                    device: Device::cuda_if_available(),
                    kind: None,
                    $($field: $value,)*
                }
            }

            fn files(&self) -> Files<'_> {
                Files {
                    model_type: self.model_type,
                    model: &self.model_resource,
                    config: &*self.config_resource,
                    vocab: &*self.vocab_resource,
                    has_merges: self.merges_resource.is_some(),
                    lower_case: self.lower_case,
                    strip_accents: self.strip_accents,
                    add_prefix_space: self.add_prefix_space,
                    device: self.device,
                    kind: self.kind,
                }
            }
        }
    };
}
pub(super) use configuration;

/// Return the answers of a call whose signature in rust_bert has no error.
///
/// # Panics
/// If there is an error. No text causes one: see the methods that return it.
#[expect(clippy::panic, reason = "rust_bert's signature has no error, and libtorch may lack memory")]
pub(super) fn answered<T>(answers: Result<T>) -> T {
    answers.unwrap_or_else(|error| panic!("{error}"))
}
