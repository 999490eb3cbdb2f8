"""Define the tasks of GLUE by their files: which column holds what, the order of the labels, the figures.

Source: google-research/electra, finetune/classification/classification_tasks.py; GLUE's submission format.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from oxbert._files import write_whole
from oxbert._rows import OnBad, Row, find_format
from oxbert.errors import DataError
from oxbert.training.finetuning.data.tables import is_file_of, read_numbered
from oxbert.training.finetuning.tasks.classification import ColumnsOfTexts, class_in, number_in
from oxbert.training.finetuning.tasks.task import DEV, TEST, TRAIN, Prediction, Source, TextExample
from oxbert.training.finetuning.tasks.texts import ClassTask, NumberTask


class Layout(NamedTuple):
    """Say which columns of a tab-separated file hold what, by number; a negative one counts from the end.

    Attributes:
        first: The column of the first text.
        second: The column of the second text; None if there is one text only.
        label: The column of the label; None if the file has none.
        has_header: Whether the first line names the columns.
        id: The column with the number of the example in a submission; None if there is none.
    """

    first: int
    second: int | None = None
    label: int | None = None
    has_header: bool = True
    id: int | None = None


@dataclass(frozen=True)
class GlueFiles(ColumnsOfTexts):
    """Read the files of a task of GLUE, or rows with the columns that the data sets of the hub have.

    Attributes:
        layouts: The columns of the files of each split.
        files: The name of the file of each split, without `.tsv`.
        submissions: The name of the submission of each split, without `.tsv`.
    """

    layouts: Mapping[str, Layout] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=lambda: {TRAIN: "train", DEV: "dev", TEST: "test"})
    submissions: Mapping[str, str] = field(default_factory=dict)

    def splits(self) -> Mapping[str, Sequence[str]]:
        """Return the names of GLUE's files."""
        return {split: (f"{name}.tsv",) for split, name in self.files.items()}

    def read(self, source: Source, split: str, on_bad: OnBad) -> Iterator[TextExample]:
        """Iterate over the examples of a split. A row with too few columns, or another label, is bad."""
        if not (is_file_of(source) and find_format(source) == "tsv"):
            yield from super().read(source, split, on_bad)
            return
        layout = self.layouts.get(split, self.layouts[TRAIN])
        places = {name: place for name, place in layout._asdict().items() if type(place) is int}
        for cells, row in read_numbered(source, places, has_header=layout.has_header, on_bad=on_bad):
            try:
                label = self.value(row, cells["label"]) if "label" in cells else None
            except DataError as error:
                on_bad(error)
                continue
            # As in the original, an empty second text is none.
            yield TextExample(row.place, cells["first"], cells.get("second") or None, label, cells.get("id"))

    def write(
        self, predictions: Sequence[Prediction], examples: Sequence[TextExample], folder: Path, split: str
    ) -> list[Path]:
        """Write the submission of a test split, with one line for each example: its number and what is predicted."""
        if split not in self.submissions:
            return []
        lines = ["index\tprediction"]
        for number, (row, example) in enumerate(zip(predictions, examples, strict=True)):
            lines.append(f"{number if example.id is None else example.id}\t{self.answer(row)}")
        path = folder / f"{self.submissions[split]}.tsv"
        write_whole(path, "".join(f"{line}\n" for line in lines).encode())
        return [path]

    def answer(self, prediction: Prediction) -> str:
        """Return how a submission says what is predicted."""
        raise NotImplementedError


@dataclass(frozen=True)
class GlueClasses(ClassTask, GlueFiles):
    """Predict a class of a task of GLUE.

    Attributes:
        names: The classes, in the order of the logits.
        aliases: What data sets of the hub call the classes.
    """

    names: tuple[str, ...] = ("0", "1")
    aliases: Mapping[str, str] = field(default_factory=dict)

    def labels(self, examples: Sequence[TextExample]) -> list[str]:
        """Return the classes."""
        return list(self.names)

    def value(self, row: Row, value: Any) -> str:
        """Return the name of a class."""
        name = class_in(row, self.columns.get("label"), value)
        name = self.aliases.get(name, name)
        if name not in self.names:
            raise row.bad(f"expected one of the labels {', '.join(self.names)}, got {name!r}")
        return name

    def answer(self, prediction: Prediction) -> str:
        """Return the name of the class."""
        return str(prediction["label"])


