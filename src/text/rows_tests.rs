//! Tests of rows: truncation and overflow, words instead of text, padding, and interruption.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use proptest::prelude::*;

use super::tests::{checked, from_bytes};
use super::*;
use crate::error::{Error, Result};
use crate::interrupt::watch_every;

/// Build a tokenizer whose letters have the ids from 5 on; `##a` and `##b` follow.
fn letter_tokenizer() -> WordPieceTokenizer {
    from_bytes(b"[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\nc\nd\ne\nf\ng\nh\n##a\n##b\n").unwrap()
}

fn text<'a>(first: &'a str, second: Option<&'a str>) -> Pair<'a> {
    (Source::Text(first), second.map(Source::Text))
}

/// Encode and return each row as the letters of its tokens, with `|` at the end of a text.
fn rows(pair: &Pair, options: &EncodeOptions) -> Result<Vec<String>> {
    let tokenizer = letter_tokenizer();
    let rows = tokenizer.encode_rows(pair, options)?;
    let spell = |row: &Encoding| row.tokens().concat().replace("[CLS]", "").replace("[SEP]", "|");
    Ok(rows.iter().map(spell).collect())
}

fn overflow(truncation: Truncation, max_length: usize, stride: usize, truncation_side: Side) -> EncodeOptions {
    EncodeOptions {
        overflow: true,
        stride,
        truncation_side: Some(truncation_side),
        ..EncodeOptions::truncated(truncation, max_length)
    }
}

#[test]
fn overflowing_tokens_come_in_further_rows() {
    let pair = text("a b c d e f g h", None);
    for (length, stride, side, expected) in [
        (10, 3, Side::Right, &["abcdefgh|"][..]),
        (5, 0, Side::Right, &["abc|", "def|", "gh|"]),
        (5, 1, Side::Right, &["abc|", "cde|", "efg|", "gh|"]),
        (5, 2, Side::Right, &["abc|", "bcd|", "cde|", "def|", "efg|", "fgh|"]),
        (6, 2, Side::Right, &["abcd|", "cdef|", "efgh|"]),
        (9, 6, Side::Right, &["abcdefg|", "bcdefgh|"]),
        (5, 0, Side::Left, &["fgh|", "cde|", "ab|"]),
        (5, 1, Side::Left, &["fgh|", "def|", "bcd|", "ab|"]),
        // If no token fits, the overflow is the whole text.
        (2, 0, Side::Right, &["|", "abcdefgh|"]),
        (2, 0, Side::Left, &["|", "abcdefgh|"]),
    ] {
        for truncation in [Truncation::LongestFirst, Truncation::OnlyFirst] {
            let options = overflow(truncation, length, stride, side);
            assert_eq!(rows(&pair, &options).unwrap(), expected, "{options:?}");
            let single = EncodeOptions { overflow: false, ..options };
            assert_eq!(rows(&pair, &single).unwrap(), expected[..1], "{single:?}");
        }
    }
    let nothing = overflow(Truncation::None, 5, 0, Side::Right);
    assert_eq!(rows(&pair, &nothing).unwrap(), ["abcdefgh|"]);
}

#[test]
fn the_rows_of_a_pair_have_the_order_of_tokenizers() {
    let pair = text("a b c d", Some("e f g h"));
    for (truncation, length, stride, side, expected) in [
        // Both texts are cut: (A0, B0); each further A with each B; A0 with each further B.
        (Truncation::LongestFirst, 7, 0, Side::Right, &["ab|ef|", "cd|ef|", "cd|gh|", "ab|gh|"][..]),
        (Truncation::LongestFirst, 7, 0, Side::Left, &["cd|gh|", "ab|gh|", "ab|ef|", "cd|ef|"]),
        (
            Truncation::LongestFirst,
            7,
            1,
            Side::Right,
            &["ab|ef|", "bc|ef|", "bc|fg|", "bc|gh|", "cd|ef|", "cd|fg|", "cd|gh|", "ab|fg|", "ab|gh|"],
        ),
        (Truncation::LongestFirst, 8, 0, Side::Right, &["ab|efg|", "cd|efg|", "cd|h|", "ab|h|"]),
        (Truncation::OnlyFirst, 9, 1, Side::Right, &["ab|efgh|", "bc|efgh|", "cd|efgh|"]),
        (Truncation::OnlySecond, 9, 0, Side::Right, &["abcd|ef|", "abcd|gh|"]),
        (Truncation::OnlySecond, 9, 0, Side::Left, &["abcd|gh|", "abcd|ef|"]),
        (Truncation::LongestFirst, 3, 0, Side::Right, &["||", "abcd||", "abcd|efgh|", "|efgh|"]),
    ] {
        let options = overflow(truncation, length, stride, side);
        assert_eq!(rows(&pair, &options).unwrap(), expected, "{options:?}");
        let single = EncodeOptions { overflow: false, ..options };
        assert_eq!(rows(&pair, &single).unwrap(), expected[..1], "{single:?}");
    }
}

