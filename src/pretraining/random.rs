//! Random numbers that are a function of the seed, the step, the example and their use.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::nn::Key;

/// The use of random numbers: two uses never share numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// The choice of tokens.
    Positions,
    /// The choice of the tokens that become `[MASK]`.
    Masks,
    /// The generator's samples.
    Samples,
    /// Dropout in the generator.
    InGenerator,
    /// Dropout in the discriminator.
    InDiscriminator,
}

/// The random numbers of one example of one step.
///
/// They come from a counter-based generator (`ChaCha` with 8 rounds) with the key (seed, step) and the example as its
/// stream. So a run resumes without stored state, and any process may take any example.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Random {
    /// The seed of the run.
    pub seed: u64,
    /// The number of the update, from 0.
    pub step: u64,
    /// The number of the example in the batch of all processes, from 0.
    pub example: u64,
}

impl Random {
    /// Return uniform numbers in [0, 1), each with the 24 bits that float32 holds.
    pub(super) fn uniforms(self, purpose: Use) -> impl Iterator<Item = f32> {
        const UNIT: f32 = 1.0 / (1 << 24) as f32;
        let mut generator = ChaCha8Rng::from_seed(self.key(purpose, 0));
        generator.set_stream(self.example);
        std::iter::repeat_with(move || (generator.next_u32() >> 8) as f32 * UNIT)
    }

    /// Return a key of this example alone, for any number of streams.
    pub(super) fn own_key(self, purpose: Use) -> Key {
        self.key(purpose, self.example)
    }

    fn key(self, purpose: Use, example: u64) -> Key {
        let mut key = [0_u8; 32];
        key[..8].copy_from_slice(&self.seed.to_le_bytes());
        key[8..16].copy_from_slice(&self.step.to_le_bytes());
        key[16] = purpose as u8;
        key[24..].copy_from_slice(&example.to_le_bytes());
        key
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn each_use_has_its_own_reproducible_numbers() {
        let base = Random { seed: 1, step: 2, example: 3 };
        let draw = |random: Random, purpose| random.uniforms(purpose).take(8).map(f32::to_bits).collect::<Vec<_>>();
        let first = draw(base, Use::Positions);
        assert_eq!(first, draw(base, Use::Positions));
        for other in [
            draw(base, Use::Masks),
            draw(Random { seed: 2, ..base }, Use::Positions),
            draw(Random { step: 3, ..base }, Use::Positions),
            draw(Random { example: 4, ..base }, Use::Positions),
        ] {
            assert!(first.iter().all(|number| !other.contains(number)));
        }
    }

    #[test]
    fn numbers_are_uniform() {
        let count = 100_000;
        let numbers: Vec<f32> = Random { seed: 0, step: 0, example: 0 }.uniforms(Use::Samples).take(count).collect();
        assert!(numbers.iter().all(|number| (0.0..1.0).contains(number)));
        let mean = numbers.iter().map(|&number| f64::from(number)).sum::<f64>() / count as f64;
        // Five standard deviations of the mean.
        assert!((mean - 0.5).abs() < 5.0 * (1.0 / 12.0_f64 / count as f64).sqrt(), "{mean}");
    }
}
