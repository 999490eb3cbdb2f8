"""Compare oxbert's tokenizer with transformers' fast tokenizer: a vocabulary, texts to draw, and the comparison."""

from __future__ import annotations

import atexit
import functools
import os
import tempfile
from pathlib import Path
from typing import Any

import transformers
from hypothesis import strategies as st

import oxbert
from oxbert.errors import OxbertError

# `tokenizers` panics on some inputs, and collecting backtraces of the panics is slow.
os.environ["RUST_BACKTRACE"] = "0"

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
NAMES = ["input_ids", "token_type_ids", "attention_mask", "special_tokens_mask", "offset_mapping"]

# Characters with unusual normalisation, categories or word pieces.
NASTY = (
    "aAzZ09 .,!'-_#[]\t\n\r\0\x0b\x7f\x85\xa0\xad\xb5\xbf\xdf\xe9\xc9\u0130\u0131\u017f\u01c5\u0300\u0301\u0327\u0344\u03a3\u03c2"
    "\u0390\u0483\u05d0\u05b8\u0600\u0627\u0651\u0903\u094d\u0f73\u1100\u1161\u11a8\u1680\u180e\u1e9e\u200b\u200c\u200d\u200e\u2028"
    "\u2029\u202f\u2060\u20ac\u20dd\u212a\u2126\u212b\u2460\u3000\u3042\u304b\u3099\u30ab\u4e00\u4e2d\u6587\u9fff\uac00\uac01\ud7a3"
    "\ue000\uf900\ufb01\ufe0f\ufeff\uff01\uff21\ufffd\uffff\U00010400\U0001d15e\U0001d165\U0001d16d\U0001f1e9\U0001f3fb\U0001f44d"
    "\U00020000\U0002b920\U0002f800\U000e0001\U0010ffff"
)
# Characters with a token of their own, at the start of a word and inside a word.
_SPELLED = (
    "abcdefghijklmnopqrstuvwxyz0123456789ABCDEZ\xe0\xe9\xfc\xdf\xc9\u0131\u03b1\u03c3\u03c2\u03a3\u0434\u0439\u05d0\u05d1\u0627\u0628\u0915\u0e01"
    "\u0300\u0301\u0651\u05b8\u094d\u3099\u1100\u1102\u1161\u1162\u11a8\u11ab\uac00\ud55c\u3042\u304b\u304c\u30ab\u4e00\u4e2d\u6587\u9fff\U00020000"
    "\U0002b920\U0001d157\U0001d165\U0001d16e\U0001f600\U0001f44d\U0001f3fb\U0001f468\U0001f469\U0001f1e9\U0001f1ea\u200d\ufe0f\u20dd\u20ac\u2460"
)
_PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~\xa1\xa7\xbf\u2014\u2026\u3002\u3001\uff01\u060c\u05be"
_PIECES = (
    "the word words un able aff afford an and ing ed er ly hello world naive nai cafe caf\xe9 caf na\xefve \u03c3\u03b1 \u4e2d\u6587 "
    "\u1100\u1161 \u1112\u1161\u11ab \ud55c\uad6d \u0434\u0430 don t s ' don't ## #"
).split()


def write_vocabulary(path: Path, tokens: list[str]) -> Path:
    """Write a `vocab.txt`."""
    path.write_bytes("\n".join([*tokens, ""]).encode())
    return path


WORDS = list(
    dict.fromkeys(
        [
            *SPECIAL[:2],
            *(f"[unused{number}]" for number in range(3)),
            *SPECIAL[2:],
            *_PUNCTUATION,
            *_SPELLED,
            *(f"##{character}" for character in _SPELLED),
            *_PIECES,
            *(f"##{piece}" for piece in _PIECES),
            "x" * 100,
            "##" + "x" * 98,
        ]
    )
)
_FOLDER = tempfile.TemporaryDirectory(prefix="oxbert-vocabulary-")
atexit.register(_FOLDER.cleanup)
VOCABULARY = write_vocabulary(Path(_FOLDER.name) / "vocab.txt", WORDS)

