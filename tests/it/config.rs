//! `config.json`: defaults, unknown keys, bad values, files.

use std::collections::{BTreeSet, HashMap};

use oxbert::config::{AnyConfig, Labels, ProblemType};
use oxbert::{Activation, Config, DistilBertConfig, ElectraConfig, Error};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::common::{self, Tiny, odd, plain};

fn read(value: &Value) -> oxbert::Result<ElectraConfig> {
    ElectraConfig::from_json(&value.to_string())
}

#[test]
fn an_empty_object_gives_the_default() {
    assert_eq!(read(&json!({})).unwrap(), ElectraConfig::default());
    assert_eq!(read(&json!({"model_type": "electra"})).unwrap(), ElectraConfig::default());
    // The small discriminator of transformers.
    let default = ElectraConfig::default();
    assert_eq!((default.vocab_size, default.hidden_size, default.layer_norm_eps), (30_522, 256, 1e-12));
}

#[test]
fn every_key_refuses_a_bad_value_by_name() {
    let bad = [
        ("model_type", json!("bert")),
        ("model_type", json!(7)),
        ("vocab_size", json!(0)),
        ("vocab_size", json!("30522")),
        ("vocab_size", json!(1.5)),
        ("vocab_size", json!(1_u64 << 40)),
        ("vocab_size", json!(u64::MAX)),
        ("vocab_size", Value::Null),
        ("embedding_size", json!(-1)),
        ("hidden_size", json!([256])),
        ("num_hidden_layers", json!(-1)),
        ("num_hidden_layers", json!(1001)),
        ("num_labels", json!(i32::MAX)),
        ("num_attention_heads", json!(0)),
        ("num_attention_heads", json!(7)),
        ("intermediate_size", json!({})),
        ("hidden_act", json!("gellu")),
        ("hidden_act", json!(true)),
        ("hidden_dropout_prob", json!(1)),
        ("hidden_dropout_prob", Value::Null),
        ("attention_probs_dropout_prob", json!(-0.1)),
        ("max_position_embeddings", json!(0)),
        ("type_vocab_size", json!(false)),
        ("initializer_range", json!(-0.02)),
        ("layer_norm_eps", json!("1e-12")),
        ("summary_type", json!(1)),
        ("summary_use_proj", json!("yes")),
        ("summary_proj_to_labels", json!("no")),
        ("summary_first_dropout", json!(-1)),
        ("summary_activation", json!("gellu")),
        ("summary_last_dropout", json!("0")),
        ("problem_type", json!("ranking")),
        ("problem_type", json!(1)),
        ("pad_token_id", json!(-1)),
        ("pad_token_id", json!(30_522)),
        ("classifier_dropout", json!(1.0)),
        ("tie_word_embeddings", json!(1)),
        ("output_hidden_states", json!("false")),
        ("output_attentions", json!(0)),
        ("id2label", json!(["a", "b"])),
        ("id2label", json!({})),
        ("id2label", json!({"1": "a"})),
        ("id2label", json!({"0": "a", "two": "b"})),
        ("id2label", json!({"0": "a", "00": "b"})),
        ("id2label", json!({"0": 3.5})),
        ("id2label", json!({"0": true})),
        ("id2label", json!({"0": null})),
        ("label2id", json!("a")),
        ("label2id", json!({"a": 0, "b": 0})),
        ("num_labels", json!(0)),
        ("is_decoder", json!(true)),
        ("add_cross_attention", json!(true)),
    ];
    let distilbert = [
        ("dim", json!(0)),
        ("n_layers", json!("six")),
        ("n_layers", json!(1001)),
        ("n_heads", json!(7)),
        ("hidden_dim", Value::Null),
        ("activation", json!("gellu")),
        ("dropout", json!(1)),
        ("attention_dropout", json!("0.1")),
        ("qa_dropout", json!(-0.1)),
        ("seq_classif_dropout", json!(true)),
        ("sinusoidal_pos_embds", json!(1)),
        ("tie_weights_", json!("true")),
    ];
    refuses::<ElectraConfig>(&bad);
    let own: Vec<_> = ElectraConfig::default().to_map().into_iter().map(|(field, _)| field).collect();
    let general = ["num_attention_heads", "num_hidden_layers", "hidden_size"];
    let shared = bad.into_iter().filter(|(field, _)| {
        DistilBertConfig::default().to_map().contains_key(*field) || !own.iter().any(|known| known == field)
    });
    let shared: Vec<_> = shared.filter(|(field, _)| !general.contains(field)).chain(distilbert).collect();
    refuses::<DistilBertConfig>(&shared);
}

