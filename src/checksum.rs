//! Checksums of files: comparison with the stored one, and TensorFlow's masked CRC-32C.

use crate::error::Result;
use crate::interrupt;

/// Advice for messages about files that are truncated or damaged.
pub(crate) const FETCH_AGAIN: &str = "download or copy the file again";

/// Bytes that a slow disk gives in a fraction of a second.
const AT_ONCE: usize = 1 << 23;

/// Return whether a checksum equals the one that is stored beside the bytes. Under a fuzzer, which cannot compute
/// checksums, every checksum is accepted.
pub(crate) const fn is_intact(checksum: u32, stored: u32) -> bool {
    checksum == stored || cfg!(fuzzing)
}

/// Return the reason to refuse `what`, the bytes whose checksum is not the stored one.
pub(crate) fn damaged(what: &str, checksum: u32, stored: u32) -> String {
    format!("the checksum of {what} is {checksum:#010x}, expected {stored:#010x}: the file is damaged; {FETCH_AGAIN}")
}

/// Return the CRC-32 of bytes, which are read a few megabytes at a time.
///
/// # Errors
/// The errors of [`interrupt::go_on`].
pub(crate) fn crc32(bytes: &[u8]) -> Result<u32> {
    let mut checksum = crc32fast::Hasher::new();
    for part in bytes.chunks(AT_ONCE) {
        interrupt::go_on()?;
        checksum.update(part);
    }
    Ok(checksum.finalize())
}

/// Return the masked CRC-32C (Castagnoli) of `parts`, concatenated: the form in which TensorFlow stores a checksum
/// beside the bytes that it covers.
///
/// Source: `Mask` in `tensorflow/core/lib/hash/crc32c.h` (TensorFlow 2.21).
pub(crate) fn masked_crc32c(parts: &[&[u8]]) -> u32 {
    let checksum = parts.iter().fold(0, |checksum, part| crc32c::crc32c_append(checksum, part));
    checksum.rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unmasked(bytes: &[u8]) -> u32 {
        masked_crc32c(&[bytes]).wrapping_sub(0xa282_ead8).rotate_left(15)
    }

    #[test]
    fn checksums_match_the_standard() {
        let rising: Vec<u8> = (0..32).collect();
        let falling: Vec<u8> = (0..32).rev().collect();
        // RFC 3720, B.4.
        for (bytes, expected) in [
            (&[0; 32][..], 0x8a91_36aa),
            (&[0xff; 32], 0x62a8_ab43),
            (&rising, 0x46dd_794e),
            (&falling, 0x113f_db5c),
            (b"123456789", 0xe306_9283),
            (b"", 0),
        ] {
            assert_eq!(unmasked(bytes), expected);
        }
    }

    #[test]
    fn a_checksum_in_parts_is_that_of_the_whole() {
        let bytes: Vec<u8> =
            (0..2 * AT_ONCE + 9).map(|place| (place.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for length in [0, 1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 2 * AT_ONCE, bytes.len()] {
            assert_eq!(crc32(&bytes[..length]).ok(), Some(crc32fast::hash(&bytes[..length])), "{length}");
        }
    }

    #[test]
    fn checksums_match_the_definition_at_every_length() {
        let slow = |bytes: &[u8]| {
            !bytes.iter().fold(u32::MAX, |state, &byte| {
                (0..8).fold(state ^ u32::from(byte), |state, _| (state >> 1) ^ (0x82f6_3b78 * (state & 1)))
            })
        };
        let bytes: Vec<u8> = (0..9000_u32).map(|place| (place.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for length in [1, 2, 3, 4, 5, 4095, 4096, 4097, 4098, 4099, 4100, 9000] {
            assert_eq!(unmasked(&bytes[..length]), slow(&bytes[..length]), "{length}");
            let (first, rest) = bytes[..length].split_at(length / 3);
            assert_eq!(masked_crc32c(&[first, rest]), masked_crc32c(&[&bytes[..length]]), "{length}");
        }
    }
}
