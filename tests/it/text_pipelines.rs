//! Tests of the pipelines for fine-tuned models and for sentences, with tiny models: their answers are the model's.

use std::fs;
use std::path::Path;

use oxbert::config::Labels;
use oxbert::electra::{ElectraForSequenceClassification, ElectraModel};
use oxbert::inputs::Arguments;
use oxbert::models::Model;
use oxbert::pipelines::{
    ClassificationOptions, FeatureExtraction, FillMask, FillMaskOptions, ReplacedTokenDetection, ScoreFunction,
    SentenceEncoder, SentenceOptions, TextClassification, TextPipeline, TokenPooling, ZeroShotClassification,
    ZeroShotOptions,
};
use oxbert::text::{Batch, EncodeOptions, Truncation};
use oxbert::weights::WeightFormat;
use oxbert::{ElectraConfig, Error};
use tch::{Device, Kind, Tensor};

use crate::common::{Answer, TOLERANCE, answer, model, odd};
use crate::text::tokenizer;

fn config(labels: &[&str]) -> ElectraConfig {
    let labels = Labels::new(labels.iter().map(ToString::to_string).collect()).unwrap();
    ElectraConfig { vocab_size: 16, labels, ..odd() }
}

/// Write a folder with a model and a vocabulary.
fn write<M: Model<Config = ElectraConfig>>(folder: &Path, config: &ElectraConfig) {
    model::<M>(config).save(folder, WeightFormat::Safetensors).unwrap();
    tokenizer(folder);
}

/// Return the output of a model for one text, or a pair of texts.
fn output<M: Model<Config = ElectraConfig, Output: Answer>>(
    folder: &Path,
    config: &ElectraConfig,
    text: &str,
    pair: Option<&str>,
) -> Tensor {
    let encoding = tokenizer(folder).encode(text, pair, &EncodeOptions::default()).unwrap();
    let batch: Batch = [encoding].iter().collect();
    answer(&model::<M>(config), Arguments::from_batch(&batch))
}

#[test]
fn labels_come_by_falling_score() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, config) = (folder.path(), config(&["good", "bad", "neither"]));
    write::<ElectraForSequenceClassification>(folder, &config);
    let classifier = TextClassification::from_folder(folder, Device::Cpu).unwrap().with_batch_tokens(4);
    assert_eq!(classifier.labels(), ["good", "bad", "neither"]);
    let texts = ["The cats sat.", "", "a mat on the mat"];
    let all = ClassificationOptions { top_k: None, ..ClassificationOptions::default() };
    for (text, labels) in texts.iter().zip(classifier.predict(&texts, &all).unwrap()) {
        let expected = output::<ElectraForSequenceClassification>(folder, &config, text, None).softmax(-1, None);
        assert!(labels.is_sorted_by(|one, other| one.score >= other.score));
        for label in labels {
            assert_eq!(label.label, config.labels.names()[label.id]);
            assert!((label.score - expected.double_value(&[0, label.id as i64])).abs() < TOLERANCE);
        }
    }
    let best = classifier.predict(&[("the cat", "a mat")], &ClassificationOptions::default()).unwrap();
    assert_eq!(best[0].len(), 1);
    let none = ClassificationOptions { function: Some(ScoreFunction::None), ..ClassificationOptions::default() };
    let expected = output::<ElectraForSequenceClassification>(folder, &config, "the cat", Some("a mat"));
    let logit = classifier.predict(&[("the cat", "a mat")], &none).unwrap()[0][0].score;
    assert!((logit - expected.max().double_value(&[])).abs() < TOLERANCE);
    let long = "cat ".repeat(40);
    match classifier.predict(&["cat", &long], &all) {
        Err(Error::TooLong { row: 1, length: 42, maximum: 19, .. }) => {}
        other => panic!("{other:?}"),
    }
    let cut = ClassificationOptions { truncation: Truncation::LongestFirst, ..all };
    assert_eq!(classifier.predict(&["cat", &long], &cut).unwrap().len(), 2);
}

#[test]
fn named_labels_are_ranked_by_entailment() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, config) = (folder.path(), config(&["contradiction", "neutral", "Entailment"]));
    write::<ElectraForSequenceClassification>(folder, &config);
    let pipeline = ZeroShotClassification::from_folder_with(folder, Device::Cpu, oxbert::engine::Precision::Float32);
    let pipeline = pipeline.unwrap();
    let options = ZeroShotOptions { template: "the {}.", ..ZeroShotOptions::default() };
    let ranked = pipeline.predict(&["a cat sat", "mat"], &["cat", "mat", "dog"], &options).unwrap().remove(0);
    let logits: Vec<f64> = ranked
        .labels
        .iter()
        .map(|label| {
            let pair = format!("the {label}.");
            let scores = output::<ElectraForSequenceClassification>(folder, &config, "a cat sat", Some(&pair));
            scores.double_value(&[0, 2])
        })
        .collect();
    let expected = ScoreFunction::Softmax.apply(&logits);
    for (score, expected) in ranked.scores.iter().zip(expected) {
        assert!((score - expected).abs() < TOLERANCE);
    }
    assert!(ranked.scores.is_sorted_by(|one, other| one >= other));
    let without = ZeroShotOptions { template: "the cat", ..options };
    assert!(matches!(pipeline.predict(&["a"], &["b"], &without), Err(Error::Input { .. })));
    match pipeline.predict(&["a", &"cat ".repeat(30)], &["cat", "mat"], &options) {
        Err(Error::TooLong { row: 1, .. }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn vectors_pool_hidden_states() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, config) = (folder.path(), config(&["one", "two"]));
    write::<ElectraModel>(folder, &config);
    let features = FeatureExtraction::from_folder(folder, Device::Cpu).unwrap();
    let texts = ["The cats sat.", "", "a mat on the mat"];
    let states = features.tokens(&texts, Truncation::None).unwrap();
    let means = features.vectors(&texts, TokenPooling::Mean, false, Truncation::None).unwrap();
    let units = features.vectors(&texts, TokenPooling::Mean, true, Truncation::None).unwrap();
    for (row, (text, state)) in texts.iter().zip(&states).enumerate() {
        let expected = output::<ElectraModel>(folder, &config, text, None).squeeze_dim(0);
        assert_eq!(state.size(), expected.size());
        assert!((state - &expected).abs().max().double_value(&[]) < TOLERANCE);
        let mean = expected.mean_dim(0, false, Kind::Float);
        let row = row as i64;
        assert!((means.get(row) - &mean).abs().max().double_value(&[]) < TOLERANCE);
        let unit = &mean / mean.norm();
        assert!((units.get(row) - unit).abs().max().double_value(&[]) < TOLERANCE);
        // The same bits alone.
        let alone = features.vectors(&[text], TokenPooling::Mean, false, Truncation::None).unwrap();
        assert_eq!(alone.get(0), means.get(row));
    }
}

