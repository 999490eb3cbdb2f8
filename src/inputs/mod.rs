//! Batch or arrays -> checked tensors and their [`Layout`]: the one place that refuses a bad input of a model.
//!
//! In: a [`Batch`] of texts, tensors `[B, S]`, or rows of ids. Out: [`Inputs`], packed to `[T]`, whose every rank, shape,
//! dtype, id and position has been checked, so that what comes next ([`crate::encoder`]) need not look again.
//!
//! The arguments, for every model:
//!
//! | argument | shape, dtype | meaning | where it is absent |
//! |---|---|---|---|
//! | `input_ids` | `[B, S]` integer | ids below V | `inputs_embeds` must be given |
//! | `attention_mask` | `[B, S]` 0 or 1 | 1 = keep, 0 = padding | all are kept |
//! | `token_type_ids` | `[B, S]` or `[1, S]` integer | which of the texts of a pair | 0 |
//! | `position_ids` | `[B, S]` or `[1, S]` integer | below `max_position_embeddings` | 0, 1, 2, ... by column |
//! | `inputs_embeds` | `[B, S, E]` float32 | instead of word embeddings | `input_ids` must be given |
//!
//! What stands at a padded position is never read.

mod layout;
mod rows;

use tch::{Device, Kind, Tensor};

pub use layout::{Group, Layout};
pub use rows::Rows;

use crate::error::{Error, Result};
use crate::text::Batch;

/// What a model can take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// V: ids lie below it.
    pub vocab_size: i64,
    /// Positions lie below it.
    pub max_position_embeddings: i64,
    /// Token types lie below it; 0 where the model has none.
    pub type_vocab_size: i64,
    /// E, the width of `inputs_embeds`.
    pub embedding_size: i64,
    /// Where the model is.
    pub device: Device,
}

/// The arguments of a model's forward pass, not checked yet. The [module](self) says what they mean.
#[derive(Debug, Default)]
pub struct Arguments {
    /// Ids.
    pub input_ids: Option<Rows>,
    /// 1 = keep, 0 = padding.
    pub attention_mask: Option<Rows>,
    /// Token types.
    pub token_type_ids: Option<Rows>,
    /// Positions.
    pub position_ids: Option<Rows>,
    /// `[B, S, E]`.
    pub inputs_embeds: Option<Tensor>,
}

impl Arguments {
    /// From tensors `[B, S]` (`inputs_embeds`: `[B, S, E]`), in the order of rust_bert's `forward_t`.
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
        })
    }

    /// From tokenised texts.
    #[must_use]
    pub fn from_batch(batch: &Batch) -> Self {
        Self {
            input_ids: Some(Rows::ragged(&batch.ids)),
            token_type_ids: Some(Rows::ragged(&batch.type_ids)),
            ..Self::default()
        }
    }
}

/// What stands for the tokens.
#[derive(Debug)]
pub enum Tokens {
    /// Ids, `[T]` int64.
    Ids(Tensor),
    /// Vectors instead of word embeddings, `[T, E]` float32.
    Embeddings(Tensor),
}

/// Checked and packed: what an encoder takes.
#[derive(Debug)]
pub struct Inputs {
    /// The tokens, packed.
    pub tokens: Tokens,
    /// Token types, `[T]` int64; none means 0 everywhere.
    pub token_type_ids: Option<Tensor>,
    /// Positions, `[T]` int64.
    pub position_ids: Tensor,
    /// Where the tokens stood.
    pub layout: Layout,
}

impl Inputs {
    /// Checks everything, then packs it.
    ///
    /// # Errors
    /// [`Error::Input`] where not exactly one of `input_ids` and `inputs_embeds` is given, where there is no row or no
    /// token, or where the mask holds something else than 0 and 1; [`Error::Shape`], [`Error::Dtype`],
    /// [`Error::OutOfRange`] and [`Error::TooLong`], naming argument and place.
    pub fn new(arguments: Arguments, limits: &Limits) -> Result<Self> {
        let Arguments { input_ids, attention_mask, token_type_ids, position_ids, inputs_embeds } = arguments;
        let lengths = match (&input_ids, &inputs_embeds) {
            (Some(ids), None) => ids.lengths().collect::<Vec<_>>(),
            (None, Some(embeddings)) => check_embeddings(embeddings, limits)?,
            (given, _) => {
                let got = if given.is_some() { "both" } else { "neither" };
                let reason = format!("expected exactly one of the two, got {got}");
                return Err(Error::input("input_ids and inputs_embeds", reason));
            }
        };
        let what = if input_ids.is_some() { "input_ids" } else { "inputs_embeds" };
        if lengths.is_empty() {
            return Err(Error::input(what, "expected at least one row, got none"));
        }
        if let Some(row) = lengths.iter().position(|&length| length == 0) {
            return Err(Error::input(what, format!("expected at least one token in every row, got none in row {row}")));
        }
        let columns = lengths.iter().copied().max().unwrap_or(0);
        let kept = kept_columns(attention_mask.as_ref(), &lengths)?;
        if position_ids.is_none() {
            check_lengths(what, &kept, limits)?;
        }
        let layout = Layout::new(kept, columns, limits.device)?;
        let pack = |what: &str, rows: &Rows, limit: i64, broadcast: bool| -> Result<Tensor> {
            check_shape(what, rows, &lengths, broadcast)?;
            Ok(Tensor::f_from_slice(&gather(what, rows, &layout, limit)?)?.f_to_device(limits.device)?)
        };
        let tokens = match (&input_ids, &inputs_embeds) {
            (Some(ids), _) => Tokens::Ids(pack("input_ids", ids, limits.vocab_size, false)?),
            (None, embeddings) => {
                let embeddings = embeddings.as_ref().ok_or_else(|| Error::input("inputs_embeds", "is missing"))?;
                Tokens::Embeddings(layout.pack(embeddings)?)
            }
        };
        let token_type_ids = match &token_type_ids {
            Some(types) => Some(pack("token_type_ids", types, limits.type_vocab_size, true)?),
            None => None,
        };
        let position_ids = if let Some(positions) = &position_ids {
            pack("position_ids", positions, limits.max_position_embeddings, true)?
        } else {
            let positions: Vec<i64> = layout.packed_rows().flat_map(|(_, kept)| kept.iter().copied()).collect();
            Tensor::f_from_slice(&positions)?.f_to_device(limits.device)?
        };
        Ok(Self { tokens, token_type_ids, position_ids, layout })
    }
}

