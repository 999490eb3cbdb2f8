//! Integers in rows as a caller gives them, rectangular or ragged.

use tch::{Kind, Tensor};

use crate::error::{Error, Result};
use crate::memory::room;
use crate::nn::precision;

/// B rows of integers, of equal or different lengths, or B · C rows: C choices for each of B questions.
///
/// Ids, types, positions and masks take this form, whether they are given as a tensor, an array or lists. The values
/// are kept on the host, where bad values can be refused before a device sees them: on a GPU an id out of range would
/// make the whole process unusable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    values: Vec<i64>,
    /// `ends[b]` is one past the last value of row `b`.
    ends: Vec<usize>,
    /// C if the rows are choices.
    choices: Option<usize>,
}

impl Rows {
    /// Build rows of any lengths.
    #[must_use]
    pub fn ragged<R: AsRef<[i64]>>(rows: &[R]) -> Self {
        let mut values = Vec::with_capacity(rows.iter().map(|row| row.as_ref().len()).sum());
        let mut ends = Vec::with_capacity(rows.len());
        for row in rows {
            values.extend_from_slice(row.as_ref());
            ends.push(values.len());
        }
        Self { values, ends, choices: None }
    }

    /// Build `rows` rows of `columns` values each from their values, row after row.
    ///
    /// # Errors
    /// [`Error::Shape`] if the number of values is not `rows * columns`; [`Error::Input`] if rows are empty.
    pub fn rectangular(what: &str, values: Vec<i64>, rows: usize, columns: usize) -> Result<Self> {
        if columns == 0 && rows > 0 {
            // A tensor of any number of empty rows takes no memory, but `ends` would.
            return Err(Error::input(what, "expected at least one token in every row, got none in row 0"));
        }
        if rows.checked_mul(columns) != Some(values.len()) {
            return Err(Error::Shape {
                what: what.into(),
                expected: format!("[B, S] = [{rows}, {columns}]"),
                got: format!("{} values", values.len()),
            });
        }
        Ok(Self { values, ends: (1..=rows).map(|row| row * columns).collect(), choices: None })
    }

    /// Group the rows as `choices` choices for each question.
    ///
    /// # Errors
    /// [`Error::Shape`] if the number of rows is not a multiple of `choices`, or `choices` is 0.
    pub fn in_choices(self, what: &str, choices: usize) -> Result<Self> {
        if choices == 0 || !self.count().is_multiple_of(choices) {
            let expected = "the same number of choices for every question".into();
            let got = format!("{} rows in choices of {choices}", self.count());
            return Err(Error::Shape { what: what.into(), expected, got });
        }
        Ok(Self { choices: Some(choices), ..self })
    }

    /// Build rows from a tensor of integers on any device, `[B, S]`, or `[B, C, S]` for choices.
    ///
    /// # Errors
    /// [`Error::Shape`] if the rank is neither 2 nor 3; [`Error::Dtype`] if the dtype is not an integer;
    /// [`Error::Input`] if rows are empty.
    pub fn from_tensor(what: &str, tensor: &Tensor) -> Result<Self> {
        match tensor.f_kind()? {
            Kind::Uint8 | Kind::Int8 | Kind::Int16 | Kind::Int | Kind::Int64 => Self::from_numbers(what, tensor),
            other => Err(Error::Dtype {
                what: what.into(),
                expected: "integers (int64)".into(),
                got: precision::describe_kind(other).into(),
            }),
        }
    }

    /// Build rows from a mask of integers, booleans, or floats that are 0 or 1, `[B, S]`, or `[B, C, S]` for choices.
    ///
    /// # Errors
    /// [`Error::Shape`] if the rank is neither 2 nor 3; [`Error::Dtype`] for other dtypes; [`Error::Input`] if a float
    /// is not a whole number or rows are empty.
    pub fn from_mask_tensor(what: &str, tensor: &Tensor) -> Result<Self> {
        match tensor.f_kind()? {
            Kind::Bool => Self::from_numbers(what, tensor),
            kind if precision::is_float(kind) => {
                let whole = tensor.f_to_kind(Kind::Int64)?;
                // Rounding would turn an attention bias of -0.5 or a probability into 0 or 1.
                if !whole.f_to_kind(tensor.kind())?.f_equal(tensor)? {
                    return Err(Error::input(what, "expected 0 (padding) or 1 (keep), got a fraction or NaN"));
                }
                Self::from_numbers(what, &whole)
            }
            _ => Self::from_tensor(what, tensor),
        }
    }

