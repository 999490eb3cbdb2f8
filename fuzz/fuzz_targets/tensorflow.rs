#![no_main]

use libfuzzer_sys::fuzz_target;

// The index of a checkpoint; the numbers themselves are zeros.
fuzz_target!(|file: &[u8]| oxbert_fuzz::bounded(file, || oxbert::weights::fuzzing::tensorflow(file, &[0; 1 << 14])));
