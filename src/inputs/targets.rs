//! What a model is trained towards: labels as they came -> [`Targets`], checked and packed.

use tch::{Device, Kind, Tensor};

use super::{Given, Layout, Rows, gather};
use crate::config::ProblemType;
use crate::error::{Error, Result};

/// The class of a token or text that takes no part in the loss.
pub const IGNORED: i64 = -100;

/// Labels as they came: a tensor of any shape, or rows of different lengths.
#[derive(Debug)]
pub enum Labels {
    /// Any shape and dtype, on any device.
    Tensor(Tensor),
    /// A label for every token of ragged rows.
    Rows(Rows),
}

/// What the labels of a model are, by its head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// There are none.
    Encoding,
    /// `labels` `[B, S]`: a class below `classes` for every token, or -100.
    TokenClasses {
        /// L, or V of a masked LM.
        classes: i64,
    },
    /// `labels` `[B, S]`: 1 where a token was replaced.
    ReplacedTokens,
    /// `labels` `[B]` or `[B, L]`: what they mean is the configuration's `problem_type`, or is told by what they are.
    Texts {
        /// L.
        labels: i64,
        /// What they mean.
        problem_type: Option<ProblemType>,
    },
    /// `start_positions` and `end_positions` `[B]`: columns.
    Spans,
    /// `labels` `[B]`: which of C choices. Its inputs have one dimension more, `[B, C, S]`.
    Choices,
}

/// Checked, packed, on the model's device.
#[derive(Debug)]
pub enum Targets {
    /// A class each, int64, [`IGNORED`] where it does not count: `[T]`, `[B]`.
    Classes(Tensor),
    /// Between 0 and 1, float32: `[T]`, `[B, L]`.
    Flags(Tensor),
    /// Any numbers, float32, `[B, L]`.
    Numbers(Tensor),
    /// The column of the first and of the last token of each answer, int64 `[B]`; [`IGNORED`] where it lies outside.
    Spans {
        /// Of the first.
        start: Tensor,
        /// Of the last.
        end: Tensor,
    },
}

impl Targets {
    /// What the labels of a text classifier turned out to be; none of spans.
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

/// The arguments that a loss is made from.
#[derive(Debug, Default)]
pub struct GivenTargets {
    /// By [`Task`].
    pub labels: Option<Labels>,
    /// The column of the first token of each answer.
    pub start_positions: Option<Tensor>,
    /// The column of the last token of each answer.
    pub end_positions: Option<Tensor>,
}

impl GivenTargets {
    /// Checks what came against what the model takes, and packs it; none where nothing came.
    pub(super) fn check(self, task: Task, layout: &Layout, given: Given, device: Device) -> Result<Option<Targets>> {
        let Self { labels, start_positions, end_positions } = self;
        let is_given = [labels.is_some(), start_positions.is_some() || end_positions.is_some()];
        match (task, is_given) {
            (_, [false, false]) => return Ok(None),
            (Task::Encoding, [given, _]) => {
                let what = if given { "labels" } else { "start_positions and end_positions" };
                return Err(Error::input(what, "this model has no head, and takes none"));
            }
            (Task::Spans, [true, _]) => {
                return Err(Error::input("labels", "this model takes start_positions and end_positions instead"));
            }
            (Task::Spans, _) | (_, [_, false]) => {}
            (_, [_, true]) => {
                return Err(Error::input("start_positions and end_positions", "this model takes labels instead"));
            }
        }
        let on_device = |tensor: Tensor| -> Result<Tensor> { Ok(tensor.f_to_device(device)?) };
        if let Some(labels) = labels {
            return Ok(Some(match task {
                Task::TokenClasses { classes } => {
                    let rows = labels.rows(given)?;
                    Targets::Classes(on_device(Tensor::f_from_slice(&gather(
                        "labels", &rows, layout, classes, true,
                    )?)?)?)
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
                Task::Encoding | Task::Spans => {
                    return Err(Error::Internal { message: "labels were let through".into() });
                }
                Task::Choices => {
                    let choices = layout.choices();
                    Targets::Classes(on_device(classes(&labels.tensor()?, layout.rows() / choices, choices)?)?)
                }
            }));
        }
        let (Some(start), Some(end)) = (start_positions, end_positions) else {
            return Err(Error::input("start_positions and end_positions", "expected both or neither, got one"));
        };
        Ok(Some(Targets::Spans {
            start: on_device(span("start_positions", &start, layout)?)?,
            end: on_device(span("end_positions", &end, layout)?)?,
        }))
    }
}

impl Labels {
    /// A label for every token.
    fn rows(self, given: Given) -> Result<Rows> {
        let rows = match self {
            Self::Tensor(tensor) => {
                let tokens: usize = given.lengths.iter().sum();
                if tensor.numel() > tokens {
                    // Before they are copied: a tensor may claim any number of elements without having them.
                    let (expected, got) = (format!("[B, S] = {}", given.shape()), format!("{:?}", tensor.size()));
                    return Err(Error::Shape { what: "labels".into(), expected, got });
                }
                Rows::from_tensor("labels", &tensor)?
            }
            Self::Rows(rows) => rows,
        };
        given.check("labels", &rows, false)?;
        Ok(rows)
    }

