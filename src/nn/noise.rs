//! The random numbers of dropout: drawn on all cores, and the same for any number of cores.

use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU64, Ordering};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rayon::prelude::*;
use tch::{Device, Kind, Tensor};

use crate::error::Result;
use crate::interrupt::has_workers;

/// The key of a stream of random numbers.
pub type Key = [u8; 32];

/// The keys of the rows of a batch. The numbers that dropout draws in a row are a function of the row's key and of the
/// number of calls of dropout before it in the pass.
#[derive(Debug)]
pub struct Noise {
    keys: Vec<Key>,
    calls: AtomicU64,
}

impl Noise {
    /// Take a key for each row of the batch.
    #[must_use]
    pub fn new(keys: Vec<Key>) -> Self {
        Self { keys, calls: AtomicU64::new(0) }
    }

    /// Count another call of dropout, and return its number.
    pub(crate) fn call(&self) -> u64 {
        self.calls.fetch_add(1, Ordering::Relaxed)
    }

    /// Return the numbers of a call for rows that are stored one after another in a tensor: pairs of the row and the
    /// number of its elements.
    pub(crate) fn segments(&self, stream: u64, rows: impl Iterator<Item = (usize, usize)>) -> Vec<Segment> {
        rows.filter_map(|(row, count)| Some(Segment { key: *self.keys.get(row)?, stream, count })).collect()
    }
}

/// Random numbers for `count` consecutive elements of a tensor.
#[derive(Debug, Clone, Copy)]
pub struct Segment {
    key: Key,
    stream: u64,
    count: usize,
}

/// Return the factors of dropout for a tensor of this shape: 0 with this probability, otherwise the factor that keeps
/// the mean. Float32 on the CPU.
///
/// `segments` fill the tensor from its beginning. Each decision takes 16 random bits, so the probability is rounded to
/// a multiple of 2^-16. (libtorch draws on one core, one number after another, which takes a sixth of a training step.)
///
/// # Errors
/// [`crate::Error::Torch`] if libtorch refuses.
pub(super) fn mask(shape: &[i64], probability: f64, segments: Vec<Segment>) -> Result<Tensor> {
    /// Elements that a thread fills at once.
    const PIECE: usize = 1 << 14;
    fill(shape, probability, |mut rest| {
        let mut pieces = Vec::new();
        for segment in segments {
            let (mut own, after) = rest.split_at_mut(segment.count.min(rest.len()));
            rest = after;
            let mut begin = 0;
            while !own.is_empty() {
                let length = PIECE.min(own.len());
                let (values, after) = own.split_at_mut(length);
                pieces.push(Piece { segment, begin, values, line: length, drawn: length });
                begin += length;
                own = after;
            }
        }
        rest.fill(MaybeUninit::new(0.0));
        pieces
    })
}

/// Return the factors of dropout for a tensor `[rows, A, L, L]` of rows with these lengths, whose segments have the numbers
/// of `[A, l, l]`; 0 at padded positions. Otherwise as [`mask`].
///
/// # Errors
/// [`crate::Error::Torch`] if libtorch refuses.
pub(super) fn mask_of_squares(
    shape: &[i64],
    probability: f64,
    segments: &[Segment],
    lengths: &[i64],
) -> Result<Tensor> {
    let &[_, heads, _, longest] = shape else { return mask(shape, probability, segments.to_vec()) };
    let (heads, longest) = (heads as usize, longest as usize);
    fill(shape, probability, |values| {
        let mut pieces = Vec::new();
        let squares = values.chunks_exact_mut(longest * longest);
        for (number, values) in squares.enumerate() {
            let row = number / heads;
            match (segments.get(row), lengths.get(row)) {
                (Some(&segment), Some(&length)) => {
                    let length = length as usize;
                    let (own, rest) = values.split_at_mut(length * longest);
                    rest.fill(MaybeUninit::new(0.0));
                    let begin = number % heads * length * length;
                    pieces.push(Piece { segment, begin, values: own, line: longest, drawn: length });
                }
                _ => values.fill(MaybeUninit::new(0.0)),
            }
        }
        pieces
    })
}

/// Elements of a tensor that are filled at once: lines, of which only the first elements have random numbers.
struct Piece<'a> {
    segment: Segment,
    /// The number of the segment with which the piece begins.
    begin: usize,
    values: &'a mut [MaybeUninit<f32>],
    /// Number of elements of a line.
    line: usize,
    /// Number of the elements of a line that have random numbers. The others are zeros.
    drawn: usize,
}

impl Piece<'_> {
    /// Write `kept` where a number of 16 bits is at least the threshold, otherwise 0.
    fn draw(self, threshold: u32, kept: f32) {
        let mut generator = ChaCha8Rng::from_seed(self.segment.key);
        generator.set_stream(self.segment.stream);
        // The position counts words of 32 bits, which hold two numbers each.
        generator.set_word_pos(self.begin as u128 / 2);
        let mut bytes = [0_u8; 1024];
        generator.fill_bytes(&mut bytes);
        let mut place = self.begin % 2 * 2;
        for line in self.values.chunks_mut(self.line) {
            let (mut own, rest) = line.split_at_mut(self.drawn.min(line.len()));
            rest.fill(MaybeUninit::new(0.0));
            while !own.is_empty() {
                if place == bytes.len() {
                    generator.fill_bytes(&mut bytes);
                    place = 0;
                }
                let count = own.len().min((bytes.len() - place) / 2);
                let (part, after) = own.split_at_mut(count);
                for (factor, pair) in part.iter_mut().zip(bytes[place..].chunks_exact(2)) {
                    let is_kept = u32::from(u16::from_le_bytes([pair[0], pair[1]])) >= threshold;
                    factor.write(if is_kept { kept } else { 0.0 });
                }
                place += 2 * count;
                own = after;
            }
        }
    }
}

