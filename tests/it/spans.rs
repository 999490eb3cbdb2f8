//! Tests of the pipelines that find spans in texts of any length: token classification and question answering.

use std::path::Path;

use oxbert::any_model::frozen;
use oxbert::config::Labels;
use oxbert::distilbert::{DistilBertForQuestionAnswering, DistilBertForTokenClassification};
use oxbert::electra::{ElectraForQuestionAnswering, ElectraForTokenClassification};
use oxbert::inputs::Arguments;
use oxbert::models::Model;
use oxbert::pipelines::{
    Aggregation, Entity, LabelledToken, QuestionAnswering, QuestionAnsweringOptions, TokenClassification,
    TokenClassificationOptions,
};
use oxbert::pretrained::FrozenOptions;
use oxbert::text::{Batch, ElectraTokenizer, EncodeOptions};
use oxbert::weights::{Strictness, WeightFormat};
use oxbert::{DistilBertConfig, ElectraConfig, Error, interrupt};
use tch::Device;

use crate::common::{Answer, TOLERANCE, Tiny, answer, from_folder, model, odd};
use crate::text::tokenizer;

const LABELS: [&str; 5] = ["O", "B-X", "I-X", "B-Y", "I-Y"];
/// Characters of several bytes, an unknown word, and more tokens than the model has positions.
const LONG: &str = "The café's cats sat on a mat. A dog, \u{1F600} on the mat, sat on a \u{6211} cat. The dogs sat on a café, the mats.";

/// Write a model and its vocabulary into a folder.
fn write<M: Model<Config: Clone>>(folder: &Path, config: &M::Config) -> ElectraTokenizer {
    model::<M>(config).save(folder, WeightFormat::Safetensors).unwrap();
    tokenizer(folder)
}

fn labels() -> Labels {
    Labels::new(LABELS.map(str::to_string).to_vec()).unwrap()
}

fn all_labels() -> TokenClassificationOptions {
    TokenClassificationOptions { ignore_labels: Vec::new(), ..TokenClassificationOptions::default() }
}

fn characters(text: &str, begin: usize, end: usize) -> String {
    text.chars().skip(begin).take(end - begin).collect()
}

/// Check the labels of a short text against the logits of the model.
fn tokens_have_their_likeliest_label<M: Model<Config: Tiny + Clone, Output: Answer>>(config: &M::Config) {
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = write::<M>(folder.path(), config);
    let pipeline = TokenClassification::from_folder(folder.path(), Device::Cpu).unwrap();
    let text = "The café's \u{6211} cats";
    let encoding = tokenizer.encode(text, None, &EncodeOptions::default()).unwrap();
    let batch: Batch = [&encoding].into_iter().collect();
    let model = from_folder::<M>(folder.path()).unwrap();
    let scores = answer(&model, Arguments::from_batch(&batch)).softmax(-1, None);
    let tokens = pipeline.tokens(&[text], &all_labels()).unwrap().remove(0);
    assert_eq!(tokens.len(), encoding.len() - 2);
    for (place, token) in tokens.iter().enumerate() {
        assert_eq!(token.index, place + 1);
        let best = scores.get(0).get(token.index as i64).argmax(0, false).int64_value(&[]);
        assert_eq!(token.label, LABELS[best as usize]);
        assert!((token.score - scores.double_value(&[0, token.index as i64, best])).abs() < TOLERANCE);
        assert_eq!((token.begin, token.end), encoding.offset(token.index));
    }
    let words: Vec<_> = tokens.iter().map(|token| token.word.as_str()).collect();
    assert_eq!(words, ["the", "cafe", "'", "s", "\u{6211}", "cat", "##s"]);
}

#[test]
fn the_labels_are_those_of_the_model() {
    let electra = ElectraConfig { vocab_size: 16, labels: labels(), ..odd() };
    tokens_have_their_likeliest_label::<ElectraForTokenClassification>(&electra);
    let distilbert = DistilBertConfig { vocab_size: 16, labels: labels(), ..odd() };
    tokens_have_their_likeliest_label::<DistilBertForTokenClassification>(&distilbert);
}

