//! The embeddings of a frozen encoder on kernels.

use tch::{Kind, Tensor};

use crate::config::EmbeddingConfig;
use crate::error::Result;
use crate::inputs::{Inputs, Limits, Task, Tokens};
use crate::kernels::{self, Choice, Norms, Precision};
use crate::nn::{Parameters, integers, norms, table, values, values_mut, zeros};

/// `LN(word + type + position)`. The words, nearly all of the values, are float16 if the layers are not float32.
#[derive(Debug)]
pub(super) struct PackedEmbeddings {
    choice: Choice,
    words: Tensor,
    positions: Tensor,
    types: Option<Tensor>,
    norms: Norms,
}

impl PackedEmbeddings {
    /// Take the parameters of [`crate::encoder::Embeddings`].
    pub(super) fn new(parameters: &Parameters, config: &EmbeddingConfig, choice: Choice) -> Result<Self> {
        let table = |name: &str, rows| parameters.at(name).tensor("weight", &[rows, config.width]);
        let words = table("word_embeddings", config.vocab_size)?;
        Ok(Self {
            choice,
            words: if choice.precision() == Precision::Float32 { words } else { words.f_to_kind(Kind::Half)? },
            positions: table("position_embeddings", config.positions)?,
            types: (config.types > 0).then(|| table("token_type_embeddings", config.types)).transpose()?,
            norms: norms(&parameters.at("LayerNorm"), config.width, config.layer_norm_eps)?,
        })
    }

    pub(super) fn words(&self) -> &Tensor {
        &self.words
    }

    pub(super) fn positions(&self) -> &Tensor {
        &self.positions
    }

    pub(super) fn limits(&self, task: Task) -> Limits {
        Limits {
            vocab_size: self.words.size()[0],
            max_position_embeddings: self.positions.size()[0],
            type_vocab_size: self.types.as_ref().map_or(0, |types| types.size()[0]),
            embedding_size: self.words.size()[1],
            device: self.words.device(),
            kind: Kind::Float,
            task,
        }
    }

    /// Return the embeddings of the tokens, `[T, E]`.
    pub(super) fn forward(&self, inputs: &Inputs) -> Result<Tensor> {
        let mut output = zeros(&[inputs.layout.tokens(), self.words.size()[1]])?;
        let vectors = match &inputs.tokens {
            Tokens::Ids(_) => None,
            Tokens::Embeddings(vectors) => Some(vectors.f_contiguous()?),
        };
        let tokens = match (&inputs.tokens, &vectors) {
            (_, Some(vectors)) => kernels::Tokens::Vectors(values(vectors)?),
            (Tokens::Ids(ids) | Tokens::Embeddings(ids), None) => kernels::Tokens::Ids(integers(ids)?),
        };
        let tables = kernels::Embeddings {
            choice: self.choice,
            words: table(&self.words)?,
            positions: table(&self.positions)?,
            types: self.types.as_ref().map(table).transpose()?,
            norms: &self.norms,
        };
        let types = inputs.token_type_ids.as_ref().map(integers).transpose()?;
        tables.forward(tokens, types, integers(&inputs.position_ids)?, values_mut(&mut output)?)?;
        Ok(output)
    }
}
