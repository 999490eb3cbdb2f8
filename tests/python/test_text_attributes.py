"""What programs for transformers 5 call on a tokenizer: options, attributes, learning a vocabulary, references."""

from __future__ import annotations

import copy
import gc
import json
import pickle
import shutil
import weakref
from pathlib import Path
from typing import Any

import pytest
import tokenizers
import transformers
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from tokenizers import models, normalizers, pre_tokenizers, processors

import oxbert
from oxbert.errors import ConfigError, DtypeError, InputError

from .text_reference import VOCABULARY, WORDS, fresh, ours_or_error, theirs_or_error
from .text_reference import tokenizers as pair_of

NAMES = (
    "bos_token eos_token bos_token_id eos_token_id extra_special_tokens extra_special_tokens_ids added_tokens_encoder"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copy(VOCABULARY, tmp_path / "vocab.txt")
    return tmp_path


def test_attributes_are_those_of_transformers(folder: Path) -> None:
    options: dict[str, Any] = {
        "extra_special_tokens": ["<e>", transformers.AddedToken("<f>", lstrip=True)],
        "pad_token": "[PAD]",
        "mask_token": transformers.AddedToken("[MASK]"),
        "bos_token": None,
        "use_fast": True,
        "trust_remote_code": False,
    }
    for kind in (oxbert.ElectraTokenizer, oxbert.AutoTokenizer):
        ours = kind.from_pretrained(folder, **options)
        theirs = transformers.BertTokenizer.from_pretrained(folder, **options)
        for name in NAMES.split():
            assert getattr(ours, name) == getattr(theirs, name), name
        assert ours.name_or_path == str(theirs.name_or_path) == str(folder)
        for text in ("a <e> the <f>[MASK]", "the"):
            assert ours(text)["input_ids"] == theirs(text)["input_ids"]
        known = ours.init_kwargs
        for name, value in theirs.init_kwargs.items():
            if name in known and name not in ("model_max_length", "name_or_path", "extra_special_tokens", "mask_token"):
                assert known[name] == value, name
        assert known["extra_special_tokens"] == ["<e>", "<f>"] and known["mask_token"] == "[MASK]"
    alias = oxbert.ElectraTokenizer.from_pretrained(folder, additional_special_tokens=["<e>"])
    assert alias.extra_special_tokens == ["<e>"] and alias("<e>")["input_ids"][1] == len(WORDS)
    assert oxbert.ElectraTokenizer(VOCABULARY).name_or_path == ""


@pytest.mark.parametrize("length", [None, 1, 3, 512, 10**9])
def test_lengths_without_special_tokens_are_those_of_transformers(length: int | None, folder: Path) -> None:
    ours, theirs = (
        package.from_pretrained(folder, **({} if length is None else {"model_max_length": length}))
        for package in (oxbert.ElectraTokenizer, transformers.BertTokenizer)
    )
    for name in ("max_len_single_sentence", "max_len_sentences_pair"):
        mine, expected = getattr(ours, name), getattr(theirs, name)
        # A billion means that there is no longest row, and a row has no room for less than nothing.
        assert mine == (None if expected > 10**8 else max(expected, 0)), name


@examples(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(["<x>", "the", "New One"]), unique=True), st.booleans(), st.text(max_size=20))
def test_the_pipeline_is_shown(added: list[str], lower: bool, text: str) -> None:
    ours, _ = fresh(do_lower_case=lower)
    ours.add_tokens(added)
    text = " ".join([text, *added])
    backend = ours.backend_tokenizer
    assert isinstance(backend, tokenizers.Tokenizer) and backend.get_vocab_size() == len(ours)
    assert backend.encode(text).ids == ours(text)["input_ids"]
    # It is another object, and what is done to it is done to it alone.
    backend.add_tokens(["nowhere else"])
    assert len(ours) == ours.backend_tokenizer.get_vocab_size() == backend.get_vocab_size() - 1


