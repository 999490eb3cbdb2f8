"""`TFRecordDataset`: the examples that google-research/electra's `build_pretraining_dataset.py` writes.

A TFRecord file is a row of records: their length (uint64), its checksum, the data, their checksum (uint32 each). Each
holds a `tf.train.Example` with three lists of `max_length` integers: `input_ids` (0 where padded), `input_mask` (1
where not) and `segment_ids`. Files are not trusted: no length is believed before its checksum, and no list is longer
than its record. TensorFlow is not needed.
"""

from __future__ import annotations

import hashlib
import os
import re
import struct
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from oxbert._files import arrow, damaged, refused, translate_os_errors
from oxbert._paths import find_sources
from oxbert.errors import DataError, MissingFileError
from oxbert.training.data.batching import Example, Examples
from oxbert.training.data.crc32c import crc32c, crc32c_of_rows, mask
from oxbert.training.data.protobuf import Malformed, read_integers
from oxbert.training.data.sources import Sources

_HEADER = struct.Struct("<QI")
_FOOTER = 4
_Bytes = npt.NDArray[np.uint8]
_NUMBERED = re.compile(r"(.*\.tfrecord)-(\d+)-of-(\d+)$")
_FEATURES = ("input_ids", "input_mask", "segment_ids")


class TFRecordDataset(Examples):
    """The examples of TFRecord files of google-research/electra, without their padding.

    Files are mapped. Where each record lies is found out once, when it is opened: about a million records a second. A
    record is checked when it is read.

    Args:
        sources: Files, folders or patterns. Of a folder, the files whose names have `.tfrecord` in them.
        vocab_size: Ids from there on are refused, unless it is None.
        pad_token_id: What batches are padded with; the original pads with 0.

    Attributes:
        paths: The files, those of the original in the order of their numbers.
        max_length: How long the padded rows are.

    Raises:
        MissingFileError: There is no such file.
        InputError: No file at all.
        DataError: A file is cut off or damaged: `path`, `record` (from 0), `reason`. Reading an example may raise it.
        FileError: A file cannot be read.
        MissingDependencyError: `pyarrow` is not installed.
    """

    def __init__(self, sources: Sources, *, vocab_size: int | None = None, pad_token_id: int = 0) -> None:
        self.paths = _find(sources)
        self.pad_token_id = pad_token_id
        self._vocab_size = vocab_size
        self._map()
        found = [_index(content, path) for content, path in zip(self._contents, self.paths, strict=True)]
        self._places = [places for places, _ in found]
        self._lengths = [lengths for _, lengths in found]
        self._begins = np.concatenate([[0], np.cumsum([len(places) for places in self._places], dtype=np.int64)])
        self.max_length = len(self._columns(0)[0]) if len(self) else 0

    def _map(self) -> None:
        self._contents: list[_Bytes] = []
        for path in self.paths:
            with translate_os_errors("read", path):
                if path.stat().st_size:
                    # The mapping stays when the file is closed: a process has too few open files for a thousand.
                    with arrow().memory_map(str(path)) as file:
                        self._contents.append(np.frombuffer(file.read_buffer(), np.uint8))
                else:
                    self._contents.append(np.empty(0, np.uint8))

    def __len__(self) -> int:
        return int(self._begins[-1])

    @property
    def fingerprint(self) -> str:
        """Of the places and the lengths of all records."""
        found = hashlib.sha256()
        for column in (*self._places, *self._lengths):
            found.update(column.tobytes())
        return found.hexdigest()

    def _read(self, number: int) -> Example:
        ids, kept, segments = self._columns(number)
        length = int(kept.sum())
        first = length - int(segments.sum())
        is_second = np.arange(len(ids)) >= first
        is_kept = np.arange(len(ids)) < length
        if not (kept == is_kept).all() or not (segments == (is_kept & is_second)).all() or first < 2:
            raise self._damaged(number, "input_mask and segment_ids are not those of one or two segments and padding")
        limit = self._vocab_size or 1 << 31
        if ids.min() < 0 or ids.max() >= limit:
            raise self._damaged(number, f"an id is outside 0 to {limit - 1}")
        return {"input_ids": ids[:length].astype(np.int32), "first_segment": first}

    def _columns(self, number: int) -> list[npt.NDArray[np.int64]]:
        """The three lists of a record, of the same length."""
        file = int(np.searchsorted(self._begins, number, side="right")) - 1
        record = number - int(self._begins[file])
        place, length = int(self._places[file][record]), int(self._lengths[file][record])
        content = self._contents[file]
        data = content[place : place + length]
        stored = int.from_bytes(content[place + length : place + length + _FOOTER].tobytes(), "little")
        if int(mask(np.array([crc32c(data)], np.uint32))[0]) != stored:
            raise self._damaged(number, "its checksum is another one: it is damaged")
        try:
            lists = read_integers(data, _FEATURES)
        except Malformed as error:
            raise self._damaged(number, f"is no example: {error}") from error
        columns = [lists.get(name) for name in _FEATURES]
        if any(column is None or len(column) == 0 for column in columns):
            missing = ", ".join(name for name, column in zip(_FEATURES, columns, strict=True) if column is None)
            raise self._damaged(number, f"has no {missing}" if missing else "has an empty list")
        kept = [column for column in columns if column is not None]
        if len({len(column) for column in kept}) != 1:
            raise self._damaged(number, f"its lists have different lengths: {', '.join(str(len(one)) for one in kept)}")
        return kept

    def _damaged(self, number: int, reason: str) -> DataError:
        file = int(np.searchsorted(self._begins, number, side="right")) - 1
        return damaged(self.paths[file], reason, record=number - int(self._begins[file]))

    def __repr__(self) -> str:
        return f"TFRecordDataset({len(self.paths)} files, {len(self)} examples)"

    def __getstate__(self) -> dict[str, Any]:
        """Where the records are; the files are mapped again."""
        return {name: value for name, value in super().__getstate__().items() if name != "_contents"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._map()


def _find(sources: Sources) -> list[Path]:
    given = [sources] if isinstance(sources, str | os.PathLike) else list(sources)
    found: dict[Path, None] = {}
    for source in find_sources([os.fspath(source) for source in given]):
        path = Path(source)
        if not path.exists():
            raise MissingFileError(f"cannot open {path}: there is no such file", path=str(path))
        with translate_os_errors("read", path):
            below = [file for file in path.iterdir() if ".tfrecord" in file.name] if path.is_dir() else [path]
        found.update(dict.fromkeys(sorted(below, key=_in_order)))
    if not found:
        raise refused("sources", f"expected TFRecord files, found none in {', '.join(map(str, given)) or 'no source'}")
    return list(found)


def _in_order(path: Path) -> tuple[str, int, str]:
    numbered = _NUMBERED.fullmatch(path.name)
    return (numbered[1], int(numbered[2]), numbered[3]) if numbered else (path.name, 0, "")


def _index(content: _Bytes, path: Path) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where the data of each record begin, and how long they are, in bytes."""
    view, size = memoryview(content.data), len(content)
    begins: list[int] = []
    lengths: list[int] = []
    headers = bytearray()
    place = 0
    reason = None
    while place < size:
        if place + _HEADER.size > size:
            reason = "is cut off"
            break
        headers += view[place : place + _HEADER.size]
        (length, _) = _HEADER.unpack_from(view, place)
        if length > size - place - _HEADER.size - _FOOTER:
            reason = f"is cut off: {length} bytes are announced"
            break
        begins.append(place + _HEADER.size)
        lengths.append(length)
        place += _HEADER.size + length + _FOOTER
    rows = np.frombuffer(bytes(headers), np.uint8).reshape(-1, _HEADER.size)
    stored = rows[:, 8:].copy().view("<u4")[:, 0]
    # A damaged length makes nonsense of all that follows, so the first one that is wrong is what is wrong.
    wrong = np.flatnonzero(mask(crc32c_of_rows(rows[:, :8])) != stored)
    if len(wrong):
        raise damaged(path, "the checksum of its length is another one: the file is damaged", record=int(wrong[0]))
    if reason:
        raise damaged(path, reason, record=len(begins))
    return np.array(begins, np.int64), np.array(lengths, np.int64)
