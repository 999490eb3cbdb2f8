#![no_main]
//! Fuzz a legacy pickle, and the same bytes as the pickle of an archive.

use libfuzzer_sys::fuzz_target;
use oxbert::weights::fuzzing::{archive, legacy};

/// The checksum of an entry, which fuzz builds do not verify.
const CHECKSUM: [u8; 4] = [0; 4];

fuzz_target!(|file: &[u8]| {
    oxbert_fuzz::bounded(file, || legacy(file));
    // An archive with code is read as a module, and one without code as a state dict.
    let numbers = [0; 1024];
    let records: [(&str, &[u8]); 4] =
        [("a/data.pkl", file), ("a/data/0", &numbers), ("a/data/1", &numbers), ("a/code/a", b"")];
    let (module, plain) = (zip(&records), zip(&records[..3]));
    oxbert_fuzz::bounded(file, || archive(&module));
    oxbert_fuzz::bounded(file, || archive(&plain));
});

fn zip(records: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut file, mut directory) = (vec![], vec![]);
    for (name, content) in records {
        let (size, start) = ((content.len() as u32).to_le_bytes(), (file.len() as u32).to_le_bytes());
        let common = [&[0; 10][..], &CHECKSUM, &size, &size, &(name.len() as u16).to_le_bytes(), &[0; 2]].concat();
        file.extend([b"PK\x03\x04", &common[..], name.as_bytes(), content].concat());
        directory.extend([b"PK\x01\x02\0\0", &common[..], &[0; 10], &start, name.as_bytes()].concat());
    }
    let (count, size) = ((records.len() as u16).to_le_bytes(), (directory.len() as u32).to_le_bytes());
    let start = (file.len() as u32).to_le_bytes();
    file.extend([&directory[..], b"PK\x05\x06\0\0\0\0", &count, &count, &size, &start, &[0; 2]].concat());
    file
}
