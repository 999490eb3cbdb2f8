//! Tests of DistilBERT's names in files, and of its decoder, which may be tied.

use oxbert::DistilBertConfig;
use oxbert::distilbert::{DistilBertForMaskedLM, DistilBertModel};
use oxbert::electra::{ElectraForMaskedLM, ElectraModel};
use oxbert::weights::{Strictness, WeightFile, WeightFormat, WeightSource};
use tch::nn::VarStore;
use tch::{Device, Tensor};

use crate::common::{FORMATS, Tiny, assert_same, fill, model, odd, random_numbers, waves};
use crate::weights::{Named, in_folder, load, named, renamed, source};

/// The parameters of a masked LM's head, sorted by name.
const DISTILBERT_HEAD: [&str; 5] = [
    "vocab_layer_norm.bias",
    "vocab_layer_norm.weight",
    "vocab_projector.bias",
    "vocab_transform.bias",
    "vocab_transform.weight",
];
const DISTILBERT_WORDS: &str = "distilbert.embeddings.word_embeddings.weight";
const PROJECTOR: &str = "vocab_projector.weight";

#[test]
fn distilbert_without_a_head_has_rust_berts_names_in_ot_files() {
    let folder = tempfile::tempdir().unwrap();
    let bare = model::<DistilBertModel>(&odd());
    for format in FORMATS {
        bare.save(folder.path(), format).unwrap();
        let prefix = if format == WeightFormat::Ot { "distilbert." } else { "" };
        let file = WeightFile::open(in_folder(&folder, format.file_name())).unwrap();
        let mut expected: Vec<_> = bare.parameters().iter().map(|(name, _)| format!("{prefix}{name}")).collect();
        expected.sort();
        let mut names: Vec<_> = file.names().map(str::to_string).collect();
        names.sort();
        assert_eq!(names, expected);
    }
    // tch reads the file into rust_bert's model, and a file that tch writes is read here.
    let mut theirs = VarStore::new(Device::Cpu);
    let rust_berts = {
        let _random = random_numbers();
        DistilBertModel::new(theirs.root(), &odd()).unwrap()
    };
    theirs.load(in_folder(&folder, "rust_model.ot")).unwrap();
    assert_same(&named(&theirs), &renamed(&bare.parameters(), |name| format!("distilbert.{name}")));
    let ids = Tensor::from_slice(&[5_i64, 6]).view([1, 2]);
    let hidden = |model: &DistilBertModel| model.forward_t(Some(&ids), None, None, false).unwrap().hidden_state;
    assert!(hidden(&rust_berts).equal(&hidden(&bare.model)));
    theirs.save(in_folder(&folder, "theirs.ot")).unwrap();
    for file in ["theirs.ot", "rust_model.ot", "model.safetensors"] {
        let opened = WeightSource::open(in_folder(&folder, file)).unwrap();
        let read = load::<DistilBertModel>(&opened, Strictness::Everything).unwrap();
        assert_same(&read.parameters(), &bare.parameters());
        // tch reads the file into a store with rust_bert's names.
        fill(named(&theirs).into_iter().rev().collect());
        oxbert::load::<DistilBertModel>(&theirs, in_folder(&folder, file)).unwrap();
        assert!(hidden(&rust_berts).equal(&hidden(&bare.model)));
        // A model with a head reads names with and without the prefix.
        let with_head = load::<DistilBertForMaskedLM>(&opened, Strictness::Backbone).unwrap();
        assert_eq!(with_head.untrained(), DISTILBERT_HEAD);
        assert!(load::<DistilBertForMaskedLM>(&opened, Strictness::Everything).is_err());
    }
    // ELECTRA without a head has no prefix in rust_bert either.
    model::<ElectraModel>(&odd()).save(in_folder(&folder, "electra"), WeightFormat::Ot).unwrap();
    let file = WeightFile::open(in_folder(&folder, "electra/rust_model.ot")).unwrap();
    assert!(file.names().all(|name| name.starts_with('e') && !name.starts_with("electra.")));
}

#[test]
fn distilberts_projector_is_tied_unless_its_values_differ() {
    let saved = model::<DistilBertForMaskedLM>(&odd());
    let words = saved.word_embeddings().unwrap();
    let with_projector = |projector: Tensor| {
        let mut tensors = saved.parameters();
        tensors.push((PROJECTOR.into(), projector));
        source(tensors)
    };
    let without_prefix = |tensors: &[(String, Tensor)]| {
        source(renamed(tensors, |name| name.strip_prefix("distilbert.").unwrap_or(name).into()))
    };
    let equal: Named = saved.parameters().into_iter().chain([(PROJECTOR.into(), words.copy())]).collect();
    for tied in [source(saved.parameters()), with_projector(words.copy()), without_prefix(&equal)] {
        let loaded = load::<DistilBertForMaskedLM>(&tied, Strictness::Everything).unwrap();
        assert!(loaded.config.tie_word_embeddings);
        assert_same(&loaded.parameters(), &saved.parameters());
    }
    let moved = renamed(&saved.parameters(), |name| if name == DISTILBERT_WORDS { PROJECTOR } else { name }.into());
    let loaded = load::<DistilBertForMaskedLM>(&source(moved), Strictness::Everything).unwrap();
    assert_same(&loaded.parameters(), &saved.parameters());

    let own = waves(&[61, 35], 99.0);
    let different: Named = saved.parameters().into_iter().chain([(PROJECTOR.into(), own.copy())]).collect();
    for untied in [with_projector(own.copy()), without_prefix(&different)] {
        let loaded = load::<DistilBertForMaskedLM>(&untied, Strictness::Everything).unwrap();
        assert!(!loaded.config.tie_word_embeddings);
        assert!(loaded.decoder().unwrap().0.equal(&own));
        assert_same(&loaded.parameters(), &different);
    }
    // rust_bert does not tie parameters, so files for it contain both tensors.
    let folder = tempfile::tempdir().unwrap();
    saved.save(folder.path(), WeightFormat::Ot).unwrap();
    let file = WeightSource::open(in_folder(&folder, "rust_model.ot")).unwrap();
    assert!(file.tensor(PROJECTOR).unwrap().equal(&words));
    let theirs = VarStore::new(Device::Cpu);
    {
        let _random = random_numbers();
        DistilBertForMaskedLM::new(theirs.root(), &odd::<DistilBertConfig>().untied()).unwrap();
    }
    oxbert::load::<DistilBertForMaskedLM>(&theirs, in_folder(&folder, "rust_model.ot")).unwrap();
    assert!(theirs.variables()[PROJECTOR].equal(&words));
    // Other heads and ELECTRA have no projector.
    let other = load::<DistilBertModel>(&with_projector(own), Strictness::Backbone).unwrap();
    assert!(other.report.unexpected.contains(&PROJECTOR.to_string()));
    assert!(load::<ElectraForMaskedLM>(&source(saved.parameters()), Strictness::Backbone).is_err());
}
