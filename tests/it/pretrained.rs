//! Tests of models from folders: initial values, missing files, threads.

use std::sync::{Arc, Mutex};
use std::thread;

use oxbert::distilbert::{DistilBertForMaskedLM, DistilBertForQuestionAnswering, DistilBertModel};
use oxbert::electra::{ElectraDiscriminator, ElectraForMaskedLM, ElectraForMultipleChoice, ElectraModel};
use oxbert::inputs::Arguments;
use oxbert::models::Model;
use oxbert::resources::{LocalResource, ModelFolder, ResourceProvider};
use oxbert::weights::{Strictness, WeightFormat};
use oxbert::{Config, DistilBertConfig, ElectraConfig, Error, Pretrained};
use tch::{Device, Kind};

use crate::common::{
    Tiny, answer, assert_same, copies, for_every_model, fresh, from_folder, ids, model, odd, odd_for, ragged,
    random_numbers,
};

#[test]
fn a_seed_determines_the_initial_values() {
    fn law<M: Model<Config: Tiny>>() {
        let config = odd_for::<M>();
        let one = fresh::<M>(&config, 7);
        assert_same(&one.parameters(), &fresh::<M>(&config, 7).parameters());
        let other = fresh::<M>(&config, 8);
        let drawn =
            one.parameters().iter().zip(other.parameters()).filter(|((_, one), (_, other))| !one.equal(other)).count();
        let matrices = one.parameters().iter().filter(|(_, parameter)| parameter.dim() == 2).count();
        assert_eq!(drawn, matrices);
    }
    for_every_model!(law);
}

#[test]
fn initial_values_match_transformers() {
    fn law<M: Model>(config: &M::Config) {
        for (name, parameter) in fresh::<M>(config, 1).parameters() {
            let all = |value: f64| parameter.eq(value).all().int64_value(&[]) == 1;
            if name.ends_with("bias") {
                assert!(all(0.0), "{name}");
            } else if parameter.dim() == 1 {
                assert!(all(1.0), "{name}");
            } else {
                let deviation = parameter.std(true).double_value(&[]);
                assert!((deviation - 0.1).abs() < 0.02, "{name}: {deviation}");
            }
            if name.ends_with("word_embeddings.weight") {
                assert_eq!(parameter.get(3).abs().max().double_value(&[]), 0.0);
                assert_eq!(parameter.abs().max_dim(1, false).0.eq(0.0).sum(Kind::Int64).int64_value(&[]), 1);
            }
            assert!(parameter.requires_grad() && parameter.kind() == Kind::Float, "{name}");
        }
    }
    let (vocab_size, initializer_range, pad_token_id) = (500, 0.1, Some(3));
    law::<ElectraForMaskedLM>(&ElectraConfig { vocab_size, initializer_range, pad_token_id, ..odd() });
    law::<DistilBertForMaskedLM>(&DistilBertConfig { vocab_size, initializer_range, pad_token_id, ..odd() });
}

#[test]
fn a_sinusoidal_position_table_holds_sines_and_cosines() {
    for dim in [35, 6] {
        let config = DistilBertConfig { sinusoidal_pos_embds: true, dim, n_heads: 1, ..odd() };
        let parameters = fresh::<DistilBertModel>(&config, 1).parameters();
        let (name, table) = &parameters[1];
        assert_eq!((name.as_str(), table.size()), ("embeddings.position_embeddings.weight", vec![19, dim]));
        for position in 0..19 {
            for pair in 0..=(dim - 1) / 2 {
                // Vaswani et al. 2017, section 3.5.
                let angle = position as f64 / 1e4_f64.powf(2.0 * pair as f64 / dim as f64);
                let cell = |column: i64| table.double_value(&[position, column]);
                assert!((cell(2 * pair) - angle.sin()).abs() < 1e-6, "{position} {pair}");
                assert!(2 * pair + 1 >= dim || (cell(2 * pair + 1) - angle.cos()).abs() < 1e-6, "{position} {pair}");
            }
        }
        // All other parameters are drawn from the normal distribution.
        assert!(parameters[0].1.std(true).double_value(&[]) < 0.1);
    }
}

/// Return the names of all parameters in their order.
fn names<M: Model>(config: &M::Config) -> Vec<String> {
    fresh::<M>(config, 0).parameters().into_iter().map(|(name, _)| name).collect()
}

