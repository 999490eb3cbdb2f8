"""As much of protocol buffers as a `tf.train.Example` with lists of integers needs.

    Example  {1: Features {1: repeated entry {1: key, 2: Feature {3: Int64List {1: repeated int64}}}}}

A message is a row of fields: a varint with the field's number and kind, then a varint (kind 0), 8 bytes (1), a varint
with a length and that many bytes (2), or 4 bytes (5). A repeated int64 is one field of varints, or several of one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

_FIXED = {1: 8, 5: 4}
# A varint of 64 bits has at most as many bytes.
_LONGEST = 10

_Bytes = npt.NDArray[np.uint8]


class Malformed(ValueError):
    """Bytes are not what they should be."""


def read_integers(data: _Bytes, names: Sequence[str]) -> dict[str, npt.NDArray[np.int64]]:
    """The lists of those names of a `tf.train.Example`.

    Raises:
        Malformed: It is none, or a list of such a name has something else than integers.
    """
    content = data.tobytes()
    found = {}
    for features in _messages(content, 1):
        for entry in _messages(features, 1):
            name = b"".join(_messages(entry, 1)).decode("utf-8", "replace")
            if name in names:
                lists = [one for feature in _messages(entry, 2) for one in _messages(feature, 3)]
                if len(lists) != 1:
                    raise Malformed(f"{name} is no list of integers")
                found[name] = _varints(lists[0])
    return found


def _messages(content: bytes, wanted: int) -> Iterator[bytes]:
    """The fields of that number, which have to be bytes."""
    for number, kind, start, end in _fields(content):
        if number == wanted:
            if kind != 2:
                raise Malformed(f"field {number} is of kind {kind}, expected 2")
            yield content[start:end]


def _fields(content: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Of each field its number, its kind, and where its content begins and ends."""
    place = 0
    while place < len(content):
        key, place = _varint(content, place)
        number, kind = key >> 3, key & 7
        start = place
        if kind == 0:
            _, place = _varint(content, place)
        elif kind == 2:
            length, start = _varint(content, place)
            place = start + length
        elif kind in _FIXED:
            place += _FIXED[kind]
        else:
            raise Malformed(f"a field is of the unknown kind {kind}")
        if place > len(content) or not number:
            raise Malformed("a field is cut off" if number else "a field has the number 0")
        yield number, kind, start, place


def _varint(content: bytes, place: int) -> tuple[int, int]:
    """The number that begins there, and where it ends."""
    value = 0
    for shift, byte in enumerate(content[place : place + _LONGEST]):
        value |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            return value & (1 << 64) - 1, place + shift + 1
    raise Malformed("a number is cut off or too long")


def _varints(content: bytes) -> npt.NDArray[np.int64]:
    """All integers of an `Int64List`."""
    packed = []
    for number, kind, start, end in _fields(content):
        if number != 1 or kind not in (0, 2):
            raise Malformed("a list has something else than integers")
        packed.append(content[start:end])
    data = np.frombuffer(b"".join(packed), np.uint8)
    ends = np.flatnonzero(data < 0x80)
    if len(data) and (not len(ends) or ends[-1] != len(data) - 1):
        raise Malformed("a number is cut off")
    begins = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    lengths = ends - begins + 1
    if len(ends) and lengths.max() > _LONGEST:
        raise Malformed("a number is too long")
    places = np.arange(len(data)) - np.repeat(begins, lengths)
    parts = (data & 0x7F).astype(np.uint64) << (7 * places).astype(np.uint64)
    return np.add.reduceat(parts, begins).view(np.int64) if len(ends) else np.empty(0, np.int64)
