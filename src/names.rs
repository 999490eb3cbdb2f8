//! Names that several rooms share: a family's parameters and ties, the two pre-trained networks, the weight files of a
//! model folder.

/// ELECTRA's `model_type`, and the prefix of its backbone.
pub(crate) const ELECTRA: &str = "electra";
/// DistilBERT's `model_type`, and the prefix of its backbone.
pub(crate) const DISTILBERT: &str = "distilbert";

/// BERT's `model_type`, and the prefix of its backbone.
pub(crate) const BERT: &str = "bert";

/// The weight files that a model folder may hold, in order of preference. Checkpoints of TensorFlow, whose names end in
/// a step number, come last and are not listed.
pub const WEIGHT_FILES: [&str; 8] = [
    SAFETENSORS_FILE,
    "model.safetensors.index.json",
    OT_FILE,
    BIN_FILE,
    "pytorch_model.bin.index.json",
    "flax_model.msgpack",
    "flax_model.msgpack.index.json",
    "tf_model.h5",
];

/// The weight files that oxbert writes.
pub(crate) const SAFETENSORS_FILE: &str = "model.safetensors";
pub(crate) const OT_FILE: &str = "rust_model.ot";
pub(crate) const BIN_FILE: &str = "pytorch_model.bin";

/// How a family names its backbone, the part of a model that all heads share.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// The prefix of the backbone's names in a model with a head, e.g. `electra`.
    pub prefix: &'static str,
    /// The first components of the backbone's names without the prefix, e.g. `embeddings`, `encoder`.
    pub roots: &'static [&'static str],
    /// The prefix of rust_bert's names of a backbone without a head: empty, or the same as `prefix`.
    pub rust_bert_root: &'static str,
}

impl Family {
    /// Return whether a name, with or without the prefix, belongs to the backbone.
    #[must_use]
    pub fn is_backbone(&self, name: &str) -> bool {
        let first = first_component(name);
        first == self.prefix || self.roots.contains(&first)
    }
}

/// Return the part of a parameter's name before the first dot.
pub(crate) fn first_component(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// The decoder of a masked LM, whose weight is the word embeddings unless `tie_word_embeddings` is false.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tie {
    /// The decoder's weight, which most checkpoints do not store.
    pub(crate) decoder: &'static str,
    /// The decoder's bias, which is always stored.
    pub(crate) bias: &'static str,
    /// The prefix of the layers between the backbone and the decoder.
    pub(crate) transform: &'static str,
    /// The word embeddings, with the backbone's prefix.
    pub(crate) words: &'static str,
}

/// The ties of all families.
pub(crate) const TIES: [Tie; 2] = [
    Tie {
        decoder: "generator_lm_head.weight",
        bias: "generator_lm_head.bias",
        transform: "generator_predictions.",
        words: "electra.embeddings.word_embeddings.weight",
    },
    Tie {
        decoder: "vocab_projector.weight",
        bias: "vocab_projector.bias",
        transform: "vocab_transform.",
        words: "distilbert.embeddings.word_embeddings.weight",
    },
];

/// One of the two networks that are pre-trained together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Component {
    /// The masked LM that replaces tokens.
    Generator,
    /// The network that detects replaced tokens. Fine-tuning starts from it.
    Discriminator,
}

impl Component {
    /// Return `generator` or `discriminator`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Generator => "generator",
            Self::Discriminator => "discriminator",
        }
    }

    /// Return the component of a name; None for any other name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Generator, Self::Discriminator].into_iter().find(|component| component.name() == name)
    }
}
