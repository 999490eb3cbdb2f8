//! Tests of resizing the vocabulary: tables, decoders, ties and gradients.

use oxbert::distilbert::{DistilBertForMaskedLM, DistilBertForTokenClassification, DistilBertModel};
use oxbert::electra::{ElectraDiscriminator, ElectraForMaskedLM, ElectraModel};
use oxbert::encoder::ForwardOptions;
use oxbert::inputs::Arguments;
use oxbert::models::Model;
use oxbert::weights::WeightFormat;
use oxbert::{Config, Error, Pretrained};
use tch::{Kind, Tensor};

use crate::common::{
    Answer, Tiny, answer, assert_same, copies, difference, for_every_model, from_folder, ids, model, odd, odd_for,
    ragged, random_numbers, run, waves,
};

/// Return arguments with ids below 60, the smallest vocabulary in these tests.
fn arguments() -> Arguments {
    Arguments { input_ids: ragged(&ids(&[4, 7])), ..Arguments::default() }
}

fn resize<M: Model>(model: &mut Pretrained<M>, size: i64, mean: bool) -> oxbert::Result<()> {
    let _random = random_numbers();
    model.resize_vocabulary(size, mean)
}

fn save_and_load<M: Model>(model: &Pretrained<M>) -> Pretrained<M> {
    let folder = tempfile::tempdir().unwrap();
    model.save(folder.path(), WeightFormat::default()).unwrap();
    from_folder(folder.path()).unwrap()
}

#[test]
fn models_work_after_growing_and_shrinking_the_vocabulary() {
    fn law<M: Model<Config: Tiny, Output: Answer>>() {
        for config in [odd_for::<M>(), odd_for::<M>().untied()] {
            let mut model = model::<M>(&config);
            let before = copies(&model.parameters());
            let expected = answer(&model, arguments());
            let has_logits_over_words = model.decoder().is_some();
            for (size, mean) in [(70, true), (61, true), (66, false), (61, true)] {
                resize(&mut model, size, mean).unwrap();
                assert_eq!(model.model.limits().vocab_size, size);
                assert_eq!(model.config.encoder().embeddings.vocab_size, size);
                let resized = answer(&model, arguments());
                for ((name, now), (_, was)) in model.parameters().iter().zip(&before) {
                    assert!(now.narrow(0, 0, was.size()[0]).equal(was), "{name}");
                }
                // Scores of old words stay the same, up to the order of summation, which depends on the number of
                // columns.
                let (old, apart) =
                    if has_logits_over_words { (resized.narrow(-1, 0, 61), 1e-6) } else { (resized, 0.0) };
                assert!((old - &expected).abs().max().double_value(&[]) <= apart, "{} {size}", M::name());
                let new = Arguments { input_ids: ragged(&[vec![size - 1]]), ..Arguments::default() };
                assert!(answer(&model, new).isfinite().all().int64_value(&[]) == 1);
                let again = save_and_load(&model);
                assert_same(&again.parameters(), &model.parameters());
                assert!(answer(&again, arguments()).equal(&answer(&model, arguments())));
            }
            assert_same(&model.parameters(), &before);
            resize(&mut model, 60, true).unwrap();
            assert_eq!(model.word_embeddings().unwrap().size()[0], 60);
            assert!(matches!(
                oxbert::inputs::Inputs::new(
                    Arguments { input_ids: ragged(&[vec![60]]), ..Arguments::default() },
                    &oxbert::inputs::Limits { task: oxbert::inputs::Task::Encoding, ..model.model.limits() }
                ),
                Err(Error::OutOfRange { limit: 60, .. })
            ));
            let kept = copies(&model.parameters());
            // The vocabulary must keep the padding id 0.
            for size in [0, -5] {
                assert!(
                    matches!(resize(&mut model, size, true), Err(Error::Config { field, .. }) if field == "vocab_size")
                );
            }
            assert_same(&model.parameters(), &kept);
        }
    }
    for_every_model!(law);
}