/// Check that each of these values is refused with its field's name, and that every field has a bad value.
fn refuses<C: Config + Default>(bad: &[(&str, Value)]) {
    for (field, value) in bad {
        let (named, reason) = match C::from_json(&json!({ *field: value }).to_string()) {
            Err(Error::Config { path: None, field, reason }) => (field, reason),
            other => panic!("{field} {value}: {other:?}"),
        };
        assert_eq!(named, *field, "{value}");
        // The reason names the expected value and the one that was got, or the duplicate id.
        assert!(reason.contains("expected") || reason.contains("twice"), "{field}: {reason}");
    }
    let covered: BTreeSet<_> = bad.iter().map(|(field, _)| (*field).to_string()).collect();
    let mut written: BTreeSet<_> = C::default().to_map().keys().cloned().collect();
    // Written only if it is set.
    written.insert("problem_type".into());
    let forgotten: Vec<_> = written.difference(&covered).collect();
    assert!(forgotten.is_empty(), "no bad value for {forgotten:?}");
}

#[test]
fn messages_name_the_expected_and_the_given_value() {
    let message = |value| read(&value).unwrap_err().to_string();
    assert_eq!(
        message(json!({"vocab_size": "many"})),
        "config: vocab_size: expected an integer from 1 to 2147483647, got \"many\""
    );
    assert_eq!(
        message(json!({"hidden_size": 10})),
        "config: num_attention_heads: expected a divisor of hidden_size = 10, got 4"
    );
    let activation = message(json!({"hidden_act": "gellu"}));
    assert!(activation.contains("gelu_new") && activation.ends_with("got \"gellu\""), "{activation}");
}

#[test]
fn models_check_configurations_built_in_code() {
    for (change, field) in [
        (ElectraConfig { num_attention_heads: 4, ..common::odd() }, "num_attention_heads"),
        (ElectraConfig { num_attention_heads: 0, ..common::odd() }, "num_attention_heads"),
        (ElectraConfig { pad_token_id: Some(61), ..common::odd() }, "pad_token_id"),
    ] {
        let variables = tch::nn::VarStore::new(tch::Device::Cpu);
        let error = oxbert::electra::ElectraModel::new(variables.root(), &change).unwrap_err();
        assert!(matches!(&error, Error::Config { field: named, .. } if named == field), "{error:?}");
        assert!(variables.is_empty());
    }
    for (change, field) in [
        (DistilBertConfig { n_heads: 4, ..common::odd() }, "n_heads"),
        (DistilBertConfig { dim: 0, ..common::odd() }, "dim"),
        (DistilBertConfig { hidden_dim: -1, ..common::odd() }, "hidden_dim"),
    ] {
        let variables = tch::nn::VarStore::new(tch::Device::Cpu);
        let error = oxbert::distilbert::DistilBertModel::new(variables.root(), &change).unwrap_err();
        assert!(matches!(&error, Error::Config { field: named, .. } if named == field), "{error:?}");
        assert!(variables.is_empty());
    }
}

#[test]
fn a_model_too_large_for_any_machine_is_an_error() {
    let largest = i64::from(i32::MAX);
    let variables = tch::nn::VarStore::new(tch::Device::Cpu);
    let config = ElectraConfig { vocab_size: largest, embedding_size: largest, ..common::odd() };
    let error = oxbert::electra::ElectraModel::new(variables.root(), &config).unwrap_err();
    assert!(matches!(error, Error::Torch { .. }), "{error:?}");
}

#[test]
fn null_means_the_default_or_none_depending_on_the_key() {
    let config = read(&json!({
        "pad_token_id": null, "classifier_dropout": null, "summary_activation": null, "layer_norm_eps": null,
        "tie_word_embeddings": null, "hidden_act": null, "id2label": null, "num_labels": null, "torch_dtype": null,
    }))
    .unwrap();
    assert_eq!((config.pad_token_id, config.classifier_dropout, config.summary_activation), (None, None, None));
    assert_eq!((config.layer_norm_eps, config.tie_word_embeddings), (1e-12, true));
    assert_eq!((config.hidden_act, config.labels.len()), (Activation::Gelu, 2));
    // An unknown key keeps its null.
    assert_eq!(config.extra, Map::from_iter([("torch_dtype".to_string(), Value::Null)]));
    assert_eq!(ElectraConfig::from_json(&config.to_json()).unwrap(), config);
}

