"""Read texts from arguments, standard input or files, one row at a time."""

from __future__ import annotations

import itertools
import os
import stat
import sys
from collections.abc import Generator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from oxbert._checks import refused
from oxbert._files import damaged
from oxbert._paths import find_sources
from oxbert._rows import InputFormat, Row, RowReader, name_of, refuse
from oxbert.errors import DataError

_ADVICE = "; choose with --column"


class Rows:
    """Read the rows of texts of the command line, or else of files, or else of standard input.

    Args:
        texts: Texts of the command line, for input with one column.
        files: Paths and patterns; `-` is standard input.
        columns: The columns to read of a file with columns.
        format: The format of all files; None means that endings decide.
        keeps_bad: Whether a bad row is given as a row with its error instead of raising the error.

    Attributes:
        size: The bytes of all files on the disk; None if standard input is read.
        done: How many of these bytes have been read.

    Raises:
        InputError: if there is nothing to read.
    """

    def __init__(
        self,
        texts: Sequence[str],
        files: Sequence[str],
        columns: Sequence[str],
        format: InputFormat | None = None,
        *,
        keeps_bad: bool = False,
    ) -> None:
        if texts and files:
            raise refused("TEXT", "expected texts or --input, got both")
        if not texts and not files:
            if sys.stdin is None or sys.stdin.isatty():
                raise refused("TEXT", "expected a text, --input FILE, or texts on standard input")
            files = ["-"]
        self._texts, self._columns, self._format = texts, tuple(columns), format
        self._files = find_sources(files)
        self._before = 0
        self._bad: list[DataError] = []
        self._on_bad = self._bad.append if keeps_bad else refuse
        self._reader: RowReader | None = None
        is_known = bool(files) and "-" not in self._files
        self.size = sum(os.path.getsize(path) for path in self._files if os.path.isfile(path)) if is_known else None

    @property
    def done(self) -> int:
        """Return how many bytes of the files have been read."""
        return self._before + (self._reader.done if self._reader is not None else 0)

    def __iter__(self) -> Generator[Row, None, None]:
        """Iterate over all rows.

        Raises:
            DataError: if a file is empty, lacks a column or has the wrong format, or a row is bad and not kept; `path`,
                `line` or `record`, `reason`.
            FileError: if a file cannot be read.
            MissingDependencyError: if a file is Parquet or Arrow and pyarrow is not installed.
        """
        for number, text in enumerate(self._texts, 1):
            yield Row((_checked(text, number),), "the command line", number, "argument")
        for path in self._files:
            is_empty = True
            self._reader = RowReader(path, self._columns, format=self._format, on_bad=self._on_bad, advice=_ADVICE)
            for row in itertools.chain(self._reader, [None]):
                # The bad rows before this one, or at the end.
                for error in self._taken():
                    is_empty = False
                    yield self._bad_row(path, error)
                if row is not None:
                    is_empty = False
                    yield row
            if is_empty:
                raise damaged(name_of(path), "expected texts, found none: the file is empty or has only blank lines")
            if path != "-":
                self._before += os.path.getsize(path)
                self._reader = None

    def _taken(self) -> list[DataError]:
        taken = self._bad.copy()
        self._bad.clear()
        return taken

    def _bad_row(self, path: str, error: DataError) -> Row:
        found: Any = error
        record = getattr(found, "record", None)
        number, unit = (found.line, "line") if record is None else (record, "row")
        return Row((None,) * len(self._columns), name_of(path), number, unit, error)


def is_same_file(path: Path, files: Sequence[str] | None) -> bool:
    """Return whether a path is one of the files that `Rows` reads, under any name; None means standard input."""
    with suppress(OSError):
        wanted = os.stat(path)
        if not stat.S_ISREG(wanted.st_mode):
            return False
        for file in find_sources(files or ["-"]):
            # ValueError: standard input is no file.
            with suppress(OSError, ValueError, AttributeError):
                if os.path.samestat(wanted, os.fstat(sys.stdin.fileno()) if file == "-" else os.stat(file)):
                    return True
    return False


def _checked(text: str, number: int) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise refused("TEXT", f"argument {number} is not UTF-8") from error
    return text


__all__ = ["Rows", "is_same_file"]
