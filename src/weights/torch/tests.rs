//! Tests of `.ot` files: round trips, damage and crafted files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::panic::catch_unwind;

use super::read_archive;
use super::writer::Archive;
use crate::weights::index::Index;
use crate::weights::{Dtype, FileFormat, RawTensor, WeightFile, write_ot};

/// Name, dtype, shape and bytes of every tensor, or the reason of a refusal.
type Content = Result<Vec<(String, Dtype, Vec<usize>, Vec<u8>)>, String>;

fn read(file: &[u8]) -> Result<Index, String> {
    read_archive(file).unwrap().map(|(_, index)| index)
}

fn content(file: &[u8]) -> Content {
    let index = read(file)?;
    let tensor = |entry: &crate::weights::index::Entry| {
        (
            entry.name.clone(),
            entry.dtype,
            entry.shape.clone(),
            entry.read(file).unwrap().unwrap().into_data().into_owned(),
        )
    };
    Ok(index.iter().map(tensor).collect())
}

fn reason(file: &[u8]) -> String {
    content(file).unwrap_err()
}

fn archive(records: &[(&str, &[u8])]) -> Vec<u8> {
    let mut file = vec![];
    let mut archive = Archive::new(&mut file);
    for (name, content) in records {
        archive.record(name, content).unwrap();
    }
    archive.finish().unwrap();
    file
}

/// Return an archive around a pickle and one record.
fn with_data(pickle: &[u8], data: &[u8]) -> Vec<u8> {
    archive(&[("data/0", data), ("data.pkl", pickle), ("constants.pkl", b"\x80\x02).")])
}

/// Return an archive around a pickle, with one record of 24 bytes.
fn with_pickle(pickle: &[u8]) -> Vec<u8> {
    with_data(pickle, &(0..24).collect::<Vec<u8>>())
}

fn text(text: &[u8]) -> Vec<u8> {
    [b"X", &(text.len() as u32).to_le_bytes()[..], text].concat()
}

fn long(number: i64) -> Vec<u8> {
    [&[0x8a, 8], &number.to_le_bytes()[..]].concat()
}

fn longs(numbers: &[i64]) -> Vec<u8> {
    [b"(".to_vec(), numbers.iter().flat_map(|&number| long(number)).collect(), b"t".to_vec()].concat()
}

/// Instructions that make a tensor of an element type of torch.
fn tensor(kind: &str, key: &str, count: i64, offset: i64, sizes: &[i64], strides: &[i64]) -> Vec<u8> {
    let storage =
        [b"(", &*text(b"storage"), format!("ctorch\n{kind}Storage\n").as_bytes(), &text(key.as_bytes()), &text(b"cpu")]
            .concat();
    [
        b"ctorch._utils\n_rebuild_tensor_v2\n(",
        &*storage,
        &long(count),
        b"tQ",
        &long(offset),
        &longs(sizes),
        &longs(strides),
        b"\x89ccollections\nOrderedDict\n)RtR",
    ]
    .concat()
}

/// Instructions that make a module.
fn module(attributes: &[(&[u8], &[u8])]) -> Vec<u8> {
    let attributes: Vec<u8> = attributes.iter().flat_map(|(name, value)| [&text(name), *value].concat()).collect();
    [b"c__torch__.net\nNet\n)\x81}(", &*attributes, b"ub"].concat()
}

fn program(value: &[u8]) -> Vec<u8> {
    with_pickle(&[b"\x80\x02", value, b"."].concat())
}

