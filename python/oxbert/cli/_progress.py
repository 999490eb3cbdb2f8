"""Show the progress of work on rows: a bar on a terminal, otherwise a line per minute."""

from __future__ import annotations

import sys
import time
from typing import Any

from oxbert.cli._shared import open_bar, open_console

_DELAY = 2.0
_PERIOD = 60.0


class Progress:
    """Show how many rows are done, at what rate, and how much time is left.

    A bar appears after two seconds, and a line where there is no terminal after a minute.

    Args:
        quiet: Whether to show nothing.
        unit: What is counted.
    """

    def __init__(self, quiet: bool, unit: str = "texts") -> None:
        self._quiet, self._unit = quiet, unit
        self._start = self._shown = time.monotonic()
        self._bar: Any = None

    def update(self, rows: int, done: int, size: int | None) -> None:
        """Show that `rows` rows are finished, and `done` of `size` bytes of the input read; None if nobody knows."""
        if self._quiet:
            return
        now = time.monotonic()
        seconds = now - self._start
        if not sys.stderr.isatty():
            if now - self._shown >= _PERIOD:
                self._shown = now
                open_console(stderr=True).print(self._describe(rows, done, size, seconds))
        elif seconds >= _DELAY:
            is_first = self._bar is None
            if self._bar is None:
                share = "{percentage:3.0f}%|{bar}| " if size else ""
                self._bar = open_bar(False, total=size, bar_format=share + "{postfix}", ascii=_is_ascii())
            self._bar.set_postfix_str(self._describe(rows, done, size, seconds), refresh=False)
            self._bar.update(done - self._bar.n)
            if is_first:
                self._bar.refresh()

    def close(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()

    def _describe(self, rows: int, done: int, size: int | None, seconds: float) -> str:
        text = f"{rows:,} {self._unit}, {rows / max(seconds, 1e-3):,.0f}/s"
        if size and done:
            text += f", {_duration(seconds * max(0, size - done) / done)} left"
        return text


def _duration(seconds: float) -> str:
    """Return a duration as `45 s`, `12 min` or `3 h 20 min`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _is_ascii() -> bool:
    return "utf" not in (sys.stderr.encoding or "").lower()


__all__ = ["Progress"]
