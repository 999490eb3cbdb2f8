"""Define the tasks on texts and pairs of texts by what is predicted: a class, a number, or several labels."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from oxbert import Tokenizer
from oxbert.training.finetuning.metrics import scores
from oxbert.training.finetuning.tasks.task import Feature, Outcome, Prediction, Task, TextExample, label_error

if TYPE_CHECKING:
    from oxbert.training.finetuning.config import FineTuningConfig

_AT_ONCE = 1024
"""How many texts are tokenised in one call."""


@dataclass(frozen=True)
class TextTask(Task):
    """Turn texts and pairs into features.

    Attributes:
        is_unordered: Whether the order of a pair has no meaning, so that it can be trained in both.
    """

    model: ClassVar[str] = "AutoModelForSequenceClassification"
    packages: ClassVar[tuple[str, ...]] = ("sklearn", "scipy")
    is_unordered: bool = False

    @property
    def used_fields(self) -> frozenset[str]:
        """Return the fields of `TASK_FIELDS` that this task uses."""
        return self.options | {"head"} | ({"double_unordered"} if self.is_unordered else set())

    def model_class(self, options: FineTuningConfig) -> str:
        """Return the auto class of models with the head that the options name."""
        return "AutoModelForLinearClassification" if options.head == "original" else self.model

    def features(
        self,
        examples: Sequence[TextExample],
        tokenizer: Tokenizer,
        labels: Sequence[str] | None,
        options: FineTuningConfig,
        *,
        train: bool,
    ) -> list[Feature]:
        """Return a row for each example; if `train` and pairs are unordered, another one with the texts swapped."""
        numbered = list(enumerate(examples))
        if train and self.is_unordered and options.double_unordered:
            numbered += [
                (number, replace(one, first=one.second, second=one.first))
                for number, one in numbered
                if one.second is not None
            ]
        found: list[Feature] = []
        for first in range(0, len(numbered), _AT_ONCE):
            part = numbered[first : first + _AT_ONCE]
            rows = encode([example for _, example in part], tokenizer, options.max_length)
            for (number, example), (ids, types) in zip(part, rows, strict=True):
                target = None if example.label is None else self.target(example, labels)
                found.append(Feature(example=number, input_ids=ids, token_type_ids=types, labels=target))
        return found

    def target(self, example: TextExample, labels: Sequence[str] | None) -> Any:
        """Return what an example is trained on."""
        raise NotImplementedError

    def outputs(self, output: Any, features: Sequence[Feature]) -> list[Any]:
        """Return the logits [L] of each row."""
        return list(output.logits.float().cpu().numpy())


def encode(
    examples: Sequence[TextExample], tokenizer: Tokenizer, max_length: int
) -> Iterator[tuple[Sequence[int], Sequence[int]]]:
    """Iterate over the ids and the types of texts and pairs of at most `max_length` tokens.

    The end of a text that is too long is cut off; of a pair, tokens of the longer text, and of two equally long texts
    those of the second.

    Source:
        google-research/electra, finetune/preprocessing.py: `_truncate_seq_pair`, as in BERT.
    """
    texts = [example.first if example.second is None else (example.first, example.second) for example in examples]
    encoding = tokenizer(texts, truncation=False, return_attention_mask=False, return_token_type_ids=True)
    for row, (ids, types) in enumerate(zip(encoding["input_ids"], encoding["token_type_ids"], strict=True)):
        if len(ids) > max_length:
            which = encoding.sequence_ids(row)
            parts = [[one for one, of in zip(ids, which, strict=True) if of == text] for text in (0, 1)]
            is_pair = examples[row].second is not None
            most = max_length - tokenizer.num_special_tokens_to_add(is_pair)
            first, second = _cut(len(parts[0]), len(parts[1]), most)
            kept = (parts[0][:first], parts[1][:second]) if is_pair else (parts[0][:first],)
            ids = tokenizer.build_inputs_with_special_tokens(*kept)
            types = tokenizer.create_token_type_ids_from_sequences(*kept)
        # A list would have an object for each of millions of tokens.
        yield array("i", ids), array("b", types)


def _cut(first: int, second: int, most: int) -> tuple[int, int]:
    """Return the lengths of two texts after tokens of the longer one were dropped until at most `most` are left."""
    most = max(0, most)
    over = first + second - most
    if over <= 0:
        return first, second
    # Down to equal lengths only the longer text loses tokens.
    difference = min(over, abs(first - second))
    first, second = (first - difference, second) if first > second else (first, second - difference)
    over -= difference
    return first - over // 2, second - (over + 1) // 2


@dataclass(frozen=True)
class ClassTask(TextTask):
    """Predict one of several classes.

    Attributes:
        figures: The figures of `scores.classes`.
    """

    problem_type: ClassVar[str | None] = "single_label_classification"
    figures: tuple[str, ...] = ("accuracy",)

    def target(self, example: TextExample, labels: Sequence[str] | None) -> int:
        """Return the number of the class."""
        try:
            return (labels or []).index(str(example.label))
        except ValueError as error:
            raise label_error(example, example.label, labels) from error

    def targets(self, features: Sequence[Feature]) -> dict[str, Tensor]:
        """Return the classes [B]."""
        return {"labels": torch.tensor([row.labels for row in features])}

    def predictions(
        self,
        outputs: Sequence[Any],
        features: Sequence[Feature],
        examples: Sequence[TextExample],
        labels: Sequence[str] | None,
        options: FineTuningConfig,
    ) -> list[Prediction]:
        """Return the class of each example, and the probability of each class."""
        assert labels is not None
        return [
            {"label": labels[int(row.argmax())], "scores": dict(zip(labels, softmax(row).tolist(), strict=True))}
            for row in outputs
        ]

    def score(self, predictions: Sequence[Prediction], examples: Sequence[TextExample]) -> dict[str, float]:
        """Return the task's figures of the predicted classes."""
        truth = [str(example.label) for example in examples]
        return scores.classes([row["label"] for row in predictions], truth, self.figures)

    def outcomes(self, predictions: Sequence[Prediction], examples: Sequence[TextExample]) -> list[Outcome]:
        """Return the right and the predicted class of each example."""
        return [
            Outcome(str(example.label), row["label"], row["scores"][row["label"]])
            for row, example in zip(predictions, examples, strict=True)
        ]


