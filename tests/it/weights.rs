//! Tests of weight files with models: files of rust_bert, tch and transformers are read and written, and all
//! differences are reported before anything changes.

use std::path::{Path, PathBuf};

use oxbert::config::Config;
use oxbert::electra::{ElectraDiscriminator, ElectraForMaskedLM, ElectraModel};
use oxbert::models::Model;
use oxbert::weights::{
    LoadReport, Strictness, Tolerance, WeightFile, WeightFormat, WeightSource, save_tensors, save_variables,
};
use oxbert::{ElectraConfig, Error, Pretrained, Result};
use tch::nn::VarStore;
use tch::{Device, Kind, Tensor};

use crate::common::{
    FORMATS, Tiny, assert_same, copies, fill, for_every_model, from_folder, model, odd, odd_for, plain, random_numbers,
    waves,
};

pub type Named = Vec<(String, Tensor)>;

const WORDS: &str = "electra.embeddings.word_embeddings.weight";
const DECODER: &str = "generator_lm_head.weight";
const GENERATOR_HEAD: [&str; 5] = [
    "generator_lm_head.bias",
    "generator_predictions.LayerNorm.bias",
    "generator_predictions.LayerNorm.weight",
    "generator_predictions.dense.bias",
    "generator_predictions.dense.weight",
];

/// Return a source of tensors, which is read like a file.
pub fn source(tensors: Named) -> WeightSource {
    WeightSource::Tensors { path: None, tensors }
}

pub fn load<M: Model<Config: Tiny>>(source: &WeightSource, strictness: Strictness) -> Result<Pretrained<M>> {
    load_as(source, &odd_for::<M>(), strictness)
}

fn load_as<M: Model>(source: &WeightSource, config: &M::Config, strictness: Strictness) -> Result<Pretrained<M>> {
    // A missing head is drawn at random.
    let _random = random_numbers();
    Pretrained::from_source(source, config, Device::Cpu, strictness)
}

/// Return the variable store of a masked LM that is built like in rust_bert.
fn store(config: &ElectraConfig) -> VarStore {
    let _random = random_numbers();
    let variables = VarStore::new(Device::Cpu);
    ElectraForMaskedLM::new(variables.root(), config).unwrap();
    variables
}

pub fn named(variables: &VarStore) -> Named {
    let mut named: Named = variables.variables().into_iter().collect();
    named.sort_by(|(one, _), (other, _)| one.cmp(other));
    named
}

pub fn renamed(tensors: &[(String, Tensor)], change: impl Fn(&str) -> String) -> Named {
    tensors.iter().map(|(name, tensor)| (change(name), tensor.shallow_clone())).collect()
}

pub fn in_folder(folder: &tempfile::TempDir, name: &str) -> PathBuf {
    folder.path().join(name)
}

fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn tch_and_oxbert_read_each_others_files() {
    let folder = tempfile::tempdir().unwrap();
    let untied = ElectraConfig { tie_word_embeddings: false, ..odd() };
    for config in [untied.clone(), ElectraConfig { tie_word_embeddings: false, ..plain() }] {
        let theirs = store(&config);
        fill(named(&theirs));
        theirs.save(in_folder(&folder, "theirs.ot")).unwrap();
        let opened = WeightSource::open(in_folder(&folder, "theirs.ot")).unwrap();
        let ours = load_as::<ElectraForMaskedLM>(&opened, &config, Strictness::Everything).unwrap();
        assert_same(&ours.parameters(), &named(&theirs));

        ours.save(in_folder(&folder, "ours"), WeightFormat::Ot).unwrap();
        let mut again = store(&config);
        again.load(in_folder(&folder, "ours/rust_model.ot")).unwrap();
        assert_same(&named(&again), &named(&theirs));
    }
    // rust_bert does not tie parameters, so a tied decoder is written under both names.
    let tied = model::<ElectraForMaskedLM>(&odd());
    tied.save(in_folder(&folder, "tied"), WeightFormat::Ot).unwrap();
    let mut theirs = store(&untied);
    theirs.load(in_folder(&folder, "tied/rust_model.ot")).unwrap();
    let theirs = theirs.variables();
    assert!(theirs[DECODER].equal(&theirs[WORDS]));
    let tied = tied.parameters();
    assert_eq!(theirs.len(), tied.len() + 1);
    for (name, parameter) in tied {
        assert!(theirs[&name].equal(&parameter), "{name}");
    }
}

