//! Added tokens: how they are found, what ids they get, and how they come back. What is expected is what `tokenizers` 0.23
//! gives for the same vocabulary.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::tests::from_bytes;
use super::*;
use crate::error::Error;

const WORDS: &str = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nx\n##a\n##x\nnew\n##er\n中\n.\n[\n]\n";
/// The first id that `WORDS` leaves.
const NEXT: i64 = 16;

fn with(tokens: &[AddedToken]) -> WordPieceTokenizer {
    let mut tokenizer = from_bytes(WORDS.as_bytes()).unwrap();
    tokenizer.add_tokens(tokens).unwrap();
    tokenizer
}

/// The ids of a text, without special tokens, and the characters that they stand for.
fn cut(tokenizer: &WordPieceTokenizer, text: &str) -> Vec<(i64, (usize, usize))> {
    let options = EncodeOptions { add_special_tokens: false, ..EncodeOptions::default() };
    let encoding = tokenizer.encode(text, None, &options).unwrap();
    encoding.ids().iter().copied().zip(encoding.offsets()).collect()
}

fn ids(tokenizer: &WordPieceTokenizer, text: &str) -> Vec<i64> {
    cut(tokenizer, text).into_iter().map(|(id, _)| id).collect()
}

#[test]
fn a_special_token_is_found_as_it_stands_and_an_ordinary_one_after_lower_casing() {
    let tokenizer = with(&[AddedToken::special("<S>"), AddedToken::ordinary("<O>")]);
    assert_eq!(ids(&tokenizer, "a<S>a"), [5, NEXT, 5]);
    assert!(!ids(&tokenizer, "a<s>a").contains(&NEXT));
    for text in ["a<O>a", "a<o>a", "a<\u{d3}>a", "a<o\u{301}>a"] {
        assert_eq!(ids(&tokenizer, text), [5, NEXT + 1, 5], "{text}");
    }
    // In a cased tokenizer, only as it is spelled.
    let options = TokenizerOptions { do_lower_case: false, ..TokenizerOptions::default() };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("vocab.txt"), WORDS).unwrap();
    let mut cased = WordPieceTokenizer::from_vocab_file(folder.path().join("vocab.txt"), &options).unwrap();
    cased.add_tokens(&[AddedToken::ordinary("<O>")]).unwrap();
    assert_eq!(ids(&cased, "a<O>a"), [5, NEXT, 5]);
    assert!(!ids(&cased, "a<o>a").contains(&NEXT));
}