/// Return the names of `weight` and `bias` under each layer.
fn weights_and_biases(layers: &[&str]) -> Vec<String> {
    layers.iter().flat_map(|layer| ["weight", "bias"].map(|name| format!("{layer}.{name}"))).collect()
}

/// Return the names of the parameters of the head, without the family's prefix.
fn of_head<M: Model>(config: &M::Config) -> Vec<String> {
    let prefix = format!("{}.", M::BACKBONE.prefix);
    names::<M>(config).into_iter().filter(|name| !name.starts_with(&prefix)).collect()
}

#[test]
fn names_match_transformers_in_the_order_of_the_data() {
    let config = ElectraConfig { num_hidden_layers: 1, ..odd() };
    let tables = |kinds: &[&str]| kinds.iter().map(|kind| format!("embeddings.{kind}_embeddings.weight")).collect();
    let layer = [
        "embeddings.LayerNorm",
        "embeddings_project",
        "encoder.layer.0.attention.self.query",
        "encoder.layer.0.attention.self.key",
        "encoder.layer.0.attention.self.value",
        "encoder.layer.0.attention.output.dense",
        "encoder.layer.0.attention.output.LayerNorm",
        "encoder.layer.0.intermediate.dense",
        "encoder.layer.0.output.dense",
        "encoder.layer.0.output.LayerNorm",
    ];
    let embeddings: Vec<String> = tables(&["word", "position", "token_type"]);
    assert_eq!(names::<ElectraModel>(&config), [embeddings, weights_and_biases(&layer)].concat());
    let same_width = ElectraConfig { embedding_size: 35, ..config.clone() };
    assert!(!names::<ElectraModel>(&same_width).iter().any(|name| name.contains("project")));
    let head = ["discriminator_predictions.dense", "discriminator_predictions.dense_prediction"];
    assert_eq!(of_head::<ElectraDiscriminator>(&config), weights_and_biases(&head));
    assert_eq!(
        of_head::<ElectraForMultipleChoice>(&config),
        weights_and_biases(&["sequence_summary.summary", "classifier"])
    );
    let unprojected = ElectraConfig { summary_use_proj: false, ..config };
    assert_eq!(of_head::<ElectraForMultipleChoice>(&unprojected), weights_and_biases(&["classifier"]));

    let config = DistilBertConfig { n_layers: 1, ..odd() };
    let layer = [
        "embeddings.LayerNorm",
        "transformer.layer.0.attention.q_lin",
        "transformer.layer.0.attention.k_lin",
        "transformer.layer.0.attention.v_lin",
        "transformer.layer.0.attention.out_lin",
        "transformer.layer.0.sa_layer_norm",
        "transformer.layer.0.ffn.lin1",
        "transformer.layer.0.ffn.lin2",
        "transformer.layer.0.output_layer_norm",
    ];
    let embeddings: Vec<String> = tables(&["word", "position"]);
    let backbone = [embeddings, weights_and_biases(&layer)].concat();
    assert_eq!(names::<DistilBertModel>(&config), backbone);
    let head = [
        weights_and_biases(&["vocab_transform", "vocab_layer_norm"]),
        vec!["vocab_projector.weight".into(), "vocab_projector.bias".into()],
    ];
    assert_eq!(of_head::<DistilBertForMaskedLM>(&config.clone().untied()), head.concat());
    assert_eq!(of_head::<DistilBertForMaskedLM>(&config).len(), 5);
    // As in rust_bert, the names of an encoder without a head begin with the family's prefix.
    let variables = tch::nn::VarStore::new(Device::Cpu);
    let _random = random_numbers();
    DistilBertModel::new(variables.root(), &config).unwrap();
    let mut rooted: Vec<_> = variables.variables().into_keys().collect();
    let mut expected: Vec<_> = backbone.iter().map(|name| format!("distilbert.{name}")).collect();
    rooted.sort();
    expected.sort();
    assert_eq!(rooted, expected);
}

