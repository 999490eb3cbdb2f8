#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use rust_tokenizers::tokenizer::Tokenizer as _;
use serde_json::Value;

use super::*;
use crate::error::Error;
use crate::interrupt::watch_every;

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// Run `work` with a check that refuses from call number `refused` on. Return the result and the number of calls.
pub(super) fn checked<T>(refused: usize, work: impl FnOnce() -> T) -> (T, usize) {
    let calls = Rc::new(Cell::new(0));
    let counted = Rc::clone(&calls);
    let check = move || {
        counted.set(counted.get() + 1);
        if counted.get() < refused { Ok(()) } else { Err(Error::input("text", "enough")) }
    };
    let result = watch_every(Duration::ZERO, check, work);
    (result, calls.get())
}

fn tokenizer(options: &TokenizerOptions) -> WordPieceTokenizer {
    WordPieceTokenizer::from_vocab_file(data("tokenizer_vocab.txt"), options).unwrap()
}

fn uncased() -> WordPieceTokenizer {
    tokenizer(&TokenizerOptions::default())
}

/// Read the stored cases and build one tokenizer for each group of settings in them.
fn fixture() -> (Value, Vec<WordPieceTokenizer>) {
    let cases: Value = serde_json::from_slice(&std::fs::read(data("tokenizer_cases.json")).unwrap()).unwrap();
    let make = |settings: &Value| {
        tokenizer(&TokenizerOptions {
            do_lower_case: settings["do_lower_case"].as_bool().unwrap(),
            strip_accents: settings["strip_accents"].as_bool(),
            tokenize_chinese_chars: settings["tokenize_chinese_chars"].as_bool().unwrap(),
            ..TokenizerOptions::default()
        })
    };
    let tokenizers = cases["settings"].as_array().unwrap().iter().map(make).collect();
    (cases, tokenizers)
}

fn options(case: &Value) -> EncodeOptions {
    let truncation = match case["truncation"].as_str() {
        None => Truncation::None,
        Some("longest_first") => Truncation::LongestFirst,
        Some("only_first") => Truncation::OnlyFirst,
        Some("only_second") => Truncation::OnlySecond,
        Some(other) => panic!("unknown truncation {other}"),
    };
    let max_length = case["max_length"].as_u64().map(|length| length as usize);
    let add_special_tokens = case["special"].as_bool().unwrap_or(true);
    EncodeOptions { add_special_tokens, truncation, max_length, ..EncodeOptions::default() }
}

fn encode(case: &Value, tokenizers: &[WordPieceTokenizer]) -> crate::error::Result<Encoding> {
    let tokenizer = &tokenizers[case["settings"].as_u64().unwrap() as usize];
    tokenizer.encode(case["text"].as_str().unwrap(), case["pair"].as_str(), &options(case))
}

/// Write a file into the folder and return its path.
fn file(folder: &tempfile::TempDir, name: &str, content: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    path
}

pub(super) const SMALL: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n##c\n";

pub(super) fn from_bytes(content: &[u8]) -> crate::error::Result<WordPieceTokenizer> {
    let folder = tempfile::tempdir().unwrap();
    WordPieceTokenizer::from_vocab_file(file(&folder, "vocab.txt", content), &TokenizerOptions::default())
}

pub(super) fn from_folder(files: &[(&str, &str)]) -> crate::error::Result<WordPieceTokenizer> {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        file(&folder, name, content.as_bytes());
    }
    WordPieceTokenizer::from_pretrained(folder.path())
}

#[test]
fn encodes_as_transformers_does() {
    let (cases, tokenizers) = fixture();
    let cases = cases["encode"].as_array().unwrap();
    assert!(cases.len() > 300);
    for case in cases {
        let encoding = encode(case, &tokenizers).unwrap();
        let types: Vec<i64> = encoding.type_ids().collect();
        let offsets: Vec<(usize, usize)> = encoding.offsets().collect();
        let words: Vec<Option<usize>> = encoding.word_ids().collect();
        let got = serde_json::json!([encoding.ids(), types, offsets, words]);
        let expected = ["ids", "types", "offsets", "words"].map(|key| case[key].clone());
        assert_eq!(got, Value::from(expected.to_vec()), "{case}");
        let added: Vec<bool> = words.iter().map(Option::is_none).collect();
        assert_eq!(encoding.special_tokens_mask().collect::<Vec<_>>(), added, "{case}");
        let sequences: Vec<Option<usize>> =
            words.iter().zip(types).map(|(word, kind)| word.map(|_| kind as usize)).collect();
        assert_eq!(encoding.sequence_ids().collect::<Vec<_>>(), sequences, "{case}");
    }
}

#[test]
fn refuses_the_truncations_that_transformers_refuses() {
    let (cases, tokenizers) = fixture();
    let cases = cases["refused"].as_array().unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        assert!(matches!(encode(case, &tokenizers), Err(Error::Tokenizer { .. })), "{case}");
    }
}

