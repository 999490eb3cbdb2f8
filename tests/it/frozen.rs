//! Tests that frozen models return the results of trainable models, without parameters.

use std::cell::Cell;
use std::sync::Arc;

use oxbert::any_model::{Run, frozen, masked_lm};
use oxbert::config::AnyConfig;
use oxbert::distilbert::{DistilBertForMaskedLM, DistilBertForSequenceClassification, DistilBertModel};
use oxbert::electra::{ElectraForMaskedLM, ElectraForTokenClassification, ElectraModel};
use oxbert::engine::Precision;
use oxbert::heads::{NoHead, Shareable, TokenClassificationHead};
use oxbert::inputs::{Arguments, Inputs};
use oxbert::models::Model;
use oxbert::nn::ForwardOptions;
use oxbert::outputs::{ModelOutput, TokenClassificationOutput};
use oxbert::pipelines::{FillMask, ReplacedTokenDetection};
use oxbert::pretrained::Frozen;
use oxbert::text::{Batch, ElectraTokenizer, EncodeOptions};
use oxbert::weights::{Strictness, WeightFormat, WeightSource};
use oxbert::{DistilBertConfig, ElectraConfig, Error, Pretrained};
use tch::{Device, Tensor};

use crate::common::{
    Answer, TRAIN, Tiny, assert_close, fill, for_every_model, fresh, from_folder, ids, inputs, model, odd, odd_for,
    ragged, random_numbers, run, types,
};

const LENGTHS: [usize; 4] = [5, 2, 7, 5];

fn arguments() -> Arguments {
    Arguments {
        input_ids: ragged(&ids(&LENGTHS)),
        token_type_ids: ragged(
            &types(&LENGTHS).iter().map(|row| row.iter().map(|id| id % 2).collect()).collect::<Vec<_>>(),
        ),
        ..Arguments::default()
    }
}

#[test]
fn frozen_models_return_the_results_of_trainable_ones() {
    fn law<M: Model<Config: Tiny, Output: Answer>>() {
        let trainable = model::<M>(&odd_for::<M>());
        let folder = tempfile::tempdir().unwrap();
        trainable.save(folder.path(), WeightFormat::Safetensors).unwrap();
        let captures = [false, true].map(|captures| ForwardOptions {
            output_hidden_states: captures,
            output_attentions: captures,
            ..ForwardOptions::default()
        });
        let expected = captures.map(|options| tch::no_grad(|| run(&trainable, arguments(), options)).main());
        let loaded = Frozen::<M>::from_folder(folder.path(), Device::Cpu, Strictness::Everything).unwrap();
        assert_eq!(loaded.report(), &from_folder::<M>(folder.path()).unwrap().report);
        assert!(loaded.untrained().is_empty());
        for frozen in [loaded, Frozen::new(trainable).unwrap()] {
            let inputs = inputs(arguments(), &frozen.limits());
            for (options, expected) in captures.iter().zip(&expected) {
                let answer = frozen.forward(&inputs, *options).unwrap().main();
                assert!(!answer.requires_grad());
                assert_close(&answer, expected);
            }
            match frozen.forward(&inputs, TRAIN) {
                Err(Error::Input { what, .. }) => assert_eq!(what, "train"),
                other => panic!("{:?}", other.is_ok()),
            }
        }
    }
    for_every_model!(law);
}

#[test]
fn clones_share_the_weights_and_threads_the_model() {
    fn shared<T: Send + Sync + Clone + 'static>() {}
    fn moved<T: Send + 'static>() {}
    // Compiling is the test: each type may be handed to threads, in an `Arc` or as a clone.
    fn law<M: Model<Config: Tiny + Send + Sync, Frozen: Shareable + Send> + 'static>() {
        shared::<Frozen<M>>();
    }
    for_every_model!(law);
    shared::<FillMask>();
    shared::<ReplacedTokenDetection>();
    shared::<ElectraTokenizer>();
    shared::<(ElectraConfig, DistilBertConfig, AnyConfig, Batch, EncodeOptions)>();
    shared::<Arc<Box<dyn Run<ModelOutput> + Sync>>>();
    moved::<(Pretrained<ElectraModel>, Inputs, Arguments, ModelOutput, Error)>();

    let frozen = Frozen::new(model::<ElectraModel>(&odd())).unwrap();
    let inputs = Inputs::new(arguments(), &frozen.limits()).unwrap();
    let clone = frozen.clone();
    assert!(std::ptr::eq(clone.config(), frozen.config()) && std::ptr::eq(clone.report(), frozen.report()));
    let states = |model: &Frozen<ElectraModel>| model.forward(&inputs, ForwardOptions::default()).unwrap().hidden_state;
    let expected = states(&frozen);
    drop(frozen);
    assert!(states(&clone).equal(&expected));
}

