"""Every pipeline of word pieces that a `tokenizer.json` can hold: what `tokenizers` says of the same file."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import tokenizers
import transformers
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, processors

import oxbert
from oxbert.errors import ConfigError, OxbertError, VocabularyError

from .text_reference import CHARACTERS, CLUSTERS, SPECIAL, theirs_or_error

FRAGMENTS = "a b c ab abc the The THE word s ing 1 12 . ... ' - \u4e2d \u6587 \xe9 e\u0301 \u0301 \xdf \u0130 \u01c6 \ufb01 \ud55c \u1112 \u1161 \U0001f44d \u200d x".split(
    " "
)
PATTERNS = st.sampled_from([" ", "a", "ab", "\u0301", ".", "1"]) | st.sampled_from(
    [r"\s+", r"\d", r"[aeiou]+", r"\w+|[^\w\s]+", r"(?=[A-Z])", r"\p{L}+", r"^."]
).map(Regex)
BEHAVIOURS = st.sampled_from(["removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"])
NORMALIZERS = st.recursive(
    st.sampled_from(
        [
            normalizers.NFC(),
            normalizers.NFD(),
            normalizers.NFKC(),
            normalizers.NFKD(),
            normalizers.Lowercase(),
            normalizers.StripAccents(),
        ]
    )
    | st.builds(
        normalizers.BertNormalizer,
        clean_text=st.booleans(),
        handle_chinese_chars=st.booleans(),
        strip_accents=st.sampled_from([None, True, False]),
        lowercase=st.booleans(),
    )
    | st.builds(normalizers.Replace, PATTERNS, st.sampled_from(["", " ", "b", "ab\u0301", "\u4e2d"]))
    | st.builds(normalizers.Strip, st.booleans(), st.booleans()),
    lambda inner: st.lists(inner, max_size=3).map(normalizers.Sequence),
    max_leaves=4,
)
PRE_TOKENIZERS = st.recursive(
    st.sampled_from([pre_tokenizers.Whitespace(), pre_tokenizers.WhitespaceSplit(), pre_tokenizers.BertPreTokenizer()])
    | st.builds(pre_tokenizers.Punctuation, BEHAVIOURS)
    | st.builds(pre_tokenizers.Digits, st.booleans())
    | st.builds(pre_tokenizers.Split, PATTERNS, BEHAVIOURS, st.booleans()),
    lambda inner: st.lists(inner, max_size=3).map(pre_tokenizers.Sequence),
    max_leaves=4,
)
TYPE = st.integers(0, 3)
FRAME = st.lists(st.tuples(st.sampled_from(["[CLS]", "[SEP]", "[MASK]", "ab"]), TYPE), max_size=2)


@st.composite
def template(draw: Any, vocabulary: dict[str, int]) -> Any:
    def frame() -> str:
        return " ".join(f"{token}:{kind}" for token, kind in draw(FRAME))

    first, second = draw(st.sampled_from([("$A", "$B"), ("$A", "$B"), ("$B", "$A")]))
    single = f"{frame()} $A:{draw(TYPE)} {frame()}"
    pair = f"{frame()} {first}:{draw(TYPE)} {frame()} {second}:{draw(TYPE)} {frame()}"
    tokens = [(token, vocabulary[token]) for token in ("[CLS]", "[SEP]", "[MASK]", "ab")]
    return processors.TemplateProcessing(
        single=" ".join(single.split()), pair=" ".join(pair.split()), special_tokens=tokens
    )


ADDED = st.lists(
    st.builds(
        tokenizers.AddedToken,
        st.sampled_from(["<x>", "[MASK]", "the", "The", "\xe9", " sp ", "[CLS]", "new", "newer", "\u4e2d", "ab"]),
        single_word=st.booleans(),
        lstrip=st.booleans(),
        rstrip=st.booleans(),
        normalized=st.booleans(),
        special=st.booleans(),
    ),
    max_size=4,
)


@st.composite
def whole(draw: Any) -> tokenizers.Tokenizer:
    """A tokenizer of random parts."""
    prefix = draw(st.sampled_from(["##", "##", "@", "", "a"]))
    pieces = draw(st.lists(st.sampled_from(FRAGMENTS), max_size=24))
    unknown = draw(st.sampled_from(["[UNK]", "[UNK]", "<unk>"]))
    tokens = dict.fromkeys([*SPECIAL, "<unk>", "ab", *pieces, *(prefix + piece for piece in pieces[::2])])
    vocabulary = {token: number for number, token in enumerate(tokens)}
    longest = draw(st.sampled_from([100, 100, 3, 0, 1000]))
    model = models.WordPiece(
        vocabulary, unk_token=unknown, max_input_chars_per_word=longest, continuing_subword_prefix=prefix
    )
    tokenizer = tokenizers.Tokenizer(model)
    if draw(st.booleans()):
        tokenizer.normalizer = draw(NORMALIZERS)
    if draw(st.booleans()):
        tokenizer.pre_tokenizer = draw(PRE_TOKENIZERS)
    processor = draw(st.sampled_from(["none", "bert", "template"]))
    if processor == "bert":
        tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    elif processor == "template":
        tokenizer.post_processor = draw(template(vocabulary))
    if draw(st.booleans()):
        tokenizer.decoder = decoders.WordPiece(draw(st.sampled_from([prefix, "##"])), draw(st.booleans()))
    added = draw(ADDED)
    # Of two tokens that are the same when normalised, `tokenizers` finds either, and one that is empty anywhere.
    normalize = tokenizer.normalizer.normalize_str if tokenizer.normalizer else str
    contents = {token.content for token in added if token.normalized}
    found = [theirs_or_error(lambda content=content: normalize(content)) for content in contents]
    assume(len(set(found)) == len(found) and all(found) and all(isinstance(each, str) for each in found))
    assume(not isinstance(theirs_or_error(lambda: tokenizer.add_tokens(added)), BaseException))
    if draw(st.booleans()):
        # Options of a call, which transformers resets.
        tokenizer.enable_truncation(max(4, tokenizer.num_special_tokens_to_add(True)))
        tokenizer.enable_padding()
    # As a file holds it: in memory, a token that was added twice stays special.
    return tokenizers.Tokenizer.from_str(tokenizer.to_str())


TEXT = st.lists(
    CHARACTERS | CLUSTERS | st.sampled_from([*FRAGMENTS, " ", " ", "<x>", "[MASK]", "new", "newer", "x" * 1001]),
    max_size=10,
).map("".join)


def say(row: Any) -> list[Any]:
    """All that a row of either library says at every place."""
    return [
        list(row.ids),
        list(row.type_ids),
        list(row.offsets),
        list(row.special_tokens_mask),
        list(row.word_ids),
        list(row.sequence_ids),
        list(row.attention_mask),
        row.n_sequences,
    ]


def same(ours: Any, theirs: Any, text: str, pair: str | None) -> None:
    theirs.no_truncation()
    theirs.no_padding()
    for special in (True, False):
        expected = theirs_or_error(lambda special=special: theirs.encode(text, pair, add_special_tokens=special))
        if isinstance(expected, BaseException):
            with pytest.raises(OxbertError):
                ours(text, pair, add_special_tokens=special)
            continue
        row = ours(text, pair, add_special_tokens=special)
        assert say(row[0]) == say(expected)
        ids = expected.ids
        assert ours.convert_ids_to_tokens(ids) == [theirs.id_to_token(number) for number in ids]
        for skip in (True, False):
            assert ours.decode(ids, skip_special_tokens=skip) == theirs.decode(ids, skip_special_tokens=skip)
    words = text.split(" ")
    expected = theirs_or_error(lambda: theirs.encode(words, is_pretokenized=True))
    if not isinstance(expected, BaseException):
        assert say(ours(words, is_split_into_words=True)[0]) == say(expected)


@examples(max_examples=400, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(whole(), TEXT, st.none() | TEXT)
def test_a_file_is_run_as_it_says(tmp_path_factory: Any, theirs: Any, text: str, pair: str | None) -> None:
    folder = tmp_path_factory.mktemp("pipeline")
    theirs.save(str(folder / "tokenizer.json"))
    ours = oxbert.ElectraTokenizer.from_pretrained(folder)
    same(ours, theirs, text, pair)
    same(pickle.loads(pickle.dumps(ours)), theirs, text, pair)
    # What we save is the same to us, to `tokenizers` and to transformers.
    ours.save_pretrained(folder / "saved")
    same(oxbert.ElectraTokenizer.from_pretrained(folder / "saved"), theirs, text, pair)
    again = tokenizers.Tokenizer.from_file(str(folder / "saved" / "tokenizer.json"))
    same(ours, again, text, pair)
    there = transformers.AutoTokenizer.from_pretrained(folder / "saved")
    expected = theirs_or_error(lambda: there(text, pair or None)["input_ids"])
    assert isinstance(expected, BaseException) or pair == "" or ours(text, pair)["input_ids"] == expected


@examples(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(whole(), TEXT, st.none() | TEXT, st.integers(1, 12), st.integers(0, 3), st.sampled_from(["left", "right"]))
def test_windows_of_any_pipeline(
    tmp_path_factory: Any, theirs: Any, text: str, pair: str | None, length: int, stride: int, side: str
) -> None:
    assume(theirs.post_processor is not None)  # `tokenizers` loses the texts of later windows without one
    single, added = theirs.num_special_tokens_to_add(False), theirs.num_special_tokens_to_add(pair is not None)
    assume(length > added and length - single >= stride)
    folder = tmp_path_factory.mktemp("windows")
    theirs.save(str(folder / "tokenizer.json"))
    ours = oxbert.ElectraTokenizer.from_pretrained(folder, truncation_side=side)
    theirs.no_padding()
    theirs.enable_truncation(length, stride=stride, direction=side)
    expected = theirs_or_error(lambda: theirs.encode(text, pair))
    options = {"truncation": True, "max_length": length, "stride": stride, "return_overflowing_tokens": True}
    if isinstance(expected, BaseException):
        with pytest.raises(OxbertError):
            ours([text], None if pair is None else [pair], **options)
    else:
        rows = ours([text], None if pair is None else [pair], **options).encodings
        assert [say(row) for row in rows] == [say(row) for row in [expected, *expected.overflowing]]


PARTS: dict[str, Any] = {
    "normalizer": [normalizers.Nmt(), normalizers.Prepend("a"), normalizers.ByteLevel()],
    "pre_tokenizer": [pre_tokenizers.ByteLevel(), pre_tokenizers.Metaspace(), pre_tokenizers.UnicodeScripts()],
    "post_processor": [processors.ByteLevel(), processors.RobertaProcessing(("[SEP]", 3), ("[CLS]", 2))],
    "decoder": [decoders.ByteLevel(), decoders.Metaspace(), decoders.Fuse()],
}


@pytest.mark.parametrize(("name", "part"), [(name, part) for name, parts in PARTS.items() for part in parts])
def test_parts_that_are_not_supported_are_named(name: str, part: Any, tmp_path: Path) -> None:
    theirs = tokenizers.Tokenizer(models.WordPiece(dict(zip(SPECIAL, range(5), strict=True)), unk_token="[UNK]"))
    nested = {"normalizer": normalizers.Sequence, "pre_tokenizer": pre_tokenizers.Sequence}
    for value in [part, *([nested[name]([part])] if name in nested else [])]:
        setattr(theirs, name, value)
        theirs.save(str(tmp_path / "tokenizer.json"))
        with pytest.raises(ConfigError, match=type(part).__name__) as caught:
            oxbert.ElectraTokenizer.from_pretrained(tmp_path)
        assert caught.value.field.startswith(name) and Path(caught.value.path).name == "tokenizer.json"


@pytest.mark.parametrize("model", [models.BPE({"a": 0}, []), models.WordLevel({"a": 0}, "a"), models.Unigram()])
def test_models_that_are_not_word_pieces(model: Any, tmp_path: Path) -> None:
    tokenizers.Tokenizer(model).save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(VocabularyError, match=f"WordPiece, got .*{type(model).__name__}"):
        oxbert.ElectraTokenizer.from_pretrained(tmp_path)


@examples(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.data())
def test_a_file_that_was_tampered_with_is_no_crash(tmp_path_factory: Any, data: Any) -> None:
    """A value of another type at any place: an error of ours, or a tokenizer that works."""
    theirs = data.draw(whole())
    file = json.loads(theirs.to_str())
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        for key, value in node.items() if isinstance(node, dict) else enumerate(node):
            places.append((node, key))
            if isinstance(value, (dict, list)):
                walk(value)

    walk(file)
    node, key = data.draw(st.sampled_from(places))
    node[key] = data.draw(st.sampled_from([None, 5, -1, 2**40, "x", "", [], {}, [5], {"type": "NFC"}, 1.5, True]))
    folder = tmp_path_factory.mktemp("tampered")
    (folder / "tokenizer.json").write_text(json.dumps(file))
    try:
        ours = oxbert.ElectraTokenizer.from_pretrained(folder)
        ours("the word [MASK]", "a")
    except OxbertError as error:
        assert str(error)
