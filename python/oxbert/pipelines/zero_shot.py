"""Classify texts by labels that the caller names, in the form of transformers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from oxbert import _native
from oxbert._checks import check_texts, check_type, refused
from oxbert._fields import Fields, Result
from oxbert.pipelines._base import Answer, Pipeline
from oxbert.pipelines.text_classification import LABEL, best_label


class ZeroShotClassificationPipeline(Pipeline):
    """Return the labels of a text by falling score, without having been trained on them.

    The model is a text classifier that was trained on natural language inference: one of its labels begins with
    `entail`. A label's score says how likely the text entails a sentence about the label. The answer for a text is a
    dictionary: `sequence` (the text), `labels` and `scores`.

    Options:
        candidate_labels: The labels, a list or a string with commas; the second argument of a call may be they.
        hypothesis_template: The sentence about a label, with `{}` in place of it.
        multi_label: Whether several labels may be true of a text. Each score is then a probability by itself; otherwise
            the scores sum to 1.
        truncation: Whether to shorten a text with more tokens than the model has positions. It is an error otherwise.
    """

    task = "zero-shot-classification"
    _kind: ClassVar[Any] = _native._ZeroShotClassification
    _wanted = "a text classifier that was trained on natural language inference"

    def __call__(self, inputs: Any, candidate_labels: Any = None, **options: Any) -> Any:
        """Answer one text, a list of texts, or a stream of texts, as `Pipeline` does."""
        if candidate_labels is not None:
            options["candidate_labels"] = candidate_labels
        return super().__call__(inputs, **options)

    def _bind(
        self,
        *,
        candidate_labels: str | Sequence[str] | None = None,
        hypothesis_template: str = "This example is {}.",
        multi_label: bool = False,
        truncation: bool = False,
    ) -> Answer:
        native = self._native
        if candidate_labels is None:
            raise refused("candidate_labels", "expected a list of labels, got None")
        if isinstance(candidate_labels, str):
            candidate_labels = [label.strip() for label in candidate_labels.split(",") if label.strip()]
        labels = list(candidate_labels)
        check_texts("candidate_labels", labels)
        check_type("hypothesis_template", hypothesis_template, str, "a text")

        def answer(texts: list[Any], first_row: int) -> list[Any]:
            ranked: list[Any] = native._classify(
                texts,
                labels,
                template=hypothesis_template,
                multi_label=multi_label,
                truncate=truncation,
                first_row=first_row,
            )
            return ranked

        return answer

    def _form(self, options: Mapping[str, Any]) -> tuple[Fields, Mapping[str, Any], Callable[[Any], Result]]:
        return {**LABEL, "labels": [LABEL]}, {}, _ranked


def _ranked(found: Mapping[str, Any]) -> Result:
    pairs = zip(found["labels"], found["scores"], strict=True)
    return best_label([{"label": label, "score": score} for label, score in pairs])


__all__ = ["ZeroShotClassificationPipeline"]
