//! Multi-head self-attention over packed rows.

use tch::{Device, Tensor};

use super::{Dropout, ForwardOptions, Layout, Linear, Parameters};
use crate::error::Result;

/// The checkpoint's names of the four projections.
#[derive(Debug, Clone, Copy)]
pub struct AttentionNames {
    /// x -> queries.
    pub query: &'static str,
    /// x -> keys.
    pub key: &'static str,
    /// x -> values.
    pub value: &'static str,
    /// What the heads found -> hidden states.
    pub output: &'static str,
}

/// `softmax(Q Kᵀ / √D) V` for each of A heads of size D, then a projection.
///
/// Every row of the batch attends to itself alone. Rows of equal length stand side by side in the packed layout, so that
/// each length costs one call and no number of a padded position is ever computed.
#[derive(Debug)]
pub struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    dropout: Dropout,
    heads: i64,
    head_size: i64,
}

/// What attention found.
#[derive(Debug)]
pub struct Attended {
    /// `[T, H]`.
    pub hidden: Tensor,
    /// The probabilities after dropout, `[B, A, S, S]`, zeros wherever a position is not kept; only where asked for.
    pub probabilities: Option<Tensor>,
}

impl Attention {
    /// Takes the four projections under their names.
    ///
    /// # Errors
    /// As [`Parameters::tensor`].
    pub fn new(
        parameters: &Parameters,
        names: &AttentionNames,
        hidden_size: i64,
        heads: i64,
        dropout: Dropout,
    ) -> Result<Self> {
        let linear = |name| Linear::new(&parameters.at(name), hidden_size, hidden_size);
        Ok(Self {
            query: linear(names.query)?,
            key: linear(names.key)?,
            value: linear(names.value)?,
            output: linear(names.output)?,
            dropout,
            heads,
            head_size: hidden_size / heads,
        })
    }

    /// hidden `[T, H]` -> `[T, H]`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] where libtorch refuses.
    pub fn forward(&self, hidden: &Tensor, layout: &Layout, options: ForwardOptions) -> Result<Attended> {
        let ForwardOptions { train, direction, output_attentions: capture, .. } = options;
        let (query, key, value) = (self.query.forward(hidden)?, self.key.forward(hidden)?, self.value.forward(hidden)?);
        let mut contexts = Vec::new();
        let mut captured = Vec::new();
        // libtorch's kernels for CPUs have no dropout: with it, libtorch takes the same steps as we do.
        let is_dropped = self.dropout.effective(train) > 0.0 && hidden.device() == Device::Cpu;
        let call = if is_dropped { layout.noise_call() } else { None };
        for group in layout.groups() {
            let heads = |packed: &Tensor| -> Result<Tensor> {
                let rows = packed.f_narrow(0, group.start, group.rows * group.length)?;
                Ok(rows.f_view([group.rows, group.length, self.heads, self.head_size])?.f_transpose(1, 2)?)
            };
            let (query, key, value) = (heads(&query)?, heads(&key)?, heads(&value)?);
            let mask = direction.mask(group.length, hidden.device())?;
            let context = if capture || call.is_some() {
                let numbers = self.heads * group.length * group.length;
                let noise = || call.and_then(|call| layout.noise_of(group, call, numbers));
                let probabilities = self.probabilities(&query, &key, mask.as_ref())?;
                let probabilities = self.dropout.forward_rows(probabilities, train, noise)?;
                let context = probabilities.f_matmul(&value)?;
                if capture {
                    captured.push(probabilities);
                }
                context
            } else {
                // No scale means 1/√D.
                Tensor::f_scaled_dot_product_attention(
                    &query,
                    &key,
                    &value,
                    mask.as_ref(),
                    self.dropout.effective(train),
                    false,
                    None,
                    false,
                )?
            };
            let width = self.heads * self.head_size;
            contexts.push(context.f_transpose(1, 2)?.f_reshape([group.rows * group.length, width])?);
        }
        let context = match contexts.as_slice() {
            [] => hidden.f_zeros_like()?,
            [only] => only.f_alias()?,
            several => Tensor::f_cat(several, 0)?,
        };
        let probabilities = if capture { Some(layout.unpack_attentions(&captured, self.heads)?) } else { None };
        Ok(Attended { hidden: self.output.forward(&context)?, probabilities })
    }

    /// `softmax(Q Kᵀ / √D)`, `[rows, A, L, L]`.
    fn probabilities(&self, query: &Tensor, key: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
        let scale = (self.head_size as f64).powf(-0.5);
        // In place: what comes out of the product is nobody else's.
        let mut scores = query.f_matmul(&key.f_transpose(2, 3)?)?.f_mul_scalar_(scale)?;
        if let Some(mask) = mask {
            scores = scores.f_masked_fill(&mask.f_logical_not()?, f64::NEG_INFINITY)?;
        }
        Ok(scores.f_softmax(-1, None)?)
    }
}
