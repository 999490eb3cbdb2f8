//! Kernels for frozen encoders on CPUs: products, attention, norms and activations over packed rows, in five precisions.
//!
//! Everything here works on slices of numbers and knows no libtorch. A kernel is written once, over the vectors of an
//! instruction set ([`simd`]) and the form of a product's operands ([`product`]):
//!
//! | precision | weights | input of a product | one step | sums |
//! |---|---|---|---|---|
//! | float32 | float32 | float32 | 1 of K | float32 |
//! | float16 | float16 | float32 | 1 of K | float32 |
//! | bfloat16 | bfloat16 | bfloat16 | 2 of K | float32 |
//! | int8 | int8, a scale per column | int8, a scale per row; int16 on AVX2 | 4 of K, 2 on AVX2 | int32, exact |
//!
//! In `int8_bfloat16` the product of queries, keys and values is one of bfloat16, and the others are of int8. That product
//! costs int8 most of the answers that it loses: of 22,061 likeliest tokens of masks 98.9 % were float32's, and 98.5 % in
//! int8, which takes 82 to 87 % of the time.
//!
//! Hidden states, norms and activations are float32. So is attention, except with int8 on processors that multiply bfloat16:
//! an int8 layer of 128 tokens takes 93 % of the time with it, and one of 512 tokens 81 %. The precision bfloat16 would save
//! 4 % and 13 %, but keep 99.47 % of the likeliest tokens of masks, and it promises 99.5 %.
//!
//! **A row's numbers depend on its text alone.** The sums of a row are added in an order that depends on K, never on the
//! number of rows, on their neighbours, or on threads. So a text gives the same bits alone, in any batch and with any
//! number of threads.
//!
//! **Threads.** If there are enough texts, each thread takes whole texts through all layers, and waits for nobody. Otherwise
//! threads share the columns of each product and the heads of each text, and wait for each other five times a layer
//! ([`team`]). Both give the same bits. The threads are the caller's own, and sleep between its calls ([`helpers`]).

#![allow(clippy::inline_always, reason = "a function has its instruction set only where it is inlined")]

mod attention;
mod embeddings;
mod encoder;
mod functions;
mod helpers;
mod layer;
mod linear;
mod matrix;
mod memory;
mod norms;
mod product;
mod rows;
mod shape;
mod simd;
mod table;
mod team;

pub use attention::Direction;
pub(crate) use embeddings::{Embeddings, Tokens};
pub(crate) use encoder::{Call, Layers};
pub(crate) use functions::{Function, apply};
pub(crate) use layer::Layer;
pub(crate) use linear::Linear;
pub(crate) use matrix::Matrix;
pub(crate) use norms::{Norms, normalise};
pub(crate) use shape::Shape;
pub(crate) use table::Table;

#[cfg(test)]
mod tests;

use matrix::Pack;
use rows::Encode;
use simd::Simd;
#[cfg(target_arch = "x86_64")]
use simd::{Avx2, Avx512};

/// How the weights of a frozen model are stored, and how products are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precision {
    /// float32.
    Float32,
    /// Weights in float16, arithmetic in float32: half the memory, and faster where memory is what a product waits for. On
    /// libtorch's operators arithmetic is float16 too.
    Float16,
    /// Weights and inputs of products in bfloat16, sums in float32.
    BFloat16,
    /// Weights and inputs of products in int8, with a scale per column of weights and per token.
    Int8,
    /// int8, but queries, keys and values in bfloat16: a little slower, and more answers are those of float32.
    Int8BFloat16,
}

impl Precision {
    /// Every precision with its name.
    pub const ALL: [(&'static str, Self); 5] = [
        ("float32", Self::Float32),
        ("float16", Self::Float16),
        ("bfloat16", Self::BFloat16),
        ("int8", Self::Int8),
        ("int8_bfloat16", Self::Int8BFloat16),
    ];

    /// Return the precision of this name, such as `bfloat16`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, precision)| *precision)
    }

    /// Return the name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, known)| *known == self).map_or("float32", |(name, _)| name)
    }

    /// Return whether products multiply bfloat16, so that it has to be emulated on processors that do not.
    #[must_use]
    pub fn needs_bfloat16(self) -> bool {
        matches!(self, Self::BFloat16 | Self::Int8BFloat16)
    }
}

