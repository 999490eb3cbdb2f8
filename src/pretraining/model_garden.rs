//! TF Model Garden's `ElectraPretrainer`: heads on two networks of the caller.

use tch::{Kind, Tensor};

use super::sampling::{Sampling, sample};
use crate::error::{Error, Result};
use crate::heads::Transform;
use crate::nn::{Activation, LayerNorm, Linear, Parameters};

/// The sizes of the two networks, and the options of the heads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PretrainerConfig {
    /// The generator's H.
    pub generator_hidden: i64,
    /// The discriminator's H.
    pub discriminator_hidden: i64,
    /// V, the rows of the generator's word embeddings.
    pub vocab_size: i64,
    /// E, the columns of the generator's word embeddings.
    pub embedding_size: i64,
    /// The number of classes of the sentence head.
    pub num_classes: i64,
    /// The activation in the masked-LM head and in the discriminator's projection. The original's default is the
    /// identity.
    pub mlm_activation: Activation,
    /// Whether `lm_outputs` are log-probabilities (`output_type` "predictions") instead of logits.
    pub log_probabilities: bool,
    /// Whether the original token is never drawn.
    pub disallow_correct: bool,
}

/// The heads for both objectives, on a generator and a discriminator.
///
/// ```
/// use oxbert::electra::{ElectraConfig, ElectraModel};
/// use oxbert::nn::{Activation, Parameters};
/// use oxbert::pretraining::{ElectraPretrainer, PretrainerConfig, PretrainerInputs};
/// use oxbert::{Config, Error};
/// use tch::{Device, Kind, Tensor, nn};
///
/// let sizes = ElectraConfig { vocab_size: 50, hidden_size: 8, num_hidden_layers: 1, ..ElectraConfig::default() };
/// let vs = nn::VarStore::new(Device::Cpu);
/// let generator = ElectraModel::new(vs.root() / "generator", &sizes)?;
/// let discriminator = ElectraModel::new(vs.root() / "discriminator", &sizes)?;
/// let heads = ElectraPretrainer::new(
///     &Parameters::random(&(vs.root() / "heads"), sizes.initial()),
///     PretrainerConfig {
///         generator_hidden: 8,
///         discriminator_hidden: 8,
///         vocab_size: 50,
///         embedding_size: sizes.embedding_size,
///         num_classes: 2,
///         mlm_activation: Activation::Gelu,
///         log_probabilities: false,
///         disallow_correct: false,
///     },
/// )?;
/// let table = vs.variables()["generator.embeddings.word_embeddings.weight"].shallow_clone();
/// let run = |model: &ElectraModel, ids: &Tensor, mask: &Tensor, types: &Tensor| {
///     Ok::<_, Error>(model.forward_t(Some(ids), Some(mask), Some(types), None, None, true)?.hidden_state)
/// };
///
/// let ids = Tensor::from_slice(&[2_i64, 7, 4, 9, 3]).view([1, 5]);
/// let inputs = PretrainerInputs {
///     input_word_ids: &ids,
///     input_mask: &ids.ones_like(),
///     input_type_ids: &ids.zeros_like(),
///     masked_lm_positions: &Tensor::from_slice(&[2_i64]).view([1, 1]),
///     masked_lm_ids: &Tensor::from_slice(&[8_i64]).view([1, 1]),
/// };
/// let output = heads.forward(
///     &inputs,
///     &|ids, mask, types| run(&generator, ids, mask, types),
///     &table,
///     &|ids, mask, types| run(&discriminator, ids, mask, types),
///     &Tensor::rand([1, 1, 50], (Kind::Float, Device::Cpu)),
/// )?;
/// assert_eq!(output.lm_outputs.size(), [1, 1, 50]);
/// assert_eq!(output.disc_label.size(), [1, 5]);
/// # Ok::<(), Error>(())
/// ```
///
/// Source: `official/nlp/modeling/models/electra_pretrainer.py`, `layers/masked_lm.py` and `layers/cls_head.py` of
/// tensorflow/models.
#[derive(Debug)]
pub struct ElectraPretrainer {
    config: PretrainerConfig,
    transform: Transform,
    bias: Tensor,
    sentence_dense: Linear,
    sentence_out: Linear,
    projection: Linear,
    discriminator_head: Linear,
}

