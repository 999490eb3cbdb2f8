"""Write rows of results as Parquet, Arrow, or numpy's arrays.

Parquet and Arrow can be read only once they have their footer, so their rows go to a file beside, `OUTPUT.part`, which
becomes the file at the end.
"""

from __future__ import annotations

import io
import os
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np

from oxbert._checks import refused, require
from oxbert._fields import Fields, Vector, arrow_columns, arrow_schema, parquet_schema
from oxbert._files import damaged, settle, translate_os_errors
from oxbert._rows import open_arrow
from oxbert.cli._writing import Writer, other_fields

_FRAME = struct.Struct("<QI")
_BATCH = 1024
_NPY = 128
"""The length of the header of an .npy file; the format asks for a multiple of 64."""


class Columns(Writer):
    """Write Parquet or Arrow.

    `OUTPUT.part` is a sequence of frames: the length and the CRC-32 of a stream of Arrow with some rows, then the
    stream. A frame that was cut off, or has another checksum, ends the file.
    """

    def __init__(self, path: Path, fields: Fields, kind: Literal["parquet", "arrow"]) -> None:
        super().__init__(path, fields)
        self._kind = kind
        self._pa, self._ipc = require("pyarrow", extra="arrow"), require("pyarrow", "ipc", extra="arrow")
        self._schema = arrow_schema(fields)
        # That of the finished file.
        self._stored = parquet_schema(self._schema) if kind == "parquet" else self._schema

    @property
    def target(self) -> Path:
        return self._path.with_name(f"{self._path.name}.part")

    def resume(self) -> Iterator[dict[str, Any]]:
        """Iterate over the whole rows of the unfinished file, or of the finished one, and go on after them."""
        if self.target.exists() or not self._path.exists():
            yield from super().resume()
            return
        for batch in self._finished():
            if batch.schema != self._stored:
                raise other_fields(self._path, batch.schema.names, self._fields, 1)
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
                    with parquet.ParquetWriter(beside, self._stored) as writer:
                        for table in self._tables():
                            writer.write_table(table.cast(self._stored))
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
        with translate_os_errors("read", self._path), open_arrow(self._path) as file:
            if self._kind == "parquet":
                yield from require("pyarrow", "parquet", extra="arrow").ParquetFile(file).iter_batches(_BATCH)
                return
            reader = self._ipc.open_file(file)
            yield from map(reader.get_batch, range(reader.num_record_batches))

    def _encode(self, rows: Sequence[Mapping[str, Any]]) -> bytes:
        batch = self._pa.RecordBatch.from_arrays(arrow_columns(rows, self._fields), schema=self._schema)
        sink = self._pa.BufferOutputStream()
        with self._ipc.new_stream(sink, self._schema) as writer:
            writer.write_batch(batch)
        data: bytes = sink.getvalue().to_pybytes()
        return _FRAME.pack(len(data), zlib.crc32(data)) + data

    def _recover(self, file: io.FileIO) -> Iterator[tuple[dict[str, Any] | None, int]]:
        with open(os.dup(file.fileno()), "rb") as frames:
            for frame, size in _frames(frames):
                table = self._ipc.open_stream(frame).read_all()
                if table.schema != self._schema:
                    raise other_fields(self.target, table.schema.names, self._fields, 1)
                for row in table.to_pylist():
                    yield row, size


class Vectors(Writer):
    """Write the vectors of the rows, and nothing else of them, as an array [N, D] float32 in numpy's format.

    The number of rows stands in the header, which is written again at the end.
    """

    def __init__(self, path: Path, fields: Fields) -> None:
        super().__init__(path, fields)
        found = [(name, kind) for name, kind in fields.items() if isinstance(kind, Vector)]
        if len(found) != 1:
            raise refused("--output", "expected a format of rows, since .npy has room for vectors only")
        self._name, self._width = found[0][0], found[0][1].size

    def close(self) -> None:
        """Write the number of rows, and finish the file."""
        self._settle_header()
        super().close()

    def stop(self) -> None:
        """Leave an array of the whole rows that were written."""
        self._settle_header()
        super().stop()

    def _settle_header(self) -> None:
        if self._file is not None and not self._file.closed and self._size is not None:
            os.pwrite(self._file.fileno(), self._head(), 0)

    def _head(self) -> bytes:
        shape = f"({self.count}, {self._width})"
        text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}"
        return b"\x93NUMPY\x01\x00" + struct.pack("<H", _NPY - 10) + text.ljust(_NPY - 11).encode() + b"\n"

    def _encode(self, rows: Sequence[Mapping[str, Any]]) -> bytes:
        if any(row[self._name] is None for row in rows):
            raise refused("--skip-errors", "expected another format than .npy, which has no room for errors")
        return b"".join(np.asarray(row[self._name], "<f4").tobytes() for row in rows)

    def _recover(self, file: io.FileIO) -> Iterator[tuple[dict[str, Any] | None, int]]:
        with open(os.dup(file.fileno()), "rb") as stream:
            head = stream.read(_NPY)
            if len(head) < _NPY:
                return
            if head[:10] != self._head()[:10] or f", {self._width}), }}".encode() not in head:
                raise damaged(
                    self._path, f"expected an array [N, {self._width}] float32; --resume needs the same command"
                )
            size = _NPY
            yield None, size
            while len(row := stream.read(4 * self._width)) == 4 * self._width:
                size += len(row)
                yield {self._name: np.frombuffer(row, "<f4")}, size


def _frames(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    size = 0
    while len(head := file.read(_FRAME.size)) == _FRAME.size:
        length, checksum = _FRAME.unpack(head)
        data = file.read(length) if length <= os.fstat(file.fileno()).st_size else b""
        if len(data) < length or zlib.crc32(data) != checksum:
            return
        size += _FRAME.size + length
        yield data, size


__all__ = ["Columns", "Vectors"]
