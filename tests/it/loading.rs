//! Tests of `load` and `load_with`: checkpoints of every format in variables that a program has made itself.

use std::path::{Path, PathBuf};

use oxbert::config::Config;
use oxbert::distilbert::{
    DistilBertForMaskedLM, DistilBertForSequenceClassification, DistilBertForTokenClassification, DistilBertModel,
};
use oxbert::electra::{
    ElectraDiscriminator, ElectraForMaskedLM, ElectraForSequenceClassification, ElectraForTokenClassification,
    ElectraModel,
};
use oxbert::models::Model;
use oxbert::weights::{Strictness, WeightFormat, WeightSource};
use oxbert::{Error, Pretrained, load, load_with};
use tch::nn::{Init, VarStore};
use tch::{Device, Tensor};

use crate::common::{Tiny, assert_same, copies, model, odd, odd_for, random_numbers};
use crate::weights::{Named, in_folder, named};

/// Return the store of a program: the variables of a model, and one of its own.
fn store<M: Model>(config: &M::Config) -> VarStore {
    let variables = VarStore::new(Device::Cpu);
    let parameters = oxbert::nn::Parameters::random(&variables.root(), config.initial());
    let _random = random_numbers();
    M::build(&parameters, config).unwrap();
    let _ = variables.root().sub("own").f_var("weight", &[3], Init::Const(2.5)).unwrap();
    variables
}

/// Split parameters into those of the encoder, without its prefix, and the others.
fn parts<M: Model>(parameters: Named) -> (Named, Named) {
    let (encoder, others): (Named, Named) = parameters.into_iter().partition(|(name, _)| M::BACKBONE.is_backbone(name));
    let prefix = format!("{}.", M::BACKBONE.prefix);
    let bare = |(name, tensor): (String, _)| (name.strip_prefix(&prefix).map_or(name.clone(), Into::into), tensor);
    (encoder.into_iter().map(bare).collect(), others)
}

fn names(parameters: &[(String, Tensor)]) -> Vec<&str> {
    let mut names: Vec<&str> = parameters.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    names
}

/// A function that loads a saved model from paths and checks the result.
type Load<Saved> = fn(&Pretrained<Saved>, &<Saved as Model>::Config, &[PathBuf]);

/// Load the encoder of a saved model into a store for the model `M`, from each of `paths`.
fn assert_encoder<Saved: Model, M: Model<Config = Saved::Config>>(
    saved: &Pretrained<Saved>,
    config: &Saved::Config,
    paths: &[PathBuf],
) {
    let (encoder, head) = parts::<Saved>(copies(&saved.parameters()));
    for path in paths {
        let variables = store::<M>(config);
        let (_, before) = parts::<M>(copies(&named(&variables)));
        let report = load_with::<M>(&variables, path, Strictness::Backbone).unwrap();
        let (loaded, after) = parts::<M>(named(&variables));
        assert_same(&loaded, &encoder);
        if Saved::name() == M::name() {
            assert_eq!(report.missing, ["own.weight"]);
            assert!(report.unexpected.is_empty());
            continue;
        }
        // The head of the store and the program's own variable keep their values.
        assert_same(&after, &before);
        assert_eq!(report.missing, names(&before));
        // An `.ot` file has the decoder of a masked LM too, which is the word embeddings.
        let is_not_tied = |name: &&str| !name.contains("lm_head.weight") && !name.contains("projector.weight");
        let mut unexpected: Vec<&str> = report.unexpected.iter().map(String::as_str).filter(is_not_tied).collect();
        unexpected.sort_unstable();
        assert_eq!(unexpected, names(&head));
        // Nothing changes if the difference is refused.
        let variables = store::<M>(config);
        let before = copies(&named(&variables));
        match load_with::<M>(&variables, path, Strictness::Everything) {
            Err(Error::WeightsMismatch { missing, .. }) => assert_eq!(missing, report.missing),
            other => panic!("{other:?}"),
        }
        assert_same(&named(&variables), &before);
    }
}

