//! Tests of the pipelines under rust_bert's names, with tiny models: the answers are those of the crate's own pipelines,
//! whatever the texts and however many.

use std::fs;
use std::path::Path;

use oxbert::config::Labels;
use oxbert::distilbert::{DistilBertForMaskedLM, DistilBertForQuestionAnswering, DistilBertForTokenClassification};
use oxbert::electra::{
    ElectraForMaskedLM, ElectraForQuestionAnswering, ElectraForSequenceClassification, ElectraForTokenClassification,
};
use oxbert::models::Model;
use oxbert::pipelines::common::{ModelResource, ModelType, TokenizerOption};
use oxbert::pipelines::masked_language::{MaskedLanguageConfig, MaskedLanguageModel};
use oxbert::pipelines::ner::NERModel;
use oxbert::pipelines::question_answering::{
    Answer, QaInput, QuestionAnsweringConfig, QuestionAnsweringModel, squad_processor,
};
use oxbert::pipelines::sentiment::{SentimentModel, SentimentPolarity};
use oxbert::pipelines::sequence_classification::{SequenceClassificationConfig, SequenceClassificationModel};
use oxbert::pipelines::token_classification::{
    LabelAggregationOption, Mask, Token, TokenClassificationConfig, TokenClassificationModel,
};
use oxbert::pipelines::zero_shot_classification::{
    ZeroShotClassificationConfig, ZeroShotClassificationModel, ZeroShotTemplate,
};
use oxbert::pipelines::{
    ClassificationOptions, FillMask, QuestionAnswering, QuestionAnsweringOptions, ScoreFunction, TextClassification,
    TokenClassification, TokenClassificationOptions, ZeroShotClassification, ZeroShotOptions,
};
use oxbert::resources::LocalResource;
use oxbert::text::Truncation;
use oxbert::weights::WeightFormat;
use oxbert::{DistilBertConfig, ElectraConfig, Error};
use tch::{Device, Kind};

use crate::common::{TOLERANCE, model, odd};
use crate::text::tokenizer;

/// Name the files of a folder, in the arguments that all configurations share, and run on the CPU.
macro_rules! files {
    ($config:ident, $type:ident, $folder:expr $(, $more:expr)*) => {{
        let at = |name: &str| LocalResource::from($folder.join(name));
        let weights = if $folder.join("rust_model.ot").is_file() { "rust_model.ot" } else { "model.safetensors" };
        let weights = ModelResource::Torch(Box::new(at(weights)));
        let files = $config::new(
            ModelType::$type, weights, at("config.json"), at("vocab.txt"), None, true, None, None $(, $more)*
        );
        $config { device: Device::Cpu, ..files }
    }};
}

fn labels(names: &[&str]) -> Labels {
    Labels::new(names.iter().map(ToString::to_string).collect()).unwrap()
}

fn electra(names: &[&str]) -> ElectraConfig {
    ElectraConfig { vocab_size: 16, labels: labels(names), ..odd() }
}

fn distilbert(names: &[&str]) -> DistilBertConfig {
    DistilBertConfig { vocab_size: 16, labels: labels(names), ..odd() }
}

/// Write a model and its vocabulary into a folder.
fn write<M: Model>(folder: &Path, config: &M::Config, format: WeightFormat) {
    model::<M>(config).save(folder, format).unwrap();
    tokenizer(folder);
}

/// Return 200 texts: empty ones, special tokens, characters of several bytes, and more tokens than positions.
fn hostile() -> Vec<String> {
    let some = [
        "",
        " \t\n",
        "The cats sat.",
        "[MASK]",
        "[SEP][CLS] [PAD] [UNK] ##s",
        "\0\u{FFFD}\u{200B}",
        "a \u{1F600} cat\u{301} \u{6211}\u{4F60} caf\u{e9}s",
        "\u{301}\u{301}\u{301}",
        "<script>alert('cat')</script>, \u{202E}tac eht",
        "dog",
    ];
    let long = |number: usize| "the cats, on a mat. ".repeat(number % 7 * 5);
    (0..200).map(|number| if number % 11 == 10 { long(number) } else { some[number % 10].to_string() }).collect()
}

