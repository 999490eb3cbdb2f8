//! DistilBERT, a distilled version of BERT: smaller, faster, cheaper and lighter (Sanh et al., 2019).
//!
//! Names and paths are those of rust_bert; results are those of transformers.

use std::borrow::Borrow;

use tch::Tensor;
use tch::nn::Path;

use super::{Family, HasHead, Network};
pub use crate::config::DistilBertConfig;
use crate::encoder::{EncoderNames, LayerNames};
use crate::error::Result;
use crate::heads::{
    Decoder, Head, JointQuestionAnsweringHead, LinearClassificationHead, MaskedLMHead, MultipleChoiceHead, NoHead,
    QuestionAnsweringHead, SequenceClassificationHead, SummaryConfig, SummaryHead, TokenClassificationHead, Transform,
};
use crate::inputs::Arguments;
use crate::names;
pub use crate::nn::Activation;
use crate::nn::{AttentionNames, LayerNorm, Linear, Parameters, Pooling};
pub use crate::resources::{DistilBertConfigResources, DistilBertModelResources, DistilBertVocabResources};

/// The DistilBERT family.
#[derive(Debug)]
pub enum DistilBert {}

/// The encoder: embeddings without token types, and the layers.
///
/// ```
/// use oxbert::distilbert::{DistilBertConfig, DistilBertModel};
/// use tch::{Device, Tensor, nn};
/// let config = DistilBertConfig { vocab_size: 50, dim: 24, n_layers: 1, ..DistilBertConfig::default() };
/// let vs = nn::VarStore::new(Device::Cpu);
/// let model = DistilBertModel::new(&vs.root(), &config)?;
/// let ids = Tensor::from_slice(&[2_i64, 7, 3]).view([1, 3]);
/// let output = model.forward_t(Some(&ids), None, None, false)?;
/// assert_eq!(output.hidden_state.size(), [1, 3, 24]);
/// # Ok::<(), oxbert::Error>(())
/// ```
///
/// Source: `DistilBertModel` of transformers 5.23; `rust_bert::distilbert::DistilBertModel`.
pub type DistilBertModel = Network<DistilBert, NoHead>;
/// rust_bert's name of [`DistilBertModel`] when its hidden states are pooled into one vector per sentence.
pub type DistilBertForSentenceEmbeddings = DistilBertModel;
/// A masked LM: predict the token at each position. The decoder is tied to the word embeddings unless
/// `tie_word_embeddings` is false (rust_bert never ties them).
pub type DistilBertForMaskedLM = Network<DistilBert, MaskedLMHead>;
/// rust_bert's name of [`DistilBertForMaskedLM`].
pub type DistilBertModelMaskedLM = DistilBertForMaskedLM;
/// Text classification: predict one label, several labels, or numbers for each text.
pub type DistilBertForSequenceClassification = Network<DistilBert, SequenceClassificationHead>;
/// rust_bert's name of [`DistilBertForSequenceClassification`].
pub type DistilBertModelClassifier = DistilBertForSequenceClassification;
/// Question answering: predict where the answer to a question begins and ends.
pub type DistilBertForQuestionAnswering = Network<DistilBert, QuestionAnsweringHead>;
/// Token classification: predict one of the configuration's labels for each token.
pub type DistilBertForTokenClassification = Network<DistilBert, TokenClassificationHead>;
/// Question answering by a start, an end that depends on the start, and whether there is an answer.
pub type DistilBertForJointQuestionAnswering = Network<DistilBert, JointQuestionAnsweringHead>;
/// Text classification by one linear layer, without a hidden one.
pub type DistilBertForLinearClassification = Network<DistilBert, LinearClassificationHead>;
/// Multiple choice: choose one of several texts.
pub type DistilBertForMultipleChoice = Network<DistilBert, MultipleChoiceHead>;

/// rust_bert's name of [`ModelOutput`](crate::outputs::ModelOutput).
pub type DistilBertModelOutput = crate::outputs::ModelOutput;
/// rust_bert's name of [`MaskedLMOutput`](crate::outputs::MaskedLMOutput).
pub type DistilBertMaskedLMOutput = crate::outputs::MaskedLMOutput;
/// rust_bert's name of [`SequenceClassificationOutput`](crate::outputs::SequenceClassificationOutput).
pub type DistilBertSequenceClassificationOutput = crate::outputs::SequenceClassificationOutput;
/// rust_bert's name of [`QuestionAnsweringOutput`](crate::outputs::QuestionAnsweringOutput).
pub type DistilBertQuestionAnsweringOutput = crate::outputs::QuestionAnsweringOutput;
/// rust_bert's name of [`TokenClassificationOutput`](crate::outputs::TokenClassificationOutput).
pub type DistilBertTokenClassificationOutput = crate::outputs::TokenClassificationOutput;

