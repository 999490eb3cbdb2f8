"""Compare random texts, pairs and options with transformers' fast tokenizer, at every place of every row."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from oxbert.errors import InputError, OxbertError

from .text_reference import (
    ALL_COLUMNS,
    SETTINGS,
    SHORT,
    TEXT,
    compare,
    everything,
    theirs_or_error,
    tokenizers,
)

SIDES = ["left", "right"]
# These lengths leave no room, little room, and more than enough.
OPTIONS = st.fixed_dictionaries(
    {
        "truncation": st.sampled_from(
            [None, False, True, "longest_first", "only_first", "only_second", "do_not_truncate"]
        ),
        "max_length": st.sampled_from([None, *range(20)]),
        "stride": st.sampled_from([0, 0, 1, 2, 3, 7]),
        "padding": st.sampled_from([False, True, "longest", "max_length"]),
        "padding_side": st.sampled_from([None, *SIDES]),
        "pad_to_multiple_of": st.sampled_from([None, None, 1, 4, 8]),
        "add_special_tokens": st.booleans(),
        "return_overflowing_tokens": st.booleans(),
    }
)


def is_intended(options: dict[str, Any], longest: int | None) -> bool:
    """Return whether oxbert differs on purpose for these options; see the tests of errors below."""
    length = longest if options["max_length"] is None else options["max_length"]
    # transformers ignores lengths shorter than the special tokens.
    no_room = length is not None and length < 4
    no_width = options["padding"] == "max_length" and length is None
    return no_room or no_width


@examples(max_examples=250)
@given(st.lists(TEXT, min_size=1, max_size=3), SETTINGS, st.booleans())
@example(["\x00", "\ufffd", "\u2028", "\xa0", "\x85", ""], {}, True)
@example(["[SEP]a[MASK]b", "[mask] [ MASK ]", "[MASK][MASK]", "a [PAD] b", "[CLS", "\u4e2d[UNK]\u4e2d"], {}, True)
@example(
    ["\U0001f468\u200d\U0001f469\u200d\U0001f467", "\u202e\u05d0\u05d1\u202c", "x" * 5000, "\u0301" * 300], {}, True
)
def test_texts_match_transformers(texts: list[str], settings: dict[str, Any], special: bool) -> None:
    ours, theirs = tokenizers(**settings)
    compare(ours, theirs, texts, add_special_tokens=special)
    assert ours.tokenize(texts[0]) == theirs.tokenize(texts[0])


@examples(max_examples=60)
@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=3), SETTINGS, st.booleans())
def test_pairs_match_transformers(pairs: list[tuple[str, str]], settings: dict[str, Any], special: bool) -> None:
    ours, theirs = tokenizers("DistilBert", **settings)
    compare(ours, theirs, [one for one, _ in pairs], [two for _, two in pairs], add_special_tokens=special)
    compare(ours, theirs, pairs, add_special_tokens=special)


@examples(max_examples=500)
@given(
    st.lists(SHORT, min_size=1, max_size=3),
    st.none() | st.lists(SHORT, min_size=3, max_size=3),
    OPTIONS,
    st.sampled_from(SIDES),
    st.sampled_from([None, 10]),
)
def test_options_match_transformers(
    texts: list[str], pairs: list[str] | None, options: dict[str, Any], side: str, longest: int | None
) -> None:
    assume(not is_intended(options, longest))
    ours, theirs = tokenizers(truncation_side=side, **({} if longest is None else {"model_max_length": longest}))
    compare(ours, theirs, texts, None if pairs is None else pairs[: len(texts)], **options)


@examples(max_examples=120)
@given(SHORT, st.none() | SHORT, OPTIONS)
def test_one_text_matches_transformers(text: str, pair: str | None, options: dict[str, Any]) -> None:
    # transformers ignores an empty second text, and oxbert encodes a pair.
    assume(not is_intended(options, None) and pair != "")
    ours, theirs = tokenizers()
    compare(ours, theirs, text, pair, **options)


@examples(max_examples=120)
@given(
    st.lists(st.tuples(st.lists(TEXT, max_size=5), st.lists(TEXT, max_size=5)), min_size=1, max_size=3),
    st.booleans(),
    OPTIONS,
    SETTINGS,
)
@example(
    [(["", " ", "\u0301", "[SEP]"], []), ([], ["a"])], True, {"max_length": None, "padding": True, "stride": 0}, {}
)
def test_given_words_match_transformers(
    pairs: list[tuple[list[str], list[str]]], paired: bool, options: dict[str, Any], settings: dict[str, Any]
) -> None:
    assume(not is_intended(options, None))
    ours, theirs = tokenizers(**settings)
    first, second = [one for one, _ in pairs], [two for _, two in pairs]
    compare(ours, theirs, first, second if paired else None, is_split_into_words=True, **options)


@pytest.mark.parametrize("special", [True, False])
@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("padding", [False, True, "max_length"])
@pytest.mark.parametrize("truncation", [False, True, "only_first", "only_second"])
def test_truncations_strides_padding_and_sides_match(truncation: Any, padding: Any, side: str, special: bool) -> None:
    ours, theirs = tokenizers(truncation_side=side, padding_side="left")
    first, second = (
        ["the word unaffable the word", "word", "caf\xe9 \u4e2d\u6587 the"],
        ["the s", "unaffable word the", "s"],
    )
    for length in (7, 9, 12):
        for stride in (0, 1, 2, 4):
            for pair in (None, second):
                options = {"truncation": truncation, "max_length": length, "padding": padding, "stride": stride}
                compare(
                    ours, theirs, first, pair, **options, add_special_tokens=special, return_overflowing_tokens=True
                )


def test_very_long_words_and_many_sequences_match() -> None:
    ours, theirs = tokenizers()
    for size in (99, 100, 101, 200, 10000):
        for unit in ("x", "e\u0301", "\ud55c", "\U0001f600", "\u0130", "\u0e01", "#", "\u4e2d"):
            text = f"the {unit * size} word"
            # Ids and offsets only, because comparing every place would take long.
            names = ["input_ids", "offset_mapping"]
            mine, expected = (tokenizer(text, **ALL_COLUMNS) for tokenizer in (ours, theirs))
            assert [mine[name] for name in names] == [expected[name] for name in names]
            assert mine.word_ids() == expected.word_ids()


# Cases that transformers refuses or panics at, and those that oxbert refuses on purpose.


@pytest.mark.parametrize(
    "options",
    [
        {"truncation": "only_second", "max_length": 4, "pair": None},
        {"truncation": True, "max_length": 8, "stride": 6},
        {"truncation": True, "max_length": 8, "stride": 9, "return_overflowing_tokens": True},
        {"truncation": True, "max_length": 8, "stride": 5, "return_overflowing_tokens": True},
        {"truncation": True, "max_length": 9, "padding": True, "pad_to_multiple_of": 8},
        {"padding": "wide"},
        {"truncation": "short", "max_length": 5},
        {"return_tensors": "jax"},
        {"padding": True, "padding_side": "up"},
    ],
)
def test_both_libraries_refuse_the_same_options(options: dict[str, Any]) -> None:
    ours, theirs = tokenizers()
    options = dict(options)
    pair = options.pop("pair", "the word unaffable the word the")
    mine, expected = compare(ours, theirs, "the word unaffable the word the word", pair, **options)
    if isinstance(mine, OxbertError):
        assert isinstance(mine, ValueError) and isinstance(expected, BaseException)
    else:
        # oxbert may return rows only if no truncation made the stride matter.
        assert everything(mine) == everything(expected)


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("the word the", {"max_length": 8, "stride": 7, "add_special_tokens": False}),
        ("the word the", {"max_length": 2, "stride": 7}),
        ("the", {"max_length": 8, "stride": 7}),
    ],
)
def test_a_stride_that_exceeds_the_row_is_refused(text: str, options: dict[str, Any]) -> None:
    ours, theirs = tokenizers()
    assert isinstance(theirs_or_error(lambda: theirs(text, truncation=True, **options)), ValueError)
    with pytest.raises(InputError) as caught:
        ours(text, truncation=True, return_overflowing_tokens=True, **options)
    assert caught.value.what == "stride"


def test_a_model_length_that_is_not_a_multiple_is_refused() -> None:
    ours, theirs = tokenizers(model_max_length=10)
    options = {"truncation": True, "padding": True, "pad_to_multiple_of": 8}
    assert isinstance(theirs_or_error(lambda: theirs("the", **options)), ValueError)
    with pytest.raises(InputError) as caught:
        ours("the", **options)
    assert caught.value.what == "max_length"


def test_max_length_with_do_not_pad_matches_transformers() -> None:
    ours, theirs = tokenizers()
    compare(ours, theirs, "the word the word", padding="do_not_pad", max_length=4)


@pytest.mark.parametrize("name", ["max_length", "stride", "pad_to_multiple_of"])
def test_negative_numbers_are_refused(name: str) -> None:
    ours, _ = tokenizers()
    with pytest.raises(OxbertError) as caught:
        ours("the word", truncation=True, **({"max_length": 9} | {name: -1}))
    assert isinstance(caught.value, (ValueError, OverflowError))


def test_lengths_below_the_special_tokens_are_refused() -> None:
    ours, theirs = tokenizers()
    assert len(theirs("the word", truncation=True, max_length=1)["input_ids"]) == 4
    for pair, room in ((None, 2), ("the", 3)):
        for length in range(room):
            with pytest.raises(InputError, match="special tokens") as caught:
                ours("the word", pair, truncation=True, max_length=length)
            assert caught.value.what == "max_length"
        assert ours("the word", pair, truncation=True, max_length=room)["input_ids"] == [5, 6, 6][:room]


def test_an_empty_second_text_makes_a_pair() -> None:
    ours, theirs = tokenizers()
    assert theirs("the", "").tokens() == ["[CLS]", "the", "[SEP]"]
    assert ours("the", "").tokens() == ours(["the"], [""]).tokens() == ["[CLS]", "the", "[SEP]", "[SEP]"]
    assert theirs(["the"], [""]).tokens() == ["[CLS]", "the", "[SEP]", "[SEP]"]
