#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| oxbert_fuzz::bounded(file, || oxbert::records::fuzzing::examples(file)));
