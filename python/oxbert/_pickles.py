"""Pickle large models so that Ctrl-C ends the work."""

from __future__ import annotations

from typing import Any


class Values:
    """Hold the values of a parameter in the state of a model; what is unpickled is the array itself.

    `copy.copy` hands the state over as it is: see `arrays`.

    pickle handles arrays in C, where no signal is handled. It calls this class for each array, and Python handles
    signals at each call of a function.
    """

    __slots__ = ("array",)

    def __init__(self, array: Any) -> None:
        self.array = array

    def __reduce__(self) -> tuple[Any, ...]:
        return _unchanged, (self.array,)


def arrays(values: dict[str, Any]) -> dict[str, Any]:
    """Return the arrays of a state, from a pickle or not."""
    return {name: value.array if isinstance(value, Values) else value for name, value in values.items()}


def _unchanged(array: Any) -> Any:
    return array
