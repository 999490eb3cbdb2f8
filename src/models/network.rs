//! An encoder with a head, the one implementation of all models.

use std::marker::PhantomData;

use tch::Tensor;
use tch::nn::Path;

use super::{Family, HasHead, Model};
use crate::config::Config;
use crate::encoder::{Encode, Encoder};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::heads::{DiscriminatorHead, Head, MaskedLMHead, NoHead, Shareable};
use crate::inputs::{Arguments, Inputs, Limits};
use crate::names::{self, Component};
use crate::nn::{ForwardOptions, Linear, Parameters};
use crate::outputs::ModelOutput;

/// A family's encoder with a head.
///
/// Users know networks by the names of models, such as [`ElectraForMaskedLM`](crate::electra::ElectraForMaskedLM). E is
/// the implementation of the encoder: trainable layers, or a frozen engine.
#[derive(Debug)]
pub struct Network<F, H, E = Encoder> {
    encoder: E,
    head: H,
    /// The configuration's options for every forward pass.
    options: ForwardOptions,
    family: PhantomData<fn() -> F>,
}

impl<F: HasHead<H>, H: Head> Network<F, H> {
    /// Build a newly initialised model under rust_bert's names.
    pub(super) fn fresh(path: &Path, config: &F::Config) -> Result<Self> {
        let root = Parameters::random(path, config.initial());
        Self::build(&if H::IS_EMPTY { root.at(F::BACKBONE.rust_bert_root) } else { root }, config)
    }

    /// Run the model on a batch of texts or on any [`Arguments`], with labels if there should be a loss: `forward_t` for
    /// more than tensors. The output holds hidden states and attentions if the configuration requests them.
    ///
    /// ```
    /// use oxbert::electra::{ElectraConfig, ElectraForSequenceClassification};
    /// use oxbert::{inputs::Arguments, text::Batch};
    /// use tch::{Device, nn};
    /// let config = ElectraConfig { vocab_size: 50, hidden_size: 8, num_hidden_layers: 1, ..ElectraConfig::default() };
    /// let vs = nn::VarStore::new(Device::Cpu);
    /// let model = ElectraForSequenceClassification::new(vs.root(), &config)?;
    /// let batch = Batch { ids: vec![vec![2, 7, 3], vec![2, 3]], type_ids: vec![vec![0; 3], vec![0; 2]] };
    /// assert!(model.forward_with(&batch, false)?.loss.is_none());
    /// let output = model.forward_with(Arguments::from(&batch).with_labels([1, 0]), true)?;
    /// assert!(output.loss.is_some());
    /// # Ok::<(), oxbert::Error>(())
    /// ```
    ///
    /// # Errors
    /// The errors of [`Inputs::new`]; [`Error::Torch`] if libtorch refuses.
    pub fn forward_with(&self, arguments: impl Into<Arguments>, train: bool) -> Result<H::Output> {
        let inputs = Inputs::new(arguments, &self.limits())?;
        self.forward(&inputs, ForwardOptions { train, ..self.options })
    }
}

// SAFETY: an engine holds tensors and plain values, and only reads them; the head says so of itself.
unsafe impl<F, H: Shareable> Shareable for Network<F, H, Engine> {}

impl<F: HasHead<H>, H: Head, E: Encode> Model for Network<F, H, E> {
    type Config = F::Config;
    type Output = H::Output;
    type Frozen = Network<F, H, Engine>;
    const BACKBONE: names::Family = F::BACKBONE;
    const TARGETS: &'static [&'static str] = H::TARGETS;
    const COMPONENT: Component = H::COMPONENT;

    fn name() -> String {
        format!("{}{}", F::NAME, H::NAME)
    }

    fn build(parameters: &Parameters, config: &F::Config) -> Result<Self> {
        config.check()?;
        // The names in a checkpoint of an encoder alone have no prefix.
        let backbone = if H::IS_EMPTY { parameters.clone() } else { parameters.at(F::BACKBONE.prefix) };
        let encoder = E::build(&backbone, &config.encoder(), &F::ENCODER)?;
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

    fn words(&self) -> &Tensor {
        self.encoder.words()
    }

    fn positions(&self) -> &Tensor {
        self.encoder.positions()
    }

    fn decoder(&self) -> Option<&Linear> {
        self.head.decoder()
    }

    fn forward(&self, inputs: &Inputs, options: ForwardOptions) -> Result<H::Output> {
        self.head.forward(self.encoder.encode(inputs, options)?, inputs, options.train)
    }

    fn encode(&self, inputs: &Inputs, options: ForwardOptions) -> Result<ModelOutput> {
        NoHead.forward(self.encoder.encode(inputs, options)?, inputs, options.train)
    }
}

impl<F: Family> HasHead<NoHead> for F {
    fn head(_parameters: &Parameters, _config: &F::Config, _words: &Tensor) -> Result<NoHead> {
        Ok(NoHead)
    }
}

impl<F: HasHead<DiscriminatorHead>, E: Encode> Network<F, DiscriminatorHead, E> {
    /// Return the logit of every kept token, packed `[T]`: above 0 if the token looks replaced.
    ///
    /// # Errors
    /// [`Error::Torch`] if libtorch refuses.
    pub fn packed_logits(&self, inputs: &Inputs, train: bool) -> Result<Tensor> {
        let encoded = self.encoder.encode(inputs, ForwardOptions { train, ..ForwardOptions::default() })?;
        self.head.predict(&encoded.hidden)
    }
}

impl<F: HasHead<MaskedLMHead>, E: Encode> Network<F, MaskedLMHead, E> {
    /// Return the logits over the vocabulary at P positions `(row, column)` only, `[P, V]`. The vocabulary is large,
    /// and a pipeline needs logits at the masked tokens only.
    ///
    /// # Errors
    /// [`Error::Input`] if a position is not kept; [`Error::Torch`] if libtorch refuses.
    pub fn scores_at(&self, inputs: &Inputs, positions: &[(usize, usize)], train: bool) -> Result<Tensor> {
        let place = |&(row, column): &(usize, usize)| {
            let place = inputs.layout.place(row, column);
            place.ok_or_else(|| Error::input("positions", format!("expected a kept position, got [{row}, {column}]")))
        };
        let places = positions.iter().map(place).collect::<Result<Vec<i64>>>()?;
        let encoded = self.encoder.encode(inputs, ForwardOptions { train, ..ForwardOptions::default() })?;
        let places = Tensor::f_from_slice(&places)?.f_to_device(encoded.hidden.device())?;
        self.head.decode(&encoded.hidden.f_index_select(0, &places)?)
    }
}