fn views(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

#[test]
fn texts_have_the_labels_of_the_classifier() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let config = electra(&["good", "bad", "neither"]);
    write::<ElectraForSequenceClassification>(folder, &config, WeightFormat::Safetensors);
    let classifier = SequenceClassificationModel::new(files!(SequenceClassificationConfig, Electra, folder)).unwrap();
    let pipeline = TextClassification::from_folder(folder, Device::Cpu).unwrap();
    let texts = hostile();
    let texts = views(&texts);
    let options = |function| ClassificationOptions {
        top_k: None,
        function: Some(function),
        truncation: Truncation::LongestFirst,
    };
    let expected = pipeline.predict(&texts, &options(ScoreFunction::Softmax)).unwrap();
    let found = classifier.predict(&texts);
    assert_eq!(found.len(), 200);
    for (row, (label, expected)) in found.iter().zip(&expected).enumerate() {
        assert_eq!(
            (&label.text, label.score, label.id as usize),
            (&expected[0].label, expected[0].score, expected[0].id)
        );
        assert_eq!(label.sentence, row);
    }
    // Neither neighbours nor padding have a share in an answer.
    for (text, label) in texts.iter().zip(&found).step_by(7) {
        let alone = &classifier.predict([*text])[0];
        assert_eq!((&alone.text, alone.sentence), (&label.text, 0));
        assert!((alone.score - label.score).abs() < TOLERANCE);
    }

    let expected = pipeline.predict(&texts, &options(ScoreFunction::Sigmoid)).unwrap();
    let threshold = 0.5;
    let several = classifier.predict_multilabel(&texts, threshold).unwrap();
    assert_eq!(several.len(), 200);
    for (row, (labels, expected)) in several.iter().zip(&expected).enumerate() {
        assert!(labels.is_sorted_by_key(|label| label.id) && labels.iter().all(|label| label.sentence == row));
        let mut expected: Vec<_> = expected.iter().filter(|label| label.score >= threshold).collect();
        expected.sort_by_key(|label| label.id);
        assert!(
            labels
                .iter()
                .map(|label| (label.id as usize, label.score))
                .eq(expected.iter().map(|label| (label.id, label.score)))
        );
    }
    let none = classifier.predict_multilabel(&texts, 1.1).unwrap();
    assert!(none.len() == 200 && none.iter().all(Vec::is_empty));
    assert!(classifier.predict([]).is_empty() && classifier.predict_multilabel(&[], 0.5).unwrap().is_empty());
}

