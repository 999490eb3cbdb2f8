//! A folder to a model: fresh values, missing files, threads.

use std::sync::{Arc, Mutex};
use std::thread;

use oxbert::electra::{ElectraDiscriminator, ElectraForMaskedLM, ElectraForTokenClassification, ElectraModel};
use oxbert::inputs::Arguments;
use oxbert::models::Model;
use oxbert::resources::{LocalResource, ModelFolder, ResourceProvider};
use oxbert::weights::{Strictness, WeightFormat};
use oxbert::{Config, ElectraConfig, Error, Pretrained};
use tch::{Device, Kind};

use crate::common::{answer, assert_same, copies, fresh, ids, model, odd, ragged};

fn from_folder<M: Model<Config = ElectraConfig>>(folder: &std::path::Path) -> oxbert::Result<Pretrained<M>> {
    Pretrained::from_folder(folder, Device::Cpu, Strictness::Everything)
}

#[test]
fn a_seed_decides_the_fresh_values() {
    fn law<M: Model<Config = ElectraConfig>>() {
        let one = fresh::<M>(&odd(), 7);
        assert_same(&one.parameters(), &fresh::<M>(&odd(), 7).parameters());
        let other = fresh::<M>(&odd(), 8);
        let drawn =
            one.parameters().iter().zip(other.parameters()).filter(|((_, one), (_, other))| !one.equal(other)).count();
        let matrices = one.parameters().iter().filter(|(_, parameter)| parameter.dim() == 2).count();
        assert_eq!(drawn, matrices);
    }
    law::<ElectraModel>();
    law::<ElectraForMaskedLM>();
    law::<ElectraDiscriminator>();
    law::<ElectraForTokenClassification>();
}

#[test]
fn fresh_values_are_those_of_transformers() {
    let config = ElectraConfig { vocab_size: 500, initializer_range: 0.1, pad_token_id: Some(3), ..odd() };
    for (name, parameter) in fresh::<ElectraForMaskedLM>(&config, 1).parameters() {
        let all = |value: f64| parameter.eq(value).all().int64_value(&[]) == 1;
        if name.ends_with("bias") {
            assert!(all(0.0), "{name}");
        } else if name.ends_with("LayerNorm.weight") {
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

#[test]
fn the_names_are_those_of_transformers() {
    let names =
        |parameters: Vec<(String, tch::Tensor)>| parameters.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let config = ElectraConfig { num_hidden_layers: 1, ..odd() };
    let bare = names(model::<ElectraModel>(&config).parameters());
    assert_eq!(
        bare,
        [
            "embeddings.LayerNorm.bias",
            "embeddings.LayerNorm.weight",
            "embeddings.position_embeddings.weight",
            "embeddings.token_type_embeddings.weight",
            "embeddings.word_embeddings.weight",
            "embeddings_project.bias",
            "embeddings_project.weight",
            "encoder.layer.0.attention.output.LayerNorm.bias",
            "encoder.layer.0.attention.output.LayerNorm.weight",
            "encoder.layer.0.attention.output.dense.bias",
            "encoder.layer.0.attention.output.dense.weight",
            "encoder.layer.0.attention.self.key.bias",
            "encoder.layer.0.attention.self.key.weight",
            "encoder.layer.0.attention.self.query.bias",
            "encoder.layer.0.attention.self.query.weight",
            "encoder.layer.0.attention.self.value.bias",
            "encoder.layer.0.attention.self.value.weight",
            "encoder.layer.0.intermediate.dense.bias",
            "encoder.layer.0.intermediate.dense.weight",
            "encoder.layer.0.output.LayerNorm.bias",
            "encoder.layer.0.output.LayerNorm.weight",
            "encoder.layer.0.output.dense.bias",
            "encoder.layer.0.output.dense.weight",
        ]
    );
    let head = |all: Vec<String>| all.into_iter().filter(|name| !name.starts_with("electra.")).collect::<Vec<_>>();
    assert_eq!(
        head(names(model::<ElectraDiscriminator>(&config).parameters())),
        [
            "discriminator_predictions.dense.bias",
            "discriminator_predictions.dense.weight",
            "discriminator_predictions.dense_prediction.bias",
            "discriminator_predictions.dense_prediction.weight",
        ]
    );
    assert_eq!(
        head(names(model::<ElectraForTokenClassification>(&config).parameters())),
        ["classifier.bias", "classifier.weight"]
    );
    let same_width = ElectraConfig { embedding_size: 35, ..config };
    assert!(!names(model::<ElectraModel>(&same_width).parameters()).iter().any(|name| name.contains("project")));
}

#[test]
fn a_folder_without_its_files_says_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = from_folder::<ElectraModel>(&folder.path().join("none")).unwrap_err();
    assert!(matches!(nowhere, Error::Io { action: "open the model folder", .. }), "{nowhere:?}");
    assert!(matches!(ModelFolder::open(folder.path().join("none")), Err(Error::Io { .. })));
    let empty = from_folder::<ElectraModel>(folder.path()).unwrap_err().to_string();
    assert!(empty.ends_with("has no config.json; it holds: nothing"), "{empty}");
    odd().save(folder.path().join("config.json")).unwrap();
    std::fs::write(folder.path().join("vocab.txt"), b"").unwrap();
    match from_folder::<ElectraModel>(folder.path()) {
        Err(Error::MissingFile { folder: named, wanted, found }) => {
            assert_eq!((named.as_path(), wanted.as_str()), (folder.path(), "model.safetensors or rust_model.ot"));
            assert_eq!(found, ["config.json", "vocab.txt"]);
        }
        other => panic!("{other:?}"),
    }
    // A file is no folder.
    assert!(matches!(ModelFolder::open(folder.path().join("vocab.txt")), Err(Error::Io { .. })));
    let resource = LocalResource::from(folder.path().join("vocab.txt"));
    assert_eq!(resource.get_local_path().unwrap(), folder.path().join("vocab.txt"));
    assert!(matches!(LocalResource::from("/none/vocab.txt").get_local_path(), Err(Error::Io { .. })));
}

#[test]
fn safetensors_come_before_ot() {
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
fn threads_give_the_same_numbers() {
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
fn a_fresh_model_is_random_until_somebody_vouches_for_it() {
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
fn a_configuration_that_asks_for_more_than_the_file_has_costs_nothing() {
    let folder = tempfile::tempdir().unwrap();
    fresh::<ElectraForMaskedLM>(&odd(), 1).save(folder.path(), WeightFormat::Safetensors).unwrap();
    // 100 GB of embeddings, if they were ever touched.
    ElectraConfig { vocab_size: i64::from(i32::MAX), ..odd() }.save(folder.path().join("config.json")).unwrap();
    match from_folder::<ElectraForMaskedLM>(folder.path()) {
        Err(Error::WeightsMismatch { mismatched, .. }) => assert!(!mismatched.is_empty()),
        Err(Error::Torch { message }) => assert!(message.contains("memory"), "{message}"),
        other => panic!("{other:?}"),
    }
}
