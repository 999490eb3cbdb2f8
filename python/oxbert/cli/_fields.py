"""Write the fields of results as lines, read them back, and compare results."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from oxbert._fields import Fields, Result

_CLOSE = 1e-3


def json_line(row: Result) -> bytes:
    """Return a row as a line of JSON, with its line break. A number of float32 has the digits that give it back."""
    return orjson.dumps(row, _plain, orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_APPEND_NEWLINE)


def _plain(value: Any) -> Any:
    # An array of numpy whose numbers do not lie one behind another.
    return value.tolist()


def csv_row(row: Result, fields: Fields) -> str:
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
    return str(value) if kind is str else orjson.dumps(value, _plain, orjson.OPT_SERIALIZE_NUMPY).decode()


def from_cell(cell: str, kind: Any) -> Any:
    """Return the value of a cell.

    Raises:
        ValueError: if the cell holds something else.
    """
    if kind is str:
        return cell
    return orjson.loads(cell) if cell else None


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
