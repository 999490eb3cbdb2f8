"""Compare the calls and return values of a tokenizer with transformers."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch
import transformers

import oxbert
from oxbert.errors import DtypeError, IdRangeError, InputError, TokenizerError

from .text_reference import WORDS, compare, fresh, theirs_or_error, tokenizers

ROWS = ["the word", "a", "\u4e2d\u6587 caf\xe9s"]


@pytest.mark.parametrize("family", ["Electra", "DistilBert"])
@pytest.mark.parametrize(
    ("text", "pair", "words"),
    [
        ("the word", None, False),
        ("the word", "a", False),
        (["the word"], None, False),
        (("the word", "a"), None, False),
        (["the", "word"], ["a", ""], False),
        (["the", "word"], ("a", "b"), False),
        ([("the", "word"), ("a", "b")], None, False),
        ([["the", "word"], ["a", "b"]], None, False),
        ([("the", "word"), "a"], None, False),
        ([""], None, False),
        ("", None, False),
        (["the", "word"], None, True),
        (("the", "word"), None, True),
        (["the", "word"], ["a"], True),
        ([["the", "word"], ["a"]], None, True),
        ([["the", "word"], []], None, True),
        ([[], ["a"]], None, True),
        ([[]], None, True),
        ([["the", "word"], ["a"]], [["b"], []], True),
        ([(["the", "word"], ["a"]), (["a"], ["b", "a"])], None, True),
        ([["", " "], ["[SEP]", "caf\xe9 the"]], None, True),
    ],
)
def test_every_form_of_text_matches_transformers(text: Any, pair: Any, words: bool, family: str) -> None:
    ours, theirs = tokenizers(family)
    assert dict(ours(text, pair, is_split_into_words=words)) == dict(theirs(text, pair, is_split_into_words=words))
    compare(ours, theirs, text, pair, is_split_into_words=words)
    assert ours(text=text, text_pair=pair, is_split_into_words=words) == ours(text, pair, is_split_into_words=words)
    assert list(ours(text, pair, is_split_into_words=words)) == ours.model_input_names


@pytest.mark.parametrize(
    ("text", "pair", "words"),
    [
        (None, None, False),
        (5, None, False),
        (b"the", None, False),
        ({"the": 1}, None, False),
        (["a", 5], None, False),
        (["a", None], None, False),
        (["a", "b"], "a", False),
        (["a", "b"], ["a"], False),
        ("a", ["a"], False),
        ("a", 5, False),
        ([["a", "b", "c"]], None, False),
        (np.array(["a", "b"]), None, False),
        ("the", None, True),
        (["a", 5], None, True),
        ([["a"], 5], None, True),
        (["a"], "b", True),
    ],
)
def test_inputs_that_are_not_texts_are_refused(text: Any, pair: Any, words: bool) -> None:
    ours, theirs = tokenizers()
    assert isinstance(theirs_or_error(lambda: theirs(text, pair, is_split_into_words=words)), Exception)
    with pytest.raises((DtypeError, InputError)) as caught:
        ours(text, pair, is_split_into_words=words)
    assert caught.value.what in ("text", "text_pair")


def test_an_empty_list_gives_no_rows() -> None:
    ours, theirs = tokenizers()
    assert isinstance(theirs_or_error(lambda: theirs([])), IndexError)
    assert dict(ours([])) == dict(ours([], [])) == {"input_ids": [], "token_type_ids": [], "attention_mask": []}


@pytest.mark.parametrize("kind", ["np", "pt"])
@pytest.mark.parametrize("text", ["the word", ROWS, [("the", "a"), ("word", "word word")]])
def test_arrays_match_transformers(text: Any, kind: str) -> None:
    ours, theirs = tokenizers()
    options = {
        "return_offsets_mapping": True,
        "return_special_tokens_mask": True,
        "return_length": True,
        "return_overflowing_tokens": True,
        "padding": "max_length",
        "truncation": True,
        "max_length": 5,
        "return_tensors": kind,
    }
    mine, expected = ours(text, **options), theirs(text, **options)
    assert list(mine) == list(expected)
    for name, column in expected.items():
        assert type(mine[name]) is type(column) and mine[name].dtype == column.dtype
        assert mine[name].tolist() == column.tolist()
    single = ours.encode("the word", return_tensors=kind)
    assert single.tolist() == theirs.encode("the word", return_tensors=kind).tolist()
    assert ours.decode(single[0]) == "[CLS] the word [SEP]"


def test_arrays_of_missing_or_unknown_libraries_are_refused() -> None:
    ours, _ = tokenizers()
    try:
        import tensorflow
    except ImportError:
        with pytest.raises(ImportError):
            ours("the", return_tensors="tf")
    else:
        assert isinstance(ours("the", return_tensors="tf")["input_ids"], tensorflow.Tensor)
    for name in ("jax", "numpy", "", "PT"):
        with pytest.raises(InputError) as caught:
            ours("the", return_tensors=name)
        assert caught.value.what == "return_tensors"


def test_ragged_arrays_are_refused() -> None:
    """Check ragged rows, for which transformers raises an error or returns lists that no model takes."""
    ours, _ = tokenizers()
    for kind in ("np", "pt"):
        with pytest.raises(InputError, match="padding=True"):
            ours(ROWS, return_tensors=kind)
        with pytest.raises(InputError, match="padding=True"):
            ours(ROWS).convert_to_tensors(kind)


@pytest.mark.parametrize("family", ["Electra", "DistilBert"])
def test_models_take_encodings(family: str) -> None:
    ours, _ = tokenizers(family)
    if family == "Electra":
        config: Any = oxbert.ElectraConfig(
            vocab_size=len(ours),
            embedding_size=8,
            hidden_size=12,
            num_hidden_layers=1,
            num_attention_heads=3,
            intermediate_size=16,
        )
        model: Any = oxbert.ElectraForTokenClassification(config, seed=0).eval()
    else:
        config = oxbert.DistilBertConfig(vocab_size=len(ours), dim=12, n_layers=1, n_heads=3, hidden_dim=16)
        model = oxbert.DistilBertForTokenClassification(config, seed=0).eval()
    alone = [np.asarray(model(**ours([text])).logits)[0] for text in ROWS]
    forms = [
        ours(ROWS),
        ours(ROWS, padding=True),
        ours(ROWS, padding=True, return_tensors="np"),
        ours(ROWS, padding="max_length", max_length=12, return_tensors="pt"),
        ours(ROWS, padding=True, padding_side="left"),
        ours.pad(ours(ROWS), return_tensors="np"),
    ]
    for encoding in forms:
        logits = np.asarray(torch.as_tensor(model(**encoding).logits).detach())
        for row, expected in enumerate(alone):
            first = list(encoding["attention_mask"][row]).index(1)
            # Positions count from the start of a row, so padding on the left changes the outputs.
            if first == 0:
                np.testing.assert_allclose(logits[row][: len(expected)], expected, atol=1e-5)
            else:
                assert logits[row][first:].any() and not logits[row][:first].any()
    pair = ours([("the word", "a")])
    assert np.asarray(model(**pair).logits).shape[:2] == (1, len(pair["input_ids"][0]))


def test_encode_and_tokenize_match_transformers() -> None:
    ours, theirs = tokenizers()
    for options in (
        {},
        {"add_special_tokens": False},
        {"truncation": True, "max_length": 4},
        {"padding": "max_length", "max_length": 9},
    ):
        for arguments in (("the word unaffable",), ("the word", "a word"), (["the", "word"],)):
            assert ours.encode(*arguments, **options) == theirs.encode(*arguments, **options)
    for text in ("the Caf\xe9s", "", "[MASK] a", "x" * 101):
        assert ours.tokenize(text) == theirs.tokenize(text)
        assert ours.tokenize(text, pair="a", add_special_tokens=True) == theirs.tokenize(
            text, pair="a", add_special_tokens=True
        )


def test_decode_and_convert_match_transformers() -> None:
    ours, theirs = tokenizers()
    everything = list(range(len(WORDS)))
    for skip in (False, True):
        assert ours.decode(everything, skip_special_tokens=skip) == theirs.decode(everything, skip_special_tokens=skip)
        mine = ours.convert_ids_to_tokens(everything, skip_special_tokens=skip)
        assert mine == theirs.convert_ids_to_tokens(everything, skip_special_tokens=skip)
        rows = [[5, 248, 6], [], [7]]
        assert ours.batch_decode(rows, skip_special_tokens=skip) == theirs.batch_decode(rows, skip_special_tokens=skip)
    for ids in (5, [5], (5, 6), np.int64(5), np.array([5, 6], np.int32), torch.tensor([5, 6]), []):
        assert ours.decode(ids) == theirs.decode(ids)
    assert ours.batch_decode(torch.tensor([[5, 6], [7, 248]])) == theirs.batch_decode(torch.tensor([[5, 6], [7, 248]]))
    assert ours.convert_ids_to_tokens(7) == theirs.convert_ids_to_tokens(7) == "[MASK]"
    for tokens in ("the", "no such token", ["the", "##s", "no"], ("the",), []):
        assert ours.convert_tokens_to_ids(tokens) == theirs.convert_tokens_to_ids(tokens)
    for tokens in (["the", "##s", ".", "don", "'", "t"], ["##s"], [], ["do not", "[SEP]", "!"]):
        assert ours.convert_tokens_to_string(tokens) == theirs.convert_tokens_to_string(tokens)
    assert ours.get_vocab() == ours.vocab == theirs.get_vocab()


def test_unknown_ids_are_refused() -> None:
    """Check unknown ids, which transformers skips or returns as None."""
    ours, theirs = tokenizers()
    assert (theirs.decode([999999]), theirs.convert_ids_to_tokens([999999])) == ("", [None])
    for ids in ([999999], [-1], [5, len(WORDS)]):
        for use in (ours.decode, ours.convert_ids_to_tokens, lambda row: ours.batch_decode([row])):
            with pytest.raises(IdRangeError):
                use(ids)


@pytest.mark.parametrize(
    ("name", "ids"), [("decode", [[5, 6], [7]]), ("decode", torch.tensor([[5, 6]])), ("batch_decode", [5, 6])]
)
def test_decoding_takes_one_row_or_several(name: str, ids: Any) -> None:
    ours, theirs = tokenizers()
    expected = getattr(theirs, name)(ids)
    assert getattr(ours, name)(ids) == expected


def test_special_tokens_methods_agree_with_a_call() -> None:
    """Compare these methods, which transformers 5 has removed, with a call."""
    ours, _ = tokenizers()
    one, two = (ours.encode(text, add_special_tokens=False) for text in ("the word", "a word unaffable"))
    for ids, arguments in (
        ((one,), ("the word",)),
        ((one, two), ("the word", "a word unaffable")),
        (([],), ("",)),
        (([], []), ("", "")),
    ):
        row = ours(*arguments, return_special_tokens_mask=True)
        assert ours.build_inputs_with_special_tokens(*ids) == row["input_ids"]
        assert ours.create_token_type_ids_from_sequences(*ids) == row["token_type_ids"]
        assert ours.get_special_tokens_mask(*ids) == row["special_tokens_mask"]
        assert ours.num_special_tokens_to_add(pair=len(ids) == 2) == sum(row["special_tokens_mask"])
    ids = [5, 248, 6, 1, 0, 7]
    theirs = tokenizers()[1]
    for tokenizer in (ours, theirs):
        assert tokenizer.get_special_tokens_mask(ids, already_has_special_tokens=True) == [1, 0, 1, 1, 1, 1]


def test_attributes_match_transformers() -> None:
    for family in ("Electra", "DistilBert"):
        ours, theirs = tokenizers(family)
        for name in (
            *(
                "vocab_size is_fast padding_side truncation_side do_lower_case pad_token_type_id model_input_names special_tokens_map"
            ).split(),
            *(f"{token}_token{suffix}" for token in ("pad", "unk", "cls", "sep", "mask") for suffix in ("", "_id")),
        ):
            assert getattr(ours, name) == getattr(theirs, name), name
        assert sorted(ours.all_special_tokens) == sorted(theirs.all_special_tokens)
        assert sorted(ours.all_special_ids) == sorted(theirs.all_special_ids)
        assert ours.num_special_tokens_to_add() == theirs.num_special_tokens_to_add() == 2
        # transformers has 1e30.
        assert ours.model_max_length is None and theirs.model_max_length > 1e29
        assert bool(ours) and len(ours) == len(theirs)


def test_changed_settings_match_transformers() -> None:
    ours, theirs = fresh()
    for name, value in (("padding_side", "left"), ("truncation_side", "left"), ("model_max_length", 6)):
        for tokenizer in (ours, theirs):
            setattr(tokenizer, name, value)
        assert getattr(ours, name) == value
        compare(
            ours, theirs, ["the word unaffable the", "a"], padding=True, truncation=ours.model_max_length is not None
        )
    compare(ours, theirs, ["the word unaffable the"], padding="max_length", truncation=True)
    compare(ours, theirs, ["the word unaffable the"], padding=True, padding_side="right")
    ours.model_max_length = None
    assert len(ours("the word unaffable the", truncation=True)["input_ids"]) > 6
    for name in ("padding_side", "truncation_side"):
        with pytest.raises(InputError, match="left") as caught:
            setattr(ours, name, "middle")
        assert caught.value.what == name and getattr(ours, name) == "left"
    for name in ("vocab_size", "is_fast"):
        with pytest.raises(AttributeError):
            setattr(ours, name, 1)


def test_encodings_behave_like_those_of_transformers() -> None:
    ours, theirs = tokenizers()
    mine, expected = ours(ROWS), theirs(ROWS)
    assert list(mine) == list(expected) and dict(**mine) == dict(**expected) and len(mine) == 3
    assert mine.input_ids == mine["input_ids"] and "input_ids" in mine and mine.get("nothing") is None
    assert (mine.is_fast, mine.n_sequences) == (expected.is_fast, expected.n_sequences) == (True, 1)
    assert ours("a", "b").n_sequences == 2
    for row in (0, 2, -1):
        for name in (
            "ids",
            "type_ids",
            "tokens",
            "offsets",
            "attention_mask",
            "special_tokens_mask",
            "word_ids",
            "sequence_ids",
        ):
            assert getattr(mine[row], name) == getattr(expected[row], name)
        assert (len(mine[row]), mine[row].n_sequences) == (len(expected[row]), 1)
        assert mine.tokens(row) == expected.tokens(row)
    for missing in (3, -4):
        with pytest.raises(IndexError):
            mine[missing]
    with pytest.raises(AttributeError):
        _ = mine.nothing
    with pytest.raises(KeyError):
        mine["nothing"]
    # transformers returns rows here, and columns only if there are no rows.
    assert mine[1:] == {name: column[1:] for name, column in expected.items()}
    assert mine.to("cpu") is mine
    moved = ours(ROWS, padding=True, return_tensors="pt").to("cpu")
    assert all(column.device.type == "cpu" for column in moved.values())
    made = ours("the").convert_to_tensors("pt", prepend_batch_axis=True)
    assert {tuple(column.shape) for column in made.values()} == {(1, 3)}
    for value in (1, "yes", np.True_, torch.tensor(1)):
        made = ours("the").convert_to_tensors("np", prepend_batch_axis=value)
        assert {column.shape for column in made.values()} == {(1, 3)}
    for value in (np.ones(2), torch.ones(1, 3)):
        with pytest.raises(DtypeError, match=r"^prepend_batch_axis: expected True or False"):
            ours("the").convert_to_tensors("np", prepend_batch_axis=value)
    for data in (torch.ones(1, 1).expand(1, 10**12), [("a", 1)], 3):
        with pytest.raises(DtypeError, match=r"^data: expected names and columns"):
            oxbert.BatchEncoding(data)  # type: ignore[arg-type]
    by_hand = oxbert.BatchEncoding({"input_ids": [1]})
    assert not by_hand.is_fast and by_hand.encodings is None and by_hand.n_sequences is None
    with pytest.raises(InputError, match="text"):
        by_hand.tokens()
    assert copy.copy(mine).tokens() == mine.tokens()
    assert dict(pickle.loads(pickle.dumps(mine))) == dict(mine) == dict(copy.deepcopy(mine))


@pytest.mark.parametrize("way", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))], ids=["deepcopy", "pickle"])
def test_copied_encodings_keep_words_and_tokens(way: Any) -> None:
    ours, theirs = tokenizers()
    assert way(theirs(ROWS)).word_ids(2) == theirs(ROWS).word_ids(2)
    mine = way(ours(ROWS, padding=True))
    assert mine.word_ids(2) == theirs(ROWS, padding=True).word_ids(2)
    for row, tokens in enumerate(mine["input_ids"]):
        assert mine.tokens(row) == ours.convert_ids_to_tokens(tokens)
    assert len(way(ours([])).encodings) == 0


def test_damaged_states_of_encodings_are_refused() -> None:
    make, (state,) = tokenizers()[0](ROWS).encodings.__reduce__()
    for bad in (b"{", state[:-1], state.replace(b'"kept":{"start":0', b'"kept":{"start":99')):
        with pytest.raises(TokenizerError, match="do not hold encoded rows"):
            make(bad)


@pytest.mark.parametrize(
    "options", [{"verbose": False}, {"split_special_tokens": True}, {"text_target": "a"}, {"max_len": 5}]
)
def test_unsupported_arguments_are_refused(options: dict[str, Any]) -> None:
    """Check arguments that transformers accepts and partly ignores, even if they are misspelt."""
    ours, theirs = tokenizers()
    assert theirs("the", **options)["input_ids"]
    with pytest.raises(TypeError, match=next(iter(options))):
        ours("the", **options)
    with pytest.raises(TypeError, match="positional"):
        ours("the", None, None, None, False)


def test_enumerations_of_transformers_are_accepted() -> None:
    ours, theirs = tokenizers()
    from transformers.tokenization_utils_base import TruncationStrategy
    from transformers.utils import PaddingStrategy

    for options in (
        {"padding": PaddingStrategy.LONGEST},
        {"padding": PaddingStrategy.MAX_LENGTH, "max_length": 9},
        {"truncation": TruncationStrategy.LONGEST_FIRST, "max_length": 3},
        {"return_tensors": transformers.TensorType.NUMPY, "padding": True},
    ):
        mine, expected = (tokenizer(ROWS, **options) for tokenizer in (ours, theirs))
        assert {name: np.asarray(column, object).tolist() for name, column in mine.items()} == {
            name: np.asarray(column, object).tolist() for name, column in expected.items()
        }
