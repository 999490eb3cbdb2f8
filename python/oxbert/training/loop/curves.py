"""Draw the log of a run, in memory that does not grow with the log."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from oxbert._checks import require
from oxbert._files import translate_os_errors
from oxbert.training.loop.log import CHANGES, read_log

_PICTURE = "curves.png"
_LOSSES = {"masked_lm_loss": "tab:blue", "cloze_loss": "tab:green", "replaced_loss": "tab:orange"}
_FIGURES = (
    "eval_masked_lm_accuracy",
    "eval_sampled_masked_lm_accuracy",
    "eval_disc_auc",
    "eval_disc_accuracy",
    "eval_disc_precision",
    "eval_disc_recall",
)
_MOST = 400
"""How many points a curve has at most, an even number; at least half as many if there are as many steps."""


def draw_curves(folder: Path) -> Path:
    """Draw the losses and the held-out figures in the log of a run as `curves.png`.

    Dotted lines are steps at which options were changed.

    Args:
        folder: The folder of the run.

    Returns:
        The path of the picture.

    Raises:
        MissingDependencyError: if `matplotlib` is not installed.
        FileError: if the log cannot be read, or the picture cannot be written.
    """
    curves: dict[str, _Curve] = defaultdict(_Curve)
    changes = []
    for record in read_log(folder):
        if CHANGES in record:
            changes.append(record["step"])
            continue
        for name in (*_LOSSES, *_FIGURES):
            if record.get(name) is not None:
                curves[name].add(record["step"], record[name])
    figure = require("matplotlib", "figure").Figure(figsize=(11, 4), layout="constrained")
    losses, figures = figure.subplots(1, 2)
    for name in filter(curves.__contains__, _LOSSES):
        # The discriminator's loss is about a tenth of the generator's, so it gets an axis of its own.
        axis = losses.twinx() if name == "replaced_loss" and losses.lines else losses
        axis.plot(*curves[name].means(), color=_LOSSES[name])
        axis.set_ylabel("".join([axis.get_ylabel(), ", " if axis.get_ylabel() else "", name]), color=_LOSSES[name])
    losses.set_title("losses of training in nats, means of spans of steps")
    for name in filter(curves.__contains__, _FIGURES):
        figures.plot(*curves[name].means(), marker=".", label=f"{name}: {curves[name].last:.3f}")
    figures.set_title("held-out text")
    if figures.lines:
        # Inside the axes the legend would hide curves.
        figures.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, fontsize="small")
    for axis in (losses, figures):
        axis.set_xlabel("step")
        axis.grid(alpha=0.3)
        for step in changes:
            axis.axvline(step, color="gray", linestyle=":")
    path = folder / _PICTURE
    with translate_os_errors("write", path):
        figure.savefig(path, dpi=120)
    return path


class _Curve:
    """Hold the means of spans of points, since a curve through every step looks like a band.

    The spans have equally many points, and become twice as long whenever there are too many.

    Attributes:
        last: The last value.
    """

    def __init__(self) -> None:
        self._spans: list[tuple[int, float, float]] = []
        self._width = 1
        self.last = 0.0

    def add(self, step: int, value: float) -> None:
        """Add a point."""
        if not self._spans or self._spans[-1][0] == self._width:
            if len(self._spans) == _MOST:
                pairs = zip(self._spans[::2], self._spans[1::2], strict=True)
                self._spans = [(a[0] + b[0], a[1] + b[1], a[2] + b[2]) for a, b in pairs]
                self._width *= 2
            self._spans.append((0, 0.0, 0.0))
        count, steps, values = self._spans[-1]
        self._spans[-1] = (count + 1, steps + step, values + value)
        self.last = value

    def means(self) -> tuple[list[float], list[float]]:
        """Return the mean step and the mean value of each span."""
        return [steps / count for count, steps, _ in self._spans], [values / count for count, _, values in self._spans]


__all__ = ["draw_curves"]