/// Return a new tensor of this shape, of whose elements `share` makes pieces, or fills those that are in none.
fn fill(
    shape: &[i64],
    probability: f64,
    share: impl FnOnce(&mut [MaybeUninit<f32>]) -> Vec<Piece<'_>>,
) -> Result<Tensor> {
    let mask = Tensor::f_empty(shape, (Kind::Float, Device::Cpu))?;
    let count = mask.numel();
    if count == 0 {
        // Its data pointer is null, of which no slice may be made.
        return Ok(mask);
    }
    // SAFETY: the tensor is new, contiguous and float32, has `count` elements, and nothing else refers to it. libtorch
    // has not written to its memory, which `MaybeUninit` allows for; every element is written below before the tensor
    // is read.
    let values = unsafe { std::slice::from_raw_parts_mut(mask.data_ptr().cast::<MaybeUninit<f32>>(), count) };
    let pieces = share(values);
    let dropped = (probability * 65536.0).round();
    let (threshold, kept) = (dropped as u32, (65536.0 / (65536.0 - dropped)) as f32);
    if pieces.len() > 1 && tch::get_num_threads() > 1 && has_workers() {
        pieces.into_par_iter().for_each(|piece| piece.draw(threshold, kept));
    } else {
        for piece in pieces {
            piece.draw(threshold, kept);
        }
    }
    Ok(mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyed(key: u8, counts: &[usize]) -> Vec<Segment> {
        let keys = (0..counts.len()).map(|row| [key + row as u8; 32]).collect();
        Noise::new(keys).segments(0, counts.iter().copied().enumerate())
    }

    #[test]
    fn the_dropped_share_is_the_probability_and_the_mean_is_kept() {
        for probability in [0.1, 0.5, 0.9] {
            let mask = mask(&[1000, 1000], probability, keyed(1, &[1_000_000])).unwrap();
            let dropped = mask.eq(0.0).to_kind(Kind::Double).mean(Kind::Double).double_value(&[]);
            // Six standard deviations.
            let apart = 6.0 * (probability * (1.0 - probability) / 1e6).sqrt();
            assert!((dropped - probability).abs() < apart, "{dropped}");
            let mean = mask.mean(Kind::Double).double_value(&[]);
            assert!((mean - 1.0).abs() < apart / (1.0 - probability), "{mean}");
        }
    }

    #[test]
    fn a_row_draws_the_same_numbers_at_any_place() {
        let (one, other) = (40_000, 70_001);
        let both = mask(&[(one + other) as i64], 0.5, keyed(1, &[one, other])).unwrap();
        let alone = mask(&[other as i64], 0.5, keyed(2, &[other])).unwrap();
        assert!(both.narrow(0, one as i64, other as i64).equal(&alone));
        assert!(!both.narrow(0, 0, one as i64).equal(&alone.narrow(0, 0, one as i64)));
        // The pieces of a row differ, and so do calls.
        assert!(!alone.narrow(0, 0, 16384).equal(&alone.narrow(0, 16384, 16384)));
        let noise = Noise::new(vec![[2; 32]]);
        let calls: Vec<_> = (0..2).map(|_| noise.segments(noise.call(), [(0, other)].into_iter())).collect();
        let [first, second] = [0, 1].map(|call| mask(&[other as i64], 0.5, calls[call].clone()).unwrap());
        assert!(first.equal(&alone) && !second.equal(&alone));
    }

    #[test]
    fn squares_have_the_numbers_that_rows_have_without_padding() {
        let (heads, lengths, longest) = (3, [1_i64, 5, 40, 33], 40);
        let counts = lengths.map(|length| (heads * length * length) as usize);
        let padded = mask_of_squares(&[4, heads, longest, longest], 0.5, &keyed(1, &counts), &lengths).unwrap();
        for (row, &length) in lengths.iter().enumerate() {
            let alone = mask(&[heads, length, length], 0.5, keyed(1 + row as u8, &counts[row..=row])).unwrap();
            let own = padded.get(row as i64).narrow(1, 0, length).narrow(2, 0, length);
            assert!(own.equal(&alone));
            assert_eq!(padded.get(row as i64).abs().sum(Kind::Float), alone.abs().sum(Kind::Float));
        }
    }

    #[test]
    fn elements_without_a_row_are_dropped() {
        assert_eq!(Vec::<f32>::try_from(mask(&[5], 0.5, keyed(1, &[0])).unwrap()).unwrap(), [0.0; 5]);
        assert_eq!(mask(&[0, 3], 0.5, keyed(1, &[7])).unwrap().size(), [0, 3]);
    }
}
