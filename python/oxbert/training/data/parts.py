"""Write the examples of a bucket in their final order as a part, one Arrow file, and read parts.

A part is an uncompressed Arrow IPC file (Feather, version 2), so that reading it copies nothing. Its columns are
`input_ids`, a list of int32 for each example, and `first_segment`, int32: the length of the first segment, with `[CLS]`
and `[SEP]`. There is no padding.
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
    """Return the file name of a part."""
    return f"part-{number:05}.arrow"


def schema() -> Any:
    """Return the Arrow schema of a part."""
    pa = arrow()
    return pa.schema([pa.field("input_ids", pa.list_(pa.int32())), pa.field("first_segment", pa.int32())])


def permutation(count: int, *keys: int) -> npt.NDArray[np.uint32] | npt.NDArray[np.int64]:
    """Return the numbers from 0 to `count` - 1 in a random order that depends on the keys alone.

    The order does not change with the version of numpy, whose legacy generator and bit generators are frozen.
    """
    order = np.random.RandomState(np.random.MT19937(np.random.SeedSequence(keys))).permutation(count)
    return order.astype(np.uint32) if count <= 1 << 32 else order


def write_part(path: Path, numbers: _Integers, keys: tuple[int, ...] | None) -> Part:
    """Write a bucket as a part, atomically.

    Args:
        path: The file.
        numbers: The bucket; see `buckets.py`.
        keys: The seeds of the order; None keeps the order of the bucket.

    Raises:
        FileError: if the part cannot be written.
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
    """Hold some examples of a part in mapped memory.

    Attributes:
        ids: All ids, int32, one example after the other.
        ends: The offset of each example and the end of the last, int32 [examples + 1].
        first_segments: The length of the first segment of each example, int32.
    """

    ids: _Integers
    ends: _Integers
    first_segments: _Integers


def open_part(path: Path, part: Part, max_length: int, *, verify: bool) -> list[Rows]:
    """Return the examples of a part, in their order.

    Args:
        path: The file.
        part: The entry of the part in `dataset.json`.
        max_length: The longest allowed example in tokens.
        verify: Whether to read the whole file and compare its checksum.

    Raises:
        MissingFileError: if there is no such file.
        DataError: if the file is damaged.
        FileError: if the file cannot be read.
    """
    pa, ipc = arrow(), arrow("ipc")
    check_part(path, part, verify=verify)
    try:
        with translate_os_errors("read", path), pa.memory_map(str(path)) as source:
            # Without threads: those of Arrow do not exist in a forked child.
            reader = ipc.open_file(source, options=ipc.IpcReadOptions(use_threads=False))
            if not reader.schema.equals(schema()):
                raise damaged(path, f"expected the columns {_one_line(schema())}, got {_one_line(reader.schema)}")
            found = [_view(reader.get_batch(number)) for number in range(reader.num_record_batches)]
    except OxbertError:
        raise
    except (pa.ArrowException, ValueError) as error:
        raise damaged(path, f"is no Arrow file: {_one_line(error)}") from error
    found_examples = sum(len(rows.first_segments) for rows in found)
    if found_examples != part.examples:
        raise damaged(path, f"expected {part.examples} examples, got {found_examples}")
    for rows in found:
        lengths = np.diff(rows.ends)
        bounds = np.clip(rows.first_segments, 2, lengths)
        if len(lengths) and (lengths.min() < 2 or lengths.max() > max_length or (bounds != rows.first_segments).any()):
            raise damaged(path, f"has an example of an impossible length; they have 2 to {max_length} tokens")
    return found


def check_part(path: Path, part: Part, *, verify: bool) -> None:
    """Compare the size of a part, and with `verify` its checksum, with its entry in `dataset.json`.

    Raises:
        MissingFileError: if there is no such file.
        DataError: if the size or the checksum differs.
    """
    with translate_os_errors("read", path):
        size = path.stat().st_size if path.is_file() else None
    if size is None:
        raise MissingFileError(f"cannot open {path}: there is no such file", path=str(path))
    if size != part.bytes:
        raise damaged(path, f"expected {part.bytes} bytes, got {size}")
    if verify and checksum(path) != part.crc32:
        raise damaged(path, "its checksum differs from the recorded one: the file is damaged")


def _view(batch: Any) -> Rows:
    batch.validate(full=True)
    ids, first_segments = batch.column(0), batch.column(1)
    if ids.null_count or first_segments.null_count or ids.values.null_count:
        raise ValueError("a value is missing")
    # The arrays keep the mapping alive; the file is closed, since a process has few file descriptors.
    return Rows(ids.values.to_numpy(), ids.offsets.to_numpy(), first_segments.to_numpy())


def _one_line(thing: object) -> str:
    return ", ".join(str(thing).splitlines())