#[test]
fn an_encoder_is_taken_out_of_any_checkpoint_of_its_family() {
    fn law<Saved: Model<Config: Tiny>>(loads: &[Load<Saved>]) {
        let config: Saved::Config = odd();
        let saved = model::<Saved>(&config);
        for format in WeightFormat::ALL {
            let folder = tempfile::tempdir().unwrap();
            saved.save(folder.path(), format).unwrap();
            let paths = [folder.path().to_path_buf(), in_folder(&folder, format.file_name())];
            for load in loads {
                load(&saved, &config, &paths);
            }
        }
    }
    macro_rules! each_into_each {
        ([$($from:ty),*], $into:tt) => { $(each_into_each!($from => $into);)* };
        ($from:ty => [$($into:ty),*]) => { law::<$from>(&[$(assert_encoder::<$from, $into>),*]); };
    }
    each_into_each!(
        [ElectraModel, ElectraDiscriminator, ElectraForMaskedLM, ElectraForSequenceClassification],
        [ElectraModel, ElectraDiscriminator, ElectraForMaskedLM, ElectraForTokenClassification]
    );
    each_into_each!(
        [DistilBertModel, DistilBertForMaskedLM],
        [DistilBertModel, DistilBertForMaskedLM, DistilBertForTokenClassification]
    );
    // Not into a token classifier, whose head has the same names and shapes.
    each_into_each!([DistilBertForSequenceClassification], [DistilBertModel, DistilBertForMaskedLM]);
}

#[test]
fn checkpoints_of_tensorflow_and_flax_are_loaded() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/checkpoints");
    // Google's checkpoint has two networks: a classifier's encoder is the discriminator's, and a masked LM's the generator's.
    let google = data.join("google/pretraining");
    let discriminator: Pretrained<ElectraDiscriminator> =
        Pretrained::from_folder(&google, Device::Cpu, Strictness::Everything).unwrap();
    let paths = [google.clone(), google.join("model.ckpt-12.index")];
    assert_encoder::<_, ElectraForSequenceClassification>(&discriminator, &discriminator.config, &paths);
    let generator: Pretrained<ElectraForMaskedLM> =
        Pretrained::from_folder(&google, Device::Cpu, Strictness::Everything).unwrap();
    assert_encoder::<_, ElectraForMaskedLM>(&generator, &generator.config, &paths);

    let flax = data.join("transformers/electra_pre_training");
    let config = Config::from_file(flax.join("config.json")).unwrap();
    let expected = WeightSource::open(flax.join("expected.safetensors")).unwrap();
    let expected =
        Pretrained::<ElectraDiscriminator>::from_source(&expected, &config, Device::Cpu, Strictness::Everything)
            .unwrap();
    let paths = [flax.clone(), flax.join("flax_model.msgpack")];
    assert_encoder::<_, ElectraForTokenClassification>(&expected, &config, &paths);
}

#[test]
fn every_difference_is_an_error_of_load() {
    let folder = tempfile::tempdir().unwrap();
    let config = odd_for::<ElectraDiscriminator>();
    let saved = model::<ElectraDiscriminator>(&config);
    saved.save(folder.path(), WeightFormat::Ot).unwrap();
    let variables = VarStore::new(Device::Cpu);
    {
        let _random = random_numbers();
        ElectraDiscriminator::new(variables.root(), &config).unwrap();
    }
    assert_eq!(load::<ElectraDiscriminator>(&variables, folder.path()).unwrap().loaded, variables.len());
    assert_same(&named(&variables), &saved.parameters());
    let own = store::<ElectraDiscriminator>(&config);
    match load::<ElectraDiscriminator>(&own, folder.path()) {
        Err(Error::WeightsMismatch { missing, .. }) => assert_eq!(missing, ["own.weight"]),
        other => panic!("{other:?}"),
    }
    // The other family's encoder is not there, and a wrong shape is always an error.
    let other = store::<DistilBertModel>(&odd());
    let refused = load_with::<DistilBertModel>(&other, folder.path(), Strictness::Backbone);
    assert!(matches!(refused, Err(Error::WeightsMismatch { .. })), "{refused:?}");
    let wide = oxbert::ElectraConfig { intermediate_size: config.intermediate_size + 1, ..config };
    let wide = store::<ElectraDiscriminator>(&wide);
    match load_with::<ElectraDiscriminator>(&wide, folder.path(), Strictness::Nothing) {
        Err(Error::WeightsMismatch { missing, mismatched, .. }) => {
            assert_eq!((missing.len(), mismatched.len()), (0, 3 * 3));
        }
        other => panic!("{other:?}"),
    }
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(load::<ElectraModel>(&own, empty.path()), Err(Error::MissingFile { .. })));
    assert!(matches!(load::<ElectraModel>(&own, empty.path().join("none.ot")), Err(Error::Io { .. })));
}
