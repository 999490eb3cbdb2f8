"""Read texts from arguments, standard input or files, one row at a time.

A row has the values of one or more columns, and the place that errors name. Memory holds one line, or one batch of rows
of Parquet and Arrow.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
import sys
import zlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, Literal, NamedTuple, get_args

from oxbert._checks import refused, require
from oxbert._files import damaged, translate_os_errors
from oxbert._paths import find_sources
from oxbert.errors import DataError, OxbertError

InputFormat = Literal["txt", "csv", "tsv", "jsonl", "parquet", "arrow"]
STANDARD_INPUT = "standard input"
_ENDINGS: dict[str, InputFormat] = {f".{name}": name for name in get_args(InputFormat)} | {
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".feather": "arrow",
}
_LONGEST = 1 << 26
"""The length of the longest line in bytes; a longer one is an error, because memory would hold all of it."""
_ROWS = 256
_MARK = b"\xef\xbb\xbf"


class Row(NamedTuple):
    """Hold the values of a row and its place.

    Attributes:
        values: The values of the wanted columns, in their order.
        path: The file, or a name such as `standard input`.
        number: The number of the line, or of the row of Parquet and Arrow, from 1.
        unit: `line` or `row`; `argument` for texts of the command line.
    """

    values: tuple[str, ...]
    path: str
    number: int
    unit: str

    @property
    def place(self) -> str:
        """Return the place for a message."""
        return f"{self.path}, {self.unit} {self.number}"


def find_format(path: str | os.PathLike[str]) -> InputFormat:
    """Return the format that the ending of a path says: `txt` if it says none. `.gz` at the end is ignored."""
    return _ENDINGS.get(Path(os.fspath(path).lower().removesuffix(".gz")).suffix, "txt")


class Rows:
    """Read the rows of texts of the command line, or else of files, or else of standard input.

    Args:
        texts: Texts of the command line, for input with one column.
        files: Paths and patterns; `-` is standard input.
        columns: The columns to read of a file with columns.
        format: The format of all files; None means that endings decide.

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
        self._stream: IO[bytes] | None = None
        self._share = 0.0
        is_known = bool(files) and "-" not in self._files
        self.size = sum(os.path.getsize(path) for path in self._files if os.path.isfile(path)) if is_known else None

    @property
    def done(self) -> int:
        """Return how many bytes of the files have been read."""
        place = int(self._share) if self._stream is None or self._stream.closed else self._stream.tell()
        return self._before + place

    def __iter__(self) -> Generator[Row, None, None]:
        """Iterate over all rows.

        Raises:
            DataError: if a file is empty, is not UTF-8, lacks a column or has the wrong format; `path`, `line` or
                `record`, `reason`.
            FileError: if a file cannot be read.
            MissingDependencyError: if a file is Parquet or Arrow and pyarrow is not installed.
        """
        for number, text in enumerate(self._texts, 1):
            yield Row((_checked(text, number),), "the command line", number, "argument")
        for path in self._files:
            is_empty = True
            for row in self._read(path):
                is_empty = False
                yield row
            if is_empty:
                raise damaged(_named(path), "expected texts, found none: the file is empty or has only blank lines")
            if path != "-":
                self._before += os.path.getsize(path)
                self._share = 0

    def _read(self, path: str) -> Iterator[Row]:
        kind = self._format or find_format(path)
        with _reading(_named(path)):
            if kind in ("parquet", "arrow"):
                yield from self._table(path, kind)
                return
            stream: Any = sys.stdin.buffer if path == "-" else open(path, "rb")  # noqa: SIM115
            try:
                self._stream = stream if path != "-" else None
                lines: Any = gzip.GzipFile(fileobj=stream) if path.lower().endswith(".gz") else stream
                numbered = _lines(lines, _named(path))
                if kind == "txt":
                    self._expect_one(path)
                    for number, line in numbered:
                        if line.strip():
                            text = line.removesuffix("\n").removesuffix("\r")
                            yield Row((text,), _named(path), number, "line")
                elif kind == "jsonl":
                    yield from self._records(numbered, _named(path))
                else:
                    yield from self._cells(numbered, _named(path), "\t" if kind == "tsv" else ",")
            finally:
                if path != "-":
                    stream.close()
                self._stream = None

    def _expect_one(self, path: str) -> None:
        if len(self._columns) > 1:
            names = " and ".join(self._columns)
            raise damaged(_named(path), f"expected a file with the columns {names}, such as .csv or .jsonl, got lines")

    def _records(self, lines: Iterator[tuple[int, str]], path: str) -> Iterator[Row]:
        for number, line in lines:
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise damaged(path, f"expected JSON: {error}", line=number) from error
            if not isinstance(record, dict):
                raise damaged(path, f"expected a JSON object, got {type(record).__name__}", line=number)
            for name in self._columns:
                if name not in record:
                    raise damaged(path, _lacking(name, record), line=number)
                if not isinstance(record[name], str):
                    got = type(record[name]).__name__
                    raise damaged(path, f"expected a text in {name!r}, got {got}", line=number)
                try:
                    record[name].encode()
                except UnicodeEncodeError as error:
                    raise damaged(path, f"{name!r} has half of a surrogate pair", line=number) from error
            yield Row(tuple(record[name] for name in self._columns), path, number, "line")

    def _cells(self, lines: Iterator[tuple[int, str]], path: str, delimiter: str) -> Iterator[Row]:
        csv.field_size_limit(_LONGEST)
        reader = csv.reader((line for _, line in lines), delimiter=delimiter, strict=True)
        header: list[str] = []
        places: list[int] = []
        while True:
            begin = reader.line_num + 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise damaged(path, f"expected comma-separated values: {error}", line=begin) from error
            if cells is None:
                return
            if not cells:
                continue
            if not header:
                header = cells
                for name in self._columns:
                    if name not in header:
                        raise damaged(path, _lacking(name, header), line=begin)
                places = [header.index(name) for name in self._columns]
            elif len(cells) != len(header):
                raise damaged(path, f"expected {len(header)} values, got {len(cells)}", line=begin)
            else:
                yield Row(tuple(cells[place] for place in places), path, begin, "line")

    def _table(self, path: str, kind: InputFormat) -> Iterator[Row]:
        if path == "-":
            raise damaged(STANDARD_INPUT, f"expected lines, got {kind}: pass the file with --input")
        number, size = 0, os.path.getsize(path)
        for batch, total in open_table(path, kind, self._columns):
            columns = [batch.column(name).to_pylist() for name in self._columns]
            for values in zip(*columns, strict=True):
                number += 1
                for name, value in zip(self._columns, values, strict=True):
                    if not isinstance(value, str):
                        got = "none" if value is None else type(value).__name__
                        raise damaged(path, f"expected a text in column {name!r}, got {got}", record=number)
                yield Row(values, path, number, "row")
            self._share = size * number / max(1, total)