#[test]
fn a_sentiment_is_read_off_the_names_of_two_labels() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let polarity = |names: &[&str]| {
        write::<ElectraForSequenceClassification>(folder, &electra(names), WeightFormat::Safetensors);
        let model = SentimentModel::new(files!(SequenceClassificationConfig, Electra, folder))?;
        let classifier = SequenceClassificationModel::new(files!(SequenceClassificationConfig, Electra, folder))?;
        let (sentiment, label) =
            (model.predict(["the cats sat"]).remove(0), classifier.predict(["the cats sat"]).remove(0));
        assert_eq!(sentiment.score, label.score);
        Ok((sentiment.polarity, label.id))
    };
    let id = polarity(&["NEGATIVE", "POSITIVE"]).unwrap().1;
    for (names, positive) in
        [(["NEGATIVE", "POSITIVE"], 1), (["LABEL_0", "LABEL_1"], 1), (["pos", "neg"], 0), (["Positive", "Negative"], 0)]
    {
        let expected = if id == positive { SentimentPolarity::Positive } else { SentimentPolarity::Negative };
        assert_eq!(polarity(&names).unwrap(), (expected, id));
    }
    match polarity(&["negative", "neutral", "positive"]) {
        Err(error @ Error::Config { .. }) => assert!(error.to_string().contains("expected two labels"), "{error}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn named_labels_have_the_scores_of_the_zero_shot_pipeline() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let config = electra(&["Entailment", "neutral", "contradiction"]);
    write::<ElectraForSequenceClassification>(folder, &config, WeightFormat::Safetensors);
    let model = ZeroShotClassificationModel::new(files!(ZeroShotClassificationConfig, Electra, folder)).unwrap();
    let pipeline = ZeroShotClassification::from_folder_with(folder, Device::Cpu, oxbert::engine::Precision::Float32);
    let pipeline = pipeline.unwrap();
    let texts = hostile();
    let (texts, names) = (views(&texts), ["cat", "mat", "dog"]);
    let template = || -> Option<ZeroShotTemplate> { Some(Box::new(|label: &str| format!("the {label}."))) };
    for multi_label in [false, true] {
        let options = ZeroShotOptions { template: "the {}.", multi_label, truncate: true };
        let expected = pipeline.predict(&texts, &names, &options).unwrap();
        if multi_label {
            let found = model.predict_multilabel(&texts, names, template(), usize::MAX).unwrap();
            for (row, (labels, expected)) in found.iter().zip(&expected).enumerate() {
                for (id, label) in labels.iter().enumerate() {
                    let place = expected.labels.iter().position(|name| *name == names[id]).unwrap();
                    let got = (label.text.as_str(), label.id, label.sentence, label.score);
                    assert_eq!(got, (names[id], id as i64, row, expected.scores[place]));
                }
            }
        } else {
            let found = model.predict(&texts, names, template(), usize::MAX).unwrap();
            assert_eq!(found.len(), 200);
            for (row, (label, expected)) in found.iter().zip(&expected).enumerate() {
                assert_eq!((label.score, label.sentence), (expected.scores[0], row));
                assert_eq!(label.text, names[label.id as usize]);
            }
        }
    }
    // The text is shortened, and the sentence of the label is not.
    let short = |text: &str| model.predict_multilabel([text], names, template(), 9).unwrap()[0][0].score;
    assert_eq!(short("the cat on a mat"), short("the cat on"));
    assert_ne!(short("the cat on"), short("the cat a"));
    assert!(model.predict(["the cat"], names, template(), 5).is_err());
    assert!(model.predict(["the cat"], names, None, 128).is_ok());
    assert!(matches!(model.predict(["the cat"], [], None, 128), Err(Error::Input { .. })));
    assert!(matches!(model.predict([], names, None, 128), Err(Error::Input { .. })));
}

#[test]
fn masks_have_the_likeliest_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (folder.path().join("electra"), folder.path().join("distilbert"));
    write::<ElectraForMaskedLM>(&one, &electra(&["a", "b"]), WeightFormat::Safetensors);
    write::<DistilBertForMaskedLM>(&other, &distilbert(&["a", "b"]), WeightFormat::Ot);
    let mask = || Some("<mask>".to_string());
    let models = [
        MaskedLanguageModel::new(files!(MaskedLanguageConfig, Electra, one, mask())).unwrap(),
        MaskedLanguageModel::new(files!(MaskedLanguageConfig, DistilBert, other, mask())).unwrap(),
    ];
    for (model, folder) in models.iter().zip([&one, &other]) {
        let pipeline = FillMask::from_folder(folder, Device::Cpu).unwrap();
        let texts: Vec<String> = (0..200)
            .map(|number| match number % 4 {
                0 => "the cats".to_string(),
                1 => format!("{} <mask> sat.", "cat ".repeat(number % 9)),
                2 => "<mask>\u{1F600}<mask>".to_string(),
                _ => String::new(),
            })
            .collect();
        let found = model.predict(views(&texts)).unwrap();
        for (text, masks) in texts.iter().zip(&found) {
            if !text.contains("<mask>") {
                assert!(masks.is_empty());
                continue;
            }
            let expected = &pipeline.predict(&[&text.replace("<mask>", "[MASK]")], 1).unwrap()[0];
            assert_eq!(masks.len(), expected.len());
            for (mask, expected) in masks.iter().zip(expected) {
                assert_eq!((mask.id, &mask.text), (expected.candidates[0].token, &expected.candidates[0].token_str));
                assert!((mask.score - expected.candidates[0].score).abs() < TOLERANCE);
            }
        }
        assert!(model.predict([]).unwrap().is_empty() && model.predict(["the cat"]).unwrap() == [[]]);
        match model.predict(["the", &"[MASK] ".repeat(30)]) {
            Err(Error::TooLong { row: 1, .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    let empty = MaskedLanguageModel::new(files!(MaskedLanguageConfig, Electra, one, Some(String::new())));
    assert!(matches!(empty, Err(Error::Input { .. })));
}

#[test]
fn questions_have_the_answers_of_the_pipeline() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (folder.path().join("electra"), folder.path().join("distilbert"));
    let config = ElectraConfig { max_position_embeddings: 40, ..electra(&["a", "b"]) };
    write::<ElectraForQuestionAnswering>(&one, &config, WeightFormat::Ot);
    let config = DistilBertConfig { max_position_embeddings: 40, ..distilbert(&["a", "b"]) };
    write::<DistilBertForQuestionAnswering>(&other, &config, WeightFormat::Safetensors);
    let sized = |files: QuestionAnsweringConfig, max_seq_length| QuestionAnsweringConfig {
        max_seq_length,
        doc_stride: 4,
        max_query_length: 8,
        max_answer_length: 5,
        ..files
    };
    let models = [
        QuestionAnsweringModel::new(sized(files!(QuestionAnsweringConfig, Electra, one), 24)).unwrap(),
        QuestionAnsweringModel::new(sized(files!(QuestionAnsweringConfig, DistilBert, other), 24)).unwrap(),
    ];
    let options = QuestionAnsweringOptions {
        top_k: 3,
        max_seq_len: Some(24),
        doc_stride: Some(4),
        max_question_len: 8,
        max_answer_len: 5,
        ..QuestionAnsweringOptions::default()
    };
    let texts = hostile();
    let inputs: Vec<QaInput> = texts
        .iter()
        .zip(texts.iter().rev())
        .map(|(question, context)| QaInput { question: question.clone(), context: context.clone() })
        .collect();
    for (model, folder) in models.iter().zip([&one, &other]) {
        let pipeline = QuestionAnswering::from_folder(folder, Device::Cpu).unwrap();
        let found = model.predict(&inputs, 3, 32);
        assert_eq!(found.len(), 200);
        for (QaInput { question, context }, answers) in inputs.iter().zip(&found) {
            let nothing = Answer { score: 0.0, start: 0, end: 0, answer: String::new() };
            if context.is_empty() {
                assert_eq!(answers, &[nothing]);
                continue;
            }
            let question = if question.is_empty() { " " } else { question };
            let expected = &pipeline.predict(&[(question, context)], &options).unwrap()[0];
            assert_eq!(answers.len(), expected.len());
            for (answer, expected) in answers.iter().zip(expected) {
                assert_eq!(
                    (answer.start, answer.end, &answer.answer),
                    (expected.begin, expected.end, &expected.answer)
                );
                assert!((answer.score - expected.score).abs() < TOLERANCE);
            }
        }
        // The size of batches changes no answer.
        let small = model.predict(&inputs[..20], 3, 0);
        for (answers, other) in small.iter().flatten().zip(found.iter().flatten()) {
            assert_eq!((answers.start, answers.end), (other.start, other.end));
        }
        assert!(model.predict(&[], 1, 32).is_empty());
        assert_eq!(model.predict(&inputs[..2], -1, 32), [[], []]);
    }

    let refused = |max_seq_length| {
        let config = sized(files!(QuestionAnsweringConfig, Electra, one), max_seq_length);
        QuestionAnsweringModel::new(config).unwrap_err().to_string()
    };
    assert!(refused(15).contains("expected at least 16"), "{}", refused(15));
    assert!(refused(41).contains("at most the 40 tokens"), "{}", refused(41));
    assert!(QuestionAnsweringModel::new(sized(files!(QuestionAnsweringConfig, Electra, one), 16)).is_ok());
    let none =
        QuestionAnsweringConfig { max_answer_length: 0, ..sized(files!(QuestionAnsweringConfig, Electra, one), 24) };
    assert!(matches!(QuestionAnsweringModel::new(none), Err(Error::Input { .. })));
}

#[test]
fn questions_are_read_from_squad() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dev.json");
    fs::write(
        &path,
        r#"{"version": "v2.0", "data": [
            {"title": "t", "paragraphs": [{"context": "c\u00e9", "qas": [{"question": "q1", "id": "1"}, {"question": "q2"}]}]},
            {"paragraphs": []}]}"#,
    )
    .unwrap();
    let input = |question: &str| QaInput { question: question.into(), context: "c\u{e9}".into() };
    assert_eq!(squad_processor(path.clone()).unwrap(), [input("q1"), input("q2")]);
    assert!(matches!(squad_processor(folder.path().join("none.json")), Err(Error::Io { .. })));
    for (text, key) in [("{", "JSON"), ("[]", "data"), (r#"{"data": [{"paragraphs": [{"qas": []}]}]}"#, "context")] {
        fs::write(&path, text).unwrap();
        let error = squad_processor(path.clone()).unwrap_err();
        assert!(error.to_string().contains(key) && error.to_string().contains("dev.json"), "{error}");
    }
}

const TAGS: [&str; 5] = ["O", "B-X", "I-X", "S-work-of-art", "odd"];

fn tagger(folder: &Path, aggregation: LabelAggregationOption) -> TokenClassificationModel {
    TokenClassificationModel::new(files!(TokenClassificationConfig, Electra, folder, aggregation)).unwrap()
}

#[test]
fn tokens_have_the_labels_of_the_pipeline() {
    let folder = tempfile::tempdir().unwrap();
    let (one, other) = (folder.path().join("electra"), folder.path().join("distilbert"));
    write::<ElectraForTokenClassification>(&one, &electra(&TAGS), WeightFormat::Safetensors);
    write::<DistilBertForTokenClassification>(&other, &distilbert(&TAGS), WeightFormat::Ot);
    let config = files!(TokenClassificationConfig, DistilBert, other, LabelAggregationOption::First);
    let models = [
        tagger(&one, LabelAggregationOption::First),
        TokenClassificationModel::new(TokenClassificationConfig { batch_size: 1, ..config }).unwrap(),
    ];
    let texts = hostile();
    for (model, folder) in models.iter().zip([&one, &other]) {
        let pipeline = TokenClassification::from_folder(folder, Device::Cpu).unwrap();
        let all = TokenClassificationOptions { ignore_labels: Vec::new(), ..TokenClassificationOptions::default() };
        let expected = pipeline.tokens(&texts, &all).unwrap();
        let found = model.predict(&texts, false, false);
        let with_special = model.predict(&texts, false, true);
        assert_eq!(found.len(), 200);
        for (row, (tokens, expected)) in found.iter().zip(&expected).enumerate() {
            assert_eq!(tokens.len(), expected.len(), "{:?}", texts[row]);
            for (token, expected) in tokens.iter().zip(expected) {
                let offset = token.offset.unwrap();
                assert_eq!((token.sentence, token.index, &token.label), (row, expected.index, &expected.label));
                assert_eq!((offset.begin as usize, offset.end as usize), (expected.begin, expected.end));
                assert_eq!(token.label, TAGS[token.label_index as usize]);
                assert!((token.score - expected.score).abs() < TOLERANCE);
                let length = expected.end.saturating_sub(expected.begin);
                assert_eq!(token.text, texts[row].chars().skip(expected.begin).take(length).collect::<String>());
            }
            let all = &with_special[row];
            let (first, last) = (&all[0], &all[all.len() - 1]);
            assert_eq!((first.text.as_str(), last.text.as_str()), ("[CLS]", "[SEP]"));
            assert!([first, last].iter().all(|token| token.mask == Mask::Special && token.offset.is_none()));
            assert_eq!(all.iter().map(|token| token.index).collect::<Vec<_>>(), (0..all.len()).collect::<Vec<_>>());
            let key = |token: &Token| (token.index, token.label_index, token.offset);
            assert!(all[1..all.len() - 1].iter().map(key).eq(tokens.iter().map(key)));
        }
    }
    assert!(models[0].predict::<&str>(&[], true, true).is_empty());
}

/// Join the labels of the tokens of a word.
fn custom(tokens: &[Token]) -> (i64, String) {
    (7, tokens.iter().map(|token| token.label.as_str()).collect())
}

#[test]
fn words_take_the_label_that_the_option_says() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write::<ElectraForTokenClassification>(folder, &electra(&TAGS), WeightFormat::Safetensors);
    let options = || {
        [
            LabelAggregationOption::First,
            LabelAggregationOption::Last,
            LabelAggregationOption::Mode,
            LabelAggregationOption::Custom(Box::new(custom)),
        ]
    };
    // Three pieces, punctuation, a Chinese character, an unknown word; longer than the model's positions.
    let text = "The catss, \u{6211}xyz sat. ".repeat(5);
    let pieces = tagger(folder, LabelAggregationOption::First).predict(&[&text], false, false).remove(0);
    let kinds: Vec<Mask> = pieces[..8].iter().map(|token| token.mask).collect();
    let expected = [Mask::None, Mask::Begin, Mask::Continuation, Mask::Continuation, Mask::Punctuation, Mask::Unknown];
    assert_eq!(kinds[..6], expected);
    let groups: Vec<&[Token]> = pieces.chunk_by(|one, next| one.word_index == next.word_index).collect();
    assert!(groups.iter().enumerate().all(|(number, group)| group[0].word_index == number + 1));
    for (number, option) in options().into_iter().enumerate() {
        let words = tagger(folder, option).predict(&[&text], true, false).remove(0);
        assert_eq!(words.len(), groups.len());
        for (word, group) in words.iter().zip(&groups) {
            let [first, .., last] = group else {
                assert_eq!(word, &group[0]);
                continue;
            };
            assert_eq!((word.text.as_str(), word.mask, word.index), ("catss", Mask::None, first.index));
            let (begin, end) = (first.offset.unwrap().begin, last.offset.unwrap().end);
            assert_eq!((word.offset.unwrap().begin, word.offset.unwrap().end), (begin, end));
            let count = |token: &Token| group.iter().filter(|other| other.label == token.label).count();
            match number {
                0 => assert_eq!(word.label, first.label),
                1 => assert_eq!(word.label, last.label),
                2 => assert!(group.iter().all(|token| {
                    let chosen = group.iter().find(|other| other.label == word.label).unwrap();
                    count(chosen) >= count(token)
                })),
                _ => assert_eq!((word.label_index, &word.label), (7, &custom(group).1)),
            }
            let score =
                |token: &&Token| if token.label_index == word.label_index { token.score } else { 1.0 - token.score };
            assert!((word.score - group.iter().map(|token| score(&token)).product::<f64>()).abs() < 1e-12);
        }
    }
}

