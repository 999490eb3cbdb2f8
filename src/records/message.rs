//! `tf.train.Example` with lists of integers, as a protocol buffer.
//!
//! A map is a repeated message of a key and a value. A feature's lists of other kinds than int64 are not declared here,
//! so the decoder skips them as unknown fields.
//!
//! Source: `tensorflow/core/example/example.proto` and `feature.proto` (TensorFlow 2.21).

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

/// An entry of the map of features. The key is bytes, so that the decoder accepts other features whose names are not
/// UTF-8.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Entry {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) key: Vec<u8>,
    /// One value, unless a hostile file repeats it. Without `repeated`, the decoder would merge the values.
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

    /// Return the lists of integers with these names in the encoded example `data`, or None for an absent list.
    pub(super) fn lists<const N: usize>(data: &[u8], names: [&str; N]) -> Checked<[Option<Vec<i64>>; N]> {
        let example = Self::decode(data).map_err(|error| format!("the data are not a tf.train.Example: {error}"))?;
        let mut lists = [const { None }; N];
        for entry in example.features.into_iter().flat_map(|features| features.feature) {
            let Some(place) = names.iter().position(|name| entry.key == name.as_bytes()) else { continue };
            let mut found = entry.value.into_iter().flat_map(|feature| feature.int64_list);
            let (Some(list), None) = (found.next(), found.next()) else {
                return Err(format!("{} is not a list of integers", names[place]));
            };
            // In a map, the last of two entries with one key counts.
            lists[place] = Some(list.value);
        }
        Ok(lists)
    }
}
