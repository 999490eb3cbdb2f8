"""Define what a task of fine-tuning is: how its files become examples, features, losses, predictions and scores.

A file is read into examples, one per line or question; examples become features, the rows of a model's input; what the
model returns for the features becomes a prediction for each example, and predictions have a score.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from oxbert import Tokenizer
from oxbert._rows import OnBad
from oxbert.errors import DataError
from oxbert.training.finetuning.data.examples import (
    DEV,
    TEST,
    TRAIN,
    Example,
    QuestionExample,
    TaggedExample,
    TextExample,
)

if TYPE_CHECKING:
    from oxbert.training.finetuning.config import FineTuningConfig

Source = Any
"""A path of a file, a `datasets.Dataset`, or a list of dictionaries."""
Prediction = dict[str, Any]
"""What is predicted for an example, as JSON values."""
IGNORED = -100
"""The label of a token that has none."""


@dataclass(frozen=True, kw_only=True)
class Feature:
    """Hold one row of a model's input. A kind of tasks may derive a class with more fields.

    Attributes:
        example: The number of the example in its list.
        input_ids: The ids of the tokens.
        token_type_ids: Their types; empty for a family without types.
        labels: What the row is trained on: a class, numbers, a class for each token. None if it is not known.
        weight: The number of items that the loss of the row is a mean over. A row of weight 0 is not trained.
    """

    example: int
    input_ids: Sequence[int]
    token_type_ids: Sequence[int] = ()
    labels: Any = None
    weight: int = 1


@dataclass(frozen=True)
class Outcome:
    """Compare one prediction with the truth, for pictures.

    Attributes:
        truth: The right label or number. Of several labels at once, one of them; empty if it was predicted wrongly.
        predicted: The predicted one; empty if one of several labels was not predicted.
        probability: The probability of the prediction, if the model gives one.
    """

    truth: str | float
    predicted: str | float
    probability: float | None = None


@dataclass(frozen=True)
class Task(ABC):
    """Define a task. Its instances hold options and no state.

    Attributes:
        name: The name on the command line.
        columns: The columns of the user's files by what they hold, such as `{"text": "review", "label": "stars"}`.
        model: The auto class of models that fits, such as `AutoModelForSequenceClassification`.
        problem_type: The `problem_type` of the model's configuration.
        metric: The figure that decides on the best checkpoint and the best trial.
        is_better_high: Whether a higher figure is better.
        defaults: The options whose default differs for the task.
        options: The fields of `TASK_FIELDS` that tasks of the class use.
        packages: The optional packages that compute the figures.
        compares_rows: Whether the loss compares the rows of a batch with each other, so that these must be random.
    """

    name: str
    columns: Mapping[str, str] = field(default_factory=dict)
    model: ClassVar[str]
    problem_type: ClassVar[str | None] = None
    metric: str = "accuracy"
    is_better_high: ClassVar[bool] = True
    defaults: Mapping[str, Any] = field(default_factory=dict)
    options: ClassVar[frozenset[str]] = frozenset()
    packages: ClassVar[tuple[str, ...]] = ()
    compares_rows: ClassVar[bool] = False

    @property
    def used_fields(self) -> frozenset[str]:
        """Return the fields of `TASK_FIELDS` that this task uses."""
        return self.options

    def model_class(self, options: FineTuningConfig) -> str:
        """Return the auto class of models that fits with these options."""
        return self.model

    @abstractmethod
    def splits(self) -> Mapping[str, Sequence[str]]:
        """Return the possible names of the files of each split; the first that exists is taken.

        `train` and `dev` are what is trained and evaluated. All others are predicted in the end, and scored if they
        have labels.
        """

    @abstractmethod
    def read(self, source: Source, split: str, on_bad: OnBad) -> Iterator[Any]:
        """Iterate over the examples of a split.

        Args:
            source: A file, a `datasets.Dataset`, or a list of dictionaries.
            split: The name of the split. Rows of `train` need their labels.
            on_bad: Takes the error of each bad row, which is left out if the call returns.
        """

    @abstractmethod
    def labels(self, examples: Sequence[Any]) -> list[str] | None:
        """Return the names of the classes, in the order of the logits; None for a task without classes.

        Args:
            examples: Those of all splits with labels.
        """

    @abstractmethod
    def features(
        self,
        examples: Sequence[Any],
        tokenizer: Tokenizer,
        labels: Sequence[str] | None,
        options: FineTuningConfig,
        *,
        train: bool,
    ) -> list[Feature]:
        """Return the rows of the model's input, in the order of the examples.

        Args:
            examples: The examples.
            tokenizer: The tokenizer of the model.
            labels: The result of `labels`.
            options: The lengths and so on.
            train: Whether the rows are trained: a task may add rows, such as swapped pairs, and leave others out.
        """

    def arguments(self, features: Sequence[Any], pad_token_id: int) -> dict[str, Tensor]:
        """Return the arguments of the model for some rows, with the labels if all rows have theirs.

        Rows are padded into int64 [B, S]. Models drop the padding again, so it costs nothing.
        """
        arguments = {"input_ids": pad([row.input_ids for row in features], pad_token_id)}
        arguments["attention_mask"] = pad([[1] * len(row.input_ids) for row in features], 0)
        if features[0].token_type_ids:
            arguments["token_type_ids"] = pad([row.token_type_ids for row in features], 0)
        if all(row.labels is not None for row in features):
            arguments |= self.targets(features)
        return arguments

    @abstractmethod
    def targets(self, features: Sequence[Any]) -> dict[str, Tensor]:
        """Return the arguments of the model that hold the labels of some rows."""

    @abstractmethod
    def outputs(self, output: Any, features: Sequence[Any]) -> list[Any]:
        """Return what `predictions` needs of the model's output, for each row of a batch, as float32 numpy arrays."""

    @abstractmethod
    def predictions(
        self,
        outputs: Sequence[Any],
        features: Sequence[Any],
        examples: Sequence[Any],
        labels: Sequence[str] | None,
        options: FineTuningConfig,
    ) -> list[Prediction]:
        """Return what is predicted for each example.

        Args:
            outputs: The results of `outputs` for all rows.
            features: The rows.
            examples: The examples.
            labels: The names of the classes.
            options: How answers are chosen.
        """

    @abstractmethod
    def score(self, predictions: Sequence[Prediction], examples: Sequence[Any]) -> dict[str, float]:
        """Return the figures of predictions; the examples have their labels."""

    def outcomes(self, predictions: Sequence[Prediction], examples: Sequence[Any]) -> list[Outcome]:
        """Return what a picture compares: predictions and truths one by one; none for a task without a picture."""
        return []

    def has_labels(self, examples: Sequence[Any]) -> bool:
        """Return whether examples can be scored."""
        return bool(examples) and all(example.label is not None for example in examples)

    def write(self, predictions: Sequence[Prediction], examples: Sequence[Any], folder: Path, split: str) -> list[Path]:
        """Write predictions in the files of the task's benchmark, if it has some, and return their paths."""
        return []


def pad(rows: Sequence[Sequence[int]], value: int) -> Tensor:
    """Return rows as int64 [B, S], padded at the right."""
    longest = max(map(len, rows))
    padded = np.full((len(rows), longest), value, np.int64)
    for place, row in enumerate(rows):
        padded[place, : len(row)] = row
    return torch.from_numpy(padded)


def bad_example(example: Example, reason: str) -> DataError:
    """Return the error for an example that a task cannot use."""
    return DataError(f"{example.place}: {reason}", path=example.place, reason=reason)


def label_error(example: Example, label: object, labels: Sequence[str] | None) -> DataError:
    """Return the error for an example whose label is none of the known ones."""
    known = ", ".join((labels or [])[:20]) or "none"
    reason = f"expected one of the labels {known}, got {label!r}"
    return DataError(f"{example.place}: {reason}", path=example.place, reason=reason)


__all__ = [
    "DEV",
    "IGNORED",
    "TEST",
    "TRAIN",
    "Example",
    "Feature",
    "Outcome",
    "Prediction",
    "QuestionExample",
    "Source",
    "TaggedExample",
    "Task",
    "TextExample",
    "bad_example",
    "label_error",
    "pad",
]