fn token_classification(folder: &Path) -> (TokenClassification, ElectraTokenizer) {
    let config = ElectraConfig { vocab_size: 16, labels: labels(), ..odd() };
    let tokenizer = write::<ElectraForTokenClassification>(folder, &config);
    (TokenClassification::from_folder(folder, Device::Cpu).unwrap(), tokenizer)
}

#[test]
fn every_token_of_a_long_text_is_labelled_once() {
    let folder = tempfile::tempdir().unwrap();
    let (pipeline, tokenizer) = token_classification(folder.path());
    let whole = tokenizer.encode(LONG, None, &EncodeOptions::default()).unwrap();
    assert!(whole.len() > 19);
    for stride in [None, Some(0), Some(1), Some(5), Some(16)] {
        let options = TokenClassificationOptions { stride, ..all_labels() };
        let tokens = pipeline.tokens(&[LONG], &options).unwrap().remove(0);
        assert_eq!(tokens.len(), whole.len() - 2);
        for (place, token) in tokens.iter().enumerate() {
            assert_eq!((token.index, (token.begin, token.end)), (place + 1, whole.offset(place + 1)), "{stride:?}");
        }
        for aggregation in Aggregation::ALL {
            let entities = pipeline.entities(&[LONG], aggregation, &options).unwrap().remove(0);
            assert!(!entities.is_empty());
            assert!(entities.is_sorted_by(|one, next| one.end <= next.begin), "{entities:?}");
        }
    }
}

#[test]
fn a_token_has_the_label_of_the_window_where_it_is_farther_from_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let (pipeline, tokenizer) = token_classification(folder.path());
    // 17 tokens fit. With a stride of 6, the second window begins at the 12th, and the third token of the six that both
    // have is the last of the first window that counts.
    let text = "the cat sat on a mat the dog sat on a cat the mat sat on the cat a dog";
    let options = TokenClassificationOptions { stride: Some(6), ..all_labels() };
    let tokens = pipeline.tokens(&[text], &options).unwrap().remove(0);
    let words: Vec<&str> = text.split(' ').collect();
    let first = pipeline.tokens(&[&words[..17].join(" ")], &all_labels()).unwrap().remove(0);
    let second = pipeline.tokens(&[&words[11..].join(" ")], &all_labels()).unwrap().remove(0);
    let scores = |tokens: &[LabelledToken]| tokens.iter().map(|token| token.score).collect::<Vec<_>>();
    let expected = [scores(&first[..14]), scores(&second[3..])].concat();
    assert_eq!(tokens.len(), expected.len());
    for (token, score) in tokens.iter().zip(expected) {
        assert!((token.score - score).abs() < TOLERANCE);
    }
    assert_eq!(tokenizer.model_max_length(), None);
}

#[test]
fn ignored_labels_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let (pipeline, _) = token_classification(folder.path());
    let tokens = |ignored: &[&str]| {
        let ignore_labels = ignored.iter().map(|label| (*label).to_string()).collect();
        let options = TokenClassificationOptions { ignore_labels, ..all_labels() };
        let entities: Vec<Entity> = pipeline.entities(&[LONG], Aggregation::Simple, &options).unwrap().remove(0);
        (pipeline.tokens(&[LONG], &options).unwrap().remove(0), entities)
    };
    let (all, groups) = tokens(&[]);
    let label = all[0].label.as_str();
    let (kept, _) = tokens(&[label]);
    assert_eq!(kept, all.iter().filter(|token| token.label != label).cloned().collect::<Vec<_>>());
    assert!(kept.len() < all.len());
    // Entities have the labels without their prefixes.
    assert!(groups.iter().all(|entity| ["O", "X", "Y"].contains(&entity.label.as_str())));
    assert_eq!(tokens(&["B-X", "I-Y"]).1, groups);
    assert!(tokens(&["O", "X", "Y"]).1.is_empty());
}

