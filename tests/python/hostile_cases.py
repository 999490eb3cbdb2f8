"""Read the hostile files of a family in a process of its own: `python hostile_cases.py FAMILY FOLDER`.

Prints, as JSON, the number of files refused, the number of files read, and the failures.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import random
import resource
import signal
import socket
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from hostile import (
    LEGACY_START,
    MAX_MEMORY,
    MAX_SECONDS,
    Case,
    bin_of,
    block_of,
    damaged,
    described,
    entry_of,
    field,
    hostile_pickles,
    index_of,
    legacy_of,
    module,
    ot_of,
    read_all,
    resident,
    safetensors_of,
    state,
    table_of,
    truncated,
    variable_of,
    varint,
)
from hostile_bytes import (
    MEBI,
    NUMBERS,
    archive_cases,
    flax_cases,
    pickle_cases,
    safetensors_cases,
)

import oxbert
from oxbert.errors import FileError, MissingFileError, OxbertError, WeightsFormatError


def damage(kind: str) -> Callable[[Path], dict[str, Any]]:
    """Truncate and damage `whole.kind` of the folder, in which other files that it needs may lie."""

    def family(folder: Path) -> dict[str, Any]:
        path, whole = folder / f"broken.{kind}", (folder / f"whole.{kind}").read_bytes()
        for other in folder.glob("whole.*"):
            if other.name != f"whole.{kind}":
                other.with_name(other.name.replace("whole", "broken")).write_bytes(other.read_bytes())
        # If the data file of a TensorFlow checkpoint is damaged, the file to open is still its index.
        target = folder / "broken.index" if kind.startswith("data") else path
        path.write_bytes(whole)
        values = oxbert.load_weights(target)

        def read(path: Path) -> None:
            found = oxbert.load_weights(path)
            # These formats have checksums, so a changed number is never returned.
            if kind in ("ot", "bin", "index") or kind.startswith("data"):
                assert found.keys() == values.keys()
                assert all(np.array_equal(found[name], values[name], equal_nan=True) for name in values)

        def cases() -> Iterator[Case]:
            for data in truncated(whole):
                path.write_bytes(data)
                yield Case(f"{kind} cut to {len(data)} bytes", target)
            for number, data in enumerate(damaged(whole)):
                path.write_bytes(data)
                # A damaged list may name other files.
                error = OxbertError if kind == "json" else WeightsFormatError
                yield Case(f"{kind} damaged, {number}", target, "", error, may_be_read=True)

        return read_all(cases(), read)

    return family


def of_bytes(cases: Callable[[], Iterator[tuple[str, bytes, str]]]) -> Callable[[Path], dict[str, Any]]:
    """Build a family from files to refuse: a label, the bytes, and a part of the expected message."""

    def family(folder: Path) -> dict[str, Any]:
        path = folder / "broken"

        def written() -> Iterator[Case]:
            for label, data, expected in cases():
                path.write_bytes(data)
                yield Case(label, path, expected)

        return read_all(written())

    return family


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
                # Harmless without a call, and allowed: a module may have such a value beside its tensors.
                del files["rust_model.ot"]
            for name, data in files.items():
                (folder / name).write_bytes(data)
                yield Case(f"{label} in {name}", folder / name)

    result = read_all(cases())
    if marker.exists():
        result["failures"].append("a file has run what it holds")
    return result


def tensorflow_family(folder: Path) -> dict[str, Any]:
    name = b"electra/embeddings/word_embeddings"
    head = field(1, 1)

    def indices() -> Iterator[tuple[str, bytes, str, type[OxbertError]]]:
        refused = WeightsFormatError
        for label, changes, expected in [
            ("a shape past the bytes", {"shape": (17,)}, "outside the data file"),
            ("a size past the shape", {"size": 64}, "got 64 bytes, expected [2] of float32 (8 bytes)"),
            ("a size before the shape", {"size": 4}, "got 4 bytes, expected [2] of float32 (8 bytes)"),
            ("a size of -8", {"size": -8}, "is -8"),
            ("an offset of -8", {"offset": -8}, "is -8"),
            ("an offset behind the file", {"offset": 60}, "outside the data file"),
            ("an offset of 2^62", {"offset": 1 << 62}, "outside the data file"),
            ("a shape of -2", {"shape": (-2,), "size": 8}, "is -2"),
            ("too large a shape", {"shape": (1 << 40,), "size": 1 << 42}, "outside the data file"),
            ("a shape that overflows to none", {"shape": (1 << 32, 1 << 31), "size": 0}, "more bytes than memory"),
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
        # Prefix compression: each entry repeats a key of 4000 bytes in four bytes of the file, equal or ascending.
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

    return read_all(cases())


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
            yield f"the file {name[:40]!r}", of({"a": name}), "files in the same folder", refused
        yield "itself", of({"a": own.name}), "got an index", refused
        yield "another list", of({"a": "other.index.json"}), "got an index", refused
        yield "a list of lists", of({"a": [own.name]}), "expected", refused
        yield "no such file", of({"a": "none.safetensors"}), "none.safetensors", MissingFileError
        yield "a name of 5000 bytes", of({"a": "x" * 5000}), "", FileError
        yield "a folder", of({"a": "sub"}), "expected a regular file, got a folder", refused
        yield "a pipe", of({"a": "pipe"}), "expected a regular file", refused
        yield "a link in a circle", of({"a": "circle"}), "circle", FileError
        yield "an empty file", of({"a": "empty"}), "the file is empty", refused
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

    return read_all(cases())


def places_family(folder: Path) -> dict[str, Any]:
    """Refuse paths that are not regular readable files."""
    refused = WeightsFormatError

    def cases() -> Iterator[Case]:
        (folder / "folder").mkdir()
        yield Case("a folder", folder / "folder", "expected a regular file, got a folder", refused)
        os.mkfifo(folder / "pipe")
        yield Case("a pipe", folder / "pipe", "expected a regular file", refused)
        (folder / "to_pipe").symlink_to("pipe")
        yield Case("a link to a pipe", folder / "to_pipe", "expected a regular file", refused)
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(folder / "socket"))
            yield Case("a socket", folder / "socket", "expected a regular file", refused)
        for device in ["/dev/zero", "/dev/null", "/dev/full", "/dev/random"]:
            yield Case(device, Path(device), "expected a regular file", refused)
        # The reported length is zero, or not the true length.
        for name in ["/proc/self/maps", "/proc/self/status"]:
            if Path(name).exists():
                yield Case(name, Path(name))
        (folder / "empty").touch()
        yield Case("an empty file", folder / "empty", "the file is empty", refused)
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
        # A file larger than the address space that this process may map.
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

    return read_all(cases())


def hdf5_family(folder: Path) -> dict[str, Any]:
    """Run the function that takes HDF5 files apart in a fork per file, because the C library may end the process."""
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
            # What the function prints is for another parent.
            with contextlib.suppress(Exception), contextlib.redirect_stdout(io.StringIO()):
                isolated.main(str(path), str(target))
                os._exit(0)
            os._exit(1)
        _, status, usage = os.wait4(child, 0)
        if status == signal.SIGALRM:
            result["failures"].append(f"{number}: took ten seconds")
        if (grown := (usage.ru_maxrss << 10) - before) > MAX_MEMORY:
            result["failures"].append(f"{number}: took {grown >> 20} MiB")
        result["ended" if os.WIFSIGNALED(status) else "read" if status == 0 else "refused"] += 1
        if status == 0 and time.monotonic() - start < MAX_SECONDS:
            # Every file that was written is complete, even if the source was damaged.
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