#[test]
fn texts_are_predicted_as_by_trainable_models() {
    let trainable = model::<ElectraModel>(&odd());
    let batch = Batch { ids: ids(&LENGTHS), type_ids: LENGTHS.iter().map(|&length| vec![0; length]).collect() };
    let expected = trainable.predict(&batch).unwrap().hidden_state;
    assert!(!expected.requires_grad());
    assert_close(&Frozen::new(trainable).unwrap().predict(&batch).unwrap().hidden_state, &expected);
}

#[test]
fn threads_share_a_frozen_model_without_a_lock() {
    let frozen = Frozen::new(model::<ElectraModel>(&odd())).unwrap();
    let states = || -> Tensor {
        frozen.forward(&inputs(arguments(), &frozen.limits()), ForwardOptions::default()).unwrap().hidden_state
    };
    let expected = states();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(|| (0..20).map(|_| states()).collect::<Vec<_>>())).collect();
        for worker in workers {
            assert!(worker.join().unwrap().iter().all(|states| states.equal(&expected)));
        }
    });
}

#[test]
fn the_folder_determines_the_family() {
    let folder = tempfile::tempdir().unwrap();
    model::<DistilBertForMaskedLM>(&odd()).save(folder.path(), WeightFormat::Ot).unwrap();
    let distilbert = masked_lm(folder.path(), Device::Cpu, Precision::Float32).unwrap();
    assert_eq!(distilbert.config().model_type(), "distilbert");
    let erased: Box<dyn Run<ModelOutput> + Sync> =
        frozen::<NoHead>(folder.path(), Device::Cpu, Strictness::default(), Precision::Float32).unwrap();
    let inputs = inputs(arguments(), &erased.limits());
    let states = erased.forward(&inputs, ForwardOptions::default()).unwrap().hidden_state;
    let own = Pretrained::<DistilBertModel>::from_folder(folder.path(), Device::Cpu, Strictness::default()).unwrap();
    assert_close(&states, &tch::no_grad(|| run(&own, arguments(), ForwardOptions::default())).hidden_state);
    model::<ElectraForMaskedLM>(&odd()).save(folder.path(), WeightFormat::Ot).unwrap();
    assert_eq!(masked_lm(folder.path(), Device::Cpu, Precision::Float32).unwrap().config().model_type(), "electra");
}

#[test]
fn missing_parameters_are_reported_as_for_trainable_models() {
    let folder = tempfile::tempdir().unwrap();
    let config: ElectraConfig = odd();
    model::<ElectraForMaskedLM>(&config).save(folder.path(), WeightFormat::Safetensors).unwrap();
    let trainable = {
        let _random = random_numbers();
        Pretrained::<ElectraForTokenClassification>::from_folder(folder.path(), Device::Cpu, Strictness::default())
            .unwrap()
    };
    let tagger =
        frozen::<TokenClassificationHead>(folder.path(), Device::Cpu, Strictness::default(), Precision::Float32)
            .unwrap();
    assert_eq!(tagger.untrained(), trainable.untrained());
    assert_eq!(tagger.report(), &trainable.report);
    let inputs = inputs(arguments(), &tagger.limits());
    let output: TokenClassificationOutput = tagger.forward(&inputs, ForwardOptions::default()).unwrap();
    assert!(output.logits.isfinite().all().int64_value(&[]) == 1);
    match frozen::<TokenClassificationHead>(folder.path(), Device::Cpu, Strictness::Everything, Precision::Float32) {
        Err(Error::WeightsMismatch { missing, .. }) => assert_eq!(missing, trainable.untrained()),
        other => panic!("{other:?}"),
    }
    let wide = ElectraConfig { intermediate_size: config.intermediate_size + 1, ..config };
    let source = WeightSource::open(folder.path().join("model.safetensors")).unwrap();
    let load = |watch: &dyn Fn(usize, usize) -> oxbert::Result<()>, config: &ElectraConfig| {
        Frozen::<ElectraForMaskedLM>::from_source_watched(
            &source,
            config,
            Device::Cpu,
            Strictness::default(),
            Precision::Float32,
            watch,
        )
    };
    let calls = Cell::new(0);
    let watch = |_, _| {
        calls.set(calls.get() + 1);
        if calls.get() == 3 { Err(Error::input("watch", "stop")) } else { Ok(()) }
    };
    assert!(matches!(load(&watch, &wide), Err(Error::WeightsMismatch { mismatched, .. }) if !mismatched.is_empty()));
    // The mismatch is found before any tensor is read.
    assert_eq!(calls.get(), 0);
    assert!(matches!(load(&watch, &odd()), Err(Error::Input { what, .. }) if what == "watch"));
    assert_eq!(calls.get(), 3);
}

