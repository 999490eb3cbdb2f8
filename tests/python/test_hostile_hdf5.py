"""Test hostile HDF5 files, which may crash the library that reads them: only the child process dies."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import oxbert
from oxbert import _hdf5
from oxbert.errors import FileError, WeightsFormatError

from . import hostile

h5py = pytest.importorskip("h5py")

WHOLE = (
    Path(__file__).parents[1] / "data" / "checkpoints/transformers/distilbert_question_answering/tf_model.h5"
).read_bytes()
MEBI = 1 << 20


@pytest.fixture(autouse=True)
def no_files_left(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Check that every test leaves the folder of temporary files empty."""
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setenv("TMPDIR", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def refused(path: Path, expected: str = "") -> WeightsFormatError:
    with pytest.raises(WeightsFormatError) as caught:
        oxbert.load_weights(path)
    error = caught.value
    assert Path(error.path) == path and str(path) in str(error)
    assert expected in error.reason, error.reason
    return error


@pytest.mark.slow
def test_damaged_files_raise_errors_in_the_child(tmp_path: Path) -> None:
    (tmp_path / "whole.h5").write_bytes(WHOLE)
    result = hostile.run("hdf5", tmp_path)
    assert result["refused"] > 100 and result["read"] > 50


def test_damaged_files_raise_errors_through_the_public_api(tmp_path: Path) -> None:
    path = tmp_path / "tf_model.h5"
    path.write_bytes(WHOLE)
    assert len(oxbert.load_weights(path)) > 10
    for length in [4, 8, 100, 1000, 5000, len(WHOLE) // 2, len(WHOLE) - 1]:
        path.write_bytes(WHOLE[:length])
        refused(path)
    random.seed(1)
    for _ in range(10):
        data = bytearray(WHOLE)
        for _ in range(20):
            data[random.randrange(8, len(data))] = random.randrange(256)
        path.write_bytes(data)
        with contextlib.suppress(WeightsFormatError):
            oxbert.load_weights(path)


def chunk_that_inflates(file: Any) -> None:
    """Write one chunk as long as its tensor that inflates to a gigabyte."""
    count = 1 << 18
    dataset = file.create_dataset("m/a:0", shape=(count,), dtype="f4", chunks=(count,), compression="gzip")
    packed = zlib.compress(bytes(1000 * MEBI), 1)[: 4 * count].ljust(4 * count, b"\0")
    dataset.id.write_direct_chunk((0,), packed)


def links(file: Any) -> None:
    file["external"] = h5py.ExternalLink("secret.h5", "/secret")
    file["circle"] = h5py.SoftLink("/circle")
    file.create_group("group")
    file["group/itself"] = file["group"]
    file["group/soft"] = h5py.SoftLink("/")


def virtual(file: Any) -> None:
    layout = h5py.VirtualLayout((3,), "f4")
    layout[:] = h5py.VirtualSource("secret.h5", "secret", shape=(3,))
    file.create_virtual_dataset("m/a:0", layout)


def deep(file: Any) -> None:
    group = file
    for _ in range(1000):
        group = group.create_group("g")


def external(name: str) -> Callable[[Any], None]:
    return lambda file: file.create_dataset("m/a:0", shape=(3,), dtype="f4", external=[(name, 0, 12)])


def dataset(name: Any = "m/a:0", data: Any = None, **options: Any) -> Callable[[Any], None]:
    return lambda file: file.create_dataset(name, data=data, **options)


def two(one: str, other: str) -> Callable[[Any], None]:
    return lambda file: (file.create_dataset(one, data=np.zeros(2)), file.create_dataset(other, data=np.ones(2)))


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        pytest.param(dataset(data=np.zeros(16 * MEBI, "f4"), compression="gzip"), "compressed", id="gzip"),
        pytest.param(chunk_that_inflates, "compressed", id="inflates"),
        pytest.param(dataset(data=np.zeros(1024, "f4"), chunks=(1024,), shuffle=True), "in pieces", id="chunk"),
        pytest.param(dataset(shape=(1 << 40,), dtype="f4"), "incomplete", id="terabytes"),
        pytest.param(external("secret"), "in another file", id="external"),
        pytest.param(external("/etc/passwd"), "in another file", id="passwd"),
        pytest.param(virtual, "in another file", id="virtual"),
        pytest.param(links, "no tensor", id="links"),
        pytest.param(lambda file: None, "no tensor", id="empty"),
        pytest.param(deep, "nested more than 64 deep", id="deep"),
        pytest.param(dataset(data=["x"], dtype=h5py.string_dtype()), "dtype object", id="texts"),
        pytest.param(dataset(data=np.zeros(2, [("a", "f4"), ("b", "i4")])), "dtype", id="compound"),
        pytest.param(dataset(data=np.zeros(2, "c8")), "dtype complex64", id="complex"),
        pytest.param(dataset(data=np.zeros(2, ">f4")), "dtype >f4", id="big-endian"),
        pytest.param(dataset(data=h5py.Empty("f4")), "no shape", id="no-shape"),
        pytest.param(dataset(b"m/\xff\xfe:0", np.zeros(2)), "not UTF-8", id="no-utf8"),
        pytest.param(dataset("m/" + "a" * 5000, np.zeros(2)), "name has 5000 bytes", id="long-name"),
        pytest.param(dataset("m/:0", np.zeros(2)), "empty name", id="no-name"),
        pytest.param(two("m/a:0", "n/a:0"), "two tensors", id="twice"),
        pytest.param(two("m/a:0", "m/a:1"), "two tensors", id="twice-in-torch"),
        pytest.param(two("m/a/kernel:0", "m/a/weight:0"), "two tensors", id="two-meanings"),
    ],
)
def test_crafted_files_are_refused(make: Callable[[Any], None], expected: str, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "secret.h5", "w") as secret:
        secret.create_dataset("secret", data=np.ones(3, "f4"))
    (tmp_path / "secret").write_bytes(bytes(12))
    path = tmp_path / "tf_model.h5"
    with h5py.File(path, "w") as file:
        make(file)
    refused(path, expected)


