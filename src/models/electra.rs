//! ELECTRA: Pre-training Text Encoders as Discriminators Rather Than Generators (Clark et al., ICLR 2020).
//!
//! [`ElectraModel`] is the encoder, [`ElectraForMaskedLM`] the generator, and [`ElectraDiscriminator`] (in
//! transformers: `ElectraForPreTraining`) tells for each token whether it was replaced. The other models are for
//! fine-tuning. Names and paths are those of rust_bert; results are those of transformers.

use std::borrow::Borrow;

use tch::Tensor;
use tch::nn::Path;

use super::{Family, HasHead, Network};
use crate::config::Config;
pub use crate::config::ElectraConfig;
use crate::encoder::{EncoderNames, LayerNames};
use crate::error::{Error, Result};
use crate::heads::{
    Decoder, DiscriminatorHead, Head, JointQuestionAnsweringHead, LinearClassificationHead, MaskedLMHead,
    MultipleChoiceHead, NoHead, QuestionAnsweringHead, SequenceClassificationHead, Summary, SummaryConfig, SummaryHead,
    TokenClassificationHead, Transform,
};
use crate::inputs::Arguments;
use crate::names;
use crate::nn::{Activation, AttentionNames, LayerNorm, Linear, Parameters, Pooling};
pub use crate::resources::{ElectraConfigResources, ElectraModelResources, ElectraVocabResources};

/// The ELECTRA family.
#[derive(Debug)]
pub enum Electra {}

/// The encoder: embeddings, a projection if E is not H, and the layers.
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
pub type ElectraModel = Network<Electra, NoHead>;
/// The generator, a masked LM: predict the token at each position. The decoder is tied to the word embeddings unless
/// `tie_word_embeddings` is false (rust_bert never ties them).
pub type ElectraForMaskedLM = Network<Electra, MaskedLMHead>;
/// The discriminator: predict how likely each token was replaced by a generator.
pub type ElectraDiscriminator = Network<Electra, DiscriminatorHead>;
/// The name of [`ElectraDiscriminator`] in transformers.
pub type ElectraForPreTraining = ElectraDiscriminator;
/// Token classification: predict one of the configuration's labels for each token.
pub type ElectraForTokenClassification = Network<Electra, TokenClassificationHead>;
/// Text classification: predict one label, several labels, or numbers for each text.
pub type ElectraForSequenceClassification = Network<Electra, SequenceClassificationHead>;
/// Question answering: predict where the answer to a question begins and ends.
pub type ElectraForQuestionAnswering = Network<Electra, QuestionAnsweringHead>;
/// Question answering by a start, an end that depends on the start, and whether there is an answer.
pub type ElectraForJointQuestionAnswering = Network<Electra, JointQuestionAnsweringHead>;
/// Text classification by one linear layer, without a hidden one.
pub type ElectraForLinearClassification = Network<Electra, LinearClassificationHead>;
/// Multiple choice: choose one of several texts.
pub type ElectraForMultipleChoice = Network<Electra, MultipleChoiceHead>;

/// rust_bert's name of [`ModelOutput`](crate::outputs::ModelOutput).
pub type ElectraModelOutput = crate::outputs::ModelOutput;
/// rust_bert's name of [`MaskedLMOutput`](crate::outputs::MaskedLMOutput).
pub type ElectraMaskedLMOutput = crate::outputs::MaskedLMOutput;
/// rust_bert's name of [`DiscriminatorOutput`](crate::outputs::DiscriminatorOutput).
pub type ElectraDiscriminatorOutput = crate::outputs::DiscriminatorOutput;
/// rust_bert's name of [`TokenClassificationOutput`](crate::outputs::TokenClassificationOutput).
pub type ElectraTokenClassificationOutput = crate::outputs::TokenClassificationOutput;

impl Family for Electra {
    type Config = ElectraConfig;
    const NAME: &'static str = "Electra";
    const BACKBONE: names::Family = names::Family {
        prefix: names::ELECTRA,
        roots: &["embeddings", "embeddings_project", "encoder"],
        rust_bert_root: "",
    };
    const ENCODER: EncoderNames = EncoderNames {
        embeddings: "embeddings",
        projection: "embeddings_project",
        layers: "encoder.layer",
        layer: LayerNames {
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
        },
    };
}

impl HasHead<MaskedLMHead> for Electra {
    fn head(parameters: &Parameters, config: &ElectraConfig, words: &Tensor) -> Result<MaskedLMHead> {
        let transform = transform(&parameters.at("generator_predictions"), config)?;
        let decoder = Decoder::new(&parameters.at("generator_lm_head"), words, config.tie_word_embeddings)?;
        Ok(MaskedLMHead::new(transform, decoder))
    }
}