/// An instruction set that kernels are written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instructions {
    /// AVX2, FMA and F16C.
    Avx2,
    /// AVX-512 F, BW, DQ, VL and VNNI.
    Avx512,
    /// Those and AVX-512 BF16.
    Avx512BFloat16,
}

impl Instructions {
    /// Every instruction set with its name, the best one last.
    pub const ALL: [(&'static str, Self); 3] =
        [("avx2", Self::Avx2), ("avx512", Self::Avx512), ("avx512bf16", Self::Avx512BFloat16)];

    /// Return whether this processor has the instructions.
    #[must_use]
    pub fn are_here(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        {
            use std::arch::is_x86_feature_detected as has;
            let avx2 = has!("avx2") && has!("fma") && has!("f16c");
            let avx512 =
                || has!("avx512f") && has!("avx512bw") && has!("avx512dq") && has!("avx512vl") && has!("avx512vnni");
            match self {
                Self::Avx2 => avx2,
                Self::Avx512 => avx2 && avx512(),
                Self::Avx512BFloat16 => avx2 && avx512() && has!("avx512bf16"),
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        false
    }

    /// Return the name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, known)| *known == self).map_or("avx2", |(name, _)| name)
    }

    /// Return the features of processors that kernels use, and whether this processor has each.
    #[must_use]
    pub fn features() -> Vec<(&'static str, bool)> {
        #[cfg(target_arch = "x86_64")]
        {
            macro_rules! found {
                ($($name:tt),+) => { vec![$(($name, std::arch::is_x86_feature_detected!($name))),+] };
            }
            found!["avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512vnni", "avx512bf16"]
        }
        #[cfg(not(target_arch = "x86_64"))]
        Vec::new()
    }

    /// Return whether bfloat16 is multiplied by the processor itself, and not as float32.
    #[must_use]
    pub fn have_bfloat16(self) -> bool {
        self == Self::Avx512BFloat16
    }
}

/// The kernels of a model. The processor has the instructions: only [`Choice::new`] makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Choice {
    precision: Precision,
    instructions: Instructions,
}

impl Choice {
    /// Return the kernels for a precision and an instruction set; None if this processor lacks the instructions.
    pub(crate) fn new(precision: Precision, instructions: Instructions) -> Option<Self> {
        instructions.are_here().then_some(Self { precision, instructions })
    }

    /// Return the same instructions with another precision.
    pub(crate) fn with(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// Return the kernels of the product of queries, keys and values.
    pub(crate) fn projections(self) -> Self {
        if self.precision == Precision::Int8BFloat16 { self.with(Precision::BFloat16) } else { self }
    }

    pub(crate) fn precision(self) -> Precision {
        self.precision
    }

    pub(crate) fn instructions(self) -> Instructions {
        self.instructions
    }

    /// Run work compiled for the choice.
    #[cfg(target_arch = "x86_64")]
    fn run<W: Work>(self, work: W) -> W::Result {
        match self.instructions {
            Instructions::Avx2 => self.run_on::<Avx2, W>(work),
            Instructions::Avx512 => self.run_on::<Avx512<false>, W>(work),
            Instructions::Avx512BFloat16 => self.run_on::<Avx512<true>, W>(work),
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn run<W: Work>(self, _work: W) -> W::Result {
        unreachable!("no choice is made without its instructions")
    }

    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "there are no instructions to run on"))]
    fn run_on<S: Simd, W: Work>(self, work: W) -> W::Result {
        match self.precision {
            Precision::Float32 => work.run::<S, product::Float32>(),
            Precision::Float16 => work.run::<S, product::Float16>(),
            Precision::BFloat16 => work.run::<S, product::BFloat16>(),
            Precision::Int8 => work.run::<S, product::Int8>(),
            Precision::Int8BFloat16 => work.run::<S, Int8BFloat16>(),
        }
    }
}

/// The forms of a layer's products.
trait Forms: 'static {
    /// That of queries, keys and values.
    type Projections: Encode + Pack;
    /// That of all others.
    type Others: Encode + Pack;
}

impl<F: Encode + Pack> Forms for F {
    type Projections = F;
    type Others = F;
}

/// The forms of [`Precision::Int8BFloat16`].
struct Int8BFloat16;

impl Forms for Int8BFloat16 {
    type Projections = product::BFloat16;
    type Others = product::Int8;
}

/// Work that is compiled for each instruction set and precision. It runs only where the processor has the instructions.
trait Work {
    type Result;
    fn run<S: Simd, F: Forms>(self) -> Self::Result;
}