def test_tensors_that_share_bytes_are_refused(
    tmp_path: Path, no_files_left: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let 200 tensors refer to the same megabyte."""
    path, count = tmp_path / "tf_model.h5", 1 << 18
    with h5py.File(path, "w") as file:
        first = file.create_dataset("m/0", data=np.ones(count, "f4")).id.get_offset()
        for number in range(1, 200):
            file.create_dataset(f"m/{number}", shape=(count,), dtype="f4")
    # The other tensors have no data yet, so their addresses are undefined: all ones.
    data = path.read_bytes()
    size = struct.pack("<Q", 4 * count)
    assert data.count(b"\xff" * 8 + size) == 199
    path.write_bytes(data.replace(b"\xff" * 8 + size, struct.pack("<Q", first) + size))
    with h5py.File(path) as file:
        assert file["m/199"][count - 1] == 1
    refused(path, "claim more bytes than it has")


def test_a_failing_child_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, child = tmp_path / "tf_model.h5", tmp_path / "child.py"
    path.write_bytes(WHOLE)
    monkeypatch.setattr(_hdf5, "_CHILD", child)
    for script, expected in [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "crashed"),
        ("import os; os.abort()", "crashed"),
        ("import ctypes; ctypes.string_at(0)", "crashed"),
        ("import sys; sys.exit('a reason\\nthe last')", "the last"),
        ("import os; os._exit(9)", "gave no reason"),
    ]:
        child.write_text(script)
        refused(path, expected)
    # An answer that is not complete does not mean that the file is damaged.
    answers = ["", "open(sys.argv[2], 'w')", "open(sys.argv[2], 'w').write('nonsense')", "print(8)"]
    for script in answers:
        child.write_text("import sys; " + script)
        with pytest.raises(FileError, match=r"cannot read .*tf_model\.h5: .* ended without its tensors") as caught:
            oxbert.load_weights(path)
        assert caught.value.action == "read"
    for executable in ("", None, "/nowhere/python", "/bin/true"):
        with monkeypatch.context() as patch, pytest.raises(FileError, match=r"set sys\.executable"):
            patch.setattr(sys, "executable", executable)
            oxbert.load_weights(path)
    monkeypatch.setattr(_hdf5, "_SECONDS", 1)
    child.write_text("import time; time.sleep(60)")
    refused(path, "more than 1 seconds")


def test_a_full_disk_raises_a_file_error(tmp_path: Path, no_files_left: Path) -> None:
    path = tmp_path / "tf_model.h5"
    path.write_bytes(WHOLE)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # A limit of the size of files acts like a full disk. The child inherits the limit.
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
    try:
        with pytest.raises(FileError, match="cannot write") as caught:
            oxbert.load_weights(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.errno == 27 and str(no_files_left) in caught.value.path


def test_model_folders_with_hostile_hdf5_are_refused(config: oxbert.ElectraConfig, tmp_path: Path) -> None:
    config.save_pretrained(tmp_path)
    path = tmp_path / "tf_model.h5"
    with h5py.File(path, "w") as file:
        links(file)
    with pytest.raises(WeightsFormatError, match=r"tf_model\.h5.*holds no tensor"):
        oxbert.ElectraModel.from_pretrained(tmp_path)
    path.write_bytes(WHOLE[:5000])
    with pytest.raises(WeightsFormatError, match=r"tf_model\.h5"):
        oxbert.AutoModel.from_pretrained(tmp_path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(oxbert.errors.MissingFileError):
        oxbert.ElectraModel.from_pretrained(tmp_path)
