//! Batch or arrays -> checked tensors and their [`Layout`]. Every bad input of a model is refused here.
//!
//! In: a [`Batch`] of texts, tensors `[B, S]`, or rows of ids. Out: [`Inputs`], packed to `[T]`, with every rank,
//! shape, dtype, id and position checked, so [`crate::encoder`] does not check them again.
//!
//! The arguments, for every model:
//!
//! | argument | shape, dtype | meaning | default |
//! |---|---|---|---|
//! | `input_ids` | `[B, S]` integer | ids below V | none: give `inputs_embeds` instead |
//! | `attention_mask` | `[B, S]` 0 or 1 | 1 = keep, 0 = padding | 1 |
//! | `token_type_ids` | `[B, S]` or `[1, S]` integer | the index of the text in a pair (DistilBERT ignores it) | 0 |
//! | `position_ids` | `[B, S]` or `[1, S]` integer | positions below `max_position_embeddings` | 0, 1, 2, ... by column |
//! | `inputs_embeds` | `[B, S, E]` float32 | vectors in place of word embeddings | none: give `input_ids` instead |
//! | `labels`, `start_positions`, `end_positions` | by [`Task`] | the targets of the loss | no loss |
//!
//! Values at padded positions are never read, labels included. Multiple choice takes `[B, C, S]`, C choices for each of
//! B questions.

mod rows;
mod targets;

use std::sync::Arc;

use tch::{Device, Kind, Tensor};

pub use rows::Rows;
use rows::shape_of;
pub use targets::{IGNORED, Labels, Targets, Task};

use crate::error::{Error, Result};
use crate::interrupt;
pub use crate::nn::{Group, Layout, Pooling};
use crate::nn::{Noise, precision};
use crate::text::Batch;

/// The limits of a model's inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// V: ids are below V.
    pub vocab_size: i64,
    /// Positions are below this limit.
    pub max_position_embeddings: i64,
    /// Token types are below this limit; 0 if the model ignores token types.
    pub type_vocab_size: i64,
    /// E, the width of `inputs_embeds`.
    pub embedding_size: i64,
    /// The model's device.
    pub device: Device,
    /// The dtype of the model's embeddings: float32 unless torch converted them.
    pub kind: Kind,
    /// The task, which determines the kind and shape of the labels.
    pub task: Task,
}

/// The arguments of a model's forward pass, not checked yet. See the [module](self) for their meaning.
#[derive(Debug, Default)]
pub struct Arguments {
    /// Token ids.
    pub input_ids: Option<Rows>,
    /// 1 = keep, 0 = padding.
    pub attention_mask: Option<Rows>,
    /// Token types.
    pub token_type_ids: Option<Rows>,
    /// Positions.
    pub position_ids: Option<Rows>,
    /// `[B, S, E]`.
    pub inputs_embeds: Option<Tensor>,
    /// The labels from which the loss is computed; without them there is no loss.
    pub labels: Option<Labels>,
}

impl Arguments {
    /// Build the arguments from tensors `[B, S]` (`input_embeds`: `[B, S, E]`), in the order of rust_bert's
    /// `forward_t`.
    ///
    /// # Errors
    /// [`Error::Shape`] and [`Error::Dtype`], naming the argument.
    pub fn from_tensors(
        input_ids: Option<&Tensor>,
        mask: Option<&Tensor>,
        token_type_ids: Option<&Tensor>,
        position_ids: Option<&Tensor>,
        input_embeds: Option<&Tensor>,
    ) -> Result<Self> {
        let rows = |what, tensor: Option<&Tensor>| tensor.map(|tensor| Rows::from_tensor(what, tensor)).transpose();
        Ok(Self {
            input_ids: rows("input_ids", input_ids)?,
            attention_mask: mask.map(|mask| Rows::from_mask_tensor("attention_mask", mask)).transpose()?,
            token_type_ids: rows("token_type_ids", token_type_ids)?,
            position_ids: rows("position_ids", position_ids)?,
            inputs_embeds: input_embeds.map(Tensor::f_alias).transpose()?,
            labels: None,
        })
    }

    /// Build the arguments from tokenised texts.
    #[must_use]
    pub fn from_batch(batch: &Batch) -> Self {
        Self {
            input_ids: Some(Rows::ragged(&batch.ids)),
            token_type_ids: Some(Rows::ragged(&batch.type_ids)),
            ..Self::default()
        }
    }