/// The row lengths of `[B, S, E]`.
fn check_embeddings(embeddings: &Tensor, limits: &Limits) -> Result<Vec<usize>> {
    let shape = embeddings.size();
    match shape[..] {
        [rows, columns, width] if width == limits.embedding_size => {
            if embeddings.f_kind()? != Kind::Float {
                return Err(Error::Dtype {
                    what: "inputs_embeds".into(),
                    expected: "float32".into(),
                    got: format!("{:?}", embeddings.kind()).to_lowercase(),
                });
            }
            if embeddings.device() != limits.device {
                let reason = format!("expected the model's device {:?}, got {:?}", limits.device, embeddings.device());
                return Err(Error::input("inputs_embeds", reason));
            }
            Ok(vec![columns as usize; rows as usize])
        }
        _ => Err(Error::Shape {
            what: "inputs_embeds".into(),
            expected: format!("[B, S, E = {}]", limits.embedding_size),
            got: format!("{shape:?}"),
        }),
    }
}

/// The columns of each row that the mask keeps: all of them where there is no mask.
fn kept_columns(mask: Option<&Rows>, lengths: &[usize]) -> Result<Vec<Vec<i64>>> {
    let Some(mask) = mask else { return Ok(lengths.iter().map(|&length| (0..length as i64).collect()).collect()) };
    check_shape("attention_mask", mask, lengths, false)?;
    (0..mask.count())
        .map(|row| {
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

fn check_lengths(what: &str, kept: &[Vec<i64>], limits: &Limits) -> Result<()> {
    for (row, columns) in kept.iter().enumerate() {
        let length = columns.last().map_or(0, |last| last + 1);
        if length > limits.max_position_embeddings {
            return Err(Error::TooLong {
                what: what.into(),
                row,
                length: length as usize,
                maximum: limits.max_position_embeddings as usize,
            });
        }
    }
    Ok(())
}

/// Refuses rows that do not stand under the tokens one to one, or, where that is allowed, one row under all of them.
fn check_shape(what: &str, rows: &Rows, lengths: &[usize], broadcast: bool) -> Result<()> {
    let fits = rows.lengths().eq(lengths.iter().copied());
    let fits_all = broadcast && rows.count() == 1 && lengths.iter().all(|&length| length == rows.longest());
    if fits || fits_all {
        return Ok(());
    }
    let expected: Vec<Vec<i64>> = lengths.iter().map(|&length| vec![0; length]).collect();
    Err(Error::Shape {
        what: what.into(),
        expected: format!("[B, S] = {}", Rows::ragged(&expected).shape()),
        got: rows.shape(),
    })
}

/// The values at the kept positions, in packed order, each checked against its limit.
fn gather(what: &str, rows: &Rows, layout: &Layout, limit: i64) -> Result<Vec<i64>> {
    let source = |row: usize| rows.row(if rows.count() == 1 { 0 } else { row });
    // Before packing changes the order, so that the first bad value is the first one that the caller sees.
    for row in 0..layout.rows() as usize {
        for &column in layout.kept(row) {
            let value = source(row)[column as usize];
            if !(0..limit).contains(&value) {
                let position = vec![row, column as usize];
                return Err(Error::OutOfRange { what: what.into(), value, position, limit });
            }
        }
    }
    let values =
        |(row, kept): (usize, &[i64])| kept.iter().map(|&column| source(row)[column as usize]).collect::<Vec<_>>();
    Ok(layout.packed_rows().flat_map(values).collect())
}