#[test]
fn further_rows_have_the_offsets_and_words_of_their_tokens() {
    let options = overflow(Truncation::OnlySecond, 7, 1, Side::Right);
    let rows = letter_tokenizer().encode_rows(&text("a b", Some("ca d eb")), &options).unwrap();
    assert_eq!(rows.len(), 4);
    let last = &rows[2];
    assert_eq!(last.tokens(), ["[CLS]", "a", "b", "[SEP]", "d", "e", "[SEP]"]);
    assert_eq!(last.offsets().collect::<Vec<_>>()[4..6], [(3, 4), (5, 6)]);
    assert_eq!(last.word_ids().collect::<Vec<_>>()[4..6], [Some(1), Some(2)]);
    assert_eq!(last.type_ids().collect::<Vec<_>>(), [0, 0, 0, 0, 1, 1, 1]);
    assert_eq!((last.n_sequences(), last.text(0), last.text(1), last.text(2)), (2, 1..3, 4..6, 0..7));
}

#[test]
fn refuses_a_stride_that_leaves_no_new_token() {
    for (length, stride) in [(5, 3), (5, 4), (3, 1), (5, usize::MAX)] {
        for side in [Side::Left, Side::Right] {
            for overflows in [true, false] {
                let options =
                    EncodeOptions { overflow: overflows, ..overflow(Truncation::LongestFirst, length, stride, side) };
                let error = rows(&text("a b c d e", None), &options).unwrap_err();
                assert!(matches!(&error, Error::Input { what, .. } if what == "stride"), "{options:?} {error}");
            }
        }
    }
}

#[test]
fn truncates_at_the_left_if_the_side_is_left() {
    for (truncation, length, expected) in [
        (Truncation::LongestFirst, 7, "cd|gh|"),
        (Truncation::OnlyFirst, 9, "cd|efgh|"),
        (Truncation::OnlySecond, 9, "abcd|gh|"),
    ] {
        let options =
            EncodeOptions { truncation_side: Some(Side::Left), ..EncodeOptions::truncated(truncation, length) };
        assert_eq!(rows(&text("a b c d", Some("e f g h")), &options).unwrap(), [expected]);
    }
}

#[test]
fn words_are_tokenised_one_by_one() {
    let tokenizer = letter_tokenizer();
    let words = ["ca", "", "b,a", "[MASK]", "e f"];
    let pair = (Source::Words(words.to_vec()), Some(Source::Words(vec!["da"])));
    let row = tokenizer.encode_rows(&pair, &EncodeOptions::default()).unwrap().remove(0);
    let tokens = ["[CLS]", "c", "##a", "b", "[UNK]", "a", "[MASK]", "e", "f", "[SEP]", "d", "##a", "[SEP]"];
    assert_eq!(row.tokens(), tokens);
    let number = |word: usize| Some(word);
    let expected = [0, 0, 2, 2, 2, 3, 4, 4].map(number);
    assert_eq!(row.word_ids().collect::<Vec<_>>()[1..9], expected);
    assert_eq!(row.word_ids().collect::<Vec<_>>()[9..], [None, Some(0), Some(0), None]);
    let offsets: Vec<_> = row.offsets().collect();
    assert_eq!(offsets[1..9], [(0, 1), (1, 2), (0, 1), (1, 2), (2, 3), (0, 6), (0, 1), (2, 3)]);
    assert_eq!(offsets[10..12], [(0, 1), (1, 2)]);

    let options = overflow(Truncation::OnlyFirst, 4, 0, Side::Right);
    assert_eq!(rows(&(Source::Words(vec!["a", "ba", "c"]), None), &options).unwrap(), ["ab|", "##ac|"]);
    assert_eq!(rows(&(Source::Words(Vec::new()), None), &EncodeOptions::default()).unwrap(), ["|"]);
}

