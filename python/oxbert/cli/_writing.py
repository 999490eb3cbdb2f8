"""Write rows of results so that a stop leaves whole rows, and a file that was left half-way can be completed.

Lines (JSON, CSV) go straight into the file. Parquet and Arrow can be read only once they have their footer, so their
rows go to a file beside, `OUTPUT.part`, which becomes the file at the end.
"""

from __future__ import annotations

import csv
import json
import os
import struct
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Literal

from oxbert._checks import refused, require
from oxbert._files import damaged, settle, translate_os_errors
from oxbert.cli._fields import Fields, arrow_schema, csv_line, csv_row, from_cell, json_line

OutputFormat = Literal["jsonl", "csv", "parquet", "arrow"]
_ENDINGS: dict[str, OutputFormat] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
}
_FRAME = struct.Struct("<QI")
_BATCH = 1024


def find_output_format(path: Path) -> OutputFormat:
    """Return the format that the ending of a path says.

    Raises:
        InputError: if the ending says none.
    """
    kind = _ENDINGS.get(path.suffix.lower())
    if kind is None:
        raise refused("--output", f"expected one of {', '.join(_ENDINGS)} at the end of {path}, or --format")
    return kind


def open_writer(path: Path, kind: OutputFormat, fields: Fields) -> Writer:
    """Return the writer of a format."""
    if kind == "jsonl":
        return JsonLines(path, fields)
    if kind == "csv":
        return CsvLines(path, fields)
    return Columns(path, fields, kind)


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
        self._file: BinaryIO | None = None
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
            mode = "r+b" if self.target.exists() else "w+b"
            self._file = open(self.target, mode, buffering=0)  # noqa: SIM115, closed by `close` and `stop`
            kept = 0
            for row, place in self._recover(self._file):
                kept = place
                if row is not None:
                    self.count += 1
                    yield row
            self._file.seek(kept)
            self._file.truncate()
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
                os.fsync(self._file.fileno())
            self._file.close()

    def stop(self) -> None:
        """Leave the file with the whole rows that were written."""
        if self._file is not None and not self._file.closed:
            if self._size is not None:
                # A signal or a full disk may have cut the last write short.
                os.ftruncate(self._file.fileno(), self._size)
            self._file.close()

    def _append(self, data: bytes) -> None:
        if self._file is None or self._size is None:
            raise ValueError("the file is not open")
        view = memoryview(data)
        while len(view):
            view = view[self._file.write(view) or 0 :]
        self._size += len(data)

    def _head(self) -> bytes:
        """Return what stands before the first row."""
        return b""

    @abstractmethod
    def _encode(self, rows: Sequence[Mapping[str, Any]]) -> bytes:
        """Return rows as bytes of the file."""

    @abstractmethod
    def _recover(self, file: BinaryIO) -> Iterator[tuple[dict[str, Any] | None, int]]:
        """Iterate over the whole rows from the start of a file, None for a header, each with the place after it."""