/// The outputs of a pass through both networks.
#[derive(Debug)]
pub struct PretrainerOutput {
    /// The generator's logits or log-probabilities at the masked positions, `[B, P, V]`.
    pub lm_outputs: Tensor,
    /// The logits of the sentence head, from the generator's first token, `[B, C]`, C classes.
    pub sentence_outputs: Tensor,
    /// The discriminator's logits of every token, `[B, S]`: above 0 means replaced.
    pub disc_logits: Tensor,
    /// 1 if the token differs from the original, otherwise 0, `[B, S]` int32.
    pub disc_label: Tensor,
}

/// The inputs of a pass: rows that were masked beforehand, as in BERT's pre-training data.
#[derive(Debug)]
pub struct PretrainerInputs<'a> {
    /// Masked ids, `[B, S]` int64.
    pub input_word_ids: &'a Tensor,
    /// The attention mask, `[B, S]`: 1 means keep.
    pub input_mask: &'a Tensor,
    /// Token types, `[B, S]` int64.
    pub input_type_ids: &'a Tensor,
    /// The masked positions, `[B, P]` int64; unused entries are 0.
    pub masked_lm_positions: &'a Tensor,
    /// The original ids at these positions, `[B, P]` int64.
    pub masked_lm_ids: &'a Tensor,
}

/// A network: ids, mask and types `[B, S]` -> its sequence output `[B, S, H]`.
pub type Sequence<'a> = &'a dyn Fn(&Tensor, &Tensor, &Tensor) -> Result<Tensor>;

impl ElectraPretrainer {
    /// Build the heads. Their parameters are `masked_lm.{dense,LayerNorm}.*`, `masked_lm.bias`,
    /// `classification.{dense,out_proj}.*`, `discriminator_projection.*`, `discriminator_head.*`. Matrices are drawn as
    /// Glorot and Bengio do: U(-a, a), `a = sqrt(6 / (rows + columns))`.
    ///
    /// # Errors
    /// Those of [`Parameters::tensor`].
    pub fn new(parameters: &Parameters, config: PretrainerConfig) -> Result<Self> {
        /// The number that is added to the variance in the norm.
        const EPSILON: f64 = 1e-12;
        let linear = |name: &str, columns: i64, rows: i64| {
            let layer = Linear::new(&parameters.at(name), columns, rows)?;
            let bound = (6.0 / (columns + rows) as f64).sqrt();
            let _no_grad = tch::no_grad_guard();
            if let Some((weight, _)) = layer.tensors() {
                let _ = weight.shallow_clone().f_uniform_(-bound, bound)?;
            }
            Ok::<_, Error>(layer)
        };
        let PretrainerConfig { generator_hidden, discriminator_hidden, embedding_size, .. } = config;
        let dense = linear("masked_lm.dense", generator_hidden, embedding_size)?;
        let norm = LayerNorm::new(&parameters.at("masked_lm.LayerNorm"), embedding_size, EPSILON)?;
        Ok(Self {
            config,
            transform: Transform::new(dense, config.mlm_activation, norm),
            bias: parameters.at("masked_lm").tensor("bias", &[config.vocab_size])?,
            sentence_dense: linear("classification.dense", generator_hidden, generator_hidden)?,
            sentence_out: linear("classification.out_proj", generator_hidden, config.num_classes)?,
            projection: linear("discriminator_projection", discriminator_hidden, discriminator_hidden)?,
            discriminator_head: linear("discriminator_head", discriminator_hidden, 1)?,
        })
    }

    /// Return the sizes and options of the heads.
    #[must_use]
    pub fn config(&self) -> &PretrainerConfig {
        &self.config
    }

    /// Compute the logits, or log-probabilities, `[B, P, V]` of the masked positions `[B, P]` from the generator's
    /// sequence output `[B, S, H]` and its word embeddings `table` `[V, E]`.
    ///
    /// # Errors
    /// [`Error::Torch`] if shapes do not fit.
    pub fn lm_outputs(&self, sequence: &Tensor, positions: &Tensor, table: &Tensor) -> Result<Tensor> {
        let width = sequence.size().last().copied().unwrap_or(0);
        let places = positions.f_unsqueeze(-1)?.f_expand([-1, -1, width], false)?;
        let states = self.transform.forward(&sequence.f_gather(1, &places, false)?)?;
        let logits = states.f_linear(table, Some(&self.bias))?;
        if self.config.log_probabilities { Ok(logits.f_log_softmax(-1, Kind::Float)?) } else { Ok(logits) }
    }

