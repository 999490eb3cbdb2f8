"""Read the rows of a file one at a time: lines, CSV, TSV, JSON lines, Parquet or Arrow.

A row has the values of the wanted columns, and the place that errors name. Memory holds one line, or one batch of rows
of Parquet and Arrow.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import json
import os
import sys
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, Literal, NamedTuple, get_args

from oxbert._checks import require
from oxbert._files import damaged, translate_os_errors
from oxbert.errors import DataError, OxbertError

InputFormat = Literal["txt", "csv", "tsv", "jsonl", "parquet", "arrow"]
STANDARD_INPUT = "standard input"
_ENDINGS: dict[str, InputFormat] = {f".{name}": name for name in get_args(InputFormat)} | {
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".feather": "arrow",
}
ENDINGS = tuple(ending for ending in _ENDINGS if ending != ".txt")
"""The endings of files with columns."""
_LONGEST = 1 << 26
"""The length of the longest line in bytes; a longer one is an error, because memory would hold all of it."""
_ROWS = 256
_MARK = b"\xef\xbb\xbf"
_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)

OnBad = Callable[[DataError], None]
"""What is done about a bad row: it is left out if the call returns."""


class Row(NamedTuple):
    """Hold the values of a row and its place.

    Attributes:
        values: The values of the wanted columns, in their order.
        path: The file, or a name such as `standard input`.
        number: The number of the line, or of the row of Parquet and Arrow, from 1.
        unit: `line` or `row`; `argument` for texts of the command line.
        error: Why the row cannot be read, for a row that stands for a bad one; its values are None.
    """

    values: tuple[Any, ...]
    path: str
    number: int
    unit: str
    error: DataError | None = None

    @property
    def place(self) -> str:
        """Return the place for a message."""
        return f"{self.path}, {self.unit} {self.number}"

    def bad(self, reason: str) -> DataError:
        """Return the error for a bad row."""
        return damaged(self.path, reason, **{"record" if self.unit == "row" else "line": self.number})


def find_format(path: str | os.PathLike[str]) -> InputFormat:
    """Return the format that the ending of a path says: `txt` if it says none. `.gz` at the end is ignored."""
    return _ENDINGS.get(Path(os.fspath(path).lower().removesuffix(".gz")).suffix, "txt")


def name_of(path: str) -> str:
    """Return how messages call a file."""
    return STANDARD_INPUT if path == "-" else path


def refuse(error: DataError) -> None:
    """Raise the error of a bad row."""
    raise error


class RowReader:
    """Read the rows of one file.

    Args:
        path: The file; `-` is standard input. A file that ends with `.gz` is decompressed.
        columns: The columns to read. Lines of text have one value, whatever the column is called.
        format: The format; None means that the ending decides.
        optional: Those of the columns that may be missing, whose value is then None.
        texts: Whether all values have to be texts.
        on_bad: What is done about a bad row: one that is not UTF-8, lacks a column, has a column twice, or has the
            wrong form. By default its error is raised.
        advice: What an error about a missing column adds.

    Raises:
        DataError: if the file has the wrong format, or lacks a column; `path`, `line` or `record`, `reason`.
        FileError: if the file cannot be read.
        MissingDependencyError: if the file is Parquet or Arrow and pyarrow is not installed.
    """

    def __init__(
        self,
        path: str,
        columns: Sequence[str],
        *,
        format: InputFormat | None = None,
        optional: Collection[str] = (),
        texts: bool = True,
        on_bad: OnBad = refuse,
        advice: str = "",
    ) -> None:
        self._path, self._columns, self._optional = path, tuple(columns), optional
        self._kind = format or find_format(path)
        self._texts, self._on_bad, self._advice = texts, on_bad, advice
        self._stream: IO[bytes] | None = None
        self._share = 0.0
        self._has_header = False

    @property
    def done(self) -> int:
        """Return how many bytes of the file have been read."""
        return int(self._share) if self._stream is None or self._stream.closed else self._stream.tell()

    def __iter__(self) -> Iterator[Row]:
        """Iterate over the rows; empty lines are none."""
        with _reading(name_of(self._path)):
            if self._kind in ("parquet", "arrow"):
                yield from self._table()
                return
            stream: Any = sys.stdin.buffer if self._path == "-" else open(self._path, "rb")  # noqa: SIM115
            try:
                self._stream = stream if self._path != "-" else None
                lines: Any = gzip.GzipFile(fileobj=stream) if self._path.lower().endswith(".gz") else stream
                on_bad = self._on_bad if self._kind in ("txt", "jsonl") else self._on_bad_cells
                numbered = read_lines(lines, name_of(self._path), on_bad)
                if self._kind == "txt":
                    yield from self._texts_of(numbered)
                elif self._kind == "jsonl":
                    yield from self._records(numbered)
                else:
                    yield from self._cells(numbered)
            finally:
                if self._path != "-":
                    stream.close()
                self._stream = None

    def _texts_of(self, lines: Iterator[tuple[int, str]]) -> Iterator[Row]:
        path = name_of(self._path)
        if len(self._columns) > 1:
            names = " and ".join(self._columns)
            raise damaged(path, f"expected a file with the columns {names}, such as .csv or .jsonl, got lines")
        for number, line in lines:
            if line.strip():
                yield Row((line.removesuffix("\n").removesuffix("\r"),), path, number, "line")

    def _records(self, lines: Iterator[tuple[int, str]]) -> Iterator[Row]:
        path = name_of(self._path)
        for number, line in lines:
            if not line.strip():
                continue
            try:
                record = parse_object(line, path, number)
                yield self._checked(Row(self._pick(record, path, number), path, number, "line"))
            except DataError as error:
                self._on_bad(error)

    def _pick(self, record: dict[str, Any], path: str, number: int) -> tuple[Any, ...]:
        for name in self._columns:
            if name not in record and name not in self._optional:
                raise damaged(path, self._lacking(name, record), line=number)
        return tuple(record.get(name) for name in self._columns)

    def _checked(self, row: Row) -> Row:
        """Return a row, after a look at its texts."""
        for name, value in zip(self._columns, row.values, strict=True):
            if self._texts and not isinstance(value, str) and not (value is None and name in self._optional):
                raise row.bad(f"expected a text in {name!r}, got {kind_of(value)}")
            if not _is_encodable(value):
                raise row.bad(f"{name!r} has half of a surrogate pair")
        return row

    def _on_bad_cells(self, error: DataError) -> None:
        """Refuse a bad line before the header, in whose place the next row would stand; pass on later ones."""
        if not self._has_header:
            raise error
        self._on_bad(error)

    def _cells(self, lines: Iterator[tuple[int, str]]) -> Iterator[Row]:
        path = name_of(self._path)
        self._has_header = False
        csv.field_size_limit(_LONGEST)
        last = [0]
        delimiter = "\t" if self._kind == "tsv" else ","
        reader = csv.reader(_noted(lines, last), delimiter=delimiter, strict=True)
        header: list[str] = []
        places: list[int | None] = []
        while True:
            begin = last[0] + 1
            try:
                cells = next(reader, None)
                if cells is None:
                    return
                if not cells:
                    continue
                if header and len(cells) != len(header):
                    raise damaged(path, f"expected {len(header)} values, got {len(cells)}", line=begin)
            except csv.Error as error:
                bad = damaged(path, f"expected comma-separated values: {error}", line=begin)
                bad.__cause__ = error
                if not header:
                    raise bad from error
                self._on_bad(bad)
                continue
            except DataError as error:
                self._on_bad_cells(error)
                continue
            if not header:
                header = cells
                self._has_header = True
                self._check_columns(header, line=begin)
                places = [header.index(name) if name in header else None for name in self._columns]
            else:
                yield Row(tuple(None if place is None else cells[place] for place in places), path, begin, "line")

    def _table(self) -> Iterator[Row]:
        path, kind = self._path, self._kind
        if path == "-":
            raise damaged(STANDARD_INPUT, f"expected lines, got {kind}: pass the file with --input")
        number, size = 0, os.path.getsize(path)
        for batch, total in self._batches():
            found = [name if name in batch.schema.names else None for name in self._columns]
            columns = [[None] * batch.num_rows if name is None else batch.column(name).to_pylist() for name in found]
            for values in zip(*columns, strict=True):
                number += 1
                try:
                    yield self._checked(Row(values, path, number, "row"))
                except DataError as error:
                    self._on_bad(error)
            self._share = size * number / max(1, total)

    def _batches(self) -> Iterator[tuple[Any, int]]:
        """Iterate over batches of rows of a Parquet or Arrow file, each with the number of all rows."""
        with open_arrow(self._path) as file:
            if file.size() == 0:
                return
            if self._kind == "parquet":
                table = require("pyarrow", "parquet", extra="arrow").ParquetFile(file)
                columns = self._check_columns(table.schema_arrow.names)
                for batch in table.iter_batches(_ROWS, columns=columns, use_threads=False):
                    yield batch, table.metadata.num_rows
                return
            arrow = require("pyarrow", "ipc", extra="arrow").open_file(file)
            columns = self._check_columns(arrow.schema.names)
            count = arrow.num_record_batches
            for number in range(count):
                batch = arrow.get_batch(number)
                # The footer has no count of rows, so it is taken to be that of equal batches.
                yield batch.select(columns), batch.num_rows * count

    def _check_columns(self, found: Sequence[str], **place: int) -> list[str]:
        """Return the wanted columns that are there, after a look for those that have to be."""
        path = name_of(self._path)
        for name in self._columns:
            if name not in found and name not in self._optional:
                raise damaged(path, self._lacking(name, found), **place)
            if list(found).count(name) > 1:
                raise damaged(path, f"expected one column {name!r}, found {list(found).count(name)}", **place)
        return [name for name in self._columns if name in found]

    def _lacking(self, name: str, found: Any) -> str:
        return f"expected a column {name!r}, found {', '.join(map(str, found)) or 'none'}{self._advice}"


def open_arrow(path: str | os.PathLike[str]) -> Any:
    """Return a file that Arrow reads without Python.

    Arrow reads ahead on threads of its own. Such a thread ends the process if it needs Python's lock for a file of
    Python while Python exits.

    Raises:
        OSError: if the file cannot be read.
        MissingDependencyError: if pyarrow is not installed.
    """
    arrow = require("pyarrow", extra="arrow")
    # Its errors say no more than what is wrong; Arrow's repeat the path.
    with open(path, "rb"):
        return arrow.OSFile(os.fspath(path))


def _noted(lines: Iterator[tuple[int, str]], last: list[int]) -> Iterator[str]:
    """Iterate over lines, and keep the number of the last one: a row may have several, and bad lines are left out."""
    for number, line in lines:
        last[0] = number
        yield line


def kind_of(value: Any) -> str:
    """Return how messages call the kind of a value."""
    return "none" if value is None else type(value).__name__


def _is_encodable(value: Any) -> bool:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return False
    elif isinstance(value, list):
        return all(map(_is_encodable, value))
    return True


def parse_object(line: str, path: str, number: int) -> dict[str, Any]:
    """Return the object of a line of JSON."""
    try:
        record = json.loads(line, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        # Its own message counts lines from this one on.
        reason = f"expected JSON: {error.msg} at character {error.pos + 1}; every line has to be an object"
        raise damaged(path, reason, line=number) from error
    except (ValueError, RecursionError) as error:
        raise damaged(path, f"expected JSON: {error}", line=number) from error
    if not isinstance(record, dict):
        kind = type(record).__name__
        raise damaged(path, f"expected a JSON object, got {kind}; every line has to be an object", line=number)
    return record


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object, of which json would take the last value of a name that comes twice."""
    record = dict(pairs)
    if len(record) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} comes twice")
    return record


