//! Tests of words and their tokens against a slow reference, which does one step after the other over the whole text.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashMap;
use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use unicode_categories::UnicodeCategories;
use unicode_normalization_alignments::UnicodeNormalization;
use unicode_normalization_alignments::char::{canonical_combining_class, decompose_canonical};

use super::TokenizerOptions;
use super::normalize::Normalizer;
use super::normalized::Normalized;
use super::progress::Progress;
use super::special::SPECIAL_TOKENS;
use super::tests::checked;
use super::trie::Trie;
use super::vocabulary::Vocabulary;
use super::words::{Scratch, TextToken, TextTokens};
use crate::error::Error;

/// Characters that some step treats specially, and some ordinary ones.
#[allow(clippy::unicode_not_nfc, reason = "characters that are not in normal form matter most")]
const CHARACTERS: &str = "aabcdeixyzAIXß ßẞİıſΣσςΩé\u{212b}\u{1e69}ﬁ  \t\n.,-#[]'中豈\u{2f800}\u{20000}\u{2b820}가각한がが\
    \u{300}\u{301}\u{323}\u{327}\u{344}\u{345}\u{5b0}\u{5b8}\u{f71}\u{f72}\u{f73}\u{483}\u{20dd}\u{93e}\u{94d}\u{bcb}\
    \u{302e}\u{302f}\u{1dfb}\u{8d4}\u{8e3}\u{1d157}\u{1d15e}\u{1d160}\u{1d165}\u{1d16d}\u{1d16e}\u{1d17b}\u{1e000}\u{1e944}\
    \u{0}\u{1}\u{b}\u{7f}\u{85}\u{a0}\u{ad}\u{200b}\u{200d}\u{2028}\u{2029}\u{3000}\u{feff}\u{fffd}\u{e000}\u{10ffff}\
    ≠;·«—。！👍🏻❤\u{fe0f}אب";

/// Every character of [`CHARACTERS`], also lower-cased and decomposed, most of them also inside a word, and some
/// sequences of them.
static VOCABULARY: LazyLock<(HashMap<String, i64>, Vocabulary)> = LazyLock::new(|| {
    let alphabet: Vec<char> = CHARACTERS.to_lowercase().nfd().map(|(part, _)| part).chain(CHARACTERS.chars()).collect();
    let mut tokens: Vec<String> = SPECIAL_TOKENS.map(String::from).to_vec();
    tokens.extend(["", "##", "##a##", "##ing", "caf", "##fé"].map(String::from));
    tokens.extend(["a".repeat(99), "a".repeat(100), "é".repeat(101), format!("##{}", "a".repeat(100))]);
    for (index, window) in alphabet.windows(3).enumerate() {
        tokens.push(window[0].to_string());
        if index % 7 > 0 {
            tokens.push(format!("##{}", window[0]));
        }
        tokens.push(format!("{}{}", window[0], window[1]));
        tokens.push(format!("##{}{}{}", window[2], window[0], window[1]));
    }
    let tokens: HashMap<String, i64> = tokens.into_iter().zip(0..).collect();
    (tokens.clone(), Vocabulary::new(tokens, &SPECIAL_TOKENS.map(String::from), Path::new("vocab.txt")).unwrap())
});

fn every_option() -> Vec<TokenizerOptions> {
    let flags = [true, false];
    let strips = [None, Some(true), Some(false)];
    let all = flags.into_iter().flat_map(|lower| strips.map(|strip| (lower, strip)));
    all.flat_map(|(do_lower_case, strip_accents)| {
        flags.map(|tokenize_chinese_chars| TokenizerOptions {
            do_lower_case,
            strip_accents,
            tokenize_chinese_chars,
            ..TokenizerOptions::default()
        })
    })
    .collect()
}

/// A character with the number of the original character that it stands for.
type Placed = (char, usize);

