"""Define classification, regression and so on of the user's own texts, by the names of their columns."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from oxbert._rows import ENDINGS, OnBad, Row, kind_of
from oxbert.errors import DataError
from oxbert.training.finetuning.data.tables import read_table
from oxbert.training.finetuning.tasks.task import DEV, TEST, TRAIN, Source, Task, TextExample
from oxbert.training.finetuning.tasks.texts import ClassTask, LabelsTask, NumberTask

_LARGEST = 1e18
"""The largest number that is learned: a loss squares differences in float32."""
_INTEGER = re.compile(r"-?\d{1,18}")
_NAMES = {TRAIN: ("train",), DEV: ("dev", "validation", "valid"), TEST: ("test",)}


def named_splits() -> dict[str, list[str]]:
    """Return the names of the files of the user: `train.csv`, `dev.jsonl`, `test.parquet` and so on."""
    endings = [f"{ending}{packed}" for ending in ENDINGS for packed in ("", ".gz")]
    return {split: [f"{name}{ending}" for name in names for ending in endings] for split, names in _NAMES.items()}


class ColumnsOfTexts(Task):
    """Read a text, or a pair of texts, and a label from columns."""

    def splits(self) -> Mapping[str, Sequence[str]]:
        """Return the names of the user's files."""
        return named_splits()

    def read(self, source: Source, split: str, on_bad: OnBad) -> Iterator[TextExample]:
        """Iterate over the examples of a table. A text that is empty, and a label of the wrong kind, is a bad row."""
        first, second, label = (self.columns.get(what) for what in ("text", "text_pair", "label"))
        assert first and label  # `find_task` takes names away from pairs only
        names = [name for name in (first, second, label) if name]
        optional = [] if split == TRAIN else [label]
        for row in read_table(source, names, optional, on_bad, split):
            try:
                value = row.values[-1]
                texts = [text_in(row, name, one) for name, one in zip(names[:-1], row.values[:-1], strict=True)]
                pair = texts[1] if second else None
                if value is None and split == TRAIN:
                    raise row.bad(f"expected a label in {label!r}, got none")
                yield TextExample(row.place, texts[0], pair, None if value is None else self.value(row, value))
            except DataError as error:
                on_bad(error)

    def value(self, row: Row, value: Any) -> Any:
        """Return the label of a row.

        Raises:
            DataError: if it is of the wrong kind.
        """
        raise NotImplementedError


def text_in(row: Row, name: str, value: Any) -> str:
    """Return a text of a row.

    Raises:
        DataError: if it is no text, or empty.
    """
    if not isinstance(value, str):
        raise row.bad(f"expected a text in {name!r}, got {kind_of(value)}")
    if not value.strip():
        raise row.bad(f"expected a text in {name!r}, got an empty one")
    return value


def class_in(row: Row, name: str | None, value: Any) -> str:
    """Return the name of a class of a row: a text, or an integer or truth value as text.

    Raises:
        DataError: if it is none.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, str | int) or value == "":
        raise row.bad(f"expected the name of a label in {name!r}, got {value!r}")
    return str(value)


def number_in(row: Row, name: str | None, value: Any, low: float | None = None, high: float | None = None) -> float:
    """Return a number of a row, or of a text in it.

    Args:
        row: The row.
        name: The column.
        value: The value.
        low: The smallest number that is taken; None takes any.
        high: The largest one.

    Raises:
        DataError: if it is no number in that range, or so large that its square may overflow in float32.
    """
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if not abs(number) <= _LARGEST or (low is not None and number < low) or (high is not None and number > high):
        limits = f" from {low:g} to {high:g}" if low is not None else ""
        if not limits and abs(number) > _LARGEST:
            limits = f" of at most {_LARGEST:g}"
        where = "" if name is None else f" in {name!r}"
        raise row.bad(f"expected a number{limits}{where}, got {value!r}")
    return number


def names_in(row: Row, name: str, value: Any) -> tuple[str, ...]:
    """Return the names of the labels of a row: a list, or a text with commas between them. There may be none.

    Raises:
        DataError: if it is neither, or a name comes twice.
    """
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",")] if value.strip() else []
    if not isinstance(value, list | tuple):
        raise row.bad(f"expected a list of labels in {name!r}, got {value!r}")
    names = tuple(class_in(row, name, one) for one in value)
    if len(set(names)) < len(names):
        raise row.bad(f"expected each label once in {name!r}, got {', '.join(names)}")
    return names


def _columns(second: str = "") -> Any:
    return field(default_factory=lambda: {"text": "text", "text_pair": second, "label": "label"})


@dataclass(frozen=True)
class Classification(ClassTask, ColumnsOfTexts):
    """Predict one of the classes that the labels name."""

    name: str = "classification"
    columns: Mapping[str, str] = _columns()
    figures: tuple[str, ...] = ("accuracy", "macro_f1", "mcc")

    def value(self, row: Row, value: Any) -> str:
        """Return the name of the class."""
        return class_in(row, self.columns["label"], value)

    def labels(self, examples: Sequence[TextExample]) -> list[str]:
        """Return the classes that occur, in the order of numbers if all are numbers, else of the alphabet."""
        return in_order({str(example.label) for example in examples if example.label is not None})


@dataclass(frozen=True)
class Regression(NumberTask, ColumnsOfTexts):
    """Predict a number."""

    name: str = "regression"
    columns: Mapping[str, str] = _columns()

    def value(self, row: Row, value: Any) -> float:
        """Return the number."""
        return number_in(row, self.columns["label"], value)


@dataclass(frozen=True)
class MultiLabel(LabelsTask, ColumnsOfTexts):
    """Predict which labels apply."""

    name: str = "multi-label"
    columns: Mapping[str, str] = field(default_factory=lambda: {"text": "text", "text_pair": "", "label": "labels"})

    def value(self, row: Row, value: Any) -> tuple[str, ...]:
        """Return the names of the labels."""
        return names_in(row, self.columns["label"], value)

    def labels(self, examples: Sequence[TextExample]) -> list[str]:
        """Return the labels that occur, in the order of numbers if all are numbers, else of the alphabet."""
        return in_order({name for example in examples if isinstance(example.label, tuple) for name in example.label})


def in_order(names: set[str]) -> list[str]:
    """Return names in the order of numbers if all are whole numbers, else of the alphabet."""
    if all(map(_INTEGER.fullmatch, names)):
        return sorted(names, key=lambda name: (int(name), name))
    return sorted(names)


TASKS = (
    Classification(),
    Classification("pairs", {"text": "text", "text_pair": "text_pair", "label": "label"}),
    Regression(),
    MultiLabel(),
)

__all__ = [
    "TASKS",
    "Classification",
    "ColumnsOfTexts",
    "MultiLabel",
    "Regression",
    "class_in",
    "in_order",
    "named_splits",
    "names_in",
    "number_in",
    "text_in",
]
