"""Write what all model cards have: tables of names and values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def table(rows: Iterable[tuple[str, Any]]) -> str:
    """Return names and values as a table of Markdown."""
    return "| | |\n|---|---|\n" + "".join(f"| {name.replace('_', ' ')} | {_cell(value)} |\n" for name, value in rows)


def _cell(value: Any) -> str:
    if value is None:
        # The state of a run has None for infinity and NaN.
        return "not finite"
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if type(value) is int else str(value)


def describe_changes(change: Mapping[str, Any]) -> str:
    """Return in words which options changed when a run continued."""
    # The names of data are hashes, which tell a reader nothing.
    parts = [
        "other examples" if name == "examples" else f"`{name}` from {_cell(old)} to {_cell(new)}"
        for name, (old, new) in change["changes"].items()
    ]
    return ", ".join(parts) or "nothing"


__all__ = ["describe_changes", "table"]
