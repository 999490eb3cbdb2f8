//! Embeddings: rows of tables for tokens, added and normalised, each token by itself.

use super::norms::Norms;
use super::rows::{norm, parts};
use super::simd::Simd;
use super::table::Table;
use super::{Choice, Forms, Work};
use crate::error::{Error, Result};

/// The tables of an encoder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Embeddings<'a> {
    /// The instructions.
    pub(crate) choice: Choice,
    /// A row per word.
    pub(crate) words: Table<'a>,
    /// A row per position.
    pub(crate) positions: Table<'a>,
    /// A row per type of token; None if there are no types.
    pub(crate) types: Option<Table<'a>>,
    /// What the sums are normalised with; as wide as the tables.
    pub(crate) norms: &'a Norms,
}

/// The words of T tokens, by their ids or as vectors.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tokens<'a> {
    /// Rows of the table, `[T]`.
    Ids(&'a [i64]),
    /// Vectors in their place, `[T, E]`.
    Vectors(&'a [f32]),
}

impl Embeddings<'_> {
    /// Write `LN(word + type + position)` for each token, `[T, E]`. Without `types` every token has type 0.
    ///
    /// # Errors
    /// [`Error::Internal`] if lengths do not fit, or a table has no such row.
    pub(crate) fn forward(
        self,
        tokens: Tokens<'_>,
        types: Option<&[i64]>,
        positions: &[i64],
        output: &mut [f32],
    ) -> Result<()> {
        let width = self.norms.weight.len();
        let count = positions.len();
        let has = |table: Table<'_>, ids: &[i64]| {
            let rows = (table.len() / width) as i64;
            ids.len() == count && ids.iter().all(|id| (0..rows).contains(id))
        };
        let words_fit = match tokens {
            Tokens::Ids(ids) => has(self.words, ids),
            Tokens::Vectors(vectors) => vectors.len() == count * width,
        };
        let types_fit = match (self.types, types) {
            (Some(table), Some(ids)) => has(table, ids),
            (Some(table), None) => table.len() >= width,
            (None, _) => true,
        };
        if !(words_fit && types_fit && has(self.positions, positions) && output.len() == count * width) {
            return Err(Error::Internal { message: "tokens do not fit the tables of embeddings".into() });
        }
        self.choice.run(Forward { tables: self, tokens, types, positions, output });
        Ok(())
    }
}

struct Forward<'a> {
    tables: Embeddings<'a>,
    tokens: Tokens<'a>,
    types: Option<&'a [i64]>,
    positions: &'a [i64],
    output: &'a mut [f32],
}

impl Work for Forward<'_> {
    type Result = ();

    fn run<S: Simd, F: Forms>(self) {
        let Self { tables, tokens, types, positions, output } = self;
        let width = tables.norms.weight.len();
        let mut added = vec![0.0_f32; width];
        let added = added.as_mut_ptr();
        for (token, (row, &position)) in output.chunks_exact_mut(width).zip(positions).enumerate() {
            let to = row.as_mut_ptr();
            // SAFETY: the processor has the instructions, and the lengths and rows were checked.
            unsafe {
                S::compile(
                    #[inline(always)]
                    || {
                        match tokens {
                            Tokens::Ids(ids) => tables.words.read::<S>(ids[token] as usize, width, to),
                            Tokens::Vectors(vectors) => Table::Float32(vectors).read::<S>(token, width, to),
                        }
                        // The order of the sum is transformers': in float32 another order changes the result.
                        if let Some(table) = tables.types {
                            table.read::<S>(types.map_or(0, |types| types[token]) as usize, width, added);
                            add::<S>(added, width, to);
                        }
                        tables.positions.read::<S>(position as usize, width, added);
                        add::<S>(added, width, to);
                        norm::<S>(to, to, tables.norms.get());
                    },
                );
            }
        }
    }
}

/// Add a row to another.
#[inline(always)]
unsafe fn add<S: Simd>(from: *const f32, width: usize, to: *mut f32) {
    unsafe {
        parts::<S>(
            width,
            #[inline(always)]
            |at, count| {
                let sum = S::add(S::load_part(to.add(at), count), S::load_part(from.add(at), count));
                S::store_part(to.add(at), sum, count);
            },
        );
    }
}