#[test]
fn errors_of_missing_files_list_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let missing = from_folder::<ElectraModel>(&folder.path().join("none")).unwrap_err();
    assert!(matches!(missing, Error::Io { action: "open the model folder", .. }), "{missing:?}");
    assert!(matches!(ModelFolder::open(folder.path().join("none")), Err(Error::Io { .. })));
    let empty = from_folder::<ElectraModel>(folder.path()).unwrap_err().to_string();
    assert!(empty.ends_with("has no config.json; it holds: nothing"), "{empty}");
    odd::<ElectraConfig>().save(folder.path().join("config.json")).unwrap();
    std::fs::write(folder.path().join("vocab.txt"), b"").unwrap();
    match from_folder::<ElectraModel>(folder.path()) {
        Err(Error::MissingFile { folder: named, wanted, found }) => {
            assert_eq!(named, folder.path());
            assert!(
                wanted.starts_with("model.safetensors, ") && wanted.ends_with(" or model.ckpt-*.index"),
                "{wanted}"
            );
            assert_eq!(found, ["config.json", "vocab.txt"]);
        }
        other => panic!("{other:?}"),
    }
    // A file is not a folder.
    assert!(matches!(ModelFolder::open(folder.path().join("vocab.txt")), Err(Error::Io { .. })));
    let resource = LocalResource::from(folder.path().join("vocab.txt"));
    assert_eq!(resource.get_local_path().unwrap(), folder.path().join("vocab.txt"));
    assert!(matches!(LocalResource::from("/none/vocab.txt").get_local_path(), Err(Error::Io { .. })));
}

#[test]
fn safetensors_precede_ot() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (fresh::<ElectraModel>(&odd(), 1), fresh::<ElectraModel>(&odd(), 2));
    one.save(folder.path(), WeightFormat::Ot).unwrap();
    assert_same(&from_folder::<ElectraModel>(folder.path()).unwrap().parameters(), &one.parameters());
    other.save(folder.path(), WeightFormat::Safetensors).unwrap();
    assert_same(&from_folder::<ElectraModel>(folder.path()).unwrap().parameters(), &other.parameters());
}

#[test]
fn a_bad_configuration_is_refused_before_the_weights_are_read() {
    let folder = tempfile::tempdir().unwrap();
    model::<ElectraModel>(&odd()).save(folder.path(), WeightFormat::Ot).unwrap();
    std::fs::write(folder.path().join("config.json"), br#"{"hidden_size": 35}"#).unwrap();
    let message = from_folder::<ElectraModel>(folder.path()).unwrap_err().to_string();
    assert!(message.contains("config.json: num_attention_heads: expected a divisor of hidden_size = 35"), "{message}");
}

#[test]
fn parameters_are_the_models_own() {
    let mut changing = model::<ElectraModel>(&odd());
    let arguments = || Arguments { input_ids: ragged(&ids(&[4])), ..Arguments::default() };
    let before = answer(&changing, arguments());
    let kept = copies(&changing.parameters());
    tch::no_grad(|| {
        for (_, mut parameter) in changing.parameters() {
            let _ = parameter.fill_(0.5);
        }
    });
    assert!(!answer(&changing, arguments()).equal(&before));
    let source = oxbert::weights::WeightSource::Tensors { path: None, tensors: kept };
    changing.load(&source, Strictness::Everything).unwrap();
    assert!(answer(&changing, arguments()).equal(&before));
    changing.to_device(Device::Cpu).unwrap();
    assert_eq!(changing.device(), Device::Cpu);
    assert!(answer(&changing, arguments()).equal(&before));
}

#[test]
fn threads_give_the_same_results() {
    const THREADS: usize = 8;
    let folder = tempfile::tempdir().unwrap();
    let saved = model::<ElectraForMaskedLM>(&odd());
    saved.save(folder.path(), WeightFormat::Ot).unwrap();
    let arguments = || Arguments { input_ids: ragged(&ids(&[5, 9, 1, 5])), ..Arguments::default() };
    let numbers =
        |model: &Pretrained<ElectraForMaskedLM>| Vec::<f32>::try_from(answer(model, arguments()).view([-1])).unwrap();
    let expected = numbers(&saved);
    let shared = Arc::new(Mutex::new(saved));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let own = from_folder::<ElectraForMaskedLM>(folder.path()).unwrap();
                for _ in 0..10 {
                    assert_eq!(numbers(&own), expected);
                    assert_eq!(numbers(&shared.lock().unwrap()), expected);
                }
            });
        }
    });
    // A model may also move into a thread and back.
    let moved = Arc::into_inner(shared).unwrap().into_inner().unwrap();
    let moved = thread::spawn(move || moved).join().unwrap();
    assert_eq!(numbers(&moved), expected);
}