#[test]
fn both_formats_hold_the_same_model() {
    fn law<M: Model<Config: Tiny>>() {
        let folder = tempfile::tempdir().unwrap();
        let saved = model::<M>(&odd_for::<M>());
        for format in FORMATS {
            let path = in_folder(&folder, format.file_name());
            saved.save(folder.path(), format).unwrap();
            let loaded = load::<M>(&WeightSource::open(&path).unwrap(), Strictness::Everything).unwrap();
            assert_same(&loaded.parameters(), &saved.parameters());
            // rust_bert has other names for a DistilBERT without a head.
            let renamed = if loaded.report.renamed.is_empty() { 0 } else { saved.parameters().len() };
            assert_eq!(renamed > 0, M::name() == "DistilBertModel" && format == WeightFormat::Ot);
            let report = LoadReport { renamed: loaded.report.renamed.clone(), ..LoadReport::default() };
            assert_eq!(loaded.report, LoadReport { loaded: saved.parameters().len(), ..report });
            assert_eq!(loaded.report.renamed.len(), renamed);
            assert!(loaded.untrained().is_empty());
            assert_eq!(WeightFormat::of(&path).unwrap(), format);
        }
        assert_eq!(files(folder.path()), ["config.json", "model.safetensors", "rust_model.ot"]);
        // A model from a folder has the saved configuration.
        let again = from_folder::<M>(folder.path()).unwrap();
        let mut expected = saved.config.clone();
        expected.note_architecture(&M::name());
        assert!(again.config == expected, "{:?}", again.config);
        assert_eq!(again.config.to_map()["architectures"], serde_json::json!([M::name()]));
    }
    for_every_model!(law);
    assert!(matches!(WeightFormat::of(Path::new("tf_model.h5")), Err(Error::Input { .. })));
}

