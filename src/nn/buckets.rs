//! Rows of near lengths, padded to the longest of them: training's attention needs one call for each bucket of rows.

use tch::{Kind, Tensor};

use super::Layout;
use crate::error::Result;

/// What the calls for another bucket cost, forward and backward, in multiplications for the scores: about a sixth of a
/// millisecond on two cores.
const CALLS: i64 = 6_000_000;

/// Rows that are neighbours in the packed layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bucket {
    /// The place of the first row in the packed order.
    pub first: usize,
    /// Number of rows.
    pub rows: i64,
    /// Number of tokens of the longest row, to which the others are padded.
    pub length: i64,
}

/// The rows of a packed layout in buckets.
#[derive(Debug)]
pub(super) struct Buckets {
    all: Vec<Bucket>,
    /// Number of tokens of each row, in packed order.
    lengths: Vec<i64>,
    /// The place of each packed token among the padded ones, `[T]`. None if no row is padded.
    index: Option<Tensor>,
}

impl Buckets {
    /// Share the rows among the buckets for which calls and padding cost least, with `width` multiplications for a score.
    pub fn new(layout: &Layout, width: i64) -> Result<Self> {
        let lengths: Vec<i64> =
            layout.packed_rows().map(|(_, kept)| kept.len() as i64).filter(|&length| length > 0).collect();
        let all = share(layout, width);
        let padded: i64 = all.iter().map(|bucket| bucket.rows * bucket.length).sum();
        let index = if padded == layout.tokens() {
            None
        } else {
            let mut places = Vec::with_capacity(lengths.iter().sum::<i64>() as usize);
            let mut start = 0;
            for bucket in &all {
                for &length in &lengths[bucket.first..][..bucket.rows as usize] {
                    places.extend(start..start + length);
                    start += bucket.length;
                }
            }
            Some(Tensor::f_from_slice(&places)?)
        };
        Ok(Self { all, lengths, index })
    }

    pub fn iter(&self) -> impl Iterator<Item = &Bucket> {
        self.all.iter()
    }

    /// Return `[rows, length, H]` for each bucket of `[T, H]`, with zeros at padded positions. Gradients flow through.
    pub fn pad(&self, packed: &Tensor) -> Result<Vec<Tensor>> {
        let sizes: Vec<_> = self.all.iter().map(|bucket| bucket.rows * bucket.length).collect();
        let width = packed.size()[1];
        let padded = match &self.index {
            None => packed.f_alias()?,
            Some(index) => Tensor::f_zeros([sizes.iter().sum(), width], (packed.kind(), packed.device()))?
                .f_index_copy_(0, index, packed)?,
        };
        // All in one call: the gradient of a part alone is as large as the whole.
        let parts = if sizes.len() == 1 { vec![padded] } else { padded.f_split_with_sizes(sizes, 0)? };
        let view = |(part, bucket): (Tensor, &Bucket)| Ok(part.f_view([bucket.rows, bucket.length, width])?);
        parts.into_iter().zip(&self.all).map(view).collect()
    }

    /// Return `[T, H]` of `[rows · length, H]` for each bucket. Gradients flow through.
    pub fn pack(&self, parts: &[Tensor]) -> Result<Tensor> {
        let padded = match parts {
            [only] => only.f_alias()?,
            several => Tensor::f_cat(several, 0)?,
        };
        Ok(match &self.index {
            None => padded,
            Some(index) => padded.f_index_select(0, index)?,
        })
    }

    /// Return what is added to scores so that nothing attends to padded positions, `[rows, 1, 1, length]`; None if no row
    /// of the bucket is padded.
    pub fn bias(&self, bucket: &Bucket, kind: Kind) -> Result<Option<Tensor>> {
        let lengths = self.lengths(bucket);
        if lengths.iter().all(|&length| length == bucket.length) {
            return Ok(None);
        }
        let mut bias = vec![0.0_f32; (bucket.rows * bucket.length) as usize];
        for (row, &length) in bias.chunks_exact_mut(bucket.length as usize).zip(lengths) {
            row[length as usize..].fill(f32::NEG_INFINITY);
        }
        let shape = [bucket.rows, 1, 1, bucket.length];
        Ok(Some(Tensor::f_from_slice(&bias)?.f_view(shape)?.f_to_kind(kind)?))
    }

    /// Return the number of tokens of each row of a bucket.
    pub fn lengths(&self, bucket: &Bucket) -> &[i64] {
        &self.lengths[bucket.first..][..bucket.rows as usize]
    }
}

