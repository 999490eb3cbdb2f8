#![no_main]

use libfuzzer_sys::fuzz_target;

// Fuzz the index of a checkpoint with a data file of zeros.
fuzz_target!(|file: &[u8]| oxbert_fuzz::bounded(file, || oxbert::weights::fuzzing::tensorflow(file, &[0; 1 << 14])));