impl HasHead<DiscriminatorHead> for Electra {
    fn head(parameters: &Parameters, config: &ElectraConfig, _: &Tensor) -> Result<DiscriminatorHead> {
        discriminator(&parameters.at("discriminator_predictions"), config)
    }
}

impl HasHead<TokenClassificationHead> for Electra {
    fn head(parameters: &Parameters, config: &ElectraConfig, _: &Tensor) -> Result<TokenClassificationHead> {
        let (labels, dropout) = (config.labels.count(), config.classifier_dropout());
        TokenClassificationHead::new(&parameters.at("classifier"), config.hidden_size, labels, dropout)
    }
}

impl HasHead<SequenceClassificationHead> for Electra {
    fn head(parameters: &Parameters, config: &ElectraConfig, _: &Tensor) -> Result<SequenceClassificationHead> {
        let head = classification(&parameters.at("classifier"), config)?;
        Ok(SequenceClassificationHead::new(head, config.labels.count(), config.problem_type))
    }
}

impl HasHead<QuestionAnsweringHead> for Electra {
    fn head(parameters: &Parameters, config: &ElectraConfig, _: &Tensor) -> Result<QuestionAnsweringHead> {
        QuestionAnsweringHead::new(&parameters.at("qa_outputs"), config.hidden_size, config.labels.len(), 0.0)
    }
}

impl HasHead<JointQuestionAnsweringHead> for Electra {
    fn head(parameters: &Parameters, config: &ElectraConfig, _: &Tensor) -> Result<JointQuestionAnsweringHead> {
        JointQuestionAnsweringHead::new(&parameters.at("joint_qa"), config.hidden_size)
    }
}

impl HasHead<LinearClassificationHead> for Electra {
    fn head(parameters: &Parameters, config: &ElectraConfig, _: &Tensor) -> Result<LinearClassificationHead> {
        let (labels, rate) = (config.labels.count(), config.classifier_dropout());
        let head =
            SummaryHead::new(parameters, config.hidden_size, &SummaryConfig::first(rate), "text_classifier", labels)?;
        Ok(LinearClassificationHead::new(SequenceClassificationHead::new(head, labels, config.problem_type)))
    }
}

impl HasHead<MultipleChoiceHead> for Electra {
    fn head(parameters: &Parameters, config: &ElectraConfig, _: &Tensor) -> Result<MultipleChoiceHead> {
        let summary = summary_config(config, "sequence_summary.summary")?;
        Ok(MultipleChoiceHead::new(SummaryHead::new(parameters, config.hidden_size, &summary, "classifier", 1)?))
    }
}

/// Build the generator's head without its decoder. As in transformers, the activation is always gelu.
fn transform(parameters: &Parameters, config: &ElectraConfig) -> Result<Transform> {
    let width = config.embedding_size;
    let norm = LayerNorm::new(&parameters.at("LayerNorm"), width, config.layer_norm_eps)?;
    let dense = Linear::new(&parameters.at("dense"), config.hidden_size, width)?;
    Ok(Transform::new(dense, Activation::Gelu, norm))
}

/// Build the discriminator's head.
fn discriminator(parameters: &Parameters, config: &ElectraConfig) -> Result<DiscriminatorHead> {
    DiscriminatorHead::new(parameters, config.hidden_size, config.hidden_act)
}

/// Build the text classifier's head. As in transformers, the activation is always gelu.
fn classification(parameters: &Parameters, config: &ElectraConfig) -> Result<SummaryHead> {
    let dropout = config.classifier_dropout();
    let summary = SummaryConfig {
        pooling: Pooling::First,
        before: dropout,
        projection: Some("dense"),
        activation: Activation::Gelu,
        after: dropout,
    };
    SummaryHead::new(parameters, config.hidden_size, &summary, "out_proj", config.labels.count())
}

/// Return the settings of multiple choice's summary, from the configuration's `summary_*` fields.
fn summary_config(config: &ElectraConfig, projection: &'static str) -> Result<SummaryConfig> {
    let pooling = match config.summary_type.as_str() {
        "first" => Pooling::First,
        // As in transformers, `cls_index` without an index means the last token.
        "last" | "cls_index" => Pooling::Last,
        "mean" => Pooling::Mean,
        other => {
            let reason = format!("expected one of first, last, mean, cls_index, got {other:?}");
            return Err(Error::config("summary_type", reason));
        }
    };
    if config.summary_use_proj && config.summary_proj_to_labels && config.labels.count() != config.hidden_size {
        let (width, labels) = (config.hidden_size, config.labels.len());
        let reason = format!("expected false, or as many labels as hidden_size = {width}, got {labels}");
        return Err(Error::config("summary_proj_to_labels", reason));
    }
    Ok(SummaryConfig {
        pooling,
        before: config.summary_first_dropout,
        projection: config.summary_use_proj.then_some(projection),
        activation: config.summary_activation.unwrap_or(Activation::Identity),
        after: config.summary_last_dropout,
    })
}

