"""Measure tokenization from Python: docstrings of the standard library at once, and sentences one at a time."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import tokenizers
import transformers

import oxbert
from benches.machine import Sgemm
from benches.texts import docstrings
from benches.timing import Timing, take_turns

MAX_LENGTH = 128
# The number of sentences that are tokenised one at a time, and their lengths in characters.
SHORT_TEXTS = 300
SHORT = range(20, 80)
# Repetitions of these sentences per round, because one pass takes only milliseconds.
TIMES = 10
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
# The numbers of words and endings in the vocabulary, which also has every character.
WORDS, ENDINGS = 20_000, 4_000
OURS = "oxbert"

Rows = list[list[int]]


@dataclass(frozen=True)
class Tokenizing:
    """Hold the timing of one peer for `texts` texts, and the number of texts with the same ids as oxbert."""

    kind: str
    peer: str
    timing: Timing
    texts: int
    equal: int
    # Time relative to oxbert.
    ratio: float


def vocabulary(texts: list[str]) -> list[str]:
    """Return a vocabulary of usual size: every character, frequent words and frequent endings."""
    words = Counter(word for text in texts for word in text.lower().split())
    letters = sorted({letter for word in words for letter in word})
    endings = Counter(word[-length:] for word in words for length in (2, 3, 4) if len(word) > length)
    return list(
        dict.fromkeys(
            SPECIAL
            + letters
            + [f"##{letter}" for letter in letters]
            + [word for word, _ in words.most_common(WORDS)]
            + [f"##{ending}" for ending, _ in endings.most_common(ENDINGS)]
        )
    )


def short(texts: list[str]) -> list[str]:
    """Return sentences of one line, spread over the texts."""
    lines = [text for text in texts if len(text) in SHORT and "\n" not in text and text.endswith(".")]
    return lines[:: max(len(lines) // SHORT_TEXTS, 1)][:SHORT_TEXTS]


def measure(rounds: int, sgemm: Sgemm) -> list[Tokenizing]:
    texts = docstrings()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vocab.txt"
        path.write_text("\n".join(vocabulary(texts)) + "\n", encoding="utf-8")
        ours = oxbert.ElectraTokenizer(path)
        theirs = transformers.ElectraTokenizerFast.from_pretrained(folder)
    whole = theirs.backend_tokenizer.to_str()
    library, cutting = tokenizers.Tokenizer.from_str(whole), tokenizers.Tokenizer.from_str(whole)
    cutting.enable_truncation(MAX_LENGTH)
    cut = {"truncation": True, "max_length": MAX_LENGTH}
    sentences = short(texts)
    batches: dict[str, Callable[[], Rows]] = {
        OURS: lambda: ours(texts, **cut)["input_ids"],
        "tokenizers": lambda: [row.ids for row in cutting.encode_batch(texts)],
        # Without offsets, which oxbert computes in any case.
        "tokenizers, encode_batch_fast": lambda: [row.ids for row in cutting.encode_batch_fast(texts)],
        "transformers": lambda: theirs(texts, **cut)["input_ids"],
    }
    singles: dict[str, Callable[[], Rows]] = {
        OURS: lambda: [ours(text)["input_ids"] for text in sentences],
        "tokenizers": lambda: [library.encode(text).ids for text in sentences],
        "transformers": lambda: [theirs(text)["input_ids"] for text in sentences],
    }
    at_once = compare("at once", batches, len(texts), rounds, sgemm)
    return at_once + compare("one at a time", singles, len(sentences), rounds, sgemm, TIMES)


def compare(
    kind: str, peers: dict[str, Callable[[], Rows]], texts: int, rounds: int, sgemm: Sgemm, times: int = 1
) -> list[Tokenizing]:
    expected = peers[OURS]()
    equal = {peer: sum(one == other for one, other in zip(expected, run(), strict=True)) for peer, run in peers.items()}
    timings = take_turns(peers, rounds, times, sgemm.measure)
    return [
        Tokenizing(kind, peer, timing, texts, equal[peer], timing.median / timings[OURS].median)
        for peer, timing in timings.items()
    ]
