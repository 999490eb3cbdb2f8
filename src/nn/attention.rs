//! Multi-head self-attention over packed rows.

use tch::{Device, Tensor};

use super::buckets::Buckets;
use super::options::{Direction, mask};
use super::ragged::Ragged;
use super::{Dropout, ForwardOptions, Group, Layout, Linear, Parameters, Projections};
use crate::error::{Error, Result};
use crate::interrupt;

/// The names of the four projections in a checkpoint.
#[derive(Debug, Clone, Copy)]
pub struct AttentionNames {
    /// The projection to queries.
    pub query: &'static str,
    /// The projection to keys.
    pub key: &'static str,
    /// The projection to values.
    pub value: &'static str,
    /// The projection of the heads' results to hidden states.
    pub output: &'static str,
}

/// `softmax(Q Kᵀ / √D) V` for each of A heads of size D, then a projection.
///
/// Each row of the batch attends to itself alone. Rows of equal length are neighbours in the packed layout, so
/// attention is one call per length and computes nothing at padded positions. Frozen on a GPU, it is one call for all
/// rows if libtorch has the operator. With dropout, where libtorch has no kernel for the whole of attention on CPUs, it
/// is one call for each step and bucket of near lengths.
#[derive(Debug)]
pub struct Attention {
    projections: Projections,
    output: Linear,
    dropout: Dropout,
    heads: i64,
    head_size: i64,
    /// For frozen parameters on a GPU.
    ragged: Option<Ragged>,
}

/// The result of attention.
#[derive(Debug)]
pub struct Attended {
    /// `[T, H]`.
    pub hidden: Tensor,
    /// The probabilities after dropout, `[B, A, S, S]`, zeros at padded positions; None unless requested.
    pub probabilities: Option<Tensor>,
}

impl Attention {
    /// Take the four projections under their names.
    ///
    /// # Errors
    /// The errors of [`Parameters::tensor`].
    pub fn new(
        parameters: &Parameters,
        names: &AttentionNames,
        hidden_size: i64,
        heads: i64,
        dropout: Dropout,
    ) -> Result<Self> {
        let projections = Projections::new(parameters, [names.query, names.key, names.value], hidden_size)?;
        let output = Linear::new(&parameters.at(names.output), hidden_size, hidden_size)?;
        let head_size = hidden_size / heads;
        let ragged = match output.tensors() {
            Some((weight, _)) if parameters.is_frozen() => Ragged::on(weight.device(), weight.kind(), head_size),
            _ => None,
        };
        Ok(Self { projections, output, dropout, heads, head_size, ragged })
    }

    /// Return whether all rows can be computed at once, by their boundaries on the device.
    pub(crate) fn is_ragged(&self) -> bool {
        self.ragged.is_some()
    }

