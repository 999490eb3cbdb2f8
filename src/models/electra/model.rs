//! The encoder without a head.

use crate::config::ElectraConfig;
use crate::encoder::{EmbeddingSizes, Embeddings, Encoded, Encoder, ForwardOptions, LayerNames};
use crate::error::Result;
use crate::inputs::{Inputs, Limits};
use crate::models::Model;
use crate::nn::{AttentionNames, Linear, Parameters};
use crate::outputs::ModelOutput;
use crate::weights::names::Family;

/// ELECTRA's names of the parts of a layer.
const LAYER: LayerNames = LayerNames {
    attention: AttentionNames {
        query: "attention.self.query",
        key: "attention.self.key",
        value: "attention.self.value",
        output: "attention.output.dense",
    },
    attention_norm: "attention.output.LayerNorm",
    intermediate: "intermediate.dense",
    output: "output.dense",
    output_norm: "output.LayerNorm",
};

/// ELECTRA's encoder: embeddings, a projection where E is not H, and the layers.
///
/// ```
/// use oxbert::electra::{ElectraConfig, ElectraModel};
/// use tch::{Device, Tensor, nn};
/// let config = ElectraConfig { vocab_size: 50, hidden_size: 8, num_hidden_layers: 1, ..ElectraConfig::default() };
/// let vs = nn::VarStore::new(Device::Cpu);
/// let model = ElectraModel::new(&vs.root(), &config)?;
/// let ids = Tensor::from_slice(&[2_i64, 7, 3]).view([1, 3]);
/// let output = model.forward_t(Some(&ids), None, None, None, None, false)?;
/// assert_eq!(output.hidden_state.size(), [1, 3, 8]);
/// # Ok::<(), oxbert::Error>(())
/// ```
///
/// Source: `ElectraModel` of transformers 5.23; `rust_bert::electra::ElectraModel`.
#[derive(Debug)]
pub struct ElectraModel {
    embeddings: Embeddings,
    project: Option<Linear>,
    encoder: Encoder,
    limits: Limits,
    options: ForwardOptions,
}

impl ElectraModel {
    /// Packed hidden states, `[T, H]`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] where libtorch refuses.
    pub fn encode(&self, inputs: &Inputs, options: ForwardOptions) -> Result<Encoded> {
        let embedded = self.embeddings.forward(inputs, options.train)?;
        let hidden = match &self.project {
            Some(project) => project.forward(&embedded)?,
            None => embedded,
        };
        self.encoder.forward(hidden, &inputs.layout, options)
    }

    /// The word embeddings, for a decoder that is tied to them.
    pub(super) fn embeddings(&self) -> &Embeddings {
        &self.embeddings
    }

    /// Itself: a model with a head returns the encoder below it.
    pub(super) fn backbone(&self) -> &Self {
        self
    }

    /// What the configuration asks of every forward pass.
    pub(super) fn options(&self, train: bool) -> ForwardOptions {
        ForwardOptions { train, ..self.options }
    }
}

impl Model for ElectraModel {
    type Config = ElectraConfig;
    type Output = ModelOutput;
    const FAMILY: Family = super::FAMILY;

    fn build(parameters: &Parameters, config: &ElectraConfig) -> Result<Self> {
        config.check()?;
        let (width, hidden) = (config.embedding_size, config.hidden_size);
        let sizes = EmbeddingSizes {
            vocab_size: config.vocab_size,
            width,
            positions: config.max_position_embeddings,
            types: config.type_vocab_size,
            padding: config.pad_token_id,
            layer_norm_eps: config.layer_norm_eps,
            dropout: config.hidden_dropout_prob,
        };
        let project = if width == hidden {
            None
        } else {
            Some(Linear::new(&parameters.at("embeddings_project"), width, hidden)?)
        };
        Ok(Self {
            embeddings: Embeddings::new(&parameters.at("embeddings"), &sizes)?,
            project,
            encoder: Encoder::new(&parameters.at("encoder.layer"), &config.encoder(), &LAYER)?,
            limits: Limits {
                vocab_size: config.vocab_size,
                max_position_embeddings: config.max_position_embeddings,
                type_vocab_size: config.type_vocab_size,
                embedding_size: width,
                device: parameters.device(),
            },
            options: ForwardOptions {
                train: false,
                output_hidden_states: config.output_hidden_states,
                output_attentions: config.output_attentions,
            },
        })
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    fn forward(&self, inputs: &Inputs, options: ForwardOptions) -> Result<ModelOutput> {
        let encoded = self.encode(inputs, options)?;
        Ok(ModelOutput {
            hidden_state: inputs.layout.unpack(&encoded.hidden)?,
            all_hidden_states: encoded.unpack_hidden_states(&inputs.layout)?,
            all_attentions: encoded.all_attentions,
        })
    }
}

super::rust_bert_surface!(ElectraModel, ModelOutput);