#[test]
fn an_untied_decoder_stays_untied() {
    let folder = tempfile::tempdir().unwrap();
    let config = DistilBertConfig { tie_word_embeddings: false, ..odd() };
    let untied = fresh::<DistilBertForMaskedLM>(&config, 3);
    untied.save(folder.path(), WeightFormat::Safetensors).unwrap();
    // The configuration says that the decoder is tied; the file says that it is not.
    oxbert::Config::save(&odd::<DistilBertConfig>(), folder.path().join("config.json")).unwrap();
    let frozen =
        Frozen::<DistilBertForMaskedLM>::from_folder(folder.path(), Device::Cpu, Strictness::Everything).unwrap();
    assert!(!frozen.config().tie_word_embeddings);
    let inputs = inputs(arguments(), &frozen.limits());
    let scores = frozen.forward(&inputs, ForwardOptions::default()).unwrap().prediction_scores;
    assert_close(&scores, &tch::no_grad(|| run(&untied, arguments(), ForwardOptions::default())).prediction_scores);
}

#[test]
fn a_frozen_model_keeps_its_own_copy() {
    let trainable = model::<ElectraModel>(&odd());
    let parameters = trainable.parameters();
    let frozen = Frozen::new(trainable).unwrap();
    let states = || {
        let inputs = inputs(arguments(), &frozen.limits());
        frozen.forward(&inputs, ForwardOptions::default()).unwrap().hidden_state
    };
    let before = states();
    fill(parameters.into_iter().rev().collect());
    assert!(states().equal(&before));
}

#[test]
fn missing_heads_have_the_initial_values_of_trainable_models() {
    let folder = tempfile::tempdir().unwrap();
    model::<DistilBertModel>(&odd()).save(folder.path(), WeightFormat::Safetensors).unwrap();
    let _random = random_numbers();
    let seeded = || tch::manual_seed(5);
    seeded();
    let trainable: Pretrained<DistilBertForSequenceClassification> =
        Pretrained::from_folder(folder.path(), Device::Cpu, Strictness::default()).unwrap();
    seeded();
    let frozen =
        Frozen::<DistilBertForSequenceClassification>::from_folder(folder.path(), Device::Cpu, Strictness::default())
            .unwrap();
    let inputs = inputs(arguments(), &frozen.limits());
    let logits = frozen.forward(&inputs, ForwardOptions::default()).unwrap().logits;
    assert_close(&logits, &tch::no_grad(|| run(&trainable, arguments(), ForwardOptions::default())).logits);
}

#[test]
fn configurations_without_a_family_are_read_as_electra() {
    let folder = tempfile::tempdir().unwrap();
    model::<ElectraForMaskedLM>(&odd()).save(folder.path(), WeightFormat::Safetensors).unwrap();
    let path = folder.path().join("config.json");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut config: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
    config.remove("model_type");
    config.insert("architectures".into(), vec!["MyModel"].into());
    std::fs::write(&path, serde_json::Value::Object(config.clone()).to_string()).unwrap();
    assert_eq!(masked_lm(folder.path(), Device::Cpu, Precision::Float32).unwrap().config().model_type(), "electra");
    // A bad value is the family's own to report.
    config.insert("model_type".into(), "distilbert".into());
    config.insert("n_layers".into(), "six".into());
    std::fs::write(&path, serde_json::Value::Object(config).to_string()).unwrap();
    match masked_lm(folder.path(), Device::Cpu, Precision::Float32) {
        Err(Error::Config { field, .. }) => assert_eq!(field, "n_layers"),
        other => panic!("{other:?}"),
    }
}
