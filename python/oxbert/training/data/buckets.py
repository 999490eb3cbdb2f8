"""Distribute examples over buckets on the disk: the first half of a shuffle of more examples than memory holds.

The number of an example and the seed determine its bucket. Each bucket fits into memory, and is shuffled when it
becomes a part (`parts.py`): together this is a random order of all examples.

A bucket is a file of int32: for each example its length, the length of its first segment, and its ids.
"""

from __future__ import annotations

import os
import zlib
from array import array
from pathlib import Path
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from oxbert._files import checksum, damaged, translate_os_errors
from oxbert.training.data.packing import Example

_MASK = (1 << 64) - 1
_STEP = 0x9E3779B97F4A7C15
_CHANGED = "its checksum differs from the recorded one"
HEADER = 2
"""How many numbers precede the ids of each example."""


class BucketsState(TypedDict):
    """Hold the state of `Buckets` whose examples are all on the disk, as JSON values."""

    sizes: list[int]
    checksums: list[int]
    examples: int
    tokens: int
    filled: int


class Buckets:
    """Distribute the examples of one side, training or held out.

    Args:
        folder: The folder of the files.
        name: The prefix of their names.
        count: The number of buckets if examples are shuffled; otherwise one bucket is filled after the other.
        seed: Determines, with the number of an example, its bucket.
        is_shuffled: Whether buckets are chosen at random.
        tokens: About how many tokens a bucket should have.
        cls: The id of `[CLS]`.
        sep: The id of `[SEP]`.
    """

    def __init__(
        self, folder: Path, name: str, *, count: int, seed: int, is_shuffled: bool, tokens: int, cls: int, sep: int
    ) -> None:
        self._folder, self._name = folder, name
        self._is_shuffled, self._wanted = is_shuffled, tokens
        self._cls, self._sep = cls, sep
        self._key = mix(seed)
        # array("i") is int32 on every platform of libtorch.
        self._waiting = [array("i") for _ in range(count if is_shuffled else 1)]
        self._sizes, self._checksums = [0] * len(self._waiting), [0] * len(self._waiting)
        self._filled = 0
        self.examples = 0
        self.tokens = 0
        self.waiting = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def path(self, number: int) -> Path:
        """Return the path of a bucket."""
        return self._folder / f"{self._name}-{number:05}.bucket"

    def add(self, examples: list[Example]) -> None:
        """Add examples, in the order in which they were made."""
        cls, sep = self._cls, self._sep
        for first, second in examples:
            length = len(first) + len(second) + (3 if second else 2)
            row = [length, len(first) + 2, cls, *first, sep]
            if second:
                row += second
                row.append(sep)
            self._waiting[self._choose(length)].fromlist(row)
            self.examples += 1
            self.tokens += length
            self.waiting += length

    def _choose(self, length: int) -> int:
        if self._is_shuffled:
            # The upper half of the product is uniform, without the bias and the division of a remainder.
            return mix(self._key + self.examples * _STEP) * len(self._waiting) >> 64
        if self._filled >= self._wanted:
            self._filled = 0
            self._waiting.append(array("i"))
            self._sizes.append(0)
            self._checksums.append(0)
        self._filled += length
        return len(self._waiting) - 1

    def flush(self) -> None:
        """Write the examples in memory to the disk.

        Raises:
            FileError: if a file cannot be written.
        """
        for number, waiting in enumerate(self._waiting):
            if not waiting:
                continue
            with translate_os_errors("write", self.path(number)), open(self.path(number), "ab") as file:
                file.write(waiting)
            self._sizes[number] += len(waiting) * waiting.itemsize
            self._checksums[number] = zlib.crc32(waiting, self._checksums[number])
            self._waiting[number] = array("i")
        self.waiting = 0

    def load(self, number: int) -> npt.NDArray[np.int32]:
        """Return all numbers of a bucket.

        Raises:
            DataError: if the checksum differs from the recorded one.
            FileError: if the bucket cannot be read.
        """
        if not self._sizes[number]:
            return np.empty(0, np.int32)
        with translate_os_errors("read", self.path(number)):
            numbers = np.fromfile(self.path(number), np.int32)
        if zlib.crc32(numbers.data) != self._checksums[number]:
            raise damaged(self.path(number), _CHANGED)
        return numbers

    def remove(self, number: int) -> None:
        """Delete the file of a bucket if there is one."""
        with translate_os_errors("write", self.path(number)):
            self.path(number).unlink(missing_ok=True)

    def state(self) -> BucketsState:
        """Return the state of the files, after `flush`."""
        return {
            "sizes": list(self._sizes),
            "checksums": list(self._checksums),
            "examples": self.examples,
            "tokens": self.tokens,
            "filled": self._filled,
        }

    def restore(self, state: BucketsState, done: int = 0) -> None:
        """Truncate the files to the sizes of a state, and check them.

        Args:
            state: The result of `state`.
            done: How many buckets have become parts, so that their files may be gone.

        Raises:
            DataError: if a file is shorter than it was, or its content has changed.
            FileError: if a file cannot be read or written.
        """
        self._sizes, self._checksums = list(state["sizes"]), list(state["checksums"])
        self._waiting = [array("i") for _ in self._sizes]
        self.examples, self.tokens, self._filled = state["examples"], state["tokens"], state["filled"]
        for path in self._folder.glob(f"{self._name}-*.bucket"):
            if int(path.stem.rpartition("-")[2]) >= len(self._sizes):
                path.unlink()
        for number in range(done, len(self._sizes)):
            path, size = self.path(number), self._sizes[number]
            if not size:
                self.remove(number)
                continue
            if not path.is_file() or path.stat().st_size < size:
                raise damaged(path, f"expected at least the {size} bytes that were written before")
            with translate_os_errors("write", path):
                os.truncate(path, size)
            if checksum(path) != self._checksums[number]:
                raise damaged(path, _CHANGED)


def mix(value: int) -> int:
    """Return a pseudo-random 64-bit number that depends on the value alone (the finalizer of splitmix64)."""
    value = (value + _STEP) & _MASK
    value = ((value ^ value >> 30) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ value >> 27) * 0x94D049BB133111EB) & _MASK
    return value ^ value >> 31


def starts(numbers: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """Return the offset of the header of each example of a bucket."""
    found = array("q")
    place, end, view = 0, len(numbers), memoryview(numbers.data)
    while place < end:
        found.append(place)
        place += HEADER + view[place]
    return np.frombuffer(found, np.int64) if found else np.empty(0, np.int64)