class JsonLines(Writer):
    """Write one JSON object per line."""

    def _encode(self, rows: Sequence[Mapping[str, Any]]) -> bytes:
        return "".join(map(json_line, rows)).encode()

    def _recover(self, file: BinaryIO) -> Iterator[tuple[dict[str, Any] | None, int]]:
        size = 0
        with open(os.dup(file.fileno()), "rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.endswith(b"\n"):
                    return
                try:
                    row = json.loads(line)
                except ValueError as error:
                    raise damaged(self._path, f"expected JSON: {error}", line=number) from error
                if not isinstance(row, dict) or list(row) != list(self._fields):
                    raise _other_fields(self._path, row, self._fields, number)
                size += len(line)
                yield row, size


class CsvLines(Writer):
    """Write comma-separated values with a header."""

    def _head(self) -> bytes:
        return csv_line(list(self._fields)).encode()

    def _encode(self, rows: Sequence[Mapping[str, Any]]) -> bytes:
        return "".join(csv_row(row, self._fields) for row in rows).encode()

    def _recover(self, file: BinaryIO) -> Iterator[tuple[dict[str, Any] | None, int]]:
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
                    raise _other_fields(self._path, cells, self._fields, reader.line_num)
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


class Columns(Writer):
    """Write Parquet or Arrow.

    `OUTPUT.part` is a sequence of frames: the length and the CRC-32 of a stream of Arrow with some rows, then the
    stream. A frame that was cut off, or has another checksum, ends the file.
    """

    def __init__(self, path: Path, fields: Fields, kind: OutputFormat) -> None:
        super().__init__(path, fields)
        self._kind = kind
        self._pa, self._ipc = require("pyarrow", extra="arrow"), require("pyarrow", "ipc", extra="arrow")
        self._schema = arrow_schema(fields)

    @property
    def target(self) -> Path:
        return self._path.with_name(f"{self._path.name}.part")

    def resume(self) -> Iterator[dict[str, Any]]:
        """Iterate over the whole rows of the unfinished file, or of the finished one, and go on after them."""
        if self.target.exists() or not self._path.exists():
            yield from super().resume()
            return
        for batch in self._finished():
            if batch.schema != self._schema:
                raise _other_fields(self._path, batch.schema.names, self._fields, 1)
            yield from batch.to_pylist()
        self.begin()
        for batch in self._finished():
            self.write(batch.to_pylist())

    def close(self) -> None:
        """Turn the unfinished file into the finished one."""
        super().close()
        beside = self._path.with_name(f".{self._path.name}.new")
        with translate_os_errors("write", self._path):
            try:
                if self._kind == "parquet":
                    parquet = require("pyarrow", "parquet", extra="arrow")
                    with parquet.ParquetWriter(beside, self._schema) as writer:
                        for table in self._tables():
                            writer.write_table(table)
                else:
                    with self._pa.OSFile(str(beside), "wb") as sink, self._ipc.new_file(sink, self._schema) as writer:
                        for table in self._tables():
                            writer.write_table(table)
                settle(beside, self._path)
            finally:
                beside.unlink(missing_ok=True)
        self.target.unlink()

    def _tables(self) -> Iterator[Any]:
        """Iterate over the rows of the unfinished file, in tables of a good size."""
        with open(self.target, "rb") as file:
            held: list[Any] = []
            rows = 0
            for frame, _ in _frames(file):
                held.append(self._ipc.open_stream(frame).read_all())
                rows += held[-1].num_rows
                if rows >= _BATCH:
                    yield self._pa.concat_tables(held).combine_chunks()
                    held, rows = [], 0
            if held:
                yield self._pa.concat_tables(held).combine_chunks()

    def _finished(self) -> Iterator[Any]:
        with translate_os_errors("read", self._path), open(self._path, "rb") as file:
            if self._kind == "parquet":
                yield from require("pyarrow", "parquet", extra="arrow").ParquetFile(file).iter_batches(_BATCH)
                return
            reader = self._ipc.open_file(file)
            yield from map(reader.get_batch, range(reader.num_record_batches))

    def _encode(self, rows: Sequence[Mapping[str, Any]]) -> bytes:
        batch = self._pa.RecordBatch.from_pylist(list(rows), schema=self._schema)
        sink = self._pa.BufferOutputStream()
        with self._ipc.new_stream(sink, self._schema) as writer:
            writer.write_batch(batch)
        data: bytes = sink.getvalue().to_pybytes()
        return _FRAME.pack(len(data), zlib.crc32(data)) + data

    def _recover(self, file: BinaryIO) -> Iterator[tuple[dict[str, Any] | None, int]]:
        with open(os.dup(file.fileno()), "rb") as frames:
            for frame, size in _frames(frames):
                table = self._ipc.open_stream(frame).read_all()
                if table.schema != self._schema:
                    raise _other_fields(self.target, table.schema.names, self._fields, 1)
                for row in table.to_pylist():
                    yield row, size


def _frames(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    size = 0
    while len(head := file.read(_FRAME.size)) == _FRAME.size:
        length, checksum = _FRAME.unpack(head)
        data = file.read(length) if length <= os.fstat(file.fileno()).st_size else b""
        if len(data) < length or zlib.crc32(data) != checksum:
            return
        size += _FRAME.size + length
        yield data, size


def _other_fields(path: Path, found: Any, fields: Fields, line: int) -> Exception:
    shown = ", ".join(map(str, found)) if isinstance(found, list | dict) else type(found).__name__
    reason = f"expected the fields {', '.join(fields)}, found {shown[:200]}; --resume needs the same command"
    return damaged(path, reason, line=line)


__all__ = ["OutputFormat", "Writer", "find_output_format", "open_writer"]
