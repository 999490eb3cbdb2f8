//! Tests of the way from texts over a batch to the inputs of a model. The tokenizer's own tests are in `src/text/`.

use std::path::Path;

use oxbert::Error;
use oxbert::inputs::{Arguments, Inputs, Limits, Task, Tokens};
use oxbert::text::{Batch, ElectraTokenizer, EncodeOptions, Pair, Source, TokenizerOptions, Truncation};
use tch::{Device, Kind};

/// A vocabulary for the tests of every room that works on texts.
const WORDS: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\ncat\nsat\non\na\nmat\n##s\n.\n,\ndog\ncafe\n";

/// Write `vocab.txt` into a folder and read it.
pub fn tokenizer(folder: &Path) -> ElectraTokenizer {
    let path = folder.join("vocab.txt");
    std::fs::write(&path, WORDS).unwrap();
    ElectraTokenizer::from_vocab_file(path, &TokenizerOptions::default()).unwrap()
}

#[test]
fn texts_become_batches_without_padding() {
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer(folder.path());
    let texts = [("The cats sat.", None), ("a mat", Some("the dog")), ("", None)];
    let encodings = tokenizer.encode_batch(&texts, &EncodeOptions::default()).unwrap();
    assert_eq!(encodings[0].tokens(), ["[CLS]", "the", "cat", "##s", "sat", ".", "[SEP]"]);
    let batch: Batch = encodings.iter().collect();
    assert_eq!(batch.lengths(), [7, 7, 2]);
    assert_eq!(batch.type_ids[1], [0, 0, 0, 0, 1, 1, 1]);
    let limits = Limits {
        vocab_size: tokenizer.id_limit(),
        max_position_embeddings: 7,
        type_vocab_size: 2,
        embedding_size: 4,
        device: Device::Cpu,
        kind: Kind::Float,
        task: Task::Encoding,
    };
    let inputs = Inputs::new(Arguments::from_batch(&batch), &limits).unwrap();
    assert_eq!((inputs.layout.rows(), inputs.layout.columns(), inputs.layout.tokens()), (3, 7, 16));
    let Tokens::Ids(ids) = inputs.tokens else { panic!("ids went in") };
    // The shortest row comes first.
    assert_eq!(Vec::<i64>::try_from(ids.narrow(0, 0, 4)).unwrap(), [2, 3, 2, 5]);
}

#[test]
fn batches_of_texts_are_those_of_their_encodings() {
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer(folder.path());
    let (one, other) = ("the cats sat on a mat", "the dog");
    let options = [
        EncodeOptions::default(),
        EncodeOptions::truncated(Truncation::LongestFirst, 6),
        EncodeOptions { add_special_tokens: false, ..EncodeOptions::default() },
        EncodeOptions { overflow: true, stride: 1, ..EncodeOptions::truncated(Truncation::LongestFirst, 8) },
    ];
    for options in &options {
        let batch = |first, second: Option<&str>| -> Batch {
            let row: Pair = (Source::Text(first), second.map(Source::Text));
            tokenizer.encode_rows(&row, options).unwrap().into_iter().collect()
        };
        let joined = |batches: [Batch; 2]| {
            let [one, other] = batches;
            Batch { ids: [one.ids, other.ids].concat(), type_ids: [one.type_ids, other.type_ids].concat() }
        };
        let alone = joined([batch(one, None), batch(other, None)]);
        assert_eq!(Batch::from_texts_with(&tokenizer, &[one, other], options).unwrap(), alone);
        let owned = [one.to_string(), other.to_string()];
        assert_eq!(Batch::from_texts_with(&tokenizer, &owned, options).unwrap(), alone);
        let pairs = joined([batch(one, Some(other)), batch(other, Some(one))]);
        assert_eq!(Batch::from_texts_with(&tokenizer, &[(one, other), (other, one)], options).unwrap(), pairs);
        assert_eq!(alone.len() > 2, options.overflow);
    }
    let words: Pair = (Source::Words(one.split(' ').collect()), None);
    let batch = Batch::from_texts(&tokenizer, &[words]).unwrap();
    assert_eq!(batch, Batch::from_texts(&tokenizer, &[one]).unwrap());
    assert!(Batch::from_texts::<&str>(&tokenizer, &[]).unwrap().is_empty());
    let none = EncodeOptions::truncated(Truncation::LongestFirst, 1);
    assert!(matches!(Batch::from_texts_with(&tokenizer, &[one], &none), Err(Error::Input { .. })));
}

#[test]
fn the_error_for_a_long_text_names_truncation() {
    let folder = tempfile::tempdir().unwrap();
    let tokenizer = tokenizer(folder.path());
    let limits = Limits {
        vocab_size: 16,
        max_position_embeddings: 6,
        type_vocab_size: 2,
        embedding_size: 4,
        device: Device::Cpu,
        kind: Kind::Float,
        task: Task::Encoding,
    };
    let inputs = |options: &EncodeOptions| {
        let batch: Batch = [tokenizer.encode("the cat sat on a mat", None, options).unwrap()].iter().collect();
        Inputs::new(Arguments::from_batch(&batch), &limits)
    };
    let message = inputs(&EncodeOptions::default()).unwrap_err().to_string();
    assert!(message.contains("8 tokens at row 0") && message.contains("truncation"), "{message}");
    assert_eq!(inputs(&EncodeOptions::truncated(Truncation::LongestFirst, 6)).unwrap().layout.tokens(), 6);
}