@pytest.mark.parametrize("role", ["pad", "unk", "cls", "sep", "mask"])
def test_a_special_token_may_be_any_token_of_the_vocabulary(role: str, folder: Path) -> None:
    options = {f"{role}_token": "the"}
    given_here = oxbert.ElectraTokenizer.from_pretrained(folder, **options)
    theirs = transformers.BertTokenizer.from_pretrained(folder, **options)
    (folder / "tokenizer_config.json").write_text(json.dumps(options))
    for ours in (given_here, oxbert.ElectraTokenizer.from_pretrained(folder), pickle.loads(pickle.dumps(given_here))):
        assert getattr(ours, f"{role}_token") == "the"
        for name in ("pad", "unk", "cls", "sep", "mask"):
            assert getattr(ours, f"{name}_token_id") == getattr(theirs, f"{name}_token_id")
        for texts in (["word the", "a \U0001f600"], ["the"]):
            row, expected = ours(texts, padding=True), theirs(texts, padding=True)
            assert dict(row) == {name: expected[name] for name in row}
    with pytest.raises(InputError, match="no such token") as caught:
        oxbert.ElectraTokenizer.from_pretrained(folder, **{f"{role}_token": "no such token"})
    assert caught.value.what == f"{role}_token"
    with pytest.raises(DtypeError) as refused:
        oxbert.ElectraTokenizer.from_pretrained(folder, **{f"{role}_token": 5})
    assert refused.value.what == f"{role}_token"


def test_options_that_would_matter_are_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="expected None"):
        oxbert.ElectraTokenizer.from_pretrained(folder, bos_token="[CLS]")
    with pytest.raises(TypeError, match="no_such_option"):
        oxbert.ElectraTokenizer.from_pretrained(folder, no_such_option=1)
    oxbert.ElectraTokenizer.from_pretrained(folder, trust_remote_code=True, use_fast=False)
    (folder / "tokenizer_config.json").write_text('{"auto_map": {"AutoTokenizer": ["own.Tokenizer", null]}}')
    for options in ({}, {"trust_remote_code": True}, {"trust_remote_code": None}):
        with pytest.raises(ConfigError, match="trust_remote_code=False") as caught:
            oxbert.ElectraTokenizer.from_pretrained(folder, **options)
        assert caught.value.field == "auto_map"
    assert oxbert.ElectraTokenizer.from_pretrained(folder, trust_remote_code=False)("the")


def test_spaces_between_special_tokens_change_nothing() -> None:
    ours, theirs = pair_of()
    for spaces in (True, False):
        for ids in ([5, 6, 7, 7], [[5, 6], [7]]):
            expected = theirs.decode(ids, spaces_between_special_tokens=spaces)
            assert ours.decode(ids, spaces_between_special_tokens=spaces) == expected
            assert ours.batch_decode(ids, spaces_between_special_tokens=spaces)


def test_tokenizers_can_be_referred_to_weakly() -> None:
    ours, _ = fresh()
    for made in (ours, copy.copy(ours), copy.deepcopy(ours)):
        reference = weakref.ref(made)
        assert reference() is made
        kept = weakref.WeakKeyDictionary({made: 1})
        assert kept[made] == 1
        del made
    del ours
    gc.collect()
    assert reference() is None


CORPUS = st.lists(st.text("abcdeABC \xe9\u4e2d.1", max_size=20), max_size=12)


@examples(max_examples=40, deadline=None)
@given(CORPUS, st.sampled_from([None, ["<new>"], ["<new>", "[MASK]"]]))
def test_a_learnt_vocabulary_is_that_of_transformers(corpus: list[str], new: list[str] | None) -> None:
    """With room for all words. Which pieces they are merged from is a matter of chance in both."""
    ours, theirs = pair_of(do_lower_case=False)
    mine = ours.train_new_from_iterator([corpus[:3], *corpus[3:]], 1000, new_special_tokens=new)
    expected = theirs.train_new_from_iterator([corpus[:3], corpus[3:]], 1000, new_special_tokens=new)
    assert type(mine) is type(ours) and not mine.do_lower_case
    assert mine.added_tokens_encoder == expected.added_tokens_encoder
    alphabets = [
        {token for token in tokenizer.get_vocab() if len(token.removeprefix("##")) == 1}
        for tokenizer in (mine, expected)
    ]
    assert alphabets[0] == alphabets[1]
    for text in corpus:
        assert mine.tokenize(text) == expected.tokenize(text)
    few = len(mine.added_tokens_encoder) + len(alphabets[0]) + 1
    assert len(ours.train_new_from_iterator(corpus, few, new_special_tokens=new)) <= few


def test_a_vocabulary_for_another_pipeline(tmp_path: Path) -> None:
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    theirs = tokenizers.Tokenizer(
        models.WordPiece(
            {token: number for number, token in enumerate([*special, "a"])},
            unk_token="[UNK]",
            continuing_subword_prefix="@",
        )
    )
    theirs.normalizer, theirs.pre_tokenizer = normalizers.NFC(), pre_tokenizers.WhitespaceSplit()
    theirs.post_processor = processors.TemplateProcessing(
        single="[MASK] $A:1", pair="$A $B", special_tokens=[("[MASK]", 4)]
    )
    theirs.save(str(tmp_path / "tokenizer.json"))
    learnt = oxbert.DistilBertTokenizer.from_pretrained(tmp_path).train_new_from_iterator(
        ["e\u0301t\xe9 ...", "\xe9t"], 40
    )
    assert learnt.tokenize("\xe9t\xe9 ...") == ["\xe9t\xe9", "..."]
    assert learnt("\xe9t", return_token_type_ids=True)["token_type_ids"] == [0, 1]
    assert all(not token.startswith("##") for token in learnt.get_vocab())