    /// Compute `W tanh(V x + b) + c` of the first token, `[B, C]`, from the generator's sequence output `[B, S, H]`.
    ///
    /// # Errors
    /// [`Error::Torch`] if shapes do not fit.
    pub fn sentence_outputs(&self, sequence: &Tensor) -> Result<Tensor> {
        let first = sequence.f_select(1, 0)?;
        self.sentence_out.forward(&self.sentence_dense.forward(&first)?.f_tanh()?)
    }

    /// Compute the logits `[B, S]` from the discriminator's sequence output `[B, S, H]`.
    ///
    /// # Errors
    /// [`Error::Torch`] if shapes do not fit.
    pub fn disc_logits(&self, sequence: &Tensor) -> Result<Tensor> {
        let projected = self.config.mlm_activation.forward(&self.projection.forward(sequence)?)?;
        Ok(self.discriminator_head.forward(&projected)?.f_squeeze_dim(-1)?)
    }

    /// Replace the masked tokens with tokens drawn from `lm_outputs` `[B, P, V]`. Return the ids `[B, S]` int64, and
    /// labels `[B, S]` int32, 1 if a token differs from the original.
    ///
    /// `uniforms` `[B, P, V]` are numbers in [0, 1). Position 0 is never replaced, and a position that is listed more
    /// than once gets the mean of its tokens, rounded down, as in the original.
    ///
    /// # Errors
    /// [`Error::Torch`] if shapes do not fit.
    pub fn replace(
        &self,
        inputs: &PretrainerInputs,
        lm_outputs: &Tensor,
        uniforms: &Tensor,
    ) -> Result<(Tensor, Tensor)> {
        let _no_grad = tch::no_grad_guard();
        let PretrainerInputs { input_word_ids, masked_lm_positions: positions, masked_lm_ids: originals, .. } = *inputs;
        let words = lm_outputs.size().last().copied().unwrap_or(0);
        let not = self.config.disallow_correct.then(|| originals.f_reshape([-1])).transpose()?;
        let (flat, noise) = (lm_outputs.f_reshape([-1, words])?, uniforms.f_reshape([-1, words])?);
        let drawn = sample(&flat, &Sampling::Gumbel(&noise), 1.0, not.as_ref())?.f_view_as(originals)?;
        let unmasked = scatter(input_word_ids, positions, originals)?;
        let replaced = scatter(&unmasked, positions, &drawn)?;
        let labels = replaced.f_ne_tensor(&unmasked)?.f_to_kind(Kind::Int)?;
        Ok((replaced, labels))
    }

    /// Run both networks. `table` is the generator's word embeddings `[V, E]`.
    ///
    /// # Errors
    /// Those of the networks; [`Error::Torch`] if shapes do not fit.
    pub fn forward(
        &self,
        inputs: &PretrainerInputs,
        generator: Sequence,
        table: &Tensor,
        discriminator: Sequence,
        uniforms: &Tensor,
    ) -> Result<PretrainerOutput> {
        let PretrainerInputs { input_mask, input_type_ids, .. } = *inputs;
        let sequence = generator(inputs.input_word_ids, input_mask, input_type_ids)?;
        let lm_outputs = self.lm_outputs(&sequence, inputs.masked_lm_positions, table)?;
        let sentence_outputs = self.sentence_outputs(&sequence)?;
        let (ids, disc_label) = self.replace(inputs, &lm_outputs, uniforms)?;
        let disc_logits = self.disc_logits(&discriminator(&ids, input_mask, input_type_ids)?)?;
        Ok(PretrainerOutput { lm_outputs, sentence_outputs, disc_logits, disc_label })
    }
}

/// Return rows `[B, S]` with `updates` `[B, P]` at `positions` `[B, P]`, except at position 0.
fn scatter(rows: &Tensor, positions: &Tensor, updates: &Tensor) -> Result<Tensor> {
    let zeros = rows.f_zeros_like()?;
    let sums = zeros.f_scatter_add(1, positions, updates)?;
    let counts = zeros.f_scatter_add(1, positions, &updates.f_ones_like()?)?;
    let _ = counts.f_select(1, 0)?.f_zero_()?;
    let means = sums.f_floor_divide(&counts.f_clamp_min(1)?)?;
    Ok(means.f_where_self(&counts.f_gt(0)?, rows)?)
}
