//! Tests of damaged records and of inconsistent examples.

use prost::Message;

use super::message::{Entry, Example, Feature, Features, Int64List};
use super::{ElectraExample, TFRecordFile, write_record};
use crate::error::{Error, Result};

const LENGTH: usize = 8;

fn examples() -> Vec<ElectraExample> {
    let example = |input_ids: &[i32], first_segment| ElectraExample { input_ids: input_ids.to_vec(), first_segment };
    vec![
        example(&[2, 41, 300, 3], 4),
        example(&[2, 41, 3, 70_000, 43, 3], 3),
        example(&[2, 3], 2),
        example(&[2, 3, 5, 6, 7, 8, i32::MAX, 3], 2),
    ]
}

/// Return the records of a file, each with its header and footer.
fn framed(records: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let frame = |record: &Vec<u8>| {
        let mut framed = vec![];
        write_record(&mut framed, record).unwrap();
        framed
    };
    records.iter().map(frame).collect()
}

fn written() -> Vec<Vec<u8>> {
    framed(&examples().iter().map(|example| example.to_record(LENGTH).unwrap()).collect::<Vec<_>>())
}

/// Write a file and read all of its examples.
fn read(content: &[u8], vocab_size: Option<i64>) -> Result<Vec<ElectraExample>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.tfrecord");
    std::fs::write(&path, content).unwrap();
    let file = TFRecordFile::open(&path, &|| Ok(()))?;
    assert_eq!((file.path(), file.is_empty()), (path.as_path(), content.is_empty()));
    (0..file.len()).map(|record| file.example(record, vocab_size)).collect()
}

fn refusal(content: &[u8]) -> (usize, u64, String) {
    match read(content, None).unwrap_err() {
        Error::Data { path, record, byte, reason } => {
            assert!(path.ends_with("some.tfrecord"));
            (record, byte, reason)
        }
        other => panic!("{other}"),
    }
}

#[test]
fn written_examples_are_read_back() {
    assert_eq!(read(&written().concat(), None).unwrap(), examples());
    assert_eq!(read(&[], None).unwrap(), []);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records");
    std::fs::write(&path, written().concat()).unwrap();
    let file = TFRecordFile::open(&path, &|| Ok(())).unwrap();
    let again = TFRecordFile::with_ends(&path, file.ends().to_vec()).unwrap();
    for (record, ((place, length), framed)) in file.places().zip(written()).enumerate() {
        let data = again.record(record).unwrap();
        assert_eq!((data, length as usize), (&framed[12..framed.len() - 4], framed.len() - 16));
        assert_eq!(data, &written().concat()[place as usize..][..data.len()]);
        assert_eq!(again.row_length(record).unwrap(), LENGTH);
    }
    assert!(matches!(file.record(4), Err(Error::OutOfRange { value: 4, limit: 4, .. })));
    assert!(matches!(TFRecordFile::with_ends(&path, vec![15]), Err(Error::Input { .. })));
    assert!(matches!(TFRecordFile::with_ends(&path, vec![40, 30]), Err(Error::Input { .. })));
    let longer = TFRecordFile::with_ends(&path, vec![1 << 40]).unwrap().record(0).unwrap_err();
    assert!(longer.to_string().contains("the file has become shorter"));
    let missing = TFRecordFile::open(folder.path().join("none"), &|| Ok(())).unwrap_err();
    assert!(matches!(missing, Error::Io { action: "read", .. }));
    assert!(
        TFRecordFile::open(folder.path(), &|| Ok(()))
            .unwrap_err()
            .to_string()
            .contains("expected a regular file, got a folder")
    );
}

#[test]
fn every_changed_byte_is_reported_with_its_record() {
    let records = written();
    let mut file = records.concat();
    let mut begin = 0;
    for (number, record) in records.iter().enumerate() {
        for place in begin..begin + record.len() {
            for change in [1_u8, 2, 4, 8, 16, 32, 64, 128, 0xff] {
                file[place] ^= change;
                let (found, byte, reason) = refusal(&file);
                assert_eq!((found, byte), (number, begin as u64), "byte {place}: {reason}");
                assert!(reason.contains("checksum"), "{reason}");
                file[place] ^= change;
            }
        }
        begin += record.len();
    }
}

#[test]
fn truncated_files_are_refused() {
    let records = written();
    let file = records.concat();
    let ends: Vec<usize> = records
        .iter()
        .scan(0, |end, record| {
            *end += record.len();
            Some(*end)
        })
        .collect();
    for length in 1..file.len() {
        if let Ok(whole) = ends.binary_search(&length) {
            assert_eq!(read(&file[..length], None).unwrap(), examples()[..=whole]);
            continue;
        }
        let (record, _, reason) = refusal(&file[..length]);
        assert_eq!(record, ends.partition_point(|&end| end <= length), "{reason}");
        assert!(reason.starts_with("the file ends within this record: "), "{reason}");
    }
}

#[test]
fn a_length_past_the_end_of_the_file_is_refused() {
    for length in [1 << 60, u64::MAX, u64::MAX - 15, 85] {
        // The framing of the length as data has its checksum at the end.
        let checksum = framed(&[length.to_le_bytes().to_vec()]).concat()[20..].to_vec();
        let (_, _, reason) = refusal(&[&length.to_le_bytes()[..], &checksum, &[b'x'; 88]].concat());
        let expected = format!("expected {length} bytes of data and 4 of checksum, got 88");
        assert!(reason.contains(&expected), "{reason}");
    }
}

