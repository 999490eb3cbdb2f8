//! Attention over packed rows of several lengths in one call, on GPUs.
//!
//! tch lacks the operator, because its result has symbolic sizes. libtorch exports it under a C name too, which returns an
//! error code instead of throwing; it is looked up when it is needed, because a libtorch for CPUs does not have it.
//!
//! Source: `torch/csrc/inductor/aoti_torch/generated/c_shim_cuda.h` of torch 2.15.

use std::ffi::c_void;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use tch::{Device, Kind, Tensor};

use super::Layout;
use crate::error::Result;

/// A pointer to a tensor, the same for libtorch's C functions and for tch.
type Handle = *mut c_void;

/// `aoti_torch_cuda__efficient_attention_forward`; null is an optional argument without a value.
type Operator = unsafe extern "C" fn(
    query: Handle,
    key: Handle,
    value: Handle,
    bias: *const Handle,
    first_queries: *const Handle,
    first_keys: *const Handle,
    most_queries: *const i64,
    most_keys: *const i64,
    dropout: f64,
    mask: i64,
    wants_sums: i32,
    scale: *const f64,
    lengths: *const Handle,
    window: *const i64,
    output: *mut Handle,
    sums: *mut Handle,
    seed: *mut Handle,
    offset: *mut Handle,
    queries: *mut i64,
    keys: *mut i64,
) -> i32;

/// Rows are a dimension of the grid of blocks, which has a limit.
const MOST_ROWS: i64 = 65_535;

/// A device, a dtype and a head size.
type Case = (Device, Kind, i64);

/// Attention on a GPU on which the operator was seen to give the right numbers.
#[derive(Debug)]
pub(super) struct Ragged(Operator);

impl Ragged {
    /// Return the operator for queries of this dtype and head size on a device; None if there is none, or if its numbers for
    /// a small batch are not those of one call per row.
    pub(super) fn on(device: Device, kind: Kind, head_size: i64) -> Option<Self> {
        static SEEN: Mutex<Vec<(Case, bool)>> = Mutex::new(Vec::new());
        if !matches!(device, Device::Cuda(_)) {
            return None;
        }
        let operator = find()?;
        let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (device, kind, head_size);
        if let Some((_, is_right)) = seen.iter().find(|(known, _)| *known == key) {
            return is_right.then_some(Self(operator));
        }
        let call = |tensors: [&Tensor; 3], starts: &Tensor, longest| call(operator, tensors, starts, longest);
        // An error, such as a lack of memory, decides for this model only.
        let is_right = is_right(device, kind, head_size, call).ok()?;
        seen.push((key, is_right));
        is_right.then_some(Self(operator))
    }

    /// Return the heads' results `[T, H]` of queries, keys and values, each `[T, H]`; None if libtorch refuses, so that calls
    /// that tch has may say why.
    ///
    /// # Errors
    /// [`crate::Error::Torch`] if there is no memory.
    pub(super) fn attend(&self, projected: [&Tensor; 3], layout: &Layout, heads: i64) -> Result<Option<Tensor>> {
        let operator = |tensors: [&Tensor; 3], starts: &Tensor, longest| call(self.0, tensors, starts, longest);
        if layout.kept_rows() > MOST_ROWS { Ok(None) } else { attend(operator, projected, layout, heads) }
    }
}

/// Map queries, keys and values `[T, H]` to `[T, H]` by a function of `[1, T, A, D]`, the boundaries of rows and the longest
/// row.
fn attend(
    operator: impl Fn([&Tensor; 3], &Tensor, i64) -> Option<Tensor>,
    projected: [&Tensor; 3],
    layout: &Layout,
    heads: i64,
) -> Result<Option<Tensor>> {
    let [query, key, value] = projected.map(|packed| split(packed, heads));
    let context = operator([&query?, &key?, &value?], layout.boundaries()?, layout.longest());
    Ok(context.map(|context| context.f_reshape([layout.tokens(), -1])).transpose()?)
}

/// Return `[T, A D]` as `[1, T, A, D]`, a view.
fn split(packed: &Tensor, heads: i64) -> Result<Tensor> {
    let (tokens, width) = packed.size2()?;
    Ok(packed.f_view([1, tokens, heads, width / heads])?)
}