#[test]
fn words_split_at_spaces_give_the_tokens_of_the_text() {
    let tokenizer = letter_tokenizer();
    let text = "ab  ca \u{e9}a [MASK] b";
    let options = EncodeOptions::default();
    let whole = tokenizer.encode(text, None, &options).unwrap();
    let words = (Source::Words(text.split_whitespace().collect()), None);
    let words = tokenizer.encode_rows(&words, &options).unwrap().remove(0);
    assert_eq!(words.ids(), whole.ids());
    assert!(words.word_ids().eq(whole.word_ids()));
}

#[test]
fn an_error_of_the_check_ends_encoding() {
    let tokenizer = letter_tokenizer();
    let long = "a ".repeat(1 << 18);
    let words: Vec<&str> = long.split_whitespace().collect();
    let options = EncodeOptions::default();
    for pair in [
        (Source::Text(long.as_str()), None),
        (Source::Text("a"), Some(Source::Text(long.as_str()))),
        (Source::Words(words), None),
    ] {
        let (result, calls) = checked(3, || tokenizer.encode_rows(&pair, &options));
        assert!(matches!(result, Err(Error::Input { .. })));
        assert_eq!(calls, 3);
        let (result, calls) = checked(3, || tokenizer.encode_pairs(&[pair], &options));
        assert!(matches!(result, Err(Error::Input { .. })));
        assert_eq!(calls, 3);
    }
    let many = vec![text(&long[..100], None); 50];
    assert!(checked(1, || tokenizer.encode_pairs(&many, &options)).0.is_err());
    assert_eq!(checked(usize::MAX, || tokenizer.encode_pairs(&many, &options)).0.unwrap().len(), 50);
}

#[test]
fn a_check_may_call_the_tokenizer() {
    let tokenizer = letter_tokenizer();
    let long = "\u{e9}a ".repeat(1 << 17);
    let options = EncodeOptions::default();
    let expected = tokenizer.encode(&long, None, &options).unwrap();
    let (ours, calls) = (tokenizer.clone(), Rc::new(Cell::new(0)));
    let counted = Rc::clone(&calls);
    let again = move || {
        counted.set(counted.get() + 1);
        assert_eq!(ours.encode("b\u{e9}", None, &EncodeOptions::default())?.len(), 3);
        Ok(())
    };
    let rows = watch_every(Duration::ZERO, again, || tokenizer.encode_rows(&text(&long, None), &options)).unwrap();
    assert_eq!(rows[0].ids(), expected.ids());
    assert!(calls.get() > 1);
}

#[test]
fn encode_pairs_equals_encode_rows_for_each_pair() {
    let tokenizer = letter_tokenizer();
    let texts: Vec<String> = (0..150).map(|index| "ab c d,".repeat(index % 11)).collect();
    let mut pairs: Vec<Pair> = texts.iter().map(|first| text(first, None)).collect();
    for index in (0..pairs.len()).step_by(3) {
        pairs[index].1 = Some(Source::Words(texts[index / 2].split(' ').collect()));
    }
    let options = overflow(Truncation::LongestFirst, 12, 2, Side::Right);
    let rows = tokenizer.encode_pairs(&pairs, &options).unwrap();
    assert_eq!(rows.len(), pairs.len());
    for (rows, pair) in rows.iter().zip(&pairs) {
        let expected = tokenizer.encode_rows(pair, &options).unwrap();
        assert!(rows.iter().map(Encoding::ids).eq(expected.iter().map(Encoding::ids)), "{pair:?}");
    }
}

