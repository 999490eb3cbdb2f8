//! Tests of added tokens: how they are found, which ids they get, and how they are decoded. Expected values are those
//! of `tokenizers` 0.23 for the same vocabulary.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::tests::from_bytes;
use super::*;
use crate::error::Error;

const WORDS: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nx\n##a\n##x\nnew\n##er\n中\n.\n[\n]\n";
/// The first free id behind `WORDS`.
const NEXT: i64 = 16;

fn tokenizer_with(tokens: &[AddedToken]) -> WordPieceTokenizer {
    let mut tokenizer = from_bytes(WORDS.as_bytes()).unwrap();
    tokenizer.add_tokens(tokens).unwrap();
    tokenizer
}

/// Return the ids of a text without special tokens, and their offsets.
fn ids_and_offsets(tokenizer: &WordPieceTokenizer, text: &str) -> Vec<(i64, (usize, usize))> {
    let options = EncodeOptions { add_special_tokens: false, ..EncodeOptions::default() };
    let encoding = tokenizer.encode(text, None, &options).unwrap();
    encoding.ids().iter().copied().zip(encoding.offsets()).collect()
}

fn ids(tokenizer: &WordPieceTokenizer, text: &str) -> Vec<i64> {
    ids_and_offsets(tokenizer, text).into_iter().map(|(id, _)| id).collect()
}

#[test]
fn special_tokens_match_the_raw_text_and_others_the_lower_cased_text() {
    let tokenizer = tokenizer_with(&[AddedToken::special("<S>"), AddedToken::ordinary("<O>")]);
    assert_eq!(ids(&tokenizer, "a<S>a"), [5, NEXT, 5]);
    assert!(!ids(&tokenizer, "a<s>a").contains(&NEXT));
    for text in ["a<O>a", "a<o>a", "a<\u{d3}>a", "a<o\u{301}>a"] {
        assert_eq!(ids(&tokenizer, text), [5, NEXT + 1, 5], "{text}");
    }
    // A cased tokenizer finds the exact spelling only.
    let options = TokenizerOptions { do_lower_case: false, ..TokenizerOptions::default() };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("vocab.txt"), WORDS).unwrap();
    let mut cased = WordPieceTokenizer::from_vocab_file(folder.path().join("vocab.txt"), &options).unwrap();
    cased.add_tokens(&[AddedToken::ordinary("<O>")]).unwrap();
    assert_eq!(ids(&cased, "a<O>a"), [5, NEXT, 5]);
    assert!(!ids(&cased, "a<o>a").contains(&NEXT));
}

#[test]
fn an_added_token_matches_inside_a_word_unless_single_word_is_set() {
    let anywhere = tokenizer_with(&[AddedToken::ordinary("b")]);
    assert_eq!(ids(&anywhere, "abx"), [5, 6, 7]);
    for normalized in [true, false] {
        let alone = AddedToken { single_word: true, normalized, ..AddedToken::ordinary("<b>") };
        let alone = tokenizer_with(&[alone]);
        for text in ["<b>", "a <b> a", "a.<b>.", "-<b>-", "中\u{3000}<b>"] {
            assert!(ids(&alone, text).contains(&NEXT), "{text}");
        }
        for text in ["a<b>", "<b>a", "_<b>", "<b>1", "\u{e9}<b>", "中<b>"] {
            // Normalising sets a Chinese character apart.
            assert_eq!(ids(&alone, text).contains(&NEXT), normalized && text == "中<b>", "{text} {normalized}");
        }
    }
}

#[test]
fn a_match_includes_white_space_if_lstrip_or_rstrip_is_set() {
    for (lstrip, rstrip, expected) in [
        (false, false, [(0, 1), (3, 6), (8, 9)]),
        (true, false, [(0, 1), (1, 6), (8, 9)]),
        (false, true, [(0, 1), (3, 8), (8, 9)]),
        (true, true, [(0, 1), (1, 8), (8, 9)]),
    ] {
        for normalized in [true, false] {
            let token = AddedToken { lstrip, rstrip, normalized, ..AddedToken::ordinary("<x>") };
            let got = ids_and_offsets(&tokenizer_with(&[token]), "a \t<x>\u{a0} b");
            assert_eq!(
                got,
                [(5, expected[0]), (NEXT, expected[1]), (6, expected[2])],
                "{lstrip} {rstrip} {normalized}"
            );
        }
    }
    // White space that the token before has taken is not taken again.
    let greedy = AddedToken { lstrip: true, rstrip: true, ..AddedToken::special("<x>") };
    assert_eq!(ids_and_offsets(&tokenizer_with(&[greedy]), "<x>  <x> "), [(NEXT, (0, 5)), (NEXT, (5, 9))]);
}