def open_table(path: str, kind: str, columns: Sequence[str]) -> Iterator[tuple[Any, int]]:
    """Iterate over batches of rows of a Parquet or Arrow file, each with the number of all rows.

    Args:
        path: The file.
        kind: `parquet` or `arrow`.
        columns: The columns to read.

    Raises:
        DataError: if a column is missing, or the file is damaged.
        MissingDependencyError: if pyarrow is not installed.
    """
    with open(path, "rb") as file:
        if os.path.getsize(path) == 0:
            return
        if kind == "parquet":
            table = require("pyarrow", "parquet", extra="arrow").ParquetFile(file)
            _check_columns(path, table.schema_arrow.names, columns)
            for batch in table.iter_batches(_ROWS, columns=list(columns), use_threads=False):
                yield batch, table.metadata.num_rows
            return
        arrow = require("pyarrow", "ipc", extra="arrow").open_file(file)
        _check_columns(path, arrow.schema.names, columns)
        count = arrow.num_record_batches
        for number in range(count):
            batch = arrow.get_batch(number)
            # The footer has no count of rows, so it is taken to be that of equal batches.
            yield batch.select(list(columns)), batch.num_rows * count


def _check_columns(path: str, found: Sequence[str], columns: Sequence[str]) -> None:
    for name in columns:
        if name not in found:
            raise damaged(path, _lacking(name, found))


def _lacking(name: str, found: Any) -> str:
    return f"expected a column {name!r}, found {', '.join(map(str, found)) or 'none'}; choose with --column"


def _named(path: str) -> str:
    return STANDARD_INPUT if path == "-" else path


def _checked(text: str, number: int) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise refused("TEXT", f"argument {number} is not UTF-8") from error
    return text


def _lines(stream: BinaryIO, path: str) -> Iterator[tuple[int, str]]:
    """Iterate over the lines of a stream and their numbers from 1."""
    number = 0
    while line := stream.readline(_LONGEST + 1):
        number += 1
        if len(line) > _LONGEST:
            raise damaged(path, f"the line is longer than {_LONGEST} bytes", line=number)
        if number == 1:
            line = line.removeprefix(_MARK)
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            reason = f"byte {error.start + 1} of the line is not UTF-8 (0x{line[error.start]:02x})"
            raise damaged(path, reason, line=number) from error
        yield number, text


@contextmanager
def _reading(path: str) -> Iterator[None]:
    """Translate the errors of readers into errors that name the file."""
    try:
        with translate_os_errors("read", path):
            yield
    except (EOFError, zlib.error) as error:
        raise damaged(path, f"is no complete gzip file: {error}") from error
    except OxbertError:
        raise
    except (ValueError, NotImplementedError) as error:
        raise DataError(f"{path}: cannot be read: {error}", path=path, reason=str(error)) from error


__all__ = ["STANDARD_INPUT", "InputFormat", "Row", "Rows", "find_format", "open_table"]
