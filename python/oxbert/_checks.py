"""Check arguments, and import optional packages."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from oxbert.errors import DtypeError, InputError, MissingDependencyError


def check_number(what: str, value: Any, expected: str, holds: Callable[[float], bool]) -> None:
    """Refuse a value that is no finite number such that `holds`.

    Raises:
        InputError: if the value is no such number. A tensor is none, since reading it waits for its device.
    """
    if not isinstance(value, int | float) or not math.isfinite(value) or not holds(value):
        raise refused(what, f"expected a number {expected}, got {value!r}")


def check_type(what: str, value: Any, kinds: type | tuple[type, ...], expected: str) -> None:
    """Refuse a value of another type.

    Raises:
        DtypeError: if the value is none of `kinds`; `expected` describes them.
    """
    if not isinstance(value, kinds):
        got = type(value).__name__
        raise DtypeError(f"{what}: expected {expected}, got {got}", what=what, expected=expected, got=got)


def as_numbers(what: str, values: Any) -> npt.NDArray[np.float64]:
    """Return the numbers of an array, a list, or a tensor on any device and with any dtype.

    Raises:
        InputError: if they are not numbers, or rows of different lengths.
    """
    try:
        if hasattr(values, "detach"):
            if values.is_complex():
                raise TypeError("the numbers are complex")
            values = values.detach().cpu().double().resolve_neg()
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError, RuntimeError, OverflowError, MemoryError) as error:
        reason = str(error) or "there is no memory for them"
        raise refused(what, f"expected numbers in rows of equal length: {reason}") from error


def is_one_of(value: Any, *names: str) -> bool:
    """Return whether a value is one of some strings. Arrays would compare each element."""
    return isinstance(value, str) and value in names


def check_flag(what: str, value: Any) -> None:
    """Refuse a value that is neither True nor False.

    Raises:
        DtypeError: if the value has another type, such as a text that Python takes for true.
    """
    check_type(what, value, (bool, np.bool_), "True or False")


def check_texts(what: str, values: Iterable[Any]) -> None:
    """Refuse values that are no texts.

    Raises:
        DtypeError: if a value is no `str`.
    """
    for value in values:
        check_type(what, value, str, "a text or a list of texts")


def truth(what: str, value: Any) -> bool:
    """Return an argument as a condition reads it.

    Raises:
        DtypeError: if it is neither true nor false, as an array of several elements.
    """
    try:
        return bool(value)
    except Exception as error:
        expected, got = "True or False", type(value).__name__
        raise DtypeError(f"{what}: expected {expected}, got {got}", what=what, expected=expected, got=got) from error


def refused(what: str, reason: str) -> InputError:
    """Return the error for an argument with an impossible value."""
    return InputError(f"{what}: {reason}", what=what, reason=reason)


def at_least_0(value: float) -> bool:
    """Return whether a number is at least 0, for `check_number`."""
    return value >= 0


def above_0(value: float) -> bool:
    """Return whether a number is above 0, for `check_number`."""
    return value > 0


def require(package: str, module: str = "", *, extra: str = "train") -> Any:
    """Import an optional package, or a module of it.

    Args:
        package: The package.
        module: A module of the package; by default the package itself.
        extra: The extra of oxbert that installs the package.

    Raises:
        MissingDependencyError: if the package is not installed.
    """
    try:
        return importlib.import_module(f"{package}.{module}" if module else package)
    except ImportError as error:
        command = f'pip install "oxbert[{extra}]"'
        raise MissingDependencyError(f"this needs {package}; run: {command}", name=package, command=command) from error