fn written(tensors: &[(&str, RawTensor<'_>)]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.ot");
    write_ot(&path, tensors).unwrap();
    std::fs::read(path).unwrap()
}

fn small() -> Vec<u8> {
    written(&[
        ("embeddings.weight", RawTensor::new(Dtype::Float32, vec![2, 3], (0..24).collect::<Vec<u8>>()).unwrap()),
        ("mask", RawTensor::new(Dtype::Bool, vec![3], vec![1, 0, 1]).unwrap()),
    ])
}

#[test]
fn every_dtype_and_odd_name_round_trips() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("any name");
    let names = ["a.b", "0", "if", "ü \"q\\\n", "a", "self", "x.y.z", "training", "é", "-"];
    let mut tensors: Vec<_> = names
        .into_iter()
        .zip(Dtype::ALL)
        .map(|(name, dtype)| (name, RawTensor::new(dtype, vec![1, 2, 3], vec![1; 6 * dtype.size()]).unwrap()))
        .collect();
    tensors.push(("scalar", RawTensor::new(Dtype::Float32, vec![], vec![7; 4]).unwrap()));
    tensors.push(("empty", RawTensor::new(Dtype::Int64, vec![3, 0], vec![]).unwrap()));
    write_ot(&path, &tensors).unwrap();
    let file = WeightFile::open(&path).unwrap();
    assert_eq!(file.format(), FileFormat::Ot);
    assert!(file.names().eq(tensors.iter().map(|(name, _)| *name)));
    for (name, tensor) in &tensors {
        assert_eq!(file.get(name).unwrap().as_ref(), Some(tensor));
    }
    assert_eq!(file.get("b").unwrap(), None);
    write_ot(&path, &[]).unwrap();
    assert_eq!(WeightFile::open(&path).unwrap().names().len(), 0);
}

#[test]
fn records_are_aligned() {
    let file = small();
    for entry in read(&file).unwrap().iter() {
        assert_eq!(entry.start % 64, 0, "{}", entry.name);
    }
}

#[test]
fn names_that_do_not_round_trip_are_refused() {
    let one = RawTensor::new(Dtype::Int8, vec![1], vec![1]).unwrap();
    let path = std::env::temp_dir().join("never-written.ot");
    for names in [["", "a"], ["a", "a"], ["a|b", "c"], ["\0", "b"]] {
        assert!(write_ot(&path, &names.map(|name| (name, one.clone()))).is_err(), "{names:?}");
    }
    assert!(!path.exists());
}

#[test]
fn truncated_and_extended_files_are_errors() {
    let file = small();
    for length in 0..file.len() {
        assert!(content(&file[..length]).is_err(), "the first {length} bytes were read");
    }
    assert!(reason(&[&*file, b"\0"].concat()).contains("other bytes follow"));
    // A second archive behind the first.
    assert!(content(&[&*file, &*file].concat()).is_err());
}

#[test]
fn flipped_bits_are_errors_or_change_nothing() {
    let mut file = small();
    let expected = content(&file);
    let mut refused = 0;
    for position in 0..file.len() {
        for bit in 0..8 {
            file[position] ^= 1 << bit;
            let got = catch_unwind(|| content(&file)).expect("a panic");
            assert!(got.is_err() || got == expected, "bit {bit} of byte {position} changed what is read");
            refused += usize::from(got.is_err());
            file[position] ^= 1 << bit;
        }
    }
    // The rest are paddings and fields that nothing depends on (versions, dates).
    assert!(refused > file.len() * 3, "{refused} of {} flips were noticed", file.len() * 8);
}

#[test]
fn flipped_bits_under_a_valid_checksum_never_panic() {
    let inner = module(&[(b"weight", &tensor("Float", "0", 6, 0, &[3, 2], &[1, 3])), (b"k", b"](K\x01e")]);
    let mut pickle = [b"\x80\x02", &*module(&[(b"dense", &inner), (b"flag", b"\x88")]), b"."].concat();
    assert!(content(&with_pickle(&pickle)).is_ok());
    for position in 0..pickle.len() {
        for bit in 0..8 {
            pickle[position] ^= 1 << bit;
            // `content` also reads every tensor that is let through.
            let _ = catch_unwind(|| content(&with_pickle(&pickle))).expect("a panic");
            pickle[position] ^= 1 << bit;
        }
    }
}

#[test]
fn files_of_libtorch_are_read() {
    // Byte for byte what torch 2.11 writes, with its memo; the two tensors are the two halves of one storage.
    let pickle = b"\x80\x02c__torch__\nP\nq\0)\x81}(X\x03\0\0\0a|bq\x01ctorch._utils\n_rebuild_tensor_v2\nq\x02((X\x07\0\0\0\
        storageq\x03ctorch\nFloatStorage\nq\x04X\x01\0\0\0\x30q\x05X\x03\0\0\0cpuq\x06K\x06tq\x07QK\0(K\x03K\x01t(K\x01K\x01t\x88\
        ccollections\nOrderedDict\nq\x08)RtRq\x09X\x01\0\0\0cq\x0ah\x02((h\x03h\x04h\x05h\x06K\x06tq\x0bQK\x03(K\x03t(K\x01t\
        \x88h\x08)RtRq\x0cX\x08\0\0\0trainingq\x0d\x88X\x04\0\0\0hookq\x0eNub.";
    let halves = [("a.b", vec![3, 1], 0..12), ("c", vec![3], 12..24)]
        .map(|(name, shape, bytes)| (name.to_string(), Dtype::Float32, shape, bytes.collect::<Vec<u8>>()));
    assert_eq!(content(&with_pickle(pickle)).unwrap(), halves);
}

#[test]
fn nested_modules_join_with_dots_and_other_attributes_are_skipped() {
    let weight = tensor("Char", "0", 6, 0, &[2, 3], &[1, 2]);
    let inner =
        module(&[(b"weight", &weight), (b"k", b"K\x03"), (b"names", b"](X\x01\0\0\0ae"), (b"f", b"G\0\0\0\0\0\0\0\0")]);
    let sizes = b"ctorch.jit._pickle\nbuild_intlist\n](K\x01K\x02e\x85R";
    let device = b"ctorch\ndevice\nX\x03\0\0\0cpu\x85R";
    let outer =
        module(&[(b"dense", &inner), (b"sizes", sizes), (b"device", device), (b"none", b"N"), (b"bias", &weight)]);
    let bytes = vec![0, 2, 4, 1, 3, 5];
    let expected = ["dense.weight", "bias"].map(|name| (name.to_string(), Dtype::Int8, vec![2, 3], bytes.clone()));
    assert_eq!(content(&program(&outer)).unwrap(), expected);
}

#[test]
fn tensors_outside_their_storage_are_refused() {
    const HUGE: i64 = i64::MAX;
    for (tensor, expected) in [
        (tensor("Float", "0", 7, 0, &[7], &[1]), "the record has 24 bytes"),
        (tensor("Float", "0", HUGE, 0, &[1], &[1]), "the record has 24 bytes"),
        (tensor("Float", "0", 1 << 62, 0, &[1], &[1]), "the record has 24 bytes"),
        (tensor("Float", "0", -1, 0, &[1], &[1]), "the number of elements is -1, expected 0 or more"),
        (tensor("Float", "../0", 6, 0, &[6], &[1]), "lacks the record"),
        (tensor("Float", "0", 6, 1, &[6], &[1]), "reach past the storage"),
        (tensor("Float", "0", 6, HUGE, &[6], &[1]), "reach past the storage"),
        (tensor("Float", "0", 6, 7, &[0], &[1]), "reach past the storage"),
        (tensor("Float", "0", 6, -1, &[1], &[1]), "offset is -1"),
        (tensor("Float", "0", 6, 0, &[-1], &[1]), "size is -1"),
        (tensor("Float", "0", 6, 0, &[2], &[-1]), "stride is -1"),
        (tensor("Float", "0", 6, 0, &[2, 3], &[1]), "2 dimensions but 1 strides"),
        (tensor("Float", "0", 6, 0, &[3, HUGE], &[HUGE, HUGE]), "reach past the storage"),
        (tensor("Float", "0", 6, 0, &[1 << 32, 1 << 32], &[1 << 32, 1]), "reach past the storage"),
        (tensor("Float", "0", 6, 0, &[HUGE], &[0]), "elements twice"),
        (tensor("Float", "0", 6, 0, &[2, 3], &[1, 1]), "elements twice"),
        (tensor("Float", "0", 6, 0, &[HUGE, HUGE, 0], &[0, 0, 0]), "more bytes than memory can address"),
        (tensor("Float", "0", 6, 0, &[1; 65], &[1; 65]), "65 dimensions"),
        (tensor("Bool", "0", 24, 0, &[24], &[1]), "a bool is stored as 2"),
    ] {
        let got = reason(&program(&module(&[(b"weight", &tensor)])));
        assert!(got.contains(expected), "{got}");
    }
}

#[test]
fn hostile_pickles_are_refused() {
    let tensor = tensor("Float", "0", 6, 0, &[6], &[1]);
    let call = b"cos\nsystem\nX\x02\0\0\0ls\x85R";
    // A module that is its own attribute.
    let cycle = b"c__torch__\nM\n)\x81q\0}(X\x01\0\0\0ah\0ub";
    // Thirty modules, each with the next one twice: 2^30 paths.
    let bomb = (1..=30_u8).fold(b"c__torch__\nM\n)\x81q\0".to_vec(), |inner, level| {
        [b"c__torch__\nM\n)\x81}(X\x01\0\0\0a", &*inner, b"X\x01\0\0\0bh", &[level - 1], b"ubq", &[level]].concat()
    });
    for (value, expected) in [
        (module(&[(b"a", call)]), "names \"os.system\""),
        (module(&[(b"a", b"cbuiltins\neval\n")]), "names \"builtins.eval\""),
        (module(&[(b"a", b"c__torch__x\nM\n")]), "names \"__torch__x.M\""),
        (module(&[(b"a", b"ios\nsystem\n")]), "instruction 0x69"),
        (module(&[(b"a", b"h\x05")]), "recalls 5"),
        (module(&[(b"a", b"\x8a\xff")]), "255 bytes"),
        (module(&[(b"a", b"X\xff\xff\xff\xff")]), "got 3 of the next 4294967295 bytes"),
        (module(&[(b"a", b"X\x01\0\0\0\xff")]), "UTF-8"),
        (module(&[(b"\xff", &tensor)]), "UTF-8"),
        (module(&[(b"", &tensor)]), "empty name"),
        (module(&[(b"a\0b", &tensor)]), "NUL"),
        (module(&[(&[b'a'; 5000], &tensor)]), "5000 bytes"),
        (module(&[(b"a|b", &tensor), (b"a.b", &tensor)]), "two tensors have the name \"a.b\""),
        (module(&[(b"a", &tensor), (b"a", &tensor)]), "two tensors have the name \"a\""),
        (module(&[(b"a", b"c__torch__\nM\n)\x81Nb")]), "a can only be restored by code"),
        (module(&[(b"a", b"KKKKR")]), "calls an integer"),
        (b"\x86".to_vec(), "never created"),
        (b"(t0".to_vec(), "instruction 0x30"),
        (b"e".to_vec(), "never created"),
        (b"((NN".to_vec(), "does not end with one value"),
        (b"NN".to_vec(), "does not end with one value"),
        (b"N.".to_vec(), "does not end with one value"),
        (b"}(Nu".to_vec(), "key without a value"),
        (b"N(NNu".to_vec(), "sets items of None"),
        (b"}".to_vec(), "the pickle holds a dict, expected a module"),
        (b"\x80\x04N".to_vec(), "protocol 4"),
        (cycle.to_vec(), "nested more than"),
        (bomb, "more than 1048576 attributes"),
    ] {
        let got = reason(&program(&value));
        assert!(got.contains(expected), "expected {expected:?}, got {got:?}");
    }
    // A million marks, and a million tuples each in the next: neither recursion nor an overflow.
    assert!(content(&program(&vec![b'('; 1 << 20])).is_err());
    assert!(content(&program(&[b")".to_vec(), vec![0x85; 1 << 20]].concat())).is_err());
}

#[test]
fn too_many_tensors_over_one_storage_are_refused() {
    let program = |count: usize| {
        let mut attributes =
            vec![(text(b"first"), [&*tensor("Float", "0", 1000, 0, &[1000], &[1]), b"q\x07"].concat())];
        attributes.extend((1..count).map(|number| (text(number.to_string().as_bytes()), b"h\x07".to_vec())));
        let attributes: Vec<u8> = attributes.into_iter().flat_map(|(name, value)| [name, value].concat()).collect();
        let pickle = [b"\x80\x02c__torch__\nM\n)\x81}(", &*attributes, b"ub."].concat();
        with_data(&pickle, &[0; 4000])
    };
    // As many as a model with tied weights could have, and as many as no model has.
    assert_eq!(content(&program(30)).map(|tensors| tensors.len()), Ok(30));
    assert!(content(&program(2000)).is_err_and(|reason| reason.contains("times the bytes of the file")));
}

#[test]
fn hostile_archives_are_refused() {
    let pickle: &[u8] = b"\x80\x02c__torch__\nM\n)\x81.";
    let constants: &[u8] = b"\x80\x02).";
    for (records, expected) in [
        (vec![("data.pkl", pickle)], "expected a dictionary of tensors, got an object"),
        (vec![("constants.pkl", constants)], "without a data.pkl"),
        (vec![("a.npy", pickle)], "NumPy archive"),
        (
            vec![("data.pkl", pickle), ("constants.pkl", constants), ("data.pkl", pickle)],
            "two zip entries have the name",
        ),
        (vec![("data.pkl", pickle), ("constants.pkl", constants), ("byteorder", b"big")], "byte order is \"big\""),
    ] {
        let got = reason(&archive(&records));
        assert!(got.contains(expected), "{got}");
    }
    let records = [("data.pkl", pickle), ("constants.pkl", constants)];
    assert_eq!(content(&archive(&records)), Ok(vec![]));
    // Byte 8 of an entry's own header is its method, byte 10 that in the directory: 8 is deflate.
    let directory = |file: &[u8], number: usize| {
        file.windows(4).enumerate().filter(|(_, bytes)| bytes == b"PK\x01\x02").nth(number).unwrap().0
    };
    let patched = |patches: &[(usize, u8)]| {
        let mut file = archive(&records);
        let entry = directory(&file, 0);
        for &(position, value) in patches {
            let position = if position < 100 { position } else { entry + position - 100 };
            file[position] = value;
        }
        reason(&file)
    };
    assert!(patched(&[(8, 8), (110, 8)]).contains("\"data.pkl\" is compressed"));
    assert!(patched(&[(110, 8)]).contains("different name or method"));
    assert!(patched(&[(108, 1)]).contains("encrypted"));
    assert!(patched(&[(120, 9)]).contains("is stored in"));
    assert!(patched(&[(122, 1), (126, 1)]).contains("outside the archive"));
    assert!(patched(&[(126, 0xff), (127, 0xff), (125, 0xff), (124, 0xff)]).contains("zip64 extra field is truncated"));
    // A first entry that is longer than its place, and one that claims the next one's.
    let file = archive(&records);
    let second = u8::try_from(file.windows(4).skip(1).position(|bytes| bytes == b"PK\x03\x04").unwrap() + 1).unwrap();
    assert!(patched(&[(120, second), (124, second)]).contains("overlap"));
}

#[test]
fn shapes_repeated_by_the_memo_are_refused() {
    let ones = [1_i64; 64];
    // Once in full, then the function and its arguments from the memo, five bytes each time.
    let first = tensor("Float", "0", 4, 0, &ones, &ones);
    let call = first.len() - 1;
    let mut program_bytes = b"](".to_vec();
    let name_end = first.iter().position(|&byte| byte == b'(').unwrap();
    program_bytes.extend(&first[..name_end]);
    program_bytes.extend(b"q\x01");
    program_bytes.extend(&first[name_end..call]);
    program_bytes.extend(b"q\x02R");
    for _ in 0..100_000 {
        program_bytes.extend(b"h\x01h\x02R");
    }
    program_bytes.push(b'e');
    let refused = content(&program(&program_bytes)).unwrap_err();
    assert!(refused.contains("more tensors than its length"), "{refused}");
}
