"""Test `pad`, alone and inside transformers' collators."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

import oxbert
from oxbert.errors import InputError

from .text_reference import SHORT, ours_or_error, theirs_or_error, tokenizers

TEXTS = ["the word unaffable", "the", "\u4e2d\u6587 caf\xe9 word the the"]


def lists(columns: Any) -> dict[str, Any]:
    return {name: column.tolist() if hasattr(column, "tolist") else column for name, column in columns.items()}


@examples(max_examples=250)
@given(
    st.lists(SHORT, min_size=1, max_size=3),
    st.sampled_from(["rows", "columns", "one"]),
    st.fixed_dictionaries(
        {
            "padding": st.sampled_from([True, False, "longest", "max_length", "do_not_pad"]),
            "max_length": st.sampled_from([None, 1, 3, 6, 40]),
            "pad_to_multiple_of": st.sampled_from([None, 1, 4, 8]),
            "padding_side": st.sampled_from([None, "left", "right"]),
            "return_attention_mask": st.sampled_from([None, False, True]),
        }
    ),
    st.sampled_from(["input_ids", "attention_mask", "token_type_ids", "special_tokens_mask"]),
)
def test_padding_matches_transformers(texts: list[str], form: str, options: dict[str, Any], dropped: str) -> None:
    ours, theirs = tokenizers()
    if options["padding"] == "max_length" and options["max_length"] is None:
        return  # transformers pads nothing then, and oxbert refuses; tested below
    given_rows = theirs(texts, return_special_tokens_mask=True)
    names = [name for name in given_rows if name != dropped or name == "input_ids"]

    def inputs() -> Any:
        columns = {name: [list(row) for row in given_rows[name]] for name in names}
        if form == "one":
            return {name: column[0] for name, column in columns.items()}
        if form == "columns":
            return columns
        return [{name: column[row] for name, column in columns.items()} for row in range(len(texts))]

    # With return_attention_mask=False, transformers does not pad a given mask.
    if options["return_attention_mask"] is False and "attention_mask" in names:
        return
    expected = theirs_or_error(lambda: lists(theirs.pad(inputs(), verbose=False, **options)))
    mine = ours_or_error(lambda: lists(ours.pad(inputs(), **options)))
    assert mine == expected


@pytest.mark.parametrize("form", ["rows", "columns", "one"])
def test_max_length_padding_defaults_to_the_tokenizer_length(form: str) -> None:
    ours, theirs = tokenizers(model_max_length=21)
    columns = {name: [list(row) for row in column] for name, column in ours(TEXTS).items()}
    inputs: Any = columns
    if form != "columns":
        inputs = [{name: column[row] for name, column in columns.items()} for row in range(len(TEXTS))]
    if form == "one":
        inputs = inputs[0]
    for options in ({}, {"pad_to_multiple_of": 8}, {"padding_side": "left"}):
        padded = lists(ours.pad(inputs, padding="max_length", **options))
        # transformers modifies the rows that it is given.
        assert padded == lists(theirs.pad(copy.deepcopy(inputs), padding="max_length", **options))
        row = padded["input_ids"] if form == "one" else padded["input_ids"][0]
        assert len(row) == (24 if "pad_to_multiple_of" in options else 21)


@pytest.mark.parametrize("kind", ["np", "pt"])
def test_padded_encodings_become_arrays(kind: str) -> None:
    ours, theirs = tokenizers()
    for inputs in (ours(TEXTS), [ours(text) for text in TEXTS], {"input_ids": ours(TEXTS)["input_ids"]}):
        mine = ours.pad(inputs, return_tensors=kind)
        expected = theirs.pad(inputs, return_tensors=kind)
        assert isinstance(mine, oxbert.BatchEncoding)
        assert lists(mine) == lists(expected)
        assert {str(column.dtype) for column in mine.values()} == {str(column.dtype) for column in expected.values()}
        assert all(type(column) is type(expected[name]) for name, column in mine.items())


def test_given_arrays_are_padded() -> None:
    ours, theirs = tokenizers()
    rows = [{name: torch.tensor(row) for name, row in ours(text).items()} for text in TEXTS]
    assert lists(ours.pad(rows, return_tensors="pt")) == lists(theirs.pad(rows, return_tensors="pt"))
    arrays = [{name: np.array(row) for name, row in ours(text).items()} for text in TEXTS]
    assert lists(ours.pad(arrays, return_tensors="np")) == lists(theirs.pad(arrays, return_tensors="np"))


def test_padding_uses_the_side_of_the_tokenizer() -> None:
    ours, theirs = tokenizers(padding_side="left")
    assert ours.padding_side == "left"
    assert lists(ours.pad(ours(TEXTS))) == lists(theirs.pad(theirs(TEXTS))) == lists(ours(TEXTS, padding=True))


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("multiple", [None, 8])
def test_collators_of_transformers_work(side: str, multiple: int | None) -> None:
    ours, theirs = tokenizers(padding_side=side)
    for family in (ours, tokenizers("DistilBert", padding_side=side)[0]):
        rows = [dict(family(text)) | {"label": number} for number, text in enumerate(TEXTS)]
        batches = [
            transformers.DataCollatorWithPadding(tokenizer, pad_to_multiple_of=multiple)([dict(row) for row in rows])
            for tokenizer in (family, theirs)
        ]
        assert lists(batches[0]) == lists(batches[1])
        assert batches[0]["labels"].tolist() == [0, 1, 2]
        assert all(isinstance(column, torch.Tensor) for column in batches[0].values())
    rows = [dict(ours(text)) | {"labels": [7] * len(ours(text)["input_ids"])} for text in TEXTS]
    batches = [
        transformers.DataCollatorForTokenClassification(tokenizer)([dict(row) for row in rows])
        for tokenizer in (ours, theirs)
    ]
    assert lists(batches[0]) == lists(batches[1])


def test_the_masked_lm_collator_of_transformers_works() -> None:
    ours, theirs = tokenizers()
    rows = [dict(ours(text, return_special_tokens_mask=True)) for text in TEXTS]
    batches = []
    for tokenizer in (ours, theirs):
        collator = transformers.DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.5, seed=3)
        batches.append(lists(collator([dict(row) for row in rows])))
    assert batches[0] == batches[1]


def test_the_first_row_determines_the_columns() -> None:
    ours, theirs = tokenizers()
    rows: list[dict[str, Any]] = [dict(ours(text)) for text in TEXTS]
    rows[-1]["label"] = 3
    assert lists(ours.pad(rows)) == lists(theirs.pad(copy.deepcopy(rows)))
    with pytest.raises(InputError, match="expected the column label of the first row in every row"):
        ours.pad(rows[::-1])
    columns = {"input_ids": [[5], [6, 7]], "attention_mask": [[1]]}
    with pytest.raises(InputError, match="expected 2 rows of attention_mask, as of input_ids, got 1"):
        ours.pad(columns)


def test_inputs_that_cannot_be_padded_are_refused() -> None:
    ours, theirs = tokenizers()
    for inputs in ({"attention_mask": [[1]]}, [{"attention_mask": [1]}]):
        assert isinstance(theirs_or_error(lambda inputs=inputs: theirs.pad(inputs)), ValueError)
        with pytest.raises(InputError, match="input_ids") as caught:
            ours.pad(inputs)
        assert caught.value.what == "encoded_inputs"
    with pytest.raises(InputError, match="max_length"):
        ours.pad(ours(TEXTS), padding="max_length")
    with pytest.raises(InputError, match="longest"):
        ours.pad(ours(TEXTS), padding="wide")
    with pytest.raises(InputError, match="return_tensors"):
        ours.pad(ours(TEXTS), return_tensors="jax")
    with pytest.raises(InputError, match="different lengths"):
        ours.pad(ours(TEXTS), padding=False, return_tensors="np")


@pytest.mark.parametrize(
    ("what", "options"),
    [
        ("pad_to_multiple_of", {"pad_to_multiple_of": 0}),
        ("pad_to_multiple_of", {"pad_to_multiple_of": -8}),
        ("max_length", {"padding": "max_length", "max_length": -1}),
        ("max_length", {"padding": "max_length", "max_length": 1 << 40}),
        ("padding", {"padding": "max_length"}),
        ("padding", {"padding": "wide"}),
        ("padding_side", {"padding_side": "up"}),
    ],
)
def test_a_call_and_pad_refuse_the_same(what: str, options: dict[str, Any]) -> None:
    tokenizer, _ = tokenizers()
    rows = tokenizer(TEXTS)
    messages = []
    for run in (lambda: tokenizer(TEXTS, **{"padding": True, **options}), lambda: tokenizer.pad(rows, **options)):
        with pytest.raises(InputError) as caught:
            run()
        assert caught.value.what == what
        messages.append(str(caught.value))
    assert messages[0] == messages[1]
