"""Read spans of words off tags, and write them as tags.

Source: google-research/electra, finetune/tagging/tagging_utils.py, whose reading of contradictory tags is kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

Span = tuple[int, int, str]
"""The first word, the last word, and the kind."""
_OUTSIDE = "O"


def find_spans(tags: Sequence[str]) -> list[Span]:
    """Return the spans that tags mark, in order.

    A span begins at a `B` or `S`, and at any tag after `O`. It ends before the next of these and before `O`, and has
    the kind of its last tag.

    Raises:
        ValueError: if a tag is neither `O` nor a letter and a kind, such as `B-NP`.

    Example:
        >>> find_spans(["B-NP", "I-NP", "O", "I-VP", "B-NP"])
        [(0, 1, 'NP'), (3, 3, 'VP'), (4, 4, 'NP')]
    """
    spans: list[Span] = []
    start: int | None = None
    for place, tag in enumerate([*tags, _OUTSIDE]):
        letter, dash, _ = tag.partition("-")
        if tag != _OUTSIDE and not dash:
            raise ValueError(f"expected tags such as B-NP, or O, got {tag!r}")
        if start is not None and (tag == _OUTSIDE or letter in ("B", "S")):
            spans.append((start, place - 1, tags[place - 1].partition("-")[2]))
            start = None
        if tag != _OUTSIDE and start is None:
            start = place
    return spans


def encode_spans(spans: Iterable[Span], count: int) -> tuple[str, ...]:
    """Return the tags of spans of `count` words as BIOES: `B` begins a span, `E` ends it, and `S` is one of one word.

    Example:
        >>> encode_spans([(0, 1, "NP"), (3, 3, "VP")], 4)
        ('B-NP', 'E-NP', 'O', 'S-VP')
    """
    tags = [_OUTSIDE] * count
    for first, last, kind in spans:
        tags[first : last + 1] = [f"I-{kind}"] * (last + 1 - first)
        tags[last] = f"E-{kind}"
        tags[first] = f"B-{kind}" if first < last else f"S-{kind}"
    return tuple(tags)


__all__ = ["Span", "encode_spans", "find_spans"]
