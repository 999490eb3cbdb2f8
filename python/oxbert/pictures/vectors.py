"""Draw vectors of sentences as a map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from oxbert._checks import as_numbers, refused
from oxbert.pictures._drawing import Drawing
from oxbert.pictures._marks import Mark
from oxbert.pictures.words import visible

_WIDTH, _HEIGHT, _MARGIN, _LINE = 760, 480, 30, 15
_LONGEST = 48
"""Longer labels are cut."""


@dataclass(frozen=True)
class VectorMap(Drawing):
    """Hold points with labels. Notebooks show the map.

    Attributes:
        points: The points, [B, 2], each coordinate from -1 to 1.
        labels: A label for each point.
        groups: A name for each point, which decides its colour; none by default.
        kept: The part of the vectors' variance that the two axes keep.
    """

    points: np.ndarray
    labels: tuple[str, ...]
    groups: tuple[str, ...] = ()
    kept: float = 1.0

    def _colours(self) -> list[str]:
        names = self.groups or ("sentence",) * len(self.labels)
        return [Mark(0, 0, 1.0, tone=name or "sentence").colour for name in names]

    def _shown(self) -> list[str]:
        cut = (label if len(label) <= _LONGEST else f"{label[: _LONGEST - 1]}…" for label in self.labels)
        return [visible(label).replace("\n", " ") for label in cut]

    def _places(self) -> list[tuple[float, float, float]]:
        """Return the place of each point, and the height of its label so that labels do not overlap."""
        low, high = self.points.min(axis=0), self.points.max(axis=0)
        room = np.array([_WIDTH - 2 * _MARGIN, _HEIGHT - 2 * _MARGIN])
        # One scale for both axes, so that distances can be compared.
        scale = (room / np.maximum(high - low, 1e-9)).min()
        middle = np.array([_WIDTH, _HEIGHT]) / 2
        pixels = middle + (self.points - (low + high) / 2) * scale * [1, -1]
        places: list[tuple[float, float, float]] = [(0.0, 0.0, 0.0)] * len(self.labels)
        below = -math.inf
        for number in np.argsort(pixels[:, 1], kind="stable"):
            left, top = (float(one) for one in pixels[number])
            below = max(top, below + _LINE)
            places[number] = (left, top, below)
        return places

    def fragment(self) -> str:
        """Return the map as a part of a page whose style is `STYLE`; labels are escaped."""
        places = self._places()
        height = max([_HEIGHT, *(label + _LINE for _, _, label in places)])
        parts = [
            f'<div class="oxbert-picture"><svg width="{_WIDTH}" height="{height:g}" viewBox="0 0 {_WIDTH} {height:g}" '
            f'role="img" font-size="12" fill="currentColor">'
        ]
        for (left, top, label), text, colour in zip(places, self._shown(), self._colours(), strict=True):
            side, anchor = (-9, "end") if left > _WIDTH / 2 else (9, "start")
            parts.append(f'<circle cx="{left:.1f}" cy="{top:.1f}" r="5" fill="rgb({colour})"></circle>')
            parts.append(
                f'<text x="{left + side:.1f}" y="{label + 4:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
            )
        parts.append("</svg></div>\n")
        return "".join(parts)

    def _draw(self, figure: type[Any]) -> Any:
        places = self._places()
        height = max([_HEIGHT, *(label + _LINE for _, _, label in places)])
        made = figure(figsize=(_WIDTH / 96, height / 96), facecolor="white")
        axes = made.add_axes((0, 0, 1, 1))
        axes.set_xlim(0, _WIDTH)
        axes.set_ylim(height, 0)
        axes.axis("off")
        for (left, top, label), text, colour in zip(places, self._shown(), self._colours(), strict=True):
            axes.plot([left], [top], "o", markersize=6, color=[int(part) / 255 for part in colour.split(",")])
            side, aligned = (-9, "right") if left > _WIDTH / 2 else (9, "left")
            axes.text(left + side, label, text, fontsize=8, ha=aligned, va="center", color="#1f2328", parse_math=False)
        return made


def map_vectors(vectors: Any, labels: Sequence[str], groups: Sequence[str] = ()) -> VectorMap:
    """Return vectors as points in the plane that keeps most of their variance, with labels.

    The axes are the first two principal components of the vectors.

    Args:
        vectors: The vectors, [B, H]: an array or a tensor, such as `SentenceEncoder.encode` returns.
        labels: A label for each vector, such as its sentence.
        groups: A name for each vector, which decides its colour.

    Raises:
        InputError: if the vectors are not a matrix of finite numbers, or the labels or the groups have another number.

    Example:
        >>> from oxbert.pictures import map_vectors
        >>> points = map_vectors([[0, 0, 1], [0, 0, 2], [0, 0, 4]], ["one", "two", "four"]).points
        >>> points.round(1).tolist()
        [[-0.8, 0.0], [-0.2, 0.0], [1.0, 0.0]]
    """
    array = as_numbers("vectors", vectors)
    if array.ndim != 2 or not array.size or not np.isfinite(array).all():
        raise refused("vectors", f"expected finite numbers, [B, H], at least one of each, got {list(array.shape)}")
    for name, values in [("labels", labels), ("groups", groups)]:
        if len(values) != len(array) and (name == "labels" or values):
            raise refused(name, f"expected one for each of the {len(array)} vectors, got {len(values)}")
    centred = array - array.mean(axis=0)
    # Large numbers would overflow in the products.
    centred /= max(float(np.abs(centred).max()), np.finfo(float).tiny)
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    # The sign of an axis is arbitrary: its largest component is positive.
    axes = axes[:2] * np.where(axes[:2][np.arange(len(axes[:2])), np.abs(axes[:2]).argmax(axis=1)] < 0, -1, 1)[:, None]
    points = np.zeros((len(array), 2))
    points[:, : len(axes)] = centred @ axes.T
    points[:, (np.arange(2) >= len(sizes)) | (np.pad(sizes, (0, 2))[:2] <= 1e-12 * max(float(sizes[0]), 1e-300))] = 0
    largest = float(np.abs(points).max())
    total = float((sizes**2).sum())
    kept = float((sizes[:2] ** 2).sum() / total) if total else 1.0
    return VectorMap(points / largest if largest else points, tuple(labels), tuple(groups), kept)


__all__ = ["VectorMap", "map_vectors"]
