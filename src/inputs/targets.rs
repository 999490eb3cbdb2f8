//! Training targets: labels as a caller gives them -> [`Targets`], checked and packed.

use tch::{Device, Kind, Tensor};

use super::{Given, Layout, Rows, gather};
use crate::config::ProblemType;
use crate::error::{Error, Result};
use crate::nn::precision;

/// The class of a token or text that the loss ignores.
pub const IGNORED: i64 = -100;

/// transformers' names of the labels of question answering.
const SPANS: &str = "start_positions and end_positions";

/// Labels as a caller gives them: the targets from which a model computes its loss.
///
/// The model's [`Task`] says which labels it takes. Vectors and tensors convert into labels:
///
/// | Rust type | labels |
/// |---|---|
/// | `Vec<i64>`, `[i64; N]`, `&[i64]` | the class of each text, or the right choice of each question |
/// | `Vec<Vec<i64>>`, `&[Vec<i64>]` | the class of every token, [`IGNORED`] for none, in rows as long as the texts |
/// | `Tensor`, `&Tensor` | labels of any task but spans, numbers and flags among them |
/// | `(Tensor, Tensor)` | the columns of the first and the last token of each answer |
///
/// ```
/// use oxbert::inputs::Labels;
/// let (classes, rows) = (Labels::from([1, 0]), Labels::from(vec![vec![0, 2, 0], vec![0, 0]]));
/// assert!(matches!((classes, rows), (Labels::Classes(_), Labels::Rows(_))));
/// ```
#[derive(Debug)]
pub enum Labels {
    /// A tensor of any shape and dtype, on any device.
    Tensor(Tensor),
    /// One label for each text or question.
    Classes(Vec<i64>),
    /// One label for every token of ragged rows.
    Rows(Rows),
    /// The places of answers, integers `[B]`, on any device.
    Spans {
        /// The column of the first token of each answer.
        start: Tensor,
        /// The column of the last token of each answer.
        end: Tensor,
        /// Whether each question has no answer: 1 or 0, for a model that predicts it.
        is_impossible: Option<Tensor>,
    },
}

impl From<Tensor> for Labels {
    fn from(labels: Tensor) -> Self {
        Self::Tensor(labels)
    }
}

impl From<&Tensor> for Labels {
    fn from(labels: &Tensor) -> Self {
        Self::Tensor(labels.shallow_clone())
    }
}

impl From<(Tensor, Tensor)> for Labels {
    fn from((start, end): (Tensor, Tensor)) -> Self {
        Self::Spans { start, end, is_impossible: None }
    }
}

impl From<Vec<i64>> for Labels {
    fn from(classes: Vec<i64>) -> Self {
        Self::Classes(classes)
    }
}

impl From<&[i64]> for Labels {
    fn from(classes: &[i64]) -> Self {
        Self::Classes(classes.to_vec())
    }
}

impl<const B: usize> From<[i64; B]> for Labels {
    fn from(classes: [i64; B]) -> Self {
        Self::Classes(classes.to_vec())
    }
}

impl From<Rows> for Labels {
    fn from(rows: Rows) -> Self {
        Self::Rows(rows)
    }
}

impl From<&[Vec<i64>]> for Labels {
    fn from(rows: &[Vec<i64>]) -> Self {
        Self::Rows(Rows::ragged(rows))
    }
}

impl From<Vec<Vec<i64>>> for Labels {
    fn from(rows: Vec<Vec<i64>>) -> Self {
        Self::from(rows.as_slice())
    }
}

/// The kind of labels that a model takes, by its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// No labels.
    Encoding,
    /// `labels` `[B, S]`: a class below `classes`, or [`IGNORED`], for every token.
    TokenClasses {
        /// L, or V for a masked LM.
        classes: i64,
    },
    /// `labels` `[B, S]`: 1 for a token that was replaced, 0 otherwise.
    ReplacedTokens,
    /// `labels` `[B]` or `[B, L]`, with the meaning of the configuration's `problem_type`. Without one, L and the dtype
    /// of the labels decide, as in transformers.
    Texts {
        /// L.
        labels: i64,
        /// The meaning of the labels, if the configuration gives one.
        problem_type: Option<ProblemType>,
    },
    /// `start_positions` and `end_positions` `[B]`: the columns of the first and last token of each answer.
    Spans {
        /// Whether the model also takes `is_impossible` `[B]`: 1 for a question without an answer, 0 otherwise.
        answerability: bool,
    },
    /// `labels` `[B]`: the number of one of C choices. The inputs have one dimension more, `[B, C, S]`.
    Choices,
}