#[test]
fn new_rows_are_near_the_mean_or_random() {
    fn law<M: Model<Config: Tiny, Output: Answer>>() {
        let mut model = model::<M>(&odd::<M::Config>().untied());
        let parameters = model.parameters();
        let (words, (decoder, bias)) = (model.word_embeddings().unwrap(), model.decoder().unwrap());
        let means = [&words, &decoder, &bias].map(|table| table.detach().mean_dim(0, true, Kind::Float));
        let spread = words.std(true).double_value(&[]);
        resize(&mut model, 1061, true).unwrap();
        for (table, mean) in [&words, &decoder].iter().zip(&means) {
            let off = (table.detach().narrow(0, 61, 1000) - mean).std(true).double_value(&[]);
            // New rows differ from each other by about √1e-9 of the old rows' spread.
            assert!(off > 1e-6 && off < 1e-4 * spread, "{off} against {spread}");
        }
        assert!(difference(&bias.detach().narrow(0, 61, 1000), &means[2].expand([1000], false)) < 1e-6);
        // The parameters are the same tensors as before.
        assert_eq!(words.size()[0], 1061);
        assert!(parameters.iter().all(|(_, parameter)| parameter.requires_grad()));
        resize(&mut model, 61, true).unwrap();
        resize(&mut model, 1061, false).unwrap();
        for table in [&words, &decoder] {
            let deviation = table.detach().narrow(0, 61, 1000).std(true).double_value(&[]);
            assert!((deviation - 0.05).abs() < 2e-3, "{deviation}");
        }
        assert_eq!(bias.detach().narrow(0, 61, 1000).abs().max().double_value(&[]), 0.0);
    }
    law::<ElectraForMaskedLM>();
    law::<DistilBertForMaskedLM>();
}

#[test]
fn tied_decoders_stay_tied_and_untied_ones_untied() {
    fn law<M: Model<Config: Tiny, Output: Answer>>() {
        for (config, is_tied) in [(odd::<M::Config>(), true), (odd::<M::Config>().untied(), false)] {
            let mut model = model::<M>(&config);
            for size in [64, 60] {
                resize(&mut model, size, true).unwrap();
                let (words, (decoder, bias)) = (model.word_embeddings().unwrap(), model.decoder().unwrap());
                assert_eq!(
                    (words.data_ptr() == decoder.data_ptr(), decoder.size(), bias.size()),
                    (is_tied, words.size(), vec![size],)
                );
                // A change of a word's embedding changes its score only if the decoder is tied.
                let before = answer(&model, arguments()).select(-1, 59);
                let _ = tch::no_grad(|| words.get(59).fill_(size as f64 / 20.0));
                assert_eq!(answer(&model, arguments()).select(-1, 59).equal(&before), !is_tied);
                // The backward pass works with the new size, also when a gradient exists already.
                for _ in 0..2 {
                    run(&model, arguments(), ForwardOptions::default()).main().sum(Kind::Float).backward();
                }
                assert_eq!(words.grad().size(), words.size());
            }
            // Resizing replaces gradients by zeros with the new size.
            resize(&mut model, 70, true).unwrap();
            let gradient = model.word_embeddings().unwrap().grad();
            assert_eq!((gradient.size()[0], gradient.abs().max().double_value(&[])), (70, 0.0));
        }
    }
    law::<ElectraForMaskedLM>();
    law::<DistilBertForMaskedLM>();
}

#[test]
fn only_a_masked_lm_has_a_decoder() {
    assert!(model::<ElectraModel>(&odd()).decoder().is_none());
    assert!(model::<ElectraDiscriminator>(&odd()).decoder().is_none());
    assert!(model::<DistilBertForTokenClassification>(&odd()).decoder().is_none());
    let distilbert = model::<DistilBertForMaskedLM>(&odd());
    let named = |wanted: &str| distilbert.parameters().into_iter().find(|(name, _)| name == wanted).unwrap().1;
    let (weight, bias) = distilbert.decoder().unwrap();
    assert_eq!(weight.data_ptr(), named("distilbert.embeddings.word_embeddings.weight").data_ptr());
    assert_eq!(bias.data_ptr(), named("vocab_projector.bias").data_ptr());
}

#[test]
fn word_embeddings_can_be_replaced() {
    let mut model = model::<DistilBertModel>(&odd());
    let own = model.word_embeddings().unwrap();
    let expected = answer(&model, arguments());
    for (shape, got) in [(&[61, 34][..], "[61, 34]"), (&[61], "[61]"), (&[1, 61, 35], "[1, 61, 35]")] {
        let error = model.set_word_embeddings(&waves(shape, 0.0)).unwrap_err();
        assert_eq!(error.to_string(), format!("the word embeddings: expected shape [V, E = 35], got {got}"));
    }
    assert!(answer(&model, arguments()).equal(&expected));
    for rows in [61, 80, 60] {
        let vectors = waves(&[rows, 35], 2.0);
        let set = {
            let _random = random_numbers();
            model.set_word_embeddings(&vectors)
        };
        set.unwrap();
        assert!(own.equal(&vectors) && own.requires_grad());
        assert_eq!((model.config.vocab_size, model.model.limits().vocab_size), (rows, rows));
        let embedded = vectors.index_select(0, &Tensor::from_slice(&[7_i64, 8])).unsqueeze(0);
        let alone = Arguments { inputs_embeds: Some(embedded), ..Arguments::default() };
        let words = Arguments { input_ids: ragged(&[vec![7, 8]]), ..Arguments::default() };
        assert!(answer(&model, words).equal(&answer(&model, alone)));
    }
    assert!(model.set_word_embeddings(&waves(&[0, 35], 0.0)).is_err());
}
