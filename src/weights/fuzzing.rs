//! The readers of bytes in memory, for the targets in `fuzz/`.
#![allow(missing_docs)]

use super::foreign::google;
use super::index::{Checked, Index, check_name};
use super::raw::{byte_count, invalid_boolean};
use super::{flax, foreign, format, safetensors_file, shards, tensorflow, torch};
use crate::names::Component;

/// Check that every tensor of an index can be read completely and has a valid name.
fn check(index: Checked<Index>, files: &[&[u8]]) {
    for entry in index.iter().flat_map(Index::iter) {
        assert_eq!(check_name(&entry.name), Ok(()));
        let tensor = files.get(entry.part).and_then(|file| entry.read(file).unwrap());
        let expected = byte_count(entry.dtype, &entry.shape);
        assert!(tensor.as_ref().is_some_and(|tensor| Some(tensor.data().len()) == expected), "{entry:?}");
        assert!(tensor.is_some_and(|tensor| invalid_boolean(entry.dtype, tensor.data()).is_none()), "{entry:?}");
    }
}

pub fn safetensors(file: &[u8]) {
    let _ = format::recognise(file);
    check(safetensors_file::read(file).map(|(index, _)| index), &[file]);
    check(safetensors_file::read(file).and_then(|(index, _)| foreign::keras::translate(index)), &[file]);
}

pub fn archive(file: &[u8]) {
    if let Ok(read) = torch::read_archive(file) {
        check(read.map(|(_, index)| index), &[file]);
    }
}

pub fn legacy(file: &[u8]) {
    check(torch::read_pickle(file), &[file]);
}

pub fn flax(file: &[u8]) {
    check(flax::read(file).and_then(foreign::flax::translate), &[file]);
}

/// Read the index of a checkpoint whose data files are all `numbers`.
pub fn tensorflow(file: &[u8], numbers: &[u8]) {
    let Ok(bundle) = tensorflow::Bundle::read(file) else { return };
    let files = vec![numbers; bundle.shards()];
    check(bundle.index(&files), &files);
    for component in [Component::Generator, Component::Discriminator] {
        check(bundle.index(&files).and_then(|index| google::translate(index, component)), &files);
    }
}

pub fn shards(file: &[u8]) {
    for (_, listed) in shards::read(file).iter().flatten() {
        assert_eq!(shards::check(listed, listed.iter().map(String::as_str)), Ok(()));
    }
}
