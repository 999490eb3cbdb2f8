//! One transformer layer on the rows of some texts, by one thread of a team.

use std::ptr;

use super::Forms;
use super::attention::{Direction, Unit, attend};
use super::functions::Function;
use super::linear::{Finish, Product};
use super::matrix::Matrix;
use super::norms::Norms;
use super::product::{BFloat16, Float32, Form};
use super::rows::norm;
use super::shape::Shape;
use super::simd::Simd;
use super::team::{Own, Place, Pointers, stride};

/// The weights of one layer.
#[derive(Debug)]
pub(crate) struct Layer {
    /// Queries, keys and values, `[3 H, H]`.
    pub(crate) projections: Matrix,
    /// `[H, H]`.
    pub(crate) attention_output: Matrix,
    /// The norm after the attention.
    pub(crate) attention_norm: Norms,
    /// `[F, H]`.
    pub(crate) intermediate: Matrix,
    /// `[H, F]`.
    pub(crate) output: Matrix,
    /// The norm after the feed-forward part.
    pub(crate) output_norm: Norms,
}

/// The rows that a team works on.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) shape: Shape,
    pub(super) function: Function,
    pub(super) direction: Direction,
    /// The number of tokens of each text, in the order of its rows, and where its probabilities `[A, L, L]` go.
    pub(super) texts: &'a [(usize, *mut f32)],
    /// The number of all rows.
    pub(super) count: usize,
}

/// Map hidden states to hidden states. Each thread of the team has all of them in its own buffer, before and after.
///
/// # Safety
/// As for [`Simd`]; the buffers have room for the rows, and all threads of the team make the same call.
pub(super) unsafe fn forward<S: Simd, F: Forms>(
    layer: &Layer,
    rows: Rows<'_>,
    shared: Pointers<'_>,
    own: &mut Own,
    place: Place,
) {
    let Rows { shape, count, .. } = rows;
    let width = stride(shape.hidden);
    // The closures of a thread are compiled for the instruction set one by one; none outlives this call.
    unsafe {
        let panels = |matrix| place.part(Matrix::panel_count::<S>(matrix));
        let product = |rows, matrix, to| Product::<S, F::Others> { rows, count, matrix, panels: panels(matrix), to };
        S::compile(
            #[inline(always)]
            || {
                let rows = own.encode::<S, F::Projections>(own.hidden.as_ptr(), count, shape.hidden);
                let matrix = &layer.projections;
                let panels = panels(matrix);
                Product::<S, F::Projections> { rows, count, matrix, panels, to: shared.projected }.run(Finish::Store);
            },
        );
        shared.wait(place);
        S::compile(
            #[inline(always)]
            || attention::<S, F::Others>(rows, shared, own, place),
        );
        shared.wait(place);
        S::compile(
            #[inline(always)]
            || {
                let input = own.encode::<S, F::Others>(shared.context, count, shape.hidden);
                product(input, &layer.attention_output, shared.sums).run(Finish::Add(own.hidden.as_ptr()));
            },
        );
        shared.wait(place);
        S::compile(
            #[inline(always)]
            || {
                for row in 0..count {
                    let to = own.hidden.as_mut_ptr().add(row * width);
                    norm::<S>(shared.sums.add(row * width), to, layer.attention_norm.get());
                }
                let input = own.encode::<S, F::Others>(own.hidden.as_ptr(), count, shape.hidden);
                product(input, &layer.intermediate, shared.inner).run(Finish::Apply(rows.function));
            },
        );
        shared.wait(place);
        S::compile(
            #[inline(always)]
            || {
                let input = own.encode::<S, F::Others>(shared.inner, count, shape.inner);
                product(input, &layer.output, shared.sums).run(Finish::Add(own.hidden.as_ptr()));
            },
        );
        shared.wait(place);
        S::compile(
            #[inline(always)]
            || {
                for row in 0..count {
                    let to = own.hidden.as_mut_ptr().add(row * width);
                    norm::<S>(shared.sums.add(row * width), to, layer.output_norm.get());
                }
            },
        );
    }
}

/// Compute this thread's share of the heads of all texts.
#[inline(always)]
unsafe fn attention<S: Simd, F: Form>(rows: Rows<'_>, shared: Pointers<'_>, own: &mut Own, place: Place) {
    let Shape { hidden, heads, .. } = rows.shape;
    let head_size = hidden / heads;
    let (row_stride, context_stride) = (stride(3 * hidden), stride(hidden));
    let mut row = 0;
    let mut number = 0;
    for &(tokens, probabilities) in rows.texts {
        for head in 0..heads {
            if number % place.of == place.number {
                let column = head * head_size;
                let wanted = !probabilities.is_null();
                unsafe {
                    let unit = Unit {
                        query: shared.projected.add(row * row_stride + column),
                        stride: row_stride,
                        width: hidden,
                        tokens,
                        head_size,
                        direction: rows.direction,
                        context: shared.context.add(row * context_stride + column),
                        context_stride,
                        probabilities: if wanted { probabilities.add(head * tokens * tokens) } else { ptr::null_mut() },
                    };
                    if F::attends_in_bfloat::<S>() {
                        attend::<S, BFloat16>(unit, &mut own.scratch);
                    } else {
                        attend::<S, Float32>(unit, &mut own.scratch);
                    }
                }
            }
            number += 1;
        }
        row += tokens;
    }
}
