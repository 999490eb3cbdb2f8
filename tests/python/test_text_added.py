"""Compare added tokens with every flag with transformers."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import tokenizers
import transformers
from hypothesis import assume, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

import oxbert
from oxbert.errors import DtypeError, InputError

from .text_reference import CHARACTERS, CLUSTERS, SETTINGS, WORDS, compare, fresh

FLAGS = ["single_word", "lstrip", "rstrip", "normalized", "special"]
# Inside and outside the vocabulary; with spaces, accents and capitals; parts of one another.
CONTENTS = (
    "<x>|word|the|  the|World|Caf\xe9|##x|\u4e2d|[MASK]|newtok| sp |a b|\u1f60|\U0001f600|e\u0301|\u0130|[NEW]|new|newer|\t|-|unaffable"
).split("|")
TOKEN = st.tuples(st.sampled_from(CONTENTS), *[st.booleans()] * len(FLAGS))
TEXT = st.lists(CHARACTERS | CLUSTERS | st.sampled_from([*CONTENTS, " ", " ", "_"]), max_size=12).map("".join)
Group = tuple[list[tuple[Any, ...]], bool]


def flags(token: Any) -> tuple[Any, ...]:
    return (token.content, *(getattr(token, name) for name in FLAGS))


def add(groups: list[Group], **settings: Any) -> tuple[Any, Any]:
    """Add tokens to oxbert's and transformers' tokenizers, check that both report the same, and return them."""
    ours, theirs = fresh(**settings)
    for group, special in groups:
        mine = [oxbert.AddedToken(content, **dict(zip(FLAGS, values, strict=True))) for content, *values in group]
        expected = [
            transformers.AddedToken(content, **dict(zip(FLAGS, values, strict=True))) for content, *values in group
        ]
        assert ours.add_tokens(mine, special_tokens=special) == theirs.add_tokens(expected, special_tokens=special)
    assert len(ours) == len(theirs) and ours.vocab_size == theirs.vocab_size
    known = {id: flags(token) for id, token in theirs.added_tokens_decoder.items()}
    assert {id: flags(token) for id, token in ours.added_tokens_decoder.items()} == known
    assert ours.get_added_vocab() == theirs.get_added_vocab()
    tokens = list(theirs.get_vocab())
    assert ours.convert_tokens_to_ids(tokens) == theirs.convert_tokens_to_ids(tokens)
    return ours, theirs


@pytest.mark.slow
@examples(max_examples=250)
@given(
    st.lists(st.tuples(st.lists(TOKEN, min_size=1, max_size=4), st.booleans()), min_size=1, max_size=2),
    st.lists(TEXT, min_size=1, max_size=4),
    SETTINGS,
)
@example(
    [([("new", False, True, True, False, False), ("newer", True, False, False, True, True)], False)],
    ["a new \n newer, newest New"],
    {},
)
@example(
    [([("\t", False, True, True, True, False), (" sp ", False, True, False, True, True)], True)],
    ["a \t\t sp  sp b"],
    {},
)
def test_texts_with_added_tokens_match(groups: list[Group], texts: list[str], settings: dict[str, Any]) -> None:
    contents = [token[0] for group, _ in groups for token in group]
    assume(len(contents) == len(set(contents)))
    ours, theirs = add(groups, **settings)
    compare(ours, theirs, texts)
    compare(ours, theirs, texts, texts[::-1], truncation=True, max_length=9, stride=1, return_overflowing_tokens=True)
    ids = [row for row in theirs(texts)["input_ids"] if row]
    assert ours.batch_decode(ids) == theirs.batch_decode(ids)
    assert [ours.convert_ids_to_tokens(row) for row in ids] == [theirs.convert_ids_to_tokens(row) for row in ids]


@examples(max_examples=60)
@given(
    st.lists(st.lists(TOKEN, min_size=1, max_size=3), min_size=2, max_size=4), st.lists(TEXT, min_size=1, max_size=3)
)
def test_tokens_added_again_with_other_flags_match(groups: list[list[tuple[Any, ...]]], texts: list[str]) -> None:
    ours, theirs = add([(group, False) for group in groups])
    compare(ours, theirs, texts)


def test_counts_and_ids_of_added_tokens_match_transformers() -> None:
    ours, theirs = fresh()
    size = len(WORDS)
    for tokens in ("<a>", ["<a>"], ["<a>", "<b>", "<b>"], ["the"], [""], [], ["The"], ("<t>",)):
        tokens_of_theirs = list(tokens) if isinstance(tokens, tuple) else tokens
        assert ours.add_tokens(tokens) == theirs.add_tokens(tokens_of_theirs), tokens
        assert len(ours) == len(theirs)
    assert ours.convert_tokens_to_ids(["<a>", "<b>", "The", "<t>"]) == [size, size + 1, size + 2, size + 3]
    assert ours.vocab_size == size and len(ours) == size + 4
    assert ours.decode([size, 248, size + 1]) == theirs.decode([size, 248, size + 1]) == "<a> the <b>"
    # Two tokens match "the", and transformers may take either.
    compare(ours, theirs, ["<a>word<b> <A>", "word"])


def test_the_first_of_equally_normalised_tokens_matches() -> None:
    """Check a case in which transformers' choice differs from process to process."""
    ours, theirs = fresh()
    size = len(WORDS)
    for tokenizer in (ours, theirs):
        tokenizer.add_tokens(["<A>", "<a>"])
    assert ours("<a> <A>")["input_ids"] == [5, size, size, 6]
    assert theirs("<a>")["input_ids"][1] in (size, size + 1)