/// Checked and packed targets on the model's device.
#[derive(Debug)]
pub enum Targets {
    /// Classes, int64, `[T]` for tokens or `[B]` for texts; [`IGNORED`] if the loss ignores the token or text.
    Classes(Tensor),
    /// Numbers from 0 to 1, float32, `[T]` for tokens or `[B, L]` for texts.
    Flags(Tensor),
    /// Numbers of any size, float32, `[B, L]`.
    Numbers(Tensor),
    /// The columns of the first and last token of each answer, int64 `[B]`; [`IGNORED`] if a column is outside the row.
    Spans {
        /// The columns of the first tokens.
        start: Tensor,
        /// The columns of the last tokens.
        end: Tensor,
        /// 1 for a question without an answer, 0 otherwise, float32 `[B]`.
        is_impossible: Option<Tensor>,
    },
}

impl Targets {
    /// Return the problem type that the labels of a text classifier have. `None` for spans.
    #[must_use]
    pub fn problem_type(&self) -> Option<ProblemType> {
        match self {
            Self::Classes(_) => Some(ProblemType::SingleLabel),
            Self::Flags(_) => Some(ProblemType::MultiLabel),
            Self::Numbers(_) => Some(ProblemType::Regression),
            Self::Spans { .. } => None,
        }
    }
}

impl Labels {
    /// Build labels from transformers' arguments: `labels`, or `start_positions` and `end_positions`, with which
    /// `is_impossible` may be given. None if none of them is given.
    ///
    /// # Errors
    /// [`Error::Input`] if only one of the positions is given, labels beside them, or `is_impossible` without them.
    pub fn from_arguments(
        labels: Option<Self>,
        start_positions: Option<Tensor>,
        end_positions: Option<Tensor>,
        is_impossible: Option<Tensor>,
    ) -> Result<Option<Self>> {
        match (labels, start_positions, end_positions) {
            (_, None, None) if is_impossible.is_some() => {
                Err(Error::input("is_impossible", format!("expected {SPANS} beside it, got none")))
            }
            (labels, None, None) => Ok(labels),
            (None, Some(start), Some(end)) => Ok(Some(Self::Spans { start, end, is_impossible })),
            (None, ..) => Err(Error::input(SPANS, "expected both or neither, got one")),
            (Some(_), ..) => Err(Error::input(SPANS, "expected none beside labels")),
        }
    }

    /// Check the labels against the model's task, and pack them.
    pub(super) fn check(self, task: Task, layout: &Layout, given: Given, device: Device) -> Result<Targets> {
        let on_device = |tensor: Tensor| -> Result<Tensor> { Ok(tensor.f_to_device(device)?) };
        let labels = match (task, self) {
            (Task::Spans { answerability: false }, Self::Spans { is_impossible: Some(_), .. }) => {
                return Err(Error::input("is_impossible", "this model does not predict whether there is an answer"));
            }
            (Task::Spans { .. }, Self::Spans { start, end, is_impossible }) => {
                return Ok(Targets::Spans {
                    start: on_device(span("start_positions", &start, layout)?)?,
                    end: on_device(span("end_positions", &end, layout)?)?,
                    is_impossible: is_impossible.map(|it| on_device(answerability(&it, layout)?)).transpose()?,
                });
            }
            (Task::Encoding, labels) => {
                let what = if matches!(labels, Self::Spans { .. }) { SPANS } else { "labels" };
                return Err(Error::input(what, "this model has no head and takes no targets"));
            }
            (Task::Spans { .. }, _) => return Err(Error::input("labels", format!("this model takes {SPANS} instead"))),
            (_, Self::Spans { .. }) => return Err(Error::input(SPANS, "this model takes labels instead")),
            (_, labels) => labels,
        };
        Ok(match task {
            Task::TokenClasses { classes } => {
                let rows = labels.rows(given)?;
                let packed = gather("labels", &rows, layout, classes, true)?;
                Targets::Classes(on_device(Tensor::f_from_slice(&packed)?)?)
            }
            Task::ReplacedTokens => Targets::Flags(replaced(labels, layout, given, device)?),
            Task::Texts { labels: count, problem_type } => {
                match texts(&labels.tensor()?, layout.rows(), count, problem_type)? {
                    Targets::Flags(flags) => Targets::Flags(on_device(flags)?),
                    Targets::Numbers(numbers) => Targets::Numbers(on_device(numbers)?),
                    Targets::Classes(classes) => Targets::Classes(on_device(classes)?),
                    spans @ Targets::Spans { .. } => spans,
                }
            }
            Task::Choices => {
                let choices = layout.choices();
                Targets::Classes(on_device(classes(&labels.tensor()?, layout.rows() / choices, choices)?)?)
            }
            Task::Encoding | Task::Spans { .. } => {
                return Err(Error::Internal { message: "labels were let through".into() });
            }
        })
    }

