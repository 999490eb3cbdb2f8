//! The packed layout: the place of each kept token of a batch.

use std::sync::OnceLock;

use tch::{Device, Kind, Tensor};

use super::{Noise, Segment};
use crate::error::Result;

/// Rows of equal length, which are neighbours in the packed layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    /// The place of the first token of the first row.
    pub start: i64,
    /// Number of rows.
    pub rows: i64,
    /// Number of tokens in each row.
    pub length: i64,
}

/// The way the tokens of a row become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pooling {
    /// The first kept token: `[CLS]`.
    First,
    /// The last kept token.
    Last,
    /// The mean over kept tokens.
    Mean,
}

/// The kept positions of a batch `[B, S]` and the order in which they are packed into `[T, ...]`.
///
/// Rows are packed from the shortest to the longest, so that rows of equal length are neighbours ([`Group`]) and
/// attention needs one call per length. Only this type knows about padding: a tensor is packed once on the way in
/// ([`Layout::pack`]) and unpacked once on the way out ([`Layout::unpack`]), with zeros at padded positions.
#[derive(Debug)]
pub struct Layout {
    rows: i64,
    columns: i64,
    /// C; 1 if the rows are not choices.
    choices: i64,
    tokens: i64,
    groups: Vec<Group>,
    /// The index in the batch of each packed row.
    order: Vec<usize>,
    /// The kept columns of each row of the batch.
    kept: Vec<Vec<i64>>,
    /// The place in the packed order of the first token of each row of the batch.
    starts: Vec<i64>,
    /// The place in `[B * S]` of each packed token, `[T]`. None if every position is kept and packing is a view.
    index: Option<Tensor>,
    device: Device,
    /// The boundaries of rows on the device, once they were wanted.
    boundaries: OnceLock<Tensor>,
    /// The largest length that a row may have, if only the boundaries on the device say where rows are.
    padded: Option<i64>,
    /// The source of dropout's random numbers. None means libtorch's generator.
    noise: Option<Noise>,
}

// SAFETY: a `Tensor` is not `Sync` because its methods can change it through a shared reference. The methods of a layout
// only read `index` and `boundaries`, which libtorch allows several threads to do at once.
unsafe impl Sync for Layout {}

impl Layout {
    /// Build the layout from the kept columns of each row of a batch whose width is `columns` (S). Each `choices` rows
    /// are the choices of one question.
    pub(crate) fn new(kept: Vec<Vec<i64>>, columns: usize, choices: usize, device: Device) -> Result<Self> {
        let mut order: Vec<usize> = (0..kept.len()).collect();
        order.sort_by_key(|&row| kept[row].len());
        let mut groups: Vec<Group> = Vec::new();
        let mut starts = vec![0; kept.len()];
        let mut tokens = 0;
        for &row in &order {
            let length = kept[row].len() as i64;
            starts[row] = tokens;
            match groups.last_mut() {
                Some(group) if group.length == length => group.rows += 1,
                // A row without kept tokens belongs to no group.
                _ if length == 0 => {}
                _ => groups.push(Group { start: tokens, rows: 1, length }),
            }
            tokens += length;
        }
        let everything = tokens == (kept.len() * columns) as i64;
        let index = if everything {
            None
        } else {
            let places: Vec<i64> = order
                .iter()
                .flat_map(|&row| kept[row].iter().map(move |column| (row * columns) as i64 + column))
                .collect();
            Some(Tensor::f_from_slice(&places)?.f_to_device(device)?)
        };
        let (rows, columns, choices) = (kept.len() as i64, columns as i64, choices as i64);
        let (boundaries, padded) = (OnceLock::new(), None);
        Ok(Self {
            rows,
            columns,
            choices,
            tokens,
            groups,
            order,
            kept,
            starts,
            index,
            device,
            boundaries,
            padded,
            noise: None,
        })
    }

    /// Build the layout of `tokens` places for rows of at most `longest` tokens, which may change on the device: their
    /// boundaries are int32 `[rows + 1]`, and tokens after the last belong to no row. It packs and unpacks nothing.
    pub(crate) fn padded(tokens: i64, longest: i64, boundaries: Tensor) -> Self {
        Self {
            rows: 0,
            columns: 0,
            choices: 1,
            tokens,
            groups: Vec::new(),
            order: Vec::new(),
            kept: Vec::new(),
            starts: Vec::new(),
            index: None,
            device: boundaries.device(),
            boundaries: OnceLock::from(boundaries),
            padded: Some(longest),
            noise: None,
        }
    }

    /// Return whether only the boundaries on the device say where rows are.
    pub(crate) fn is_padded(&self) -> bool {
        self.padded.is_some()
    }

    /// Return the number of tokens of the longest row.
    pub(crate) fn longest(&self) -> i64 {
        self.padded.unwrap_or_else(|| self.groups.last().map_or(0, |group| group.length))
    }

