//! A tensor between weight files and libtorch: a dtype, a shape and bytes.

use std::borrow::Cow;
use std::fmt;

use crate::error::{Error, Result};

/// The element types that are read from weight files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dtype {
    /// IEEE 754 binary32.
    Float32,
    /// IEEE 754 binary64.
    Float64,
    /// IEEE 754 binary16.
    Float16,
    /// The upper half of a binary32.
    BFloat16,
    /// Signed, 8 bytes.
    Int64,
    /// Signed, 4 bytes.
    Int32,
    /// Signed, 2 bytes.
    Int16,
    /// Signed, 1 byte.
    Int8,
    /// Unsigned, 1 byte.
    UInt8,
    /// One byte, 0 or 1.
    Bool,
}

impl Dtype {
    /// Every dtype, once.
    pub const ALL: [Self; 10] = [
        Self::Float32,
        Self::Float64,
        Self::Float16,
        Self::BFloat16,
        Self::Int64,
        Self::Int32,
        Self::Int16,
        Self::Int8,
        Self::UInt8,
        Self::Bool,
    ];

    /// Return the number of bytes of one element.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::Float64 | Self::Int64 => 8,
            Self::Float32 | Self::Int32 => 4,
            Self::Float16 | Self::BFloat16 | Self::Int16 => 2,
            Self::Int8 | Self::UInt8 | Self::Bool => 1,
        }
    }

    /// Return the name in torch and numpy, e.g. `float32`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Float32 => "float32",
            Self::Float64 => "float64",
            Self::Float16 => "float16",
            Self::BFloat16 => "bfloat16",
            Self::Int64 => "int64",
            Self::Int32 => "int32",
            Self::Int16 => "int16",
            Self::Int8 => "int8",
            Self::UInt8 => "uint8",
            Self::Bool => "bool",
        }
    }

    /// Return whether the elements are floating-point numbers, the only ones that can have gradients.
    #[must_use]
    pub const fn is_floating_point(self) -> bool {
        matches!(self, Self::Float32 | Self::Float64 | Self::Float16 | Self::BFloat16)
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A tensor as bytes: row-major, contiguous, little-endian.
///
/// The number of bytes always fits the shape and dtype, and booleans always are 0 or 1. libtorch relies on both without
/// a check of its own, so the fields are private and [`RawTensor::new`] checks both.
#[derive(Clone, PartialEq, Eq)]
pub struct RawTensor<'a> {
    dtype: Dtype,
    shape: Vec<usize>,
    data: Cow<'a, [u8]>,
}

impl<'a> RawTensor<'a> {
    /// Create a tensor over borrowed or owned bytes; a shape of `[]` is a scalar.
    ///
    /// # Errors
    /// [`Error::Shape`] if the number of bytes is not what shape and dtype need, or more than memory can address;
    /// [`Error::Input`] if a boolean is neither 0 nor 1.
    pub fn new(dtype: Dtype, shape: Vec<usize>, data: impl Into<Cow<'a, [u8]>>) -> Result<Self> {
        let data = data.into();
        if byte_count(dtype, &shape) != Some(data.len()) {
            return Err(Error::Shape {
                what: "tensor data".into(),
                expected: described(dtype, &shape),
                got: format!("{} bytes", data.len()),
            });
        }
        if let Some(bad) = invalid_boolean(dtype, &data) {
            return Err(Error::input("tensor data", format!("a bool is stored as {bad}, expected 0 or 1")));
        }
        Ok(Self { dtype, shape, data })
    }

    /// Create a tensor from bytes that were checked when the [`WeightFile`](super::WeightFile) was opened.
    pub(super) const fn trusted(dtype: Dtype, shape: Vec<usize>, data: Cow<'a, [u8]>) -> Self {
        Self { dtype, shape, data }
    }

