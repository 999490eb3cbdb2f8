//! Tests of tokenizers in folders: which file each part is read from, which files are refused, and saving and loading.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::tests::{SMALL, checked, from_bytes, from_folder};
use super::*;
use crate::error::Error;

const SETTINGS: &str = "tokenizer_config.json";
const SPECIAL: &str = "special_tokens_map.json";
const ADDED: &str = "added_tokens.json";
const WHOLE: &str = "tokenizer.json";

/// The first free id behind [`SMALL`].
const NEXT: i64 = 8;

/// Read a folder with [`SMALL`] and another file. A `tokenizer.json` gets all that `content` does not have.
fn small_with(name: &str, content: &Value) -> crate::error::Result<WordPieceTokenizer> {
    let content = if name == WHOLE { tokenizer_json(content) } else { content.to_string() };
    from_folder(&[("vocab.txt", SMALL), (name, &content)])
}

fn added(tokenizer: &WordPieceTokenizer) -> Vec<(i64, AddedToken)> {
    tokenizer.added_tokens().filter(|(id, _)| *id > 4).map(|(id, token)| (id, token.clone())).collect()
}

/// Build a `tokenizer.json` with the vocabulary of [`SMALL`] and BERT's pipeline.
fn tokenizer_json(extra: &Value) -> String {
    let vocabulary: serde_json::Map<String, Value> =
        SMALL.lines().zip(0..).map(|(token, id)| (token.to_string(), json!(id))).collect();
    let mut file = json!({
        "normalizer": {"type": "BertNormalizer", "lowercase": true, "strip_accents": null, "handle_chinese_chars": true},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "cls": ["[CLS]", 2], "sep": ["[SEP]", 3]},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {"type": "WordPiece", "vocab": vocabulary},
    });
    for (name, value) in extra.as_object().unwrap() {
        file[name] = value.clone();
    }
    file.to_string()
}

#[test]
fn reads_a_model_folder() {
    let plain = from_folder(&[("vocab.txt", SMALL)]).unwrap();
    assert_eq!(plain.options(), &TokenizerOptions::default());
    let config = r#"{"do_lower_case": false, "strip_accents": true, "tokenize_chinese_chars": false, "model_max_length": 512,
        "padding_side": "left", "truncation_side": "left",
        "cls_token": "[CLS]", "mask_token": {"content": "[MASK]", "lstrip": false},
        "added_tokens_decoder": {"0": {"content": "[PAD]"}}, "anything": [1]}"#;
    let full = from_folder(&[("vocab.txt", SMALL), (SETTINGS, config)]).unwrap();
    let expected = TokenizerOptions {
        do_lower_case: false,
        strip_accents: Some(true),
        tokenize_chinese_chars: false,
        model_max_length: Some(512),
        padding_side: Side::Left,
        truncation_side: Side::Left,
        ..TokenizerOptions::default()
    };
    assert_eq!(full.options(), &expected);
    let unbounded =
        r#"{"model_max_length": 1000000000000000019884624838656, "strip_accents": null, "padding_side": null}"#;
    let unbounded = from_folder(&[("vocab.txt", SMALL), (SETTINGS, unbounded)]).unwrap();
    assert_eq!(unbounded.options(), &TokenizerOptions::default());
}

#[test]
fn tokenizer_json_alone_is_enough() {
    let normalizer =
        json!({"type": "BertNormalizer", "lowercase": false, "strip_accents": true, "handle_chinese_chars": false});
    let tokens = json!([
        {"id": 0, "content": "[PAD]", "special": true, "normalized": false},
        {"id": 8, "content": "<S>", "special": true, "normalized": false, "lstrip": true},
        {"id": 9, "content": "<o>", "single_word": true},
    ]);
    let file = tokenizer_json(&json!({"normalizer": normalizer, "added_tokens": tokens}));
    let tokenizer = from_folder(&[(WHOLE, &file)]).unwrap();
    assert_eq!(tokenizer.token_to_id("a"), Some(5));
    let expected = TokenizerOptions {
        do_lower_case: false,
        strip_accents: Some(true),
        tokenize_chinese_chars: false,
        ..TokenizerOptions::default()
    };
    assert_eq!(tokenizer.options(), &expected);
    let strips = AddedToken { lstrip: true, ..AddedToken::special("<S>") };
    let alone = AddedToken { single_word: true, ..AddedToken::ordinary("<o>") };
    assert_eq!(added(&tokenizer), [(8, strips), (9, alone)]);
    // If there is a settings file, the settings in tokenizer.json are ignored, as in transformers.
    let tokenizer = from_folder(&[(WHOLE, &file), (SETTINGS, "{}")]).unwrap();
    assert_eq!(tokenizer.options(), &TokenizerOptions::default());
    // Without a normaliser nothing is normalised.
    let tokenizer = from_folder(&[(WHOLE, &tokenizer_json(&json!({"normalizer": null})))]).unwrap();
    let row = tokenizer.encode("A a", None, &EncodeOptions::default()).unwrap();
    assert_eq!((row.ids(), tokenizer.options().do_lower_case), (&[2, 1, 5, 3][..], false));
}

