"""Turn answers of pipelines into pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from oxbert.pictures._marks import Bar, Mark
from oxbert.pictures._picture import Picture
from oxbert.pictures.words import strength_of


def shade_words(text: str, words: Iterable[Mapping[str, Any]]) -> Picture:
    """Return a text whose words are shaded by the probability that they were replaced.

    Args:
        text: The text.
        words: Its words, or its tokens, with `start`, `end` and `probability`, as the pipeline
            `replaced-token-detection` and `ReplacedTokenDetection` return them.

    Example:
        >>> import oxbert
        >>> from oxbert.pictures import shade_words
        >>> detect = oxbert.pipeline("replaced-token-detection", threshold=0)
        >>> text = "Returns the number of elements because the list."
        >>> picture = shade_words(text, detect(text))
        >>> [mark.note for mark in picture.marks if mark.strength == 1]
        ['85%']
    """
    marks = []
    for word in words:
        probability = word["probability"]
        strength = strength_of(probability)
        note = f"{probability:.0%}" if strength else ""
        marks.append(Mark(word["start"], word["end"], strength, note, f"{probability:.4f}"))
    return Picture(text, tuple(marks))


def draw_candidates(text: str, masks: Sequence[Mapping[str, Any]]) -> Picture:
    """Return a text with the candidates of each mask as bars.

    Args:
        text: The text.
        masks: Its masks with `start`, `end` and `candidates`, as `FillMask` returns them.

    Example:
        >>> import oxbert
        >>> from oxbert.pictures import draw_candidates
        >>> fill = oxbert.FillMask.from_pretrained("electra-tiny-generator")
        >>> text = "Return the number of [MASK] in the graph."
        >>> draw_candidates(text, fill([text])[0]).groups[0][0].label
        'nodes'
    """
    marks = tuple(Mark(mask["start"], mask["end"], 0.5, tone="mask") for mask in masks)
    groups = tuple(
        tuple(Bar(candidate["token_str"], candidate["score"]) for candidate in mask["candidates"]) for mask in masks
    )
    return Picture(text, marks, groups)


def mark_entities(text: str, entities: Iterable[Mapping[str, Any]]) -> Picture:
    """Return a text with its entities marked, each label in a colour of its own.

    Args:
        text: The text.
        entities: Dictionaries with `start`, `end`, `score` and the label, `entity_group` or `entity`, as
            transformers' token classification returns them.

    Example:
        >>> from oxbert.pictures import mark_entities
        >>> mark_entities("Ada lives", [{"entity_group": "PER", "score": 0.9, "start": 0, "end": 3}]).marks[0].note
        'PER'
    """
    marks = []
    for entity in entities:
        label = str(entity.get("entity_group") or entity.get("entity"))
        score = float(entity["score"])
        marks.append(Mark(entity["start"], entity["end"], 0.25 + 0.5 * score, label, f"{label} {score:.4f}", label))
    return Picture(text, tuple(marks))


__all__ = ["draw_candidates", "mark_entities", "shade_words"]
