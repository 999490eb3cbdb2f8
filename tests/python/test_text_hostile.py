"""Arguments of any type, size and sign: an answer, or an error of ours that names the argument."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

import oxbert
from oxbert.errors import DtypeError, InputError, OxbertError

from .text_reference import VOCABULARY, tokenizers

OURS, _ = tokenizers()
ROWS = OURS(["the word unaffable", "the"])
ROW = ROWS[0]
TEXT = "the word unaffable the word"


def set_length(number: Any) -> Any:
    tokenizer = oxbert.ElectraTokenizer(VOCABULARY)
    tokenizer.model_max_length = number
    return tokenizer.model_max_length


# What takes an integer, with the name of the argument.
USES: list[tuple[str, Callable[[Any], Any]]] = [
    ("max_length", lambda number: OURS(TEXT, truncation=True, max_length=number)),
    ("max_length", lambda number: OURS(TEXT, padding=True, max_length=number, pad_to_multiple_of=8)),
    ("max_length", lambda number: OURS.encode(TEXT, max_length=number)),
    ("max_length", lambda number: OURS.encode(TEXT, max_length=number, add_special_tokens=False)),
    ("stride", lambda number: OURS(TEXT, truncation=True, max_length=5, stride=number, return_overflowing_tokens=True)),
    ("pad_to_multiple_of", lambda number: OURS(TEXT, padding=True, pad_to_multiple_of=number)),
    ("max_length", lambda number: OURS.pad(ROWS, padding="max_length", max_length=number)),
    ("pad_to_multiple_of", lambda number: OURS.pad(ROWS, pad_to_multiple_of=number)),
    ("model_max_length", lambda number: oxbert.ElectraTokenizer(VOCABULARY, model_max_length=number)),
    ("model_max_length", set_length),
    ("row", lambda number: ROWS.encodings[number]),
    ("token_index", lambda number: ROW.token_to_sequence(number)),
    ("token_index", lambda number: ROW.token_to_chars(number)),
    ("token_index", lambda number: ROW.token_to_word(number)),
    ("word_index", lambda number: ROW.word_to_tokens(number)),
    ("sequence_index", lambda number: ROW.word_to_tokens(0, number)),
    ("word_index", lambda number: ROW.word_to_chars(number)),
    ("sequence_index", lambda number: ROW.word_to_chars(0, number)),
    ("char_pos", lambda number: ROW.char_to_token(number)),
    ("sequence_index", lambda number: ROW.char_to_token(0, number)),
    ("char_pos", lambda number: ROW.char_to_word(number)),
    ("sequence_index", lambda number: ROW.char_to_word(0, number)),
    ("row", lambda number: ROWS.word_ids(number)),
    ("token_index", lambda number: ROWS.token_to_chars(number)),
    ("row", lambda number: ROWS.token_to_chars(number, 0)),
    ("token_ids", lambda number: OURS.decode(number)),
    ("token_ids", lambda number: OURS.decode([number])),
    ("token_ids", lambda number: OURS.convert_ids_to_tokens([number])),
    ("token_ids", lambda number: OURS.build_inputs_with_special_tokens([number])),
    ("token_ids", lambda number: OURS.get_special_tokens_mask([number], already_has_special_tokens=True)),
]
SMALL = st.integers(-3, 20)
HUGE = st.sampled_from([2**31, 2**63, 2**64, 2**127, 2**128, 10**30, 10**5000]).flatmap(
    lambda size: st.sampled_from([size, -size, size - 1, 1 - size])
)
INTEGERS = SMALL | HUGE | st.integers() | SMALL.map(np.int64) | st.booleans()
OTHERS = st.sampled_from([1.5, float("nan"), "1", b"1", [], {}, object(), np.float64(2), 2 + 0j])


def outcome(use: Callable[[], Any]) -> Any:
    """The answer, or our error. Any other error fails the test."""
    try:
        return use()
    except OxbertError as error:
        return error


@examples(max_examples=600)
@given(st.sampled_from(USES), INTEGERS | OTHERS)
def test_every_integer_is_answered_or_refused_by_name(use: tuple[str, Callable[[Any], Any]], number: Any) -> None:
    what, call = use
    answer = outcome(lambda: call(number))
    if isinstance(answer, OxbertError):
        # An id that the vocabulary lacks is named as in Rust.
        assert getattr(answer, "what", None) in (what, "ids" if what == "token_ids" else what), answer
        assert len(str(answer)) < 6000


@given(st.sampled_from([10**9, 10**12, 10**30, 2**64, 2**63]))
def test_transformers_no_length_is_no_limit(number: int) -> None:
    whole = OURS(TEXT)["input_ids"]
    assert OURS(TEXT, truncation=True, max_length=number)["input_ids"] == whole
    assert OURS(TEXT, truncation=True, padding=True, max_length=number, pad_to_multiple_of=1)["input_ids"] == whole
    limited = oxbert.ElectraTokenizer(VOCABULARY, model_max_length=4)
    assert len(limited(TEXT, truncation=True)["input_ids"]) == 4
    assert limited(TEXT, truncation=True, max_length=number)["input_ids"] == whole
    limited.model_max_length = number
    assert limited.model_max_length is None
    assert oxbert.ElectraTokenizer(VOCABULARY, model_max_length=number).model_max_length is None
    with pytest.raises(InputError, match="at most 1048576") as caught:
        OURS(TEXT, padding="max_length", max_length=number)
    assert caught.value.what == "max_length"


def test_an_index_outside_the_row_is_no_token() -> None:
    for place in (len(ROW), 10**6, 2**64, 10**30):
        assert ROW.token_to_chars(place) is None and ROWS.token_to_word(place) is None
        assert ROWS.token_to_word(-place - 1) is None
    assert ROWS.token_to_chars(-2) == ROWS.token_to_chars(len(ROW) - 2)
    with pytest.raises(InputError, match="token_index: expected at least 0, got -1"):
        ROW.token_to_chars(-1)
    with pytest.raises(InputError, match="stride: expected at least 0, got -1000000000000000000000000000000"):
        OURS("a", stride=-(10**30))


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.binary(max_size=2)
ARRAYS = st.sampled_from(
    [
        torch.empty(3, device="meta"),
        torch.empty(2, 3, device="meta", dtype=torch.int64),
        torch.eye(3, dtype=torch.int64).to_sparse(),
        torch.ones(2, 2),
        torch.tensor(5),
        torch.tensor([[5], [6]]),
        np.array([5, 6]),
        np.array("the"),
        np.zeros((2, 0), np.int64),
        np.array([[[5]]]),
        np.array([None]),
        iter([5]),
        range(5, 8),
        object(),
    ]
)
NAMES = st.sampled_from(["input_ids", "attention_mask", "token_type_ids", "special_tokens_mask", "labels"])
JUNK = st.recursive(
    LEAVES | ARRAYS | st.lists(st.integers(0, 9), max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3) | st.tuples(inner, inner),
    max_leaves=6,
)


@examples(max_examples=400)
@given(JUNK)
@example("abc")
@example([1, 2])
@example([])
@example({})
@example([{"input_ids": [1]}, {}])
@example([{"input_ids": [1]}, 5])
@example({"input_ids": [[1], 2]})
@example({"input_ids": [[1], [2]], "attention_mask": [[1]]})
def test_what_is_no_row_is_refused(junk: Any) -> None:
    for use in (OURS.pad, OURS.decode, OURS.batch_decode, OURS.convert_ids_to_tokens, OURS.convert_tokens_to_ids):
        answer = outcome(lambda use=use: use(junk))
        assert not isinstance(answer, OxbertError) or getattr(answer, "what", getattr(answer, "reason", ""))


def test_arrays_without_data() -> None:
    for use in (OURS.decode, OURS.batch_decode, OURS.convert_ids_to_tokens, lambda ids: OURS.pad({"input_ids": ids})):
        with pytest.raises(DtypeError, match=r"meta|an array with data"):
            use(torch.empty(3, device="meta", dtype=torch.int64))