#[test]
fn labels_are_read_from_every_key() {
    let names = |value| read(&value).unwrap().labels.names().to_vec();
    assert_eq!(names(json!({"id2label": {"1": "I", "0": "O", "2": "B"}})), ["O", "I", "B"]);
    assert_eq!(names(json!({"label2id": {"B": 1, "O": 0}})), ["O", "B"]);
    assert_eq!(names(json!({"num_labels": 3})), ["LABEL_0", "LABEL_1", "LABEL_2"]);
    assert_eq!(names(json!({"num_labels": 1, "id2label": {"0": "score"}})), ["score"]);
    // As in transformers, `num_labels` overrides `id2label`.
    assert_eq!(names(json!({"num_labels": 2, "id2label": {"0": "score"}})), ["LABEL_0", "LABEL_1"]);
    assert!(matches!(Labels::new(Vec::new()), Err(Error::Config { field, .. }) if field == "id2label"));
    let twelve: Map<String, Value> = (0..12).rev().map(|id| (id.to_string(), json!(format!("L{id}")))).collect();
    assert_eq!(names(json!({"id2label": twelve}))[10..], ["L10", "L11"]);
}

#[test]
fn integers_as_names_of_labels_stay_integers() {
    let written = json!({"0": 7, "1": "7", "2": -3, "3": "x"});
    let config = read(&json!({"id2label": written})).unwrap();
    assert_eq!(config.labels.names(), ["7", "7", "-3", "x"]);
    assert_eq!(config.to_map()["id2label"], written);
    assert_eq!(ElectraConfig::from_json(&config.to_json()).unwrap(), config);
    // The text of an integer is another name.
    assert_ne!(read(&json!({"id2label": {"0": "7", "1": "7", "2": "-3", "3": "x"}})).unwrap(), config);
}

#[test]
fn a_map_of_labels_is_read_as_the_file_is() {
    for labels in 1..=12 {
        let map: HashMap<i64, String> = (0..labels).map(|id| (id, format!("of {id}"))).collect();
        let expected = read(&json!({ "id2label": map })).unwrap().labels;
        assert_eq!(expected.len() as i64, labels);
        assert_eq!(Labels::try_from(map.clone()).unwrap(), expected);
        // Any other id leaves a gap; the message names the first one that does not fit.
        for bad in [-1, labels, labels + 7, i64::MAX, i64::MIN] {
            let mut gap = map.clone();
            let name = gap.remove(&(labels - 1)).unwrap();
            gap.insert(bad, name);
            let message = Labels::try_from(gap).unwrap_err().to_string();
            assert_eq!(message, format!("config: id2label: expected the keys 0 to {}, got \"{bad}\"", labels - 1));
        }
    }
    assert!(matches!(Labels::try_from(HashMap::new()), Err(Error::Config { field, .. }) if field == "id2label"));
}

#[test]
fn an_activation_has_its_name_in_files_and_in_rust_bert() {
    macro_rules! of_rust_bert {
        ($($name:ident)*) => { [$((stringify!($name), Activation::$name)),*] };
    }
    for (name, activation) in of_rust_bert!(gelu relu swish mish gelu_new tanh identity) {
        assert_eq!(Activation::from_name(name), Some(activation), "{name}");
    }
    for name in Activation::NAMES {
        let activation: Activation = serde_json::from_value(json!(name)).unwrap();
        assert_eq!(Activation::from_name(name), Some(activation));
        assert_eq!(serde_json::to_value(activation).unwrap(), json!(activation.name()));
    }
    for bad in [json!("gellu"), json!("Gelu"), json!(""), json!(1), Value::Null] {
        assert!(serde_json::from_value::<Activation>(bad.clone()).is_err(), "{bad}");
    }
}