/// Check an answer of one window against all spans of its tokens.
fn the_best_span_is_found<M: Model<Config: Tiny + Clone>>(config: &M::Config) {
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = write::<M>(folder.path(), config);
    let pipeline = QuestionAnswering::from_folder(folder.path(), Device::Cpu).unwrap();
    let (question, context) = ("the cat?", "A café's \u{1F600} cats sat.");
    let encoding = tokenizer.encode(question, Some(context), &EncodeOptions::default()).unwrap();
    let batch: Batch = [&encoding].into_iter().collect();
    let frozen = frozen::<oxbert::heads::QuestionAnsweringHead>(
        folder.path(),
        Device::Cpu,
        Strictness::default(),
        FrozenOptions::default(),
    );
    let frozen = frozen.unwrap();
    let inputs = oxbert::inputs::Inputs::new(&batch, &frozen.limits()).unwrap();
    let output = frozen.forward(&inputs, oxbert::nn::ForwardOptions::default()).unwrap();
    let kept: Vec<i64> = std::iter::once(0).chain(encoding.text(1).map(|column| column as i64)).collect();
    let index = tch::Tensor::from_slice(&kept);
    let (starts, ends) = (
        output.start_logits.get(0).index_select(0, &index).softmax(0, None),
        output.end_logits.get(0).index_select(0, &index).softmax(0, None),
    );
    // Row and column 0 are [CLS].
    let products = starts.unsqueeze(1).matmul(&ends.unsqueeze(0));
    let spans = products.triu(0).narrow(0, 1, kept.len() as i64 - 1);
    let best = spans.view([-1]).argmax(0, false).int64_value(&[]);
    let (start, end) = (best / kept.len() as i64 + 1, best % kept.len() as i64);
    let options = QuestionAnsweringOptions {
        align_to_words: false,
        handle_impossible_answer: true,
        top_k: 99,
        ..Default::default()
    };
    let answers = pipeline.predict(&[(question, context)], &options).unwrap().remove(0);
    let found = answers.iter().find(|answer| !answer.answer.is_empty()).unwrap();
    assert!((found.score - products.double_value(&[start, end])).abs() < TOLERANCE);
    assert_eq!(found.begin, encoding.offset(kept[start as usize] as usize).0);
    assert_eq!(found.end, encoding.offset(kept[end as usize] as usize).1);
    assert_eq!(found.answer, characters(context, found.begin, found.end));
    let null = answers.iter().find(|answer| answer.answer.is_empty()).unwrap();
    assert!((null.score - products.double_value(&[0, 0])).abs() < TOLERANCE);
    assert!(answers.is_sorted_by(|one, next| one.score >= next.score));
}

#[test]
fn answers_are_the_best_spans() {
    the_best_span_is_found::<ElectraForQuestionAnswering>(&ElectraConfig {
        vocab_size: 16,
        ..odd::<ElectraConfig>().labelled(2)
    });
    the_best_span_is_found::<DistilBertForQuestionAnswering>(&DistilBertConfig {
        vocab_size: 16,
        ..odd::<DistilBertConfig>().labelled(2)
    });
}

fn question_answering(folder: &Path) -> QuestionAnswering {
    write::<ElectraForQuestionAnswering>(
        folder,
        &ElectraConfig { vocab_size: 16, ..odd::<ElectraConfig>().labelled(2) },
    );
    QuestionAnswering::from_folder(folder, Device::Cpu).unwrap()
}

#[test]
fn contexts_of_any_length_have_answers_that_the_batch_does_not_change() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = question_answering(folder.path());
    let contexts: Vec<String> = (1..60).map(|count| format!("\u{6211} {}", LONG.repeat(count % 7 + 1))).collect();
    let questions: Vec<(&str, &str)> = contexts.iter().map(|context| ("the cat?", context.as_str())).collect();
    let options = QuestionAnsweringOptions { top_k: 3, ..Default::default() };
    let together = pipeline.predict(&questions, &options).unwrap();
    for (question, answers) in questions.iter().zip(&together).step_by(9) {
        let alone = pipeline.predict(&[*question], &options).unwrap().remove(0);
        assert_eq!(alone.len(), 3);
        for (one, other) in alone.iter().zip(answers) {
            assert_eq!((one.begin, one.end, &one.answer), (other.begin, other.end, &other.answer));
            assert!((one.score - other.score).abs() < TOLERANCE && one.score <= 1.0);
            assert_eq!(one.answer, characters(question.1, one.begin, one.end));
        }
    }
    let stopped = interrupt::watch(
        || Err(Error::Interrupted),
        || (0..10_000).try_for_each(|_| pipeline.predict(&questions, &options).map(drop)),
    );
    assert!(matches!(stopped, Err(Error::Interrupted)));
}

