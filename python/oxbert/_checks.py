"""What the functions of this package refuse."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import Any, NoReturn

from oxbert.errors import InputError, MissingDependencyError


def check_number(what: str, value: Any, expected: str, holds: Callable[[float], bool]) -> None:
    """Refuse what is no finite number such that `holds`.

    Raises:
        InputError: It is none; tensors are none, since a look at one waits for its device.
    """
    if not isinstance(value, int | float) or not math.isfinite(value) or not holds(value):
        refuse(what, f"expected a number {expected}, got {value!r}")


def refuse(what: str, reason: str) -> NoReturn:
    """Raise an `InputError`."""
    raise InputError(f"{what}: {reason}", what=what, reason=reason)


def at_least_0(value: float) -> bool:
    """For `check_number`."""
    return value >= 0


def above_0(value: float) -> bool:
    """For `check_number`."""
    return value > 0


def require(package: str, module: str = "") -> Any:
    """A package that training needs and the rest of oxbert does not, or a module of it.

    Raises:
        MissingDependencyError: It is not installed.
    """
    try:
        return importlib.import_module(f"{package}.{module}" if module else package)
    except ImportError as error:
        command = 'pip install "oxbert[train]"'
        raise MissingDependencyError(f"this needs {package}; run: {command}", name=package, command=command) from error
