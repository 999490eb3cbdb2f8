"""Write the fields of results as lines, read them back, and compare results."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from oxbert._fields import Fields

_CLOSE = 1e-3


def json_line(row: Mapping[str, Any]) -> str:
    """Return a row as a line of JSON, with its line break."""
    return json.dumps(row, ensure_ascii=False, default=_plain, separators=(", ", ": ")) + "\n"


def _plain(value: Any) -> Any:
    # numpy's arrays and numbers.
    return value.tolist()


def csv_row(row: Mapping[str, Any], fields: Fields) -> str:
    """Return a row as a line of CSV: a text as it is, everything else as JSON, and None as nothing."""
    return csv_line([_to_cell(row[name], kind) for name, kind in fields.items()])


def csv_line(cells: Sequence[str]) -> str:
    """Return cells as a line of CSV, with its line break."""
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def _to_cell(value: Any, kind: Any) -> str:
    if value is None:
        return ""
    return str(value) if kind is str else json.dumps(value, ensure_ascii=False, default=_plain)


def from_cell(cell: str, kind: Any) -> Any:
    """Return the value of a cell.

    Raises:
        ValueError: if the cell holds something else.
    """
    if kind is str:
        return cell
    return json.loads(cell) if cell else None


def are_close(one: Any, other: Any) -> bool:
    """Return whether two results are the same but for the last digits of their numbers."""
    one, other = (value.tolist() if hasattr(value, "tolist") else value for value in (one, other))
    if isinstance(one, float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=_CLOSE, abs_tol=_CLOSE)
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(are_close(one[name], other[name]) for name in one)
    if isinstance(one, str) or not isinstance(one, Sequence):
        # CSV has one cell for nothing and for an empty text.
        return bool(one == other) or {one, other} == {None, ""}
    return (
        isinstance(other, Sequence)
        and len(one) == len(other)
        and all(are_close(a, b) for a, b in zip(one, other, strict=True))
    )


__all__ = ["are_close", "csv_line", "csv_row", "from_cell", "json_line"]