@dataclass(frozen=True)
class NumberTask(TextTask):
    """Predict a number.

    Attributes:
        low: The number that the model learns as 0; None leaves numbers as they are.
        high: The number that the model learns as 1.
    """

    problem_type: ClassVar[str | None] = "regression"
    metric: str = "pearson"
    low: float | None = None
    high: float | None = None

    @property
    def scale(self) -> tuple[float, float]:
        """Return what is subtracted from a number, and what it is divided by then."""
        return (0.0, 1.0) if self.low is None or self.high is None else (self.low, self.high - self.low)

    def labels(self, examples: Sequence[TextExample]) -> list[str]:
        """Return the name of the only output."""
        return ["value"]

    def target(self, example: TextExample, labels: Sequence[str] | None) -> float:
        """Return the number as the model learns it."""
        low, size = self.scale
        return (_number(example) - low) / size

    def targets(self, features: Sequence[Feature]) -> dict[str, Tensor]:
        """Return the numbers [B, 1], float32."""
        return {"labels": torch.tensor([[row.labels] for row in features], dtype=torch.float32)}

    def predictions(
        self,
        outputs: Sequence[Any],
        features: Sequence[Feature],
        examples: Sequence[TextExample],
        labels: Sequence[str] | None,
        options: FineTuningConfig,
    ) -> list[Prediction]:
        """Return the number of each example."""
        low, size = self.scale
        return [{"value": float(row[0]) * size + low} for row in outputs]

    def score(self, predictions: Sequence[Prediction], examples: Sequence[TextExample]) -> dict[str, float]:
        """Return the correlations, and the mean squared error of the numbers as the model learns them."""
        low, size = self.scale
        found = [(row["value"] - low) / size for row in predictions]
        return scores.numbers(found, [(_number(example) - low) / size for example in examples])

    def outcomes(self, predictions: Sequence[Prediction], examples: Sequence[TextExample]) -> list[Outcome]:
        """Return the right and the predicted number of each example."""
        return [Outcome(_number(one), row["value"]) for row, one in zip(predictions, examples, strict=True)]


def _number(example: TextExample) -> float:
    assert isinstance(example.label, int | float)  # what `read` of the task yields
    return float(example.label)


@dataclass(frozen=True)
class LabelsTask(TextTask):
    """Predict which of several labels apply; any number of them may."""

    problem_type: ClassVar[str | None] = "multi_label_classification"
    options: ClassVar[frozenset[str]] = frozenset({"threshold"})
    metric: str = "micro_f1"

    def target(self, example: TextExample, labels: Sequence[str] | None) -> list[float]:
        """Return 1 for each label that applies, 0 for the others."""
        known = labels or []
        for label in _names(example):
            if label not in known:
                raise label_error(example, label, known)
        return [float(label in _names(example)) for label in known]

    def targets(self, features: Sequence[Feature]) -> dict[str, Tensor]:
        """Return the labels [B, L], float32."""
        return {"labels": torch.tensor([row.labels for row in features], dtype=torch.float32)}

    def predictions(
        self,
        outputs: Sequence[Any],
        features: Sequence[Feature],
        examples: Sequence[TextExample],
        labels: Sequence[str] | None,
        options: FineTuningConfig,
    ) -> list[Prediction]:
        """Return the labels with a probability of at least `threshold`, and the probability of each label."""
        assert labels is not None
        found = []
        for row in outputs:
            shares = dict(zip(labels, (1 / (1 + np.exp(-row.astype(np.float64)))).tolist(), strict=True))
            found.append({"labels": [name for name in labels if shares[name] >= options.threshold], "scores": shares})
        return found

    def score(self, predictions: Sequence[Prediction], examples: Sequence[TextExample]) -> dict[str, float]:
        """Return the figures of the predicted labels."""
        return scores.several([row["labels"] for row in predictions], [_names(example) for example in examples])

    def outcomes(self, predictions: Sequence[Prediction], examples: Sequence[TextExample]) -> list[Outcome]:
        """Return each label that applies or was predicted."""
        return [
            Outcome(name if name in _names(one) else "", name if name in row["labels"] else "")
            for row, one in zip(predictions, examples, strict=True)
            for name in row["scores"]
            if name in _names(one) or name in row["labels"]
        ]


def _names(example: TextExample) -> tuple[str, ...]:
    assert isinstance(example.label, tuple)  # what `read` of the task yields
    return example.label


def softmax(logits: Any) -> Any:
    """Return the probabilities of logits [L], as float64."""
    powers = np.exp(logits.astype(np.float64) - logits.max())
    return powers / powers.sum()


__all__ = ["ClassTask", "LabelsTask", "NumberTask", "TextTask", "encode", "softmax"]