    /// Return the number of rows with kept tokens; those that the boundaries have room for if only they say where rows are.
    pub(crate) fn kept_rows(&self) -> i64 {
        match (self.padded, self.boundaries.get()) {
            (Some(_), Some(boundaries)) => boundaries.size().first().map_or(0, |count| count - 1),
            _ => self.groups.iter().map(|group| group.rows).sum(),
        }
    }

    /// Let dropout draw its random numbers from the rows' keys, one key per row of the batch.
    pub fn set_noise(&mut self, noise: Noise) {
        self.noise = Some(noise);
    }

    /// Return the random numbers for a tensor of packed tokens `[T, width]`.
    pub(crate) fn noise(&self, width: i64) -> Option<Vec<Segment>> {
        let row = |(row, kept): (usize, &[i64])| (row, kept.len() * width as usize);
        self.noise.as_ref().map(|noise| noise.segments(noise.call(), self.packed_rows().map(row)))
    }

    /// Return the number of a dropout call that is made group by group; None without noise.
    pub(crate) fn noise_call(&self) -> Option<u64> {
        self.noise.as_ref().map(Noise::call)
    }

    /// Return the random numbers of `call` for the rows from `first` on in packed order, one for each of these counts.
    pub(crate) fn noise_at(
        &self,
        call: u64,
        first: usize,
        counts: impl Iterator<Item = usize>,
    ) -> Option<Vec<Segment>> {
        let rows = self.packed_rows().filter(|(_, kept)| !kept.is_empty()).skip(first);
        self.noise.as_ref().map(|noise| noise.segments(call, rows.map(|(row, _)| row).zip(counts)))
    }

    /// Return C, the number of rows per question; 1 if the rows are not choices.
    #[must_use]
    pub fn choices(&self) -> i64 {
        self.choices
    }

    /// Return the number of rows of the batch: B, or B · C if they are choices.
    #[must_use]
    pub fn rows(&self) -> i64 {
        self.rows
    }

    /// Return S, the width of the batch.
    #[must_use]
    pub fn columns(&self) -> i64 {
        self.columns
    }

    /// Return T, the number of kept tokens.
    #[must_use]
    pub fn tokens(&self) -> i64 {
        self.tokens
    }

    /// Return the groups of rows of equal length, shortest first.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Return the places in the packed order at which rows with kept tokens begin, and T: int32 on the device, `[rows + 1]`.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if there is no memory.
    pub(crate) fn boundaries(&self) -> Result<&Tensor> {
        if let Some(boundaries) = self.boundaries.get() {
            return Ok(boundaries);
        }
        let starts = self.groups.iter().flat_map(|group| (0..group.rows).map(|row| group.start + row * group.length));
        let starts: Vec<i32> = starts.chain([self.tokens]).map(|start| start as i32).collect();
        let boundaries = Tensor::f_from_slice(&starts)?.f_to_device(self.device)?;
        Ok(self.boundaries.get_or_init(|| boundaries))
    }

    /// Return the kept columns of a row of the batch.
    pub(crate) fn kept(&self, row: usize) -> &[i64] {
        &self.kept[row]
    }

    /// Iterate over the rows in packed order: the index of each in the batch and its kept columns.
    pub(crate) fn packed_rows(&self) -> impl Iterator<Item = (usize, &[i64])> {
        self.order.iter().map(|&row| (row, self.kept[row].as_slice()))
    }

    /// Return the place in the packed order of the token at `column` of `row`; None if the token is not kept.
    #[must_use]
    pub fn place(&self, row: usize, column: usize) -> Option<i64> {
        let place = self.kept.get(row)?.binary_search(&(column as i64)).ok()?;
        Some(self.starts[row] + place as i64)
    }

    /// Pack `[B, S, ...]` into `[T, ...]`. Gradients flow through.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if the first two dimensions are not B and S.
    pub fn pack(&self, padded: &Tensor) -> Result<Tensor> {
        let flat = padded.f_flatten(0, 1)?;
        Ok(match &self.index {
            None => flat,
            Some(index) => flat.f_index_select(0, index)?,
        })
    }

    /// Take the tokens at these places of the packed order, `[N, ...]`, out of `[B, S, ...]`. Gradients flow through.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if the first two dimensions are not B and S, or a place is not below T.
    pub fn pack_at(&self, padded: &Tensor, places: &Tensor) -> Result<Tensor> {
        let flat = padded.f_flatten(0, 1)?;
        Ok(match &self.index {
            None => flat.f_index_select(0, places)?,
            Some(index) => flat.f_index_select(0, &index.f_index_select(0, places)?)?,
        })
    }

    /// Unpack `[T, ...]` into `[B, S, ...]`, with zeros at padded positions. Gradients flow through.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if the first dimension is not T.
    pub fn unpack(&self, packed: &Tensor) -> Result<Tensor> {
        self.unpack_with(packed, 0.0)
    }

    /// Unpack as [`Layout::unpack`] does, with `fill` at padded positions.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if the first dimension is not T.
    pub fn unpack_with(&self, packed: &Tensor, fill: f64) -> Result<Tensor> {
        let mut shape = packed.size();
        let flat = match &self.index {
            None => packed.f_alias()?,
            Some(index) => {
                shape[0] = self.rows * self.columns;
                Tensor::f_full(&shape, fill, (packed.kind(), packed.device()))?.f_index_copy_(0, index, packed)?
            }
        };
        shape.splice(0..1, [self.rows, self.columns]);
        Ok(flat.f_view(shape.as_slice())?)
    }

