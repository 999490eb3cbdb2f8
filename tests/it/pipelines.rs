//! Tests of pipelines with a tiny model: shapes, places, errors, and scores compared with the model's outputs.

use std::path::{Path, PathBuf};

use oxbert::distilbert::DistilBertForMaskedLM;
use oxbert::electra::{ElectraDiscriminator, ElectraForMaskedLM};
use oxbert::inputs::Arguments;
use oxbert::models::Model;
use oxbert::pipelines::{FillMask, ReplacedTokenDetection};
use oxbert::text::{Batch, EncodeOptions};
use oxbert::weights::WeightFormat;
use oxbert::{DistilBertConfig, ElectraConfig, Error, Pretrained, interrupt};
use tch::{Device, Tensor};

use crate::common::{Answer, TOLERANCE, answer, from_folder, model, odd, random_numbers};
use crate::text::tokenizer;

/// Return a configuration with the vocabulary size of [`tokenizer`].
fn config() -> ElectraConfig {
    ElectraConfig { vocab_size: 16, ..odd() }
}

/// Return a model that was loaded from a file, so that no parameter counts as untrained.
fn trained<M: Model<Config = ElectraConfig>>(folder: &Path, config: &ElectraConfig) -> Pretrained<M> {
    model::<M>(config).save(folder, WeightFormat::Safetensors).unwrap();
    from_folder(folder).unwrap()
}

fn fill_mask(folder: &Path) -> FillMask {
    FillMask::new(trained(folder, &config()), tokenizer(folder)).unwrap()
}

/// Return the logits of a model for one text.
fn logits<M: Model<Config = ElectraConfig, Output: Answer>>(folder: &Path, text: &str) -> Tensor {
    let encoding = tokenizer(folder).encode(text, None, &EncodeOptions::default()).unwrap();
    let batch: Batch = [encoding].iter().collect();
    answer(&trained::<M>(folder, &config()), Arguments::from_batch(&batch))
}

#[test]
fn masks_get_their_most_likely_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = fill_mask(folder.path());
    let texts = ["Café [MASK] sat on [MASK].", "the [MASK]"];
    let answers = pipeline.predict(&texts, 16).unwrap();
    assert_eq!(answers.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
    for (row, (text, masks)) in texts.iter().zip(&answers).enumerate() {
        let expected = logits::<ElectraForMaskedLM>(folder.path(), text).softmax(-1, None);
        for mask in masks {
            // Offsets count characters, not bytes.
            let spelled: String = text.chars().skip(mask.begin).take(mask.end - mask.begin).collect();
            assert_eq!(spelled, "[MASK]");
            assert_eq!(mask.candidates.len(), 16);
            assert!(mask.candidates.is_sorted_by(|one, other| one.score >= other.score));
            let total: f64 = mask.candidates.iter().map(|candidate| candidate.score).sum();
            assert!((total - 1.0).abs() < TOLERANCE);
            for candidate in &mask.candidates {
                let score = expected.double_value(&[0, mask.index as i64, candidate.token]);
                assert!((candidate.score - score).abs() < TOLERANCE, "row {row}");
            }
        }
        // The same candidates come first for one text alone with a smaller `top_k`.
        let alone = pipeline.predict(&[text], 3).unwrap().remove(0);
        for (mask, alone) in masks.iter().zip(&alone) {
            assert_eq!((mask.index, alone.candidates.len()), (alone.index, 3));
            let tokens = |mask: &oxbert::pipelines::MaskedToken| {
                mask.candidates[..3].iter().map(|candidate| candidate.token).collect::<Vec<_>>()
            };
            assert_eq!(tokens(mask), tokens(alone));
        }
    }
    let cat = answers[0][0].candidates.iter().find(|candidate| candidate.token_str == "cat").unwrap();
    assert_eq!(cat.sequence, "cafe cat sat on [MASK].");
    // A `top_k` above the vocabulary size returns the whole vocabulary.
    assert_eq!(pipeline.predict(&["[MASK]"], usize::MAX).unwrap()[0][0].candidates.len(), 16);
}

#[test]
fn every_token_gets_a_probability_and_offsets() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = ReplacedTokenDetection::new(trained(folder.path(), &config()), tokenizer(folder.path())).unwrap();
    let texts = ["The café's cats", "", "a mat on a mat on a mat"];
    let answers = pipeline.predict(&texts).unwrap();
    let tokens: Vec<_> = answers[0].iter().map(|judged| judged.token.as_str()).collect();
    assert_eq!(tokens, ["the", "cafe", "[UNK]", "[UNK]", "cat", "##s"]);
    assert_eq!((answers[1].len(), answers[2].len()), (0, 8));
    for (text, judged) in texts.iter().zip(&answers) {
        let expected = logits::<ElectraDiscriminator>(folder.path(), text).sigmoid();
        assert_eq!(expected.size(), [1, judged.len() as i64 + 2]);
        for (place, judged) in judged.iter().enumerate() {
            assert!((judged.probability - expected.double_value(&[0, place as i64 + 1])).abs() < TOLERANCE);
        }
    }
    let last = answers[0].last().unwrap();
    assert_eq!((last.token.as_str(), last.begin, last.end), ("##s", 14, 15));
}

