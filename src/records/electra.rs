//! An example of google-research/electra: three padded lists of `max_length` integers <-> ids without padding.

use prost::Message;

use super::frame::Checked;
use super::message::Example;
use crate::error::{Error, Result};

const FEATURES: [&str; 3] = ["input_ids", "input_mask", "segment_ids"];

/// The fewest tokens of a first segment: `[CLS]` and `[SEP]`.
const SHORTEST: usize = 2;

/// The most tokens of a padded example.
const LONGEST: usize = 1 << 20;

/// The most bytes of a record's data: 16 MiB, some hundred times as many as a long example has.
const LARGEST_RECORD: usize = 1 << 24;

/// A pre-training example without padding.
///
/// The file holds three lists of equal length: `input_ids` (0 at padded places), `input_mask` (1 at the others) and
/// `segment_ids` (1 in the second segment).
///
/// Source: `ExampleBuilder` in `build_pretraining_dataset.py` of google-research/electra.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElectraExample {
    /// The ids from `[CLS]` to the last `[SEP]`.
    pub input_ids: Vec<i32>,
    /// The number of ids in the first segment, `[CLS]` and its `[SEP]` included.
    pub first_segment: usize,
}

/// The three lists of a record, of equal length.
pub(super) struct Padded {
    ids: Vec<i64>,
    mask: Vec<i64>,
    segments: Vec<i64>,
}

impl Padded {
    /// Decode the data of a record.
    pub(super) fn decode(data: &[u8]) -> Checked<Self> {
        // A hostile record takes many times its bytes in memory.
        if data.len() > LARGEST_RECORD {
            return Err(format!("got {} bytes, expected at most {LARGEST_RECORD}", data.len()));
        }
        let [ids, mask, segments] = match Example::lists(data, FEATURES)? {
            [Some(ids), Some(mask), Some(segments)] => [ids, mask, segments],
            lists => {
                let missing = FEATURES.iter().zip(&lists).filter(|(_, list)| list.is_none());
                let missing: Vec<&str> = missing.map(|(name, _)| *name).collect();
                return Err(format!("the example has no {}", missing.join(", ")));
            }
        };
        let lengths = [ids.len(), mask.len(), segments.len()];
        if lengths.contains(&0) {
            return Err("the example has an empty list, expected at least [CLS] and [SEP]".into());
        }
        if lengths.iter().any(|&length| length != ids.len()) {
            let [ids, mask, segments] = lengths;
            return Err(format!("{} have different lengths: {ids}, {mask}, {segments}", FEATURES.join(", ")));
        }
        Ok(Self { ids, mask, segments })
    }

    /// Return the length of the lists, in tokens.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Remove the padding, after checking that mask and segments describe one or two segments before it, and that ids
    /// are from 0 to below `vocab_size`; None means any id that an int32 holds.
    pub(super) fn unpad(self, vocab_size: Option<i64>) -> Checked<ElectraExample> {
        const MAX_IDS: i64 = 1 << 31;
        let length = self.mask.iter().position(|&kept| kept != 1).unwrap_or(self.len());
        let (_, padding) = self.mask.split_at(length);
        let (segments, after) = self.segments.split_at(length);
        let first_segment = segments.iter().position(|&segment| segment != 0).unwrap_or(length);
        let second = segments.get(first_segment..).unwrap_or_default();
        let is_whole = padding.iter().chain(after).all(|&number| number == 0) && second.iter().all(|&one| one == 1);
        if !is_whole || first_segment < SHORTEST {
            return Err("input_mask and segment_ids do not describe one or two segments and padding".into());
        }
        let limit = vocab_size.unwrap_or(MAX_IDS).min(MAX_IDS);
        let known = |&id: &i64| i32::try_from(id).ok().filter(|_| (0..limit).contains(&id));
        let outside = |id: &i64| format!("input_ids has {id}, which is outside 0 to {}", limit - 1);
        let ids = self.ids.iter().map(|id| known(id).ok_or_else(|| outside(id)));
        let mut input_ids = ids.collect::<Checked<Vec<i32>>>()?;
        input_ids.truncate(length);
        Ok(ElectraExample { input_ids, first_segment })
    }
}

impl ElectraExample {
    /// Encode the example as the data of a record, padded to `max_length` tokens.
    ///
    /// # Errors
    /// [`Error::Input`] if the example is longer than `max_length`, if `first_segment` is below 2 or above the number
    /// of ids, or if an id is negative.
    pub fn to_record(&self, max_length: usize) -> Result<Vec<u8>> {
        let length = self.input_ids.len();
        if !(length..=LONGEST).contains(&max_length) {
            let reason = format!("expected {length}, the length of the example, to {LONGEST}, got {max_length}");
            return Err(Error::input("max_length", reason));
        }
        if !(SHORTEST..=length).contains(&self.first_segment) {
            let reason =
                format!("expected {SHORTEST} to {length}, the length of the example, got {}", self.first_segment);
            return Err(Error::input("first_segment", reason));
        }
        if let Some(id) = self.input_ids.iter().find(|&&id| id < 0) {
            return Err(Error::input("input_ids", format!("expected 0 or more, got {id}")));
        }
        let padded = |list: &mut dyn Iterator<Item = i64>| -> Vec<i64> {
            list.chain(std::iter::repeat(0)).take(max_length).collect()
        };
        let ids = padded(&mut self.input_ids.iter().map(|&id| i64::from(id)));
        let mask = padded(&mut self.input_ids.iter().map(|_| 1));
        let segments = padded(&mut (0..length).map(|place| i64::from(place >= self.first_segment)));
        let [first, second, third] = FEATURES;
        Ok(Example::of_lists([(first, ids), (second, mask), (third, segments)]).encode_to_vec())
    }
}
