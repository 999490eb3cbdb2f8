//! Word, position and type embeddings.

use tch::Tensor;

use crate::error::Result;
use crate::inputs::{Inputs, Tokens};
use crate::nn::{Dropout, Embedding, LayerNorm, Parameters};

/// The sizes of the tables, and what follows them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EmbeddingSizes {
    /// V.
    pub vocab_size: i64,
    /// E.
    pub width: i64,
    /// Rows of the position table.
    pub positions: i64,
    /// Rows of the type table; 0 where the family has none.
    pub types: i64,
    /// The id whose word embedding stays zero.
    pub padding: Option<i64>,
    /// Added to the variance in the norm.
    pub layer_norm_eps: f64,
    /// Dropout after the norm.
    pub dropout: f64,
}

/// `drop(LN(word + type + position))`.
///
/// Source: `ElectraEmbeddings` and DistilBERT's `Embeddings`, whose names of the tables are the same.
#[derive(Debug)]
pub struct Embeddings {
    words: Embedding,
    positions: Embedding,
    types: Option<Embedding>,
    norm: LayerNorm,
    dropout: Dropout,
}

impl Embeddings {
    /// Takes `word_embeddings`, `position_embeddings`, `token_type_embeddings` (where there are types) and `LayerNorm`.
    ///
    /// # Errors
    /// As [`Parameters::tensor`].
    pub fn new(parameters: &Parameters, sizes: &EmbeddingSizes) -> Result<Self> {
        let table = |name: &str, rows, padding| Embedding::new(&parameters.at(name), rows, sizes.width, padding);
        Ok(Self {
            words: table("word_embeddings", sizes.vocab_size, sizes.padding)?,
            positions: table("position_embeddings", sizes.positions, None)?,
            types: if sizes.types > 0 { Some(table("token_type_embeddings", sizes.types, None)?) } else { None },
            norm: LayerNorm::new(&parameters.at("LayerNorm"), sizes.width, sizes.layer_norm_eps)?,
            dropout: Dropout::new(sizes.dropout),
        })
    }

    /// The word embeddings, `[V, E]`, the parameter itself: the decoder of a masked LM may be tied to it.
    pub fn words(&self) -> &Tensor {
        self.words.weight()
    }

    /// `[T, E]`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] where libtorch refuses.
    pub fn forward(&self, inputs: &Inputs, train: bool) -> Result<Tensor> {
        let words = match &inputs.tokens {
            Tokens::Ids(ids) => self.words.forward(ids)?,
            Tokens::Embeddings(embeddings) => embeddings.f_alias()?,
        };
        // The order of the sum is the reference's: in float32 it shows.
        let words = match (&self.types, &inputs.token_type_ids) {
            (None, _) => words,
            (Some(types), Some(ids)) => words.f_add(&types.forward(ids)?)?,
            (Some(types), None) => words.f_add(&types.weight().f_select(0, 0)?)?,
        };
        let sum = words.f_add(&self.positions.forward(&inputs.position_ids)?)?;
        self.dropout.forward(self.norm.forward(&sum)?, train)
    }
}
