"""Build the pipelines of transformers and oxbert on the same random weights and vocabulary."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import transformers

import oxbert

from . import reference
from .text_reference import WORDS, fresh

TOLERANCE = 1e-4
"""Largest accepted difference of two scores."""

LONGEST = 48
"""The number of positions of the models."""

FAMILIES = ("Electra", "DistilBert")


class Served(NamedTuple):
    """Hold both pipelines of a folder."""

    ours: Any
    theirs: Any
    folder: Path


def serve(folder: Path, family: str, head: str, task: str, *, seed: int = 0, **config: Any) -> Served:
    """Write a folder with a random model and a vocabulary, and load the pipelines of both from it."""
    name = f"{family}{head}"
    sizes = {"vocab_size": len(WORDS), "max_position_embeddings": LONGEST}
    values = reference.values_of(name, "small", **sizes | config)
    pair = reference.build(name, values, folder, seed)
    mine, theirs = fresh(family, model_max_length=LONGEST)
    mine.save_pretrained(folder)
    return Served(
        oxbert.pipeline(task, folder), transformers.pipeline(task, model=pair.theirs, tokenizer=theirs), folder
    )


def same(ours: Any, theirs: Any, path: str = "answer") -> None:
    """Assert that two answers are equal, up to rounding of their numbers."""
    if isinstance(theirs, dict):
        assert isinstance(ours, dict) and list(ours) == list(theirs), path
        for name, value in theirs.items():
            same(ours[name], value, f"{path}.{name}")
    elif isinstance(theirs, list):
        assert isinstance(ours, list) and len(ours) == len(theirs), (path, ours, theirs)
        for place, value in enumerate(theirs):
            same(ours[place], value, f"{path}[{place}]")
    elif isinstance(theirs, float):
        assert isinstance(ours, float) and abs(ours - theirs) <= TOLERANCE, (path, ours, theirs)
    else:
        assert ours == theirs, (path, ours, theirs)