    /// Add the labels from which the loss is computed.
    #[must_use]
    pub fn with_labels(self, labels: impl Into<Labels>) -> Self {
        Self { labels: Some(labels.into()), ..self }
    }

    /// Group the rows as C = `choices` choices for each question, for multiple choice. Tensors are grouped by their shape
    /// `[B, C, S]` instead.
    ///
    /// # Errors
    /// [`Error::Shape`] if the number of rows is not a multiple of `choices`, or `choices` is 0.
    pub fn in_choices(self, choices: usize) -> Result<Self> {
        let group = |what, rows: Option<Rows>| rows.map(|rows| rows.in_choices(what, choices)).transpose();
        Ok(Self {
            input_ids: group("input_ids", self.input_ids)?,
            attention_mask: group("attention_mask", self.attention_mask)?,
            token_type_ids: group("token_type_ids", self.token_type_ids)?,
            position_ids: group("position_ids", self.position_ids)?,
            ..self
        })
    }
}

impl From<&Batch> for Arguments {
    fn from(batch: &Batch) -> Self {
        Self::from_batch(batch)
    }
}

impl From<Batch> for Arguments {
    fn from(batch: Batch) -> Self {
        Self::from_batch(&batch)
    }
}

/// The tokens, as ids or as vectors.
#[derive(Debug)]
pub enum Tokens {
    /// Ids, `[T]` int64.
    Ids(Tensor),
    /// Vectors in place of word embeddings, `[T, E]` float32.
    Embeddings(Tensor),
}

/// Checked and packed inputs of an encoder.
#[derive(Debug)]
pub struct Inputs {
    /// The tokens, packed.
    pub tokens: Tokens,
    /// Token types, `[T]` int64. None means 0 everywhere.
    pub token_type_ids: Option<Tensor>,
    /// Positions, `[T]` int64.
    pub position_ids: Tensor,
    /// The places of the tokens in the batch.
    pub layout: Arc<Layout>,
    /// The targets of the loss, if labels were given.
    pub targets: Option<Targets>,
}

impl Inputs {
    /// Check the arguments, or a [`Batch`] of texts, and pack them.
    ///
    /// # Errors
    /// [`Error::Input`] unless exactly one of `input_ids` and `inputs_embeds` is given, if there is no row or a row has
    /// no token, or if the mask has values other than 0 and 1; [`Error::Shape`], [`Error::Dtype`],
    /// [`Error::OutOfRange`] and [`Error::TooLong`], with the argument and the place.
    pub fn new(arguments: impl Into<Arguments>, limits: &Limits) -> Result<Self> {
        let Arguments { input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds, labels } =
            arguments.into();
        let inputs_embeds = inputs_embeds.map(|embeddings| Embeds::new(embeddings, limits)).transpose()?;
        let lengths = match (&input_ids, &inputs_embeds) {
            (Some(ids), None) => ids.lengths().collect::<Vec<_>>(),
            (None, Some(embeddings)) => embeddings.lengths(),
            (given, _) => {
                let got = if given.is_some() { "both" } else { "neither" };
                let reason = format!("expected exactly one of the two, got {got}");
                return Err(Error::input("input_ids and inputs_embeds", reason));
            }
        };
        let what = if input_ids.is_some() { "input_ids" } else { "inputs_embeds" };
        let choices = match (&input_ids, &inputs_embeds) {
            (Some(ids), _) => ids.choices(),
            (None, embeddings) => embeddings.as_ref().and_then(|embeddings| embeddings.choices),
        };
        let shape = || match (&input_ids, &inputs_embeds) {
            (Some(ids), _) => ids.shape(),
            (None, embeddings) => embeddings.as_ref().map(|embeddings| embeddings.shape.clone()).unwrap_or_default(),
        };
        check_choices(what, shape, choices, limits)?;
        if lengths.is_empty() {
            return Err(Error::input(what, "expected at least one row, got none"));
        }
        if let Some(row) = lengths.iter().position(|&length| length == 0) {
            return Err(Error::input(what, format!("expected at least one token in every row, got none in row {row}")));
        }
        let columns = lengths.iter().copied().max().unwrap_or(0);
        let given = Given { lengths: &lengths, choices };
        if position_ids.is_none() && attention_mask.is_none() {
            // Before anything is made of the rows: a view may claim any length.
            check_lengths(what, lengths.iter().copied(), limits)?;
        }
        let kept = kept_columns(attention_mask.as_ref(), given)?;
        if position_ids.is_none() {
            // Tokens that the mask drops may stand behind it.
            let end = |kept: &Vec<i64>| kept.last().map_or(0, |&last| last as usize + 1);
            check_lengths(what, kept.iter().map(end), limits)?;
        }
        let layout = Layout::new(kept, columns, choices.unwrap_or(1), limits.device)?;
        let pack = |what: &str, rows: &Rows, limit: i64, broadcast: bool| -> Result<Tensor> {
            given.check(what, rows, broadcast)?;
            Ok(Tensor::f_from_slice(&gather(what, rows, &layout, limit, false)?)?.f_to_device(limits.device)?)
        };
        let tokens = match (&input_ids, &inputs_embeds) {
            (Some(ids), _) => Tokens::Ids(pack("input_ids", ids, limits.vocab_size, false)?),
            (None, embeddings) => {
                let embeddings =
                    embeddings.as_ref().ok_or_else(|| Error::input("inputs_embeds", "expected a tensor, got none"))?;
                Tokens::Embeddings(layout.pack(&embeddings.values)?)
            }
        };
        let token_type_ids = match &token_type_ids {
            // As in transformers: tokenizers return types for models without types too.
            Some(_) if limits.type_vocab_size == 0 => None,
            Some(types) => Some(pack("token_type_ids", types, limits.type_vocab_size, true)?),
            None => None,
        };
        let position_ids = if let Some(positions) = &position_ids {
            pack("position_ids", positions, limits.max_position_embeddings, true)?
        } else {
            let positions: Vec<i64> = layout.packed_rows().flat_map(|(_, kept)| kept.iter().copied()).collect();
            Tensor::f_from_slice(&positions)?.f_to_device(limits.device)?
        };
        let targets = labels.map(|labels| labels.check(limits.task, &layout, given, limits.device)).transpose()?;
        Ok(Self { tokens, token_type_ids, position_ids, layout: Arc::new(layout), targets })
    }

