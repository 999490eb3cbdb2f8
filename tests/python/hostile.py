"""Build broken and hostile weight files byte by byte, and check the limits of reading them."""

from __future__ import annotations

import io
import json
import random
import struct
import sys
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import oxbert
from oxbert.errors import OxbertError, WeightsFormatError

MAX_MEMORY = 100 << 20
"""Limit of the memory that reading a hostile file may add to the process, in bytes."""

MAX_SECONDS = 5.0
"""Time limit for one file. A file needs milliseconds, but a machine may be busy."""


class Case(NamedTuple):
    """Hold a file, a part of the expected message, and the expected error."""

    label: str
    path: Path
    expected: str = ""
    error: type[OxbertError] = WeightsFormatError
    may_be_read: bool = False


# Truncation and damage.


def truncated(whole: bytes, pieces: int = 200) -> Iterator[bytes]:
    """Yield the file cut at every 1/200 of its length, and at more lengths near both ends."""
    step = max(1, len(whole) // pieces)
    yield from (whole[:length] for length in sorted({*range(0, len(whole), step), *range(0, min(70, len(whole)), 7)}))
    yield from (whole[:-missing] for missing in range(1, 80, 7))


def damaged(whole: bytes) -> Iterator[bytes]:
    """Yield the file with one byte changed (each, or 2000 of them), with several changed, and with bytes added."""
    places = range(len(whole)) if len(whole) <= 3000 else random.sample(range(len(whole)), 2000)
    for place in places:
        yield whole[:place] + bytes([whole[place] ^ (1 << random.randrange(8))]) + whole[place + 1 :]
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(random.choice([1, 2, 8])):
            # Both ends and the headers of records read_all structure; between them are tensors.
            end = min(600, len(data))
            place = random.choice([random.randrange(len(data)), random.randrange(end), -1 - random.randrange(end)])
            data[place] = random.choice([0, 1, 127, 128, 255, random.randrange(256)])
        yield bytes(data)
    for length in [1, 8, 30, 1000]:
        place, noise = random.randrange(len(whole)), random.randbytes(length)
        yield from [noise, whole[:8] + noise, whole + noise, noise + whole, whole[:place] + noise + whole[place:]]
        yield whole[:place] + whole[place + length :]
    yield whole * 2


# Zip archives and pickles of torch.


def zipped(records: Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in records:
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return file.getvalue()


def bin_of(pickle: bytes, *more: tuple[str, bytes]) -> bytes:
    """Return an archive like those of `torch.save`."""
    return zipped([("a/data.pkl", pickle), ("a/byteorder", b"little"), *more, ("a/version", b"3\n")])


def ot_of(pickle: bytes, *more: tuple[str, bytes]) -> bytes:
    """Return an archive like those of `torch.jit.save`."""
    return zipped([("a/data.pkl", pickle), ("a/code/__torch__.py", b""), ("a/constants.pkl", b"\x80\x02)."), *more])


LEGACY_START = (
    b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
    b"\x80\x02M\xe9\x03."
    b"\x80\x02}X\x0d\x00\x00\x00little_endian\x88s."
)


def legacy_of(pickle: bytes, storages: Sequence[tuple[str, int, bytes]] = ()) -> bytes:
    """Return a file like those of `torch.save` before 1.6; a storage is a key, a number of elements, and bytes."""
    keys = b"\x80\x02](" + b"".join(text(key) for key, _, _ in storages) + b"e."
    return LEGACY_START + pickle + keys + b"".join(struct.pack("<q", count) + data for _, count, data in storages)


def text(content: str | bytes) -> bytes:
    content = content.encode() if isinstance(content, str) else content
    return b"X" + struct.pack("<I", len(content)) + content


def integer(number: int) -> bytes:
    small = -(2**31) <= number < 2**31
    return b"J" + struct.pack("<i", number) if small else b"\x8a\x08" + struct.pack("<q", number)


def named(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def group(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def storage(kind: str = "FloatStorage", key: str = "0", count: int = 4) -> bytes:
    return group(text("storage"), named("torch", kind), text(key), text("cpu"), integer(count)) + b"Q"


def tensor(
    own: bytes | None = None,
    sizes: Sequence[int] = (4,),
    strides: Sequence[int] = (1,),
    offset: int = 0,
    *more: bytes,
) -> bytes:
    hooks = named("collections", "OrderedDict") + b")R"
    numbers = [group(*map(integer, sizes)), group(*map(integer, strides))]
    arguments = group(own or storage(), integer(offset), *numbers, b"\x89", hooks, *more)
    return named("torch._utils", "_rebuild_tensor_v2") + arguments + b"R"


def state(*values: tuple[str | bytes, bytes]) -> bytes:
    return b"\x80\x02}(" + b"".join(text(name) + value for name, value in values) + b"u."


def module(*values: tuple[str | bytes, bytes]) -> bytes:
    attributes = b"}(" + b"".join(text(name) + value for name, value in values) + b"u"
    return b"\x80\x02" + named("__torch__", "Module") + b")\x81" + attributes + b"b."


def hostile_pickles(marker: str) -> Iterator[tuple[str, bytes]]:
    """Yield pickled values, without the end, that would call something; the first ones create the file `marker`."""
    touch, make = text(f"touch {marker}"), text(f"open({marker!r}, 'w')")
    yield "os.system", named("os", "system") + group(touch) + b"R"
    yield "posix.system", named("posix", "system") + group(touch) + b"R"
    yield "eval", named("builtins", "eval") + group(make) + b"R"
    yield "exec", named("builtins", "exec") + group(make) + b"R"
    yield "eval of Python 2", named("__builtin__", "eval") + group(make) + b"R"
    yield "open", named("builtins", "open") + group(text(marker), text("w")) + b"R"
    yield "Popen", named("subprocess", "Popen") + group(group(text("touch"), text(marker))) + b"R"
    imported = named("builtins", "__import__") + group(text("os")) + b"R"
    chain = named("builtins", "getattr") + group(imported, text("system")) + b"R"
    yield "getattr", chain + group(touch) + b"R"
    yield "a name with dots", b"\x80\x04" + text("os") + text("system") + b"\x93" + group(touch) + b"R"
    yield "INST", b"(" + touch + b"ios\nsystem\n"
    yield "OBJ", b"(" + named("os", "system") + touch + b"o"
    yield "NEWOBJ", named("os", "system") + group(touch) + b"\x81"
    yield "NEWOBJ_EX", named("os", "system") + group(touch) + b"}\x92"
    yield "BUILD", named("os", "system") + b")\x81}" + text("x") + touch + b"sb"
    yield "EXT1", b"\x82\x01"
    yield "EXT4", b"\x84\x01\0\0\0"
    wrapped = named("torch._utils", "_rebuild_from_type_v2")
    yield (
        "rebuild_from_type",
        wrapped + group(named("os", "system"), named("torch", "Tensor"), group(touch), b"}") + b"R",
    )
    yield "rebuild_parameter_with_state", named("torch._utils", "_rebuild_parameter_with_state") + group(touch) + b"R"
    yield "load_from_bytes", named("torch.storage", "_load_from_bytes") + group(touch) + b"R"
    yield "torch.load", named("torch", "load") + group(text(marker)) + b"R"
    yield "torch.hub", named("torch.hub", "load") + group(touch) + b"R"
    yield (
        "numpy",
        named("numpy.core.multiarray", "_reconstruct") + group(named("numpy", "ndarray"), b"K\0\x85", b"C\1b") + b"R",
    )
    yield "a numpy scalar", named("numpy.core.multiarray", "scalar") + group(named("numpy", "dtype"), text("x")) + b"R"
    yield "codecs", named("_codecs", "encode") + group(touch, text("latin1")) + b"R"
    yield "a storage that is called", named("torch", "FloatStorage") + group(touch) + b"R"
    yield "a text that is called", touch + group(touch) + b"R"
    yield "a class of the archive", named("__torch__", "os.system") + group(touch) + b"R"
    yield "a setstate", named("__torch__", "Module") + b")\x81" + touch + b"b"
    for label, identifier in [
        ("a text", text("storage")),
        ("a number", b"K\1"),
        ("None", b"N"),
        ("an empty tuple", b")"),
        ("a module", group(text("module"), named("torch.nn", "Linear"), text("x.py"), text("import os"))),
        ("a device that is code", group(text("storage"), named("torch", "FloatStorage"), text("0"), chain, integer(4))),
        (
            "a storage of another class",
            group(text("storage"), named("os", "system"), text("0"), text("cpu"), integer(4)),
        ),
        ("a view", group(text("storage"), named("torch", "FloatStorage"), text("0"), text("cpu"), integer(4), group())),
        (
            "a count that is text",
            group(text("storage"), named("torch", "FloatStorage"), text("0"), text("cpu"), text("4")),
        ),
    ]:
        yield f"a persistent id that is {label}", identifier + b"Q"
    yield "a persistent id in a line", b"Pos.system\n"


# Safetensors.


def safetensors_of(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def described(shape: Any = (1,), start: int = 0, end: int = 4, dtype: str = "F32") -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


# Flax's MessagePack.


def packed(value: Any) -> bytes:
    """Encode maps, texts and numbers as MessagePack; pass bytes through."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, dict):
        return (
            b"\xdf" + struct.pack(">I", len(value)) + b"".join(packed(part) for item in value.items() for part in item)
        )
    if isinstance(value, str):
        return b"\xdb" + struct.pack(">I", len(value.encode())) + value.encode()
    return b"\xd3" + struct.pack(">q", value) if value < 0 else b"\xcf" + struct.pack(">Q", value)


def array(shape: Sequence[int] = (4,), dtype: str = "int8", data: bytes = b"\0" * 4, kind: int = 1) -> bytes:
    sizes = b"\xdd" + struct.pack(">I", len(shape)) + b"".join(packed(size) for size in shape)
    content = b"\x93" + sizes + packed(dtype) + b"\xc6" + struct.pack(">I", len(data)) + data
    return b"\xc9" + struct.pack(">I", len(content)) + bytes([kind]) + content


def flax_of(*items: tuple[str | bytes, Any]) -> bytes:
    """Encode a map in which a key may occur twice and need not be valid UTF-8."""
    keys = [key if isinstance(key, str) else b"\xdb" + struct.pack(">I", len(key)) + key for key, _ in items]
    values = [packed(value) for _, value in items]
    body = b"".join(packed(key) + value for key, value in zip(keys, values, strict=True))
    return b"\xdf" + struct.pack(">I", len(items)) + body


# Tables of TensorFlow.


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = (byte >> 1) ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


CRC = _crc_table()


def masked_crc(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC[(crc ^ byte) & 255] ^ (crc >> 8)
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def varint(number: int) -> bytes:
    number &= (1 << 64) - 1
    out = bytearray()
    while number >= 128:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def with_trailer(content: bytes, compression: int = 0) -> bytes:
    kind = bytes([compression])
    return content + kind + struct.pack("<I", masked_crc(content + kind))


def entry_of(key: bytes, value: bytes, shared: int = 0) -> bytes:
    return varint(shared) + varint(len(key)) + varint(len(value)) + key + value


def block_of(*entries: bytes, restarts: int = 1) -> bytes:
    return b"".join(entries) + bytes(4) + struct.pack("<I", restarts)


def table_of(*blocks: bytes, compression: int = 0, handles: Sequence[tuple[int, int]] | None = None) -> bytes:
    """Return a table of blocks; `handles` replaces the offsets and sizes in its index."""
    file, places = b"", []
    for block in blocks:
        places.append((len(file), len(block)))
        file += with_trailer(block, compression)
    index = [entry_of(b"%04d" % number, varint(a) + varint(b)) for number, (a, b) in enumerate(handles or places)]
    meta, index_block = block_of(), block_of(*index)
    ends = [(len(file), len(meta)), (len(file) + len(meta) + 5, len(index_block))]
    file += with_trailer(meta) + with_trailer(index_block)
    footer = b"".join(varint(number) for end in ends for number in end)
    return file + footer.ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    return varint(number << 3) + varint(value)


def variable_of(
    shape: Sequence[int] = (2,),
    dtype: int = 1,
    shard: int = 0,
    offset: int = 0,
    size: int | None = None,
    data: bytes = bytes(64),
    more: bytes = b"",
) -> bytes:
    """Return the index entry of a float32 variable whose data file contains zeros."""
    length = 4 * int(np.prod(shape)) if size is None else size
    sizes = b"".join(field(2, field(1, dim)) for dim in shape)
    crc = struct.pack("<I", masked_crc(data[offset : offset + length] if offset >= 0 else b""))
    place = field(3, shard) + field(4, offset) + field(5, length)
    return field(1, dtype) + field(2, sizes) + place + varint(6 << 3 | 5) + crc + more


def index_of(*variables: tuple[bytes, bytes], shards: int = 1, header: bytes | None = None) -> bytes:
    """Return the index file of a checkpoint."""
    entries = [(b"", field(1, shards) if header is None else header), *variables]
    return table_of(block_of(*(entry_of(key, value) for key, value in entries)))


# Limits of reading.


def resident(peak: bool = False) -> int:
    """Return the resident memory of this process in bytes, now or at its peak since `reset_peak`."""
    status = Path("/proc/self/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmHWM" if peak else "VmRSS"))
    return int(line.split()[1]) << 10


def reset_peak() -> None:
    """Reset the peak of resident memory. `ru_maxrss` cannot be reset, and is inherited from the parent process."""
    Path("/proc/self/clear_refs").write_text("5")


def read_all(cases: Iterable[Case], read: Callable[[Path], Any] = oxbert.load_weights) -> dict[str, Any]:
    """Read all files, and return the number refused, the number read and the failures."""
    refused, were_read, failures = 0, 0, []
    for case in cases:
        reset_peak()
        before, start = resident(), time.monotonic()
        try:
            read(case.path)
        except OxbertError as error:
            refused += 1
            message = str(error)
            if not isinstance(error, case.error) or case.expected not in message:
                failures.append(f"{case.label}: expected {case.error} with {case.expected!r}, got {error!r:.300}")
            if len(message) > 6000:
                failures.append(f"{case.label}: a message of {len(message)} characters")
        except BaseException as error:
            failures.append(f"{case.label}: {error!r:.300}")
        else:
            were_read += 1
            if not case.may_be_read:
                failures.append(f"{case.label}: was read, expected an error with {case.expected!r}")
        seconds, grown = time.monotonic() - start, resident(peak=True) - before
        if grown > MAX_MEMORY:
            failures.append(f"{case.label}: took {grown >> 20} MiB of memory")
        if seconds > MAX_SECONDS:
            failures.append(f"{case.label}: took {seconds:.1f} seconds")
    return {"refused": refused, "read": were_read, "failures": failures}


def run(family: str, folder: Path, timeout: float = 110) -> dict[str, Any]:
    """Read the files of a family in a child process; fail if the process dies, above all by a signal."""
    # The child process imports this file too, outside of any package.
    from . import processes

    command = [sys.executable, Path(__file__).with_name("hostile_cases.py"), family, folder]
    done = processes.run(command, seconds=timeout, check=True)
    assert "panicked" not in done.stderr, done.stderr[-3000:]
    result: dict[str, Any] = json.loads(done.stdout)
    assert result["failures"] == [], "\n".join(result["failures"][:20])
    return result