impl<H: Head> Network<Electra, H>
where
    Electra: HasHead<H>,
{
    /// Build a newly initialised model whose parameters are named from `path`. Load weights into its variable store
    /// next.
    ///
    /// # Errors
    /// [`Error::Config`] if the configuration contradicts itself; [`Error::Torch`] if there is no memory.
    pub fn new<'p>(path: impl Borrow<Path<'p>>, config: &ElectraConfig) -> Result<Self> {
        Self::fresh(path.borrow(), config)
    }

    /// Check the arguments (see [`crate::inputs`]) and run the model. The output holds hidden states and attentions if
    /// the configuration requests them.
    ///
    /// # Errors
    /// The errors of [`crate::inputs::Inputs::new`]; [`Error::Torch`] if libtorch refuses.
    pub fn forward_t(
        &self,
        input_ids: Option<&Tensor>,
        mask: Option<&Tensor>,
        token_type_ids: Option<&Tensor>,
        position_ids: Option<&Tensor>,
        input_embeds: Option<&Tensor>,
        train: bool,
    ) -> Result<H::Output> {
        self.forward_with(Arguments::from_tensors(input_ids, mask, token_type_ids, position_ids, input_embeds)?, train)
    }
}

/// Define a head of ELECTRA that is used alone, on hidden states.
macro_rules! head_alone {
    ($(#[$about:meta])* $name:ident($part:ty) = $build:expr) => {
        $(#[$about])*
        #[derive(Debug)]
        pub struct $name($part);

        impl $name {
            /// Build a newly initialised head whose parameters are named from `path`.
            ///
            /// # Errors
            /// [`Error::Config`] if the configuration contradicts itself; otherwise the errors of
            /// [`Parameters::tensor`].
            pub fn new<'p>(path: impl Borrow<Path<'p>>, config: &ElectraConfig) -> Result<Self> {
                config.check()?;
                $build(&Parameters::random(path.borrow(), config.initial()), config).map(Self)
            }
        }
    };
}

head_alone!(
    /// `LN(gelu(W x + b))`, the generator's head before its decoder, with the names `dense.*` and `LayerNorm.*`.
    ElectraGeneratorHead(Transform) = transform
);

impl ElectraGeneratorHead {
    /// Map hidden states `[..., H]` to `[..., E]`.
    ///
    /// # Errors
    /// [`Error::Torch`] if the last dimension is not H.
    pub fn forward(&self, hidden_states: &Tensor) -> Result<Tensor> {
        self.0.forward(hidden_states)
    }
}

head_alone!(
    /// `w · act(W x + b) + c`, with the names `dense.*` and `dense_prediction.*`.
    ElectraDiscriminatorHead(DiscriminatorHead) = discriminator
);

impl ElectraDiscriminatorHead {
    /// Map hidden states `[..., H]` to logits `[...]`. A logit above 0 means that the token looks replaced.
    ///
    /// # Errors
    /// [`Error::Torch`] if the last dimension is not H.
    pub fn forward(&self, hidden_states: &Tensor) -> Result<Tensor> {
        self.0.predict(hidden_states)
    }
}

head_alone!(
    /// The text classifier's head, with the names `dense.*` and `out_proj.*`.
    ElectraClassificationHead(SummaryHead) = classification
);

impl ElectraClassificationHead {
    /// Map hidden states `[B, S, H]` without padding to logits `[B, L]`.
    ///
    /// # Errors
    /// [`Error::Torch`] if the shape differs.
    pub fn forward_t(&self, hidden_states: &Tensor, train: bool) -> Result<Tensor> {
        self.0.forward(hidden_states, train)
    }
}

head_alone!(
    /// The summary of each text in multiple choice, with the names `summary.*`.
    ElectraSequenceSummary(Summary) = |parameters: &Parameters, config: &ElectraConfig| {
        Summary::new(parameters, config.hidden_size, &summary_config(config, "summary")?)
    }
);

impl ElectraSequenceSummary {
    /// Map hidden states `[B, S, H]` without padding to `[B, H]`.
    ///
    /// # Errors
    /// [`Error::Torch`] if the shape differs.
    pub fn forward_t(&self, hidden_states: &Tensor, train: bool) -> Result<Tensor> {
        self.0.forward(hidden_states, train)
    }
}
