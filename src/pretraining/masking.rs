//! Dynamic masking: the choice of tokens in a row, and the ids that the generator sees at their positions.

use super::random::{Random, Use};
use crate::error::{Error, Result};

/// The special ids: none of them is ever chosen, and `mask` replaces a chosen token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpecialIds {
    /// `[CLS]`.
    pub class: i64,
    /// `[SEP]`.
    pub separator: i64,
    /// `[MASK]`.
    pub mask: i64,
}

/// The options of masking.
///
/// In a row of n tokens, special ones included, `max(1, min(maximum, round(share * n)))` of those that are not special
/// are chosen. The share `replaced` of the chosen tokens becomes `[MASK]`, the others are left unchanged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Masking {
    /// The share of tokens to choose; 0.15 in the original.
    pub share: f64,
    /// The largest number of tokens to choose in a row; in the original `int((share + 0.005) * max_length)`, 19 for
    /// 128.
    pub maximum: usize,
    /// The share of the chosen tokens that become `[MASK]`; 0.85 in the original.
    pub replaced: f64,
    /// Whether positions are drawn with replacement, as in the original, so that some are chosen twice. Then the loss
    /// counts them twice, and the discriminator sees the mean of the two samples, rounded down.
    pub with_replacement: bool,
    /// The special ids.
    pub special: SpecialIds,
}

/// A row after masking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Masked {
    /// The row that the generator sees.
    pub ids: Vec<i64>,
    /// The chosen positions in rising order, or, with replacement, in the order of the draws.
    pub positions: Vec<usize>,
    /// The original ids at these positions.
    pub originals: Vec<i64>,
}

impl Masking {
    /// Check the options for a vocabulary of this size.
    ///
    /// # Errors
    /// [`Error::Input`] if a share is not from 0 to 1, if `maximum` is 0, or if a special id is not in the vocabulary.
    pub fn check(&self, vocab_size: i64) -> Result<()> {
        for (what, share) in [("mask_probability", self.share), ("masked_share", self.replaced)] {
            if !(0.0..=1.0).contains(&share) {
                return Err(Error::input(what, format!("expected a probability, got {share}")));
            }
        }
        if self.maximum == 0 {
            return Err(Error::input("max_predictions", "expected at least 1, got 0"));
        }
        let SpecialIds { class, separator, mask } = self.special;
        if let Some(id) = [class, separator, mask].into_iter().find(|id| !(0..vocab_size).contains(id)) {
            return Err(Error::input("special_ids", format!("expected ids from 0 to below {vocab_size}, got {id}")));
        }
        Ok(())
    }

    /// Return how many tokens are chosen in a row of `length` tokens, if it has that many candidates.
    #[must_use]
    pub fn count(&self, length: usize) -> usize {
        // As TensorFlow computes it: in float32, with ties rounded to even.
        let wanted = (length as f32 * self.share as f32).round_ties_even() as usize;
        wanted.min(self.maximum).max(1)
    }

    /// Return the positions that may be chosen: those of tokens that are not special.
    #[must_use]
    pub fn candidates(&self, row: &[i64]) -> Vec<usize> {
        let SpecialIds { class, separator, mask } = self.special;
        let is_candidate = |id: &i64| ![class, separator, mask].contains(id);
        row.iter().enumerate().filter(|(_, id)| is_candidate(id)).map(|(place, _)| place).collect()
    }

    /// Return how many tokens of a row are chosen.
    #[must_use]
    pub fn chosen(&self, row: &[i64]) -> usize {
        let candidates = self.candidates(row).len();
        if candidates == 0 {
            return 0;
        }
        let count = self.count(row.len());
        if self.with_replacement { count } else { count.min(candidates) }
    }

    /// Mask a row without padding.
    #[must_use]
    pub fn mask(&self, row: &[i64], random: Random) -> Masked {
        let mut candidates = self.candidates(row);
        let count = self.chosen(row);
        let mut numbers = random.uniforms(Use::Positions);
        let mut draw = |below: usize| {
            let number = numbers.next().unwrap_or_default();
            ((number * below as f32) as usize).min(below.saturating_sub(1))
        };
        let positions: Vec<usize> = if self.with_replacement {
            (0..count).map(|_| candidates[draw(candidates.len())]).collect()
        } else {
            // The first `count` places of a Fisher-Yates shuffle.
            for place in 0..count {
                let other = place + draw(candidates.len() - place);
                candidates.swap(place, other);
            }
            candidates.truncate(count);
            candidates.sort_unstable();
            candidates
        };
        let mut ids = row.to_vec();
        for (&position, number) in positions.iter().zip(random.uniforms(Use::Masks)) {
            if f64::from(number) < self.replaced {
                ids[position] = self.special.mask;
            }
        }
        let originals = positions.iter().map(|&position| row[position]).collect();
        Masked { ids, positions, originals }
    }
}