/// Normalise a text step by step. Source: `tokenizers` 0.23 `normalizers/bert.rs`.
fn reference_normalized(text: &str, first: usize, options: &TokenizerOptions) -> Vec<Placed> {
    let is_chinese = |character: char| {
        [0x4E00..=0x9FFF, 0x3400..=0x4DBF, 0x20000..=0x2A6DF, 0x2A700..=0x2B73F, 0x2B740..=0x2B81F]
            .into_iter()
            .chain([0x2B920..=0x2CEAF, 0xF900..=0xFAFF, 0x2F800..=0x2FA1F])
            .any(|block| block.contains(&u32::from(character)))
    };
    let mut characters: Vec<Placed> = Vec::new();
    for (character, place) in text.chars().zip(first..) {
        let line = matches!(character, '\t' | '\n' | '\r');
        if matches!(character, '\0' | '\u{fffd}') || (character.is_other() && !line) {
            continue;
        }
        if character.is_whitespace() {
            characters.push((' ', place));
        } else if options.tokenize_chinese_chars && is_chinese(character) {
            characters.extend([(' ', place), (character, place), (' ', place)]);
        } else {
            characters.push((character, place));
        }
    }
    if options.strip_accents.unwrap_or(options.do_lower_case) {
        let cleaned: String = characters.iter().map(|&(character, _)| character).collect();
        let mut used = 0;
        let placed = cleaned.as_str().nfd().map(|(character, change)| {
            used += usize::from(change == 0);
            (character, characters[used - 1].1)
        });
        characters = placed.filter(|&(character, _)| !character.is_mark_nonspacing()).collect();
    }
    if options.do_lower_case {
        let lower = |(character, place): Placed| character.to_lowercase().map(move |character| (character, place));
        characters = characters.into_iter().flat_map(lower).collect();
    }
    characters
}

/// Make the tokens of a normalised text. Source: `tokenizers` 0.23 `pre_tokenizers/bert.rs`, `models/wordpiece/mod.rs`.
fn reference_tokens(characters: &[Placed]) -> Vec<TextToken> {
    let (tokens, vocabulary) = &*VOCABULARY;
    let alone = |character: char| character.is_ascii_punctuation() || character.is_punctuation();
    let words = characters
        .chunk_by(|one, other| ![one, other].iter().any(|placed| placed.0.is_whitespace() || alone(placed.0)))
        .filter(|word| !word[0].0.is_whitespace());
    let mut all = Vec::new();
    for (number, word) in words.enumerate() {
        let token = |id: i64, covered: &[Placed]| {
            let span = (covered[0].1 as u32, covered[covered.len() - 1].1 as u32 + 1);
            TextToken { id: id as u32, span, word: number as u32 }
        };
        let mut pieces = Vec::new();
        let mut rest = word;
        while !rest.is_empty() && word.len() <= 100 {
            let spelled = |end: usize| {
                let mark = if rest.len() < word.len() { "##" } else { "" };
                mark.chars().chain(rest[..end].iter().map(|placed| placed.0)).collect::<String>()
            };
            let longest = (1..=rest.len()).rev().find_map(|end| Some((end, *tokens.get(&spelled(end))?)));
            let Some((end, id)) = longest else { break };
            pieces.push(token(id, &rest[..end]));
            rest = &rest[end..];
        }
        if rest.is_empty() {
            all.extend(pieces);
        } else {
            all.push(token(vocabulary.unknown, word));
        }
    }
    all
}

fn tokens(text: &str, first: usize, options: &TokenizerOptions, limit: usize, scratch: &mut Scratch) -> Vec<TextToken> {
    let mut tokens = Vec::new();
    TextTokens::new(&VOCABULARY.1, options, limit, scratch, &mut tokens).text(text, first).unwrap();
    tokens
}

fn normalized(text: &str, first: usize, options: &TokenizerOptions) -> Normalized {
    Normalized::new(text, first, &Normalizer::new(options), &mut Progress::new()).unwrap()
}