    /// Map hidden states `[T, H]` to `[T, H]`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if libtorch refuses.
    pub fn forward(&self, hidden: &Tensor, layout: &Layout, options: ForwardOptions) -> Result<Attended> {
        let ForwardOptions { train, direction, output_attentions: capture, .. } = options;
        let [query, key, value] = self.projections.forward(hidden)?;
        // libtorch's fused CPU kernels have no dropout: libtorch would fall back to the same steps as below.
        let is_dropped = self.dropout.effective(train) > 0.0 && hidden.device() == Device::Cpu;
        if is_dropped && !capture && direction == Direction::Both && layout.groups().len() > 1 {
            let context = self.in_buckets([&query, &key, &value], layout)?;
            return Ok(Attended { hidden: self.output.forward(&context)?, probabilities: None });
        }
        // Rows of one length need no boundaries, and libtorch has faster kernels for them.
        if let Some(ragged) = &self.ragged
            && !capture
            && direction == Direction::Both
            && (layout.groups().len() > 1 || layout.is_padded())
            && let Some(context) = ragged.attend([&query, &key, &value], layout, self.heads)?
        {
            return Ok(Attended { hidden: self.output.forward(&context)?, probabilities: None });
        }
        if layout.is_padded() {
            return Err(Error::Internal { message: "attention over padded rows without the operator for them".into() });
        }
        let heads = |packed: &Tensor| -> Result<Vec<Tensor>> {
            let sizes: Vec<_> = layout.groups().iter().map(|group| group.rows * group.length).collect();
            // All in one call: the gradient of a part alone is as large as the whole.
            let parts = match sizes.len() {
                0 => Vec::new(),
                1 => vec![packed.f_alias()?],
                _ => packed.f_split_with_sizes(sizes, 0)?,
            };
            let split = |(part, group): (Tensor, &Group)| -> Result<Tensor> {
                Ok(part.f_view([group.rows, group.length, self.heads, self.head_size])?.f_transpose(1, 2)?)
            };
            parts.into_iter().zip(layout.groups()).map(split).collect()
        };
        let (queries, keys, values) = (heads(&query)?, heads(&key)?, heads(&value)?);
        let call = if is_dropped { layout.noise_call() } else { None };
        let probabilities = |(number, group): (usize, &Group)| -> Result<Tensor> {
            let mask = mask(direction, group.length, hidden.device())?;
            let each = self.probabilities(&queries[number], &keys[number], mask.as_ref())?;
            let first = layout.groups()[..number].iter().map(|group| group.rows as usize).sum();
            let count = (self.heads * group.length * group.length) as usize;
            let counts = std::iter::repeat_n(count, group.rows as usize);
            self.dropout.forward_rows(each, train, || call.and_then(|call| layout.noise_at(call, first, counts)))
        };
        let mut captured = Vec::new();
        let mut all = None;
        if capture {
            captured = layout.groups().iter().enumerate().map(probabilities).collect::<Result<_>>()?;
            let unpacked = layout.unpack_attentions(&captured, self.heads)?;
            if unpacked.requires_grad() {
                // What follows reads the tensor that the caller gets, so that gradients reach it.
                captured = layout.pack_attentions(&unpacked)?;
            }
            all = Some(unpacked);
        }
        let mut contexts = Vec::new();
        for (number, group) in layout.groups().iter().enumerate() {
            interrupt::go_on()?;
            let value = &values[number];
            let context = if let Some(captured) = captured.get(number) {
                captured.f_matmul(value)?
            } else if call.is_some() {
                probabilities((number, group))?.f_matmul(value)?
            } else {
                let mask = mask(direction, group.length, hidden.device())?;
                // Without a scale libtorch uses 1/√D.
                Tensor::f_scaled_dot_product_attention(
                    &queries[number],
                    &keys[number],
                    value,
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
        Ok(Attended { hidden: self.output.forward(&context)?, probabilities: all })
    }

    /// Return the heads' results `[T, H]` in training with dropout. Rows of near lengths share the calls of a bucket.
    fn in_buckets(&self, projected: [&Tensor; 3], layout: &Layout) -> Result<Tensor> {
        let width = self.heads * self.head_size;
        let buckets = Buckets::new(layout, width)?;
        let call = layout.noise_call();
        let [queries, keys, values] = projected.map(|packed| buckets.pad(packed));
        let (queries, keys, values) = (queries?, keys?, values?);
        let mut contexts = Vec::new();
        for (number, bucket) in buckets.iter().enumerate() {
            interrupt::go_on()?;
            let heads = |rows: &Tensor| -> Result<Tensor> {
                let shape = [bucket.rows, bucket.length, self.heads, self.head_size];
                Ok(rows.f_view(shape)?.f_transpose(1, 2)?)
            };
            let mut scores = self.scores(&heads(&queries[number])?, &heads(&keys[number])?)?;
            if let Some(bias) = buckets.bias(bucket, scores.kind())? {
                scores = scores.f_add_(&bias)?;
            }
            let lengths = buckets.lengths(bucket);
            let counts = lengths.iter().map(|length| (self.heads * length * length) as usize);
            let noise = call.and_then(|call| layout.noise_at(call, bucket.first, counts));
            let probabilities = self.dropout.forward_squares(scores.f_softmax(-1, None)?, noise, lengths)?;
            let context = probabilities.f_matmul(&heads(&values[number])?)?;
            contexts.push(context.f_transpose(1, 2)?.f_reshape([bucket.rows * bucket.length, width])?);
        }
        buckets.pack(&contexts)
    }

    /// Return `Q Kᵀ / √D`, `[rows, A, L, L]`.
    fn scores(&self, query: &Tensor, key: &Tensor) -> Result<Tensor> {
        let scale = (self.head_size as f64).powf(-0.5);
        // Scale in place: nothing else refers to the product.
        Ok(query.f_matmul(&key.f_transpose(2, 3)?)?.f_mul_scalar_(scale)?)
    }

    /// Return `softmax(Q Kᵀ / √D)`, `[rows, A, L, L]`.
    fn probabilities(&self, query: &Tensor, key: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
        let mut scores = self.scores(query, key)?;
        if let Some(mask) = mask {
            scores = scores.f_masked_fill(&mask.f_logical_not()?, f64::NEG_INFINITY)?;
        }
        Ok(scores.f_softmax(-1, None)?)
    }
}
