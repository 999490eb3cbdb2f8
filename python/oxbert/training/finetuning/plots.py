"""Draw the results of a run: its losses, and for each task what goes wrong where."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from oxbert._checks import require
from oxbert._files import translate_os_errors
from oxbert.training.finetuning.tasks.task import DEV, TEST, Outcome, Task
from oxbert.training.loop.log import read_log

if TYPE_CHECKING:
    from oxbert.training.finetuning.report import Result

_MOST_CLASSES, _MOST_BARS = 20, 30
_BINS = 10
_BLUE, _ORANGE = "tab:blue", "tab:orange"


def draw_results(task: Task, results: Mapping[str, Result], folder: Path, path: Path) -> Path:
    """Draw the log of a run and the predictions of its `dev` split, or of another one with labels.

    The panels are the losses and the task's figure; for classes the confusion matrix, F1 by label, and how often
    predictions of each probability are right; for numbers the predicted against the right ones.

    Args:
        task: The task.
        results: The results of each split.
        folder: The folder of the run, with its log.
        path: The picture, a PNG.

    Returns:
        The path of the picture.

    Raises:
        MissingDependencyError: if `matplotlib` is not installed.
        FileError: if the log cannot be read, or the picture cannot be written.
    """
    scored = [split for split in (DEV, TEST, *results) if split in results and results[split].figures]
    outcomes: list[Outcome] = []
    if scored:
        outcomes = task.outcomes(results[scored[0]].predictions, results[scored[0]].examples)
    panels: list[Any] = [lambda axis: _draw_losses(axis, folder, task.metric)]
    if any(isinstance(one.truth, str) for one in outcomes):
        names = _by_frequency(outcomes)
        if all(one.truth and one.predicted for one in outcomes):
            panels.append(lambda axis: _draw_confusion(axis, outcomes, names[:_MOST_CLASSES]))
        panels.append(lambda axis: _draw_label_scores(axis, outcomes, names[:_MOST_BARS]))
        if any(one.probability is not None for one in outcomes):
            panels.append(lambda axis: _draw_calibration(axis, outcomes))
    elif outcomes:
        panels.append(lambda axis: _draw_numbers(axis, outcomes))
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    figure = require("matplotlib", "figure", extra="finetune").Figure(
        figsize=(6 * columns, 4.6 * rows), layout="constrained"
    )
    figure.suptitle(f"{task.name}: " + (f"the split {scored[0]}" if scored else "training"))
    for number, draw in enumerate(panels, 1):
        draw(figure.add_subplot(rows, columns, number))
    with translate_os_errors("write", path), warnings.catch_warnings():
        # The font lacks letters of some scripts; a label then has boxes, and the run has succeeded all the same.
        warnings.filterwarnings("ignore", "Glyph ", UserWarning)
        figure.savefig(path, dpi=110)
    return path


def _draw_losses(axis: Any, folder: Path, metric: str) -> None:
    """Draw the loss of each step, the loss of each evaluation, and the task's figure on an axis of its own."""
    steps: list[tuple[int, float]] = []
    losses: list[tuple[int, float]] = []
    figures: list[tuple[int, float]] = []
    for line in read_log(folder):
        for name, found in (("loss", steps), ("eval_loss", losses), (f"eval_{metric}", figures)):
            if line.get(name) is not None:
                found.append((line["step"], line[name]))
    if steps:
        places, values = map(np.array, zip(*steps, strict=True))
        width = max(1, len(values) // 100)
        # Means of spans, since a curve through every step looks like a band.
        count = len(values) // width * width
        axis.plot(
            places[:count].reshape(-1, width).mean(1),
            values[:count].reshape(-1, width).mean(1),
            color=_BLUE,
            label="loss of training",
        )
    if losses:
        axis.plot(*zip(*losses, strict=True), color=_BLUE, linestyle="--", marker=".", label="loss of dev")
    axis.set_xlabel("step")
    axis.set_ylabel("loss", color=_BLUE)
    axis.set_ylim(bottom=0)
    handles, labels = axis.get_legend_handles_labels()
    if figures:
        other = axis.twinx()
        other.plot(*zip(*figures, strict=True), color=_ORANGE, marker=".", label=f"{metric} of dev")
        other.set_ylabel(metric, color=_ORANGE)
        if all(0 <= figure <= 1 for _, figure in figures):
            other.set_ylim(min(0.9, *(figure for _, figure in figures)) - 0.02, 1.02)
        more = other.get_legend_handles_labels()
        handles, labels = handles + more[0], labels + more[1]
    axis.xaxis.get_major_locator().set_params(integer=True)
    axis.set_title("training")
    axis.legend(handles, labels, loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=3, fontsize="small")


def _by_frequency(outcomes: Sequence[Outcome]) -> list[str]:
    """Return the labels, the most frequent first."""
    counts = Counter(str(one.truth) for one in outcomes if one.truth)
    counts.update({str(one.predicted): 0 for one in outcomes if one.predicted})
    return [name for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]


def _draw_confusion(axis: Any, outcomes: Sequence[Outcome], names: Sequence[str]) -> None:
    """Draw how often each label was predicted for each right one, as shares of the right one's row."""
    places = {name: place for place, name in enumerate(names)}
    counts = np.zeros((len(names), len(names)), int)
    for one in outcomes:
        if one.truth in places and one.predicted in places:
            counts[places[one.truth], places[one.predicted]] += 1
    shares = counts / np.maximum(1, counts.sum(1, keepdims=True))
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(names) <= 12:
        for row, column in np.ndindex(*counts.shape):
            color = "white" if shares[row, column] > 0.6 else "black"
            axis.text(column, row, str(counts[row, column]), ha="center", va="center", color=color, fontsize=8)
    axis.set_xticks(range(len(names)), [_short(name) for name in names], rotation=60, ha="right", fontsize=8)
    axis.set_yticks(range(len(names)), [_short(name) for name in names], fontsize=8)
    axis.set_xlabel("predicted")
    axis.set_ylabel("right")
    axis.set_title("confusion matrix")


def _draw_label_scores(axis: Any, outcomes: Sequence[Outcome], names: Sequence[str]) -> None:
    """Draw the F1 of each label."""
    right = Counter(one.truth for one in outcomes if one.truth == one.predicted)
    truth, predicted = Counter(one.truth for one in outcomes), Counter(one.predicted for one in outcomes)
    values = [2 * right[name] / max(1, truth[name] + predicted[name]) for name in names]
    places = range(len(names))
    axis.barh(places, values, color=_BLUE)
    axis.set_yticks(places, [f"{_short(name)} ({truth[name]})" for name in names], fontsize=8)
    axis.invert_yaxis()
    axis.set_xlim(0, 1)
    axis.set_xlabel("F1")
    axis.set_title("F1 by label, with its number of examples")


def _draw_calibration(axis: Any, outcomes: Sequence[Outcome]) -> None:
    """Draw the share of right predictions against their probability; a calibrated model lies on the diagonal."""
    pairs = [(one.probability, one.truth == one.predicted) for one in outcomes if one.probability is not None]
    probabilities, is_right = (np.array(found, float) for found in zip(*pairs, strict=True))
    bins = np.minimum((probabilities * _BINS).astype(int), _BINS - 1)
    found = [(probabilities[bins == k].mean(), is_right[bins == k].mean(), (bins == k).sum()) for k in np.unique(bins)]
    means, shares, counts = map(np.array, zip(*found, strict=True))
    error = float((counts * np.abs(means - shares)).sum() / counts.sum())
    axis.plot([0, 1], [0, 1], color="gray", linestyle=":")
    axis.plot(means, shares, color=_BLUE)
    axis.scatter(means, shares, s=15 + 150 * counts / counts.max(), color=_BLUE, clip_on=False)
    axis.set_xlim(0, 1)
    axis.set_ylim(0, 1.02)
    axis.set_xlabel("probability of the prediction")
    axis.set_ylabel("share that is right")
    axis.set_title(f"calibration (expected error {error:.3f})")


def _draw_numbers(axis: Any, outcomes: Sequence[Outcome]) -> None:
    """Draw predicted against right numbers."""
    truth, predicted = [float(one.truth) for one in outcomes], [float(one.predicted) for one in outcomes]
    low, high = min(*truth, *predicted), max(*truth, *predicted)
    axis.plot([low, high], [low, high], color="gray", linestyle=":")
    axis.scatter(truth, predicted, s=12, alpha=0.5, color=_BLUE)
    axis.set_xlabel("right")
    axis.set_ylabel("predicted")
    axis.set_title("numbers")


def _short(name: str) -> str:
    # Between dollars matplotlib reads a formula.
    return (name if len(name) <= 24 else f"{name[:22]}...").replace("$", r"\$")


__all__ = ["draw_results"]
