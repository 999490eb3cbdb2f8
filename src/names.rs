//! The names of the parameters of a family, and of the two networks that are pre-trained together.

/// How a family names its backbone, the part that every head stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// What stands before the backbone's names in a model with a head, e.g. `electra`.
    pub prefix: &'static str,
    /// The first components of the backbone's own names, e.g. `embeddings`, `encoder`.
    pub roots: &'static [&'static str],
    /// What rust_bert puts before the names of a backbone without a head; nothing, or the prefix.
    pub rust_bert_root: &'static str,
}

impl Family {
    /// Whether a name, with or without the prefix, belongs to the backbone.
    #[must_use]
    pub fn is_backbone(&self, name: &str) -> bool {
        let first = first_component(name);
        first == self.prefix || self.roots.contains(&first)
    }
}

/// The part of a parameter's name before the first dot.
pub(crate) fn first_component(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

/// One of the two networks that are pre-trained together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Component {
    /// The masked LM that replaces tokens.
    Generator,
    /// The network that tells which tokens were replaced. Fine-tuned networks come from it.
    Discriminator,
}

impl Component {
    /// `generator` or `discriminator`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Generator => "generator",
            Self::Discriminator => "discriminator",
        }
    }

    /// The component of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Generator, Self::Discriminator].into_iter().find(|component| component.name() == name)
    }
}
