//! Tests of local resources, and of the urls of known models.

use std::path::PathBuf;

use oxbert::resources::{LocalResource, Resource, ResourceProvider, download_resource};
use oxbert::{Error, distilbert, electra};

#[test]
fn local_resources_must_exist() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vocab.txt");
    let resource = LocalResource::from(&path);
    assert_eq!(resource, LocalResource { local_path: path.clone() });
    assert!(matches!(resource.get_local_path(), Err(Error::Io { action: "open", .. })));
    std::fs::write(&path, "[PAD]").unwrap();
    let boxed: Box<dyn ResourceProvider + Send> = path.clone().into();
    let providers: [Box<dyn ResourceProvider>; 3] =
        [Box::new(resource.clone()), Box::new(Resource::Local(resource.clone())), Box::new(boxed)];
    for provider in providers {
        assert_eq!(provider.get_local_path().unwrap(), path);
        assert_eq!(download_resource(&provider).unwrap(), path);
    }
    assert_eq!(Resource::from(resource.clone()), Resource::Local(resource));
    assert_ne!(LocalResource::from("a"), LocalResource::from(PathBuf::from("b")));
}

/// Compare the tables of urls, in which copying errors are easy.
#[test]
fn urls_of_known_models_name_the_same_repository() {
    use distilbert::{DistilBertConfigResources as C, DistilBertModelResources as M, DistilBertVocabResources as V};
    use electra::{ElectraConfigResources as EC, ElectraModelResources as EM, ElectraVocabResources as EV};
    let models = [
        (EM::BASE_GENERATOR, EC::BASE_GENERATOR, EV::BASE_GENERATOR, "google/electra-base-generator", ""),
        (
            EM::BASE_DISCRIMINATOR,
            EC::BASE_DISCRIMINATOR,
            EV::BASE_DISCRIMINATOR,
            "google/electra-base-discriminator",
            "",
        ),
        (
            M::DISTIL_BERT_SST2,
            C::DISTIL_BERT_SST2,
            V::DISTIL_BERT_SST2,
            "distilbert-base-uncased-finetuned-sst-2-english",
            "",
        ),
        (M::DISTIL_BERT, C::DISTIL_BERT, V::DISTIL_BERT, "distilbert-base-uncased", "bert-base-uncased"),
        (
            M::DISTIL_BERT_SQUAD,
            C::DISTIL_BERT_SQUAD,
            V::DISTIL_BERT_SQUAD,
            "distilbert-base-cased-distilled-squad",
            "bert-large-cased",
        ),
        (
            M::DISTILUSE_BASE_MULTILINGUAL_CASED,
            C::DISTILUSE_BASE_MULTILINGUAL_CASED,
            V::DISTILUSE_BASE_MULTILINGUAL_CASED,
            "sentence-transformers/distiluse-base-multilingual-cased",
            "",
        ),
    ];
    let mut folders = Vec::new();
    for (model, config, vocabulary, repository, words) in models {
        let words = if words.is_empty() { repository } else { words };
        for ((folder, url), repository, file) in [
            (model, repository, "rust_model.ot"),
            (config, repository, "config.json"),
            (vocabulary, words, "vocab.txt"),
        ] {
            assert_eq!(url, format!("https://huggingface.co/{repository}/resolve/main/{file}"));
            folders.push(folder.rsplit_once('/').unwrap());
        }
    }
    for three in folders.chunks(3) {
        assert_eq!([three[0].1, three[1].1, three[2].1], ["model", "config", "vocab"]);
        assert!(three[0].0 == three[1].0 && three[0].0 == three[2].0);
    }
    folders.sort_unstable();
    folders.dedup();
    assert_eq!(folders.len(), 18);
}
