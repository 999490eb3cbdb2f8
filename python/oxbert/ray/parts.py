"""Read and write the parts of an output: some rows of a Parquet file each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from oxbert._checks import require
from oxbert._files import damaged, translate_os_errors
from oxbert.ray.places import Place, opened, write_whole


@dataclass(frozen=True)
class Part:
    """Describe a file of the output.

    Attributes:
        name: Its name.
        source: The file of the input.
        start: The first row of the source.
        stop: The row after the last one.
    """

    name: str
    source: Place
    start: int
    stop: int


def read_schema(place: Place) -> Any:
    """Return the schema of a Parquet file.

    Raises:
        DataError: if the file is damaged, or has two columns of one name.
        FileError: if the file cannot be read.
    """
    with opened(place) as file:
        schema = file.schema_arrow
    twice = sorted({name for name in schema.names if schema.names.count(name) > 1})
    if twice:
        raise damaged(place.path, f"expected one column {twice[0]}, found {schema.names.count(twice[0])}")
    return schema


def read_rows(part: Part, columns: Sequence[str], size: int) -> Iterator[tuple[int, Any]]:
    """Iterate over the rows of a part in tables of at most `size` rows, each with the place of its first row.

    Raises:
        DataError: if the file is damaged.
        FileError: if the file cannot be read.
    """
    pa = require("pyarrow", extra="ray")
    with opened(part.source) as file:
        groups, first, start = [], 0, None
        for group in range(file.num_row_groups):
            stop = first + file.metadata.row_group(group).num_rows
            if stop > part.start and first < part.stop:
                groups.append(group)
                start = first if start is None else start
            first = stop
        if start is None:
            return
        batches = file.iter_batches(size, row_groups=groups, columns=list(columns))
        while True:
            with translate_os_errors("read", part.source.path):
                try:
                    batch = next(batches, None)
                except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                    raise damaged(part.source.path, f"expected Parquet: {error}") from error
            if batch is None or start >= part.stop:
                return
            low = max(part.start - start, 0)
            rows = batch.slice(low, part.stop - start - low)
            if rows.num_rows:
                yield start + low, pa.Table.from_batches([rows])
            start += batch.num_rows


def write_part(folder: Place, name: str, schema: Any, tables: Iterable[Any]) -> None:
    """Write tables as a Parquet file, which appears when it is complete.

    Several processes may write the same part: the last one replaces equal content.

    Raises:
        FileError: if the file cannot be written.
    """
    parquet = require("pyarrow", "parquet", extra="ray")

    def fill(sink: Any) -> None:
        with parquet.ParquetWriter(sink, schema, compression="zstd") as writer:
            for table in tables:
                writer.write_table(table)

    write_whole(folder, name, fill)


__all__ = ["Part", "read_rows", "read_schema", "write_part"]