#[test]
fn serde_reads_and_writes_the_keys_of_the_file() {
    fn law<C: Tiny + Serialize + DeserializeOwned>() {
        for config in [C::default(), odd(), plain(), C::odd().untied().labelled(7)] {
            let value = serde_json::to_value(&config).unwrap();
            assert_eq!(value, Value::Object(config.to_map()));
            assert_eq!(serde_json::from_value::<C>(value).unwrap(), config);
        }
        let message = serde_json::from_value::<C>(json!({"vocab_size": 0, "mine": 1})).unwrap_err().to_string();
        assert!(message.starts_with("config: vocab_size: expected"), "{message}");
        assert!(serde_json::from_value::<C>(json!(["electra"])).is_err());
    }
    law::<ElectraConfig>();
    law::<DistilBertConfig>();
}

#[test]
fn written_files_round_trip_with_unknown_keys() {
    let extra = json!({"architectures": ["X"], "nested": {"b": [1, 2.5, null], "a": "ü"}, "is_decoder": false});
    let Value::Object(extra) = extra else { unreachable!() };
    let config = ElectraConfig {
        extra,
        labels: Labels::new(vec!["O".into(), "B-PER".into()]).unwrap(),
        summary_activation: Some(Activation::Tanh),
        problem_type: Some(ProblemType::MultiLabel),
        tie_word_embeddings: false,
        output_attentions: true,
        hidden_dropout_prob: 0.123_456_789_012_345,
        ..common::odd()
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    config.save(&path).unwrap();
    assert_eq!(ElectraConfig::from_file(&path).unwrap(), config);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.ends_with("}\n") && text.contains("\"model_type\": \"electra\""), "{text}");
    // Keys keep the order in which they were read.
    assert!(text.find("architectures") < text.find("nested") && text.find("\"b\"") < text.find("\"a\""), "{text}");
}

