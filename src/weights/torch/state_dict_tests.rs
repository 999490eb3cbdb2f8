//! Tests of `.bin` files: those of old and new versions of torch, and crafted ones.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::panic::catch_unwind;

use super::writer::Archive;
use super::{legacy, read_archive, read_pickle, write_bin};
use crate::weights::index::Index;
use crate::weights::{Dtype, FileFormat, RawTensor, WeightFile};

fn archive(records: &[(&str, &[u8])]) -> Vec<u8> {
    let mut file = vec![];
    let mut archive = Archive::new(&mut file);
    for (name, content) in records {
        archive.record(name, content).unwrap();
    }
    archive.finish().unwrap();
    file
}

/// Return a pickle of a dictionary with one tensor of six floats, `{name: tensor}`, after other instructions.
fn dictionary(name: &str, key: &str) -> Vec<u8> {
    let text = |text: &str| [b"X", &(text.len() as u32).to_le_bytes()[..], text.as_bytes()].concat();
    let storage = [b"(", &*text("storage"), b"ctorch\nFloatStorage\n", &text(key), &text("cpu"), b"K\x06tQ"].concat();
    let tensor = [
        b"ctorch._utils\n_rebuild_tensor_v2\n(",
        &*storage,
        b"K\0K\x02K\x03\x86K\x03K\x01\x86\x89ccollections\nOrderedDict\n)RtR",
    ];
    [&text(name), &tensor.concat()[..]].concat()
}

fn program(inner: &[u8]) -> Vec<u8> {
    [b"\x80\x02}(", inner, b"u."].concat()
}

fn zipped(pickle: &[u8]) -> Result<Index, String> {
    let data: Vec<u8> = (0..24).collect();
    let file = archive(&[("data.pkl", pickle), ("byteorder", b"little"), ("data/0", &data)]);
    read_archive(&file).unwrap().map(|(format, index)| {
        assert_eq!(format, FileFormat::Bin);
        index
    })
}

fn names(index: &Index) -> Vec<&str> {
    index.iter().map(|entry| entry.name.as_str()).collect()
}

/// As `torch.save(..., _use_new_zipfile_serialization=False)` writes it.
fn old(state: &[u8], keys: &[u8], storages: &[u8]) -> Vec<u8> {
    let system = b"\x80\x02}(X\x10\0\0\0protocol_versionM\xe9\x03X\x0d\0\0\0little_endian\x88u.";
    [legacy::MAGIC, b"\x80\x02M\xe9\x03.", system, state, keys, storages].concat()
}

const KEYS: &[u8] = b"\x80\x02]X\x01\0\0\0\x30a.";

fn storage() -> Vec<u8> {
    [&6_u64.to_le_bytes()[..], &(0..24).collect::<Vec<u8>>()].concat()
}

#[test]
fn written_tensors_are_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pytorch_model.bin");
    let tensors = Dtype::ALL
        .map(|dtype| (dtype.name(), RawTensor::new(dtype, vec![1, 2, 3], vec![1; 6 * dtype.size()]).unwrap()));
    write_bin(&path, &tensors).unwrap();
    let file = WeightFile::open(&path).unwrap();
    assert_eq!(file.format(), FileFormat::Bin);
    for (name, tensor) in &tensors {
        assert_eq!(file.get(name).unwrap().as_ref(), Some(tensor));
    }
    assert!(write_bin(&path, &[("a", tensors[0].1.clone()), ("a", tensors[0].1.clone())]).is_err());
}

