"""Show the progress of a run: a bar on a terminal, otherwise plain lines, which a file or a job's log can hold."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from types import TracebackType
from typing import Any

from tqdm import tqdm
from typing_extensions import Self

_FIRST, _LONGEST = 5.0, 60.0
"""After how many seconds the first line comes; each next one after twice the time, up to the longest."""
_LOSS, _FIGURE = "loss", "eval_"


class Progress(AbstractContextManager["Progress"]):
    """Show the steps of a run on standard error.

    Args:
        shown: Whether to draw a bar; None means a bar on a terminal and lines elsewhere.
        step: The number of steps that are done.
        total: The number of steps of the run.
        batch_size: The number of examples per step.
        epoch_size: The number of examples of the data; None if it is not known.
        tokens: The number of tokens of the steps that are done.

    Attributes:
        tokens: The number of tokens of all steps.
    """

    def __init__(
        self, shown: bool | None, *, step: int, total: int, batch_size: int, epoch_size: int | None, tokens: int
    ) -> None:
        self._step, self._total = step, total
        self._batch_size, self._epoch_size = batch_size, epoch_size
        self.tokens = tokens
        self._begin, self._tokens_before = time.perf_counter(), tokens
        # A program without standard error has None there.
        has_stream = sys.stderr is not None
        is_bar = has_stream and sys.stderr.isatty() if shown is None else shown
        self._has_lines = has_stream and shown is None and not is_bar
        self._bar = tqdm(total=total, initial=step, unit=" steps", disable=not is_bar)
        self._wait = _FIRST
        self._since(step)
        if self._has_lines and step < total:
            examples = f" of {epoch_size:,} examples" if epoch_size else " of examples"
            self._print(f"step {step:,}/{total:,}: {batch_size:,}{examples} per step")

    def _since(self, step: int) -> None:
        self._last_time, self._last_step, self._last_tokens = time.perf_counter(), step, self.tokens
        self._losses: dict[str, list[float]] = defaultdict(list)

    @property
    def tokens_per_second(self) -> float:
        """Return the speed since the beginning."""
        return (self.tokens - self._tokens_before) / max(time.perf_counter() - self._begin, 1e-9)

    def update(self, record: Mapping[str, Any], tokens: int) -> None:
        """Show a step.

        Args:
            record: What the log says about the step.
            tokens: The tokens of the step.
        """
        self._step = record["step"]
        self.tokens += tokens
        self._bar.set_postfix(loss=f"{record[_LOSS]:.3f}", tokens=f"{self.tokens_per_second:,.0f}/s", refresh=False)
        self._bar.update()
        for name, value in record.items():
            if name.endswith(_LOSS):
                self._losses[name].append(value)
        waited = time.perf_counter() - self._last_time
        if self._has_lines and (waited >= self._wait or self._step == self._total):
            self._print(self._line(record, waited))
            self._wait = min(2 * self._wait, _LONGEST)
            self._since(self._step)

    def show_figures(self, record: Mapping[str, Any]) -> None:
        """Show the figures of an evaluation."""
        if self._has_lines:
            figures = ", ".join(
                f"{name.removeprefix(_FIGURE)} {value:.3f}"
                for name, value in record.items()
                if name.startswith(_FIGURE)
            )
            self._print(f"step {self._step:,}, held-out text: {figures}")

    def _line(self, record: Mapping[str, Any], waited: float) -> str:
        steps = max(1, self._step - self._last_step)
        means = {name: sum(values) / len(values) for name, values in self._losses.items()}
        parts = ", ".join(f"{name.removesuffix('_loss')} {mean:.3g}" for name, mean in means.items() if name != _LOSS)
        examples = self._step * self._batch_size
        epochs = f", epoch {examples / self._epoch_size:.2f}" if self._epoch_size else ""
        speed = (self.tokens - self._last_tokens) / max(waited, 1e-9)
        left = (self._total - self._step) * waited / steps
        return (
            f"step {self._step:,}/{self._total:,} ({self._step / self._total:.0%}): loss {means[_LOSS]:.4g}"
            f"{f' ({parts})' if parts else ''}, rate {record['learning_rate']:.3g}; {examples:,} examples{epochs},"
            f" {_short(self.tokens)} tokens, {_short(speed)}/s; {_duration(left)} left"
        )

    def _print(self, line: str) -> None:
        # A reader that is gone, such as `head`, must not end the run.
        with suppress(OSError):
            print(line, file=sys.stderr, flush=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()


def _short(number: float) -> str:
    """Return a number with three digits and a unit: 950, 12.3k, 4.56M."""
    units = iter("kMGTP")
    unit = ""
    while number >= 999.5:
        number, unit = number / 1000, next(units)
    return f"{number:.3g}{unit}"


def _duration(seconds: float) -> str:
    """Return a time with its two largest units: `40 s`, `3 min 20 s`, `5 h 12 min`, `4 d 7 h`."""
    total = round(seconds)
    found: list[str] = []
    for name, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, total = divmod(total, size)
        if count or found:
            found.append(f"{count} {name}")
    return " ".join(found[:2]) or "0 s"


__all__ = ["Progress"]