    /// Return the type of the elements.
    #[must_use]
    pub const fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// Return the sizes of the dimensions, outermost first.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Return the elements: row-major, contiguous, little-endian. The address may have any alignment.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// Return whether all elements are finite: none is infinite or NaN.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        Self::are_finite(self.dtype, &self.data)
    }

    /// Return whether all elements in these bytes are finite.
    pub(super) fn are_finite(dtype: Dtype, bytes: &[u8]) -> bool {
        /// Check that no number has all bits of the exponent set, as infinity and NaN have.
        macro_rules! none_is {
            ($bits:ty, $exponent:expr) => {{
                let (numbers, _) = bytes.as_chunks();
                // The compiler vectorises a block, since it contains no branch.
                numbers.chunks(1 << 12).all(|block| {
                    let is_set =
                        |number: &[u8; size_of::<$bits>()]| <$bits>::from_le_bytes(*number) & $exponent == $exponent;
                    !block.iter().fold(false, |found, number| found | is_set(number))
                })
            }};
        }
        match dtype {
            Dtype::Float64 => none_is!(u64, 0x7ff0_0000_0000_0000),
            Dtype::Float32 => none_is!(u32, 0x7f80_0000),
            Dtype::Float16 => none_is!(u16, 0x7c00),
            Dtype::BFloat16 => none_is!(u16, 0x7f80),
            _ => true,
        }
    }

    /// Return the elements alone; borrowed data stays borrowed.
    #[must_use]
    pub fn into_data(self) -> Cow<'a, [u8]> {
        self.data
    }
}

/// Print the dtype and the shape alone, since the elements can take hundreds of megabytes.
impl fmt::Debug for RawTensor<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RawTensor({} {:?})", self.dtype, self.shape)
    }
}

/// Return the bytes that a contiguous tensor takes, or None if the number overflows.
pub(super) fn byte_count(dtype: Dtype, shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(dtype.size(), |count, &size| count.checked_mul(size))
}

/// Return a shape, a dtype and the bytes that they take, for a message.
pub(super) fn described(dtype: Dtype, shape: &[usize]) -> String {
    match byte_count(dtype, shape) {
        Some(count) => format!("{shape:?} of {dtype} ({count} bytes)"),
        None => format!("{shape:?} of {dtype} (more bytes than memory can address)"),
    }
}

/// Return the first byte of a boolean tensor that is neither 0 nor 1, which is undefined behaviour in C++.
pub(super) fn invalid_boolean(dtype: Dtype, data: &[u8]) -> Option<u8> {
    if dtype == Dtype::Bool { data.iter().copied().find(|&byte| byte > 1) } else { None }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn not_finite_numbers_are_found() {
        let float = |numbers: &[f32]| {
            let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
            RawTensor::new(Dtype::Float32, vec![numbers.len()], bytes).unwrap()
        };
        assert!(float(&[0.0, -1.5, f32::MAX, f32::MIN_POSITIVE / 2.0]).is_finite());
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(!float(&[1.0, bad]).is_finite());
        }
        for (dtype, finite, bad) in [
            (Dtype::Float64, f64::MAX.to_le_bytes().to_vec(), f64::NAN.to_le_bytes().to_vec()),
            (Dtype::Float16, vec![0xff, 0x7b], vec![0x00, 0xfc]),
            (Dtype::BFloat16, vec![0x7f, 0x7f], vec![0x80, 0x7f]),
        ] {
            assert!(RawTensor::new(dtype, vec![1], finite).unwrap().is_finite(), "{dtype}");
            assert!(!RawTensor::new(dtype, vec![1], bad).unwrap().is_finite(), "{dtype}");
        }
        assert!(RawTensor::new(Dtype::Int32, vec![1], vec![0xff; 4]).unwrap().is_finite());
    }

    #[test]
    fn the_length_must_match_the_shape() {
        assert!(RawTensor::new(Dtype::Float32, vec![2, 3], vec![0; 24]).is_ok());
        assert!(RawTensor::new(Dtype::Float32, vec![], vec![0; 4]).is_ok());
        assert!(RawTensor::new(Dtype::Float32, vec![0, 7], vec![]).is_ok());
        let error = RawTensor::new(Dtype::Float32, vec![2, 3], vec![0; 20]).unwrap_err();
        assert_eq!(error.to_string(), "tensor data: expected shape [2, 3] of float32 (24 bytes), got 20 bytes");
        // 2^32 * 2^32 wraps to zero in 64 bits.
        assert!(RawTensor::new(Dtype::Int8, vec![1 << 32, 1 << 32], vec![]).is_err());
        assert!(RawTensor::new(Dtype::Bool, vec![2], vec![1, 2]).is_err());
    }
}