#[test]
fn pads_at_both_ends() {
    let tokenizer = letter_tokenizer();
    let row = || tokenizer.encode("a", Some("ba"), &EncodeOptions::default()).unwrap();
    let mut right = row();
    right.pad(8, Side::Right).unwrap();
    assert_eq!(right.ids(), [2, 5, 3, 6, 13, 3, 0, 0]);
    assert_eq!(right.type_ids().collect::<Vec<_>>(), [0, 0, 0, 1, 1, 1, 0, 0]);
    assert_eq!(right.attention_mask().collect::<Vec<_>>(), [1, 1, 1, 1, 1, 1, 0, 0]);
    assert_eq!(right.text(1), 3..5);
    let mut left = row();
    left.pad(8, Side::Left).unwrap();
    assert_eq!(left.ids(), [0, 0, 2, 5, 3, 6, 13, 3]);
    assert_eq!(left.type_ids().collect::<Vec<_>>(), [0, 0, 0, 0, 0, 1, 1, 1]);
    assert_eq!(left.attention_mask().collect::<Vec<_>>(), [0, 0, 1, 1, 1, 1, 1, 1]);
    assert_eq!(left.offsets().collect::<Vec<_>>()[..4], [(0, 0), (0, 0), (0, 0), (0, 1)]);
    assert_eq!((left.text(0), left.text(1), left.offset(6), left.offset(9)), (3..4, 5..7, (1, 2), (0, 0)));
    let special = [true, true, true, false, true, false, false, true];
    assert_eq!(left.special_tokens_mask().collect::<Vec<_>>(), special);
    let texts = [None, None, None, Some(0), None, Some(1), Some(1), None];
    assert_eq!(left.sequence_ids().collect::<Vec<_>>(), texts);
    assert_eq!(left.word_ids().collect::<Vec<_>>(), [None, None, None, Some(0), None, Some(0), Some(0), None]);
    // A row that is wide enough stays; padding one end after the other works too.
    left.pad(3, Side::Left).unwrap();
    left.pad(0, Side::Right).unwrap();
    assert_eq!(left.len(), 8);
    left.pad(9, Side::Right).unwrap();
    assert_eq!(left.attention_mask().collect::<Vec<_>>(), [0, 0, 1, 1, 1, 1, 1, 1, 0]);
    assert_eq!(left.type_ids().collect::<Vec<_>>(), [0, 0, 0, 0, 0, 1, 1, 1, 0]);
    let mut empty = tokenizer.encode("", Some(""), &EncodeOptions::default()).unwrap();
    empty.pad(4, Side::Left).unwrap();
    assert_eq!(empty.type_ids().collect::<Vec<_>>(), [0, 0, 0, 1]);
}

fn sides() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Left), Just(Side::Right)]
}

fn truncations() -> impl Strategy<Value = Truncation> {
    prop::sample::select(vec![Truncation::LongestFirst, Truncation::OnlyFirst, Truncation::OnlySecond])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    /// With overflow every token is made, otherwise only those that are needed. The row is the same.
    #[test]
    fn stopping_early_gives_the_same_row(
        first in "[a-h,]{0,4}( |[a-h]|é|\\[MASK\\]){0,20}", second in prop::option::of("([a-h]| ){0,20}"),
        truncation in truncations(), side in sides(), length in 2..14_usize, stride in 0..3_usize, special: bool,
        as_words: bool,
    ) {
        let tokenizer = letter_tokenizer();
        let source = |text| if as_words { Source::Words(str::split(text, ' ').collect()) } else { Source::Text(text) };
        let pair = (source(&first), second.as_deref().map(source));
        let all = EncodeOptions { add_special_tokens: special, ..overflow(truncation, length, stride, side) };
        let one = EncodeOptions { overflow: false, ..all.clone() };
        match (tokenizer.encode_rows(&pair, &all), tokenizer.encode_rows(&pair, &one)) {
            (Ok(all), Ok(one)) => {
                prop_assert_eq!(one.len(), 1);
                prop_assert_eq!(all[0].ids(), one[0].ids());
                prop_assert!(all[0].offsets().eq(one[0].offsets()) && all[0].word_ids().eq(one[0].word_ids()));
                prop_assert!(all.iter().skip(1).all(|row| row.len() <= length || one[0].text(0).is_empty() || one[0].text(1).is_empty()));
            }
            (all, one) => prop_assert_eq!(all.is_err(), one.is_err()),
        }
    }

    /// Every token is in one of the rows, and two rows that follow each other share `stride` tokens.
    #[test]
    fn the_rows_of_one_text_cover_it(text in "([a-h] ){0,40}", length in 3..12_usize, stride in 0..8_usize, side in sides()) {
        prop_assume!(stride < length - 2);
        let tokenizer = letter_tokenizer();
        let options = overflow(Truncation::OnlyFirst, length, stride, side);
        let rows = tokenizer.encode_rows(&(Source::Text(&text), None), &options).unwrap();
        let mut tokens: Vec<Vec<i64>> = rows.iter().map(|row| row.ids()[1..row.len() - 1].to_vec()).collect();
        if side == Side::Left {
            for row in &mut tokens {
                row.reverse();
            }
        }
        let mut joined = tokens[0].clone();
        for row in &tokens[1..] {
            prop_assert_eq!(&row[..stride], &joined[joined.len() - stride..]);
            prop_assert!(row.len() > stride);
            joined.extend(&row[stride..]);
        }
        let whole = tokenizer.encode(&text, None, &EncodeOptions::default()).unwrap();
        let mut expected = whole.ids()[1..whole.len() - 1].to_vec();
        if side == Side::Left {
            expected.reverse();
        }
        prop_assert_eq!(joined, expected);
    }
}
