//! Compare heads on hidden states, alone and in their models, with their formulas.

use oxbert::config::EncoderConfig;
use oxbert::distilbert::{
    DistilBertForLinearClassification, DistilBertForMaskedLM, DistilBertForMultipleChoice,
    DistilBertForQuestionAnswering, DistilBertForSequenceClassification, DistilBertForTokenClassification,
    DistilBertModel,
};
use oxbert::electra::{
    ElectraClassificationHead, ElectraConfig, ElectraDiscriminator, ElectraDiscriminatorHead,
    ElectraForLinearClassification, ElectraForMaskedLM, ElectraForMultipleChoice, ElectraForQuestionAnswering,
    ElectraForSequenceClassification, ElectraForTokenClassification, ElectraGeneratorHead, ElectraModel,
    ElectraSequenceSummary,
};
use oxbert::inputs::Arguments;
use oxbert::models::Model;
use oxbert::outputs::ModelOutput;
use oxbert::weights::{Strictness, WeightSource};
use oxbert::{Activation, Config, DistilBertConfig, Error, Pretrained};
use tch::nn::VarStore;
use tch::{Device, Tensor};

use crate::common::{
    Answer, Tiny, answer, assert_close, fill, linear, matrix, model, normalised, odd, odd_for, of_row, random_numbers,
    waves,
};

/// Build a head under the name `head` with known values; return it with a look-up of its parameters.
fn build<H>(new: impl FnOnce(&VarStore) -> oxbert::Result<H>) -> (H, impl Fn(&str) -> Tensor) {
    let _random = random_numbers();
    let variables = VarStore::new(Device::Cpu);
    let head = new(&variables).unwrap();
    let mut parameters: Vec<_> = variables.variables().into_iter().collect();
    parameters.sort_by(|(one, _), (other, _)| one.cmp(other));
    fill(parameters);
    (head, move |name: &str| variables.variables()[&format!("head.{name}")].shallow_clone())
}

/// Check that a model's logits follow `formula` from the hidden states `[1, L, H]` of the same encoder without a head.
/// Rows come one at a time with their kept tokens only, and the first kept token is not always in the first column.
fn check<M, B>(config: &M::Config, formula: impl Fn(&Tensor, &dyn Fn(&str) -> Tensor, &EncoderConfig) -> Tensor)
where
    M: Model<Output: Answer>,
    B: Model<Config = M::Config, Output = ModelOutput>,
{
    let model = model::<M>(config);
    let source = WeightSource::Tensors { path: None, tensors: model.parameters() };
    let bare = Pretrained::<B>::from_source(&source, config, Device::Cpu, Strictness::Backbone).unwrap();
    let parameters: std::collections::HashMap<_, _> = model.parameters().into_iter().collect();
    let arguments = || {
        let ids = matrix([[5, 6, 7, 8], [9, 10, 11, 12], [13, 14, 15, 16]]);
        let mask = matrix([[1, 1, 1, 1], [0, 1, 1, 0], [0, 0, 0, 1]]);
        Arguments::from_tensors(Some(&ids), Some(&mask), None, None, None).unwrap()
    };
    let (logits, hidden) = (answer(&model, arguments()), answer(&bare, arguments()));
    for (row, kept) in [vec![0, 1, 2, 3], vec![1, 2], vec![3]].iter().enumerate() {
        let hidden = of_row::<B>(&hidden, row, kept);
        let expected = formula(&hidden, &|name| parameters[name].shallow_clone(), &config.encoder());
        assert_close(&of_row::<M>(&logits, row, kept), &expected);
    }
}

fn first(hidden: &Tensor) -> Tensor {
    hidden.select(1, 0)
}

#[test]
fn electras_heads_match_their_formulas() {
    check::<ElectraForMaskedLM, ElectraModel>(&odd(), |hidden, parameter, config| {
        let inner = linear(hidden, parameter, "generator_predictions.dense").gelu("none");
        let states = normalised(&inner, parameter, "generator_predictions.LayerNorm", config.layer_norm_eps);
        let words = parameter("electra.embeddings.word_embeddings.weight");
        states.matmul(&words.transpose(0, 1)) + parameter("generator_lm_head.bias")
    });
    check::<ElectraDiscriminator, ElectraModel>(&odd(), |hidden, parameter, _| {
        let inner = linear(hidden, parameter, "discriminator_predictions.dense").relu();
        linear(&inner, parameter, "discriminator_predictions.dense_prediction").squeeze_dim(-1)
    });
    check::<ElectraForTokenClassification, ElectraModel>(&odd(), |hidden, parameter, _| {
        linear(hidden, parameter, "classifier")
    });
    check::<ElectraForQuestionAnswering, ElectraModel>(
        &odd_for::<ElectraForQuestionAnswering>(),
        |hidden, parameter, _| linear(hidden, parameter, "qa_outputs"),
    );
    // The activation is always gelu.
    check::<ElectraForSequenceClassification, ElectraModel>(&odd(), |hidden, parameter, _| {
        linear(&linear(&first(hidden), parameter, "classifier.dense").gelu("none"), parameter, "classifier.out_proj")
    });
    check::<ElectraForLinearClassification, ElectraModel>(&odd(), |hidden, parameter, _| {
        linear(&first(hidden), parameter, "text_classifier")
    });
}

