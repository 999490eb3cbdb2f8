"""Classify texts, in the form of transformers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal

from oxbert import _native
from oxbert._checks import is_one_of, refused
from oxbert._fields import Fields, Result
from oxbert._types import Truncation
from oxbert.pipelines._base import Answer, Pipeline

ScoreFunction = Literal["none", "sigmoid", "softmax"]

LABEL: Fields = {"label": str, "score": float}
"""The fields of a label, for tables."""


class TextClassificationPipeline(Pipeline):
    """Return the label of a text, or of a pair of texts, with its score.

    An input is a text, or a dictionary with `text` and `text_pair`. The answer is a dictionary: `label` (of the
    configuration's `id2label`) and `score`. With `top_k` it is a list of such dictionaries, the best first. As in
    transformers, a single text without `top_k` gives a list of one.

    Options:
        top_k: The number of labels of a text; None means all.
        function_to_apply: `softmax`, `sigmoid` or `none`, which turns logits into scores. None means the one of the
            configuration: `none` for regression, `sigmoid` for several labels that are true or false
            (`multi_label_classification`) or for a single label, otherwise `softmax`.
        truncation: True shortens a text with more tokens than the model has positions, by the name of a side of the
            pair (`only_first`, `only_second`) that side. Without it such a text is an error.

    Example:
        >>> import oxbert
        >>> config = oxbert.ElectraConfig(vocab_size=8192, hidden_size=8, num_hidden_layers=1, num_labels=3)
        >>> model = oxbert.ElectraForSequenceClassification(config, seed=0)
        >>> tokenizer = oxbert.AutoTokenizer.from_pretrained("electra-tiny-generator")
        >>> try:
        ...     oxbert.pipeline("text-classification", model, tokenizer)
        ... except oxbert.errors.UntrainedHeadError as error:
        ...     print(error.task)
        text-classification
    """

    task = "text-classification"
    _kind: ClassVar[Any] = _native._TextClassification
    _wanted = "a text classifier"
    _columns: ClassVar[tuple[str, ...]] = ("text", "text_pair")

    def __call__(self, inputs: Any, **options: Any) -> Any:
        """Answer one input, a list of inputs, or a stream of inputs, as `Pipeline` does."""
        answer = super().__call__(inputs, **options)
        return [answer] if isinstance(inputs, str) and "top_k" not in {**self._options, **options} else answer

    def _bind(
        self,
        *,
        top_k: int | Literal[""] | None = "",
        function_to_apply: ScoreFunction | None = None,
        truncation: bool | Truncation | None = None,
    ) -> Answer:
        native, is_single = self._native, is_one_of(top_k, "")

        def answer(inputs: list[Any], first_row: int) -> list[Any]:
            labels = native._classify(
                [_row(one) for one in inputs],
                top_k=1 if is_single else top_k,
                function=function_to_apply,
                truncation=truncation,
                first_row=first_row,
            )
            return [best for (best,) in labels] if is_single else labels

        return answer

    def _form(self, options: Mapping[str, Any]) -> tuple[Fields, Mapping[str, Any], Callable[[Any], Result]]:
        if options.get("top_k", "") == "":
            return LABEL, {}, dict
        return {**LABEL, "labels": [LABEL]}, {}, best_label


def best_label(labels: Sequence[Result]) -> Result:
    """Return the best of some labels, and all of them."""
    return {**labels[0], "labels": labels}


def _row(one: Any) -> Any:
    """Return an input as a tokenizer takes it: a text, or the two texts of a pair."""
    if not isinstance(one, Mapping):
        if isinstance(one, list | tuple):
            raise refused("inputs", 'expected {"text": ..., "text_pair": ...} for a pair of texts, got a list')
        return one
    if "text" not in one or one.keys() - {"text", "text_pair"}:
        raise refused("inputs", f"expected the keys text and text_pair, got {', '.join(map(str, one))}")
    # As in transformers, an empty second text is none.
    return one["text"] if one.get("text_pair") in (None, "") else (one["text"], one["text_pair"])


__all__ = ["LABEL", "ScoreFunction", "TextClassificationPipeline", "best_label"]
