"""Classify texts by a linear head on their vectors."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from typing_extensions import Self

from oxbert import _native
from oxbert._checks import check_flag, is_one_of, refused
from oxbert._types import Precision, Truncation
from oxbert.hub._options import split_options
from oxbert.pipelines._base import Answer
from oxbert.pipelines.linear_head import FILE, LinearHead
from oxbert.pipelines.sentences import SentenceEncoder
from oxbert.pipelines.text_classification import ScoreFunction, TextClassificationPipeline


class VectorClassificationPipeline(TextClassificationPipeline):
    """Return the label of a text, with its score, by a linear head on the text's vector.

    `oxbert.pipeline("text-classification")` makes one of a folder that a few-shot task has written: files of
    sentence-transformers, and `head.json`. Inputs, answers and options are those of `TextClassificationPipeline`, but a
    row is one text, and `truncation` shortens a text to the folder's `max_seq_length`.
    """

    _kind: ClassVar[Any] = _native._SentenceEncoder
    _wanted = "the folder of a few-shot task"
    _columns = ("text",)

    def __init__(self, native: Any, head: LinearHead, *, batch_tokens: int | None = None, **options: Any) -> None:
        super().__init__(native, batch_tokens=batch_tokens, **options)
        self.head = head

    @classmethod
    def from_pretrained(
        cls,
        model: Any = None,
        tokenizer: Any = None,
        *,
        device: Any = None,
        precision: Precision | None = None,
        emulate: bool = False,
        batch_tokens: int | None = None,
        **options: Any,
    ) -> Self:
        """Load a folder that a few-shot task has written.

        Raises:
            MissingFileError: if the folder lacks a file.
            DataError: if the head is damaged, or of another width than the vectors.
            InputError: if a tokenizer is given beside the folder's.
            OxbertError: otherwise as `SentenceEncoder.from_pretrained`.
        """
        if tokenizer is not None:
            raise refused("tokenizer", "expected None: the folder of a few-shot task has its own")
        hub, rest = split_options(options)
        cls._check(rest)
        encoder = SentenceEncoder.from_pretrained(
            model, device=device, precision=precision, emulate=emulate, batch_tokens=batch_tokens, **hub
        )
        head = LinearHead.from_pretrained(model, width=encoder.dimension)
        return cls(encoder._native, head, batch_tokens=batch_tokens, **rest)

    @property
    def config(self) -> _native.Config:
        """A copy of the encoder's configuration, with the labels of the head."""
        config: Any = super().config
        config.update({"id2label": dict(enumerate(self.head.labels))})
        found: _native.Config = config
        return found

    def _bind(
        self,
        *,
        top_k: Any = "",
        function_to_apply: ScoreFunction | None = None,
        truncation: bool | Truncation | None = None,
    ) -> Answer:
        is_single = is_one_of(top_k, "")
        count = 1 if is_single else len(self.head.labels) if top_k is None else top_k
        if isinstance(count, bool) or not isinstance(count, int) or count < 1:
            raise refused("top_k", f"expected at least 1 or None, got {top_k!r}")
        if function_to_apply is not None and not is_one_of(function_to_apply, *_FUNCTIONS):
            raise refused("function_to_apply", f"expected {', '.join(_FUNCTIONS)} or None, got {function_to_apply!r}")
        truncates = is_one_of(truncation, "longest_first", "only_first")
        if truncation is not None and not truncates and not is_one_of(truncation, "do_not_truncate"):
            check_flag("truncation", truncation)
            truncates = bool(truncation)
        apply, native, head = _FUNCTIONS[function_to_apply or "softmax"], self._native, self.head

        def answer(inputs: list[Any], first_row: int) -> list[Any]:
            vectors = native._encode(
                [_text(one) for one in inputs],
                prompt=None,
                normalize=False,
                truncate=truncates,
                torch=False,
                first_row=first_row,
            )
            scores = apply(head.logits(vectors))
            order = np.argsort(-scores, axis=-1, kind="stable")[:, :count]
            labels = [
                [{"label": head.labels[place], "score": float(row[place])} for place in places]
                for row, places in zip(scores, order, strict=True)
            ]
            return [best for (best,) in labels] if is_single else labels

        return answer


def is_few_shot_folder(model: Any) -> bool:
    """Return whether a model is given as a folder with a linear head beside an encoder."""
    return isinstance(model, str | os.PathLike) and all(
        (Path(model) / name).is_file() for name in (FILE, "modules.json")
    )


def _text(one: Any) -> Any:
    if not isinstance(one, Mapping):
        return one
    if one.keys() != {"text"}:
        raise refused("inputs", f"expected a text or the key text, got {', '.join(map(str, one))}")
    return one["text"]


def _softmax(logits: Any) -> Any:
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


# Turn logits [N, L] into scores.
_FUNCTIONS: Mapping[str, Callable[[Any], Any]] = {
    "none": lambda logits: logits,
    "sigmoid": lambda logits: 0.5 * (1 + np.tanh(0.5 * logits)),  # does not overflow
    "softmax": _softmax,
}

__all__ = ["VectorClassificationPipeline", "is_few_shot_folder"]