#[test]
fn distilberts_heads_match_their_formulas() {
    let gelu = DistilBertConfig { activation: Activation::Gelu, ..odd() };
    for config in [odd(), gelu.clone(), gelu.untied()] {
        check::<DistilBertForMaskedLM, DistilBertModel>(&config, |hidden, parameter, encoder| {
            let inner = linear(hidden, parameter, "vocab_transform");
            // The activation is the configuration's.
            let inner = if config.activation == Activation::Relu { inner.relu() } else { inner.gelu("none") };
            assert_eq!(encoder.activation, config.activation);
            let states = normalised(&inner, parameter, "vocab_layer_norm", 1e-12);
            let decoder = if config.tie_word_embeddings {
                "distilbert.embeddings.word_embeddings.weight"
            } else {
                "vocab_projector.weight"
            };
            states.matmul(&parameter(decoder).transpose(0, 1)) + parameter("vocab_projector.bias")
        });
    }
    check::<DistilBertForTokenClassification, DistilBertModel>(&odd(), |hidden, parameter, _| {
        linear(hidden, parameter, "classifier")
    });
    check::<DistilBertForQuestionAnswering, DistilBertModel>(
        &odd_for::<DistilBertForQuestionAnswering>(),
        |hidden, parameter, _| linear(hidden, parameter, "qa_outputs"),
    );
    // The activation is always relu.
    let config = DistilBertConfig { activation: Activation::Gelu, ..odd() };
    let text = |hidden: &Tensor, parameter: &dyn Fn(&str) -> Tensor, _: &EncoderConfig| {
        linear(&linear(&first(hidden), parameter, "pre_classifier").relu(), parameter, "classifier")
    };
    check::<DistilBertForSequenceClassification, DistilBertModel>(&config, text);
    check::<DistilBertForMultipleChoice, DistilBertModel>(&config, text);
    check::<DistilBertForLinearClassification, DistilBertModel>(&config, |hidden, parameter, _| {
        linear(&first(hidden), parameter, "text_classifier")
    });
}

#[test]
fn electras_summary_follows_the_configuration() {
    for summary_type in ["first", "last", "mean", "cls_index"] {
        for projected in [true, false] {
            for activation in [Some(Activation::Gelu), Some(Activation::Tanh), None] {
                let config = ElectraConfig {
                    summary_type: summary_type.into(),
                    summary_use_proj: projected,
                    summary_activation: activation,
                    ..odd()
                };
                let summary = |hidden: &Tensor, parameter: &dyn Fn(&str) -> Tensor, name: &str| {
                    let pooled = match summary_type {
                        "first" => first(hidden),
                        "mean" => hidden.mean_dim(1, false, tch::Kind::Float),
                        _ => hidden.select(1, -1),
                    };
                    let inner = if projected { linear(&pooled, parameter, name) } else { pooled };
                    match activation {
                        Some(Activation::Gelu) => inner.gelu("none"),
                        Some(_) => inner.tanh(),
                        None => inner,
                    }
                };
                check::<ElectraForMultipleChoice, ElectraModel>(&config, |hidden, parameter, _| {
                    linear(&summary(hidden, parameter, "sequence_summary.summary"), parameter, "classifier")
                });
                let (head, parameter) =
                    build(|variables| ElectraSequenceSummary::new(variables.root() / "head", &config));
                let hidden = waves(&[2, 3, 35], 4.0);
                assert_close(&head.forward_t(&hidden, false).unwrap(), &summary(&hidden, &parameter, "summary"));
            }
        }
    }
}

#[test]
fn the_classification_head_alone_matches_its_formula() {
    let (head, parameter) = build(|variables| ElectraClassificationHead::new(variables.root() / "head", &odd()));
    let hidden = waves(&[2, 3, 35], 4.0);
    let expected = linear(&linear(&first(&hidden), &parameter, "dense").gelu("none"), &parameter, "out_proj");
    assert_eq!(expected.size(), [2, 3]);
    assert_close(&head.forward_t(&hidden, false).unwrap(), &expected);
    assert!(matches!(head.forward_t(&waves(&[35], 0.0), false), Err(Error::Torch { .. })));
}

#[test]
fn the_discriminator_head_takes_inputs_of_any_rank() {
    let (head, parameter) = build(|variables| ElectraDiscriminatorHead::new(variables.root() / "head", &odd()));
    let hidden = waves(&[2, 3, 35], 4.0);
    let logits = head.forward(&hidden).unwrap();
    // The activation is the configuration's.
    let expected = linear(&linear(&hidden, &parameter, "dense").relu(), &parameter, "dense_prediction");
    assert_close(&logits, &expected.squeeze_dim(-1));
    for shape in [vec![35], vec![1, 35], vec![1, 1, 35]] {
        assert_eq!(head.forward(&waves(&shape, 0.0)).unwrap().size(), shape[..shape.len() - 1]);
    }
}

#[test]
fn the_generator_head_always_uses_gelu() {
    let (head, parameter) = build(|variables| ElectraGeneratorHead::new(variables.root() / "head", &odd()));
    let hidden = waves(&[2, 3, 35], 4.0);
    // The epsilon is the configuration's.
    let inner = linear(&hidden, &parameter, "dense").gelu("none");
    assert_close(&head.forward(&hidden).unwrap(), &normalised(&inner, &parameter, "LayerNorm", 1e-3));
}

#[test]
fn hidden_states_of_another_width_give_a_one_line_error() {
    let (head, _) = build(|variables| ElectraDiscriminatorHead::new(variables.root() / "head", &odd()));
    match head.forward(&waves(&[2, 3, 34], 0.0)).unwrap_err() {
        Error::Torch { message } => {
            assert!(message.contains("shapes cannot be multiplied") && !message.contains('\n'), "{message}");
        }
        other => panic!("{other:?}"),
    }
    let bad = ElectraConfig { num_attention_heads: 4, ..odd() };
    let variables = VarStore::new(Device::Cpu);
    assert!(matches!(ElectraDiscriminatorHead::new(variables.root(), &bad), Err(Error::Config { .. })));
    assert!(matches!(ElectraGeneratorHead::new(variables.root(), &bad), Err(Error::Config { .. })));
}