@dataclass(frozen=True)
class GlueNumbers(NumberTask, GlueFiles):
    """Predict a number of a task of GLUE."""

    def value(self, row: Row, value: Any) -> float:
        """Return the number."""
        return number_in(row, self.columns.get("label"), value, self.low, self.high)

    def answer(self, prediction: Prediction) -> str:
        """Return the number, within its range."""
        return f"{min(max(prediction['value'], self.low or 0.0), self.high or 0.0):.3f}"


def _columns(first: str, second: str = "") -> dict[str, str]:
    return {"text": first, "text_pair": second, "label": "label"}


_ENTAILMENT = ("entailment", "not_entailment")
_PAIR = Layout(1, 2, 3)
_PAIR_TEST = Layout(1, 2, id=0)

TASKS = (
    GlueClasses(
        "cola",
        _columns("sentence"),
        metric="mcc",
        figures=("mcc", "accuracy"),
        layouts={TRAIN: Layout(3, label=1, has_header=False), TEST: Layout(1, id=0)},
        submissions={TEST: "CoLA"},
        aliases={"unacceptable": "0", "acceptable": "1"},
    ),
    GlueClasses(
        "mrpc",
        _columns("sentence1", "sentence2"),
        figures=("accuracy", "f1"),
        is_unordered=True,
        layouts={TRAIN: Layout(3, 4, 0), TEST: Layout(3, 4, id=0)},
        submissions={TEST: "MRPC"},
        aliases={"not_equivalent": "0", "equivalent": "1"},
    ),
    GlueClasses(
        "mnli",
        _columns("premise", "hypothesis"),
        names=("contradiction", "entailment", "neutral"),
        layouts={
            TRAIN: Layout(8, 9, -1),
            TEST: Layout(8, 9, id=0),
            "test_mismatched": Layout(8, 9, id=0),
            "diagnostic": Layout(1, 2, id=0),
        },
        files={
            TRAIN: "train",
            DEV: "dev_matched",
            "dev_mismatched": "dev_mismatched",
            TEST: "test_matched",
            "test_mismatched": "test_mismatched",
            "diagnostic": "diagnostic",
        },
        submissions={TEST: "MNLI-m", "test_mismatched": "MNLI-mm", "diagnostic": "AX"},
    ),
    GlueClasses(
        "sst",
        _columns("sentence"),
        layouts={TRAIN: Layout(0, label=1), TEST: Layout(1, id=0)},
        submissions={TEST: "SST-2"},
        aliases={"negative": "0", "positive": "1"},
    ),
    GlueClasses(
        "rte",
        _columns("sentence1", "sentence2"),
        defaults={"epochs": 10.0},
        names=_ENTAILMENT,
        layouts={TRAIN: _PAIR, TEST: _PAIR_TEST},
        submissions={TEST: "RTE"},
    ),
    GlueClasses(
        "qnli",
        _columns("question", "sentence"),
        names=_ENTAILMENT,
        layouts={TRAIN: _PAIR, TEST: _PAIR_TEST},
        submissions={TEST: "QNLI"},
    ),
    GlueClasses(
        "qqp",
        _columns("question1", "question2"),
        figures=("accuracy", "f1"),
        # The published training file has lines without all columns, which the original leaves out.
        defaults={"bad_rows": "skip"},
        layouts={TRAIN: Layout(3, 4, 5), TEST: Layout(1, 2, id=0)},
        submissions={TEST: "QQP"},
        aliases={"not_duplicate": "0", "duplicate": "1"},
    ),
    GlueNumbers(
        "sts",
        _columns("sentence1", "sentence2"),
        defaults={"epochs": 10.0},
        is_unordered=True,
        low=0.0,
        high=5.0,
        metric="spearman",
        layouts={TRAIN: Layout(-3, -2, -1), TEST: Layout(-2, -1, id=0)},
        submissions={TEST: "STS-B"},
    ),
    GlueClasses(
        "wnli",
        _columns("sentence1", "sentence2"),
        layouts={TRAIN: _PAIR, TEST: _PAIR_TEST},
        submissions={TEST: "WNLI"},
        aliases={"not_entailment": "0", "entailment": "1"},
    ),
)

__all__ = ["TASKS", "GlueClasses", "GlueFiles", "GlueNumbers", "Layout"]