#[test]
fn tokenizer_json_overrides_vocab_txt() {
    let other = tokenizer_json(&json!({"added_tokens": [{"id": 9, "content": "<x>"}]}));
    let lines = format!("{SMALL}d\n");
    let tokenizer = from_folder(&[("vocab.txt", &lines), (WHOLE, &other)]).unwrap();
    assert_eq!((tokenizer.token_to_id("d"), tokenizer.token_to_id("<x>")), (None, Some(9)));
}

#[test]
fn reads_added_tokens_of_every_file() {
    let token = |content: &str| json!({"content": content});
    let file = tokenizer_json(&json!({"added_tokens": [{"id": 8, "content": "<8>"}, {"id": 9, "content": "<9>"}]}));
    let settings = json!({
        "added_tokens_decoder": {"9": {"content": "<9>", "rstrip": true}, "12": token("<12>")},
        "additional_special_tokens": ["<8>", "[MASK]", "<free>"],
    });
    let special = json!({"extra_special_tokens": {"image_token": {"content": "<image>"}, "mask": "[MASK]"}});
    let files = [
        ("vocab.txt", SMALL),
        (WHOLE, &file),
        (SETTINGS, &settings.to_string()),
        (SPECIAL, &special.to_string()),
        (ADDED, r#"{"<10>": 10, "<9>": 9, "[MASK]": 4}"#),
    ];
    let tokenizer = from_folder(&files).unwrap();
    let nine = AddedToken { rstrip: true, ..AddedToken::ordinary("<9>") };
    let expected = [
        (8, AddedToken::special("<8>")),
        (9, nine),
        (10, AddedToken::ordinary("<10>")),
        (12, AddedToken::ordinary("<12>")),
        (13, AddedToken::special("<free>")),
        (14, AddedToken::special("<image>")),
    ];
    assert_eq!(added(&tokenizer), expected);
    assert_eq!((tokenizer.id_limit(), tokenizer.id_to_token(11)), (15, None));
    let row = tokenizer.encode("a<9>  <free>[mask]", None, &EncodeOptions::default()).unwrap();
    assert_eq!(row.ids(), [2, 5, 9, 13, 1, 1, 1, 3]);
    assert!(matches!(tokenizer.decode(&[11], false, false), Err(Error::Tokenizer { .. })));
    assert!(tokenizer.added_tokens().any(|(id, token)| id == 4 && *token == AddedToken::special("[MASK]")));
}

#[test]
fn a_saved_tokenizer_loads_as_the_same() {
    let lines = format!("{SMALL}\nd\na\n");
    let mut tokenizer = from_folder(&[
        ("vocab.txt", &lines),
        (
            SETTINGS,
            r#"{"do_lower_case": false, "strip_accents": true, "model_max_length": 32, "truncation_side": "left"}"#,
        ),
    ])
    .unwrap();
    let odd = AddedToken {
        single_word: true,
        lstrip: true,
        rstrip: true,
        normalized: false,
        ..AddedToken::ordinary("\"\n \u{e9}")
    };
    let mask = AddedToken { lstrip: true, ..AddedToken::special("[MASK]") };
    tokenizer.add_tokens(&[AddedToken::ordinary("b"), odd, AddedToken::special("<S>"), mask]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("new/folder");
    let paths = tokenizer.save_pretrained(&inner).unwrap();
    assert_eq!(paths, ["vocab.txt", WHOLE, SETTINGS, SPECIAL].map(|name| inner.join(name)));
    let again = WordPieceTokenizer::from_pretrained(&inner).unwrap();
    assert_eq!(again.options(), tokenizer.options());
    assert!(again.added_tokens().eq(tokenizer.added_tokens()));
    assert_eq!((again.len(), again.id_limit(), again.vocab_size()), (tokenizer.len(), 13, 10));
    for id in 0..13 {
        assert_eq!(again.id_to_token(id), tokenizer.id_to_token(id), "{id}");
    }
    assert_eq!(again.id_to_token(5), None);
    let text = "a  [MASK]b <S> d \"\n \u{e9} B";
    let rows = [&tokenizer, &again].map(|tokenizer| tokenizer.encode(text, None, &EncodeOptions::default()).unwrap());
    assert_eq!(rows[0].ids(), [2, 10, 4, 6, 12, 9, 11, 1, 3]);
    assert_eq!(rows[1].ids(), rows[0].ids());
    assert!(rows[1].offsets().eq(rows[0].offsets()));
    // Saving again gives the same bytes.
    let read = || paths.iter().map(|path| std::fs::read(path).unwrap()).collect::<Vec<_>>();
    let before = read();
    again.save_pretrained(&inner).unwrap();
    assert_eq!(read(), before);
    let found: BTreeSet<_> = std::fs::read_dir(&inner).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(found.len(), 4, "{found:?}");
}

#[test]
fn a_token_that_no_line_can_hold_is_not_saved() {
    for token in ["a\nb", "a\rb", "a ", "a\u{3000}"] {
        let mut file: Value = serde_json::from_str(&tokenizer_json(&json!({}))).unwrap();
        file["model"]["vocab"][token] = json!(8);
        let tokenizer = from_folder(&[(WHOLE, &file.to_string())]).unwrap();
        assert_eq!(tokenizer.id_to_token(8), Some(token));
        let folder = tempfile::tempdir().unwrap();
        let error = tokenizer.save_pretrained(folder.path()).unwrap_err();
        assert!(matches!(&error, Error::Tokenizer { reason } if reason.contains("vocab.txt")), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = from_bytes(SMALL.as_bytes()).unwrap().save_pretrained(&file).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
}

#[test]
fn refuses_folders_without_a_vocabulary() {
    let missing = from_folder(&[("config.json", "{}")]).unwrap_err();
    assert!(matches!(&missing, Error::MissingFile { found, .. } if found == &["config.json"]), "{missing}");
    assert!(matches!(WordPieceTokenizer::from_pretrained("no/such/folder"), Err(Error::Io { .. })));
    for model in [
        r#"{"model": {"type": "BPE", "vocab": {}}}"#,
        r#"{"model": {"vocab": []}}"#,
        r#"{"model": {"vocab": {"a": -1}}}"#,
        r#"{"model": {"vocab": {"a": 4294967296}}}"#,
        "[]",
    ] {
        assert!(matches!(from_folder(&[(WHOLE, model)]), Err(Error::Vocabulary { .. })), "{model}");
    }
    let mut last: Value = serde_json::from_str(&tokenizer_json(&json!({}))).unwrap();
    last["model"]["vocab"]["z"] = json!(u32::MAX);
    assert!(matches!(from_folder(&[(WHOLE, &last.to_string())]), Err(Error::Vocabulary { .. })));
}

#[test]
fn refuses_hostile_files_by_name_and_field() {
    let named = |field: &str, value: Value| json!({ field: value });
    let decoder = |id: &str, token: Value| json!({"added_tokens_decoder": {id: token}});
    let new = json!({"content": "<x>"});
    for (name, field, content) in [
        (SETTINGS, "do_lower_case", named("do_lower_case", json!(1))),
        (SETTINGS, "model_max_length", named("model_max_length", json!(0))),
        (SETTINGS, "model_max_length", named("model_max_length", json!(1.5))),
        (SETTINGS, "model_max_length", named("model_max_length", json!("512"))),
        (SETTINGS, "padding_side", named("padding_side", json!("top"))),
        (SETTINGS, "truncation_side", named("truncation_side", json!(1))),
        (SETTINGS, "mask_token", named("mask_token", json!("<mask>"))),
        (SETTINGS, "sep_token", named("sep_token", json!({"content": "</s>"}))),
        // Ids that are no numbers, that are too large, and that belong to another token.
        (SETTINGS, "added_tokens_decoder", decoder("x", new.clone())),
        (SETTINGS, "added_tokens_decoder", decoder("-1", new.clone())),
        (SETTINGS, "added_tokens_decoder", decoder("4294967295", new.clone())),
        (SETTINGS, "added_tokens_decoder", decoder("99999999999999999999", new.clone())),
        (SETTINGS, "added_tokens_decoder", decoder("5", new.clone())),
        (SETTINGS, "added_tokens_decoder", decoder("4", new.clone())),
        (SETTINGS, "added_tokens_decoder", decoder("9", json!({"content": "a"}))),
        (SETTINGS, "added_tokens_decoder", decoder("9", json!({"content": "[MASK]"}))),
        (SETTINGS, "added_tokens_decoder", json!({"added_tokens_decoder": {"8": new, "9": new}})),
        (WHOLE, "added_tokens", named("added_tokens", json!([{"id": 5, "content": "<x>"}]))),
        (WHOLE, "added_tokens", named("added_tokens", json!([{"id": 4_294_967_295_u32, "content": "<x>"}]))),
        (WHOLE, "added_tokens", named("added_tokens", json!([{"content": "<x>"}]))),
        (ADDED, "id", json!({"<x>": 5})),
        (ADDED, "<x>", json!({"<x>": -1})),
        (ADDED, "<x>", json!({"<x>": "8"})),
        (ADDED, "<x>", json!({"<x>": 1e30})),
        // Wrong types.
        (SETTINGS, "added_tokens_decoder", decoder("8", json!("<x>"))),
        (SETTINGS, "added_tokens_decoder", decoder("8", json!({"content": 1}))),
        (SETTINGS, "added_tokens_decoder", named("added_tokens_decoder", json!([]))),
        (SETTINGS, "lstrip", decoder("8", json!({"content": "<x>", "lstrip": "yes"}))),
        (WHOLE, "added_tokens", named("added_tokens", json!({}))),
        (WHOLE, "added_tokens", named("added_tokens", json!([7]))),
        (SPECIAL, "additional_special_tokens", named("additional_special_tokens", json!([1]))),
        (SPECIAL, "additional_special_tokens", named("additional_special_tokens", json!("<x>"))),
        (SETTINGS, "extra_special_tokens", named("extra_special_tokens", json!({"a": null}))),
        (SETTINGS, "JSON", json!([])),
        (SPECIAL, "JSON", json!("x")),
        (ADDED, "JSON", json!([["<x>", 8]])),
    ] {
        let error = small_with(name, &content).unwrap_err();
        let Error::Config { path: Some(path), field: got, .. } = &error else { panic!("{name} {content}: {error:?}") };
        assert!(path.ends_with(name) && got == field, "{content}: {error}");
    }
    for name in [SETTINGS, SPECIAL, ADDED, WHOLE] {
        for content in ["{", "", "\u{feff}{}", "{\"a\": 1} x"] {
            let error = from_folder(&[("vocab.txt", SMALL), (name, content)]).unwrap_err();
            assert!(matches!(&error, Error::Config { path: Some(_), field, .. } if field == "JSON"), "{name}: {error}");
        }
    }
    let normalizer = tokenizer_json(&json!({"normalizer": {"lowercase": "no"}}));
    let error = from_folder(&[(WHOLE, &normalizer)]).unwrap_err();
    assert!(matches!(&error, Error::Config { path: Some(path), .. } if path.ends_with(WHOLE)), "{error}");
}

#[test]
fn parts_that_are_not_supported_are_refused_by_field() {
    let kind = |kind: &str| json!({"type": kind});
    let inside = |list: &str| json!({"type": "Sequence", list: [{"type": "NFC"}, {"type": "Nmt"}]});
    let template = |single: Value| {
        let special = json!({"[CLS]": {"id": "[CLS]", "ids": [7], "tokens": ["[CLS]"]}});
        json!({"type": "TemplateProcessing", "single": single, "pair": [], "special_tokens": special})
    };
    let text = |id: &str| json!({"Sequence": {"id": id, "type_id": 0}});
    for (part, field, content) in [
        ("normalizer", "normalizer", kind("Precompiled")),
        ("normalizer", "normalizer", json!({})),
        ("normalizer", "normalizer[1]", inside("normalizers")),
        ("normalizer", "normalizer", json!({"type": "Replace", "pattern": {"Regex": "("}, "content": ""})),
        ("pre_tokenizer", "pre_tokenizer", kind("ByteLevel")),
        ("pre_tokenizer", "pre_tokenizer[0]", inside("pretokenizers")),
        ("post_processor", "post_processor", kind("RobertaProcessing")),
        ("post_processor", "post_processor.single", template(json!([]))),
        ("post_processor", "post_processor.single", template(json!([text("A"), text("B")]))),
        ("post_processor", "post_processor.single", template(json!([text("A"), text("A")]))),
        ("post_processor", "post_processor.single", template(json!([7]))),
        (
            "post_processor",
            "post_processor.special_tokens",
            template(json!([text("A"), {"SpecialToken": {"id": "[CLS]", "type_id": 0}}])),
        ),
        ("post_processor", "post_processor.pair", template(json!([text("A")]))),
        (
            "post_processor",
            "post_processor.sep",
            json!({"type": "BertProcessing", "cls": ["[CLS]", 2], "sep": ["x", 3]}),
        ),
        ("decoder", "decoder", kind("ByteLevel")),
    ] {
        let error = small_with(WHOLE, &json!({ part: content })).unwrap_err();
        let Error::Config { path: Some(path), field: got, .. } = &error else { panic!("{content}: {error:?}") };
        assert!(path.ends_with(WHOLE) && got == field, "{content}: {error}");
    }
}

#[test]
fn settings_that_ask_for_another_tokenizer_are_refused_by_name() {
    for (field, value) in [
        ("tokenizer_class", json!("BertJapaneseTokenizer")),
        ("tokenizer_class", json!(5)),
        ("auto_map", json!({"AutoTokenizer": ["x--own.Tokenizer", null]})),
        ("do_basic_tokenize", json!(false)),
        ("do_subword_tokenize", json!(false)),
        ("split_special_tokens", json!(true)),
        ("subword_tokenizer_type", json!("character")),
        ("never_split", json!(["a"])),
        ("fast_tokenizer_files", json!(["tokenizer.4.json"])),
    ] {
        let error = small_with(SETTINGS, &json!({ field: value })).unwrap_err();
        assert!(matches!(&error, Error::Config { field: got, .. } if got == field), "{field}: {error}");
    }
    for class in ["BertTokenizer", "ElectraTokenizerFast", "PreTrainedTokenizerFast", "TokenizersBackend"] {
        let settings = json!({
            "tokenizer_class": class, "do_basic_tokenize": true, "never_split": null, "auto_map": {"AutoConfig": "x"},
            "split_special_tokens": false, "subword_tokenizer_type": "wordpiece",
        });
        small_with(SETTINGS, &settings).unwrap();
    }
}

#[test]
fn the_class_in_either_file_is_the_class() {
    let whole = tokenizer_json(&json!({"normalizer": {"type": "BertNormalizer", "lowercase": true}}));
    // Each class, and whether the settings override the normalizer with it; `None` if it is refused.
    let classes = [
        (json!(null), Some(true)),
        (json!("BertTokenizer"), Some(true)),
        (json!("DistilBertTokenizerFast"), Some(true)),
        (json!("PreTrainedTokenizerFast"), Some(false)),
        (json!("TokenizersBackend"), Some(false)),
        (json!("BertJapaneseTokenizer"), None),
        (json!("Fast"), None),
        (json!(["BertTokenizer"]), None),
    ];
    for (own, ours) in &classes {
        for (models, theirs) in &classes {
            let (counts, file) = if own.is_null() { (theirs, "config.json") } else { (ours, SETTINGS) };
            let settings = json!({"do_lower_case": false, "tokenizer_class": own}).to_string();
            let model = json!({"model_type": "electra", "tokenizer_class": models}).to_string();
            let read = from_folder(&[(WHOLE, &whole), (SETTINGS, &settings), ("config.json", &model)]);
            match (counts, read) {
                (Some(overrides), Ok(tokenizer)) => assert_eq!(tokenizer.options().do_lower_case, !overrides),
                (None, Err(Error::Config { path: Some(path), field, .. })) => {
                    assert!(path.ends_with(file) && field == "tokenizer_class", "{path:?} {field}");
                }
                (_, read) => panic!("{own} {models}: {read:?}"),
            }
        }
    }
    // Without settings too, and without a `tokenizer.json`.
    let model = json!({"tokenizer_class": "BertJapaneseTokenizer"}).to_string();
    for (name, content) in [("vocab.txt", SMALL), (WHOLE, &whole)] {
        let error = from_folder(&[(name, content), ("config.json", &model)]).unwrap_err();
        assert!(matches!(&error, Error::Config { field, .. } if field == "tokenizer_class"), "{error}");
    }
}

#[test]
fn another_pipeline_can_be_interrupted_and_gives_the_same_under_a_check() {
    let file = tokenizer_json(&json!({"normalizer": {"type": "NFC"}, "pre_tokenizer": {"type": "Whitespace"}}));
    let tokenizer = from_folder(&[(WHOLE, &file)]).unwrap();
    // The tokens of the short text come from the caller's thread, those of the long one from a thread of their own.
    for (count, words) in [(5, 10), (1 << 15, 1 << 16)] {
        let text = "a b ".repeat(count);
        let encode = || tokenizer.encode(&text, None, &EncodeOptions::default());
        let expected = encode().unwrap();
        assert_eq!(expected.len(), words + 2);
        let (row, calls) = checked(usize::MAX, encode);
        assert_eq!(row.unwrap().ids(), expected.ids());
        // How often a caller asks while it waits for the other thread depends on the time.
        let refusals = if count > 5 { 1 } else { calls };
        for refused in 1..=refusals {
            assert!(matches!(checked(refused, encode).0, Err(Error::Input { what, .. }) if what == "text"));
        }
        assert!(count > 5 || calls > words);
    }
}

#[test]
fn settings_of_another_pipeline_are_refused_if_they_contradict_it() {
    let file = tokenizer_json(&json!({"normalizer": {"type": "NFC"}}));
    let read = |settings: Value| from_folder(&[(WHOLE, &file), (SETTINGS, &settings.to_string())]);
    for (field, settings) in [
        ("do_lower_case", json!({"do_lower_case": true})),
        ("strip_accents", json!({"strip_accents": true, "tokenizer_class": "BertTokenizer"})),
        ("unk_token", json!({"unk_token": "a"})),
        ("cls_token", json!({"cls_token": "a"})),
    ] {
        let error = read(settings).unwrap_err();
        assert!(matches!(&error, Error::Config { field: got, .. } if got == field), "{field}: {error}");
    }
    let any =
        read(json!({"do_lower_case": true, "tokenizer_class": "TokenizersBackend", "padding_side": "left"})).unwrap();
    assert!(!any.options().do_lower_case && any.options().padding_side == Side::Left);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(WHOLE), &file).unwrap();
    let error = WordPieceTokenizer::from_pretrained_with(folder.path(), |options| options.do_lower_case = true);
    assert!(matches!(&error, Err(Error::Input { what, .. }) if what == "do_lower_case"), "{error:?}");
}

#[test]
fn refuses_a_token_for_which_no_id_is_left() {
    let last = u32::MAX - 1;
    let settings = json!({"added_tokens_decoder": {last.to_string(): {"content": "<last>"}}});
    let mut tokenizer = small_with(SETTINGS, &settings).unwrap();
    let row = tokenizer.encode("a<last>", None, &EncodeOptions::default()).unwrap();
    assert_eq!(row.ids(), [2, 5, i64::from(last), 3]);
    assert!(matches!(tokenizer.add_tokens(&[AddedToken::special("<x>")]), Err(Error::Tokenizer { .. })));
    assert_eq!(tokenizer.token_to_id("<x>"), None);
    assert_eq!(tokenizer.add_tokens(&[AddedToken::special("a")]).unwrap(), 1);
    assert_eq!(added(&tokenizer).len(), 2);
    assert_eq!(added(&tokenizer)[0].0, NEXT - 3);
}
