//! `tf.train.Example` with lists of integers, as a protocol buffer.
//!
//! Source: `tensorflow/core/example/example.proto` and `feature.proto` (TensorFlow 2.21). A map is a repeated message
//! of a key and a value; a feature's lists of other kinds than int64 are left out here, so that they are unknown
//! fields.

use prost::Message;

use super::frame::Checked;

#[derive(Clone, PartialEq, Message)]
pub(super) struct Example {
    #[prost(message, optional, tag = "1")]
    pub(super) features: Option<Features>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Features {
    #[prost(message, repeated, tag = "1")]
    pub(super) feature: Vec<Entry>,
}

/// An entry of the map of features. The key is bytes, since a name that is not UTF-8 is simply not one that is looked
/// for.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Entry {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) key: Vec<u8>,
    /// One, unless a hostile file repeats it: a protocol buffer would merge them.
    #[prost(message, repeated, tag = "2")]
    pub(super) value: Vec<Feature>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Feature {
    #[prost(message, repeated, tag = "3")]
    pub(super) int64_list: Vec<Int64List>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Int64List {
    #[prost(int64, repeated, tag = "1")]
    pub(super) value: Vec<i64>,
}

impl Example {
    /// Return an example with these lists, in this order.
    pub(super) fn of_lists<const N: usize>(lists: [(&str, Vec<i64>); N]) -> Self {
        let entry = |(name, value): (&str, Vec<i64>)| Entry {
            key: name.into(),
            value: vec![Feature { int64_list: vec![Int64List { value }] }],
        };
        Self { features: Some(Features { feature: lists.into_iter().map(entry).collect() }) }
    }

    /// Take the lists of integers with these names out of the example that `data` holds; None for a list that is not
    /// there.
    pub(super) fn lists<const N: usize>(data: &[u8], names: [&str; N]) -> Checked<[Option<Vec<i64>>; N]> {
        let example = Self::decode(data).map_err(|error| format!("is no example: {error}"))?;
        let mut lists = [const { None }; N];
        for entry in example.features.into_iter().flat_map(|features| features.feature) {
            let Some(place) = names.iter().position(|name| entry.key == name.as_bytes()) else { continue };
            let mut found = entry.value.into_iter().flat_map(|feature| feature.int64_list);
            let (Some(list), None) = (found.next(), found.next()) else {
                return Err(format!("is no example: {} is no list of integers", names[place]));
            };
            // As a map does: of two entries with one key the last one counts.
            lists[place] = Some(list.value);
        }
        Ok(lists)
    }
}