CHARACTERS = st.sampled_from(NASTY + _SPELLED) | st.characters(exclude_categories=["Cs"])
CLUSTERS = st.sampled_from(
    [
        *(WORDS + SPECIAL + [" ", "  "]),
        *(
            "[mask]",
            "[ MASK ]",
            "[MASK]word",
            "x" * 100,
            "x" * 101,
            "e\u0301" * 100,
            "e\u0301" * 101,
            "\u0130" * 51,
            "Ab" * 60,
        ),
        *(
            "\U0001f468\u200d\U0001f469",
            "\U0001f1e9\U0001f1ea",
            "\U0001f44d\U0001f3fb",
            "\ud55c\uad6d\uc5b4",
            "\u05e9\u05b8\u05c1\u05dc\u05d5\u05b9\u05dd",
        ),
        *(
            "\u0301\u0327",
            "\U0001d15f\U0001d16d\U0001d165",
            "a\u05b0\u0301\U0001d165\u0327b",
            "e\u1ab0\U0001d166\u0f71\u0f72",
            "\u1e9b\u0323",
        ),
    ]
)
TEXT = st.lists(CHARACTERS | CLUSTERS, max_size=12).map("".join)
SHORT = st.lists(
    st.sampled_from(["the ", "word ", "unaffable ", "\u4e2d", "caf\xe9s, ", "[SEP]", "\U0001f600 "]), max_size=7
).map("".join)
SETTINGS = st.fixed_dictionaries(
    {
        "do_lower_case": st.booleans(),
        "strip_accents": st.sampled_from([None, False, True]),
        "tokenize_chinese_chars": st.booleans(),
    }
)


@functools.cache
def _tokenizers(family: str, settings: tuple[tuple[str, Any], ...]) -> tuple[Any, Any]:
    return fresh(family, **dict(settings))


def tokenizers(family: str = "Electra", **settings: Any) -> tuple[Any, Any]:
    """Return oxbert's and transformers' tokenizers with the same settings; tests share them, so add no tokens."""
    return _tokenizers(family, tuple(sorted(settings.items())))


def fresh(family: str = "Electra", **settings: Any) -> tuple[Any, Any]:
    """Return new tokenizers of oxbert and transformers."""
    name = f"{family}Tokenizer"
    theirs = getattr(transformers, name)(vocab=str(VOCABULARY), **settings)
    return getattr(oxbert, name)(VOCABULARY, **settings), theirs


def theirs_or_error(call: Any) -> Any:
    """Return the result of transformers, or its error or panic."""
    try:
        return call()
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a Rust panic is not an Exception
        return error


def ours_or_error(call: Any) -> Any:
    """Return the result of oxbert, or its OxbertError; any other exception is a defect."""
    try:
        return call()
    except OxbertError as error:
        return error


def everything(rows: Any) -> dict[str, Any]:
    """Return everything that an encoding reports, at every place of every row."""
    report: dict[str, Any] = {name: [_lists(row) for row in rows[name]] for name in rows if name != "length"}
    report["length"] = rows.get("length")
    report["names"] = sorted(rows)
    for row in range(len(rows.encodings)):
        # transformers includes the white space that an added token matched.
        tokens = [token.strip() for token in rows.tokens(row)]
        report[f"tokens {row}"] = (tokens, rows.word_ids(row), rows.sequence_ids(row), rows[row].n_sequences)
        report[f"places {row}"] = [
            (rows.token_to_chars(row, place), rows.token_to_word(row, place), rows.token_to_sequence(row, place))
            for place in range(len(tokens))
        ]
        words = range(max((word for word in rows.word_ids(row) if word is not None), default=0) + 2)
        longest = max((end for _, end in rows[row].offsets), default=0) + 2
        for sequence in range(rows[row].n_sequences):
            report[f"words {row} {sequence}"] = [
                # transformers fails on the characters of a word without tokens.
                rows.word_to_tokens(row, word, sequence)
                and (rows.word_to_tokens(row, word, sequence), rows.word_to_chars(row, word, sequence))
                for word in words
            ]
            report[f"characters {row} {sequence}"] = [
                (rows.char_to_token(row, place, sequence), rows.char_to_word(row, place, sequence))
                for place in range(longest)
            ]
    return report


def _lists(row: Any) -> Any:
    return row if isinstance(row, int) else list(row)


ALL_COLUMNS = {
    "return_offsets_mapping": True,
    "return_special_tokens_mask": True,
    "return_token_type_ids": True,
    "return_length": True,
}


def compare(ours: Any, theirs: Any, text: Any, pair: Any = None, **options: Any) -> tuple[Any, Any]:
    """Assert that both return the same or both refuse, and return both results."""
    options = ALL_COLUMNS | options
    mine = ours_or_error(lambda: ours(text, pair, **options))
    expected = theirs_or_error(lambda: theirs(text, pair, verbose=False, **options))
    if isinstance(expected, BaseException):
        assert isinstance(mine, OxbertError), f"transformers refuses with {expected!r}, oxbert returns {mine!r}"
    elif not isinstance(mine, OxbertError):
        assert everything(mine) == everything(expected)
    else:
        raise AssertionError(f"oxbert refuses with {mine!r}, transformers returns {expected!r}") from mine
    return mine, expected
