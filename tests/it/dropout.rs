//! Tests that dropout acts in training only, and in the same places as in transformers.

use oxbert::config::{Config, Labels};
use oxbert::distilbert::{DistilBert, DistilBertModel};
use oxbert::electra::{Electra, ElectraClassificationHead, ElectraModel};
use oxbert::encoder::{Encoded, ForwardOptions, Layer};
use oxbert::heads::{
    DiscriminatorHead, Head, LinearClassificationHead, MaskedLMHead, MultipleChoiceHead, QuestionAnsweringHead,
    SequenceClassificationHead, TokenClassificationHead,
};
use oxbert::inputs::{Inputs, Task};
use oxbert::models::{Family, HasHead, Model};
use oxbert::{DistilBertConfig, ElectraConfig};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

use crate::common::{Answer, TRAIN, Tiny, built, difference, model, numbers, odd, random_numbers, run, waves};
use crate::inputs::limits;
use crate::models::batch;

/// Return whether dropout acts: in training, the result differs from call to call.
fn is_random(forward: impl Fn(bool) -> Tensor) -> bool {
    let _random = random_numbers();
    let (eval, once, twice) = (forward(false), forward(true), forward(true));
    assert!(forward(false).equal(&eval));
    let [one, two, three] = [(&once, &twice), (&once, &eval), (&twice, &eval)].map(|(one, two)| difference(one, two));
    assert_eq!((one > 1e-3, one > 0.0), (two > 1e-3, three > 0.0));
    one > 1e-3
}

