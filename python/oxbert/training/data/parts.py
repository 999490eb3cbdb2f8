"""Buckets -> parts: the examples of a bucket in their final order, as one Arrow file; and back.

A part is an Arrow IPC file (Feather, version 2) that is not compressed, so that reading it copies nothing. Its columns
are `input_ids`, a list of int32 for each example, and `first_segment`, int32: how many of them are of the first
segment, `[CLS]` and `[SEP]` included. There is no padding.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from oxbert._files import arrow, checksum, damaged, settle, translate_os_errors
from oxbert.errors import MissingFileError, OxbertError
from oxbert.training.data.buckets import HEADER, starts
from oxbert.training.data.manifest import Part

_ROWS = 4096

_Integers = npt.NDArray[np.int32]


def part_name(number: int) -> str:
    """The name of a part."""
    return f"part-{number:05}.arrow"


def schema() -> Any:
    """The columns."""
    pa = arrow()
    return pa.schema([pa.field("input_ids", pa.list_(pa.int32())), pa.field("first_segment", pa.int32())])


def permutation(count: int, *keys: int) -> npt.NDArray[np.uint32] | npt.NDArray[np.int64]:
    """The numbers from 0 to `count` - 1 in a random order, the same for the same keys.

    It does not change with the version of numpy: the legacy generator is frozen, and so are the bits below it.
    """
    order = np.random.RandomState(np.random.MT19937(np.random.SeedSequence(keys))).permutation(count)
    return order.astype(np.uint32) if count <= 1 << 32 else order


def write_part(path: Path, numbers: _Integers, keys: tuple[int, ...] | None) -> Part:
    """Writes a bucket as a part that is whole or not there.

    Args:
        path: The file.
        numbers: The bucket; see `buckets.py`.
        keys: What its order depends on; None: the order of the bucket.

    Raises:
        FileError: It cannot be written.
    """
    pa, ipc = arrow(), arrow("ipc")
    begins = starts(numbers)
    if keys is not None:
        begins = begins[permutation(len(begins), *keys)]
    beside = path.with_name(f".{path.name}.new")
    tokens = 0
    with translate_os_errors("write", path):
        try:
            with open(beside, "wb") as file, ipc.new_file(file, schema()) as writer:
                for first in range(0, len(begins), _ROWS):
                    rows = begins[first : first + _ROWS]
                    lengths = numbers[rows]
                    ends = np.zeros(len(rows) + 1, np.int32)
                    np.cumsum(lengths, out=ends[1:])
                    tokens += int(ends[-1])
                    places = np.arange(ends[-1]) + np.repeat(rows + HEADER - ends[:-1], lengths)
                    ids = pa.ListArray.from_arrays(pa.array(ends), pa.array(numbers[places]))
                    writer.write_batch(pa.record_batch([ids, pa.array(numbers[rows + 1])], schema=schema()))
            value = checksum(beside)
            size = beside.stat().st_size
            settle(beside, path)
        finally:
            beside.unlink(missing_ok=True)
    return Part(path.name, len(begins), tokens, size, value)


@dataclass(frozen=True)
class Rows:
    """Some examples of a part, in memory that is mapped.

    Attributes:
        ids: All their ids, int32, one example after the other.
        ends: Where each begins, and where the last ends: one more than there are examples, int32.
        first_segments: The length of each one's first segment, int32.
    """

    ids: _Integers
    ends: _Integers
    first_segments: _Integers


def open_part(path: Path, part: Part, max_length: int, *, verify: bool) -> list[Rows]:
    """The examples of a part, in their order.

    Args:
        path: The file.
        part: What it has to be.
        max_length: The longest example that is allowed.
        verify: Whether to read all of it for its checksum.

    Raises:
        MissingFileError: There is no such file.
        DataError: It is damaged.
        FileError: It cannot be read.
    """
    pa, ipc = arrow(), arrow("ipc")
    check_part(path, part, verify=verify)
    try:
        with translate_os_errors("read", path), pa.memory_map(str(path)) as source:
            # Without threads: those of Arrow would be gone in a forked child.
            reader = ipc.open_file(source, options=ipc.IpcReadOptions(use_threads=False))
            if not reader.schema.equals(schema()):
                raise damaged(path, f"expected the columns {_one_line(schema())}, got {_one_line(reader.schema)}")
            found = [_view(reader.get_batch(number)) for number in range(reader.num_record_batches)]
    except OxbertError:
        raise
    except (pa.ArrowException, ValueError) as error:
        raise damaged(path, f"is no Arrow file: {_one_line(error)}") from error
    if sum(len(rows.first_segments) for rows in found) != part.examples:
        raise damaged(path, f"expected {part.examples} examples, got another number")
    for rows in found:
        lengths = np.diff(rows.ends)
        bounds = np.clip(rows.first_segments, 2, lengths)
        if len(lengths) and (lengths.min() < 2 or lengths.max() > max_length or (bounds != rows.first_segments).any()):
            raise damaged(path, f"has an example of an impossible length; they have 2 to {max_length} tokens")
    return found


def check_part(path: Path, part: Part, *, verify: bool) -> None:
    """Compares a file with what it has to be.

    Raises:
        MissingFileError: There is no such file.
        DataError: It has another size, or, where `verify` asks for it, another checksum.
    """
    with translate_os_errors("read", path):
        size = path.stat().st_size if path.is_file() else None
    if size is None:
        raise MissingFileError(f"cannot open {path}: there is no such file", path=str(path))
    if size != part.bytes:
        raise damaged(path, f"expected {part.bytes} bytes, got {size}")
    if verify and checksum(path) != part.crc32:
        raise damaged(path, "its checksum is another one: it is damaged")


def _view(batch: Any) -> Rows:
    batch.validate(full=True)
    ids, first_segments = batch.column(0), batch.column(1)
    if ids.null_count or first_segments.null_count or ids.values.null_count:
        raise ValueError("a value is missing")
    # They keep the mapping alive; the file itself is closed, since a process has few of those.
    return Rows(ids.values.to_numpy(), ids.offsets.to_numpy(), first_segments.to_numpy())


def _one_line(thing: object) -> str:
    return ", ".join(str(thing).splitlines())