#[test]
fn entities_are_found_whatever_the_labels() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write::<ElectraForTokenClassification>(folder, &electra(&TAGS), WeightFormat::Safetensors);
    let words = tagger(folder, LabelAggregationOption::Mode);
    let ner = NERModel::new(files!(TokenClassificationConfig, Electra, folder, LabelAggregationOption::Mode)).unwrap();
    let texts = hostile();
    let (tokens, single, full) =
        (words.predict(&texts, true, false), ner.predict(&texts), ner.predict_full_entities(&texts));
    assert_eq!((single.len(), full.len()), (200, 200));
    for (row, text) in texts.iter().enumerate() {
        let labelled: Vec<&Token> = tokens[row].iter().filter(|token| token.label != "O").collect();
        let key = |token: &&Token| (token.text.clone(), token.label.clone(), token.offset.unwrap(), token.score);
        let entity = |entity: &oxbert::pipelines::ner::Entity| {
            (entity.word.clone(), entity.label.clone(), entity.offset, entity.score)
        };
        assert!(labelled.iter().map(key).eq(single[row].iter().map(entity)));
        // Every labelled word is in one entity, and an entity is a piece of the text.
        let covered = |token: &&Token| {
            let offset = token.offset.unwrap();
            full[row].iter().filter(|one| one.offset.begin <= offset.begin && offset.end <= one.offset.end).count() >= 1
        };
        assert!(labelled.iter().all(covered));
        for entity in &full[row] {
            let (begin, end) = (entity.offset.begin as usize, entity.offset.end as usize);
            assert_eq!(entity.word, text.chars().skip(begin).take(end.saturating_sub(begin)).collect::<String>());
            assert!(["X", "work-of-art", "odd"].contains(&entity.label.as_str()));
        }
    }
    assert!(full.iter().flatten().any(|entity| entity.word.contains(' ')), "no entity of several words: {full:?}");
}