/// Call the operator on queries, keys and values `[1, T, A, D]`, whose rows begin at `starts`, int32 `[rows + 1]`. Return
/// `[1, T, A, D]`; None if libtorch refuses.
fn call(operator: Operator, tensors: [&Tensor; 3], starts: &Tensor, longest: i64) -> Option<Tensor> {
    let handle = |tensor: &Tensor| tensor.as_ptr().cast_mut().cast::<c_void>();
    let [query, key, value] = tensors.map(handle);
    let starts = handle(starts);
    let mut results: [Handle; 4] = [ptr::null_mut(); 4];
    let [output, sums, seed, offset] = &mut results;
    let (mut queries, mut keys) = (0, 0);
    // SAFETY: the tensors live as long as the call, which only reads them. What it returns are new tensors.
    unsafe {
        let code = operator(
            query,
            key,
            value,
            ptr::null(),
            &raw const starts,
            &raw const starts,
            &raw const longest,
            &raw const longest,
            0.0,
            0,
            0,
            ptr::null(),
            ptr::null(),
            ptr::null(),
            output,
            sums,
            seed,
            offset,
            &raw mut queries,
            &raw mut keys,
        );
        let adopt = |handle: Handle| (!handle.is_null()).then(|| Tensor::from_ptr(handle.cast()));
        let [output, ..] = results.map(adopt);
        output.filter(|_| code == 0)
    }
}

/// Look the operator up in the libtorch of this process.
#[cfg(unix)]
fn find() -> Option<Operator> {
    // SAFETY: the names end with a null byte, and a library that is loaded already runs no code. The function has the type
    // that libtorch's header gives it; libtorch gives a function with other arguments another name.
    unsafe {
        let library = libc::dlopen(c"libtorch_cuda.so".as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD);
        if library.is_null() {
            return None;
        }
        let place = libc::dlsym(library, c"aoti_torch_cuda__efficient_attention_forward".as_ptr());
        (!place.is_null()).then(|| std::mem::transmute::<*mut c_void, Operator>(place))
    }
}

#[cfg(not(unix))]
fn find() -> Option<Operator> {
    None
}

