//! Tests of labels: every error, the problem types, and choices.

use oxbert::config::ProblemType;
use oxbert::inputs::{Arguments, Inputs, Labels, Rows, Targets, Task};
use oxbert::{Error, Result};
use tch::{Device, Kind, Tensor};

use crate::common::{matrix, numbers, ragged, waves};
use crate::inputs::{assert_message, limits};

const CLASSES: Task = Task::TokenClasses { classes: 3 };

/// Return inputs with these labels for two rows, the second with padding at its end and in the middle.
fn given(task: Task, labels: Option<Labels>) -> Result<Inputs> {
    let ids = matrix([[5, 6, 7, 8], [9, 10, 11, 12]]);
    let mask = matrix([[1, 1, 1, 1], [1, 0, 1, 0]]);
    let mut arguments = Arguments::from_tensors(Some(&ids), Some(&mask), None, None, None)?;
    if task == Task::Choices {
        arguments.input_ids = arguments.input_ids.map(|ids| ids.in_choices("input_ids", 2)).transpose()?;
    }
    Inputs::new(Arguments { labels, ..arguments }, &limits(task))
}

const SPANS: Task = Task::Spans { answerability: false };

fn labelled(task: Task, labels: &Tensor) -> Result<Inputs> {
    given(task, Some(labels.into()))
}

fn spans(start: Option<Tensor>, end: Option<Tensor>) -> Result<Inputs> {
    given(SPANS, Labels::from_arguments(None, start, end, None)?)
}

fn texts(labels: i64, problem_type: Option<ProblemType>) -> Task {
    Task::Texts { labels, problem_type }
}

fn vector(values: &[i64]) -> Tensor {
    Tensor::from_slice(values)
}

fn floats(shape: &[i64], value: f64) -> Tensor {
    Tensor::full(shape, value, (Kind::Float, Device::Cpu))
}

/// Return the kind of targets and their numbers.
fn targets(inputs: Result<Inputs>) -> (&'static str, Vec<f64>) {
    match inputs.unwrap().targets.unwrap() {
        Targets::Classes(classes) => {
            assert_eq!(classes.kind(), Kind::Int64);
            ("classes", numbers(&classes))
        }
        Targets::Flags(flags) => {
            assert_eq!(flags.kind(), Kind::Float);
            ("flags", numbers(&flags))
        }
        Targets::Numbers(given) => {
            assert_eq!(given.kind(), Kind::Float);
            ("numbers", numbers(&given))
        }
        Targets::Spans { start, end, .. } => ("spans", numbers(&Tensor::cat(&[start, end], 0))),
    }
}