#[test]
fn bad_texts_and_options_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = fill_mask(folder.path());
    let message = |texts: &[&str], top_k| pipeline.predict(texts, top_k).unwrap_err().to_string();
    assert_eq!(message(&[], 1), "texts: expected at least one text, got none");
    assert_eq!(message(&["[MASK]", "the cat"], 1), "texts: expected a [MASK] in every text, got none in \"the cat\"");
    assert_eq!(message(&["[MASK]"], 0), "top_k: expected at least 1, got 0");
    let long = "[MASK] ".repeat(18);
    match pipeline.predict(&["[MASK]", &long], 1) {
        Err(Error::TooLong { row: 1, length: 20, maximum: 19, .. }) => {}
        other => panic!("{other:?}"),
    }
    let narrow = ElectraConfig { vocab_size: 15, ..odd() };
    let error = FillMask::new(trained(folder.path(), &narrow), tokenizer(folder.path())).unwrap_err();
    assert_eq!(error.to_string(), "the vocabulary: expected at most the model's 15 ids, got 16");
}

#[test]
fn untrained_heads_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (generator, discriminator) = (folder.path().join("generator"), folder.path().join("discriminator"));
    trained::<ElectraForMaskedLM>(&generator, &config());
    trained::<ElectraDiscriminator>(&discriminator, &config());
    for folder in [&generator, &discriminator] {
        tokenizer(folder);
    }
    assert!(FillMask::from_folder(&generator, Device::Cpu).is_ok());
    assert!(ReplacedTokenDetection::from_folder(&discriminator, Device::Cpu).is_ok());
    let _random = random_numbers();
    match FillMask::from_folder(&discriminator, Device::Cpu) {
        Err(Error::UntrainedHead { task, parameters }) => {
            assert_eq!((task.as_str(), parameters.len()), ("fill-mask", 5));
            assert!(parameters.contains(&"generator_lm_head.bias".to_string()), "{parameters:?}");
        }
        other => panic!("{other:?}"),
    }
    match ReplacedTokenDetection::from_folder(&generator, Device::Cpu) {
        Err(Error::UntrainedHead { task, parameters }) => {
            assert_eq!((task.as_str(), parameters.len()), ("replaced-token-detection", 4));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn distilbert_fills_masks() {
    let folder = tempfile::tempdir().unwrap();
    let config = DistilBertConfig { vocab_size: 16, ..odd() };
    model::<DistilBertForMaskedLM>(&config).save(folder.path(), WeightFormat::Ot).unwrap();
    let tokenizer = tokenizer(folder.path());
    let text = "the [MASK] sat.";
    let answers = FillMask::from_folder(folder.path(), Device::Cpu).unwrap().predict(&[text], 16).unwrap();
    let batch: Batch = [tokenizer.encode(text, None, &EncodeOptions::default()).unwrap()].iter().collect();
    let expected = answer(&model::<DistilBertForMaskedLM>(&config), Arguments::from_batch(&batch)).softmax(-1, None);
    for candidate in &answers[0][0].candidates {
        assert!((candidate.score - expected.double_value(&[0, 2, candidate.token])).abs() < TOLERANCE);
    }
    match ReplacedTokenDetection::from_folder(folder.path(), Device::Cpu) {
        Err(Error::Config { field, .. }) => assert_eq!(field, "model_type"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn answers_keep_the_order_and_do_not_depend_on_the_batch() {
    let folder = tempfile::tempdir().unwrap();
    let detection = ReplacedTokenDetection::new(trained(folder.path(), &config()), tokenizer(folder.path())).unwrap();
    let fill = FillMask::from_folder(generator(folder.path()), Device::Cpu).unwrap();
    // The texts need several batches.
    let texts: Vec<String> = (0..600).map(|row| format!("[MASK]{}", " cat mat.".repeat(row * 7 % 5))).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let (judged, filled) = (detection.predict(&texts).unwrap(), fill.predict(&texts, 2).unwrap());
    assert_eq!((judged.len(), filled.len()), (texts.len(), texts.len()));
    for row in [0, 1, 7, 299, 598, 599] {
        let (own, filling) =
            (detection.predict(&texts[row..=row]).unwrap(), fill.predict(&texts[row..=row], 2).unwrap());
        assert_eq!(judged[row].len(), own[0].len());
        for (one, other) in judged[row].iter().zip(&own[0]) {
            assert_eq!((&one.token, one.begin, one.end), (&other.token, other.begin, other.end));
            assert!((one.probability - other.probability).abs() < TOLERANCE);
        }
        for (one, other) in filled[row][0].candidates.iter().zip(&filling[0][0].candidates) {
            assert_eq!((one.token, &one.sequence), (other.token, &other.sequence));
            assert!((one.score - other.score).abs() < TOLERANCE);
        }
    }
    // Batches ask whether to go on.
    let stopped = interrupt::watch(
        || Err(Error::Interrupted),
        || (0..10_000).try_for_each(|_| detection.predict(&texts).map(drop)),
    );
    assert!(matches!(stopped, Err(Error::Interrupted)));
}

/// Write a folder with a masked LM and its vocabulary, and return its path.
fn generator(folder: &Path) -> PathBuf {
    let generator = folder.join("generator");
    trained::<ElectraForMaskedLM>(&generator, &config());
    tokenizer(&generator);
    generator
}
