//! Integers in rows, as they came: rectangular or ragged.

use tch::{Kind, Tensor};

use crate::error::{Error, Result};

/// B rows of integers, not necessarily of equal length; or B · C rows, C choices for each of B questions.
///
/// Ids, types, positions and masks all arrive as this, whether they came as a tensor, an array or lists. They are kept on
/// the host, where bad values can be refused before a device sees them: on a GPU an id out of range would poison the
/// whole process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    values: Vec<i64>,
    /// `ends[b]` is one past the last value of row `b`.
    ends: Vec<usize>,
    /// C, where the rows came as choices.
    choices: Option<usize>,
}

impl Rows {
    /// Rows of any lengths.
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

    /// Rows of `columns` values each, one after the other.
    ///
    /// # Errors
    /// [`Error::Shape`] where the number of values is not `rows * columns`; [`Error::Input`] where rows are empty.
    pub fn rectangular(what: &str, values: Vec<i64>, rows: usize, columns: usize) -> Result<Self> {
        if columns == 0 && rows > 0 {
            // A tensor of empty rows takes no memory, however many they are; their ends would.
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

    /// The same rows as C choices for each of B / C questions.
    ///
    /// # Errors
    /// [`Error::Shape`] where they do not come out even.
    pub fn in_choices(self, what: &str, choices: usize) -> Result<Self> {
        if choices == 0 || !self.count().is_multiple_of(choices) {
            let expected = "as many choices for every question".into();
            let got = format!("{} rows in choices of {choices}", self.count());
            return Err(Error::Shape { what: what.into(), expected, got });
        }
        Ok(Self { choices: Some(choices), ..self })
    }

    /// A tensor `[B, S]`, or of choices `[B, C, S]`, of integers on any device.
    ///
    /// # Errors
    /// [`Error::Shape`] where the rank is neither 2 nor 3; [`Error::Dtype`] where the dtype is not an integer.
    pub fn from_tensor(what: &str, tensor: &Tensor) -> Result<Self> {
        match tensor.f_kind()? {
            Kind::Uint8 | Kind::Int8 | Kind::Int16 | Kind::Int | Kind::Int64 => Self::from_numbers(what, tensor),
            other => Err(Error::Dtype {
                what: what.into(),
                expected: "an integer (int64)".into(),
                got: format!("{other:?}").to_lowercase(),
            }),
        }
    }

    /// A mask `[B, S]`, or of choices `[B, C, S]`, of integers, truth values or floats that are 0 or 1.
    ///
    /// # Errors
    /// [`Error::Shape`] where the rank is neither 2 nor 3; [`Error::Dtype`] where the dtype is none of these; [`Error::Input`] where
    /// a float is neither 0 nor 1.
    pub fn from_mask_tensor(what: &str, tensor: &Tensor) -> Result<Self> {
        match tensor.f_kind()? {
            Kind::Bool => Self::from_numbers(what, tensor),
            Kind::Float | Kind::Double | Kind::Half | Kind::BFloat16 => {
                let whole = tensor.f_to_kind(Kind::Int64)?;
                // Rounding would turn a bias of -0.5, or a probability, into a keep or a drop.
                if !whole.f_to_kind(tensor.kind())?.f_equal(tensor)? {
                    return Err(Error::input(what, "expected 0 (padding) or 1 (keep), got a fraction or NaN"));
                }
                Self::from_numbers(what, &whole)
            }
            _ => Self::from_tensor(what, tensor),
        }
    }

    fn from_numbers(what: &str, tensor: &Tensor) -> Result<Self> {
        let shape: Vec<usize> = tensor.size().into_iter().map(|size| size as usize).collect();
        let flat = tensor.f_detach()?.f_to_kind(Kind::Int64)?.f_reshape([-1])?.f_to_device(tch::Device::Cpu)?;
        let (mut values, count) = (Vec::new(), flat.numel());
        // A tensor may claim any number of elements without having them.
        values
            .try_reserve_exact(count)
            .map_err(|_| Error::Torch { message: format!("not enough memory for {what}") })?;
        values.resize(count, 0);
        flat.f_contiguous()?.f_copy_data(&mut values, count)?;
        Self::shaped(what, values, &shape)
    }

    /// Rows of equal lengths, one after the other: of the shape `[B, S]`, or of choices `[B, C, S]`.
    ///
    /// # Errors
    /// [`Error::Shape`] where the rank is another, or the number of values is not what the shape says.
    pub fn shaped(what: &str, values: Vec<i64>, shape: &[usize]) -> Result<Self> {
        match *shape {
            [rows, columns] => Self::rectangular(what, values, rows, columns),
            [rows, choices, columns] => {
                Self::rectangular(what, values, rows.saturating_mul(choices), columns)?.in_choices(what, choices)
            }
            _ => Err(Error::Shape { what: what.into(), expected: "[B, S]".into(), got: format!("{shape:?}") }),
        }
    }

    /// `[B, S]` int64 on the host.
    pub(super) fn to_tensor(&self, what: &str) -> Result<Tensor> {
        if !self.is_rectangular() {
            return Err(Error::Shape { what: what.into(), expected: "rows of one length".into(), got: self.shape() });
        }
        Ok(Tensor::f_from_slice(&self.values)?.f_view([self.count() as i64, self.longest() as i64])?)
    }

    /// C, where the rows came as choices.
    #[must_use]
    pub fn choices(&self) -> Option<usize> {
        self.choices
    }

    /// How many rows: B, or B · C of choices.
    #[must_use]
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// The length of the longest row: S.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.lengths().max().unwrap_or(0)
    }

    /// The length of each row.
    pub fn lengths(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.count()).map(|row| self.row(row).len())
    }

    /// Whether all rows have one length.
    #[must_use]
    pub fn is_rectangular(&self) -> bool {
        let longest = self.longest();
        self.lengths().all(|length| length == longest)
    }

    /// The values of one row.
    #[must_use]
    pub fn row(&self, row: usize) -> &[i64] {
        let start = if row == 0 { 0 } else { self.ends[row - 1] };
        &self.values[start..self.ends[row]]
    }

    /// `[2, 7]`, of choices `[2, 4, 7]`, or `2 rows of lengths [7, 3]` where they differ.
    pub(super) fn shape(&self) -> String {
        if self.is_rectangular() {
            match self.choices {
                Some(choices) => format!("[{}, {choices}, {}]", self.count() / choices, self.longest()),
                None => format!("[{}, {}]", self.count(), self.longest()),
            }
        } else {
            let lengths: Vec<_> = self.lengths().take(8).map(|length| length.to_string()).collect();
            let more = if self.count() > lengths.len() { ", ..." } else { "" };
            format!("{} rows of lengths [{}{more}]", self.count(), lengths.join(", "))
        }
    }
}
