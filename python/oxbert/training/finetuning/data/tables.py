"""Read tables: files of the user by the names of their columns, and files of benchmarks by the numbers of theirs."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypeGuard

from oxbert._checks import refused
from oxbert._files import damaged
from oxbert._rows import OnBad, Row, RowReader, read_file_lines
from oxbert._types import BadRows
from oxbert.errors import DataError


class BadRowCounter:
    """Decide what becomes of bad rows: an error, or a count of those that are left out.

    Args:
        rule: `error` or `skip`.

    Attributes:
        count: The number of rows that were left out.
        first: The message about the first of them.
    """

    def __init__(self, rule: BadRows) -> None:
        self._rule, self.count, self.first = rule, 0, ""

    def __call__(self, error: DataError) -> None:
        """Raise the error, or count it."""
        if self._rule == "error":
            raise error
        self.first = self.first or str(error)
        self.count += 1


def is_file_of(source: Any) -> TypeGuard[str | os.PathLike[str]]:
    """Return whether a source is the path of a file."""
    return isinstance(source, str | os.PathLike)


def read_table(
    source: Any, columns: Sequence[str], optional: Collection[str], on_bad: OnBad, name: str = "rows"
) -> Iterator[Row]:
    """Iterate over the rows of a file, of a `datasets.Dataset`, or of a list of dictionaries.

    Args:
        source: What is read.
        columns: The columns that are read.
        optional: Those of them that may be missing.
        on_bad: What is done about a bad row.
        name: How messages call a source that is no file.

    Raises:
        DataError: if the source lacks a column, or a row is bad.
        DtypeError: if the source is of another kind.
    """
    if is_file_of(source):
        advice = "; name another one with columns= (--column)"
        yield from RowReader(os.fspath(source), columns, optional=optional, texts=False, on_bad=on_bad, advice=advice)
        return
    names = _names_of_classes(source)
    for number, record in enumerate(source, 1):
        if not isinstance(record, Mapping):
            raise refused("data", f"expected dictionaries, got {type(record).__name__} as {name}, row {number}")
        missing = [column for column in columns if column not in record and column not in optional]
        if missing:
            found = ", ".join(map(str, record)) or "none"
            on_bad(damaged(name, f"expected a column {missing[0]!r}, found {found}", record=number))
            continue
        values = tuple(_named(record.get(column), names.get(column)) for column in columns)
        yield Row(values, name, number, "row")


def _names_of_classes(source: Any) -> dict[str, list[str]]:
    """Return the names of the classes of the columns of a `datasets.Dataset` that have some."""
    found = {}
    for column, feature in (getattr(source, "features", None) or {}).items():
        inner = getattr(feature, "feature", feature)
        if names := getattr(inner, "names", None):
            found[column] = list(names)
    return found


def _named(value: Any, names: Sequence[str] | None) -> Any:
    """Return the name of a class, or the names of several; -1 is no class."""
    if names is None:
        return value
    if isinstance(value, list):
        return [_named(one, names) for one in value]
    if isinstance(value, int):
        return names[value] if 0 <= value < len(names) else None
    return value


def read_numbered(
    path: str | os.PathLike[str], columns: Mapping[str, int], *, has_header: bool, on_bad: OnBad
) -> Iterator[tuple[dict[str, str], Row]]:
    """Iterate over the rows of a tab-separated file without quotes, as those of GLUE are.

    Args:
        path: The file.
        columns: The number of each column by what it holds, from 0; a negative one counts from the end of the row.
        has_header: Whether the first line has the names of the columns.
        on_bad: What is done about a bad row.

    Raises:
        DataError: if a row has too few columns.
    """
    name = os.fspath(path)
    least = max(place + 1 if place >= 0 else -place for place in columns.values())
    for number, line in read_file_lines(path, on_bad):
        if (number == 1 and has_header) or not line.strip():
            continue
        cells = line.rstrip("\r\n").split("\t")
        row = Row(tuple(cells), name, number, "line")
        if len(cells) < least:
            on_bad(row.bad(f"expected at least {least} columns, found {len(cells)}"))
            continue
        yield {what: cells[place] for what, place in columns.items()}, row


__all__ = ["BadRowCounter", "is_file_of", "read_numbered", "read_table"]