impl Family for DistilBert {
    type Config = DistilBertConfig;
    const NAME: &'static str = "DistilBert";
    const BACKBONE: names::Family = names::Family {
        prefix: names::DISTILBERT,
        roots: &["embeddings", "transformer"],
        rust_bert_root: "distilbert",
    };
    const ENCODER: EncoderNames = EncoderNames {
        embeddings: "embeddings",
        // E is always H.
        projection: "",
        layers: "transformer.layer",
        layer: LayerNames {
            attention: AttentionNames {
                query: "attention.q_lin",
                key: "attention.k_lin",
                value: "attention.v_lin",
                output: "attention.out_lin",
            },
            attention_norm: "sa_layer_norm",
            intermediate: "ffn.lin1",
            output: "ffn.lin2",
            output_norm: "output_layer_norm",
        },
    };
}

impl HasHead<MaskedLMHead> for DistilBert {
    fn head(parameters: &Parameters, config: &DistilBertConfig, words: &Tensor) -> Result<MaskedLMHead> {
        let dense = Linear::new(&parameters.at("vocab_transform"), config.dim, config.dim)?;
        let eps = config.encoder().layer_norm_eps;
        let norm = LayerNorm::new(&parameters.at("vocab_layer_norm"), config.dim, eps)?;
        let decoder = Decoder::new(&parameters.at("vocab_projector"), words, config.tie_word_embeddings)?;
        Ok(MaskedLMHead::new(Transform::new(dense, config.activation, norm), decoder))
    }
}

impl HasHead<SequenceClassificationHead> for DistilBert {
    fn head(parameters: &Parameters, config: &DistilBertConfig, _: &Tensor) -> Result<SequenceClassificationHead> {
        let labels = config.labels.count();
        Ok(SequenceClassificationHead::new(summary_head(parameters, config, labels)?, labels, config.problem_type))
    }
}

impl HasHead<QuestionAnsweringHead> for DistilBert {
    fn head(parameters: &Parameters, config: &DistilBertConfig, _: &Tensor) -> Result<QuestionAnsweringHead> {
        QuestionAnsweringHead::new(&parameters.at("qa_outputs"), config.dim, config.labels.len(), config.qa_dropout)
    }
}

impl HasHead<TokenClassificationHead> for DistilBert {
    fn head(parameters: &Parameters, config: &DistilBertConfig, _: &Tensor) -> Result<TokenClassificationHead> {
        let labels = config.labels.count();
        TokenClassificationHead::new(&parameters.at("classifier"), config.dim, labels, config.dropout)
    }
}

impl HasHead<JointQuestionAnsweringHead> for DistilBert {
    fn head(parameters: &Parameters, config: &DistilBertConfig, _: &Tensor) -> Result<JointQuestionAnsweringHead> {
        JointQuestionAnsweringHead::new(&parameters.at("joint_qa"), config.dim)
    }
}

impl HasHead<LinearClassificationHead> for DistilBert {
    fn head(parameters: &Parameters, config: &DistilBertConfig, _: &Tensor) -> Result<LinearClassificationHead> {
        let (labels, rate) = (config.labels.count(), config.seq_classif_dropout);
        let head = SummaryHead::new(parameters, config.dim, &SummaryConfig::first(rate), "text_classifier", labels)?;
        Ok(LinearClassificationHead::new(SequenceClassificationHead::new(head, labels, config.problem_type)))
    }
}

impl HasHead<MultipleChoiceHead> for DistilBert {
    fn head(parameters: &Parameters, config: &DistilBertConfig, _: &Tensor) -> Result<MultipleChoiceHead> {
        Ok(MultipleChoiceHead::new(summary_head(parameters, config, 1)?))
    }
}

/// Build the head of text classification or multiple choice, with `labels` outputs.
fn summary_head(parameters: &Parameters, config: &DistilBertConfig, labels: i64) -> Result<SummaryHead> {
    let summary = SummaryConfig {
        pooling: Pooling::First,
        before: 0.0,
        projection: Some("pre_classifier"),
        activation: Activation::Relu,
        after: config.seq_classif_dropout,
    };
    SummaryHead::new(parameters, config.dim, &summary, "classifier", labels)
}

impl<H: Head> Network<DistilBert, H>
where
    DistilBert: HasHead<H>,
{
    /// Build a newly initialised model whose parameters are named from `path`. As in rust_bert, the names of an encoder
    /// without a head begin with `distilbert`. Load weights into its variable store next.
    ///
    /// # Errors
    /// [`Error::Config`](crate::Error::Config) if the configuration contradicts itself;
    /// [`Error::Torch`](crate::Error::Torch) if there is no memory.
    pub fn new<'p>(path: impl Borrow<Path<'p>>, config: &DistilBertConfig) -> Result<Self> {
        Self::fresh(path.borrow(), config)
    }

    /// Check the arguments (see [`crate::inputs`]) and run the model. The output holds hidden states and attentions if
    /// the configuration requests them.
    ///
    /// # Errors
    /// The errors of [`crate::inputs::Inputs::new`]; [`Error::Torch`](crate::Error::Torch) if libtorch refuses.
    pub fn forward_t(
        &self,
        input: Option<&Tensor>,
        mask: Option<&Tensor>,
        input_embeds: Option<&Tensor>,
        train: bool,
    ) -> Result<H::Output> {
        self.forward_with(Arguments::from_tensors(input, mask, None, None, input_embeds)?, train)
    }
}
