"""The checksum of TFRecord files: CRC-32C (Castagnoli), with numpy."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

# The polynomial, its bits turned round.
_POLYNOMIAL = 0x82F63B78
_BLOCK = 4096
_Table = npt.NDArray[np.uint32]


@cache
def _table() -> _Table:
    """[_BLOCK, 256]: what a byte adds to the checksum, by the number of bytes that follow it.

    A checksum is linear: the sum (xor) of what each byte alone adds. So the bytes of a block need no loop.
    """
    first = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        first = np.where(first & 1, first >> 1 ^ _POLYNOMIAL, first >> 1).astype(np.uint32)
    table = np.empty((_BLOCK, 256), np.uint32)
    table[0] = first
    for place in range(1, _BLOCK):
        table[place] = table[place - 1] >> 8 ^ first[table[place - 1] & 0xFF]
    return table


def crc32c(data: npt.NDArray[np.uint8]) -> int:
    """The checksum of bytes [n].

    Example:
        >>> hex(crc32c(np.frombuffer(b"123456789", np.uint8)))
        '0xe3069283'
    """
    table = _table()
    state = 0xFFFFFFFF
    for start in range(0, len(data), _BLOCK):
        block = data[start : start + _BLOCK]
        count = min(4, len(block))
        # The state is part of the first four bytes; what a shorter block leaves of it is moved on.
        head = block[:count] ^ np.frombuffer(state.to_bytes(4, "little"), np.uint8)[:count]
        terms = table[np.arange(len(block) - 1, -1, -1), np.concatenate([head, block[count:]])]
        state = int(np.bitwise_xor.reduce(terms)) ^ (state >> 8 * count)
    return state ^ 0xFFFFFFFF


def crc32c_of_rows(rows: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    """The checksums of rows of bytes [n, m], m from 4 to 4096."""
    table, length = _table(), rows.shape[1]
    rows = rows.copy()
    rows[:, :4] ^= 0xFF
    terms = table[np.arange(length - 1, -1, -1), rows]
    found: npt.NDArray[np.uint32] = np.bitwise_xor.reduce(terms, axis=1)
    return ~found


def mask(value: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Checksums as TFRecord files store them: turned by 15 bits, and a constant added."""
    turned: npt.NDArray[np.uint32] = value >> np.uint32(15) | value << np.uint32(17)
    return turned + np.uint32(0xA282EAD8)
