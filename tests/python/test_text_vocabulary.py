"""Test odd and broken vocabulary files: read like transformers, or refused with the line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

import oxbert
from oxbert.errors import DtypeError, FileError, InputError, MissingFileError, VocabularyError

from .text_reference import SPECIAL, VOCABULARY, compare

LINES = [line.encode() for line in SPECIAL]
TEXTS = ["the word THE a", "a\x0bb wo\u2028rd", "[MASK] the[SEP]", "", "z ##s thes"]


def pair(path: Path, content: bytes) -> tuple[Any, Any]:
    path.write_bytes(content)
    return oxbert.ElectraTokenizer(path), transformers.BertTokenizer(vocab=str(path))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\n".join([*LINES, b"the", b"a", b"the", b"word"]), {"the": 7, "a": 6, "word": 8}),
        (b"\r\n".join([*LINES, b"the", b"##s", b""]), {"the": 5, "##s": 6}),
        (b"\n".join([LINES[0], b"", *LINES[1:], b"the", b"  ", b"word", b""]), {"": 7, "the": 6, "word": 8}),
        (b"\n".join([*LINES, b"the", b"", b"", b"", b""]), {"the": 5, "": 8}),
        (b"\n".join([*LINES, LINES[0], LINES[4], b"the"]), {"[PAD]": 5, "[MASK]": 6, "the": 7}),
        (
            b"\n".join([*LINES, b"the\x0bx", "wo\u2028rd".encode(), "a\x85b".encode(), b"\t the", b"z \t\x0c", b"the"]),
            {"z": 9, "\t the": 8},
        ),
        (
            b"\n".join([*LINES, b"the\0", "a\u3000".encode(), "b\xa0".encode(), "\ufeffword".encode()]),
            {"the\0": 5, "a": 6, "b": 7},
        ),
        (b"\n".join([*LINES, b"the", b"a", b"word\rmore", b"##s"]), {"word\rmore": 7}),
    ],
    ids=["duplicates", "crlf", "blank", "blank-at-the-end", "duplicate-special", "spaces", "invisible", "cr"],
)
def test_odd_files_match_transformers(content: bytes, expected: dict[str, int], tmp_path: Path) -> None:
    ours, theirs = pair(tmp_path / "vocab.txt", content)
    vocabulary = ours.get_vocab()
    assert vocabulary == theirs.get_vocab() and expected.items() <= vocabulary.items()
    assert (len(ours), ours.vocab_size) == (len(theirs), theirs.vocab_size)
    for token in ("pad", "unk", "cls", "sep", "mask"):
        assert getattr(ours, f"{token}_token_id") == getattr(theirs, f"{token}_token_id")
    compare(ours, theirs, TEXTS, padding=True)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "vocab.txt").write_bytes(content)
    assert oxbert.DistilBertTokenizer.from_pretrained(tmp_path / "folder").get_vocab() == vocabulary


@pytest.mark.parametrize("place", [1, 3, 7])
@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_errors_name_the_line_that_is_not_utf8(place: int, ends: bytes, tmp_path: Path) -> None:
    lines = [*LINES, b"the", b"word", b"a"]
    for bad in (b"\xff", b"\xe4\xb8", b"caf\xe9", b"\xed\xa0\x80", b"\xc0\xaf"):
        broken = [*lines[: place - 1], bad, *lines[place - 1 :]]
        path = tmp_path / "vocab.txt"
        path.write_bytes(ends.join(broken))
        with pytest.raises(VocabularyError, match=f"line {place}: .*UTF-8") as caught:
            oxbert.ElectraTokenizer(path)
        assert (caught.value.line, Path(caught.value.path)) == (place, path)
        with pytest.raises(Exception, match="UTF-8"):
            transformers.BertTokenizer(vocab=str(path))


@pytest.mark.parametrize("missing", range(5))
def test_errors_name_a_missing_special_token(missing: int, tmp_path: Path) -> None:
    path = tmp_path / "vocab.txt"
    path.write_bytes(b"\n".join([*LINES[:missing], *LINES[missing + 1 :], b"the", b""]))
    name = SPECIAL[missing]
    with pytest.raises(VocabularyError, match=rf"lacks \[{name[1:-1]}\] among its 5 tokens") as caught:
        oxbert.ElectraTokenizer(path)
    assert caught.value.line is None
    # transformers assigns a new id, for which no model has an embedding.
    if name != "[UNK]":
        assert transformers.BertTokenizer(vocab=str(path)).convert_tokens_to_ids(name) == 5


def test_errors_explain_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "vocab.txt"
    path.write_bytes(b"\xef\xbb\xbf" + VOCABULARY.read_bytes())
    with pytest.raises(VocabularyError, match=r"lacks \[PAD\].*byte order mark"):
        oxbert.ElectraTokenizer(path)
    path.write_bytes(VOCABULARY.read_text("utf-8").encode("utf-16"))
    with pytest.raises(VocabularyError, match="line 1: byte 1 of the line is not UTF-8") as caught:
        oxbert.ElectraTokenizer(path)
    assert caught.value.line == 1


@pytest.mark.parametrize("content", [b"", b"\n", b"\n\n\n", b"\r\n", b"\0" * 100, b"the"])
def test_files_without_special_tokens_are_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "vocab.txt"
    path.write_bytes(content)
    with pytest.raises(VocabularyError, match=r"lacks \[PAD\], \[UNK\], \[CLS\], \[SEP\], \[MASK\]"):
        oxbert.ElectraTokenizer(path)


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError):
        oxbert.ElectraTokenizer(tmp_path / "nowhere.txt")
    with pytest.raises(FileError):
        oxbert.ElectraTokenizer(tmp_path)
    with pytest.raises(MissingFileError, match=r"vocab\.txt or tokenizer\.json"):
        oxbert.ElectraTokenizer.from_pretrained(tmp_path)


def test_strange_tokens_match_transformers(tmp_path: Path) -> None:
    """Check that unreachable tokens do no harm, and that reachable ones are found."""
    tokens = [
        "x" * 300,
        "##" + "x" * 300,
        "x" * 100,
        "##x",
        "##",
        "A",
        "a b",
        "[mask]",
        "\u0301",
        "e\u0301",
        "##\u4e2d",
        "\u1112",
        "##\u1161",
        "#",
    ]
    ours, theirs = pair(tmp_path / "vocab.txt", "\n".join([*SPECIAL, *tokens, ""]).encode())
    compare(
        ours, theirs, ["x" * 99, "x" * 100, "x" * 101, "x" * 300, "a b A ##x # x#x", "\u4e2d e\u0301 \ud558 [mask]"]
    )


TOKENS = [*SPECIAL, "the", "a", "word", "##s", "z"]
IDS = st.permutations(range(len(TOKENS))).map(lambda ids: dict(zip(TOKENS, ids, strict=True)))


@settings(max_examples=25, deadline=None)
@given(IDS, st.integers(0, 1 << 31))
def test_a_dictionary_is_a_vocabulary(ids: dict[str, int], gap: int) -> None:
    ids[max(ids, key=lambda token: ids[token])] += gap
    ours = [oxbert.ElectraTokenizer(ids), oxbert.ElectraTokenizer(vocab=ids)]
    theirs = transformers.BertTokenizer(vocab=ids)
    for text in TEXTS:
        expected = theirs(text)["input_ids"]
        assert [tokenizer(text)["input_ids"] for tokenizer in ours] == [expected] * 2
    assert ours[0].get_vocab() == theirs.get_vocab() == ids


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"the": -1}, InputError, "vocab: expected"),
        ({"the": 2**32 - 1}, InputError, "vocab: expected"),
        ({"the": 0}, VocabularyError, "also belongs to another token"),
        ({"the": 1.5}, DtypeError, "vocab: expected"),
        ({1: 99}, DtypeError, "vocab: expected str as a token"),
    ],
)
def test_wrong_dictionaries_are_refused(change: dict[Any, Any], error: Any, message: str) -> None:
    ids: dict[Any, Any] = {token: place for place, token in enumerate(TOKENS)}
    with pytest.raises(error, match=message):
        oxbert.ElectraTokenizer(vocab=ids | change)


def test_there_is_one_vocabulary(tmp_path: Path) -> None:
    path = tmp_path / "vocab.txt"
    path.write_bytes(b"\n".join(LINES))
    assert oxbert.ElectraTokenizer(path).get_vocab() == oxbert.ElectraTokenizer(vocab=path).get_vocab()
    for given_ones in ({}, {"vocab_file": path, "vocab": path}):
        with pytest.raises(InputError, match=r"^vocab"):
            oxbert.ElectraTokenizer(**given_ones)
    for wrong in (3, ["a"], None.__class__):
        with pytest.raises(DtypeError, match=r"^vocab: expected"):
            oxbert.ElectraTokenizer(vocab=wrong)
    with pytest.raises(VocabularyError, match="lacks"):
        oxbert.ElectraTokenizer(vocab={"a": 0})