#[test]
fn decodes_as_transformers_does() {
    let (cases, tokenizers) = fixture();
    for case in cases["decode"].as_array().unwrap() {
        let ids: Vec<i64> = case["ids"].as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect();
        let (skip, clean) = (case["skip_special_tokens"].as_bool().unwrap(), case["clean_up"].as_bool().unwrap());
        let text = tokenizers[0].decode(&ids, skip, clean).unwrap();
        assert_eq!(text, case["text"].as_str().unwrap(), "{case}");
    }
}

#[test]
fn plain_english_gives_the_tokens_of_rust_tokenizers() {
    let path = data("tokenizer_vocab.txt");
    let theirs = rust_tokenizers::tokenizer::BertTokenizer::from_file(path, true, true).unwrap();
    let text = "The water's end: many words, worded (by 3 boys) - \"wording\"?\tHELLO again!";
    assert_eq!(uncased().tokenize(text).unwrap(), theirs.tokenize(text));
}

#[test]
fn offsets_lie_in_the_text_and_never_decrease() {
    let (cases, tokenizers) = fixture();
    for case in cases["encode"].as_array().unwrap() {
        let encoding = encode(case, &tokenizers).unwrap();
        let texts = [case["text"].as_str().unwrap(), case["pair"].as_str().unwrap_or_default()];
        let mut last = [(0, 0); 2];
        for ((begin, end), sequence) in encoding.offsets().zip(encoding.sequence_ids()) {
            let Some(sequence) = sequence else { continue };
            assert!(begin < end && end <= texts[sequence].chars().count(), "{case}");
            assert!(last[sequence].0 <= begin && last[sequence].1 <= end, "{case}");
            last[sequence] = (begin, end);
        }
    }
}

#[test]
fn a_batch_equals_its_texts_encoded_one_by_one() {
    let tokenizer = uncased();
    let texts: Vec<String> =
        (0..200).map(|index| format!("word {index} [MASK] \u{e9}\u{301} {}", "a ".repeat(index % 7))).collect();
    let rows: Vec<(&str, Option<&str>)> =
        texts.iter().enumerate().map(|(index, text)| (text.as_str(), (index % 3 == 0).then_some("the end"))).collect();
    let options = EncodeOptions::truncated(Truncation::LongestFirst, 9);
    let encodings = tokenizer.encode_batch(&rows, &options).unwrap();
    assert_eq!(encodings.len(), rows.len());
    let batch = Batch::from_iter(&encodings);
    assert_eq!(batch.len(), rows.len());
    for (index, &(text, pair)) in rows.iter().enumerate() {
        let single = tokenizer.encode(text, pair, &options).unwrap();
        assert_eq!(batch.ids[index], single.ids());
        assert_eq!(batch.type_ids[index], single.type_ids().collect::<Vec<_>>());
        assert!(encodings[index].offsets().eq(single.offsets()));
        assert_eq!(batch.lengths()[index], single.len());
    }
    assert_eq!(encodings.into_iter().collect::<Batch>(), batch);
    assert!(tokenizer.encode_batch(&[], &options).unwrap().is_empty());
    assert!(Batch::default().is_empty());
    let short = EncodeOptions::truncated(Truncation::OnlySecond, 4);
    assert!(matches!(tokenizer.encode_batch(&rows, &short), Err(Error::Tokenizer { .. })));
}

#[test]
fn decoding_inverts_encoding() {
    let tokenizer = uncased();
    let encoding = tokenizer.encode("Many words, and the end.", None, &EncodeOptions::default()).unwrap();
    assert_eq!(tokenizer.decode(encoding.ids(), true, false).unwrap(), "many words, and the end.");
    assert_eq!(tokenizer.decode(encoding.ids(), false, false).unwrap(), "[CLS] many words, and the end. [SEP]");
    assert_eq!(tokenizer.convert_ids_to_tokens(encoding.ids(), false).unwrap(), encoding.tokens());
    assert_eq!(tokenizer.convert_tokens_to_ids(&encoding.tokens()), encoding.ids());
    assert_eq!(tokenizer.tokenize("Many words, and the end.").unwrap(), encoding.tokens()[1..encoding.len() - 1]);
    assert_eq!(tokenizer.convert_tokens_to_ids(&["no such token"]), [tokenizer.unk_token_id()]);
}

#[test]
fn looks_up_tokens_and_ids() {
    let tokenizer = uncased();
    assert_eq!(tokenizer.special_token_ids(), [0, 1, 2, 3, 4]);
    assert_eq!((tokenizer.pad_token_id(), tokenizer.cls_token_id(), tokenizer.sep_token_id()), (0, 2, 3));
    assert_eq!(tokenizer.id_to_token(tokenizer.mask_token_id()), Some("[MASK]"));
    assert_eq!(tokenizer.token_to_id("the"), Some(5));
    assert_eq!(tokenizer.token_to_id("The"), None);
    assert_eq!(tokenizer.id_to_token(-1), None);
    assert_eq!(tokenizer.id_limit(), tokenizer.vocab_size() as i64);
    assert_eq!(tokenizer.num_special_tokens_to_add(true), 3);
    assert_eq!(tokenizer.vocab().values.len(), tokenizer.vocab_size());
}