/// Return whether a function gives the numbers of one call per row for three rows of several lengths.
fn is_right(
    device: Device,
    kind: Kind,
    head_size: i64,
    operator: impl Fn([&Tensor; 3], &Tensor, i64) -> Option<Tensor>,
) -> Result<bool> {
    const STARTS: [i32; 4] = [0, 1, 4, 9];
    const HEADS: i64 = 2;
    let _no_grad = tch::no_grad_guard();
    let tokens = i64::from(STARTS[3]);
    let width = HEADS * head_size;
    // Numbers in [-1, 1]. The parts are views of one tensor, as projections are.
    let numbers = Tensor::f_arange(tokens * 3 * width, (Kind::Float, Device::Cpu))?.f_sin()?.f_view([tokens, -1])?;
    let all = numbers.f_to_kind(kind)?.f_to_device(device)?;
    let part = |number: i64| split(&all.f_narrow(1, number * width, width)?, HEADS);
    let [query, key, value] = [part(0)?, part(1)?, part(2)?];
    let starts = Tensor::f_from_slice(&STARTS)?.f_to_device(device)?;
    let Some(together) = operator([&query, &key, &value], &starts, 5).filter(|found| found.size() == query.size())
    else {
        return Ok(false);
    };
    let most = if kind == Kind::Float { 1e-3 } else { 2e-2 };
    for row in STARTS.windows(2) {
        let rows = |tensor: &Tensor| -> Result<Tensor> {
            let part = tensor.f_narrow(1, row[0].into(), (row[1] - row[0]).into())?;
            Ok(part.f_to_kind(Kind::Float)?.f_transpose(1, 2)?)
        };
        let alone = by_itself([&rows(&query)?, &rows(&key)?, &rows(&value)?])?;
        let difference = rows(&together)?.f_sub(&alone)?.f_abs()?.f_max()?;
        // NaN is not below either.
        if !matches!(f64::try_from(difference)?.partial_cmp(&most), Some(std::cmp::Ordering::Less)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Return attention `[1, A, L, D]` of one row.
fn by_itself([query, key, value]: [&Tensor; 3]) -> Result<Tensor> {
    Ok(Tensor::f_scaled_dot_product_attention(query, key, value, None::<&Tensor>, 0.0, false, None, false)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Compute what the operator is to compute, row by row.
    #[expect(clippy::unnecessary_wraps, reason = "it is used as the operator")]
    fn by_rows([query, key, value]: [&Tensor; 3], starts: &Tensor, longest: i64) -> Option<Tensor> {
        let starts = Vec::<i32>::try_from(starts).unwrap();
        let rows: Vec<_> = starts
            .windows(2)
            .map(|row| {
                let count = i64::from(row[1] - row[0]);
                assert!((1..=longest).contains(&count));
                let part = |tensor: &Tensor| tensor.narrow(1, row[0].into(), count).transpose(1, 2);
                by_itself([&part(query), &part(key), &part(value)]).unwrap().transpose(1, 2)
            })
            .collect();
        Some(Tensor::cat(&rows, 1))
    }

    #[test]
    fn right_and_wrong_operators_are_told_apart() {
        for kind in [Kind::Float, Kind::Half, Kind::BFloat16] {
            for size in [5, 16, 64] {
                assert!(is_right(Device::Cpu, kind, size, by_rows).unwrap());
                let swapped = |[query, key, value]: [&Tensor; 3], starts: &Tensor, longest| {
                    by_rows([query, value, key], starts, longest)
                };
                assert!(!is_right(Device::Cpu, kind, size, swapped).unwrap());
                let as_one_row =
                    |tensors: [&Tensor; 3], _: &Tensor, _| by_rows(tensors, &Tensor::from_slice(&[0_i32, 9]), 9);
                assert!(!is_right(Device::Cpu, kind, size, as_one_row).unwrap());
                let infinite = |tensors: [&Tensor; 3], starts: &Tensor, longest| {
                    by_rows(tensors, starts, longest).map(|found| found * f64::NAN)
                };
                assert!(!is_right(Device::Cpu, kind, size, infinite).unwrap());
                assert!(!is_right(Device::Cpu, kind, size, |_, _, _| None).unwrap());
            }
        }
    }

    #[test]
    fn rows_attend_to_themselves_alone() {
        let (heads, size) = (2, 6);
        // The third row has no kept token.
        let kept = vec![vec![0, 2, 3], vec![1], vec![], vec![0, 1, 2, 3], vec![2]];
        let layout = Layout::new(kept, 4, 1, Device::Cpu).unwrap();
        let _no_grad = tch::no_grad_guard();
        let all = Tensor::arange(9 * 3 * heads * size, (Kind::Float, Device::Cpu)).sin().view([9, -1]);
        let [query, key, value] = [0, 1, 2].map(|part| all.narrow(1, part * heads * size, heads * size));
        let found = attend(by_rows, [&query, &key, &value], &layout, heads).unwrap().unwrap();
        assert_eq!(found.size(), [9, heads * size]);
        // Packed by rising length.
        for (begin, count) in [(0, 1), (1, 1), (2, 3), (5, 4)] {
            let part = |tensor: &Tensor| split(&tensor.narrow(0, begin, count), heads).unwrap().transpose(1, 2);
            let alone = by_itself([&part(&query), &part(&key), &part(&value)]).unwrap().transpose(1, 2);
            assert!(found.narrow(0, begin, count).allclose(&alone.reshape([count, -1]), 1e-6, 1e-6, false));
        }
        assert!(attend(|_, _, _| None, [&query, &key, &value], &layout, heads).unwrap().is_none());
    }

    /// Only a libtorch for CUDA has the operator, and only a GPU computes it. Elsewhere it refuses, and nothing else happens.
    #[test]
    fn a_gpu_has_the_operator_and_a_cpu_is_refused() {
        assert!(Ragged::on(Device::Cpu, Kind::Half, 64).is_none());
        assert_eq!(Ragged::on(Device::Cuda(0), Kind::Half, 64).is_some(), tch::Cuda::is_available());
        if let Some(operator) = find() {
            let rows = Tensor::zeros([1, 9, 2, 8], (Kind::Half, Device::Cpu));
            assert!(call(operator, [&rows; 3], &Tensor::from_slice(&[0_i32, 4, 9]), 5).is_none());
        }
    }
}