#[test]
fn settings_that_do_not_suit_the_family_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write::<ElectraForSequenceClassification>(folder, &electra(&["a", "b"]), WeightFormat::Safetensors);
    let files = || files!(SequenceClassificationConfig, Electra, folder);
    let refused = |config| SequenceClassificationModel::new(config).unwrap_err();
    let vocabulary = || -> Box<dyn oxbert::resources::ResourceProvider + Send> {
        Box::new(LocalResource::from(folder.join("vocab.txt")))
    };
    for (what, config) in [
        ("merges_resource", SequenceClassificationConfig { merges_resource: Some(vocabulary()), ..files() }),
        ("add_prefix_space", SequenceClassificationConfig { add_prefix_space: Some(true), ..files() }),
        ("kind", SequenceClassificationConfig { kind: Some(Kind::Int64), ..files() }),
        ("model_type", SequenceClassificationConfig { model_type: ModelType::DistilBert, ..files() }),
    ] {
        let error = refused(config);
        assert!(error.to_string().contains(what), "{error}");
    }
    let missing = SequenceClassificationConfig { vocab_resource: Box::new(LocalResource::from("none.txt")), ..files() };
    assert!(matches!(refused(missing), Error::Io { .. }));

    // The case of the vocabulary, and a tokenizer of the caller's own.
    let cased = SequenceClassificationConfig { lower_case: false, ..files() };
    let cased = SequenceClassificationModel::new(cased).unwrap();
    assert!(!cased.get_tokenizer().options().do_lower_case);
    let path = folder.join("vocab.txt");
    let tokenizer =
        TokenizerOption::from_file(ModelType::Electra, path.to_str().unwrap(), None, true, Some(false), None);
    let given = SequenceClassificationModel::new_with_tokenizer(files(), tokenizer.unwrap()).unwrap();
    assert_eq!(given.get_tokenizer().options().strip_accents, Some(false));
    assert_eq!(
        given.predict(["the cat"])[0].score,
        SequenceClassificationModel::new(files()).unwrap().predict(["the cat"])[0].score
    );
}
