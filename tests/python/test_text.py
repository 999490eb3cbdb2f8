"""Compare the tokenizer with transformers' fast tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

import oxbert
from oxbert.errors import (
    ConfigError,
    DtypeError,
    IdRangeError,
    InputError,
    MissingFileError,
    TokenizerError,
)

from .text_reference import CHARACTERS, SPECIAL, compare

VOCABULARY = Path(__file__).parents[1] / "data" / "tokenizer_vocab.txt"
OURS = oxbert.ElectraTokenizer(VOCABULARY)
THEIRS = transformers.BertTokenizerFast(vocab=str(VOCABULARY))
WORDS = [line for line in VOCABULARY.read_text("utf-8").splitlines() if line]


@examples(max_examples=150)
@given(
    st.lists(
        st.lists(CHARACTERS | st.sampled_from([*WORDS, *SPECIAL, " "]), max_size=14).map("".join),
        min_size=1,
        max_size=3,
    )
)
@example(["[MASK][mask] [ MASK ]", "e\u0301" * 101, "\u0130" * 51])
def test_texts_match_transformers_with_the_vocabulary_of_a_model(texts: list[str]) -> None:
    compare(OURS, THEIRS, texts, padding=True)


@examples(max_examples=200)
@given(st.lists(st.integers(0, len(WORDS) - 1), max_size=20), st.booleans(), st.booleans())
def test_decoding_matches_transformers(ids: list[int], skip: bool, clean: bool) -> None:
    expected = THEIRS.decode(ids, skip_special_tokens=skip, clean_up_tokenization_spaces=clean)
    assert OURS.decode(ids, skip_special_tokens=skip, clean_up_tokenization_spaces=clean) == expected
    assert OURS.convert_ids_to_tokens(ids) == THEIRS.convert_ids_to_tokens(ids)
    assert OURS.convert_tokens_to_ids(OURS.convert_ids_to_tokens(ids)) == ids


def test_offsets_cover_accents_and_wide_characters() -> None:
    text = "Cafe\u0301 \U0001f600 \u00c9t [MASK]"
    row = OURS(text, return_offsets_mapping=True)
    assert text[slice(*row["offset_mapping"][1])].startswith("Caf")
    start, end = row["offset_mapping"][row["input_ids"].index(OURS.mask_token_id)]
    assert text[start:end] == "[MASK]"


def test_one_text_gives_a_list_and_several_give_rows() -> None:
    one = OURS("the word")
    ids = [OURS.cls_token_id, *OURS.convert_tokens_to_ids(["the", "word"]), OURS.sep_token_id]
    assert one == {"input_ids": ids, "token_type_ids": [0] * 4, "attention_mask": [1] * 4}
    assert OURS(["the word"]) == {name: [row] for name, row in one.items()}
    assert OURS("the", "word")["token_type_ids"] == [0, 0, 0, 1, 1]
    assert OURS("")["input_ids"] == [OURS.cls_token_id, OURS.sep_token_id]
    assert OURS("the", add_special_tokens=False)["input_ids"] == OURS.convert_tokens_to_ids(["the"])
    assert OURS([]) == {"input_ids": [], "token_type_ids": [], "attention_mask": []}
    assert OURS.encode("the", "word") == OURS("the", "word")["input_ids"]


def test_return_tensors_gives_arrays_or_tensors() -> None:
    texts = ["the word", "the word of the people"]
    lists = OURS(texts, padding=True)
    for library, kind in [("np", np.ndarray), ("pt", torch.Tensor)]:
        rows = OURS(texts, padding=True, return_tensors=library)
        for name, row in rows.items():
            assert type(row) is kind and row.shape == (2, 7) and str(row.dtype).endswith("int64")
            assert row.tolist() == lists[name]
        one = OURS.encode("the", return_tensors=library)
        assert type(one) is kind and one.shape == (1, 3)
        assert OURS.decode(one[0]) == "[CLS] the [SEP]"
        assert OURS.batch_decode(rows["input_ids"], skip_special_tokens=True) == texts
    assert OURS(texts, padding="max_length", max_length=9, return_tensors="np")["input_ids"].shape == (2, 9)


def test_attributes_match_transformers() -> None:
    assert OURS.vocab_size == len(OURS) == len(THEIRS) == THEIRS.vocab_size
    for token in ["pad", "unk", "cls", "sep", "mask"]:
        assert getattr(OURS, f"{token}_token_id") == getattr(THEIRS, f"{token}_token_id")
    assert OURS.model_max_length is None
    assert "ElectraTokenizer(vocab_size=" in repr(OURS)
    assert oxbert.ElectraTokenizer is oxbert.ElectraTokenizerFast
    assert OURS.convert_tokens_to_ids(["the", "no such token"]) == [5, OURS.unk_token_id]


def test_folders_saved_by_transformers_load(tmp_path: Path) -> None:
    reference = transformers.BertTokenizerFast(vocab=str(VOCABULARY), do_lower_case=False, model_max_length=6)
    reference.save_pretrained(tmp_path)
    tokenizer = oxbert.ElectraTokenizer.from_pretrained(tmp_path)
    assert tokenizer.model_max_length == 6
    text = "The word of the people of the world, P\u00e9ople"
    assert tokenizer(text)["input_ids"] == reference(text)["input_ids"]
    assert tokenizer(text, truncation=True)["input_ids"] == reference(text, truncation=True)["input_ids"]
    assert len(tokenizer(text, truncation=True)["input_ids"]) == 6


# Errors.


@pytest.mark.parametrize(
    ("what", "text", "options", "reason"),
    [
        ("padding", "a", {"padding": "wide"}, "longest"),
        ("padding", "a", {"padding": "max_length"}, "max_length"),
        ("truncation", "a", {"truncation": "short"}, "only_first"),
        ("max_length", "a", {"truncation": True, "max_length": 1}, "special tokens"),
        ("return_tensors", "a", {"return_tensors": "jax"}, "np"),
        ("return_tensors", ["a", "a b"], {"return_tensors": "np"}, "padding=True"),
        ("text_pair", ["a", "b"], {"text_pair": ["c"]}, "expected 2"),
    ],
)
def test_bad_options_are_refused(what: str, text: Any, options: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        OURS(text, **options)
    assert caught.value.what == what


def test_impossible_truncation_is_refused() -> None:
    with pytest.raises(TokenizerError) as caught:
        OURS("the word of the people", "the word", truncation="only_second", max_length=6)
    assert isinstance(caught.value, ValueError)
    assert caught.value.reason in str(caught.value)


@pytest.mark.parametrize("use", [OURS, OURS.encode, OURS.tokenize, lambda text: OURS([text])])
def test_surrogates_are_refused(use: Any) -> None:
    with pytest.raises(InputError, match="surrogates"):
        use("a\ud800b")


def test_bad_ids_are_refused() -> None:
    for ids in ["text", [1.5], [None], [2**70], [[[1]]], [[1], 2.5], np.array([[[1]]])]:
        with pytest.raises(DtypeError) as caught:
            OURS.decode(ids)
        assert caught.value.what == "token_ids" and "integers" in caught.value.expected
    with pytest.raises(DtypeError):
        OURS.convert_ids_to_tokens([[1]])
    for ids, bad in [([1, len(OURS)], len(OURS)), ([0, -1], -1)]:
        for use in [OURS.decode, OURS.convert_ids_to_tokens]:
            with pytest.raises(IdRangeError) as refused:
                use(ids)
            assert (refused.value.value, refused.value.position, refused.value.limit) == (bad, [1], len(OURS))


def test_bad_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"vocab\.txt") as caught:
        oxbert.ElectraTokenizer.from_pretrained(tmp_path)
    assert caught.value.found == []
    with pytest.raises(MissingFileError):
        oxbert.ElectraTokenizer(tmp_path / "vocab.txt")
    (tmp_path / "vocab.txt").write_bytes(VOCABULARY.read_bytes())
    (tmp_path / "tokenizer_config.json").write_text('{"mask_token": "<mask>"}')
    with pytest.raises(ConfigError, match="<mask>") as refused:
        oxbert.ElectraTokenizer.from_pretrained(tmp_path)
    assert refused.value.field == "mask_token"
    (tmp_path / "tokenizer_config.json").write_text("{")
    with pytest.raises(ConfigError, match="JSON"):
        oxbert.ElectraTokenizer.from_pretrained(tmp_path)


def test_max_length_alone_truncates_like_transformers() -> None:
    for options in [
        {"max_length": 4},
        {"max_length": 4, "truncation": False},
        {"max_length": 9, "padding": "max_length"},
    ]:
        text = "the word of the people and the word"
        assert OURS(text, **options)["input_ids"] == THEIRS(text, **options)["input_ids"]


def test_huge_lengths_are_refused() -> None:
    with pytest.raises(InputError, match="at most 1048576") as caught:
        OURS("a", padding="max_length", max_length=10**12)
    assert caught.value.what == "max_length"


@pytest.mark.parametrize("options", [{"truncation": 3}, {"padding": 1.5}])
def test_options_of_other_types_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(DtypeError, match="a bool or a str"):
        OURS("a", **options)