#[test]
fn invalid_files_are_errors_that_name_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    let missing = ElectraConfig::from_file(&path).unwrap_err();
    assert!(matches!(&missing, Error::Io { action: "read", path: named, .. } if *named == path), "{missing:?}");
    for (content, reason) in [
        (&b"{\"vocab_size\": 5,}"[..], "not valid JSON"),
        (b"", "not valid JSON"),
        (b"[1]", "expected a JSON object"),
        (b"\"electra\"", "expected a JSON object"),
        (b"{\"a\": \"\xff\"}", "not UTF-8"),
    ] {
        std::fs::write(&path, content).unwrap();
        let error = ElectraConfig::from_file(&path).unwrap_err();
        assert!(matches!(&error, Error::Config { path: Some(named), .. } if *named == path), "{error:?}");
        let message = error.to_string();
        assert!(message.contains(reason) && message.contains("config.json"), "{message}");
    }
    std::fs::write(&path, b"{\"hidden_size\": 0}").unwrap();
    let message = ElectraConfig::from_file(&path).unwrap_err().to_string();
    assert!(message.contains("config.json: hidden_size: expected"), "{message}");
    // Deep nesting is an error and does not overflow the stack.
    std::fs::write(&path, format!("{{\"a\":{}", "[".repeat(100_000))).unwrap();
    assert!(matches!(ElectraConfig::from_file(&path), Err(Error::Config { .. })));
    let missing_folder = ElectraConfig::default().save(folder.path().join("none/config.json")).unwrap_err();
    assert!(matches!(missing_folder, Error::Io { action: "write", .. }), "{missing_folder:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

fn distilbert(value: &Value) -> oxbert::Result<DistilBertConfig> {
    DistilBertConfig::from_json(&value.to_string())
}

#[test]
fn distilbert_reads_general_names_and_writes_its_own() {
    assert_eq!(distilbert(&json!({})).unwrap(), DistilBertConfig::default());
    // The base model of transformers.
    let default = DistilBertConfig::default();
    assert_eq!((default.vocab_size, default.dim, default.hidden_dim, default.n_layers), (30_522, 768, 3072, 6));
    assert_eq!((default.qa_dropout, default.seq_classif_dropout, default.tie_weights_), (0.1, 0.2, true));
    let config = distilbert(&json!({"hidden_size": 60, "num_attention_heads": 5, "num_hidden_layers": 2})).unwrap();
    assert_eq!((config.dim, config.n_heads, config.n_layers), (60, 5, 2));
    assert_eq!(config, distilbert(&json!({"dim": 60, "n_heads": 5, "n_layers": 2})).unwrap());
    // If a file has both names, the family's own is used; neither is kept as an unknown key.
    let both = distilbert(&json!({"hidden_size": 8, "dim": 24, "n_layers": 1, "num_hidden_layers": 9})).unwrap();
    assert_eq!((both.dim, both.n_layers, both.extra.len()), (24, 1, 0));
    let written = both.to_map();
    assert_eq!((written.get("hidden_size"), &written["dim"]), (None, &json!(24)));
    // The error for a bad value under a general name has the family's name.
    let message = distilbert(&json!({"hidden_size": 10})).unwrap_err().to_string();
    assert_eq!(message, "config: n_heads: expected a divisor of dim = 10, got 12");
    // rust_bert refuses a file without this key, so it is always written.
    assert_eq!((&written["tie_weights_"], &written["model_type"]), (&json!(true), &json!("distilbert")));
    assert!(!distilbert(&json!({"tie_weights_": false})).unwrap().tie_weights_);
    // In ELECTRA these names are unknown keys.
    assert_eq!(read(&json!({"dim": 3})).unwrap().extra, Map::from_iter([("dim".to_string(), json!(3))]));
    let config = DistilBertConfig {
        sinusoidal_pos_embds: true,
        activation: Activation::Relu,
        problem_type: Some(ProblemType::Regression),
        labels: Labels::numbered(1),
        pad_token_id: None,
        ..common::odd()
    };
    assert_eq!(DistilBertConfig::from_json(&config.to_json()).unwrap(), config);
}

#[test]
fn model_type_or_architecture_determines_the_family() {
    let family =
        |value: Value| AnyConfig::from_json(&value.to_string()).map(|config| config.to_map()["model_type"].clone());
    for (value, expected) in [
        (json!({"model_type": "electra"}), "electra"),
        (json!({"model_type": "distilbert"}), "distilbert"),
        (json!({"architectures": ["DistilBertForMaskedLM"]}), "distilbert"),
        (json!({"architectures": ["ElectraForPreTraining"]}), "electra"),
        (json!({"model_type": "distilbert", "architectures": ["ElectraModel"]}), "distilbert"),
    ] {
        assert_eq!(family(value.clone()).unwrap(), expected, "{value}");
    }
    for (value, got) in [
        (json!({}), "none"),
        (json!({"architectures": []}), "none"),
        (json!({"architectures": ["BertModel"]}), "none"),
        (json!({"model_type": "bert", "architectures": ["ElectraModel"]}), "\"bert\""),
    ] {
        let message = family(value).unwrap_err().to_string();
        assert_eq!(message, format!("config: model_type: expected one of electra, distilbert, got {got}"));
    }
    assert!(
        matches!(family(json!({"model_type": "electra-large"})), Err(Error::Config { field, .. }) if field == "model_type")
    );
    assert!(
        matches!(family(json!({"model_type": "distilbert", "dim": 0})), Err(Error::Config { field, .. }) if field == "dim")
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.json");
    assert!(matches!(AnyConfig::from_file(&path), Err(Error::Io { .. })));
    common::odd::<DistilBertConfig>().save(&path).unwrap();
    assert_eq!(AnyConfig::from_file(&path).unwrap(), common::odd::<DistilBertConfig>().into());
    common::odd::<ElectraConfig>().save(&path).unwrap();
    assert_eq!(AnyConfig::from_file(&path).unwrap(), AnyConfig::Electra(common::odd()));
    std::fs::write(&path, b"[]").unwrap();
    assert!(matches!(AnyConfig::from_file(&path), Err(Error::Config { path: Some(named), .. }) if named == path));
}

#[test]
fn problem_types_round_trip_by_name() {
    for name in ProblemType::NAMES {
        let problem_type = ProblemType::from_name(name);
        assert_eq!(problem_type.map(ProblemType::name), Some(*name));
        assert_eq!(read(&json!({"problem_type": name})).unwrap().problem_type, problem_type);
        assert_eq!(distilbert(&json!({"problem_type": name})).unwrap().to_map()["problem_type"], json!(name));
    }
    assert_eq!(ProblemType::from_name("ranking"), None);
    assert_eq!(read(&json!({"problem_type": null})).unwrap().problem_type, None);
    assert!(!ElectraConfig::default().to_map().contains_key("problem_type"));
}
