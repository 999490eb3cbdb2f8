"""Draw attention: all heads of all layers as a grid, and one head over the words of a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from oxbert._checks import as_numbers, refused
from oxbert.pictures._drawing import Drawing
from oxbert.pictures._marks import Bar, Mark
from oxbert.pictures._picture import Picture
from oxbert.pictures._style import TONES

_MOST = 128
"""How many tokens a grid has room for."""
_SIDE = 96
"""The side of a head in pixels."""
_GAP, _MARGIN = 8, 54
_LEAST = 0.02
"""Weaker weights are white."""


@dataclass(frozen=True)
class AttentionGrid(Drawing):
    """Hold the attention of all heads for one text. Notebooks show the grid: a row of squares per layer, one per head.

    In a square, a row is a token that attends, and a column one that it attends to; the darker, the more.

    Attributes:
        weights: The weights, from 0 to 1, [N, A, S, S]: layers, heads, and the tokens of the text twice.
    """

    weights: np.ndarray

    def fragment(self) -> str:
        """Return the grid as a part of a page whose style is `STYLE`."""
        layers, heads, count, _ = self.weights.shape
        step = _SIDE / count
        width, height = _MARGIN + heads * (_SIDE + _GAP), 22 + layers * (_SIDE + _GAP)
        parts = [
            f'<div class="oxbert-picture"><svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
            f'role="img" font-size="11" fill="currentColor">'
        ]
        for head in range(heads):
            x = _MARGIN + head * (_SIDE + _GAP) + _SIDE / 2
            parts.append(f'<text x="{x:g}" y="14" text-anchor="middle">head {head}</text>')
        for layer in range(layers):
            top = 22 + layer * (_SIDE + _GAP)
            parts.append(f'<text x="{_MARGIN - 8}" y="{top + _SIDE / 2:g}" text-anchor="end">layer {layer}</text>')
            for head in range(heads):
                left = _MARGIN + head * (_SIDE + _GAP)
                frame = 'fill="none" stroke="currentColor" stroke-opacity="0.3"'
                parts.append(f'<rect x="{left}" y="{top}" width="{_SIDE}" height="{_SIDE}" {frame}></rect>')
                parts.append(f'<g fill="rgb({TONES[1]})">')
                for row, column in np.argwhere(self.weights[layer, head] >= _LEAST):
                    opacity = min(1.0, float(self.weights[layer, head, row, column]))
                    parts.append(
                        f'<rect x="{left + column * step:.2f}" y="{top + row * step:.2f}" width="{step:.2f}" '
                        f'height="{step:.2f}" fill-opacity="{opacity:.2f}"></rect>'
                    )
                parts.append("</g>")
        parts.append("</svg></div>\n")
        return "".join(parts)

    def _draw(self, figure: type[Any]) -> Any:
        layers, heads = self.weights.shape[:2]
        made = figure(figsize=(0.8 + 1.3 * heads, 0.5 + 1.3 * layers), facecolor="white", layout="compressed")
        for layer, row in enumerate(made.subplots(layers, heads, squeeze=False)):
            for head, axes in enumerate(row):
                axes.imshow(self.weights[layer, head], cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
                axes.set_xticks([])
                axes.set_yticks([])
                if layer == 0:
                    axes.set_title(f"head {head}", fontsize=8)
                if head == 0:
                    axes.set_ylabel(f"layer {layer}", fontsize=8)
        return made


def draw_attention(attentions: Sequence[Any]) -> AttentionGrid:
    """Return the attention of all heads for one text as a grid.

    Args:
        attentions: The weights of each layer, [A, S, S], or [1, A, S, S] as a model returns them for one text with
            `output_attentions=True`: arrays or tensors.

    Raises:
        InputError: if the weights are those of several texts, of texts of more than 128 tokens, or of no layer.

    Example:
        >>> import oxbert
        >>> from oxbert.pictures import draw_attention
        >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-discriminator")
        >>> model = oxbert.ElectraForPreTraining.from_pretrained("electra-tiny-discriminator")
        >>> output = model(**tokenizer(["Return a list."]), output_attentions=True)
        >>> draw_attention(output.attentions).weights.shape
        (4, 3, 6, 6)
    """
    layers = [_weights(layer, 3, "the weights of one text, [A, S, S] or [1, A, S, S]") for layer in attentions]
    if not layers or len({layer.shape for layer in layers}) > 1:
        raise refused("attentions", f"expected the weights of each layer, all of one shape, got {len(layers)} of them")
    if layers[0].shape[-1] > _MOST:
        raise refused("attentions", f"expected a text of at most {_MOST} tokens, got {layers[0].shape[-1]}")
    return AttentionGrid(np.stack(layers))


def shade_attention(text: str, encoding: Any, weights: Any, token: int) -> Picture:
    """Return a text whose tokens are shaded by how much one of them attends to each.

    The attending token has a mark of its own colour. Below the text are the weights of the special tokens, which no
    part of the text stands for.

    Args:
        text: The text.
        encoding: The tokens of the text, an `oxbert.Encoding`: `tokenizer(text).encodings[0]`.
        weights: The weights of one head, [S, S]: an array or a tensor.
        token: The index of the attending token in the encoding.

    Raises:
        InputError: if the weights are not one head's, or have another number of tokens than the encoding, or there is
            no such token.

    Example:
        >>> import oxbert
        >>> from oxbert.pictures import shade_attention
        >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-discriminator")
        >>> model = oxbert.ElectraForPreTraining.from_pretrained("electra-tiny-discriminator")
        >>> text = "Returns the number of elements in the list."
        >>> output = model(**tokenizer([text]), output_attentions=True)
        >>> picture = shade_attention(text, tokenizer(text).encodings[0], output.attentions[2][0, 0], token=4)
        >>> max(picture.marks, key=lambda mark: (not mark.tone, mark.strength)).note
        '98%'
    """
    head = _weights(weights, 2, "the weights of one head, [S, S]")
    count = len(encoding.tokens)
    if head.shape[-1] != count:
        raise refused("weights", f"expected the {count} tokens of the encoding, got {head.shape[-1]}")
    if not 0 <= token < count:
        raise refused("token", f"expected an index below {count}, got {token}")
    marks, bars = [], []
    for column, (start, end) in enumerate(encoding.offsets):
        weight = float(head[token, column])
        note = f"{weight:.0%}" if weight >= _LEAST else ""
        if encoding.special_tokens_mask[column]:
            bars.append(Bar(encoding.tokens[column], weight))
        elif column == token:
            marks.append(Mark(start, end, 0.5, note, f"{weight:.4f}", "attends"))
        else:
            marks.append(Mark(start, end, weight if note else 0.0, note, f"{weight:.4f}"))
    return Picture(text, tuple(marks), (tuple(bars),) if bars else ())


def _weights(values: Any, dimensions: int, expected: str) -> np.ndarray:
    """Return the weights as an array of this many dimensions; a first one of size 1 may come before them."""
    array = as_numbers("weights", values)
    if array.ndim == dimensions + 1 and array.shape[0] == 1:
        array = array[0]
    if array.ndim != dimensions or array.shape[-1] != array.shape[-2] or not array.size:
        raise refused("weights", f"expected {expected}, got {list(array.shape)}")
    if not np.isfinite(array).all():
        raise refused("weights", "expected numbers from 0 to 1, got one that is not finite")
    return array


__all__ = ["AttentionGrid", "draw_attention", "shade_attention"]