@pytest.mark.parametrize("token", ["The", "[MASK]", "\u4e2d"])
def test_the_vocabulary_with_normalised_tokens_matches_transformers(token: str) -> None:
    ours, theirs = fresh()
    assert ours.add_tokens([token]) == theirs.add_tokens([token])
    assert ours.get_vocab() == ours.vocab == theirs.get_vocab()


def test_the_vocabulary_with_other_tokens_matches_transformers() -> None:
    ours, theirs = fresh()
    for tokenizer in (ours, theirs):
        tokenizer.add_tokens(["<a>", "<b>"], special_tokens=True)
        tokenizer.add_tokens(["<c>"])
    assert ours.get_vocab() == ours.vocab == theirs.get_vocab()
    assert ours.get_added_vocab() == theirs.get_added_vocab()


def test_added_special_tokens_match_transformers() -> None:
    ours, theirs = fresh()
    size = len(WORDS)
    for given_tokens, count in (
        ({"additional_special_tokens": ["<a>", "<b>"]}, 2),
        ({"extra_special_tokens": ["<a>", "<c>"]}, 1),
        ({"cls_token": "[CLS]", "mask_token": "[MASK]"}, 0),
        ({"extra_special_tokens": [transformers.AddedToken("<d>", lstrip=True)]}, 1),
        ({}, 0),
    ):
        assert ours.add_special_tokens(given_tokens) == theirs.add_special_tokens(given_tokens) == count
    ids = [5, size, 248, size + 3, 6]
    assert ours.decode(ids, skip_special_tokens=True) == theirs.decode(ids, skip_special_tokens=True) == "the"
    compare(ours, theirs, ["a <a>  <d><c>b", "<A>"])
    assert ours.additional_special_tokens == ["<a>", "<b>", "<c>", "<d>"]
    assert ours.special_tokens_map["additional_special_tokens"] == ours.additional_special_tokens
    assert ours.all_special_ids == [0, 1, 5, 6, 7, size, size + 1, size + 2, size + 3]


def test_special_tokens_of_add_tokens_are_special_everywhere() -> None:
    """Check special tokens of `add_tokens`, which transformers treats as special only after saving and loading."""
    ours, theirs = fresh()
    for tokenizer in (ours, theirs):
        tokenizer.add_tokens(["<a>"], special_tokens=True)
    size = len(WORDS)
    assert "<a>" not in theirs.all_special_tokens and size in ours.all_special_ids
    assert ours.decode([size, 248], skip_special_tokens=True) == theirs.decode([size, 248], skip_special_tokens=True)
    assert theirs.convert_ids_to_tokens([size, 248], skip_special_tokens=True) == ["<a>", "the"]
    assert ours.convert_ids_to_tokens([size, 248], skip_special_tokens=True) == ["the"]


