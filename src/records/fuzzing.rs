//! The reader of bytes in memory, for the targets in `fuzz/`.
#![allow(missing_docs)]

use super::electra::Padded;
use super::file::index;
use super::frame;
use crate::error::Error;

pub fn examples(file: &[u8]) {
    let refusal = |record, byte, reason| Error::Data { path: "file".into(), record, byte, reason };
    let Ok(ends) = index(file, &|| Ok(()), refusal) else { return };
    let mut begin = 0;
    for end in ends {
        let record = &file[begin..end as usize];
        begin = end as usize;
        let padded = frame::data(record).and_then(Padded::decode);
        let read = padded.and_then(|padded| Ok((padded.len(), padded.unpad(None)?)));
        let Ok((length, example)) = read else { continue };
        // An example that was read can be written and read again, with the same content.
        let written = example.to_record(length).map_err(|error| error.to_string());
        let again = written.and_then(|data| Padded::decode(&data)).and_then(|padded| padded.unpad(None));
        assert_eq!(again, Ok(example));
    }
}