#[test]
fn a_context_without_tokens_has_the_empty_answer() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = question_answering(folder.path());
    for (handle_impossible_answer, score) in [(false, 0.0), (true, 1.0)] {
        let options = QuestionAnsweringOptions { top_k: 3, handle_impossible_answer, ..Default::default() };
        let answers = pipeline.predict(&[("the cat?", " \n")], &options).unwrap().remove(0);
        let [answer] = answers.as_slice() else { panic!("{answers:?}") };
        assert_eq!((answer.score, answer.begin, answer.end, answer.answer.as_str()), (score, 0, 0, ""));
    }
}

#[test]
fn long_questions_are_cut_and_leave_room_for_the_context() {
    let folder = tempfile::tempdir().unwrap();
    let pipeline = question_answering(folder.path());
    let options = |max_question_len| QuestionAnsweringOptions { max_question_len, ..Default::default() };
    let predict = |question: &str, length| pipeline.predict(&[(question, LONG)], &options(length));
    let long = "the cats sat on a mat, the dog sat on a mat";
    // The fourth token is the piece ##s.
    assert_eq!(predict(long, 3).unwrap(), predict("the cats", 3).unwrap());
    assert_eq!(predict(long, 2).unwrap(), predict("the cat", 9).unwrap());
    assert_ne!(predict(long, 2).unwrap(), predict(long, 3).unwrap());
    match predict(&long.repeat(3), 16) {
        Err(Error::Input { what, .. }) => assert_eq!(what, "max_seq_len"),
        other => panic!("{other:?}"),
    }
    assert!(predict(&long.repeat(3), 15).is_ok());
}

#[test]
fn bad_input_and_options_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let answering = question_answering(folder.path());
    let ask = |question: &[(&str, &str)], change: &dyn Fn(&mut QuestionAnsweringOptions)| {
        let mut options = QuestionAnsweringOptions::default();
        change(&mut options);
        answering.predict(question, &options).unwrap_err().to_string()
    };
    let good: &[(&str, &str)] = &[("the cat", "a mat")];
    assert_eq!(ask(&[], &|_| {}), "questions: expected at least one question, got none");
    assert_eq!(ask(&[good[0], ("", "a")], &|_| {}), "question: expected a text, got an empty one");
    assert_eq!(ask(&[("a", "")], &|_| {}), "context: expected a text, got an empty one for the question \"a\"");
    assert_eq!(ask(good, &|options| options.top_k = 0), "top_k: expected at least 1, got 0");
    assert_eq!(ask(good, &|options| options.max_answer_len = 0), "max_answer_len: expected at least 1, got 0");
    assert_eq!(ask(good, &|options| options.max_question_len = 0), "max_question_len: expected at least 1, got 0");
    let too_long = "max_seq_len: expected at most the 19 tokens that the model takes, got 20";
    assert_eq!(ask(good, &|options| options.max_seq_len = Some(20)), too_long);
    let stride = "doc_stride: expected less than the 14 tokens of the text in a window, got 14";
    assert_eq!(ask(good, &|options| options.doc_stride = Some(14)), stride);

    let folder = tempfile::tempdir().unwrap();
    let (classifier, _) = token_classification(folder.path());
    let label = |texts: &[&str], stride| {
        let options = TokenClassificationOptions { stride, ..Default::default() };
        let error = classifier.tokens(texts, &options).unwrap_err().to_string();
        assert_eq!(classifier.entities(texts, Aggregation::Max, &options).unwrap_err().to_string(), error);
        error
    };
    assert_eq!(label(&[], None), "texts: expected at least one text, got none");
    let stride = "stride: expected less than the 17 tokens of the text in a window, got 17";
    assert_eq!(label(&["a"], Some(17)), stride);
    match QuestionAnswering::from_folder(folder.path(), Device::Cpu) {
        Err(Error::Config { field, .. }) => assert_eq!(field, "num_labels"),
        other => panic!("{other:?}"),
    }
    assert_eq!(Aggregation::from_name("first"), Some(Aggregation::First));
    assert_eq!(Aggregation::from_name("none"), None);
}