def test_added_tokens_are_spelled_without_matched_white_space() -> None:
    """Check the spelling of added tokens, to which transformers adds the white space that they matched."""
    ours, theirs = fresh()
    for tokenizer in (ours, theirs):
        tokenizer.add_tokens([transformers.AddedToken("<a>", lstrip=True, rstrip=True)])
    assert ours.tokenize("the  <a> word") == ["the", "<a>", "word"]
    assert theirs.tokenize("the  <a> word") == ["the", "  <a> ", "word"]
    assert theirs("the  <a> word")["input_ids"] == ours("the  <a> word")["input_ids"]


def test_a_token_that_normalises_to_nothing_never_matches() -> None:
    """Check a token that normalises to "", which transformers matches everywhere or panics at."""
    ours, theirs = fresh()
    for tokenizer in (ours, theirs):
        assert tokenizer.add_tokens(["\u0301"]) == 1
    assert ours.tokenize("the word") == ["the", "word"]
    assert theirs.tokenize("the") == ["t", "h", "e"]


def test_added_tokens_have_attributes_and_a_repr() -> None:
    token = oxbert.AddedToken("<x>", lstrip=True)
    assert (str(token), token.content, token.lstrip, token.rstrip, token.single_word) == (
        "<x>",
        "<x>",
        True,
        False,
        False,
    )
    assert token.normalized and not token.special
    assert not oxbert.AddedToken("<x>", special=True).normalized
    assert token == oxbert.AddedToken("<x>", lstrip=True) != oxbert.AddedToken("<x>")
    for kind in (transformers.AddedToken, tokenizers.AddedToken, oxbert.AddedToken):
        ours, _ = fresh()
        assert ours.add_tokens([kind("<x>", lstrip=True)]) == 1
        assert ours.added_tokens_decoder[len(WORDS)] == token
        assert ours("the  <x>", return_offsets_mapping=True)["offset_mapping"][2] == (3, 8)
    assert eval(repr(token), {"AddedToken": oxbert.AddedToken}) == token


@pytest.mark.parametrize("use", ["hash", "pickle", "copy", "deepcopy"])
def test_added_tokens_can_be_hashed_pickled_and_copied(use: str) -> None:
    token = oxbert.AddedToken("<x>", rstrip=True)
    uses: dict[str, Any] = {
        "hash": lambda: {token: token}[oxbert.AddedToken("<x>", rstrip=True)],
        "pickle": lambda: pickle.loads(pickle.dumps(token)),
        "copy": lambda: copy.copy(token),
        "deepcopy": lambda: copy.deepcopy(token),
    }
    assert uses[use]() == token


@pytest.mark.parametrize("tokens", [5, None, [5], ["<a>", None], {"<a>"}, [["<a>"]], [oxbert.AddedToken]])
def test_tokens_of_other_types_are_refused(tokens: Any) -> None:
    ours, _ = fresh()
    with pytest.raises(DtypeError, match="AddedToken") as caught:
        ours.add_tokens(tokens)
    assert caught.value.what == "new_tokens"
    assert len(ours) == len(WORDS)


@pytest.mark.parametrize(
    ("tokens", "what"),
    [({"cls_token": "<cls>"}, "cls_token"), ({"mask": "[MASK]"}, "mask"), ({"name_or_path": ""}, "name_or_path")],
)
def test_bad_special_tokens_are_refused(tokens: dict[str, Any], what: str) -> None:
    ours, _ = fresh()
    with pytest.raises(InputError, match="additional_special_tokens") as caught:
        ours.add_special_tokens(tokens)
    assert caught.value.what == what


def test_surrogates_are_refused() -> None:
    ours, _ = fresh()
    with pytest.raises((DtypeError, UnicodeEncodeError)):
        ours.add_tokens(["\ud800"])
    assert len(ours) == len(WORDS)