impl Masked {
    /// Return for each token whether it was chosen.
    pub(super) fn chosen(&self) -> Vec<bool> {
        let mut chosen = vec![false; self.ids.len()];
        self.positions.iter().for_each(|&position| chosen[position] = true);
        chosen
    }

    /// Return the row with the generator's samples at the chosen positions, and for each token whether it differs from
    /// the original.
    ///
    /// A position that was chosen more than once gets the mean of its samples, rounded down, as in the original.
    pub(super) fn corrupted(&self, row: &[i64], samples: &[i64]) -> (Vec<i64>, Vec<bool>) {
        let (mut sums, mut counts) = (vec![0; row.len()], vec![0; row.len()]);
        for (&position, &sample) in self.positions.iter().zip(samples) {
            sums[position] += sample;
            counts[position] += 1;
        }
        let replaced = |place: usize, id: i64| if counts[place] == 0 { id } else { sums[place] / counts[place] };
        let ids: Vec<i64> = row.iter().enumerate().map(|(place, &id)| replaced(place, id)).collect();
        let differs = ids.iter().zip(row).map(|(new, old)| new != old).collect();
        (ids, differs)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    const SPECIAL: SpecialIds = SpecialIds { class: 2, separator: 3, mask: 4 };

    fn masking() -> Masking {
        Masking { share: 0.15, maximum: 19, replaced: 0.85, with_replacement: false, special: SPECIAL }
    }

    fn random(example: u64) -> Random {
        Random { seed: 7, step: 1, example }
    }

    fn row(length: i64) -> Vec<i64> {
        let mut row: Vec<i64> = (0..length).map(|place| 10 + place).collect();
        row[0] = SPECIAL.class;
        let last = row.len() - 1;
        row[last] = SPECIAL.separator;
        row
    }

    #[test]
    fn the_number_of_chosen_tokens_matches_the_original() {
        for (length, expected) in [(128, 19), (127, 19), (100, 15), (10, 2), (30, 4), (3, 1), (50, 8), (1000, 19)] {
            assert_eq!(masking().count(length), expected, "{length}");
        }
        // In float32 0.15 is a little larger, so 28.5 rounds to 29.
        let many = Masking { maximum: 1000, ..masking() };
        for (length, expected) in [(190, 29), (350, 53), (390, 59)] {
            assert_eq!(many.count(length), expected, "{length}");
        }
    }

    #[test]
    fn chosen_places_are_distinct_and_never_special() {
        let row = row(128);
        let mut seen = vec![0; row.len()];
        for example in 0..2000 {
            let masked = masking().mask(&row, random(example));
            assert_eq!(masked.positions.len(), 19);
            assert!(masked.positions.windows(2).all(|pair| pair[0] < pair[1]));
            for (place, (new, old)) in masked.ids.iter().zip(&row).enumerate() {
                assert!(new == old || (*new == SPECIAL.mask && masked.positions.contains(&place)));
            }
            masked.positions.iter().for_each(|&place| seen[place] += 1);
        }
        assert_eq!((seen[0], seen[127]), (0, 0));
        // Every other position equally often: 2000 * 19 / 126, within six standard deviations.
        assert!(seen[1..127].iter().all(|&count| (198..=406).contains(&count)), "{seen:?}");
    }

    #[test]
    fn the_configured_share_becomes_mask() {
        let row = row(128);
        let masks: usize = (0..2000)
            .map(|example| masking().mask(&row, random(example)).ids.iter().filter(|&&id| id == SPECIAL.mask).count())
            .sum();
        let share = masks as f64 / (2000.0 * 19.0);
        assert!((share - 0.85).abs() < 0.011, "{share}");
        let all = Masking { replaced: 1.0, ..masking() };
        assert_eq!(all.mask(&row, random(0)).ids.iter().filter(|&&id| id == SPECIAL.mask).count(), 19);
    }

    #[test]
    fn with_replacement_positions_repeat_and_samples_are_averaged() {
        let masking = Masking { with_replacement: true, ..masking() };
        let row = [2, 20, 21, 3, 4];
        let chosen = Masking { share: 1.0, ..masking }.mask(&row, random(0));
        assert_eq!(chosen.positions.len(), 5);
        assert!(chosen.positions.iter().all(|place| [1, 2].contains(place)));
        let masked = Masked { ids: row.to_vec(), positions: vec![1, 2, 1], originals: vec![20, 21, 20] };
        let (ids, differs) = masked.corrupted(&row, &[30, 21, 33]);
        assert_eq!((ids, differs), (vec![2, 31, 21, 3, 4], vec![false, true, false, false, false]));
    }

    #[test]
    fn a_row_of_special_tokens_only_is_left_unchanged() {
        let masked = masking().mask(&[2, 3], random(0));
        assert!(masked.positions.is_empty() && masked.ids == [2, 3]);
        assert_eq!(masking().chosen(&[2, 3]), 0);
        assert_eq!(masking().chosen(&[2, 9, 3]), 1);
    }
}
