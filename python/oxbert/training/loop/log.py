"""Log the steps of a run as lines of JSON and for TensorBoard, and draw them."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

from typing_extensions import Self

from oxbert._checks import require
from oxbert._files import translate_os_errors, write_whole

_LOG, _BOARD, _PICTURE = "log.jsonl", "tensorboard", "curves.png"
_LOSSES = {"masked_lm_loss": "tab:blue", "cloze_loss": "tab:green", "replaced_loss": "tab:orange"}
_EVENT = "changes"
"""The entry that tells a line about a change of options from a line about a step."""
_FIGURES = ("eval_masked_lm_accuracy", "eval_sampled_masked_lm_accuracy", "eval_disc_auc", "eval_disc_accuracy")


class RunLog(AbstractContextManager["RunLog"]):
    """Write `log.jsonl` in the folder of a run, one line per step, and TensorBoard files if asked for.

    After an interruption the log continues after the step that the run resumes from: lines of later steps, which will
    be run again, are dropped. Infinity and NaN become null, since JSON has neither.

    Args:
        folder: The folder of the run.
        step: The number of steps that are done.
        tensorboard: Whether to write `tensorboard/` as well.

    Raises:
        MissingDependencyError: if `tensorboard` is not installed.
        FileError: if the log cannot be read or written.

    Attributes:
        last: The merged lines of the last step; empty if there is no line.
    """

    def __init__(self, folder: Path, step: int, *, tensorboard: bool = False) -> None:
        if tensorboard:
            require("tensorboard")
        path = folder / _LOG
        self.last: dict[str, Any] = {}
        with translate_os_errors("write", path):
            folder.mkdir(parents=True, exist_ok=True)
            if path.exists():
                lines = path.read_text(encoding="utf-8").splitlines()
                kept = [line for line in lines if _step_of(line) <= step]
                if kept != lines:
                    write_whole(path, "".join(f"{line}\n" for line in kept).encode())
                for line in kept[-2:]:
                    self._remember(json.loads(line))
            self._file = open(path, "a", encoding="utf-8", buffering=1)  # noqa: SIM115
        self._board: Any = None
        if tensorboard:
            writer = require("torch.utils.tensorboard").SummaryWriter
            self._board = writer(str(folder / _BOARD), purge_step=step + 1)

    def write(self, record: Mapping[str, Any]) -> None:
        """Write a line about a step; `step` is its number. A step may have several lines."""
        finite = replace_not_finite(record)
        print(json.dumps(finite), file=self._file)
        self._remember(finite)
        if self._board is not None:
            for name, value in finite.items():
                if name != "step" and value is not None:
                    self._board.add_scalar(name, value, record["step"])

    def note(self, event: Mapping[str, Any]) -> None:
        """Write a line about an event before a step, such as a change of options. Its `step` is that step."""
        print(json.dumps(dict(event)), file=self._file)

    def _remember(self, record: dict[str, Any]) -> None:
        if _EVENT in record:
            return
        self.last = self.last | record if self.last.get("step") == record["step"] else record

    def flush(self) -> None:
        """Sync the log to the disk, so that no checkpoint is ahead of the log."""
        self._file.flush()
        os.fsync(self._file.fileno())
        if self._board is not None:
            self._board.flush()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if self._board is not None:
            self._board.close()

    def __enter__(self) -> Self:
        return self


def replace_not_finite(record: Mapping[str, float]) -> dict[str, Any]:
    """Return a record with None for infinity and NaN, which JSON lacks."""
    return {name: value if math.isfinite(value) else None for name, value in record.items()}


def has_log(folder: Path) -> bool:
    """Return whether the folder of a run has a log."""
    return (folder / _LOG).is_file()


def read_log(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of the log of a run, in order, without a truncated last line.

    Raises:
        FileError: if the log cannot be read.
    """
    with translate_os_errors("read", folder / _LOG):
        lines = (folder / _LOG).read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if _step_of(line) < _NEVER]


def draw_curves(folder: Path) -> Path:
    """Draw the losses and the held-out figures in the log of a run as `curves.png`.

    Args:
        folder: The folder of the run.

    Returns:
        The path of the picture.

    Raises:
        MissingDependencyError: if `matplotlib` is not installed.
        FileError: if the log cannot be read, or the picture cannot be written.
    """
    records = read_log(folder)
    figure = require("matplotlib", "figure").Figure(figsize=(11, 4), layout="constrained")
    losses, figures = figure.subplots(1, 2)
    for name, colour in _LOSSES.items():
        steps, values = _in_spans(_points(records, name))
        if not steps:
            continue
        # The discriminator's loss is about a tenth of the generator's, so it gets an axis of its own.
        axis = losses.twinx() if name == "replaced_loss" and losses.lines else losses
        axis.plot(steps, values, color=colour)
        axis.set_ylabel("".join([axis.get_ylabel(), ", " if axis.get_ylabel() else "", name]), color=colour)
    losses.set_title("losses of training in nats, means of spans of steps")
    for name in _FIGURES:
        points = _points(records, name)
        if points:
            figures.plot(*zip(*points, strict=True), marker=".", label=f"{name}: {points[-1][1]:.3f}")
    figures.set_title("held-out text")
    if figures.lines:
        # Inside the axes the legend would hide curves.
        figures.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, fontsize="small")
    for axis in (losses, figures):
        axis.set_xlabel("step")
        axis.grid(alpha=0.3)
    path = folder / _PICTURE
    with translate_os_errors("write", path):
        figure.savefig(path, dpi=120)
    return path


def _points(records: list[dict[str, Any]], name: str) -> list[tuple[int, float]]:
    """Return the steps and values of the records that have a number under this name."""
    return [(record["step"], record[name]) for record in records if record.get(name) is not None]


def _in_spans(points: list[tuple[int, float]], spans: int = 200) -> tuple[list[float], list[float]]:
    """Return the means of `spans` spans of points, since a curve through every step looks like a band."""
    width = max(1, -(-len(points) // spans))
    parts = [points[begin : begin + width] for begin in range(0, len(points), width)]
    means = [[sum(column) / len(part) for column in zip(*part, strict=True)] for part in parts]
    return [mean[0] for mean in means], [mean[1] for mean in means]


_NEVER = 2**63


def _step_of(line: str) -> int:
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        # A truncated line.
        return _NEVER


__all__ = ["RunLog", "draw_curves", "has_log", "read_log"]
