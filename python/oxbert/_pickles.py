"""Pickle large models so that Ctrl-C ends the work."""

from __future__ import annotations

from typing import Any


class Values:
    """Hold the values of a parameter in the state of a model; what is unpickled is the array itself.

    pickle handles arrays in C, where no signal is handled. It calls this class for each array, and Python handles
    signals at each call of a function.
    """

    __slots__ = ("array",)

    def __init__(self, array: Any) -> None:
        self.array = array

    def __reduce__(self) -> tuple[Any, ...]:
        return _unchanged, (self.array,)


def _unchanged(array: Any) -> Any:
    return array