/// Return the cheapest buckets of a layout's groups.
fn share(layout: &Layout, width: i64) -> Vec<Bucket> {
    let groups = layout.groups();
    // The least cost of the groups before each one, and where its last bucket begins.
    let mut best = vec![(0_i64, 0_usize)];
    for end in 1..=groups.len() {
        let length = groups[end - 1].length;
        let mut rows = 0;
        let mut least = (i64::MAX, 0);
        for begin in (0..end).rev() {
            rows += groups[begin].rows;
            let own = rows.saturating_mul(length * length).saturating_mul(width).saturating_add(CALLS);
            least = least.min((best[begin].0.saturating_add(own), begin));
        }
        best.push(least);
    }
    let mut ends = vec![groups.len()];
    while let Some(&end) = ends.last()
        && end > 0
    {
        ends.push(best[end].1);
    }
    let mut first = 0;
    let bucket = |pair: &[usize]| {
        let rows = groups[pair[1]..pair[0]].iter().map(|group| group.rows).sum();
        let bucket = Bucket { first, rows, length: groups[pair[0] - 1].length };
        first += rows as usize;
        bucket
    };
    ends.windows(2).rev().map(bucket).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tch::{Device, nn};

    use super::*;
    use crate::nn::{Attention, AttentionNames, Dropout, ForwardOptions, Initial, Noise, Parameters};

    const HEADS: i64 = 12;
    /// With it, rows of up to 120 tokens are in several buckets.
    const WIDTH: i64 = 768;

    fn layout(lengths: &[i64], keys: impl Iterator<Item = u8>) -> Layout {
        let longest = lengths.iter().max().map_or(0, |&length| length as usize);
        let kept = lengths.iter().map(|&length| (0..length).collect()).collect();
        let mut layout = Layout::new(kept, longest, 1, Device::Cpu).unwrap();
        layout.set_noise(Noise::new(keys.map(|key| [key; 32]).collect()));
        layout
    }

    fn cost(parts: &[&[Bucket]], width: i64) -> i64 {
        let own = |bucket: &Bucket| bucket.rows * bucket.length * bucket.length * width + CALLS;
        parts.iter().flat_map(|part| part.iter()).map(own).sum()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn no_other_buckets_cost_less(
            lengths in prop::collection::vec(0_i64..400, 1..7), width in prop::sample::select(vec![4_i64, 64, 256, 1024])
        ) {
            let layout = layout(&lengths, std::iter::empty());
            let all = share(&layout, width);
            let groups = layout.groups();
            prop_assert_eq!(all.iter().map(|bucket| bucket.rows).sum::<i64>(), groups.iter().map(|one| one.rows).sum::<i64>());
            let found = cost(&[&all], width);
            // Each set of places between groups at which a bucket may end.
            for ends in 0..1_u32 << groups.len().saturating_sub(1) {
                let mut other = Vec::new();
                let mut rows = 0;
                for (place, group) in groups.iter().enumerate() {
                    rows += group.rows;
                    if place + 1 == groups.len() || ends >> place & 1 == 1 {
                        other.push(Bucket { first: 0, rows, length: group.length });
                        rows = 0;
                    }
                }
                prop_assert!(found <= cost(&[&other], width));
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]

        #[test]
        fn rows_of_a_batch_are_trained_as_alone(lengths in prop::collection::vec(0_i64..120, 1..7)) {
            let store = nn::VarStore::new(Device::Cpu);
            let names = AttentionNames { query: "q", key: "k", value: "v", output: "o" };
            let parameters = Parameters::random(&store.root(), Initial { standard_deviation: 0.05, padding: None, sinusoidal: false });
            let attention = Attention::new(&parameters, &names, WIDTH, HEADS, Dropout::new(0.4)).unwrap();
            let options = ForwardOptions { train: true, ..ForwardOptions::default() };
            // Return the result of each row, and the gradients of a sum with these weights.
            let run = |layout: &Layout, hidden: &Tensor, weights: &Tensor| {
                let packed = layout.pack(hidden).unwrap();
                let context = attention.forward(&packed, layout, options).unwrap().hidden;
                let result = layout.unpack(&context).unwrap();
                let variables = store.trainable_variables();
                let gradients = Tensor::run_backward(&[(&result * weights).sum(None)], &variables, false, false);
                (result.detach(), gradients)
            };
            let longest = *lengths.iter().max().unwrap();
            let random = || Tensor::randn([lengths.len() as i64, longest, WIDTH], tch::kind::FLOAT_CPU);
            let (hidden, weights) = (random(), random());
            let together = layout(&lengths, 1..8);
            if together.tokens() == 0 {
                return Ok(());
            }
            let (found, gradients) = run(&together, &hidden, &weights);
            let mut sums: Vec<Tensor> = gradients.iter().map(Tensor::zeros_like).collect();
            for (row, &length) in lengths.iter().enumerate().filter(|(_, length)| **length > 0) {
                let own = |all: &Tensor| all.narrow(0, row as i64, 1).narrow(1, 0, length);
                let alone = layout(&[length], row as u8 + 1..row as u8 + 2);
                let (expected, own_gradients) = run(&alone, &own(&hidden), &own(&weights));
                prop_assert!(own(&found).allclose(&expected, 1e-5, 1e-5, false));
                for (sum, own) in sums.iter_mut().zip(own_gradients) {
                    *sum += own;
                }
            }
            for (sum, gradient) in sums.iter().zip(&gradients) {
                prop_assert!(sum.allclose(gradient, 1e-4, 1e-4, false));
            }
        }
    }
}