    /// Return one label for every token, in rows.
    fn rows(self, given: Given) -> Result<Rows> {
        let refuse = |got: String| {
            let expected = format!("[B, S] = {}", given.shape());
            Err(Error::Shape { what: "labels".into(), expected, got })
        };
        let rows = match self {
            Self::Tensor(tensor) => {
                let tokens: usize = given.lengths.iter().sum();
                if tensor.numel() > tokens {
                    // Checked before copying: a tensor may claim any number of elements without having the memory.
                    return refuse(format!("{:?}", tensor.size()));
                }
                Rows::from_tensor("labels", &tensor)?
            }
            Self::Rows(rows) => rows,
            Self::Classes(classes) => return refuse(format!("[{}]", classes.len())),
            Self::Spans { .. } => return Err(Error::Internal { message: "spans were let through".into() }),
        };
        given.check("labels", &rows, false)?;
        Ok(rows)
    }

    /// Return the labels as a tensor on the host, where values can be checked.
    fn tensor(self) -> Result<Tensor> {
        match self {
            Self::Tensor(tensor) => Ok(tensor.f_detach()?.f_to_device(Device::Cpu)?),
            Self::Classes(classes) => Ok(Tensor::f_from_slice(&classes)?),
            Self::Rows(rows) => rows.to_tensor("labels"),
            Self::Spans { .. } => Err(Error::Internal { message: "spans were let through".into() }),
        }
    }
}

/// Check and pack the labels of a discriminator: `[T]` float32, 1 for a token that was replaced.
fn replaced(labels: Labels, layout: &Layout, given: Given, device: Device) -> Result<Tensor> {
    if let Labels::Tensor(tensor) = &labels
        && (tensor.is_floating_point() || tensor.f_kind()? == Kind::Bool)
    {
        expect_shape("labels", tensor, "[B, S]", &[&[layout.rows(), layout.columns()]])?;
        return expect_flags(layout.pack(&tensor.f_detach()?.f_to_device(device)?.f_to_kind(Kind::Float)?)?);
    }
    let rows = labels.rows(given)?;
    let flags = Tensor::f_from_slice(&gather("labels", &rows, layout, 2, false)?)?;
    Ok(flags.f_to_device(device)?.f_to_kind(Kind::Float)?)
}

/// Check the labels of texts. Their meaning is `problem_type`, or otherwise, as in transformers, depends on `count` and
/// the dtype of the labels.
fn texts(labels: &Tensor, rows: i64, count: i64, problem_type: Option<ProblemType>) -> Result<Targets> {
    let kind = labels.f_kind()?;
    if !(labels.is_floating_point() || is_integer(kind) || kind == Kind::Bool) {
        let got = precision::describe_kind(kind).into();
        return Err(Error::Dtype { what: "labels".into(), expected: "integers or floats".into(), got });
    }
    let is_class = is_integer(kind);
    let inferred = match (count, is_class) {
        (1, _) => ProblemType::Regression,
        (_, true) => ProblemType::SingleLabel,
        (_, false) => ProblemType::MultiLabel,
    };
    let numbers = |expected: &str| -> Result<Tensor> {
        let shapes: &[&[i64]] = if count == 1 { &[&[rows], &[rows, 1]] } else { &[&[rows, count]] };
        expect_shape("labels", labels, expected, shapes)?;
        Ok(labels.f_to_kind(Kind::Float)?.f_view([rows, count])?)
    };
    match problem_type.unwrap_or(inferred) {
        ProblemType::SingleLabel => Ok(Targets::Classes(classes(labels, rows, count)?)),
        ProblemType::MultiLabel => {
            Ok(Targets::Flags(expect_flags(numbers("[B, L] floats for multi_label_classification")?)?))
        }
        ProblemType::Regression => Ok(Targets::Numbers(numbers("[B], or [B, L] with L labels, for regression")?)),
    }
}

