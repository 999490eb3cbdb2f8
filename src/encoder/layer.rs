//! One post-norm transformer layer.

use tch::{Kind, Tensor};

use crate::config::EncoderConfig;
use crate::error::Result;
use crate::nn::{
    Activation, Attention, AttentionNames, Dropout, ForwardOptions, LayerNorm, LayerOutput, Layout, Linear, Parameters,
};

/// The names of the parts of a layer in a family's checkpoints.
#[derive(Debug, Clone, Copy)]
pub struct LayerNames {
    /// The four projections of the attention.
    pub attention: AttentionNames,
    /// The norm after the attention.
    pub attention_norm: &'static str,
    /// The linear layer H -> F.
    pub intermediate: &'static str,
    /// The linear layer F -> H.
    pub output: &'static str,
    /// The norm after the feed-forward part.
    pub output_norm: &'static str,
}

/// `h = LN(x + drop(attention(x)))`, then `LN(h + drop(W₂ act(W₁ h)))`.
///
/// Source: Vaswani et al. 2017, section 3.1; transformers' `ElectraLayer` and DistilBERT's `TransformerBlock`.
#[derive(Debug)]
pub struct Layer {
    attention: Attention,
    attention_norm: LayerNorm,
    intermediate: Linear,
    activation: Activation,
    output: Linear,
    output_norm: LayerNorm,
    attention_dropout: Dropout,
    output_dropout: Dropout,
    /// The dtype of the products if it is another than that of hidden states.
    kind: Option<Kind>,
}

// SAFETY: a `Tensor` is not `Sync` because its methods can change it through a shared reference. A layer hands none of its
// tensors out, and its methods only read them, which libtorch allows several threads to do at once.
unsafe impl Sync for Layer {}

impl Layer {
    /// Take the parameters of one layer.
    ///
    /// # Errors
    /// The errors of [`Parameters::tensor`].
    pub fn new(parameters: &Parameters, config: &EncoderConfig, names: &LayerNames) -> Result<Self> {
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        let norm = |name| LayerNorm::new(&parameters.at(name), hidden, config.layer_norm_eps);
        let (products, kind) = parameters.of_products();
        Ok(Self {
            attention: Attention::new(
                &products,
                &names.attention,
                hidden,
                config.num_attention_heads,
                Dropout::new(config.attention_dropout),
            )?,
            attention_norm: norm(names.attention_norm)?,
            intermediate: Linear::new(&products.at(names.intermediate), hidden, inner)?,
            activation: config.activation,
            output: Linear::new(&products.at(names.output), inner, hidden)?,
            output_norm: norm(names.output_norm)?,
            attention_dropout: Dropout::new(config.attention_output_dropout),
            output_dropout: Dropout::new(config.output_dropout),
            kind,
        })
    }

    /// Return whether the layer takes a layout whose rows only the device knows.
    pub(crate) fn is_ragged(&self) -> bool {
        self.attention.is_ragged()
    }

    /// Map hidden states `[T, H]` to `[T, H]`. Return the attention probabilities `[B, A, S, S]` too if requested.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if libtorch refuses.
    pub fn forward(&self, hidden: &Tensor, layout: &Layout, options: ForwardOptions) -> Result<LayerOutput> {
        let attended = self.attention.forward(&self.input(hidden)?, layout, options)?;
        let width = hidden.size().last().copied().unwrap_or(0);
        let noise = || layout.noise(width);
        let attention = self.attention_dropout.forward_rows(self.result(attended.hidden)?, options.train, noise)?;
        let hidden = self.attention_norm.forward(&attention.f_add(hidden)?)?;
        let inner = self.activation.forward(&self.intermediate.forward(&self.input(&hidden)?)?)?;
        let output = self.result(self.output.forward(&inner)?)?;
        let output = self.output_dropout.forward_rows(output, options.train, noise)?;
        let probabilities = attended.probabilities.map(|probabilities| self.result(probabilities)).transpose()?;
        Ok((self.output_norm.forward(&output.f_add(&hidden)?)?, probabilities))
    }

    /// Return hidden states as the input of a product. Their sum over layers would lose too much in bfloat16.
    fn input(&self, hidden: &Tensor) -> Result<Tensor> {
        Ok(match self.kind {
            Some(kind) => hidden.f_to_kind(kind)?,
            None => hidden.shallow_clone(),
        })
    }

    /// Return the result of products in the dtype of hidden states.
    fn result(&self, result: Tensor) -> Result<Tensor> {
        Ok(if self.kind.is_some() { result.f_to_kind(Kind::Float)? } else { result })
    }
}