#[test]
fn it_may_stand_within_a_word_unless_it_is_told_not_to() {
    let anywhere = with(&[AddedToken::ordinary("b")]);
    assert_eq!(ids(&anywhere, "abx"), [5, 6, 7]);
    for normalized in [true, false] {
        let alone = AddedToken { single_word: true, normalized, ..AddedToken::ordinary("<b>") };
        let alone = with(&[alone]);
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
fn it_takes_white_space_along_where_it_is_told_to() {
    for (lstrip, rstrip, expected) in [
        (false, false, [(0, 1), (3, 6), (8, 9)]),
        (true, false, [(0, 1), (1, 6), (8, 9)]),
        (false, true, [(0, 1), (3, 8), (8, 9)]),
        (true, true, [(0, 1), (1, 8), (8, 9)]),
    ] {
        for normalized in [true, false] {
            let token = AddedToken { lstrip, rstrip, normalized, ..AddedToken::ordinary("<x>") };
            let got = cut(&with(&[token]), "a \t<x>\u{a0} b");
            assert_eq!(
                got,
                [(5, expected[0]), (NEXT, expected[1]), (6, expected[2])],
                "{lstrip} {rstrip} {normalized}"
            );
        }
    }
    // What the token before has taken is not taken again.
    let greedy = AddedToken { lstrip: true, rstrip: true, ..AddedToken::special("<x>") };
    assert_eq!(cut(&with(&[greedy]), "<x>  <x> "), [(NEXT, (0, 5)), (NEXT, (5, 9))]);
}

#[test]
fn tokens_that_begin_with_spaces_get_along_with_one_that_takes_them() {
    let greedy = AddedToken { rstrip: true, ..AddedToken::special("<x>") };
    // As in `tokenizers`, the space is in both.
    let tokenizer = with(&[greedy.clone(), AddedToken::special(" b")]);
    assert_eq!(cut(&tokenizer, "\u{e9}<x>  b a"), [(1, (0, 1)), (NEXT, (1, 6)), (NEXT + 1, (5, 7)), (5, (8, 9))]);
    // And where both take them, the second has nothing left and is gone.
    let space = AddedToken { lstrip: true, rstrip: true, ..AddedToken::special(" ") };
    let tokenizer = with(&[greedy, space]);
    assert_eq!(cut(&tokenizer, "<x>   a"), [(NEXT, (0, 6)), (5, (6, 7))]);
    assert_eq!(cut(&tokenizer, "a   a"), [(5, (0, 1)), (NEXT + 1, (1, 4)), (5, (4, 5))]);
    // Each of a million spaces is looked at a few times only.
    let begin = std::time::Instant::now();
    assert_eq!(cut(&tokenizer, &" ".repeat(1 << 20)), [(NEXT + 1, (0, 1 << 20))]);
    assert!(begin.elapsed().as_secs() < 30);
}

#[test]
fn the_longest_of_those_that_begin_first_wins() {
    let names = ["<a", "<a>", "<a>b", ">b<"];
    let tokenizer = with(&names.map(AddedToken::special));
    assert_eq!(ids(&tokenizer, "<a <a> <a>b"), [NEXT, NEXT + 1, NEXT + 2]);
    assert_eq!(ids(&tokenizer, "<a>b<a"), [NEXT + 2, NEXT]);
    // Those that stand as they are come before those of the normalised text.
    let tokenizer = with(&[AddedToken::ordinary("<a>b"), AddedToken::special("<a>")]);
    assert_eq!(ids(&tokenizer, "<a>b"), [NEXT + 1, 6]);
}

#[test]
fn offsets_and_words_go_on_behind_it() {
    let tokenizer = with(&[AddedToken::special("<S>"), AddedToken::ordinary("<O>")]);
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
    // It came from the text: it is no special token of the row.
    let special: Vec<usize> =
        encoding.special_tokens_mask().enumerate().filter(|(_, special)| *special).map(|(place, _)| place).collect();
    assert_eq!(special, [0, 9, 13]);
}

#[test]
fn it_counts_as_one_token_where_a_text_is_cut() {
    let tokenizer = with(&[AddedToken::special("<S>"), AddedToken::ordinary("<O>")]);
    let text = "a <S> b <o> newer";
    let all = ids(&tokenizer, text);
    assert_eq!(all, [5, NEXT, 6, NEXT + 1, 10, 11]);
    for length in 2..8 {
        let cut = tokenizer.encode(text, None, &EncodeOptions::truncated(Truncation::OnlyFirst, length)).unwrap();
        assert_eq!(cut.ids()[1..length - 1], all[..length - 2]);
    }
}

#[test]
fn new_ones_get_the_next_ids() {
    let mut tokenizer = from_bytes(WORDS.as_bytes()).unwrap();
    let size = tokenizer.len();
    assert_eq!((size as i64, tokenizer.id_limit()), (NEXT, NEXT));
    let tokens = [AddedToken::ordinary("<x>"), AddedToken::special("<y>"), AddedToken::ordinary("<x>")];
    assert_eq!(tokenizer.add_tokens(&tokens).unwrap(), 2);
    assert_eq!((tokenizer.len(), tokenizer.vocab_size()), (size + 2, size));
    assert_eq!(tokenizer.add_tokens(&tokens).unwrap(), 0);
    assert_eq!(tokenizer.add_tokens(&[AddedToken::ordinary("")]).unwrap(), 0);
    // The same with other properties counts, but keeps its id.
    assert_eq!(tokenizer.add_tokens(&[AddedToken::special("<x>")]).unwrap(), 1);
    assert_eq!(tokenizer.add_tokens(&[AddedToken::ordinary("<z>")]).unwrap(), 1);
    let got = ["<x>", "<y>", "<z>"].map(|token| tokenizer.token_to_id(token));
    assert_eq!(got, [Some(NEXT), Some(NEXT + 1), Some(NEXT + 2)]);
    assert_eq!((tokenizer.len(), tokenizer.id_limit()), (size + 3, NEXT + 3));
    assert_eq!(tokenizer.id_to_token(NEXT + 1), Some("<y>"));
    assert_eq!(tokenizer.id_to_token(NEXT + 3), None);
    let added: Vec<i64> = tokenizer.added_tokens().map(|(id, _)| id).collect();
    assert_eq!(added, [0, 1, 2, 3, 4, NEXT, NEXT + 1, NEXT + 2]);

    // Ids that repeated lines leave unused stay so.
    let mut gaps = from_bytes(format!("{WORDS}a\n").as_bytes()).unwrap();
    gaps.add_tokens(&[AddedToken::ordinary("<x>")]).unwrap();
    assert_eq!(gaps.token_to_id("<x>"), Some(NEXT + 1));
}

#[test]
fn one_that_the_vocabulary_has_keeps_its_id() {
    let mut tokenizer = from_bytes(WORDS.as_bytes()).unwrap();
    assert_eq!(tokenizer.add_tokens(&[AddedToken::ordinary("new"), AddedToken::ordinary("##er")]).unwrap(), 2);
    assert_eq!((tokenizer.len() as i64, tokenizer.id_limit()), (NEXT, NEXT));
    assert_eq!(ids(&tokenizer, "anewer"), [5, 10, 1]);
    assert_eq!(ids(&tokenizer, "a##er"), [5, 11]);
}

#[test]
fn a_clone_does_not_get_what_is_added_later() {
    let mut tokenizer = with(&[AddedToken::special("<S>")]);
    let before = tokenizer.clone();
    let encoding = tokenizer.encode("<T>", None, &EncodeOptions::default()).unwrap();
    tokenizer.add_tokens(&[AddedToken::special("<T>")]).unwrap();
    assert_eq!((before.token_to_id("<T>"), tokenizer.token_to_id("<T>")), (None, Some(NEXT + 1)));
    assert_eq!(encoding.tokens(), ["[CLS]", "[UNK]", "[UNK]", "[UNK]", "[SEP]"]);
}

#[test]
fn decoding_spells_it_as_it_is_found_and_may_leave_special_ones_out() {
    let tokenizer = with(&[AddedToken::special("<S>"), AddedToken::ordinary("<O>"), AddedToken::ordinary("中")]);
    let ids = [2, 5, NEXT, NEXT + 1, 12, 6, 3];
    // The normalised spelling, as `tokenizers` has it since 0.23; with it come the spaces around a Chinese character.
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
fn one_of_which_normalising_leaves_nothing_is_never_found() {
    let tokenizer = with(&[AddedToken::ordinary("\u{301}\u{200b}")]);
    assert_eq!(ids(&tokenizer, "a\u{301} b"), [5, 6]);
    assert_eq!(tokenizer.decode(&[5, NEXT, 6], false, false).unwrap(), "a  b");
}

#[test]
fn many_are_added_and_found_without_quadratic_work() {
    let begin = std::time::Instant::now();
    let many: Vec<AddedToken> = (0..20_000).map(|number| AddedToken::ordinary(format!("<{number}>"))).collect();
    let tokenizer = with(&many);
    let text: String = many.iter().map(|token| token.content.as_str()).collect();
    assert!(ids(&tokenizer, &text).into_iter().eq(NEXT..NEXT + 20_000));
    assert!(begin.elapsed().as_secs() < 30);
}