/// Check classes, integers `[B]` or `[B, 1]` below `limit` or [`IGNORED`], and return them as `[B]` int64.
fn classes(labels: &Tensor, rows: i64, limit: i64) -> Result<Tensor> {
    let values = integers("labels", labels, rows)?;
    for (row, &value) in values.iter().enumerate() {
        if value != IGNORED && !(0..limit).contains(&value) {
            return Err(Error::OutOfRange { what: "labels".into(), value, position: vec![row], limit });
        }
    }
    Ok(Tensor::f_from_slice(&values)?)
}

/// Check columns, integers `[B]` or `[B, 1]`, and return them as `[B]` int64. As in transformers, a column before the
/// first counts as the first, and one behind the last is ignored.
fn span(what: &str, columns: &Tensor, layout: &Layout) -> Result<Tensor> {
    let mut values = integers(what, columns, layout.rows())?;
    for (row, value) in values.iter_mut().enumerate() {
        let column = (*value).clamp(0, layout.columns());
        if column < layout.columns() && layout.place(row, column as usize).is_none() {
            return Err(Error::input(what, format!("expected a kept position, got [{row}, {column}]")));
        }
        *value = if column == layout.columns() { IGNORED } else { column };
    }
    Ok(Tensor::f_from_slice(&values)?)
}

/// Check flags `[B]` or `[B, 1]`, 1 for a question without an answer, and return them as `[B]` float32.
fn answerability(flags: &Tensor, layout: &Layout) -> Result<Tensor> {
    const WHAT: &str = "is_impossible";
    let rows = layout.rows();
    let kind = flags.f_kind()?;
    if !(flags.is_floating_point() || is_integer(kind) || kind == Kind::Bool) {
        let got = precision::describe_kind(kind).into();
        return Err(Error::Dtype { what: WHAT.into(), expected: "booleans, integers or floats".into(), got });
    }
    expect_shape(WHAT, flags, "[B]", &[&[rows], &[rows, 1]])?;
    let flags = flags.f_detach()?.f_to_device(Device::Cpu)?.f_to_kind(Kind::Float)?.f_view([-1])?;
    let is_flag = flags.f_eq(0.0)?.f_logical_or(&flags.f_eq(1.0)?)?;
    if is_flag.f_all()?.f_int64_value(&[])? == 0 {
        return Err(Error::input(WHAT, "expected 0 or 1 for each question, got another number"));
    }
    Ok(flags)
}

/// Return the integers of a tensor `[B]` or `[B, 1]`.
fn integers(what: &str, tensor: &Tensor, rows: i64) -> Result<Vec<i64>> {
    let kind = tensor.f_kind()?;
    if !is_integer(kind) {
        let got = precision::describe_kind(kind).into();
        return Err(Error::Dtype { what: what.into(), expected: "integers (int64)".into(), got });
    }
    expect_shape(what, tensor, "[B]", &[&[rows], &[rows, 1]])?;
    Ok(Vec::try_from(tensor.f_detach()?.f_to_device(Device::Cpu)?.f_to_kind(Kind::Int64)?.f_view([-1])?)?)
}

fn is_integer(kind: Kind) -> bool {
    matches!(kind, Kind::Uint8 | Kind::Int8 | Kind::Int16 | Kind::Int | Kind::Int64)
}

/// Refuse numbers outside 0 to 1.
fn expect_flags(flags: Tensor) -> Result<Tensor> {
    let inside = flags.f_ge(0.0)?.f_logical_and(&flags.f_le(1.0)?)?;
    if inside.f_all()?.f_int64_value(&[])? == 0 {
        return Err(Error::input("labels", "expected numbers from 0 to 1, got numbers outside"));
    }
    Ok(flags)
}

/// Refuse a tensor whose shape is not one of `shapes`. The first of them is named in the error.
fn expect_shape(what: &str, tensor: &Tensor, expected: &str, shapes: &[&[i64]]) -> Result<()> {
    let got = tensor.size();
    if shapes.contains(&got.as_slice()) {
        return Ok(());
    }
    let shape = shapes.first().map(|shape| format!("{shape:?}")).unwrap_or_default();
    Err(Error::Shape { what: what.into(), expected: format!("{expected} = {shape}"), got: format!("{got:?}") })
}