/// Compare tokens and normalised text with the reference for one text.
fn compare(text: &str, first: usize, options: &TokenizerOptions, scratch: &mut Scratch) {
    let characters = reference_normalized(text, first, options);
    let expected = reference_tokens(&characters);
    assert_eq!(tokens(text, first, options, usize::MAX, scratch), expected, "{text:?} {options:?}");
    let some = expected.len() / 2;
    assert_eq!(tokens(text, first, options, some, scratch), expected[..some], "{text:?} {options:?}");

    let normalized = normalized(text, first, options);
    let spelled: String = characters.iter().map(|&(character, _)| character).collect();
    assert_eq!(normalized.text(), spelled, "{text:?} {options:?}");
    for ((byte, character), &(_, place)) in spelled.char_indices().zip(&characters) {
        let span = (place as u32, place as u32 + 1);
        assert_eq!(normalized.span(byte..byte + character.len_utf8()), span, "{text:?} {options:?}");
    }
    let mut tokens = Vec::new();
    let mut given = TextTokens::new(&VOCABULARY.1, options, usize::MAX, scratch, &mut tokens);
    given.normalized(&normalized, 0..spelled.len()).unwrap();
    assert_eq!(tokens, expected, "{text:?} {options:?}");
}

/// Generate texts of a few characters, each of which may be repeated many times, so that words and runs of marks grow
/// long.
fn texts() -> impl Strategy<Value = String> {
    let characters: Vec<char> = CHARACTERS.chars().collect();
    let character = prop_oneof![8 => prop::sample::select(characters), 1 => any::<char>()];
    let piece = (character, prop_oneof![20 => 1..4_usize, 1 => 90..110_usize, 1 => 200..450_usize]);
    prop::collection::vec(piece, 0..16)
        .prop_map(|pieces| pieces.into_iter().map(|(character, times)| character.to_string().repeat(times)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn one_pass_equals_the_stepwise_reference(text in texts(), first in 0..1000_usize) {
        let mut scratch = Scratch::default();
        for options in every_option() {
            compare(&text, first, &options, &mut scratch);
        }
    }

    #[test]
    fn a_trie_finds_its_strings_and_no_others(
        strings in prop::collection::hash_set(prop::collection::vec(prop_oneof![97..100_u8, any::<u8>()], 0..6), 0..300),
        other in prop::collection::vec(97..100_u8, 0..6),
    ) {
        let numbered: Vec<(&[u8], u32)> = strings.iter().map(Vec::as_slice).zip(0..).collect();
        let trie = Trie::new(numbered.clone()).unwrap().unwrap();
        let found = |string: &[u8]| trie.walk(string).and_then(|node| trie.id(node));
        for (string, id) in numbered {
            prop_assert_eq!(found(string), Some(id));
        }
        if !strings.contains(&other) {
            prop_assert_eq!(found(&other), None);
        }
    }
}

#[test]
fn every_single_character_matches_the_reference() {
    let mut scratch = Scratch::default();
    let options: Vec<TokenizerOptions> =
        every_option().into_iter().filter(|options| options.strip_accents.is_some()).collect();
    // All other characters are private or unassigned.
    for (index, character) in ('\0'..'\u{2ffff}').chain('\u{e0000}'..'\u{e0200}').enumerate() {
        compare(character.encode_utf8(&mut [0; 4]), 0, &options[index % options.len()], &mut scratch);
    }
}

#[test]
fn every_kept_mark_beside_others_matches_the_reference() {
    let mut scratch = Scratch::default();
    let options = TokenizerOptions::default();
    let marks: Vec<char> = ('\0'..'\u{2ffff}').filter(|&character| canonical_combining_class(character) != 0).collect();
    let staying: Vec<char> = marks.iter().copied().filter(|mark| !mark.is_mark_nonspacing()).collect();
    assert!(staying.len() > 20);
    for (index, &stays) in staying.iter().cycle().take(marks.len() * 2).enumerate() {
        let mark = marks[index / 2];
        for text in [[stays, mark, 'a', stays], [mark, stays, '\u{1d160}', mark], ['é', mark, '\0', stays]] {
            compare(&String::from_iter(text), 0, &options, &mut scratch);
        }
    }
}

#[test]
fn a_decomposition_begins_with_a_mark_only_if_it_is_all_marks() {
    // `marks` relies on this.
    for character in '\0'..=char::MAX {
        let mut classes = Vec::new();
        decompose_canonical(character, |part| classes.push(canonical_combining_class(part)));
        let marks = classes.iter().rev().take_while(|&&class| class > 0).count();
        let others = classes.iter().take_while(|&&class| class == 0).count();
        assert_eq!(marks + others, classes.len(), "{character:?}");
    }
}

#[test]
fn a_long_text_can_be_interrupted_and_is_read_only_up_to_the_limit() {
    let options = TokenizerOptions::default();
    let size = 1 << 20;
    for unit in ["a", "a ", " ", "é", "한", "\u{301}", "\u{1d165}\u{301}", "\0", "中", "."] {
        let text = unit.repeat(size / unit.len());
        let mut scratch = Scratch::default();
        let mut tokens = Vec::new();
        let mut all = TextTokens::new(&VOCABULARY.1, &options, usize::MAX, &mut scratch, &mut tokens);
        let (result, calls) = checked(3, || all.text(&text, 0));
        assert!(matches!(result, Err(Error::Input { .. })), "{unit:?}");
        assert_eq!(calls, 3, "{unit:?}");

        let mut tokens = Vec::new();
        let mut few = TextTokens::new(&VOCABULARY.1, &options, 2, &mut scratch, &mut tokens);
        let (result, _) = checked(1, || few.text(&text, 0));
        if ["a ", "中", "."].contains(&unit) {
            result.unwrap();
            assert_eq!(
                tokens,
                reference_tokens(&reference_normalized(&text[..9 * unit.len()], 0, &options))[..2],
                "{unit:?}"
            );
        } else {
            assert!(result.is_err(), "{unit:?}");
        }
    }
}

#[test]
fn word_numbers_continue_behind_a_special_token() {
    let (options, mut scratch, mut tokens) = (TokenizerOptions::default(), Scratch::default(), Vec::new());
    let mut all = TextTokens::new(&VOCABULARY.1, &options, 4, &mut scratch, &mut tokens);
    all.text("a b", 0).unwrap();
    all.add(4, (3, 9)).unwrap();
    assert!(!all.is_full());
    all.text("c d", 9).unwrap();
    all.add(4, (12, 18)).unwrap();
    assert!(all.is_full());
    let got: Vec<_> = tokens.iter().map(|token| (token.span, token.word)).collect();
    assert_eq!(got, [((0, 1), 0), ((2, 3), 1), ((3, 9), 2), ((9, 10), 3)]);
}

#[test]
fn a_vocabulary_without_continuations_spells_whole_words() {
    let tokens = SPECIAL_TOKENS.into_iter().chain(["a", "ab"]).map(String::from).zip(0..).collect();
    let vocabulary = Vocabulary::new(tokens, &SPECIAL_TOKENS.map(String::from), Path::new("vocab.txt")).unwrap();
    let (options, mut scratch, mut tokens) = (TokenizerOptions::default(), Scratch::default(), Vec::new());
    TextTokens::new(&vocabulary, &options, 9, &mut scratch, &mut tokens).text("ab aba A", 0).unwrap();
    assert_eq!(tokens.iter().map(|token| token.id).collect::<Vec<_>>(), [6, 1, 5]);
}

#[test]
fn an_id_that_does_not_fit_is_refused() {
    for id in [-1, i64::from(u32::MAX), i64::MAX - 1] {
        let tokens = SPECIAL_TOKENS.into_iter().map(String::from).zip(0..).chain([("a".to_string(), id)]).collect();
        let error = Vocabulary::new(tokens, &SPECIAL_TOKENS.map(String::from), Path::new("vocab.txt")).unwrap_err();
        assert!(matches!(&error, Error::Vocabulary { reason, .. } if reason.contains("below 2^32 - 1")), "{error}");
    }
}