    /// Copy the values of a tensor to the host.
    fn from_numbers(what: &str, tensor: &Tensor) -> Result<Self> {
        let shape: Vec<usize> = tensor.size().into_iter().map(|size| size as usize).collect();
        let flat = tensor.f_detach()?.f_to_kind(Kind::Int64)?.f_reshape([-1])?.f_to_device(tch::Device::Cpu)?;
        // A tensor may claim any number of elements without having the memory.
        let count = flat.numel();
        let mut values = room(what, count)?;
        values.resize(count, 0);
        flat.f_contiguous()?.f_copy_data(&mut values, count)?;
        Self::shaped(what, values, &shape)
    }

    /// Build rows of equal lengths from their values, row after row, and the shape `[B, S]`, or `[B, C, S]` for
    /// choices.
    ///
    /// # Errors
    /// [`Error::Shape`] if the rank is neither 2 nor 3, or the number of values does not fit the shape;
    /// [`Error::Input`] if rows are empty.
    pub fn shaped(what: &str, values: Vec<i64>, shape: &[usize]) -> Result<Self> {
        match *shape {
            [rows, columns] => Self::rectangular(what, values, rows, columns),
            [rows, choices, columns] => {
                Self::rectangular(what, values, rows.saturating_mul(choices), columns)?.in_choices(what, choices)
            }
            _ => Err(Error::Shape { what: what.into(), expected: "[B, S]".into(), got: format!("{shape:?}") }),
        }
    }

    /// Return a tensor `[B, S]` of int64 on the host.
    pub(super) fn to_tensor(&self, what: &str) -> Result<Tensor> {
        if !self.is_rectangular() {
            return Err(Error::Shape { what: what.into(), expected: "rows of one length".into(), got: self.shape() });
        }
        Ok(Tensor::f_from_slice(&self.values)?.f_view([self.count() as i64, self.longest() as i64])?)
    }

    /// Return C if the rows are choices.
    #[must_use]
    pub fn choices(&self) -> Option<usize> {
        self.choices
    }

    /// Return the number of rows: B, or B · C for choices.
    #[must_use]
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// Return the length of the longest row, S.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.lengths().max().unwrap_or(0)
    }

    /// Iterate over the lengths of the rows.
    pub fn lengths(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.count()).map(|row| self.row(row).len())
    }

    /// Return whether all rows have the same length.
    #[must_use]
    pub fn is_rectangular(&self) -> bool {
        let longest = self.longest();
        self.lengths().all(|length| length == longest)
    }

    /// Return the values of one row.
    #[must_use]
    pub fn row(&self, row: usize) -> &[i64] {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.values[start..self.ends[row]]
    }

    /// Describe the shape: `[2, 7]`, `[2, 4, 7]` for choices, or `2 rows of lengths [7, 3]` if lengths differ.
    pub(super) fn shape(&self) -> String {
        shape_of(&self.lengths().collect::<Vec<_>>(), self.choices)
    }
}

/// Describe the shape of rows with these lengths, as [`Rows::shape`] does.
pub(super) fn shape_of(lengths: &[usize], choices: Option<usize>) -> String {
    let (count, longest) = (lengths.len(), lengths.iter().copied().max().unwrap_or(0));
    if lengths.iter().any(|&length| length != longest) {
        let first: Vec<_> = lengths.iter().take(8).map(ToString::to_string).collect();
        let more = if count > first.len() { ", ..." } else { "" };
        return format!("{count} rows of lengths [{}{more}]", first.join(", "));
    }
    match choices {
        Some(choices) => format!("[{}, {choices}, {longest}]", count / choices.max(1)),
        None => format!("[{count}, {longest}]"),
    }
}