def read_lines(stream: BinaryIO, path: str, on_bad: OnBad = refuse) -> Iterator[tuple[int, str]]:
    """Iterate over the lines of a stream and their numbers from 1, each with its line break.

    Args:
        stream: The stream.
        path: The name for errors.
        on_bad: What is done about a line that is not UTF-8.

    Raises:
        DataError: if a line is not UTF-8, or is longer than 64 MiB.
    """
    number = 0
    while line := stream.readline(_LONGEST + 1):
        number += 1
        if len(line) > _LONGEST:
            raise damaged(path, f"the line is longer than {_LONGEST} bytes", line=number)
        if number == 1:
            line = line.removeprefix(_MARK)
            if line.startswith(_UTF_16):
                raise damaged(path, "expected UTF-8, got UTF-16: iconv -f UTF-16 -t UTF-8 converts it", line=number)
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            reason = f"byte {error.start + 1} of the line is not UTF-8 (0x{line[error.start]:02x})"
            bad = damaged(path, reason, line=number)
            bad.__cause__ = error
            on_bad(bad)
            continue
        yield number, text


def read_file_lines(path: str | os.PathLike[str], on_bad: OnBad = refuse) -> Iterator[tuple[int, str]]:
    """Iterate over the lines of a file as `read_lines` does; one that ends with `.gz` is decompressed.

    Raises:
        DataError: if a line is not UTF-8, or is longer than 64 MiB, or the file is a damaged archive.
        FileError: if the file cannot be read.
    """
    name = os.fspath(path)
    with _reading(name), open(path, "rb") as stream:
        lines: Any = gzip.GzipFile(fileobj=stream) if name.lower().endswith(".gz") else stream
        yield from read_lines(lines, name, on_bad)


def read_file(path: str | os.PathLike[str]) -> str:
    """Return the text of a file; one that ends with `.gz` is decompressed.

    Raises:
        DataError: if the file is not UTF-8, or a damaged archive.
        FileError: if the file cannot be read.
    """
    name = os.fspath(path)
    with _reading(name):
        content = Path(path).read_bytes()
        if name.lower().endswith(".gz"):
            content = gzip.decompress(content)
    try:
        return content.removeprefix(_MARK).decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise damaged(path, f"byte 0x{error.object[error.start]:02x} is not UTF-8", line=line) from error


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


__all__ = [
    "ENDINGS",
    "STANDARD_INPUT",
    "InputFormat",
    "OnBad",
    "Row",
    "RowReader",
    "find_format",
    "kind_of",
    "name_of",
    "open_arrow",
    "parse_object",
    "read_file",
    "read_file_lines",
    "read_lines",
    "refuse",
]
