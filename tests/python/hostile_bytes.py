"""Yield hostile single files: a label, the bytes, and a part of the expected message."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Iterator

from hostile import (
    array,
    bin_of,
    described,
    flax_of,
    legacy_of,
    module,
    named,
    ot_of,
    packed,
    safetensors_of,
    state,
    storage,
    tensor,
    text,
    zipped,
)

NUMBERS = ("a/data/0", bytes(16))
MEBI = 1 << 20
LENGTHS = ("a complex dtype", "a small float", "a NUL", "an empty name", "too long a name", "65 dimensions")
"""Labels of headers that are wrong although all numbers are present."""


def safetensors_cases() -> Iterator[tuple[str, bytes, str]]:
    one = {"a": described()}
    for label, header in {
        "no object": [],
        "no description": {"a": 1},
        "a negative size": {"a": described([-1])},
        "a size that is no integer": {"a": described([1.5])},
        "an unknown dtype": {"a": described(dtype="F12")},
        "too large a shape": {"a": described([1 << 40, 1 << 40])},
        "a shape that overflows to none": {"a": described([1 << 32, 1 << 32], 0, 0)},
        "a shape past the bytes": {"a": described([2])},
        "bytes past the shape": {"a": described([1], 0, 8)},
        "bytes past the file": {"a": described([1 << 40], 0, 1 << 42)},
        "offsets that turn round": {"a": described([1], 4, 0)},
        "a negative offset": {"a": described([1], -4, 0)},
        "a hole": {"a": described([1], 0, 4), "b": described([1], 8, 12)},
        "overlapping tensors": {"a": described([2], 0, 8), "b": described([1], 4, 8)},
        "the same bytes twice": {"a": described(), "b": described()},
        "metadata that is no text": {**one, "__metadata__": {"a": 1}},
        "metadata that is no object": {**one, "__metadata__": []},
        "an empty name": {"": described()},
        "a NUL": {"a\0b": described()},
        "too long a name": {"a" * 5000: described()},
        "65 dimensions": {"a": described([1] * 65)},
        "a million dimensions": {"a": described([0] * MEBI, 0, 0)},
        "a complex dtype": {"a": described(dtype="C64", end=8)},
        "a small float": {"a": described(dtype="F8_E4M3", end=1)},
    }.items():
        ends = [max(value["data_offsets"]) for value in header.values()] if label in LENGTHS else [4, 8, 12]
        for end in ends:
            yield label, safetensors_of(header, bytes(end)), ""
    yield "bool of 2", safetensors_of({"a": described(dtype="BOOL", end=1)}, b"\2"), "bool is stored as 2"
    yield "bytes behind", safetensors_of(one, bytes(5)), ""
    yield "a key twice", safetensors_of(b'{"a":%b,"a":%b}' % ((json.dumps(described()).encode(),) * 2), bytes(4)), "two"
    yield "no UTF-8", safetensors_of(b'{"\xff\xfe":%b}' % json.dumps(described()).encode(), bytes(4)), ""
    yield "half a surrogate", safetensors_of(b'{"\\ud800":%b}' % json.dumps(described()).encode(), bytes(4)), ""
    yield "deep", safetensors_of(b'{"a":' + b"[" * 100_000, bytes(4)), ""
    yield "deep and closed", safetensors_of(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", bytes(4)), ""
    yield "a long number", safetensors_of(b'{"a":%b}' % (b"9" * 100_000), bytes(4)), ""
    for length in [0, 1, 100_000_000, 100_000_001, 1 << 31, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]:
        yield f"a header of {length} bytes", safetensors_of(one, bytes(4), length), ""
    yield "many tensors of nothing", safetensors_of({f"{n}": described([0], 0, 0) for n in range(9000)}, b"\0"), ""


def archive_cases() -> Iterator[tuple[str, bytes, str]]:
    good = state(("a", tensor()))
    for of, content in [(bin_of, good), (ot_of, module(("a", tensor())))]:
        whole = of(content, NUMBERS)
        kind = of.__name__
        yield f"{kind}: a record that is too short", of(content, ("a/data/0", bytes(12))), "the record has 12 bytes"
        yield f"{kind}: no record", of(content), "lacks the record"
        yield f"{kind}: a comment", whole[:-2] + b"\1\0x", ""
        yield f"{kind}: bytes before", b"PK\3\4" + bytes(60) + whole, ""
        yield f"{kind}: bytes behind", whole + b"\0", "end with the file"
        yield f"{kind}: a name twice", of(content, NUMBERS, ("a/data/1", b"")).replace(b"data/1", b"data/0"), "two zip"
        yield f"{kind}: a name that is no UTF-8", whole.replace(b"a/data/0", b"a/\xff\xfe\xfdta0"), "UTF-8"
        for flag, label in [(1, "encrypted"), (0, None)]:
            place = whole.index(b"PK\1\2")
            data = bytearray(whole)
            data[place + 8] |= flag
            data[place + 10] = 8 if label is None else data[place + 10]
            yield f"{kind}: a lie about an entry", bytes(data), label or "method"
        first = whole.index(b"PK\1\2")
        second = whole.index(b"PK\1\2", first + 1)
        yield (
            f"{kind}: two entries at one place",
            whole[: second + 42] + whole[first + 42 : first + 46] + whole[second + 46 :],
            "",
        )
        end = whole.index(b"PK\5\6")
        for place, size in [(8, 2), (10, 2), (12, 4), (16, 4)]:
            for value in [b"\0" * size, b"\xff" * size, b"\x7f" * size]:
                yield f"{kind}: a lie in the end", whole[: end + place] + value + whole[end + place + size :], ""
        for place, size in [(20, 4), (24, 4), (28, 2), (30, 2), (32, 2), (42, 4)]:
            for value in [b"\0" * size, b"\xff" * size, b"\x7f" * size]:
                if whole[first + place : first + place + size] != value:
                    yield (
                        f"{kind}: a lie in an entry",
                        whole[: first + place] + value + whole[first + place + size :],
                        "",
                    )
    huge = bytes(200 * MEBI)
    for name in ["a/data.pkl", "a/data/0", "a/constants.pkl", "a/byteorder", "a/code/x"]:
        records = {"a/data.pkl": good, "a/byteorder": b"little", "a/data/0": bytes(16)} | {name: huge}
        if name != "a/code/x":
            yield f"{name} that inflates", zipped(records.items(), zipfile.ZIP_DEFLATED), "compressed"
    # Records that a pickle names are looked up in the archive, and never opened as paths.
    for key in ["../../../etc/passwd", "/etc/passwd", "..\\x", "0/../0", "", "\0", "x" * 100_000]:
        yield f"the record {key[:20]!r}", bin_of(state(("a", tensor(storage(key=key)))), NUMBERS), "lacks the record"
    for name in ["../../../tmp/oxbert", "/tmp/oxbert", "x/../../oxbert"]:
        yield f"an entry {name}", zipped([(name, b"x"), ("a/data.pkl", good)]), "without a data.pkl"
    yield "numpy's archive", zipped([("arr_0.npy", b"x")]), "NumPy"
    yield "many entries", zipped([(f"a/{number}", b"") for number in range(20_000)]), "data.pkl"
    yield "big-endian", zipped([("a/data.pkl", good), ("a/byteorder", b"big"), NUMBERS]), "byte order"


def pickle_cases() -> Iterator[tuple[str, bytes, str]]:
    def everywhere(
        label: str, value: bytes, expected: str = "", data: bytes = bytes(16)
    ) -> Iterator[tuple[str, bytes, str]]:
        record = ("a/data/0", data)
        yield f"{label}, .bin", bin_of(state(("a", value)), record), expected
        yield f"{label}, .ot", ot_of(module(("a", value)), record), expected
        yield f"{label}, old .bin", legacy_of(state(("a", value)), [("0", len(data) // 4, data)]), ""

    for sizes, strides, offset, expected in [
        ((5,), (1,), 0, "reach past the storage"),
        ((4,), (1,), 1, "reach past the storage"),
        ((2, 2), (3, 1), 0, "reach past the storage"),
        ((1 << 40,), (1,), 0, "reach past the storage"),
        ((1 << 40, 1 << 40), (1 << 40, 1), 0, "reach past the storage"),
        ((1 << 62, 1 << 62), (1, 1 << 62), 0, "reach past the storage"),
        ((1 << 20, 1 << 20), (0, 0), 0, "uses elements twice"),
        ((3, 2), (1, 1), 0, "uses elements twice"),
        ((2,), (-1,), 3, "the stride is -1"),
        ((-4,), (1,), 0, "the size is -4"),
        ((4,), (1,), -1, "the offset is -1"),
        ((2, 2), (1,), 0, "2 dimensions but 1 strides"),
        ((1,) * 65, (1,) * 65, 0, "dimensions"),
    ]:
        yield from everywhere(f"sizes {sizes[:3]}", tensor(None, sizes, strides, offset), expected)
    for count, expected in [
        (5, "but the record has 16 bytes"),
        (1 << 40, "but the record has 16 bytes"),
        (1 << 62, "but the record has 16 bytes"),
        (-1, "the number of elements is -1"),
    ]:
        yield from everywhere(f"{count} elements", tensor(storage(count=count), (1,)), expected)
    yield from everywhere("larger elements", tensor(storage("DoubleStorage")), "but the record has 16 bytes")
    for kind in ["ComplexFloatStorage", "ComplexDoubleStorage", "QInt8Storage", "UntypedStorage", "Storage"]:
        yield from everywhere(kind, tensor(storage(kind)), "which tensors of supported dtypes do not need")
    yield from everywhere(
        "bool of 2", tensor(storage("BoolStorage", count=16), (16,)), "bool is stored as 2", b"\2" * 16
    )
    flags = b"}" + text("neg") + b"\x88s"
    yield from everywhere("a negated tensor", tensor(None, (4,), (1,), 0, flags), "negated")
    for name in ["", "a\0b", "a" * 5000]:
        yield f"the name {name[:3]!r}", bin_of(state((name, tensor())), NUMBERS), "name"
    yield "a name that is no UTF-8", bin_of(state((b"\xff\xfe", tensor())), NUMBERS), "UTF-8"
    yield "a name twice", bin_of(state(("a", tensor()), ("a", tensor())), NUMBERS), "two tensors"
    yield "a module's name twice", ot_of(module(("a|b", tensor()), ("a.b", tensor())), NUMBERS), "two tensors"
    # A dictionary, a list and a module that contain themselves.
    yield "a dict in itself", bin_of(b"\x80\x02}q\0" + text("a") + b"h\0s.", NUMBERS), "expected tensors by name"
    yield "a list in itself", bin_of(b"\x80\x02]q\0h\0a.", NUMBERS), "expected a dictionary"
    itself = b"\x80\x02" + named("__torch__", "M") + b")\x81q\0}" + text("a") + b"h\0sb."
    yield "a module in itself", ot_of(itself), "nested more than"
    # Each module contains the next one twice, which unfolds to 2^60 modules.
    twice = named("__torch__", "M") + b")\x81}(" + text("x") + tensor() + b"ub"
    for _ in range(60):
        twice = named("__torch__", "M") + b")\x81}" + b"(" + text("a") + twice + b"q\0" + text("b") + b"h\0" + b"ub"
    yield "modules that share modules", ot_of(b"\x80\x02" + twice + b".", NUMBERS), ""
    for label, step in {
        "deep tuples": b"\x85",
        "deep lists": b"]",
        "many dicts": b"}",
        "many empty tuples": b")",
        "many numbers": b"K\1",
        "many copies": b"h\0",
        "many marks": b"(",
        "many memories": b"q\1",
    }.items():
        content = b"\x80\x02" + b"N" + b"q\0" + step * (4 * MEBI // len(step)) + b"."
        yield label, bin_of(content, NUMBERS), ""
    many = b"".join(b"r" + struct.pack("<I", number) for number in range(200_000))
    yield "many places in memory", bin_of(b"\x80\x02N" + many + b"N.", NUMBERS), ""
    yield "cut storages", legacy_of(state(("a", tensor())), [("0", 4, bytes(8))]), ""
    yield "a storage of 2^62", legacy_of(state(("a", tensor())), [("0", 1 << 62, bytes(16))]), "claims"
    yield "a storage of -1", legacy_of(state(("a", tensor())), [("0", -1, bytes(16))]), ""
    yield "a storage twice", legacy_of(state(("a", tensor())), [("0", 4, bytes(16))] * 2), "two storages"
    yield "a strange storage", legacy_of(state(("a", tensor())), [("1", 4, bytes(16))]), "no tensor uses the storage"
    yield (
        "bytes behind the storages",
        legacy_of(state(("a", tensor())), [("0", 4, bytes(16))]) + b"\0",
        "the end of the file",
    )
    both = state(("a", tensor()), ("b", tensor(storage("DoubleStorage", count=2), (2,))))
    yield "a storage of two dtypes", legacy_of(both, [("0", 4, bytes(16))]), "two sizes"
    yield "a number of 200 bytes", bin_of(b"\x80\x02\x8a\xc8" + bytes(200) + b"."), "integer of 200 bytes"
    yield "a text of 4 GB", bin_of(b"\x80\x02X\xff\xff\xff\xffabc."), "got 4 of the next 4294967295 bytes"
    yield "protocol 5", bin_of(b"\x80\x05N."), "protocol 5"


def flax_cases() -> Iterator[tuple[str, bytes, str]]:
    good = array()
    deep = good
    for _ in range(10_000):
        deep = b"\x81\xa1a" + deep
    yield "deep maps", deep, "nested more than"
    for label, items, expected in [
        ("a shape past the bytes", [("a", array((5,)))], "got 4 bytes of data, expected [5] of int8 (5 bytes)"),
        ("bytes past the shape", [("a", array((3,)))], "got 4 bytes of data, expected [3] of int8 (3 bytes)"),
        ("too large a shape", [("a", array((1 << 40, 1 << 40)))], "more bytes than memory"),
        ("a shape that overflows to none", [("a", array((1 << 32, 1 << 32), data=b""))], "more bytes than memory"),
        ("a negative size", [("a", array((-1,)))], ""),
        ("65 dimensions", [("a", array((1,) * 65, data=b"\0"))], "dimensions"),
        ("many dimensions", [("a", array((1,) * 100_000, data=b"\0"))], "dimensions"),
        ("many dimensions and other bytes", [("a", array((1,) * 100_000, data=b""))], ""),
        ("object", [("a", array(dtype="object"))], "dtype"),
        ("complex64", [("a", array((1,), "complex64", bytes(8)))], "dtype"),
        ("big-endian", [("a", array((1,), ">f4"))], "dtype"),
        ("a long dtype", [("a", array((1,), "f" * 100_000))], "dtype"),
        ("bool of 2", [("a", array(dtype="bool", data=b"\2" * 4))], "bool is stored as 2"),
        ("a complex number", [("a", array(kind=2))], "extension of type 2"),
        ("a number", [("a", 5)], "expected an array"),
        ("a text", [("a", "b")], "expected an array"),
        ("None", [("a", b"\xc0")], "expected an array"),
        ("an empty key", [("", good)], "empty"),
        ("a NUL", [("a\0b", good)], "NUL"),
        ("too long a key", [("a" * 5000, good)], "name"),
        ("a key that is no UTF-8", [(b"\xff\xfe", good)], "UTF-8"),
        ("a key twice", [("a", good), ("a", good)], "two tensors"),
        ("a path twice", [("a.b", good), ("a", {"b": good})], "two tensors"),
        ("two keys that mean one name", [("kernel", good), ("weight", good)], "two tensors"),
        ("a key that leaves no name", [("params.", good)], "empty name"),
        ("a chunked array", [("__msgpack_chunked_array__", good)], "chunks"),
    ]:
        yield label, flax_of(*items), expected
    for label, data in {
        "four billion keys": b"\xdf\xff\xff\xff\xff\xa1a" + good,
        "four billion bytes of a key": b"\xdf\0\0\0\1\xdb\xff\xff\xff\xffa",
        "four billion bytes of an array": b"\x81\xa1a\xc9\xff\xff\xff\xff\1\x93",
        "four billion dimensions": b"\x81\xa1a\xc7\x06\1\x93\xdd\xff\xff\xff\xff",
        "four billion bytes of numbers": b"\x81\xa1a\xc7\x0c\1\x93\x91\4\xa4int8\xc6\xff\xff\xff\xff",
        "bytes behind": flax_of(("a", good)) + b"\0",
        "many empty maps": b"\xdf\0\2\0\0" + b"\xa1a\x80" * (1 << 17) + b"\0",
        "a key that is a number": b"\x81\1" + good,
    }.items():
        yield label, data, ""
    # Every key repeats a long name for three bytes of the file.
    yield "many long names", b"\x81\xd9\xff" + b"a" * 255 + b"\xde\xff\xff" + (b"\xa1b" + good) * 65_535, "two tensors"
    yield "a list", packed({"a": 1})[:5] + b"\x91\1", ""