#[test]
fn encoders_load_into_models_with_heads_and_back() {
    let bare = model::<ElectraModel>(&odd());
    let with_head = load::<ElectraForMaskedLM>(&source(bare.parameters()), Strictness::Backbone).unwrap();
    assert_eq!(with_head.report.missing, GENERATOR_HEAD);
    assert_eq!(with_head.untrained(), GENERATOR_HEAD);
    assert_eq!(with_head.report.loaded, bare.parameters().len());
    assert_eq!(with_head.report.renamed["embeddings.LayerNorm.bias"], "electra.embeddings.LayerNorm.bias");
    let backbone: Named = with_head.parameters().into_iter().filter(|(name, _)| name.starts_with("electra.")).collect();
    assert_same(&renamed(&bare.parameters(), |name| format!("electra.{name}")), &backbone);

    let full = source(model::<ElectraForMaskedLM>(&odd()).parameters());
    let bare = load::<ElectraModel>(&full, Strictness::Backbone).unwrap();
    assert_eq!(
        (&bare.report.missing[..], &bare.report.unexpected[..]),
        (&[][..], &GENERATOR_HEAD.map(String::from)[..])
    );
    match load::<ElectraModel>(&full, Strictness::Everything) {
        Err(Error::WeightsMismatch { missing, unexpected, mismatched, .. }) => {
            assert_eq!(
                (missing.len(), unexpected, mismatched.len()),
                (0, GENERATOR_HEAD.map(String::from).to_vec(), 0)
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn names_of_older_checkpoints_are_translated() {
    let saved = model::<ElectraDiscriminator>(&odd());
    let old =
        |name: &str| name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta");
    let mut tensors = renamed(&saved.parameters(), old);
    let positions = Tensor::arange(19, (Kind::Int64, Device::Cpu)).unsqueeze(0);
    tensors.push(("electra.embeddings.position_ids".into(), positions));
    let loaded = load::<ElectraDiscriminator>(&source(tensors), Strictness::Everything).unwrap();
    assert_same(&loaded.parameters(), &saved.parameters());
    assert_eq!(loaded.report.renamed.len(), 2 * (1 + 2 * 3));
    let wrapped = renamed(&saved.parameters(), |name| format!("module.{name}"));
    let loaded = load::<ElectraDiscriminator>(&source(wrapped), Strictness::Everything).unwrap();
    assert_same(&loaded.parameters(), &saved.parameters());
    // Two names of one parameter are refused.
    let mut twice = saved.parameters();
    twice.push(("electra.embeddings.LayerNorm.gamma".into(), waves(&[12], 0.0)));
    let error = load::<ElectraDiscriminator>(&source(twice), Strictness::Nothing).unwrap_err();
    assert!(matches!(&error, Error::WeightsFormat { reason, .. } if reason.contains("gamma")), "{error:?}");
}

#[test]
fn a_decoder_is_tied_unless_its_values_differ() {
    let saved = model::<ElectraForMaskedLM>(&odd());
    let words = saved.parameters().into_iter().find(|(name, _)| name == WORDS).unwrap().1;
    let with_decoder = |decoder: Tensor| {
        let mut tensors = saved.parameters();
        tensors.push((DECODER.into(), decoder));
        source(tensors)
    };
    // The decoder is absent, or present with equal values.
    for tied in [source(saved.parameters()), with_decoder(words.copy())] {
        let loaded = load::<ElectraForMaskedLM>(&tied, Strictness::Everything).unwrap();
        assert!(loaded.config.tie_word_embeddings);
        assert_same(&loaded.parameters(), &saved.parameters());
    }
    // The file has only the decoder's name.
    let moved = renamed(&saved.parameters(), |name| if name == WORDS { DECODER.into() } else { name.into() });
    let loaded = load::<ElectraForMaskedLM>(&source(moved), Strictness::Everything).unwrap();
    assert_same(&loaded.parameters(), &saved.parameters());

    // Different values untie the decoder despite the configuration, and it stays untied.
    let own = waves(&[61, 12], 99.0);
    let untied = with_decoder(own.copy());
    let loaded = load::<ElectraForMaskedLM>(&untied, Strictness::Everything).unwrap();
    assert!(!loaded.config.tie_word_embeddings);
    let folder = tempfile::tempdir().unwrap();
    for format in FORMATS {
        loaded.save(in_folder(&folder, format.file_name()), format).unwrap();
        let again = from_folder::<ElectraForMaskedLM>(&in_folder(&folder, format.file_name())).unwrap();
        assert!(!again.config.tie_word_embeddings);
        let parameters = again.parameters();
        assert!(parameters.iter().find(|(name, _)| name == DECODER).unwrap().1.equal(&own));
        assert_same(&parameters, &loaded.parameters());
    }
    let ids = Tensor::from_slice(&[5_i64, 6]).view([1, 2]);
    let scores = |model: &Pretrained<ElectraForMaskedLM>| {
        model.model.forward_t(Some(&ids), None, None, None, None, false).unwrap().prediction_scores
    };
    assert!(!scores(&loaded).equal(&scores(&saved)));

    // A model that is already tied refuses different values.
    let mut tied = model::<ElectraForMaskedLM>(&odd());
    let before = copies(&tied.parameters());
    match tied.load(&untied, Strictness::Nothing) {
        Err(Error::WeightsMismatch { mismatched, .. }) => {
            assert_eq!((mismatched.len(), mismatched[0].name.as_str()), (1, DECODER));
            assert!(mismatched[0].expected.contains(WORDS), "{mismatched:?}");
        }
        other => panic!("{other:?}"),
    }
    assert_same(&tied.parameters(), &before);
}

#[test]
fn missing_heads_are_initialised_and_listed() {
    let config = ElectraConfig { embedding_size: 60, hidden_size: 50, ..odd() };
    let discriminator = model::<ElectraDiscriminator>(&config);
    let loaded =
        load_as::<ElectraForMaskedLM>(&source(discriminator.parameters()), &config, Strictness::Backbone).unwrap();
    assert_eq!(loaded.report.missing, GENERATOR_HEAD);
    assert_eq!(loaded.report.unexpected.len(), 4);
    assert!(loaded.report.unexpected.iter().all(|name| name.starts_with("discriminator_predictions.")));
    for (name, parameter) in loaded.parameters() {
        let (mean, deviation) = (parameter.mean(Kind::Double).double_value(&[]), parameter.std(true).double_value(&[]));
        match name.as_str() {
            // 3000 samples of N(0, 0.05²).
            "generator_predictions.dense.weight" => {
                assert!(mean.abs() < 5e-3 && (deviation - 0.05).abs() < 5e-3, "{mean} {deviation}");
            }
            "generator_predictions.LayerNorm.weight" => assert!(parameter.eq(1.0).all().int64_value(&[]) == 1),
            name if GENERATOR_HEAD.contains(&name) => assert!(parameter.eq(0.0).all().int64_value(&[]) == 1, "{name}"),
            _ => {}
        }
    }
    assert!(
        load_as::<ElectraForMaskedLM>(&source(discriminator.parameters()), &config, Strictness::Everything).is_err()
    );
}

#[test]
fn tensors_of_other_shapes_can_be_left_out() {
    const BIAS: &str = "electra.encoder.layer.1.output.dense.bias";
    let good = model::<ElectraForMaskedLM>(&odd());
    let mut other = copies(&good.parameters());
    for (name, tensor) in &mut other {
        match name.as_str() {
            WORDS => *tensor = waves(&[60, 12], 0.0),
            BIAS => *tensor = waves(&[34], 0.0),
            _ => {}
        }
    }
    let tolerance = Tolerance { ignore_sizes: true, ..Tolerance::default() };
    let loaded =
        Pretrained::<ElectraForMaskedLM>::from_source(&source(copies(&other)), &odd(), Device::Cpu, tolerance).unwrap();
    let report = &loaded.report;
    assert!(report.missing.is_empty() && report.unexpected.is_empty());
    assert_eq!(report.mismatched.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), [WORDS, BIAS]);
    assert_eq!(report.mismatched[1].shapes, Some((vec![35], vec![34])));
    assert_eq!((report.loaded, loaded.untrained()), (other.len() - 2, &report.unfilled()[..]));
    for (name, parameter) in loaded.parameters() {
        let (_, value) = good.parameters().into_iter().find(|(known, _)| *known == name).unwrap();
        assert_eq!(parameter.equal(&value), name != WORDS && name != BIAS, "{name}");
    }
    // Only shapes are ignored.
    for (name, tensor) in &mut other {
        if name == BIAS {
            *tensor = Tensor::zeros([35], (Kind::Int64, Device::Cpu));
        }
    }
    let refused =
        Pretrained::<ElectraForMaskedLM>::from_source(&source(other), &odd(), Device::Cpu, tolerance).unwrap_err();
    assert!(matches!(refused, Error::WeightsMismatch { mismatched, .. } if mismatched[0].name == BIAS));
}

#[test]
fn all_mismatches_are_reported_at_once_without_changes() {
    const QUERY: &str = "electra.encoder.layer.0.attention.self.query.weight";
    const BIAS: &str = "electra.encoder.layer.1.output.dense.bias";
    const EXTRA: &str = "electra.encoder.layer.3.output.dense.bias";
    let good = model::<ElectraForMaskedLM>(&odd());
    let other: Named = copies(&good.parameters()).into_iter().map(|(name, tensor)| (name, tensor * 2.0)).collect();
    let mut bad: Named =
        other.iter().filter(|(name, _)| name != QUERY).map(|(name, tensor)| (name.clone(), tensor.copy())).collect();
    for (name, tensor) in &mut bad {
        match name.as_str() {
            WORDS => *tensor = waves(&[60, 12], 0.0),
            BIAS => *tensor = Tensor::zeros([35], (Kind::Int64, Device::Cpu)),
            _ => {}
        }
    }
    bad.push((EXTRA.into(), waves(&[35], 0.0)));
    let folder = tempfile::tempdir().unwrap();
    let mut changing = model::<ElectraForMaskedLM>(&odd());
    for format in FORMATS {
        let path = in_folder(&folder, format.file_name());
        save_tensors(&path, &bad, format).unwrap();
        let error = changing.load(&WeightSource::open(&path).unwrap(), Strictness::Backbone).unwrap_err();
        assert_same(&changing.parameters(), &good.parameters());
        assert_eq!(
            error.to_string(),
            format!(
                "weights {} do not fit the model; missing: {QUERY}; unexpected: {EXTRA}; mismatched: {WORDS} (expected \
                 [61, 12] of a float dtype, got [60, 12] of float32), {BIAS} (expected [35] of a float dtype, got [35] of int64)",
                path.display()
            )
        );
        match error {
            Error::WeightsMismatch { path: Some(named), missing, unexpected, mismatched } => {
                assert_eq!((named, missing, unexpected), (path, vec![QUERY.to_string()], vec![EXTRA.to_string()]));
                assert_eq!(mismatched.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), [WORDS, BIAS]);
            }
            other => panic!("{other:?}"),
        }
    }
    // Every strictness refuses a wrong shape.
    assert!(
        matches!(changing.load(&source(bad), Strictness::Nothing), Err(Error::WeightsMismatch { missing, .. }) if missing.is_empty())
    );
    assert_same(&changing.parameters(), &good.parameters());
    // If the shapes are right, the strictness decides.
    let mut partial: Named = copies(&other).into_iter().filter(|(name, _)| name != QUERY).collect();
    partial.push((EXTRA.into(), waves(&[35], 0.0)));
    let partial = source(partial);
    for strict in [Strictness::Backbone, Strictness::Everything] {
        assert!(changing.load(&partial, strict).is_err());
    }
    changing.load(&partial, Strictness::Nothing).unwrap();
    assert_eq!(
        (&changing.report.missing[..], &changing.report.unexpected[..]),
        (&[QUERY.to_string()][..], &[EXTRA.to_string()][..])
    );
    for ((name, now), ((_, before), (_, given))) in
        changing.parameters().iter().zip(good.parameters().iter().zip(&other))
    {
        assert!(now.equal(if name == QUERY { before } else { given }), "{name}");
    }
}

#[test]
fn half_precision_is_widened() {
    let saved = model::<ElectraDiscriminator>(&odd()).parameters();
    let folder = tempfile::tempdir().unwrap();
    for kind in [Kind::Half, Kind::BFloat16, Kind::Double] {
        let narrow: Named = saved.iter().map(|(name, tensor)| (name.clone(), tensor.detach().to_kind(kind))).collect();
        let expected: Named = narrow.iter().map(|(name, tensor)| (name.clone(), tensor.to_kind(Kind::Float))).collect();
        for format in FORMATS {
            let path = in_folder(&folder, format.file_name());
            save_tensors(&path, &narrow, format).unwrap();
            let loaded =
                load::<ElectraDiscriminator>(&WeightSource::open(&path).unwrap(), Strictness::Everything).unwrap();
            assert!(loaded.parameters().iter().all(|(_, parameter)| parameter.kind() == Kind::Float));
            assert_same(&loaded.parameters(), &expected);
        }
    }
}

#[test]
fn views_are_saved_with_the_values_they_show() {
    let folder = tempfile::tempdir().unwrap();
    let whole = waves(&[4, 6], 0.0);
    let tensors: Named = vec![
        ("transposed".into(), whole.transpose(0, 1)),
        ("part".into(), whole.narrow(1, 2, 3)),
        ("scalar".into(), whole.get(1).get(1)),
        ("empty".into(), waves(&[0, 3], 0.0)),
        ("truths".into(), whole.gt(0.0)),
        ("ids".into(), Tensor::from_slice(&[i64::MIN, i64::MAX])),
    ];
    for format in FORMATS {
        let path = in_folder(&folder, format.file_name());
        save_tensors(&path, &tensors, format).unwrap();
        let opened = WeightSource::open(&path).unwrap();
        for (name, tensor) in &tensors {
            let read = opened.tensor(name).unwrap();
            assert_eq!((read.size(), read.kind()), (tensor.size(), tensor.kind()), "{name}");
            assert!(read.equal(tensor), "{name}");
        }
    }
    let complex = vec![("complex".to_string(), Tensor::zeros([2], (Kind::ComplexFloat, Device::Cpu)))];
    for format in FORMATS {
        let error = save_tensors(in_folder(&folder, "complex"), &complex, format).unwrap_err();
        assert!(matches!(&error, Error::Dtype { what, .. } if what == "complex"), "{error:?}");
    }
    assert_eq!(files(folder.path()), ["model.safetensors", "rust_model.ot"]);
}

#[test]
fn damaged_files_are_errors_without_changes() {
    let folder = tempfile::tempdir().unwrap();
    let mut changing = model::<ElectraDiscriminator>(&odd());
    let before = copies(&changing.parameters());
    let refuse = |path: &Path, changing: &mut Pretrained<ElectraDiscriminator>| {
        let error =
            WeightSource::open(path).and_then(|source| changing.load(&source, Strictness::Nothing)).unwrap_err();
        assert!(
            matches!(&error, Error::WeightsFormat { path: named, reason } if named == path && !reason.is_empty()),
            "{error:?}"
        );
        assert!(error.to_string().contains("is not a readable weight file"), "{error}");
    };
    for format in FORMATS {
        let path = in_folder(&folder, format.file_name());
        changing.save(folder.path(), format).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for length in [0, 1, 8, 9, 100, whole.len() / 2, whole.len() - 1] {
            std::fs::write(&path, &whole[..length]).unwrap();
            refuse(&path, &mut changing);
        }
        std::fs::write(&path, [&whole[..], b"more"].concat()).unwrap();
        refuse(&path, &mut changing);
        // The other format is read under this name, because the content determines the format.
        let other = if format == WeightFormat::Ot { WeightFormat::Safetensors } else { WeightFormat::Ot };
        save_tensors(&path, &changing.parameters(), other).unwrap();
        assert_eq!(WeightFile::open(&path).unwrap().names().len(), changing.parameters().len());
        for garbage in
            [&[0xa5; 4096][..], b"hello", b"PK\x03\x04 and nothing", b"\x10\0\0\0\0\0\0\0{\"a\":{\"dtype\": "]
        {
            std::fs::write(&path, garbage).unwrap();
            refuse(&path, &mut changing);
        }
    }
    assert_same(&changing.parameters(), &before);
    assert!(matches!(WeightSource::open(in_folder(&folder, "none.ot")), Err(Error::Io { .. })));
}

#[test]
fn failed_saves_leave_no_files() {
    let folder = tempfile::tempdir().unwrap();
    let variables = store(&odd());
    let saved = model::<ElectraModel>(&odd());
    // A file in the place of a folder, and a folder in the place of a file.
    std::fs::write(in_folder(&folder, "file"), b"mine").unwrap();
    for format in FORMATS {
        let missing = in_folder(&folder, "none").join(format.file_name());
        assert!(
            matches!(save_variables(&missing, &variables, &ElectraModel::BACKBONE, format), Err(Error::Io { path, .. }) if path == missing)
        );
        assert!(matches!(saved.save(in_folder(&folder, "file"), format), Err(Error::Io { .. })));
        let taken = in_folder(&folder, "taken").join(format.file_name());
        std::fs::create_dir_all(&taken).unwrap();
        assert!(matches!(saved.save(in_folder(&folder, "taken"), format), Err(Error::Io { .. })));
    }
    assert_eq!(files(folder.path()), ["file", "taken"]);
    assert_eq!(std::fs::read(in_folder(&folder, "file")).unwrap(), b"mine");
    assert_eq!(files(&in_folder(&folder, "taken")), ["model.safetensors", "rust_model.ot"]);
}