#[test]
fn dictionaries_of_both_containers_are_read() {
    let one = dictionary("a.weight", "0");
    assert_eq!(names(&zipped(&program(&one)).unwrap()), ["a.weight"]);
    let file = old(&program(&one), KEYS, &storage());
    let index = read_pickle(&file).unwrap();
    assert_eq!(names(&index), ["a.weight"]);
    assert_eq!(index.get("a.weight").unwrap().read(&file).unwrap().unwrap().data(), (0..24).collect::<Vec<u8>>());
    // An ordered dictionary with an attribute, as of a module.
    let ordered = [
        b"\x80\x02ccollections\nOrderedDict\n)R(",
        &*one,
        b"u}X\x09\0\0\0_metadatac",
        b"collections\nOrderedDict\n)Rsb.",
    ];
    assert_eq!(names(&zipped(&ordered.concat()).unwrap()), ["a.weight"]);
    // A training checkpoint.
    let training =
        [b"\x80\x02}(X\x05\0\0\0epochK\x07X\x0a\0\0\0state_dict}(", &*one, b"uX\x04\0\0\0lossG\0\0\0\0\0\0\0\0u."]
            .concat();
    assert_eq!(names(&zipped(&training).unwrap()), ["a.weight"]);
    // Python 2's texts.
    let text = [b"\x80\x02}(U\x08a.weight", &one[13..], b"u."].concat();
    assert_eq!(names(&zipped(&text).unwrap()), ["a.weight"]);
}

#[test]
fn crafted_files_are_refused() {
    let one = dictionary("a", "0");
    for (pickle, expected) in [
        (program(b"X\x01\0\0\0aK\x07"), "got an integer at \"a\""),
        (program(&[b"K\x07", &one[6..]].concat()), "a key that is an integer"),
        (b"\x80\x02].".to_vec(), "expected a dictionary of tensors, got a list"),
        (program(&[&*one, &one].concat()), "two tensors have the name"),
        (program(&dictionary("a", "1")), "lacks the record"),
        (program(b"X\x01\0\0\0acos\nsystem\nX\x02\0\0\0ls\x85R"), "names \"os.system\""),
        (program(b"X\x01\0\0\0actorch\n_sparse\n"), "torch._sparse"),
        (b"\x80\x04}.".to_vec(), "protocol 4"),
    ] {
        let got = zipped(&pickle).expect_err("it was read");
        assert!(got.contains(expected), "expected {expected:?}, got {got:?}");
    }
    let state = program(&one);
    for (file, expected) in [
        (old(&state, b"\x80\x02].", b""), "lacks the storage"),
        (old(&state, KEYS, &storage()[..31]), "got 23 of the next 24 bytes"),
        (old(&state, KEYS, &[&*storage(), b"\0"].concat()), "the end of the file"),
        (old(&state, b"\x80\x02](X\x01\0\0\0\x30X\x01\0\0\0\x30e.", &[storage(), storage()].concat()), "two storages"),
        (old(&state, b"\x80\x02]X\x01\0\0\0\x31a.", &storage()), "no tensor uses the storage"),
        (old(&state, KEYS, &[&u64::MAX.to_le_bytes()[..], &[0; 24]].concat()), "claims"),
        (old(&state, KEYS, &[&5_u64.to_le_bytes()[..], &[0; 20]].concat()), "the record has 20 bytes"),
        (old(&state, b"\x80\x02}.", &storage()), "the keys of the storages are a dict, expected a list"),
        (legacy::MAGIC.to_vec(), "the pickle is truncated"),
        (b"\x80\x02}.".to_vec(), "got a pickle that torch.save did not write"),
    ] {
        let got = read_pickle(&file).expect_err("it was read");
        assert!(got.contains(expected), "expected {expected:?}, got {got:?}");
    }
}

#[test]
fn truncated_files_are_errors_and_damage_never_panics() {
    let mut file = old(&program(&dictionary("a.weight", "0")), KEYS, &storage());
    for length in 0..file.len() {
        assert!(read_pickle(&file[..length]).is_err(), "the first {length} bytes were read");
    }
    for position in 0..file.len() {
        for bit in 0..8 {
            file[position] ^= 1 << bit;
            let read =
                || read_pickle(&file).map(|index| index.iter().for_each(|entry| drop(entry.read(&file).unwrap())));
            let _ = catch_unwind(read).expect("a panic");
            file[position] ^= 1 << bit;
        }
    }
}