#[test]
fn indexing_stops_when_the_caller_asks() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("records");
    std::fs::write(&path, framed(&vec![vec![]; 2000]).concat()).unwrap();
    assert_eq!(TFRecordFile::open(&path, &|| Ok(())).unwrap().len(), 2000);
    let stopped = TFRecordFile::open(&path, &|| Err(Error::input("it", "stop"))).unwrap_err();
    assert_eq!(stopped.to_string(), "it: stop");
}

/// Return the reason to refuse an example with these lists, which may contradict one another.
fn refused(lists: [(&str, &[i64]); 3]) -> String {
    let example = Example::of_lists(lists.map(|(name, list)| (name, list.to_vec())));
    refusal(&framed(&[example.encode_to_vec()]).concat()).2
}

#[test]
fn inconsistent_lists_are_refused() {
    const SEGMENTS: &str = "one or two segments";
    let (ids, mask, segments) = ([2, 7, 3, 9, 3, 0], [1, 1, 1, 1, 1, 0], [0, 0, 0, 1, 1, 0]);
    for (ids, mask, segments, expected) in [
        (&ids[..2], &mask[..], &segments[..], "different lengths: 2, 6, 6"),
        (&ids, &mask, &segments[..5], "different lengths: 6, 6, 5"),
        (&[], &[], &[], "empty list"),
        (&[-2, 7, 3, 9, 3, 0], &mask, &segments, "has -2, which is outside 0 to 2147483647"),
        (&[2, 7, 3, 9, 3, 1 << 31], &mask, &segments, "has 2147483648, which is outside 0 to 2147483647"),
        (&ids, &[1, 1, 0, 1, 1, 1], &segments, SEGMENTS),
        (&ids, &[0; 6], &segments, SEGMENTS),
        (&ids, &[2, 1, 1, 1, 1, 0], &segments, SEGMENTS),
        (&ids, &mask, &[0, 0, 0, 1, 1, 1], SEGMENTS),
        (&ids, &mask, &[0, 0, 0, 1, 0, 0], SEGMENTS),
        (&ids, &mask, &[0, 0, 0, 2, 1, 0], SEGMENTS),
        // `[CLS]` alone is not a segment.
        (&ids, &mask, &[0, 1, 1, 1, 1, 0], SEGMENTS),
    ] {
        let reason = refused([("input_ids", ids), ("input_mask", mask), ("segment_ids", segments)]);
        assert!(reason.contains(expected), "expected {expected:?}, got {reason:?}");
    }
    assert_eq!(
        refused([("input_ids", &ids), ("mask", &mask), ("segments", &segments)]),
        "the example has no input_mask, segment_ids"
    );
    let [whole, ..] = &written()[..] else { panic!() };
    assert!(read(whole, Some(301)).is_ok());
    assert!(read(whole, Some(300)).unwrap_err().to_string().contains("outside 0 to 299"));
}

#[test]
fn messages_are_read_by_the_rules_of_protocol_buffers() {
    let data = examples()[0].to_record(LENGTH).unwrap();
    let entries = Example::decode(&*data).unwrap().features.unwrap().feature;
    let encode =
        |feature: Vec<Entry>| framed(&[Example { features: Some(Features { feature }) }.encode_to_vec()]).concat();
    // Other features, a name that is not UTF-8, another order, and a feature that is repeated.
    let list = |value: &[i64]| Feature { int64_list: vec![Int64List { value: value.to_vec() }] };
    let more = |key: &[u8], value: &[i64]| Entry { key: key.to_vec(), value: vec![list(value)] };
    let mut many = vec![more(b"\xff", &[1]), more(b"input_ids", &[5]), more(b"next_sentence_labels", &[0])];
    many.extend(entries.iter().rev().cloned());
    assert_eq!(read(&encode(many), None).unwrap(), examples()[..1]);
    for value in [vec![], vec![Feature::default()], vec![list(&[1]), list(&[1])]] {
        let mut others = entries.clone();
        others[2] = Entry { key: b"segment_ids".to_vec(), value };
        assert_eq!(refusal(&encode(others)).2, "segment_ids is not a list of integers");
    }
    // An unpacked list has one field for each integer: key 1, varint.
    let unpacked: Vec<u8> = [2_u8, 41, 7, 3].iter().flat_map(|&id| [8, id]).collect();
    assert_eq!(Int64List::decode(&*unpacked).unwrap().value, [2, 41, 7, 3]);
    for length in 1..data.len() {
        assert!(read(&framed(&[data[..length].to_vec()]).concat(), None).is_err(), "{length}");
    }
}

#[test]
fn unreadable_examples_are_not_written() {
    let example = |input_ids: &[i32], first_segment| ElectraExample { input_ids: input_ids.to_vec(), first_segment };
    for (example, what) in [
        (example(&[2; LENGTH + 1], 2), "max_length"),
        (example(&[2, 3, 4], 1), "first_segment"),
        (example(&[2, 3, 4], 4), "first_segment"),
        (example(&[], 0), "first_segment"),
        (example(&[2, -1, 4], 2), "input_ids"),
    ] {
        assert!(matches!(example.to_record(LENGTH), Err(Error::Input { what: found, .. }) if found == what), "{what}");
    }
}
