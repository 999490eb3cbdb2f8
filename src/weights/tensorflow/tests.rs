//! Tests of a TensorFlow 1 checkpoint, damaged and modified.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::panic::catch_unwind;

use prost::Message;

use super::Bundle;
use super::bundle::{Dimension, Header, Shape, Variable};
use crate::checksum::masked_crc32c;
use crate::weights::index::{Checked, Index};

const INDEX: &[u8] = include_bytes!("../../../tests/data/checkpoints/google/tagging/model.ckpt-12.index");
const DATA: &[u8] = include_bytes!("../../../tests/data/checkpoints/google/tagging/model.ckpt-12.data-00000-of-00001");

fn read(index: &[u8], data: &[u8]) -> Checked<Index> {
    Bundle::read(index)?.index(&[data]).unwrap()
}

/// Return a table of one block.
fn table(entries: &[(&[u8], Vec<u8>)]) -> Vec<u8> {
    let number = |mut number: usize| {
        let mut bytes = vec![];
        while number >= 0x80 {
            bytes.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        bytes.push(number as u8);
        bytes
    };
    let block = |entries: &[(&[u8], Vec<u8>)]| {
        let mut bytes = vec![];
        for (key, value) in entries {
            bytes.extend([number(0), number(key.len()), number(value.len()), key.to_vec(), value.clone()].concat());
        }
        // One restart, at byte 0.
        bytes.extend([0, 0, 0, 0, 1, 0, 0, 0]);
        bytes
    };
    let mut file = vec![];
    let mut put = |content: Vec<u8>| {
        let handle = [number(file.len()), number(content.len())].concat();
        let checksum = masked_crc32c(&[&content, &[0]]);
        file.extend([content, vec![0], checksum.to_le_bytes().to_vec()].concat());
        handle
    };
    let data = put(block(entries));
    let meta = put(block(&[]));
    let index = put(block(&[(b"~", data)]));
    let mut footer = [meta, index].concat();
    footer.resize(40, 0);
    footer.extend(0xdb47_7524_8b80_fb57_u64.to_le_bytes());
    [file, footer].concat()
}

fn variable(data: &[u8]) -> Variable {
    Variable {
        dtype: 1,
        shape: Some(Shape { dim: vec![Dimension { size: 2 }] }),
        size: 8,
        crc32c: masked_crc32c(&[data]),
        ..Variable::default()
    }
}

fn bundle(header: &Header, name: &[u8], variable: &Variable) -> Vec<u8> {
    table(&[(b"", header.encode_to_vec()), (name, variable.encode_to_vec())])
}

#[test]
fn a_checkpoint_is_read_completely() {
    let index = read(INDEX, DATA).unwrap();
    let names: Vec<&str> = index.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names.len(), 2 * 16 + 5 + 2 + 2 + 1);
    assert!(names.contains(&"task_specific/chunk/dense/kernel") && names.contains(&"global_step"));
    assert_eq!(index.get("global_step").unwrap().read(DATA).unwrap().unwrap().data(), 12_i64.to_le_bytes());
    assert_eq!(index.get("electra/embeddings/word_embeddings").unwrap().shape, [37, 6]);
}

#[test]
fn truncated_and_changed_files_are_errors() {
    let (mut index, mut data) = (INDEX.to_vec(), DATA.to_vec());
    for length in (0..index.len()).step_by(7) {
        assert!(read(&index[..length], DATA).is_err(), "the first {length} bytes were read");
    }
    assert!(read(INDEX, &DATA[..DATA.len() - 1]).map(drop).unwrap_err().contains("outside the data file"));
    let whole = read(INDEX, DATA).unwrap().iter().count();
    for position in 0..index.len() {
        index[position] ^= 1 << (position % 8);
        let got = catch_unwind(|| read(&index, DATA)).expect("a panic");
        // Only the padding after the last block has no checksum.
        assert!(got.is_err() || got.unwrap().iter().count() == whole, "{position}");
        index[position] ^= 1 << (position % 8);
    }
    for position in 0..data.len() {
        data[position] ^= 1 << (position % 8);
        assert!(read(INDEX, &data).map(drop).unwrap_err().contains("checksum"), "{position}");
        data[position] ^= 1 << (position % 8);
    }
}

#[test]
fn crafted_checkpoints_are_refused() {
    let data = [1_u8, 2, 3, 4, 5, 6, 7, 8];
    let header = Header { num_shards: 1, endianness: 0 };
    let one = variable(&data);
    assert_eq!(read(&bundle(&header, b"a", &one), &data).unwrap().iter().count(), 1);
    let shape = |sizes: &[i64]| Some(Shape { dim: sizes.iter().map(|&size| Dimension { size }).collect() });
    for (header, name, variable, expected) in [
        (Header { num_shards: 0, ..header.clone() }, &b"a"[..], one.clone(), "claims 0 data files"),
        (Header { num_shards: i32::MAX, ..header.clone() }, b"a", one.clone(), "claims 2147483647 data files"),
        (Header { endianness: 1, ..header.clone() }, b"a", one.clone(), "little-endian"),
        (header.clone(), b"\xff", one.clone(), "UTF-8"),
        (header.clone(), &[b'a'; 5000], one.clone(), "a key has 5000 bytes"),
        (header.clone(), b"a", Variable { dtype: 8, ..one.clone() }, "TensorFlow's number 8"),
        (header.clone(), b"a", Variable { dtype: 2, ..one.clone() }, "got 8 bytes, expected [2] of float64 (16 bytes)"),
        (header.clone(), b"a", Variable { shape: shape(&[-2]), ..one.clone() }, "is -2"),
        (
            header.clone(),
            b"a",
            Variable { shape: shape(&[i64::MAX, i64::MAX]), ..one.clone() },
            "more bytes than memory",
        ),
        (header.clone(), b"a", Variable { size: -8, ..one.clone() }, "is -8"),
        (header.clone(), b"a", Variable { offset: 1, ..one.clone() }, "outside the data file"),
        (header.clone(), b"a", Variable { offset: i64::MAX, ..one.clone() }, "outside the data file"),
        (header.clone(), b"a", Variable { shard_id: 1, ..one.clone() }, "data file 1 of 1"),
        (header.clone(), b"a", Variable { shard_id: -1, ..one.clone() }, "is -1"),
        (header.clone(), b"a", Variable { crc32c: 0, ..one.clone() }, "checksum"),
        (header.clone(), b"a", Variable { slices: vec![vec![]], ..one.clone() }, "in slices"),
    ] {
        let got = read(&bundle(&header, name, &variable), &data).map(drop).expect_err("it was read");
        assert!(got.contains(expected), "expected {expected:?}, got {got:?}");
    }
    assert!(read(&table(&[(b"a", one.encode_to_vec())]), &data).map(drop).unwrap_err().contains("no header"));
    let twice = [(&b""[..], header.encode_to_vec()), (b"a", one.encode_to_vec()), (b"a", one.encode_to_vec())];
    assert!(read(&table(&twice), &data).map(drop).unwrap_err().contains("not in ascending order"));
    assert!(read(&table(&[(b"", vec![0xff])]), &data).map(drop).unwrap_err().contains("corrupt"));
}