    /// On the host, where values can be looked at.
    fn tensor(self) -> Result<Tensor> {
        match self {
            Self::Tensor(tensor) => Ok(tensor.f_detach()?.f_to_device(Device::Cpu)?),
            Self::Rows(rows) => rows.to_tensor("labels"),
        }
    }
}

/// `[T]` float32, 1 where a token was replaced.
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

/// Labels of texts, by what the configuration says that they are, or else, as in transformers, by what they look like.
fn texts(labels: &Tensor, rows: i64, count: i64, problem_type: Option<ProblemType>) -> Result<Targets> {
    let kind = labels.f_kind()?;
    if !(labels.is_floating_point() || is_integer(kind) || kind == Kind::Bool) {
        let got = format!("{kind:?}").to_lowercase();
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
        ProblemType::Regression => Ok(Targets::Numbers(numbers("[B] or, of L labels, [B, L] for regression")?)),
    }
}

/// `[B]` or `[B, 1]` integers below `limit`, or [`IGNORED`] -> `[B]` int64.
fn classes(labels: &Tensor, rows: i64, limit: i64) -> Result<Tensor> {
    let values = integers("labels", labels, rows)?;
    for (row, &value) in values.iter().enumerate() {
        if value != IGNORED && !(0..limit).contains(&value) {
            return Err(Error::OutOfRange { what: "labels".into(), value, position: vec![row], limit });
        }
    }
    Ok(Tensor::f_from_slice(&values)?)
}

/// Columns `[B]` or `[B, 1]` -> `[B]` int64. As in transformers, one before the first column is the first, and one past
/// the last does not count.
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

/// The integers of `[B]` or `[B, 1]`.
fn integers(what: &str, tensor: &Tensor, rows: i64) -> Result<Vec<i64>> {
    let kind = tensor.f_kind()?;
    if !is_integer(kind) {
        let got = format!("{kind:?}").to_lowercase();
        return Err(Error::Dtype { what: what.into(), expected: "an integer (int64)".into(), got });
    }
    expect_shape(what, tensor, "[B]", &[&[rows], &[rows, 1]])?;
    Ok(Vec::try_from(tensor.f_detach()?.f_to_device(Device::Cpu)?.f_to_kind(Kind::Int64)?.f_view([-1])?)?)
}

fn is_integer(kind: Kind) -> bool {
    matches!(kind, Kind::Uint8 | Kind::Int8 | Kind::Int16 | Kind::Int | Kind::Int64)
}

fn expect_flags(flags: Tensor) -> Result<Tensor> {
    let inside = flags.f_ge(0.0)?.f_logical_and(&flags.f_le(1.0)?)?;
    if inside.f_all()?.f_int64_value(&[])? == 0 {
        return Err(Error::input("labels", "expected numbers from 0 to 1, got others"));
    }
    Ok(flags)
}

fn expect_shape(what: &str, tensor: &Tensor, expected: &str, shapes: &[&[i64]]) -> Result<()> {
    let got = tensor.size();
    if shapes.contains(&got.as_slice()) {
        return Ok(());
    }
    let shape = shapes.first().map(|shape| format!("{shape:?}")).unwrap_or_default();
    Err(Error::Shape { what: what.into(), expected: format!("{expected} = {shape}"), got: format!("{got:?}") })
}
