"""Check that the offsets of a token select the characters that the token stands for."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

import oxbert

from .text_reference import SETTINGS, SPECIAL, TEXT, fresh, tokenizers

# Combining marks of Unicode 9, which the tokenizer's table of decompositions has and its table of marks lacks.
YOUNG = [(0x8D4, 0x8E1), (0x1DFB, 0x1DFB), (0x1E000, 0x1E02A), (0x1E944, 0x1E94A), (0x11442, 0x11446)]


def moves(character: str) -> bool:
    """Return whether a character has a kept mark that may be reordered, which is the documented exception."""
    parts = unicodedata.normalize("NFD", character)
    stays = [unicodedata.category(part) != "Mn" or any(a <= ord(part) <= b for a, b in YOUNG) for part in parts]
    return any(unicodedata.combining(part) and stay for part, stay in zip(parts, stays, strict=True))


def tokens_of(rows: Any, row: int) -> list[tuple[str, int, int]]:
    """Return the tokens of the text of a row with their slices."""
    return [
        (token, *span)
        for token, span, text_number in zip(rows.tokens(row), rows[row].offsets, rows.sequence_ids(row), strict=True)
        if text_number is not None
    ]


def check(text: str, rows: Any, row: int, normalise: Any, whole: bool = True) -> None:
    """Check the tokens of the only text of a row; `whole` says that the text was not truncated."""
    tokens = tokens_of(rows, row)
    # Truncation may cut inside a character that becomes several tokens.
    elsewhere = {token for other in range(len(rows.encodings)) for token in tokens_of(rows, other)}
    covered = set()
    for place, (token, start, end) in enumerate(tokens):
        assert 0 <= start < end <= len(text)
        covered.update(range(start, end))
        before, after = tokens[max(place - 1, 0)], tokens[min(place + 1, len(tokens) - 1)]
        assert before[1] <= start and before[2] <= end
        shared = [
            place > 0 and before[2] > start,
            place < len(tokens) - 1 and after[1] < end,
        ]
        is_cut = not whole and any(
            other != (token, start, end) and other[1] < end and start < other[2] for other in elsewhere
        )
        # Only a character that decomposes into several may be part of two tokens.
        assert not shared[0] or before[2] == start + 1
        surface = normalise(text[start:end]).strip()
        piece = token.removeprefix("##") if token not in (surface, "##") else token
        if token in SPECIAL and token != "[UNK]":
            assert text[start:end] == token
        elif token == "[UNK]":
            assert surface
        elif any(shared) or is_cut:
            assert piece in surface
        else:
            assert piece == surface
    if whole:
        # Characters outside all tokens are white space or normalise to nothing.
        rest = [character for place, character in enumerate(text) if place not in covered]
        assert not [character for character in rest if normalise(character).strip()]


@examples(max_examples=400)
@given(TEXT, SETTINGS)
@example(
    "Cafe\u0301s, na\xefve \u212b \ud55c\uad6d\uc5b4 \u1e9b\u0323 \u4e2d\u6587\u3002 [MASK]! \xa0\u2028\x00e\u0327\u0301",
    {},
)
@example("\ufb01\u0130\u0131\u017f \U0001f468\u200d\U0001f469 \u0928\u093f \u304b\u3099\u304c", {"strip_accents": True})
def test_offsets_select_the_surface_of_each_token(text: str, settings: dict[str, Any]) -> None:
    assume(not any(moves(character) for character in text))
    ours, theirs = tokenizers(**settings)
    check(text, ours(text), 0, theirs.backend_tokenizer.normalizer.normalize_str)


@examples(max_examples=100)
@given(TEXT, st.integers(3, 8), st.integers(0, 2), st.sampled_from(["left", "right"]))
@example("\uac01", 3, 0, "left")
def test_offsets_of_truncated_rows_select_the_surface(text: str, length: int, stride: int, side: str) -> None:
    assume(not any(moves(character) for character in text) and stride < length - 2)
    ours, theirs = tokenizers(truncation_side=side)
    rows = ours(text, truncation=True, max_length=length, stride=stride, return_overflowing_tokens=True, padding=True)
    for row in range(len(rows.encodings)):
        check(text, rows, row, theirs.backend_tokenizer.normalizer.normalize_str, whole=False)


@examples(max_examples=100)
@given(st.lists(TEXT, max_size=4))
def test_offsets_of_given_words_select_the_surface(words: list[str]) -> None:
    assume(not any(moves(character) for word in words for character in word))
    ours, theirs = tokenizers()
    row = ours(words or [""], is_split_into_words=True)
    for token, span, word in zip(row.tokens(), row[0].offsets, row.word_ids(), strict=True):
        if word is not None and token not in SPECIAL:
            piece = theirs.backend_tokenizer.normalizer.normalize_str(words[word][slice(*span)]).strip()
            assert token.removeprefix("##") in (piece, piece.removeprefix("##")) or token.removeprefix("##") in piece


@examples(max_examples=100)
@given(TEXT, TEXT)
def test_characters_map_to_tokens_and_back(text: str, pair: str) -> None:
    assume(not any(moves(character) for character in text + pair))
    ours, _ = tokenizers()
    row = ours(text, pair)
    for sequence, characters in enumerate((text, pair)):
        for place in range(len(characters)):
            token = row.char_to_token(place, sequence_index=sequence)
            if token is None:
                assert row.char_to_word(place, sequence_index=sequence) is None
                continue
            span = row.token_to_chars(token)
            assert span.start <= place < span.end and row.token_to_sequence(token) == sequence
            word = row.token_to_word(token)
            assert word == row.char_to_word(place, sequence_index=sequence)
            tokens = row.word_to_tokens(word, sequence_index=sequence)
            assert tokens.start <= token < tokens.end
            assert row.word_to_chars(word, sequence_index=sequence).start <= place


def test_questions_without_a_row_or_a_text_are_about_the_first() -> None:
    ours, _ = tokenizers()
    rows = ours(["of the", "a text with more words"], ["first row", "second"])
    for name in ["tokens", "word_ids", "words", "sequence_ids"]:
        assert getattr(rows, name)() == getattr(rows, name)(0) != getattr(rows, name)(1), name
    assert rows.n_sequences == 2
    row = ours("of the", "first row")
    for name, place in [("char_to_token", 4), ("char_to_word", 4), ("word_to_tokens", 1), ("word_to_chars", 1)]:
        ask = getattr(row, name)
        assert ask(place) == ask(place, sequence_index=0), name
    assert row.char_to_token(4) != row.char_to_token(4, sequence_index=1)
    mixed = ours([("of the", "first row"), ("of", "the")])
    assert mixed.n_sequences == 2 and ours("of the").n_sequences == 1


def test_offsets_of_added_tokens_include_matched_white_space() -> None:
    ours, _ = fresh()
    ours.add_tokens([oxbert.AddedToken("<x>", lstrip=True, rstrip=True), "Caf\xe9s"])
    text = "the \t <x>\u2003 word CAFE\u0301S!"
    row = ours(text, return_offsets_mapping=True)
    assert [text[slice(*span)] for span in row["offset_mapping"][1:-1]] == [
        "the",
        " \t <x>\u2003 ",
        "word",
        "CAFE\u0301S",
        "!",
    ]


@pytest.mark.parametrize("place", [-1, -3])
def test_negative_places_count_from_the_end(place: int) -> None:
    ours, _ = tokenizers()
    row = ours("the word")
    assert row.token_to_chars(place) == row.token_to_chars(4 + place)
    assert row.token_to_word(place) == row.token_to_word(4 + place)


def test_places_beyond_the_row_give_none_or_index_error() -> None:
    """Check places beyond the row, at which transformers' `word_to_chars` fails."""
    ours, _ = tokenizers()
    row = ours("the word")
    assert row.token_to_chars(99) is row.token_to_word(99) is row.token_to_sequence(99) is None
    assert row.char_to_token(99) is row.char_to_word(99) is row.word_to_tokens(99) is row.word_to_chars(99) is None
    for method in (row.word_ids, row.tokens, row.sequence_ids):
        with pytest.raises(IndexError):
            method(1)