    /// Let dropout draw its random numbers from the rows' keys, one key per row of the batch.
    ///
    /// # Errors
    /// [`Error::Internal`] if a forward pass still uses the layout.
    pub(crate) fn set_noise(&mut self, noise: Noise) -> Result<()> {
        let message = "the layout of the inputs is in use".to_string();
        Arc::get_mut(&mut self.layout).ok_or(Error::Internal { message })?.set_noise(noise);
        Ok(())
    }
}

/// Checked `inputs_embeds`.
struct Embeds {
    /// `[B, S, E]`, or `[B · C, S, E]` for choices.
    values: Tensor,
    /// C, if the vectors are choices.
    choices: Option<usize>,
    /// The text of the shape as given, for errors.
    shape: String,
}

impl Embeds {
    /// Check `[B, S, E]`, or `[B, C, S, E]` for choices.
    fn new(embeddings: Tensor, limits: &Limits) -> Result<Self> {
        let shape = embeddings.size();
        if embeddings.f_kind()? != limits.kind && shape.len() > 2 {
            return Err(Error::Dtype {
                what: "inputs_embeds".into(),
                expected: if limits.kind == Kind::Float {
                    "float32".into()
                } else {
                    format!("{}, the model's dtype", precision::describe_kind(limits.kind))
                },
                got: precision::describe_kind(embeddings.kind()).into(),
            });
        }
        if let [rows, .., 0, _] = shape[..]
            && rows > 0
        {
            return Err(Error::input("inputs_embeds", "expected at least one token in every row, got none in row 0"));
        }
        let (values, choices) = match shape[..] {
            [_, _, width] if width == limits.embedding_size => (embeddings, None),
            [_, choices, _, width] if width == limits.embedding_size => {
                (embeddings.f_flatten(0, 1)?, Some(choices as usize))
            }
            _ => {
                return Err(Error::Shape {
                    what: "inputs_embeds".into(),
                    expected: format!("[B, S, E = {}]", limits.embedding_size),
                    got: format!("{shape:?}"),
                });
            }
        };
        // A view may claim any number of rows without having the memory. Rows are counted below, so they have to be real.
        let values = values.f_contiguous()?;
        if values.device() != limits.device {
            let reason = format!("expected the model's device {:?}, got {:?}", limits.device, values.device());
            return Err(Error::input("inputs_embeds", reason));
        }
        Ok(Self { values, choices, shape: format!("{shape:?}") })
    }

