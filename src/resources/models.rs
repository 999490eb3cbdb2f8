//! The addresses of the files of known models, for `RemoteResource::from_pretrained`.
//!
//! Each constant is a pair of the folder in the cache and the url. The pairs are those of rust_bert, so that a ported
//! program finds the same files. The models belong to their authors and are under the Apache license 2.0.
//!
//! Source: rust_bert 0.23 `src/models/electra/electra_model.rs` and `src/models/distilbert/distilbert_model.rs`.

/// The weights of ELECTRA.
#[derive(Debug)]
pub struct ElectraModelResources;

impl ElectraModelResources {
    /// `google/electra-base-generator`: a masked LM of 12 layers, H 256, E 768.
    pub const BASE_GENERATOR: (&'static str, &'static str) = (
        "electra-base-generator/model",
        "https://huggingface.co/google/electra-base-generator/resolve/main/rust_model.ot",
    );
    /// `google/electra-base-discriminator`: the encoder of 12 layers, H 768, with its head.
    pub const BASE_DISCRIMINATOR: (&'static str, &'static str) = (
        "electra-base-discriminator/model",
        "https://huggingface.co/google/electra-base-discriminator/resolve/main/rust_model.ot",
    );
}

/// The configurations of ELECTRA.
#[derive(Debug)]
pub struct ElectraConfigResources;

impl ElectraConfigResources {
    /// The file of [`ElectraModelResources::BASE_GENERATOR`].
    pub const BASE_GENERATOR: (&'static str, &'static str) = (
        "electra-base-generator/config",
        "https://huggingface.co/google/electra-base-generator/resolve/main/config.json",
    );
    /// The file of [`ElectraModelResources::BASE_DISCRIMINATOR`].
    pub const BASE_DISCRIMINATOR: (&'static str, &'static str) = (
        "electra-base-discriminator/config",
        "https://huggingface.co/google/electra-base-discriminator/resolve/main/config.json",
    );
}

/// The vocabularies of ELECTRA.
#[derive(Debug)]
pub struct ElectraVocabResources;

impl ElectraVocabResources {
    /// The file of [`ElectraModelResources::BASE_GENERATOR`].
    pub const BASE_GENERATOR: (&'static str, &'static str) =
        ("electra-base-generator/vocab", "https://huggingface.co/google/electra-base-generator/resolve/main/vocab.txt");
    /// The file of [`ElectraModelResources::BASE_DISCRIMINATOR`].
    pub const BASE_DISCRIMINATOR: (&'static str, &'static str) = (
        "electra-base-discriminator/vocab",
        "https://huggingface.co/google/electra-base-discriminator/resolve/main/vocab.txt",
    );
}

/// The weights of DistilBERT.
#[derive(Debug)]
pub struct DistilBertModelResources;

impl DistilBertModelResources {
    /// `distilbert-base-uncased-finetuned-sst-2-english`: positive or negative sentiment of a text.
    pub const DISTIL_BERT_SST2: (&'static str, &'static str) = (
        "distilbert-sst2/model",
        "https://huggingface.co/distilbert-base-uncased-finetuned-sst-2-english/resolve/main/rust_model.ot",
    );
    /// `distilbert-base-uncased`: a masked LM.
    pub const DISTIL_BERT: (&'static str, &'static str) =
        ("distilbert/model", "https://huggingface.co/distilbert-base-uncased/resolve/main/rust_model.ot");
    /// `distilbert-base-cased-distilled-squad`: answers to questions.
    pub const DISTIL_BERT_SQUAD: (&'static str, &'static str) = (
        "distilbert-qa/model",
        "https://huggingface.co/distilbert-base-cased-distilled-squad/resolve/main/rust_model.ot",
    );
    /// `sentence-transformers/distiluse-base-multilingual-cased`: the encoder for sentence embeddings.
    pub const DISTILUSE_BASE_MULTILINGUAL_CASED: (&'static str, &'static str) = (
        "distiluse-base-multilingual-cased/model",
        "https://huggingface.co/sentence-transformers/distiluse-base-multilingual-cased/resolve/main/rust_model.ot",
    );
}

/// The configurations of DistilBERT.
#[derive(Debug)]
pub struct DistilBertConfigResources;

impl DistilBertConfigResources {
    /// The file of [`DistilBertModelResources::DISTIL_BERT_SST2`].
    pub const DISTIL_BERT_SST2: (&'static str, &'static str) = (
        "distilbert-sst2/config",
        "https://huggingface.co/distilbert-base-uncased-finetuned-sst-2-english/resolve/main/config.json",
    );
    /// The file of [`DistilBertModelResources::DISTIL_BERT`].
    pub const DISTIL_BERT: (&'static str, &'static str) =
        ("distilbert/config", "https://huggingface.co/distilbert-base-uncased/resolve/main/config.json");
    /// The file of [`DistilBertModelResources::DISTIL_BERT_SQUAD`].
    pub const DISTIL_BERT_SQUAD: (&'static str, &'static str) = (
        "distilbert-qa/config",
        "https://huggingface.co/distilbert-base-cased-distilled-squad/resolve/main/config.json",
    );
    /// The file of [`DistilBertModelResources::DISTILUSE_BASE_MULTILINGUAL_CASED`].
    pub const DISTILUSE_BASE_MULTILINGUAL_CASED: (&'static str, &'static str) = (
        "distiluse-base-multilingual-cased/config",
        "https://huggingface.co/sentence-transformers/distiluse-base-multilingual-cased/resolve/main/config.json",
    );
}

/// The vocabularies of DistilBERT.
#[derive(Debug)]
pub struct DistilBertVocabResources;

impl DistilBertVocabResources {
    /// The file of [`DistilBertModelResources::DISTIL_BERT_SST2`].
    pub const DISTIL_BERT_SST2: (&'static str, &'static str) = (
        "distilbert-sst2/vocab",
        "https://huggingface.co/distilbert-base-uncased-finetuned-sst-2-english/resolve/main/vocab.txt",
    );
    /// The file of [`DistilBertModelResources::DISTIL_BERT`]: BERT's vocabulary for lower-cased texts.
    pub const DISTIL_BERT: (&'static str, &'static str) =
        ("distilbert/vocab", "https://huggingface.co/bert-base-uncased/resolve/main/vocab.txt");
    /// The file of [`DistilBertModelResources::DISTIL_BERT_SQUAD`]: BERT's vocabulary for cased texts.
    pub const DISTIL_BERT_SQUAD: (&'static str, &'static str) =
        ("distilbert-qa/vocab", "https://huggingface.co/bert-large-cased/resolve/main/vocab.txt");
    /// The file of [`DistilBertModelResources::DISTILUSE_BASE_MULTILINGUAL_CASED`].
    pub const DISTILUSE_BASE_MULTILINGUAL_CASED: (&'static str, &'static str) = (
        "distiluse-base-multilingual-cased/vocab",
        "https://huggingface.co/sentence-transformers/distiluse-base-multilingual-cased/resolve/main/vocab.txt",
    );
}