#[test]
fn a_new_model_is_untrained_until_marked() {
    let mut model = fresh::<ElectraForMaskedLM>(&odd(), 1);
    match model.check_trained("a task") {
        Err(Error::UntrainedHead { task, parameters }) => {
            assert_eq!((task.as_str(), parameters.len()), ("a task", model.parameters().len()));
        }
        other => panic!("{other:?}"),
    }
    model.mark_trained();
    model.check_trained("a task").unwrap();
    let folder = tempfile::tempdir().unwrap();
    model.save(folder.path(), WeightFormat::Ot).unwrap();
    let mut other = fresh::<ElectraForMaskedLM>(&odd(), 2);
    let source = oxbert::weights::WeightSource::open(folder.path().join("rust_model.ot")).unwrap();
    other.load(&source, Strictness::Everything).unwrap();
    assert!(other.untrained().is_empty());
    assert_same(&model.parameters(), &other.parameters());
}

#[test]
fn a_configuration_larger_than_the_file_takes_no_memory() {
    let folder = tempfile::tempdir().unwrap();
    fresh::<ElectraForMaskedLM>(&odd(), 1).save(folder.path(), WeightFormat::Safetensors).unwrap();
    // The embeddings would take 100 GB if their memory were touched.
    ElectraConfig { vocab_size: i64::from(i32::MAX), ..odd() }.save(folder.path().join("config.json")).unwrap();
    match from_folder::<ElectraForMaskedLM>(folder.path()) {
        Err(Error::WeightsMismatch { mismatched, .. }) => assert!(!mismatched.is_empty()),
        Err(Error::Torch { message }) => assert!(message.contains("memory"), "{message}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn impossible_heads_are_configuration_errors() {
    fn refused<M: Model<Config: std::fmt::Debug>>(config: &M::Config) -> (String, String) {
        let _random = random_numbers();
        match Pretrained::<M>::from_config(config, None, Device::Cpu).map(|_| ()) {
            Err(Error::Config { path: None, field, reason }) => (field, reason),
            other => panic!("{other:?}"),
        }
    }
    let labels = |count| refused::<DistilBertForQuestionAnswering>(&odd::<DistilBertConfig>().labelled(count));
    assert_eq!(labels(3), ("num_labels".into(), "expected 2 (the start and the end of an answer), got 3".into()));
    assert_eq!(labels(1).0, "num_labels");
    let summary = ElectraConfig { summary_type: "attn".into(), ..odd() };
    let (field, reason) = refused::<ElectraForMultipleChoice>(&summary);
    assert_eq!(
        (field.as_str(), reason.as_str()),
        ("summary_type", "expected one of first, last, mean, cls_index, got \"attn\"")
    );
    let summary = ElectraConfig { summary_proj_to_labels: true, ..odd() };
    assert_eq!(refused::<ElectraForMultipleChoice>(&summary).0, "summary_proj_to_labels");
    // The setting is fine without a projection, or with as many labels as H.
    for fine in [ElectraConfig { summary_use_proj: false, ..summary.clone() }, summary.labelled(35)] {
        fresh::<ElectraForMultipleChoice>(&fine, 0);
    }
}

#[test]
fn configurations_of_the_same_parameters_are_accepted() {
    let mut model = model::<ElectraForMultipleChoice>(&odd());
    let renamed = ElectraConfig { labels: oxbert::config::Labels::numbered(7), ..odd() };
    model.set_config(&renamed).unwrap();
    assert_eq!(model.config, renamed);
    let refused = |change: ElectraConfig, model: &mut Pretrained<ElectraForMultipleChoice>| {
        let before = (model.config.clone(), copies(&model.parameters()));
        match model.set_config(&change).unwrap_err() {
            Error::Config { path: None, field, reason } => {
                assert_eq!(model.config, before.0);
                assert_same(&model.parameters(), &before.1);
                (field, reason)
            }
            other => panic!("{other:?}"),
        }
    };
    for (change, field, reason) in [
        (ElectraConfig { vocab_size: 60, ..odd() }, "vocab_size", "the model was built with 61, got 60"),
        (ElectraConfig { num_hidden_layers: 2, ..odd() }, "num_hidden_layers", "the model was built with 3, got 2"),
        (ElectraConfig { hidden_size: 70, ..odd() }, "hidden_size", "the model was built with 35, got 70"),
        (ElectraConfig { hidden_size: 36, ..odd() }, "num_attention_heads", "expected a divisor"),
        (ElectraConfig { summary_use_proj: false, ..odd() }, "the whole configuration", "sequence_summary.summary"),
    ] {
        let (refused_field, refused_reason) = refused(change, &mut model);
        assert_eq!(refused_field, field);
        assert!(refused_reason.contains(reason), "{field}: {refused_reason}");
    }
}
