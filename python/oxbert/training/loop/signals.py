"""Ctrl-C and SIGTERM as a wish to stop, which a run fulfils when its step is done."""

from __future__ import annotations

import signal
import threading
from contextlib import AbstractContextManager
from types import FrameType, TracebackType
from typing import Any

from typing_extensions import Self

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopSignals(AbstractContextManager["StopSignals"]):
    """Notes the first signal that asks to stop; after that, Ctrl-C acts as it would have without this.

    SIGTERM may come twice, from `torchrun` and from what has started it, and is noted only.

    Python delivers signals to the main thread: in any other, nothing is changed.

    Attributes:
        received: The number of the signal; None where none came.

    Example:
        >>> with StopSignals() as stop:
        ...     signal.raise_signal(signal.SIGINT)
        >>> stop.received == signal.SIGINT
        True
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            # What is ignored, as Ctrl-C is by what a script has sent to the background, stays so.
            heard = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
            self._before = {number: signal.signal(number, self._note) for number in heard}
        return self

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.received is None:
            self.received = number
        elif number == signal.SIGINT:
            self._restore()
            signal.raise_signal(number)

    def _restore(self) -> None:
        for number, handler in self._before.items():
            # None: not set from Python, and Python cannot set it.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._before = {}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()


__all__ = ["StopSignals"]
