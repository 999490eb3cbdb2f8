"""Gather tokens into words, and say how strongly to shade them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

BASE_RATE = 1 / 9
"""About one token in nine is replaced in ELECTRA's pre-training: a lower probability means "probably the original"."""

# Control characters but tab and line feed: one visible character each, so that offsets stay as they are.
_VISIBLE = (
    {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"}
    | {127: 0x2421}
    | dict.fromkeys(range(128, 160), 0xFFFD)
    # Marks that reorder the text after them.
    | dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)], 0xFFFD)
)


class Word(NamedTuple):
    """Hold a word of a text: the first character, one past the last, and the largest probability of its tokens."""

    start: int
    end: int
    probability: float


def find_words(tokens: Iterable[Mapping[str, Any]]) -> list[Word]:
    """Return the words of a text, given its tokens as `ReplacedTokenDetection` returns them.

    A token that begins with `##` goes on with the word before it.

    Example:
        >>> from oxbert.pictures import find_words
        >>> find_words(
        ...     [
        ...         {"token": "ab", "start": 0, "end": 2, "probability": 0.1},
        ...         {"token": "##c", "start": 2, "end": 3, "probability": 0.5},
        ...     ]
        ... )
        [Word(start=0, end=3, probability=0.5)]
    """
    words: list[Word] = []
    for token in tokens:
        start, end, probability = token["start"], token["end"], token["probability"]
        if words and words[-1].end == start and token["token"].startswith("##"):
            words[-1] = Word(words[-1].start, end, max(words[-1].probability, probability))
        else:
            words.append(Word(start, end, probability))
    return words


def strength_of(probability: float) -> float:
    """Return how strongly to shade a word, from 0 at the base rate to 1."""
    return min(1.0, max(0.0, probability - BASE_RATE) / (3 * BASE_RATE))


def visible(text: str) -> str:
    """Return a text in which control characters are visible and control nothing; the length stays the same."""
    return text.translate(_VISIBLE)


__all__ = ["BASE_RATE", "Word", "find_words", "strength_of", "visible"]