#[test]
fn a_token_that_starts_with_a_space_may_follow_one_that_takes_spaces() {
    let greedy = AddedToken { rstrip: true, ..AddedToken::special("<x>") };
    // As in `tokenizers`, the space is in both.
    let tokenizer = tokenizer_with(&[greedy.clone(), AddedToken::special(" b")]);
    assert_eq!(
        ids_and_offsets(&tokenizer, "\u{e9}<x>  b a"),
        [(1, (0, 1)), (NEXT, (1, 6)), (NEXT + 1, (5, 7)), (5, (8, 9))]
    );
    // If both take spaces, none are left for the second, which is dropped.
    let space = AddedToken { lstrip: true, rstrip: true, ..AddedToken::special(" ") };
    let tokenizer = tokenizer_with(&[greedy, space]);
    assert_eq!(ids_and_offsets(&tokenizer, "<x>   a"), [(NEXT, (0, 6)), (5, (6, 7))]);
    assert_eq!(ids_and_offsets(&tokenizer, "a   a"), [(5, (0, 1)), (NEXT + 1, (1, 4)), (5, (4, 5))]);
    // The work for a million spaces is linear.
    let begin = std::time::Instant::now();
    assert_eq!(ids_and_offsets(&tokenizer, &" ".repeat(1 << 20)), [(NEXT + 1, (0, 1 << 20))]);
    assert!(begin.elapsed().as_secs() < 30);
}

#[test]
fn the_leftmost_longest_match_wins() {
    let names = ["<a", "<a>", "<a>b", ">b<"];
    let tokenizer = tokenizer_with(&names.map(AddedToken::special));
    assert_eq!(ids(&tokenizer, "<a <a> <a>b"), [NEXT, NEXT + 1, NEXT + 2]);
    assert_eq!(ids(&tokenizer, "<a>b<a"), [NEXT + 2, NEXT]);
    // Tokens of the raw text are found before those of the normalised text.
    let tokenizer = tokenizer_with(&[AddedToken::ordinary("<a>b"), AddedToken::special("<a>")]);
    assert_eq!(ids(&tokenizer, "<a>b"), [NEXT + 1, 6]);
}

#[test]
fn offsets_and_word_numbers_continue_behind_an_added_token() {
    let tokenizer = tokenizer_with(&[AddedToken::special("<S>"), AddedToken::ordinary("<O>")]);
    let text = "e\u{301}\u{200b} ax<S>中<o> newer";
    let encoding = tokenizer.encode(text, Some("<O><S>a"), &EncodeOptions::default()).unwrap();
    assert_eq!(encoding.ids(), [2, 1, 5, 9, NEXT, 12, NEXT + 1, 10, 11, 3, NEXT + 1, NEXT, 5, 3]);
    let spans: Vec<_> = encoding.offsets().collect();
    let first = [(0, 1), (4, 5), (5, 6), (6, 9), (9, 10), (10, 13), (14, 17), (17, 19)];
    assert_eq!(spans[1..9], first);
    assert_eq!(spans[10..13], [(0, 3), (3, 6), (6, 7)]);
    let words: Vec<_> = encoding.word_ids().collect();
    assert_eq!(words[1..9], [0, 1, 1, 2, 3, 4, 5, 5].map(Some));
    assert_eq!(words[10..13], [0, 1, 2].map(Some));
    assert_eq!(encoding.type_ids().collect::<Vec<_>>(), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1]);
    // A special token that comes from the text is not a special token of the row.
    let special: Vec<usize> =
        encoding.special_tokens_mask().enumerate().filter(|(_, special)| *special).map(|(place, _)| place).collect();
    assert_eq!(special, [0, 9, 13]);
}

#[test]
fn truncation_counts_an_added_token_as_one() {
    let tokenizer = tokenizer_with(&[AddedToken::special("<S>"), AddedToken::ordinary("<O>")]);
    let text = "a <S> b <o> newer";
    let all = ids(&tokenizer, text);
    assert_eq!(all, [5, NEXT, 6, NEXT + 1, 10, 11]);
    for length in 2..8 {
        let cut = tokenizer.encode(text, None, &EncodeOptions::truncated(Truncation::OnlyFirst, length)).unwrap();
        assert_eq!(cut.ids()[1..length - 1], all[..length - 2]);
    }
}