    /// Pool `[T, H]` into one vector for each row of the batch, `[B, H]`; zeros for a row without kept tokens.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if the first dimension is not T.
    pub fn pool(&self, packed: &Tensor, pooling: Pooling) -> Result<Tensor> {
        let device = packed.device();
        // The rows of the batch with kept tokens, in packed order.
        let rows: Vec<usize> = self.order.iter().copied().filter(|&row| !self.kept[row].is_empty()).collect();
        let pooled = match pooling {
            Pooling::First | Pooling::Last => {
                let offset = |row: usize| if pooling == Pooling::First { 0 } else { self.kept[row].len() - 1 };
                let places: Vec<i64> = rows.iter().map(|&row| self.starts[row] + offset(row) as i64).collect();
                packed.f_index_select(0, &Tensor::f_from_slice(&places)?.f_to_device(device)?)?
            }
            Pooling::Mean => {
                let mean = |group: &Group| -> Result<Tensor> {
                    let tokens = packed.f_narrow(0, group.start, group.rows * group.length)?;
                    Ok(tokens.f_view([group.rows, group.length, -1])?.f_mean_dim(1_i64, false, None)?)
                };
                let means = self.groups.iter().map(mean).collect::<Result<Vec<_>>>()?;
                if means.is_empty() { packed.f_alias()? } else { Tensor::f_cat(&means, 0)? }
            }
        };
        let index: Vec<i64> = rows.into_iter().map(|row| row as i64).collect();
        let index = Tensor::f_from_slice(&index)?.f_to_device(device)?;
        let mut shape = pooled.size();
        shape[0] = self.rows;
        Ok(Tensor::f_zeros(&shape, (packed.kind(), device))?.f_index_copy_(0, &index, &pooled)?)
    }

    /// Unpack one `[rows, A, L, L]` for each group into `[B, A, S, S]`, with zeros at padded positions.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if libtorch refuses.
    pub fn unpack_attentions(&self, groups: &[Tensor], heads: i64) -> Result<Tensor> {
        let device =
            self.index.as_ref().map_or_else(|| groups.first().map_or(Device::Cpu, Tensor::device), Tensor::device);
        let square = [heads, self.columns, self.columns];
        let mut rows = Vec::with_capacity(self.order.len());
        for _ in 0..self.kept.len() {
            rows.push(None);
        }
        let mut packed = self.order.iter().filter(|&&row| !self.kept[row].is_empty());
        for group in groups {
            for place in 0..group.size()[0] {
                let Some(&row) = packed.next() else { continue };
                rows[row] = Some(self.widen(&group.f_select(0, place)?, row)?);
            }
        }
        let kind = groups.first().map_or(Kind::Float, Tensor::kind);
        let rows = rows
            .into_iter()
            .map(|row| row.map_or_else(|| Ok(Tensor::f_zeros(square, (kind, device))?), Ok))
            .collect::<Result<Vec<_>>>()?;
        Ok(Tensor::f_stack(&rows, 0)?)
    }

    /// Take one `[rows, A, L, L]` for each group out of `[B, A, S, S]`. Gradients flow through.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if libtorch refuses.
    pub fn pack_attentions(&self, unpacked: &Tensor) -> Result<Vec<Tensor>> {
        let mut rows = self.packed_rows().filter(|(_, kept)| !kept.is_empty());
        let narrow = |(row, kept): (usize, &[i64])| -> Result<Tensor> {
            let wide = unpacked.f_select(0, row as i64)?;
            if kept.len() as i64 == self.columns {
                return Ok(wide);
            }
            let columns = Tensor::f_from_slice(kept)?.f_to_device(wide.device())?;
            Ok(wide.f_index_select(1, &columns)?.f_index_select(2, &columns)?)
        };
        let group = |group: &Group| -> Result<Tensor> {
            let rows = rows.by_ref().take(group.rows as usize).map(narrow).collect::<Result<Vec<_>>>()?;
            Ok(Tensor::f_stack(&rows, 0)?)
        };
        self.groups.iter().map(group).collect()
    }

    /// Spread `[A, L, L]` of a row to its columns in the batch, `[A, S, S]`.
    fn widen(&self, narrow: &Tensor, row: usize) -> Result<Tensor> {
        let kept = &self.kept[row];
        if kept.len() as i64 == self.columns {
            return Ok(narrow.f_alias()?);
        }
        let columns = Tensor::f_from_slice(kept)?.f_to_device(narrow.device())?;
        let mut wide = narrow.f_alias()?;
        for dimension in [1, 2] {
            let mut shape = wide.size();
            shape[dimension as usize] = self.columns;
            wide = Tensor::f_zeros(&shape, (wide.kind(), wide.device()))?.f_index_copy_(dimension, &columns, &wide)?;
        }
        Ok(wide)
    }
}