#[test]
fn max_length_defaults_to_model_max_length() {
    let tokenizer = tokenizer(&TokenizerOptions { model_max_length: Some(4), ..TokenizerOptions::default() });
    let options = EncodeOptions { truncation: Truncation::LongestFirst, ..EncodeOptions::default() };
    assert_eq!(tokenizer.model_max_length(), Some(4));
    assert_eq!(tokenizer.encode("a a a a", None, &options).unwrap().len(), 4);
    assert_eq!(tokenizer.encode("a a a a", None, &EncodeOptions::default()).unwrap().len(), 6);
    assert_eq!(uncased().encode("a a a a", None, &options).unwrap().len(), 6);
}

#[test]
fn long_texts_take_no_quadratic_time() {
    let tokenizer = uncased();
    let begin = std::time::Instant::now();
    let hostile = [
        "a".repeat(1 << 20),
        "word ".repeat(1 << 18),
        "[".repeat(1 << 20),
        format!("a{}", "\u{301}\u{323}".repeat(1 << 18)),
    ];
    for text in hostile {
        let options = EncodeOptions::truncated(Truncation::LongestFirst, 512);
        assert!(tokenizer.encode(&text, None, &options).unwrap().len() <= 512);
    }
    // Quadratic work on a megabyte would take hours. The limit allows for a slow machine without optimisation.
    assert!(begin.elapsed().as_secs() < 60);
}

#[test]
fn reads_vocabulary_files_as_transformers_does() {
    let ids = |content: &str, text: &str| {
        let options = EncodeOptions { add_special_tokens: false, ..EncodeOptions::default() };
        from_bytes(content.as_bytes()).unwrap().encode(text, None, &options).unwrap().into_ids()
    };
    assert_eq!(ids(SMALL, "a b ac"), [5, 6, 5, 7]);
    assert_eq!(ids(&SMALL.replace('\n', "\r\n"), "a b ac"), [5, 6, 5, 7]);
    assert_eq!(ids(SMALL.trim_end(), "a b ac"), [5, 6, 5, 7]);
    assert_eq!(ids(&format!("{SMALL}\n\nd \u{3000}\n"), "a d"), [5, 10]);
    assert_eq!(ids(&format!("\u{feff}first\n{SMALL}"), "a first"), [6, 2]);

    let repeated = from_bytes(format!("{SMALL}a\n").as_bytes()).unwrap();
    assert_eq!((repeated.token_to_id("a"), repeated.id_to_token(5)), (Some(8), None));
    assert_eq!((repeated.vocab_size(), repeated.id_limit()), (8, 9));
    assert!(
        matches!(repeated.decode(&[6, 5], true, false), Err(Error::Tokenizer { reason }) if reason.contains("id 5 at 1"))
    );
}

#[test]
fn refuses_bad_vocabulary_files() {
    let missing = from_bytes(b"[PAD]\n[UNK]\n[CLS]\na\n").unwrap_err();
    assert!(
        matches!(&missing, Error::Vocabulary { line: None, reason, .. } if reason.contains("[SEP], [MASK]")),
        "{missing}"
    );
    let marked = from_bytes(format!("\u{feff}{SMALL}").as_bytes()).unwrap_err();
    assert!(
        matches!(&marked, Error::Vocabulary { reason, .. } if reason.contains("[PAD]") && reason.contains("byte order mark"))
    );
    assert!(matches!(from_bytes(b""), Err(Error::Vocabulary { .. })));
    let invalid = from_bytes(b"[PAD]\n[UNK]\na\xffb\n").unwrap_err();
    assert!(
        matches!(&invalid, Error::Vocabulary { line: Some(3), reason, .. } if reason.contains("byte 2")),
        "{invalid}"
    );
    let absent = WordPieceTokenizer::from_vocab_file("no/such/vocab.txt", &TokenizerOptions::default()).unwrap_err();
    assert!(matches!(absent, Error::Io { action: "read", .. }));
}

#[test]
fn refuses_a_length_without_room_for_the_special_tokens() {
    let tokenizer = uncased();
    for (pair, length) in [(None, 0), (None, 1), (Some("b"), 2)] {
        let error =
            tokenizer.encode("a", pair, &EncodeOptions::truncated(Truncation::LongestFirst, length)).unwrap_err();
        assert!(matches!(&error, Error::Input { what, .. } if what == "max_length"), "{error}");
    }
    let bare = EncodeOptions { add_special_tokens: false, ..EncodeOptions::truncated(Truncation::LongestFirst, 0) };
    assert!(tokenizer.encode("a", Some("b"), &bare).unwrap().is_empty());
}

#[test]
fn refuses_ids_beyond_the_vocabulary() {
    let tokenizer = uncased();
    for id in [-1, tokenizer.id_limit(), i64::MAX, i64::MIN] {
        let error = tokenizer.decode(&[5, id], true, true).unwrap_err();
        assert!(
            matches!(&error, Error::OutOfRange { value, position, .. } if *value == id && position == &[1]),
            "{error}"
        );
        assert!(matches!(tokenizer.convert_ids_to_tokens(&[id], false), Err(Error::OutOfRange { .. })));
    }
}
