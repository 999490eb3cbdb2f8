"""A process that reads the hostile files of a family: `python hostile_cases.py FAMILY FOLDER`.

It prints, as JSON, how many were refused and how many read, and what did not go as it should.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import random
import resource
import signal
import socket
import struct
import sys
import time
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from hostile import (
    LEGACY_START,
    MOST_MEMORY,
    MOST_SECONDS,
    Case,
    array,
    bin_of,
    block_of,
    damaged,
    described,
    entry_of,
    field,
    flax_of,
    hold,
    hostile_pickles,
    index_of,
    legacy_of,
    module,
    named,
    ot_of,
    packed,
    resident,
    safetensors_of,
    state,
    storage,
    table_of,
    tensor,
    text,
    truncated,
    variable_of,
    varint,
    zipped,
)

import oxbert
from oxbert.errors import FileError, MissingFileError, OxbertError, WeightsFormatError

NUMBERS = ("a/data/0", bytes(16))
MEBI = 1 << 20
LENGTHS = ("a complex dtype", "a small float", "a NUL", "an empty name", "too long a name", "65 dimensions")
"""What is wrong with a header whose numbers are all there."""


def damage(kind: str) -> Callable[[Path], dict[str, Any]]:
    """Truncated and damaged files: `whole.kind` of the folder, beside which others may lie that it needs."""

    def family(folder: Path) -> dict[str, Any]:
        path, whole = folder / f"broken.{kind}", (folder / f"whole.{kind}").read_bytes()
        for other in folder.glob("whole.*"):
            if other.name != f"whole.{kind}":
                other.with_name(other.name.replace("whole", "broken")).write_bytes(other.read_bytes())
        # Where the numbers of a checkpoint of TensorFlow are damaged, it is still its index that is read.
        target = folder / "broken.index" if kind.startswith("data") else path
        path.write_bytes(whole)
        values = oxbert.load_weights(target)

        def read(path: Path) -> None:
            found = oxbert.load_weights(path)
            # These formats have checksums, so that no other number is ever read.
            if kind in ("ot", "bin", "index") or kind.startswith("data"):
                assert found.keys() == values.keys()
                assert all(np.array_equal(found[name], values[name], equal_nan=True) for name in values)

        def cases() -> Iterator[Case]:
            for data in truncated(whole):
                path.write_bytes(data)
                yield Case(f"{kind} cut to {len(data)} bytes", target)
            for number, data in enumerate(damaged(whole)):
                path.write_bytes(data)
                # A damaged list names other files.
                error = OxbertError if kind == "json" else WeightsFormatError
                yield Case(f"{kind} damaged, {number}", target, "", error, may_be_read=True)

        return hold(cases(), read)

    return family


def of_bytes(cases: Callable[[], Iterator[tuple[str, bytes, str]]]) -> Callable[[Path], dict[str, Any]]:
    """Files that are to be refused: a label, the bytes, and what the message must hold."""

    def family(folder: Path) -> dict[str, Any]:
        path = folder / "broken"

        def written() -> Iterator[Case]:
            for label, data, expected in cases():
                path.write_bytes(data)
                yield Case(label, path, expected)

        return hold(written())

    return family


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
        yield f"{kind}: no record", of(content), "lacks its record"
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
    # The names of records that a pickle asks for are looked up, never opened.
    for key in ["../../../etc/passwd", "/etc/passwd", "..\\x", "0/../0", "", "\0", "x" * 100_000]:
        yield f"the record {key[:20]!r}", bin_of(state(("a", tensor(storage(key=key)))), NUMBERS), "lacks its record"
    for name in ["../../../tmp/oxbert", "/tmp/oxbert", "x/../../oxbert"]:
        yield f"an entry {name}", zipped([(name, b"x"), ("a/data.pkl", good)]), "without a data.pkl"
    yield "numpy's archive", zipped([("arr_0.npy", b"x")]), "NumPy"
    yield "many entries", zipped([(f"a/{number}", b"") for number in range(20_000)]), "data.pkl"
    yield "big-endian", zipped([("a/data.pkl", good), ("a/byteorder", b"big"), NUMBERS]), "byte order"


def code_family(folder: Path) -> dict[str, Any]:
    marker = folder / "ran"

    def cases() -> Iterator[Case]:
        for label, value in hostile_pickles(str(marker)):
            inside, bare = state(("a", value)), b"\x80\x02" + value + b"."
            files = {
                "x.bin": bin_of(inside, NUMBERS),
                "bare.bin": bin_of(bare, NUMBERS),
                "rust_model.ot": ot_of(module(("a", value)), NUMBERS),
                "bare.ot": ot_of(bare, NUMBERS),
                "legacy.bin": legacy_of(inside, [("0", 4, bytes(16))]),
                "legacy_version.bin": LEGACY_START[:15] + bare + bare,
                "model.safetensors": bare,
                "flax_model.msgpack": bare,
                "old.bin": b"\x80\x04" + value + b".",
            }
            if label in ("a setstate", "a class of the archive"):
                # Not weights, but nothing that anybody would have to call: a module may have it beside its tensors.
                del files["rust_model.ot"]
            for name, data in files.items():
                (folder / name).write_bytes(data)
                yield Case(f"{label} in {name}", folder / name)

    result = hold(cases())
    if marker.exists():
        result["failures"].append("a file has run what it holds")
    return result


def pickle_cases() -> Iterator[tuple[str, bytes, str]]:
    def everywhere(
        label: str, value: bytes, expected: str = "", data: bytes = bytes(16)
    ) -> Iterator[tuple[str, bytes, str]]:
        record = ("a/data/0", data)
        yield f"{label}, .bin", bin_of(state(("a", value)), record), expected
        yield f"{label}, .ot", ot_of(module(("a", value)), record), expected
        yield f"{label}, old .bin", legacy_of(state(("a", value)), [("0", len(data) // 4, data)]), ""

    for sizes, strides, offset, expected in [
        ((5,), (1,), 0, "reach past its storage"),
        ((4,), (1,), 1, "reach past its storage"),
        ((2, 2), (3, 1), 0, "reach past its storage"),
        ((1 << 40,), (1,), 0, "reach past its storage"),
        ((1 << 40, 1 << 40), (1 << 40, 1), 0, "reach past its storage"),
        ((1 << 62, 1 << 62), (1, 1 << 62), 0, "reach past its storage"),
        ((1 << 20, 1 << 20), (0, 0), 0, "uses elements twice"),
        ((3, 2), (1, 1), 0, "uses elements twice"),
        ((2,), (-1,), 3, "its stride is -1"),
        ((-4,), (1,), 0, "its size is -4"),
        ((4,), (1,), -1, "its offset is -1"),
        ((2, 2), (1,), 0, "2 dimensions but 1 strides"),
        ((1,) * 65, (1,) * 65, 0, "dimensions"),
    ]:
        yield from everywhere(f"sizes {sizes[:3]}", tensor(None, sizes, strides, offset), expected)
    for count, expected in [
        (5, "but the record has 16 bytes"),
        (1 << 40, "but the record has 16 bytes"),
        (1 << 62, "but the record has 16 bytes"),
        (-1, "its number of elements is -1"),
    ]:
        yield from everywhere(f"{count} elements", tensor(storage(count=count), (1,)), expected)
    yield from everywhere("larger elements", tensor(storage("DoubleStorage")), "but the record has 16 bytes")
    for kind in ["ComplexFloatStorage", "ComplexDoubleStorage", "QInt8Storage", "UntypedStorage", "Storage"]:
        yield from everywhere(kind, tensor(storage(kind)), "which no weights need")
    yield from everywhere(
        "bool of 2", tensor(storage("BoolStorage", count=16), (16,)), "bool is stored as 2", b"\2" * 16
    )
    flags = b"}" + text("neg") + b"\x88s"
    yield from everywhere("a negated tensor", tensor(None, (4,), (1,), 0, flags), "flags")
    for name in ["", "a\0b", "a" * 5000]:
        yield f"the name {name[:3]!r}", bin_of(state((name, tensor())), NUMBERS), "name"
    yield "a name that is no UTF-8", bin_of(state((b"\xff\xfe", tensor())), NUMBERS), "UTF-8"
    yield "a name twice", bin_of(state(("a", tensor()), ("a", tensor())), NUMBERS), "two tensors"
    yield "a module's name twice", ot_of(module(("a|b", tensor()), ("a.b", tensor())), NUMBERS), "two tensors"
    # A dictionary that holds itself, a list that does, and a module within itself.
    yield "a dict in itself", bin_of(b"\x80\x02}q\0" + text("a") + b"h\0s.", NUMBERS), "expected tensors by name"
    yield "a list in itself", bin_of(b"\x80\x02]q\0h\0a.", NUMBERS), "expected a dictionary"
    itself = b"\x80\x02" + named("__torch__", "M") + b")\x81q\0}" + text("a") + b"h\0sb."
    yield "a module in itself", ot_of(itself), "nested more than"
    # Each module holds the next one twice, which makes 2^60 of them.
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
    yield "a strange storage", legacy_of(state(("a", tensor())), [("1", 4, bytes(16))]), "no tensor has its storage"
    yield "bytes behind the storages", legacy_of(state(("a", tensor())), [("0", 4, bytes(16))]) + b"\0", "other bytes"
    both = state(("a", tensor()), ("b", tensor(storage("DoubleStorage", count=2), (2,))))
    yield "a storage of two dtypes", legacy_of(both, [("0", 4, bytes(16))]), "two sizes"
    yield "a number of 200 bytes", bin_of(b"\x80\x02\x8a\xc8" + bytes(200) + b"."), "integer of 200 bytes"
    yield "a text of 4 GB", bin_of(b"\x80\x02X\xff\xff\xff\xffabc."), "cut short"
    yield "protocol 5", bin_of(b"\x80\x05N."), "protocol 5"


def flax_cases() -> Iterator[tuple[str, bytes, str]]:
    good = array()
    deep = good
    for _ in range(10_000):
        deep = b"\x81\xa1a" + deep
    yield "deep maps", deep, "nested more than"
    for label, items, expected in [
        ("a shape past the bytes", [("a", array((5,)))], "expected as many as"),
        ("bytes past the shape", [("a", array((3,)))], "expected as many as"),
        ("too large a shape", [("a", array((1 << 40, 1 << 40)))], "expected as many as"),
        ("a shape that overflows to none", [("a", array((1 << 32, 1 << 32), data=b""))], "expected as many as"),
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
    # Every key repeats a long name: all of it for three bytes of the file.
    yield "many long names", b"\x81\xd9\xff" + b"a" * 255 + b"\xde\xff\xff" + (b"\xa1b" + good) * 65_535, "two tensors"
    yield "a list", packed({"a": 1})[:5] + b"\x91\1", ""


def tensorflow_family(folder: Path) -> dict[str, Any]:
    name = b"electra/embeddings/word_embeddings"
    head = field(1, 1)

    def indices() -> Iterator[tuple[str, bytes, str, type[OxbertError]]]:
        refused = WeightsFormatError
        for label, changes, expected in [
            ("a shape past the bytes", {"shape": (17,)}, "outside the data file"),
            ("a size past the shape", {"size": 64}, "expected as many as"),
            ("a size before the shape", {"size": 4}, "expected as many as"),
            ("a size of -8", {"size": -8}, "is -8"),
            ("an offset of -8", {"offset": -8}, "is -8"),
            ("an offset behind the file", {"offset": 60}, "outside the data file"),
            ("an offset of 2^62", {"offset": 1 << 62}, "outside the data file"),
            ("a shape of -2", {"shape": (-2,), "size": 8}, "is -2"),
            ("too large a shape", {"shape": (1 << 40,), "size": 1 << 42}, "outside the data file"),
            ("a shape that overflows to none", {"shape": (1 << 32, 1 << 31), "size": 0}, "expected as many as"),
            ("65 dimensions", {"shape": (1,) * 65}, "dimensions"),
            ("many dimensions", {"shape": (1,) * 100_000, "size": 4}, "dimensions"),
            ("many dimensions and other bytes", {"shape": (1,) * 100_000, "size": 8}, ""),
            ("data file 1 of 1", {"shard": 1}, "data file 1 of 1"),
            ("data file -1", {"shard": -1}, "is -1"),
            ("complex64", {"dtype": 8, "size": 16}, "number 8"),
            ("resource", {"dtype": 20}, "number 20"),
            ("no dtype", {"dtype": 0}, "number 0"),
            ("dtype -1", {"dtype": -1}, "number -1"),
            ("slices", {"more": field(7, b"")}, "slices"),
            ("many slices", {"more": field(7, b"") * 100_000}, "slices"),
            ("a text where the shape is", {"more": field(2, b"\xff" * 9)}, "corrupt"),
            ("other numbers", {"data": b"\1" * 64}, "checksum"),
        ]:
            changes.setdefault("size", None)
            yield label, index_of((name, variable_of(**changes))), expected, refused
        good = variable_of()
        for shards in [0, -1, 10_001, 1 << 31, (1 << 64) - 1]:
            yield f"{shards} data files", index_of((name, good), shards=shards), "data files, expected 1 to", refused
        for shards in [2, 10_000]:
            yield (
                f"{shards} data files",
                index_of((name, good), shards=shards),
                "broken.data-00000-of-",
                MissingFileError,
            )
        yield "another program's", index_of((b"bert/x", good)), "google-research/electra", refused
        yield "a key twice", index_of((name, good), (name, good)), "", refused
        yield "keys in no order", index_of((b"electra/embeddings/z", good), (name, good)), "", refused
        yield "a key that is no UTF-8", index_of((b"\xff\xfe", good)), "UTF-8", refused
        yield "a key with a NUL", index_of((b"electra/\0", good)), "NUL", refused
        yield "too long a key", index_of((b"electra/" + b"a" * 5000, good)), "key", refused
        yield "big-endian", index_of((name, good), header=head + field(2, 1)), "little-endian", refused
        yield "no header", table_of(block_of(entry_of(name, good))), "no header", refused
        yield "nothing", table_of(), "no header", refused
        yield "an empty block", table_of(block_of()), "no header", refused
        first = entry_of(b"", head)
        block = block_of(first, entry_of(name, good))
        yield "compressed blocks", table_of(block, compression=1), "compressed", refused
        for handle in [(1 << 40, 9), (0, 1 << 40), ((1 << 64) - 1, (1 << 64) - 1), (0, (1 << 64) - 1), (0, 0), (0, 3)]:
            yield f"a block at {handle}", table_of(block, handles=[handle]), "", refused
        yield "a block twice", table_of(block, handles=[(0, len(block))] * 1000), "overlap", refused
        for restarts in [2, 1 << 20, (1 << 32) - 1]:
            yield f"{restarts} whole keys", table_of(block_of(first, restarts=restarts)), "", refused
        yield "a key that shares too much", table_of(block_of(first, entry_of(b"a", good, shared=5))), "shares", refused
        yield "a key of 2^60", table_of(block_of(first, b"\0" + varint(1 << 60) + b"\0")), "key", refused
        yield "a number without an end", table_of(block_of(first + b"\xff" * 20)), "64 bits", refused
        # A key of four thousand bytes in four bytes of the file, again and again: the same one, or others that ascend.
        long, text_variable = name + b"a" * 4000, field(1, 7)
        start = first + entry_of(long, text_variable)
        same = entry_of(b"", text_variable, shared=len(long))
        yield "long keys that share all", table_of(block_of(start + same * (MEBI // len(same)))), "", refused
        others = b"".join(entry_of(b"%06d" % number, text_variable, shared=len(long)) for number in range(MEBI // 12))
        yield "long keys that share much", table_of(block_of(start + others)), "", refused
        yield "many variables of nothing", table_of(block_of(first + entry_of(b"a", b"") * 100_000)), "", refused
        footer = table_of(block)[-48:]
        yield "a footer alone", footer, "", refused
        yield "a footer of numbers without an end", b"\xff" * 40 + footer[40:], "", refused

    def cases() -> Iterator[Case]:
        (folder / "broken.data-00000-of-00001").write_bytes(bytes(64))
        path = folder / "broken.index"
        path.write_bytes(index_of((name, variable_of())))
        assert oxbert.load_weights(path).keys() == {"electra.embeddings.word_embeddings.weight"}
        for label, data, expected, error in indices():
            path.write_bytes(data)
            yield Case(label, path, expected, error)
        path.write_bytes(index_of((name, variable_of())))
        for label, data in [("no", b""), ("shorter", bytes(7)), ("other", b"\1" * 64)]:
            (folder / "broken.data-00000-of-00001").write_bytes(data)
            yield Case(f"{label} numbers", path)
        (folder / "broken.data-00000-of-00001").unlink()
        yield Case("no data file", path, "broken.data-00000-of-00001", MissingFileError)
        (folder / "broken.data-00000-of-00001").mkdir()
        yield Case("a data file that is a folder", path, "folder")

    return hold(cases())


def shards_family(folder: Path) -> dict[str, Any]:
    own = folder / "broken.index.json"
    elsewhere = folder.parent / "elsewhere.safetensors"

    def of(weight_map: Any) -> bytes:
        return json.dumps({"metadata": {"total_size": 4}, "weight_map": weight_map}).encode()

    def lists() -> Iterator[tuple[str, bytes, str, type[OxbertError]]]:
        refused = WeightsFormatError
        for name in [
            f"../{elsewhere.name}",
            str(elsewhere),
            f"sub/../../{elsewhere.name}",
            f"./../{elsewhere.name}",
            f"..\\{elsewhere.name}",
            f"file:{elsewhere}",
            "/etc/passwd",
            "sub/a.safetensors",
            "..",
            ".",
            "",
            "\0",
            "a.safetensors\0",
            "x/" * 5000,
        ]:
            yield f"the file {name[:40]!r}", of({"a": name}), "no plain name", refused
        yield "itself", of({"a": own.name}), "one of several files", refused
        yield "another list", of({"a": "other.index.json"}), "one of several files", refused
        yield "a list of lists", of({"a": [own.name]}), "expected", refused
        yield "no such file", of({"a": "none.safetensors"}), "none.safetensors", MissingFileError
        yield "a name of 5000 bytes", of({"a": "x" * 5000}), "", FileError
        yield "a folder", of({"a": "sub"}), "it is a folder", refused
        yield "a pipe", of({"a": "pipe"}), "no regular file", refused
        yield "a link in a circle", of({"a": "circle"}), "circle", FileError
        yield "an empty file", of({"a": "empty"}), "it is empty", refused
        yield "a broken file", of({"a": "broken.safetensors"}), "broken.safetensors", refused
        yield "too few tensors", of({"a": "a.safetensors", "b": "a.safetensors"}), "lacks the tensor", refused
        yield "other tensors", of({"b": "a.safetensors"}), "", refused
        yield "a tensor in two files", of({"a": "a.safetensors", "b": "same.safetensors"}), "", refused
        yield "no files", of({}), "weight_map is empty", refused
        for value in [None, 1, [], "a.safetensors", {"a": None}, {"a": 1}]:
            yield f"the map {value!r}", of(value), "weight_map", refused
        for data in [
            b"{",
            b"{}",
            b'{"weight_map"',
            b'{"a":' * 100_000,
            b'{"weight_map":{"\xff":"a"}}',
            b"{" + b" " * MEBI,
        ]:
            yield f"{data[:20]!r}", data, "", refused
        twice = b'{"weight_map": {"a": "none.safetensors", "a": "a.safetensors"}}'
        yield "a tensor twice in the list", twice, "", refused
        millions = ",".join(f'"{number}":"a.safetensors"' for number in range(MEBI)).encode()
        yield "one file a million times", b'{"weight_map":{%b}}' % millions, "", refused
        many = ",".join(f'"{number}":"{number}"' for number in range(100_000)).encode()
        yield "a hundred thousand files", b'{"weight_map":{%b}}' % many, "", FileError

    def cases() -> Iterator[Case]:
        (folder / "sub").mkdir()
        for place in [folder, folder / "sub"]:
            oxbert.save_weights({"a": np.ones(1, "float32")}, place / "a.safetensors")
        oxbert.save_weights({"a": np.ones(1, "float32")}, elsewhere)
        oxbert.save_weights({"a": np.ones(1, "float32"), "b": np.ones(1)}, folder / "same.safetensors")
        (folder / "broken.safetensors").write_bytes((folder / "a.safetensors").read_bytes()[:-1])
        (folder / "empty").touch()
        (folder / "circle").symlink_to("circle")
        os.mkfifo(folder / "pipe")
        (folder / "other.index.json").write_bytes(of({"a": "a.safetensors"}))
        own.write_bytes(of({"a": "a.safetensors"}))
        assert oxbert.load_weights(own).keys() == {"a"}
        for label, data, expected, error in lists():
            own.write_bytes(data)
            yield Case(label, own, expected, error)

    return hold(cases())


def places_family(folder: Path) -> dict[str, Any]:
    """What is no file, or none that may be read."""
    refused = WeightsFormatError

    def cases() -> Iterator[Case]:
        (folder / "folder").mkdir()
        yield Case("a folder", folder / "folder", "it is a folder", refused)
        os.mkfifo(folder / "pipe")
        yield Case("a pipe", folder / "pipe", "no regular file", refused)
        (folder / "to_pipe").symlink_to("pipe")
        yield Case("a link to a pipe", folder / "to_pipe", "no regular file", refused)
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(folder / "socket"))
            yield Case("a socket", folder / "socket", "no regular file", refused)
        for device in ["/dev/zero", "/dev/null", "/dev/full", "/dev/random"]:
            yield Case(device, Path(device), "no regular file", refused)
        # They have no length, or another than they say.
        for name in ["/proc/self/maps", "/proc/self/status"]:
            if Path(name).exists():
                yield Case(name, Path(name))
        (folder / "empty").touch()
        yield Case("an empty file", folder / "empty", "it is empty", refused)
        (folder / "circle").symlink_to("other_circle")
        (folder / "other_circle").symlink_to("circle")
        yield Case("a link in a circle", folder / "circle", "circle", FileError)
        (folder / "nowhere").symlink_to("none")
        yield Case("a link to nothing", folder / "nowhere", "nowhere", MissingFileError)
        yield Case("nothing", folder / "none", "none", MissingFileError)
        yield Case("a file as a folder", folder / "empty" / "x", "", FileError)
        yield Case("too long a name", folder / ("x" * 5000), "", FileError)
        yield Case("a NUL", folder / "a\0b", "", FileError)
        yield Case("an empty path", Path(""), "", OxbertError)
        with open(folder / "sparse", "wb") as sparse:
            sparse.truncate(1 << 40)
        # More than this process may map.
        yield Case("a terabyte of nothing", folder / "sparse", "", OxbertError)
        header = safetensors_of({"a": described([1 << 30], 0, 1 << 32)})
        (folder / "sparse").write_bytes(header)
        os.truncate(folder / "sparse", len(header) + (1 << 32) - 1)
        yield Case("four gigabytes of nothing, one byte short", folder / "sparse", "", refused)
        (folder / "sparse").unlink()
        if os.geteuid() != 0:
            (folder / "secret").write_bytes(safetensors_of({"a": described()}, bytes(4)))
            (folder / "secret").chmod(0)
            yield Case("a secret", folder / "secret", "secret", FileError)

    return hold(cases())


def hdf5_family(folder: Path) -> dict[str, Any]:
    """The function that takes HDF5 files apart, in a fork for every file: the library below it may end that."""
    place = Path(oxbert.__file__).parent / "_isolated" / "hdf5.py"
    spec = importlib.util.spec_from_file_location("isolated", place)
    assert spec is not None and spec.loader is not None
    isolated = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(isolated)
    whole = (folder / "whole.h5").read_bytes()
    path, target = folder / "broken.h5", folder / "parts.safetensors"
    result: dict[str, Any] = {"refused": 0, "read": 0, "ended": 0, "failures": []}
    files = [*truncated(whole, 50), *random.sample([*damaged(whole)], 200)]
    for number, data in enumerate(files):
        path.write_bytes(data)
        target.unlink(missing_ok=True)
        before, start = resident(), time.monotonic()
        child = os.fork()
        if child == 0:
            signal.alarm(10)
            with contextlib.suppress(Exception):
                isolated.main(str(path), str(target))
                os._exit(0)
            os._exit(1)
        _, status, usage = os.wait4(child, 0)
        if status == signal.SIGALRM:
            result["failures"].append(f"{number}: took ten seconds")
        if (grown := (usage.ru_maxrss << 10) - before) > MOST_MEMORY:
            result["failures"].append(f"{number}: took {grown >> 20} MiB")
        result["ended" if os.WIFSIGNALED(status) else "read" if status == 0 else "refused"] += 1
        if status == 0 and time.monotonic() - start < MOST_SECONDS:
            # What comes out is whole, whatever went in.
            oxbert.load_weights(target)
    return result


FAMILIES: dict[str, Callable[[Path], dict[str, Any]]] = {
    **{
        f"damage-{kind}": damage(kind)
        for kind in ["safetensors", "ot", "bin", "legacy", "msgpack", "json", "index", "data-00000-of-00001"]
    },
    "safetensors": of_bytes(safetensors_cases),
    "archives": of_bytes(archive_cases),
    "pickles": of_bytes(pickle_cases),
    "flax": of_bytes(flax_cases),
    "code": code_family,
    "tensorflow": tensorflow_family,
    "shards": shards_family,
    "places": places_family,
    "hdf5": hdf5_family,
}

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    random.seed(0)
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
    print(json.dumps(FAMILIES[sys.argv[1]](Path(sys.argv[2]))))
