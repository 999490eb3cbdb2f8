"""Say how strongly to shade a word, and make every character of a text visible."""

from __future__ import annotations

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


def strength_of(probability: float) -> float:
    """Return how strongly to shade a word, from 0 at the base rate to 1."""
    return min(1.0, max(0.0, probability - BASE_RATE) / (3 * BASE_RATE))


def visible(text: str) -> str:
    """Return a text in which control characters are visible and control nothing; the length stays the same."""
    return text.translate(_VISIBLE)


__all__ = ["BASE_RATE", "strength_of", "visible"]
