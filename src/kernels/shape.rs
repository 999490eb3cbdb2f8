//! The sizes of an encoder.

/// The sizes of an encoder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// H.
    pub(crate) hidden: usize,
    /// F.
    pub(crate) inner: usize,
    /// A, which divides H.
    pub(crate) heads: usize,
}