#[test]
fn new_tokens_get_the_next_ids() {
    let mut tokenizer = from_bytes(WORDS.as_bytes()).unwrap();
    let size = tokenizer.len();
    assert_eq!((size as i64, tokenizer.id_limit()), (NEXT, NEXT));
    let tokens = [AddedToken::ordinary("<x>"), AddedToken::special("<y>"), AddedToken::ordinary("<x>")];
    assert_eq!(tokenizer.add_tokens(&tokens).unwrap(), 2);
    assert_eq!((tokenizer.len(), tokenizer.vocab_size()), (size + 2, size));
    assert_eq!(tokenizer.add_tokens(&tokens).unwrap(), 0);
    assert_eq!(tokenizer.add_tokens(&[AddedToken::ordinary("")]).unwrap(), 0);
    // A token with new properties counts, but keeps its id.
    assert_eq!(tokenizer.add_tokens(&[AddedToken::special("<x>")]).unwrap(), 1);
    assert_eq!(tokenizer.add_tokens(&[AddedToken::ordinary("<z>")]).unwrap(), 1);
    let got = ["<x>", "<y>", "<z>"].map(|token| tokenizer.token_to_id(token));
    assert_eq!(got, [Some(NEXT), Some(NEXT + 1), Some(NEXT + 2)]);
    assert_eq!((tokenizer.len(), tokenizer.id_limit()), (size + 3, NEXT + 3));
    assert_eq!(tokenizer.id_to_token(NEXT + 1), Some("<y>"));
    assert_eq!(tokenizer.id_to_token(NEXT + 3), None);
    let added: Vec<i64> = tokenizer.added_tokens().map(|(id, _)| id).collect();
    assert_eq!(added, [0, 1, 2, 3, 4, NEXT, NEXT + 1, NEXT + 2]);

    // Ids that repeated lines leave unused stay unused.
    let mut gaps = from_bytes(format!("{WORDS}a\n").as_bytes()).unwrap();
    gaps.add_tokens(&[AddedToken::ordinary("<x>")]).unwrap();
    assert_eq!(gaps.token_to_id("<x>"), Some(NEXT + 1));
}

#[test]
fn a_token_of_the_vocabulary_keeps_its_id() {
    let mut tokenizer = from_bytes(WORDS.as_bytes()).unwrap();
    assert_eq!(tokenizer.add_tokens(&[AddedToken::ordinary("new"), AddedToken::ordinary("##er")]).unwrap(), 2);
    assert_eq!((tokenizer.len() as i64, tokenizer.id_limit()), (NEXT, NEXT));
    assert_eq!(ids(&tokenizer, "anewer"), [5, 10, 1]);
    assert_eq!(ids(&tokenizer, "a##er"), [5, 11]);
}

#[test]
fn a_clone_does_not_get_tokens_added_later() {
    let mut tokenizer = tokenizer_with(&[AddedToken::special("<S>")]);
    let before = tokenizer.clone();
    let encoding = tokenizer.encode("<T>", None, &EncodeOptions::default()).unwrap();
    tokenizer.add_tokens(&[AddedToken::special("<T>")]).unwrap();
    assert_eq!((before.token_to_id("<T>"), tokenizer.token_to_id("<T>")), (None, Some(NEXT + 1)));
    assert_eq!(encoding.tokens(), ["[CLS]", "[UNK]", "[UNK]", "[UNK]", "[SEP]"]);
}

#[test]
fn decoding_uses_the_normalised_spelling_and_may_skip_special_tokens() {
    let tokenizer =
        tokenizer_with(&[AddedToken::special("<S>"), AddedToken::ordinary("<O>"), AddedToken::ordinary("中")]);
    let ids = [2, 5, NEXT, NEXT + 1, 12, 6, 3];
    // The normalised spelling, as in `tokenizers` since 0.23, which includes the spaces around a Chinese character.
    assert_eq!(tokenizer.decode(&ids, false, false).unwrap(), "[CLS] a <S> <o>  中  b [SEP]");
    assert_eq!(tokenizer.decode(&ids, true, false).unwrap(), "a <o>  中  b");
    assert_eq!(tokenizer.convert_ids_to_tokens(&ids[1..4], false).unwrap(), ["a", "<S>", "<o>"]);
    assert_eq!(tokenizer.convert_ids_to_tokens(&ids, true).unwrap(), ["a", "<o>", " 中 ", "b"]);
    assert_eq!(tokenizer.convert_tokens_to_ids(&["<S>", "<O>", "<o>"]), [NEXT, NEXT + 1, 1]);
    assert!(
        matches!(tokenizer.decode(&[NEXT + 2], false, false), Err(Error::OutOfRange { limit, .. }) if limit == NEXT + 2)
    );
}

#[test]
fn a_token_that_normalises_to_nothing_is_never_found() {
    let tokenizer = tokenizer_with(&[AddedToken::ordinary("\u{301}\u{200b}")]);
    assert_eq!(ids(&tokenizer, "a\u{301} b"), [5, 6]);
    assert_eq!(tokenizer.decode(&[5, NEXT, 6], false, false).unwrap(), "a  b");
}

#[test]
fn adding_and_matching_many_tokens_is_not_quadratic() {
    let begin = std::time::Instant::now();
    let many: Vec<AddedToken> = (0..20_000).map(|number| AddedToken::ordinary(format!("<{number}>"))).collect();
    let tokenizer = tokenizer_with(&many);
    let text: String = many.iter().map(|token| token.content.as_str()).collect();
    assert!(ids(&tokenizer, &text).into_iter().eq(NEXT..NEXT + 20_000));
    assert!(begin.elapsed().as_secs() < 30);
}