    /// Return the length of each row.
    fn lengths(&self) -> Vec<usize> {
        let shape = self.values.size();
        vec![shape[1] as usize; shape[0] as usize]
    }
}

/// Refuse choices unless the model takes choices, and plain rows if the model does.
fn check_choices(what: &str, shape: impl Fn() -> String, choices: Option<usize>, limits: &Limits) -> Result<()> {
    let expected = match (limits.task == Task::Choices, choices) {
        (true, None) => "[B, C, S]: C choices for each question",
        (false, Some(_)) => "[B, S]",
        _ => return Ok(()),
    };
    Err(Error::Shape { what: what.into(), expected: expected.into(), got: shape() })
}

/// Return the columns of each row that the mask keeps: all columns without a mask.
fn kept_columns(mask: Option<&Rows>, given: Given) -> Result<Vec<Vec<i64>>> {
    let Some(mask) = mask else {
        let all = |&length: &usize| interrupt::go_on().map(|()| (0..length as i64).collect());
        return given.lengths.iter().map(all).collect();
    };
    given.check("attention_mask", mask, false)?;
    (0..mask.count())
        .map(|row| {
            interrupt::go_on()?;
            let mut kept = Vec::new();
            for (column, &value) in mask.row(row).iter().enumerate() {
                match value {
                    1 => kept.push(column as i64),
                    0 => {}
                    other => {
                        let reason = format!("expected 0 (padding) or 1 (keep), got {other} at [{row}, {column}]");
                        return Err(Error::input("attention_mask", reason));
                    }
                }
            }
            Ok(kept)
        })
        .collect()
}

/// Refuse rows that end behind the last position of the model.
fn check_lengths(what: &str, ends: impl Iterator<Item = usize>, limits: &Limits) -> Result<()> {
    let maximum = limits.max_position_embeddings as usize;
    for (row, length) in ends.enumerate() {
        if length > maximum {
            return Err(Error::TooLong { what: what.into(), row, length, maximum });
        }
    }
    Ok(())
}

/// The lengths and choices of the rows of tokens, which the other arguments must match.
#[derive(Clone, Copy)]
struct Given<'a> {
    lengths: &'a [usize],
    choices: Option<usize>,
}

impl Given<'_> {
    /// Refuse `rows` unless their lengths match the tokens'. If `broadcast`, a single row may also match all rows.
    fn check(self, what: &str, rows: &Rows, broadcast: bool) -> Result<()> {
        let Self { lengths, choices } = self;
        let fits = rows.choices().is_none_or(|own| Some(own) == choices) && rows.lengths().eq(lengths.iter().copied());
        let fits_all = broadcast && rows.count() == 1 && lengths.iter().all(|&length| length == rows.longest());
        if fits || fits_all {
            return Ok(());
        }
        Err(Error::Shape { what: what.into(), expected: format!("[B, S] = {}", self.shape()), got: rows.shape() })
    }

    /// Describe the shape of the rows, as [`Rows::shape`] does.
    fn shape(self) -> String {
        shape_of(self.lengths, self.choices)
    }
}

/// Return the values at the kept positions, in packed order, each checked to be below `limit`. If `ignorable`, values
/// may be [`IGNORED`] too.
fn gather(what: &str, rows: &Rows, layout: &Layout, limit: i64, ignorable: bool) -> Result<Vec<i64>> {
    let source = |row: usize| rows.row(if rows.count() == 1 { 0 } else { row });
    // Check in the caller's order, so that the error names the first bad value of the batch.
    for row in 0..layout.rows() as usize {
        interrupt::go_on()?;
        for &column in layout.kept(row) {
            let value = source(row)[column as usize];
            if !((0..limit).contains(&value) || ignorable && value == IGNORED) {
                let position = vec![row, column as usize];
                return Err(Error::OutOfRange { what: what.into(), value, position, limit });
            }
        }
    }
    let mut values = Vec::new();
    for (row, kept) in layout.packed_rows() {
        interrupt::go_on()?;
        values.extend(kept.iter().map(|&column| source(row)[column as usize]));
    }
    Ok(values)
}