#[test]
fn sentences_go_through_their_modules() {
    let folder = tempfile::tempdir().unwrap();
    let (folder, config) = (folder.path(), config(&["one", "two"]));
    write::<ElectraModel>(folder, &config);
    fs::create_dir(folder.join("1_Pooling")).unwrap();
    fs::write(folder.join("1_Pooling/config.json"), r#"{"pooling_mode": ["max", "cls"]}"#).unwrap();
    let modules = r#"[{"type": "a.Transformer", "path": ""}, {"type": "a.Pooling", "path": "1_Pooling"},
                      {"type": "a.Normalize", "path": "2_Normalize"}]"#;
    fs::write(folder.join("modules.json"), modules).unwrap();
    fs::write(folder.join("sentence_bert_config.json"), r#"{"max_seq_length": 6}"#).unwrap();
    let encoder = SentenceEncoder::from_folder_with(folder, Device::Cpu, oxbert::engine::Precision::Float32).unwrap();
    assert_eq!((encoder.dimension(), encoder.max_length()), (70, 6));
    let vectors = encoder.encode(&["the cat", "a mat on the mat"], &SentenceOptions::default()).unwrap();
    assert_eq!(vectors.size(), [2, 70]);
    let states = output::<ElectraModel>(folder, &config, "the cat", None).squeeze_dim(0);
    let expected = Tensor::cat(&[states.amax(0, false), states.get(0)], 0);
    let expected = &expected / expected.norm();
    assert!((vectors.get(0) - expected).abs().max().double_value(&[]) < TOLERANCE);
    let whole = SentenceOptions { truncate: false, ..SentenceOptions::default() };
    assert!(matches!(encoder.encode(&["a mat on the mat"], &whole), Err(Error::TooLong { maximum: 6, .. })));
}

#[test]
fn candidates_can_be_limited_to_targets() {
    let folder = tempfile::tempdir().unwrap();
    write::<oxbert::electra::ElectraForMaskedLM>(folder.path(), &config(&["one", "two"]));
    let fill = FillMask::from_folder(folder.path(), Device::Cpu).unwrap();
    let targets = fill.targets(&["cat", "catsmat", " "]).unwrap();
    assert!(targets[0].as_ref().is_some_and(|target| target.is_exact) && targets[2].is_none());
    let ids = vec![targets[0].as_ref().unwrap().id, 0, 0];
    let options = FillMaskOptions { top_k: 5, targets: Some(ids.clone()) };
    let answers = fill.fill(&["the [MASK]"], &options).unwrap();
    assert_eq!(answers[0][0].len(), 2);
    let all = fill.predict(&["the [MASK]"], 16).unwrap();
    for candidate in &answers[0][0] {
        let same = all[0][0].candidates.iter().find(|other| other.token == candidate.token).unwrap();
        assert!((same.score - candidate.score).abs() < TOLERANCE);
    }
    for bad in [vec![], vec![16], vec![-1]] {
        assert!(fill.fill(&["the [MASK]"], &FillMaskOptions { top_k: 5, targets: Some(bad) }).is_err());
    }
}

#[test]
fn words_have_the_probability_of_their_most_suspicious_token() {
    let folder = tempfile::tempdir().unwrap();
    write::<oxbert::electra::ElectraDiscriminator>(folder.path(), &config(&["one", "two"]));
    let detect = ReplacedTokenDetection::from_folder(folder.path(), Device::Cpu).unwrap();
    let text = "The Caf\u{e9} cats sat.";
    let (words, tokens) = (detect.words(&[text], 0.0).unwrap(), detect.predict(&[text]).unwrap());
    let spelled: Vec<&str> = words[0].iter().map(|word| word.word.as_str()).collect();
    assert_eq!(spelled, ["The", "Caf\u{e9}", "cats", "sat", "."]);
    let cats: Vec<f64> =
        tokens[0].iter().filter(|token| token.begin >= 9 && token.end <= 13).map(|token| token.probability).collect();
    assert_eq!(cats.len(), 2);
    assert_eq!(words[0][2].probability, cats[0].max(cats[1]));
    let limit = words[0][2].probability;
    assert!(detect.words(&[text], limit).unwrap()[0].iter().all(|word| word.probability >= limit));
    assert!(matches!(detect.words(&[text], 1.5), Err(Error::Input { .. })));
}
