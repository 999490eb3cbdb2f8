//! Word, position and type embeddings.

use tch::Tensor;

use crate::config::EmbeddingConfig;
use crate::error::Result;
use crate::inputs::{Inputs, Limits, Task, Tokens};
use crate::nn::{Dropout, Embedding, LayerNorm, Parameters};

/// `drop(LN(word + type + position))`.
///
/// Source: transformers' `ElectraEmbeddings` and DistilBERT's `Embeddings`, which name the tables alike.
#[derive(Debug)]
pub struct Embeddings {
    words: Embedding,
    positions: Embedding,
    types: Option<Embedding>,
    norm: LayerNorm,
    dropout: Dropout,
}

impl Embeddings {
    /// Take `word_embeddings`, `position_embeddings`, `token_type_embeddings` (if there are types) and `LayerNorm`.
    ///
    /// # Errors
    /// The errors of [`Parameters::tensor`].
    pub fn new(parameters: &Parameters, config: &EmbeddingConfig) -> Result<Self> {
        let table = |name: &str, rows, padding| Embedding::new(&parameters.at(name), rows, config.width, padding);
        Ok(Self {
            words: table("word_embeddings", config.vocab_size, config.padding)?,
            positions: table("position_embeddings", config.positions, None)?,
            types: if config.types > 0 { Some(table("token_type_embeddings", config.types, None)?) } else { None },
            norm: LayerNorm::new(&parameters.at("LayerNorm"), config.width, config.layer_norm_eps)?,
            dropout: Dropout::new(config.dropout),
        })
    }

    /// Return the word embeddings `[V, E]`, the parameter itself: the decoder of a masked LM may be tied to it.
    pub fn words(&self) -> &Tensor {
        self.words.weight()
    }

    /// Return the position embeddings, the parameter itself.
    pub fn positions(&self) -> &Tensor {
        self.positions.weight()
    }

    /// Return the inputs that the tables can take now.
    pub(crate) fn limits(&self, task: Task) -> Limits {
        // Callers may have changed the tables through torch, so no shape is taken for granted.
        let rows = |table: &Embedding| table.weight().size().first().copied().unwrap_or(0);
        Limits {
            vocab_size: rows(&self.words),
            max_position_embeddings: rows(&self.positions),
            type_vocab_size: self.types.as_ref().map_or(0, rows),
            embedding_size: self.words().size().get(1).copied().unwrap_or(0),
            device: self.words().device(),
            kind: self.words().kind(),
            task,
        }
    }

    /// Return the embeddings of the tokens, `[T, E]`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if libtorch refuses.
    pub fn forward(&self, inputs: &Inputs, train: bool) -> Result<Tensor> {
        let words = match &inputs.tokens {
            Tokens::Ids(ids) => self.words.forward(ids)?,
            Tokens::Embeddings(embeddings) => embeddings.f_alias()?,
        };
        // The order of the sum is transformers': in float32 another order changes the result.
        let words = match (&self.types, &inputs.token_type_ids) {
            (None, _) => words,
            (Some(types), Some(ids)) => words.f_add(&types.forward(ids)?)?,
            (Some(types), None) => words.f_add(&types.weight().f_select(0, 0)?)?,
        };
        let sum = words.f_add(&self.positions.forward(&inputs.position_ids)?)?;
        let normed = self.norm.forward(&sum)?;
        let width = normed.size().last().copied().unwrap_or(0);
        self.dropout.forward_rows(normed, train, || inputs.layout.noise(width))
    }
}