def test_what_cannot_be_learnt() -> None:
    ours, _ = pair_of()
    for options, what in (
        ({"vocab_size": 4}, "vocab_size"),
        ({"vocab_size": -1}, "vocab_size"),
        ({"vocab_size": 2**64}, "vocab_size"),
        ({"vocab_size": 50, "special_tokens_map": {"[MASK]": "<m>"}}, "special_tokens_map"),
    ):
        with pytest.raises(InputError) as caught:
            ours.train_new_from_iterator(["a"], **options)
        assert caught.value.what == what
    for texts in ([5], [["a", 5]], [None]):
        with pytest.raises(DtypeError, match="text_iterator"):
            ours.train_new_from_iterator(texts, 50)
    assert isinstance(ours_or_error(lambda: ours.train_new_from_iterator([], 50)), oxbert.ElectraTokenizer)
    assert theirs_or_error(lambda: pair_of()[1].train_new_from_iterator([[]], 50)) is not None


@pytest.mark.parametrize("clean_up", [None, True, False])
@pytest.mark.parametrize(
    "names", [None, ["attention_mask", "input_ids"], ["input_ids", "token_type_ids", "attention_mask"]]
)
@pytest.mark.parametrize("is_argument", [True, False])
def test_settings_of_decoding_and_of_columns_are_transformers(
    tmp_path: Path, clean_up: bool | None, names: list[str] | None, is_argument: bool
) -> None:
    oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator").save_pretrained(tmp_path)
    given = {"clean_up_tokenization_spaces": clean_up, "model_input_names": names}
    given = {name: value for name, value in given.items() if value is not None}
    if not is_argument:
        path = tmp_path / "tokenizer_config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **given}))
        given = {}
    theirs = transformers.ElectraTokenizerFast.from_pretrained(tmp_path, **given)
    ours = oxbert.ElectraTokenizer.from_pretrained(tmp_path, **given)
    ours.save_pretrained(tmp_path / "again")
    text = "it ' s a cat , do not 've n't ."
    for mine in (ours, pickle.loads(pickle.dumps(ours)), oxbert.ElectraTokenizer.from_pretrained(tmp_path / "again")):
        assert list(mine(text)) == list(theirs(text))
        assert sorted(mine.model_input_names) == sorted(theirs.model_input_names)
        assert mine.clean_up_tokenization_spaces is theirs.clean_up_tokenization_spaces
        ids = theirs(text)["input_ids"]
        for explicit in (None, True, False):
            assert mine.decode(ids, clean_up_tokenization_spaces=explicit) == theirs.decode(
                ids, clean_up_tokenization_spaces=explicit
            )


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("clean_up_tokenization_spaces", 3, DtypeError),
        ("clean_up_tokenization_spaces", "x", DtypeError),
        ("model_input_names", 3, DtypeError),
        ("model_input_names", "input_ids", DtypeError),
        ("model_input_names", ["input_ids"], InputError),
        ("model_input_names", ["input_ids", "attention_mask", "pixels"], InputError),
        ("model_max_length", True, DtypeError),
        ("model_max_length", False, DtypeError),
        ("model_max_length", 0, InputError),
    ],
)
def test_bad_settings_are_refused(tmp_path: Path, name: str, value: Any, error: type[Exception]) -> None:
    folder = "electra-tiny-generator"
    with pytest.raises(error, match=name):
        oxbert.ElectraTokenizer.from_pretrained(folder, **{name: value})
    oxbert.ElectraTokenizer.from_pretrained(folder).save_pretrained(tmp_path)
    path = tmp_path / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))
    with pytest.raises(ConfigError, match=name):
        oxbert.ElectraTokenizer.from_pretrained(tmp_path)


def test_the_number_of_texts_is_checked_though_it_has_no_effect() -> None:
    tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
    for length in (None, 0, 1, 10**30):
        assert len(tokenizer.train_new_from_iterator(["a b"], 20, length=length)) > 5
    for length, error in (("x", DtypeError), (1.5, DtypeError), (-1, InputError)):
        with pytest.raises(error, match="length"):
            tokenizer.train_new_from_iterator(["a b"], 20, length=length)