/// Return the names of the configurations under which a forward pass is random.
fn random_under<C>(configs: &[(&'static str, C)], is_random: impl Fn(&C) -> bool) -> Vec<&'static str> {
    configs.iter().filter(|(_, config)| is_random(config)).map(|(rate, _)| *rate).collect()
}

/// Return the names of the configurations under which a family's head alone is random.
fn head_rates<F: HasHead<H>, H: Head<Output: Answer>>(configs: &[(&'static str, F::Config)]) -> Vec<&'static str> {
    random_under(configs, |config| {
        let words = waves(&[61, config.encoder().embeddings.width], 5.0);
        let (head, _variables): (H, _) = built(|parameters| F::head(parameters, config, &words));
        let inputs = Inputs::new(batch(), &limits(Task::Encoding)).unwrap();
        is_random(|train| {
            let hidden = waves(&[inputs.layout.tokens(), 35], 6.0);
            let encoded = Encoded { hidden, all_hidden_states: None, all_attentions: None };
            tch::no_grad(|| head.forward(encoded, &inputs, train).unwrap().main())
        })
    })
}

fn encoder_rates<M: Model<Output: Answer>>(configs: &[(&'static str, M::Config)]) -> Vec<&'static str> {
    random_under(configs, |config| {
        let model = model::<M>(config);
        is_random(|train| tch::no_grad(|| run(&model, batch(), ForwardOptions { train, ..TRAIN }).main()))
    })
}

#[test]
fn each_dropout_rate_acts_in_its_places_during_training_only() {
    const HALF: f64 = 0.5;
    let none = ElectraConfig {
        hidden_dropout_prob: 0.0,
        attention_probs_dropout_prob: 0.0,
        classifier_dropout: Some(0.0),
        summary_first_dropout: 0.0,
        summary_last_dropout: 0.0,
        ..odd()
    };
    let electra = [
        ("none", none.clone()),
        ("hidden", ElectraConfig { hidden_dropout_prob: HALF, ..none.clone() }),
        ("attention", ElectraConfig { attention_probs_dropout_prob: HALF, ..none.clone() }),
        ("classifier", ElectraConfig { classifier_dropout: Some(HALF), ..none.clone() }),
        // The classifier's rate defaults to the rate of the hidden states.
        ("default", ElectraConfig { hidden_dropout_prob: HALF, classifier_dropout: None, ..none.clone() }),
        ("first", ElectraConfig { summary_first_dropout: HALF, ..none.clone() }),
        ("last", ElectraConfig { summary_last_dropout: HALF, ..none.clone() }),
    ];
    assert_eq!(encoder_rates::<ElectraModel>(&electra), ["hidden", "attention", "default"]);
    assert!(head_rates::<Electra, MaskedLMHead>(&electra).is_empty());
    assert!(head_rates::<Electra, DiscriminatorHead>(&electra).is_empty());
    assert_eq!(head_rates::<Electra, TokenClassificationHead>(&electra), ["classifier", "default"]);
    assert_eq!(head_rates::<Electra, SequenceClassificationHead>(&electra), ["classifier", "default"]);
    assert_eq!(head_rates::<Electra, LinearClassificationHead>(&electra), ["classifier", "default"]);
    assert_eq!(head_rates::<Electra, MultipleChoiceHead>(&electra), ["first", "last"]);
    let two = electra.clone().map(|(rate, config)| (rate, config.labelled(2)));
    assert!(head_rates::<Electra, QuestionAnsweringHead>(&two).is_empty());

    let none = DistilBertConfig {
        dropout: 0.0,
        attention_dropout: 0.0,
        qa_dropout: 0.0,
        seq_classif_dropout: 0.0,
        labels: Labels::numbered(2),
        ..odd()
    };
    let distilbert = [
        ("none", none.clone()),
        ("hidden", DistilBertConfig { dropout: HALF, ..none.clone() }),
        ("attention", DistilBertConfig { attention_dropout: HALF, ..none.clone() }),
        ("answers", DistilBertConfig { qa_dropout: HALF, ..none.clone() }),
        ("texts", DistilBertConfig { seq_classif_dropout: HALF, ..none.clone() }),
    ];
    assert_eq!(encoder_rates::<DistilBertModel>(&distilbert), ["hidden", "attention"]);
    assert!(head_rates::<DistilBert, MaskedLMHead>(&distilbert).is_empty());
    assert_eq!(head_rates::<DistilBert, TokenClassificationHead>(&distilbert), ["hidden"]);
    assert_eq!(head_rates::<DistilBert, SequenceClassificationHead>(&distilbert), ["texts"]);
    assert_eq!(head_rates::<DistilBert, QuestionAnsweringHead>(&distilbert), ["answers"]);
    assert_eq!(head_rates::<DistilBert, LinearClassificationHead>(&distilbert), ["texts"]);
    assert_eq!(head_rates::<DistilBert, MultipleChoiceHead>(&distilbert), ["texts"]);
}

#[test]
fn text_classifiers_drop_before_and_after_the_dense_layer() {
    let config = ElectraConfig {
        hidden_size: 1,
        num_attention_heads: 1,
        classifier_dropout: Some(0.5),
        labels: Labels::numbered(1),
        ..odd()
    };
    let _random = random_numbers();
    let variables = VarStore::new(Device::Cpu);
    let head = ElectraClassificationHead::new(variables.root(), &config).unwrap();
    for mut parameter in variables.trainable_variables() {
        let _ = tch::no_grad(|| parameter.fill_(0.7));
    }
    let logits = numbers(&head.forward_t(&Tensor::ones([64, 1, 1], (Kind::Float, Device::Cpu)), true).unwrap());
    let mut outcomes: Vec<String> = logits.iter().map(|logit| format!("{logit:.4}")).collect();
    outcomes.sort();
    outcomes.dedup();
    // Input and output can each be dropped, which gives three different logits; a single dropout would give two.
    assert_eq!(outcomes.len(), 3, "{outcomes:?}");
}

/// Return whether a layer's dropout of hidden states acts after the attention, and after the feed-forward part.
fn layer_drops<F: Family>(config: &F::Config) -> [bool; 2] {
    [true, false].map(|silent| {
        let names = &F::ENCODER.layer;
        let (layer, variables) = built(|parameters| Layer::new(parameters, &config.encoder(), names));
        for part in ["weight", "bias"].into_iter().filter(|_| silent) {
            // The feed-forward part returns zeros, so dropout after it has no effect.
            let name = format!("{}.{part}", names.output);
            let _ = tch::no_grad(|| variables.variables()[&name].shallow_clone().fill_(0.0));
        }
        let layout = Inputs::new(batch(), &limits(Task::Encoding)).unwrap().layout;
        let hidden = waves(&[layout.tokens(), 35], 2.0);
        is_random(|train| {
            tch::no_grad(|| layer.forward(&hidden, &layout, ForwardOptions { train, ..TRAIN }).unwrap().0)
        })
    })
}

#[test]
fn distilbert_has_no_dropout_after_attention() {
    let config = ElectraConfig { hidden_dropout_prob: 0.5, attention_probs_dropout_prob: 0.0, ..odd() };
    assert_eq!(layer_drops::<Electra>(&config), [true, true]);
    let config = DistilBertConfig { dropout: 0.5, attention_dropout: 0.0, ..odd() };
    assert_eq!(layer_drops::<DistilBert>(&config), [false, true]);
}