#[track_caller]
fn assert_out_of_range(inputs: Result<Inputs>, value: i64, position: &[usize], limit: i64) {
    match inputs.unwrap_err() {
        Error::OutOfRange { what, value: got, position: at, limit: below } => {
            assert_eq!((what.as_str(), got, at.as_slice(), below), ("labels", value, position, limit));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn models_take_only_the_labels_of_their_head() {
    let labels = matrix([[0, 1, 0, 1], [1, 0, 1, 0]]);
    assert_message(labelled(Task::Encoding, &labels), "labels: this model has no head and takes no targets");
    assert_message(labelled(SPANS, &labels), "labels: this model takes start_positions and end_positions instead");
    for task in [CLASSES, Task::ReplacedTokens, texts(3, None), Task::Choices] {
        let answers = given(task, Some((vector(&[0, 0]), vector(&[0, 0])).into()));
        assert_message(answers, "start_positions and end_positions: this model takes labels instead");
        assert!(given(task, None).unwrap().targets.is_none());
    }
    let answers = given(Task::Encoding, Some((vector(&[0, 0]), vector(&[0, 0])).into()));
    assert_message(answers, "start_positions and end_positions: this model has no head and takes no targets");
    let both = Labels::from_arguments(Some([0, 1].into()), None, Some(vector(&[0, 0])), None);
    assert_eq!(both.unwrap_err().to_string(), "start_positions and end_positions: expected none beside labels");
    for (start, end) in [(Some(vector(&[0, 0])), None), (None, Some(vector(&[0, 0])))] {
        assert_message(spans(start, end), "start_positions and end_positions: expected both or neither, got one");
    }
}

#[test]
fn tokens_have_a_class_or_are_ignored() {
    let labels = matrix([[0, 2, -100, 1], [2, 99, 0, -7]]);
    // The shortest row comes first.
    assert_eq!(targets(labelled(CLASSES, &labels)), ("classes", vec![2.0, 0.0, 0.0, 2.0, -100.0, 1.0]));
    assert_eq!(targets(labelled(CLASSES, &labels.to_kind(Kind::Int16))).1[4], -100.0);
    assert_out_of_range(labelled(CLASSES, &matrix([[0, 0, 3, 9], [0; 4]])), 3, &[0, 2], 3);
    assert_out_of_range(labelled(CLASSES, &matrix([[0; 4], [0, 0, -1, 0]])), -1, &[1, 2], 3);
    assert_message(
        labelled(CLASSES, &matrix([[0, 1, 2], [0, 1, 2]])),
        "labels: expected shape [B, S] = [2, 4], got [2, 3]",
    );
    // A single row of labels is not broadcast.
    assert!(matches!(labelled(CLASSES, &matrix([[0; 4]])), Err(Error::Shape { .. })));
    assert_message(labelled(CLASSES, &vector(&[0, 1])), "labels: expected shape [B, S], got [2]");
    assert_message(labelled(CLASSES, &floats(&[2, 4], 1.0)), "labels: expected integers (int64), got float32");
    assert!(matches!(labelled(CLASSES, &labels.gt(0)), Err(Error::Dtype { .. })));
    assert_message(given(CLASSES, Some([0, 1].into())), "labels: expected shape [B, S] = [2, 4], got [2]");
    let arguments = Arguments { input_ids: ragged(&[vec![1; 4], vec![1; 2]]), ..Arguments::default() };
    assert_message(
        Inputs::new(arguments.with_labels(vec![vec![0; 4]; 2]), &limits(CLASSES)),
        "labels: expected shape [B, S] = 2 rows of lengths [4, 2], got [2, 4]",
    );
}

#[test]
fn replaced_token_labels_are_flags() {
    let flags = matrix([[0, 1, 0, 1], [1, 99, 0, -7]]);
    let expected = ("flags", vec![1.0, 0.0, 0.0, 1.0, 0.0, 1.0]);
    for kind in [Kind::Int64, Kind::Int8, Kind::Float, Kind::Double] {
        assert_eq!(targets(labelled(Task::ReplacedTokens, &flags.to_kind(kind))), expected, "{kind:?}");
    }
    assert_eq!(targets(labelled(Task::ReplacedTokens, &flags.to_kind(Kind::Bool))), expected);
    assert_eq!(targets(labelled(Task::ReplacedTokens, &floats(&[2, 4], 0.25))).1, [0.25; 6]);
    assert_out_of_range(labelled(Task::ReplacedTokens, &matrix([[0; 4], [2, 0, 0, 0]])), 2, &[1, 0], 2);
    assert_out_of_range(labelled(Task::ReplacedTokens, &matrix([[-100; 4], [0; 4]])), -100, &[0, 0], 2);
    for bad in [1.5, -0.1, f64::NAN] {
        assert_message(
            labelled(Task::ReplacedTokens, &floats(&[2, 4], bad)),
            "labels: expected numbers from 0 to 1, got numbers outside",
        );
    }
    let shape = "labels: expected shape [B, S] = [2, 4], got [2, 3]";
    assert_message(labelled(Task::ReplacedTokens, &matrix([[0; 3]; 2])), shape);
    assert_message(labelled(Task::ReplacedTokens, &floats(&[2, 3], 0.0)), shape);
}

#[test]
fn the_problem_type_is_configured_or_inferred_from_labels() {
    let (single, multi, regression) =
        (Some(ProblemType::SingleLabel), Some(ProblemType::MultiLabel), Some(ProblemType::Regression));
    let problem_type = |task, labels: &Tensor| labelled(task, labels).unwrap().targets.unwrap().problem_type().unwrap();
    for kind in [Kind::Int64, Kind::Int, Kind::Uint8] {
        assert_eq!(problem_type(texts(3, None), &vector(&[2, 0]).to_kind(kind)), ProblemType::SingleLabel);
        assert_eq!(problem_type(texts(1, None), &vector(&[7, 0]).to_kind(kind)), ProblemType::Regression);
    }
    for kind in [Kind::Float, Kind::Double, Kind::Half, Kind::Bool] {
        assert_eq!(problem_type(texts(3, None), &matrix([[0, 1, 0]; 2]).to_kind(kind)), ProblemType::MultiLabel);
        assert_eq!(problem_type(texts(1, None), &vector(&[1, 0]).to_kind(kind)), ProblemType::Regression);
    }
    assert_eq!(targets(labelled(texts(3, None), &vector(&[2, -100]))), ("classes", vec![2.0, -100.0]));
    assert_eq!(targets(labelled(texts(3, None), &matrix([[2], [1]]))), ("classes", vec![2.0, 1.0]));
    let six = matrix([[0, 1, 1], [1, 0, 0]]);
    assert_eq!(targets(labelled(texts(3, multi), &six)), ("flags", vec![0.0, 1.0, 1.0, 1.0, 0.0, 0.0]));
    assert_eq!(targets(labelled(texts(3, regression), &(six * 7))), ("numbers", vec![0.0, 7.0, 7.0, 7.0, 0.0, 0.0]));
    assert_eq!(targets(labelled(texts(1, single), &vector(&[0, 0]))), ("classes", vec![0.0, 0.0]));
    assert_eq!(targets(labelled(texts(1, multi), &vector(&[0, 1]))), ("flags", vec![0.0, 1.0]));

    assert_out_of_range(labelled(texts(3, None), &vector(&[0, 3])), 3, &[1], 3);
    assert_out_of_range(labelled(texts(3, None), &vector(&[-1, 3])), -1, &[0], 3);
    assert_message(labelled(texts(3, single), &floats(&[2], 0.0)), "labels: expected integers (int64), got float32");
    let uneven = || Some(Labels::from(vec![vec![0], vec![0, 1]]));
    for (inputs, message) in [
        (labelled(texts(3, None), &vector(&[0, 1, 2])), "[B] = [2], got [3]"),
        (labelled(texts(3, None), &matrix([[0, 1, 0]; 2])), "[B] = [2], got [2, 3]"),
        (
            labelled(texts(3, None), &floats(&[2], 0.0)),
            "[B, L] floats for multi_label_classification = [2, 3], got [2]",
        ),
        (
            labelled(texts(3, multi), &matrix([[0, 1]; 2])),
            "[B, L] floats for multi_label_classification = [2, 3], got [2, 2]",
        ),
        (
            labelled(texts(1, None), &floats(&[2, 2], 0.0)),
            "[B], or [B, L] with L labels, for regression = [2], got [2, 2]",
        ),
        (
            labelled(texts(3, regression), &floats(&[2], 0.0)),
            "[B], or [B, L] with L labels, for regression = [2, 3], got [2]",
        ),
        (given(texts(3, None), uneven()), "rows of one length, got 2 rows of lengths [1, 2]"),
    ] {
        assert!(matches!(&inputs, Err(Error::Shape { what, .. }) if what == "labels"), "{inputs:?}");
        assert_message(inputs, &format!("labels: expected shape {message}"));
    }
    for bad in [-0.5, 2.0, f64::NAN] {
        assert_message(
            labelled(texts(3, None), &floats(&[2, 3], bad)),
            "labels: expected numbers from 0 to 1, got numbers outside",
        );
    }
}

#[test]
fn vectors_are_the_labels_of_tensors() {
    let same = |task, labels: Labels, tensor: &Tensor| {
        assert_eq!(targets(given(task, Some(labels))), targets(labelled(task, tensor)));
    };
    let classes = vec![2, 0];
    same(texts(3, None), [2, 0].into(), &vector(&classes));
    same(texts(3, None), classes.as_slice().into(), &vector(&classes));
    same(texts(1, None), classes.clone().into(), &vector(&classes));
    same(Task::Choices, [1].into(), &vector(&[1]));
    let rows = vec![vec![0, 1, 0, 1], vec![1, 0, 1, 0]];
    let tensor = matrix([[0, 1, 0, 1], [1, 0, 1, 0]]);
    for task in [CLASSES, Task::ReplacedTokens] {
        same(task, rows.as_slice().into(), &tensor);
        same(task, rows.clone().into(), &tensor);
        same(task, Rows::ragged(&rows).into(), &tensor);
    }
    // The errors are the same too.
    assert_out_of_range(given(texts(3, None), Some([0, 3].into())), 3, &[1], 3);
    assert_message(given(texts(3, None), Some([0].into())), "labels: expected shape [B] = [2], got [1]");
}

#[test]
fn answers_are_mapped_to_kept_columns() {
    let both = |values: &[i64]| spans(Some(vector(values)), Some(vector(values)));
    // A position before the row counts as the first column, and one behind it is ignored.
    assert_eq!(targets(both(&[3, 2])), ("spans", vec![3.0, 2.0, 3.0, 2.0]));
    assert_eq!(targets(both(&[-1, i64::MIN])), ("spans", vec![0.0; 4]));
    assert_eq!(targets(both(&[4, i64::MAX])), ("spans", vec![-100.0; 4]));
    assert_eq!(
        targets(spans(Some(matrix([[1], [2]])), Some(vector(&[1, 2]).to_kind(Kind::Int)))).1,
        [1.0, 2.0, 1.0, 2.0]
    );
    assert_message(both(&[0, 1]), "start_positions: expected a kept position, got [1, 1]");
    assert_message(
        spans(Some(vector(&[0, 0])), Some(vector(&[0, 3]))),
        "end_positions: expected a kept position, got [1, 3]",
    );
    assert_message(both(&[0, 1, 2]), "start_positions: expected shape [B] = [2], got [3]");
    assert_message(
        spans(Some(vector(&[0, 0])), Some(floats(&[2], 0.0))),
        "end_positions: expected integers (int64), got float32",
    );
}

#[test]
fn multiple_choice_labels_are_choices() {
    assert_eq!(targets(labelled(Task::Choices, &vector(&[1]))), ("classes", vec![1.0]));
    assert_out_of_range(labelled(Task::Choices, &vector(&[2])), 2, &[0], 2);
    assert_message(labelled(Task::Choices, &vector(&[0, 1])), "labels: expected shape [B] = [1], got [2]");
    assert_message(labelled(Task::Choices, &floats(&[1], 0.0)), "labels: expected integers (int64), got float32");
}

#[test]
fn choices_and_rows_are_distinguished_by_rank() {
    let cube = Tensor::ones([2, 3, 4], (Kind::Int64, Device::Cpu));
    let new = |task, ids: Option<&Tensor>, embeddings: Option<&Tensor>| {
        Inputs::new(Arguments::from_tensors(ids, None, None, None, embeddings)?, &limits(task))
    };
    let choices = new(Task::Choices, Some(&cube), None).unwrap().layout;
    assert_eq!((choices.rows(), choices.choices(), choices.columns()), (6, 3, 4));
    assert_message(
        new(Task::Choices, Some(&cube.get(0)), None),
        "input_ids: expected shape [B, C, S]: C choices for each question, got [3, 4]",
    );
    assert_message(new(CLASSES, Some(&cube), None), "input_ids: expected shape [B, S], got [2, 3, 4]");
    let vectors = waves(&[2, 3, 4, 12], 0.0);
    assert_eq!(new(Task::Choices, None, Some(&vectors)).unwrap().layout.choices(), 3);
    for (task, embeddings) in [(Task::Choices, vectors.get(0)), (CLASSES, vectors)] {
        let error = new(task, None, Some(&embeddings)).unwrap_err();
        assert!(matches!(&error, Error::Shape { what, .. } if what == "inputs_embeds"), "{error:?}");
    }
    // Choices of different lengths need no padding, but all questions have the same number of choices.
    let rows = || Rows::ragged(&[vec![1; 4], vec![1], vec![1; 2], vec![1; 3]]);
    let uneven = rows().in_choices("input_ids", 2).unwrap();
    let arguments = Arguments { input_ids: Some(uneven), ..Arguments::default() };
    let layout = Inputs::new(arguments, &limits(Task::Choices)).unwrap().layout;
    assert_eq!((layout.rows(), layout.choices(), layout.tokens()), (4, 2, 10));
    for choices in [0, 3, 5] {
        assert_eq!(
            rows().in_choices("input_ids", choices).unwrap_err().to_string(),
            format!(
                "input_ids: expected shape the same number of choices for every question, got 4 rows in choices of {choices}"
            )
        );
    }
    assert_eq!(Rows::from_tensor("input_ids", &cube).unwrap().choices(), Some(3));
    // The mask of choices has their shape.
    let mask = Tensor::ones([5, 4], (Kind::Int64, Device::Cpu));
    let masked = Arguments::from_tensors(Some(&cube), Some(&mask), None, None, None).unwrap();
    assert!(
        matches!(Inputs::new(masked, &limits(Task::Choices)), Err(Error::Shape { what, .. }) if what == "attention_mask")
    );
}
