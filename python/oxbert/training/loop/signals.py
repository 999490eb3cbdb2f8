"""Record Ctrl-C and SIGTERM, so that a run can stop after the step in progress."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType, TracebackType
from typing import Any

from typing_extensions import Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(BaseException):
    """Leave the work of a step that a signal has made unnecessary."""


class StopSignals(AbstractContextManager["StopSignals"]):
    """Record the first signal that asks to stop. A second Ctrl-C then acts as it would without this class.

    SIGTERM may arrive twice, from `torchrun` and from the program that started it, so a second one is ignored.

    Python delivers signals to the main thread; in any other thread nothing is changed.

    Attributes:
        received: The number of the signal; None if there was none.

    Example:
        >>> with StopSignals() as stop:
        ...     signal.raise_signal(signal.SIGINT)
        >>> stop.received == signal.SIGINT
        True
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[signal.Signals, Any] = {}
        self._raises = False

    @contextmanager
    def stopping_at_once(self) -> Iterator[None]:
        """Raise `Stopped` if there was a signal, or as soon as there is one: for work that changes nothing."""
        self._raises = True
        try:
            if self.received is not None:
                raise Stopped
            yield
        finally:
            self._raises = False

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            # An ignored signal stays ignored: a shell script ignores Ctrl-C for its background jobs.
            heard = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
            self._before = {number: signal.signal(number, self._note) for number in heard}
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.received is None:
            self.received = number
            if self._raises:
                raise Stopped
        elif number == signal.SIGINT:
            self._restore()
            signal.raise_signal(number)

    def _restore(self) -> None:
        for number, handler in self._before.items():
            # None: the handler was not set from Python, and Python cannot set it again.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._before = {}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()


__all__ = ["StopSignals", "Stopped"]
