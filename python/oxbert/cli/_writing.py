"""Write rows of results so that a stop leaves whole rows, and a file that was left half-way can be completed.

Here are the writers of lines, which go straight into the file. `_arrays.py` has those of Parquet, Arrow and numpy.
"""

from __future__ import annotations

import csv
import io
import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Literal

import orjson

from oxbert._fields import Fields
from oxbert._files import damaged, translate_os_errors
from oxbert.cli._fields import csv_line, csv_row, from_cell, json_line


class Writer(ABC):
    """Write rows to a file.

    Args:
        path: The file.
        fields: The fields of a row.

    Attributes:
        count: How many rows the file has.
    """

    def __init__(self, path: Path, fields: Fields) -> None:
        self._path, self._fields = path, fields
        self._file: io.FileIO | None = None
        # None until it is known how much of the file is kept.
        self._size: int | None = None
        self.count = 0

    @property
    def target(self) -> Path:
        """Return the file that is written now."""
        return self._path

    @property
    def is_open(self) -> bool:
        """Return whether the file has been started or resumed."""
        return self._file is not None

    def begin(self) -> None:
        """Start an empty file.

        Raises:
            FileError: if the file cannot be written.
        """
        with translate_os_errors("write", self.target):
            self._file = open(self.target, "wb", buffering=0)  # noqa: SIM115, closed by `close` and `stop`
            self._size = 0
            self._append(self._head())

    def resume(self) -> Iterator[dict[str, Any]]:
        """Iterate over the whole rows of the file, cut the rest off, and go on after them.

        Raises:
            DataError: if the file has other fields or is damaged before its end.
            FileError: if the file cannot be read or written.
        """
        with translate_os_errors("write", self.target):
            mode: Literal["r+b", "w+b"] = "r+b" if self.target.exists() else "w+b"
            self._file = file = open(self.target, mode, buffering=0)  # noqa: SIM115, closed by `close` and `stop`
            kept = 0
            for row, place in self._recover(file):
                kept = place
                if row is not None:
                    self.count += 1
                    yield row
            file.seek(kept)
            file.truncate()
            self._size = kept
            if not kept:
                self._append(self._head())

    def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write rows at once.

        Raises:
            FileError: if the file cannot be written.
        """
        if rows:
            with translate_os_errors("write", self.target):
                self._append(self._encode(rows))
            self.count += len(rows)

    def close(self) -> None:
        """Finish the file after the last row.

        Raises:
            FileError: if the file cannot be written.
        """
        if self._file is not None:
            with translate_os_errors("write", self.target):
                if self._is_regular():
                    os.fsync(self._file.fileno())
            self._file.close()

    def stop(self) -> None:
        """Leave the file with the whole rows that were written."""
        if self._file is not None and not self._file.closed:
            if self._size is not None and self._is_regular():
                # A signal or a full disk may have cut the last write short.
                os.ftruncate(self._file.fileno(), self._size)
            self._file.close()

    def _is_regular(self) -> bool:
        """Return whether the file is one that can be cut and written again; a device or a pipe is none."""
        return self._file is not None and stat.S_ISREG(os.fstat(self._file.fileno()).st_mode)

    def _append(self, data: bytes) -> None:
        if self._file is None or self._size is None:
            raise ValueError("the file is not open")
        view = memoryview(data)
        while len(view):
            view = view[self._file.write(view) or 0 :]
        self._size += len(data)

    def _head(self) -> bytes:
        """Return the header of the file, which precedes the first row."""
        return b""

    @abstractmethod
    def _encode(self, rows: Sequence[Mapping[str, Any]]) -> bytes:
        """Return rows as bytes of the file."""

    @abstractmethod
    def _recover(self, file: io.FileIO) -> Iterator[tuple[dict[str, Any] | None, int]]:
        """Iterate over the whole rows from the start of a file, None for a header, each with the place after it."""


class JsonLines(Writer):
    """Write one JSON object per line."""

    def _encode(self, rows: Sequence[Mapping[str, Any]]) -> bytes:
        return b"".join(map(json_line, rows))

    def _recover(self, file: io.FileIO) -> Iterator[tuple[dict[str, Any] | None, int]]:
        size = 0
        with open(os.dup(file.fileno()), "rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.endswith(b"\n"):
                    return
                try:
                    row = orjson.loads(line)
                except ValueError as error:
                    raise damaged(self._path, f"expected JSON: {error}", line=number) from error
                if not isinstance(row, dict) or list(row) != list(self._fields):
                    raise other_fields(self._path, row, self._fields, number)
                size += len(line)
                yield row, size


class CsvLines(Writer):
    """Write comma-separated values with a header."""

    def _head(self) -> bytes:
        return csv_line(list(self._fields)).encode()

    def _encode(self, rows: Sequence[Mapping[str, Any]]) -> bytes:
        return "".join(csv_row(row, self._fields) for row in rows).encode()

    def _recover(self, file: io.FileIO) -> Iterator[tuple[dict[str, Any] | None, int]]:
        csv.field_size_limit(1 << 30)
        with open(os.dup(file.fileno()), "rb") as stream:
            lines = _Counted(stream)
            reader = csv.reader(lines, strict=True)
            while True:
                try:
                    cells = next(reader, None)
                except csv.Error as error:
                    if next(lines, None) is None:
                        return  # a quoted cell that was cut off
                    raise damaged(self._path, f"expected CSV: {error}", line=reader.line_num) from error
                if cells is None or not lines.is_whole:
                    return
                if reader.line_num == 1 and cells == list(self._fields):
                    yield None, lines.size
                    continue
                if len(cells) != len(self._fields) or reader.line_num == 1:
                    raise other_fields(self._path, cells, self._fields, reader.line_num)
                named = zip(self._fields.items(), cells, strict=True)
                try:
                    row = {name: from_cell(cell, kind) for (name, kind), cell in named}
                except ValueError as error:
                    raise damaged(self._path, f"expected JSON in a cell: {error}", line=reader.line_num) from error
                yield row, lines.size


class _Counted:
    """Iterate over the lines of a file as text.

    Attributes:
        size: The bytes of the lines so far.
        is_whole: Whether the last line ends with a line break.
    """

    def __init__(self, lines: BinaryIO) -> None:
        self._lines = lines
        self.size = 0
        self.is_whole = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.size += len(line)
        self.is_whole = line.endswith(b"\n")
        return line.decode("utf-8", "surrogateescape")


def other_fields(path: Path, found: Any, fields: Fields, line: int) -> Exception:
    """Return the error for a file to resume that has other fields."""
    shown = ", ".join(map(str, found)) if isinstance(found, list | dict) else type(found).__name__
    reason = f"expected the fields {', '.join(fields)}, found {shown[:200]}; --resume needs the same command"
    return damaged(path, reason, line=line)


__all__ = ["CsvLines", "JsonLines", "Writer", "other_fields"]
