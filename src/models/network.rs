//! An encoder with a head: every model of every family.

use std::marker::PhantomData;

use tch::Tensor;
use tch::nn::Path;

use super::{Family, HasHead, Model};
use crate::config::Config;
use crate::encoder::{Encoder, ForwardOptions};
use crate::error::{Error, Result};
use crate::heads::{DiscriminatorHead, Head, MaskedLMHead, NoHead};
use crate::inputs::{Arguments, Inputs, Limits};
use crate::names::{self, Component};
use crate::nn::Parameters;

/// A family's encoder with a head.
///
/// Users know it by other names, such as [`ElectraForMaskedLM`](crate::electra::ElectraForMaskedLM).
#[derive(Debug)]
pub struct Network<F, H> {
    encoder: Encoder,
    head: H,
    /// What the configuration asks of every forward pass.
    options: ForwardOptions,
    family: PhantomData<fn() -> F>,
}

impl<F: HasHead<H>, H: Head> Network<F, H> {
    /// A freshly initialised model under rust_bert's names.
    pub(super) fn fresh(path: &Path, config: &F::Config) -> Result<Self> {
        let root = Parameters::random(path, config.initial());
        Self::build(&if is_alone::<H>() { root.at(F::BACKBONE.rust_bert_root) } else { root }, config)
    }

    /// Checks the arguments ([`crate::inputs`] says what they mean) and runs the model. Hidden states and attentions are
    /// returned where the configuration asks for them.
    pub(super) fn run(&self, arguments: Arguments, train: bool) -> Result<H::Output> {
        let inputs = Inputs::new(arguments, &self.limits())?;
        self.forward(&inputs, ForwardOptions { train, ..self.options })
    }
}

impl<F: HasHead<H>, H: Head> Model for Network<F, H> {
    type Config = F::Config;
    type Output = H::Output;
    const BACKBONE: names::Family = F::BACKBONE;
    const TARGETS: &'static [&'static str] = H::TARGETS;
    const COMPONENT: Component = H::COMPONENT;

    fn name() -> String {
        format!("{}{}", F::NAME, H::NAME)
    }

    fn build(parameters: &Parameters, config: &F::Config) -> Result<Self> {
        config.check()?;
        // Without a head, a checkpoint has no prefix.
        let backbone = if is_alone::<H>() { parameters.clone() } else { parameters.at(F::BACKBONE.prefix) };
        let encoder = Encoder::new(&backbone, &config.encoder(), &F::ENCODER)?;
        let head = F::head(parameters, config, encoder.words())?;
        let shared = config.shared();
        let options = ForwardOptions {
            train: false,
            output_hidden_states: shared.output_hidden_states,
            output_attentions: shared.output_attentions,
            ..ForwardOptions::default()
        };
        Ok(Self { encoder, head, options, family: PhantomData })
    }

    fn limits(&self) -> Limits {
        self.encoder.limits(self.head.task())
    }

    fn forward(&self, inputs: &Inputs, options: ForwardOptions) -> Result<H::Output> {
        self.head.forward(self.encoder.forward(inputs, options)?, inputs, options.train)
    }
}

/// Whether there is no head.
fn is_alone<H: Head>() -> bool {
    H::NAME == NoHead::NAME
}

impl<F: Family> HasHead<NoHead> for F {
    fn head(_parameters: &Parameters, _config: &F::Config, _words: &Tensor) -> Result<NoHead> {
        Ok(NoHead)
    }
}

impl<F: HasHead<DiscriminatorHead>> Network<F, DiscriminatorHead> {
    /// The logit of every kept token, packed `[T]`: above 0 where it looks replaced.
    ///
    /// # Errors
    /// [`Error::Torch`] where libtorch refuses.
    pub fn packed_logits(&self, inputs: &Inputs, train: bool) -> Result<Tensor> {
        let encoded = self.encoder.forward(inputs, ForwardOptions { train, ..ForwardOptions::default() })?;
        self.head.predict(&encoded.hidden)
    }
}

impl<F: HasHead<MaskedLMHead>> Network<F, MaskedLMHead> {
    /// Logits over the vocabulary at P positions `(row, column)` only, `[P, V]`: the vocabulary is wide, and a pipeline
    /// wants it at the masked tokens alone.
    ///
    /// # Errors
    /// [`Error::Input`] where a position is not kept; [`Error::Torch`] where libtorch refuses.
    pub fn scores_at(&self, inputs: &Inputs, positions: &[(usize, usize)], train: bool) -> Result<Tensor> {
        let place = |&(row, column): &(usize, usize)| {
            let place = inputs.layout.place(row, column);
            place.ok_or_else(|| Error::input("positions", format!("expected a kept position, got [{row}, {column}]")))
        };
        let places = positions.iter().map(place).collect::<Result<Vec<i64>>>()?;
        let encoded = self.encoder.forward(inputs, ForwardOptions { train, ..ForwardOptions::default() })?;
        let places = Tensor::f_from_slice(&places)?.f_to_device(encoded.hidden.device())?;
        self.head.decode(&encoded.hidden.f_index_select(0, &places)?)
    }
}
