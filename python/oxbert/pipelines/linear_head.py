"""Fit a linear head on vectors of texts, write it, and read it back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from oxbert._checks import as_numbers, refused, require
from oxbert._files import damaged, is_file, translate_os_errors, write_whole
from oxbert._types import PathLike
from oxbert.errors import MissingFileError

FILE = "head.json"
"""The name of the file of a head, in the folder of the encoder."""
_Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class LinearHead:
    """Predict classes from vectors of texts.

    Attributes:
        labels: The names of the classes, L of them.
        weight: What a vector is multiplied by, [L, H].
        bias: What is added, [L].

    Example:
        >>> vectors = np.array([[0.0, 9.0], [9.0, 0.0], [1.0, 8.0], [8.0, 1.0]])
        >>> head = LinearHead.fit(vectors, ["no", "yes", "no", "yes"])
        >>> head.predict(vectors)
        ['no', 'yes', 'no', 'yes']
    """

    labels: tuple[str, ...]
    weight: _Numbers
    bias: _Numbers

    @classmethod
    def fit(cls, vectors: Any, labels: Sequence[str]) -> LinearHead:
        """Return scikit-learn's `LogisticRegression` of vectors [N, H] and their labels.

        Raises:
            InputError: if the labels are not of two classes at least, one for each vector, or a number is not finite.
            MissingDependencyError: if scikit-learn is not installed.
        """
        if len(set(labels)) < 2:
            found = ", ".join(sorted(map(str, set(labels)))) or "none"
            raise refused("labels", f"expected examples of two classes at least, got {found}")
        linear = require("sklearn", "linear_model", extra="finetune")
        try:
            found = linear.LogisticRegression(max_iter=1000).fit(as_numbers("vectors", vectors), list(labels))
        except ValueError as error:
            raise refused("vectors", f"no head fits them and their labels: {error}") from error
        weight, bias = found.coef_, found.intercept_
        if len(weight) == 1:
            # Of two classes it has the second one's logit, that of the first being 0.
            weight, bias = np.concatenate([np.zeros_like(weight), weight]), np.concatenate([np.zeros(1), bias])
        return cls(tuple(str(name) for name in found.classes_), weight, bias)

    def logits(self, vectors: Any) -> _Numbers:
        """Return the logits [N, L] of vectors [N, H]; their softmax are the probabilities of the classes.

        Raises:
            InputError: if the vectors are of another width, or no numbers.
        """
        array = as_numbers("vectors", vectors)
        if array.ndim != 2 or array.shape[1] != self.weight.shape[1]:
            raise refused("vectors", f"expected [N, H = {self.weight.shape[1]}], got {list(array.shape)}")
        found: _Numbers = array @ self.weight.T + self.bias
        return found

    def predict(self, vectors: Any) -> list[str]:
        """Return the likeliest class of each vector."""
        return [self.labels[place] for place in self.logits(vectors).argmax(-1)]

    def save(self, folder: Path) -> None:
        """Write the head into a folder.

        Raises:
            FileError: if the file cannot be written.
        """
        values = {"labels": self.labels, "weight": self.weight.tolist(), "bias": self.bias.tolist()}
        write_whole(folder / FILE, json.dumps(values).encode())

    @classmethod
    def from_pretrained(cls, folder: PathLike, *, width: int | None = None) -> LinearHead:
        """Read the head of a folder that `finetune` has written.

        Args:
            folder: The folder.
            width: The width H that the head has to have; None means any.

        Raises:
            MissingFileError: if the folder has none.
            DataError: if the file is damaged, or the head has another width.
        """
        path = Path(folder) / FILE
        if not is_file(path):
            message = f"{folder} has no {FILE}: it is no result of a few-shot task"
            raise MissingFileError(message, folder=str(folder), wanted=FILE, found=[])
        with translate_os_errors("read", path):
            text = path.read_bytes()
        try:
            values = json.loads(text)
            labels = tuple(map(str, values["labels"]))
            weight, bias = (np.array(values[name], np.float64) for name in ("weight", "bias"))
        except (ValueError, KeyError, TypeError) as error:
            raise damaged(path, f"expected a linear head: {error}") from error
        if weight.ndim != 2 or bias.shape != (len(labels),) or len(weight) != len(labels):
            raise damaged(path, f"expected {len(labels)} rows of weights, found {weight.shape} and {bias.shape}")
        if width is not None and weight.shape[1] != width:
            raise damaged(path, f"expected weights of the vectors' width {width}, found {weight.shape[1]}")
        return cls(labels, weight, bias)


__all__ = ["FILE", "LinearHead"]
