"""Hostile files, in a process of their own: none may kill it, run anything, or take more memory than it has bytes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import oxbert
from oxbert.errors import WeightsFormatError

HOSTILE = """
import pathlib, random, resource, sys, warnings
import oxbert
from oxbert.errors import OxbertError

warnings.simplefilter("ignore")
folder, kind = pathlib.Path(sys.argv[1]), sys.argv[2]
whole = (folder / f"whole.{kind}").read_bytes()
path = folder / f"broken.{kind}"
random.seed(0)
limit = 8 << 30
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

def broken():
    step = max(1, len(whole) // 60)
    for length in [*range(0, len(whole), step), *range(0, 70, 7), *range(len(whole) - 80, len(whole), 7)]:
        yield whole[:length]
    for _ in range(250):
        data = bytearray(whole)
        for _ in range(random.choice([1, 1, 2, 8])):
            # Structure is at both ends and around the headers of records; tensors are in between.
            place = random.choice([random.randrange(len(data)), random.randrange(min(400, len(data))),
                                   len(data) - 1 - random.randrange(min(600, len(data)))])
            data[place] = random.choice([0, 255, data[place] ^ (1 << random.randrange(8)), random.randrange(256)])
        yield bytes(data)
    for length in [1, 8, 30, 1000]:
        yield random.randbytes(length)
        yield whole[:8] + random.randbytes(length)
    yield whole * 2
    yield whole + random.randbytes(50)
    yield random.randbytes(50) + whole

refused = read = 0
for data in broken():
    path.write_bytes(data)
    try:
        oxbert.load_weights(path)
        read += 1
    except OxbertError as error:
        assert isinstance(error, oxbert.errors.WeightsFormatError), repr(error)
        assert path.name in str(error) and error.reason, str(error)
        refused += 1
print(refused, read)
"""


def run(script: str, *arguments: Any, timeout: float = 60) -> str:
    """Runs a script; fails where it dies, by a signal above all."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stderr[-3000:]}"
    assert "panicked" not in done.stderr, done.stderr[-3000:]
    return done.stdout


@pytest.mark.parametrize("kind", ["ot", "safetensors", "bin"])
def test_broken_files_are_errors_and_nothing_worse(kind: str, tmp_path: Path) -> None:
    tensors = {"a.weight": torch.randn(5, 7), "a.bias": torch.randn(5), "b": torch.arange(3)}
    if kind == "bin":
        torch.save(tensors, tmp_path / "whole.bin")
    else:
        oxbert.save_weights(tensors, tmp_path / f"whole.{kind}")
    refused, read = map(int, run(HOSTILE, tmp_path, kind).split())
    # A changed byte of a tensor is another number where the format has no checksum, so some are read.
    assert refused > 100
    assert read < 260


def test_a_pickle_that_runs_code_is_refused(tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> tuple[Any, ...]:
            import os

            return os.system, (f"touch {tmp_path / 'ran'}",)

    torch.save({"a": Payload()}, tmp_path / "weights.bin")
    for name in ["weights.bin", "rust_model.ot", "model.safetensors"]:
        (tmp_path / name).write_bytes((tmp_path / "weights.bin").read_bytes())
        with pytest.raises(WeightsFormatError):
            oxbert.load_weights(tmp_path / name)
    import pickle

    for name in ["weights.bin", "rust_model.ot", "model.safetensors"]:
        (tmp_path / name).write_bytes(pickle.dumps(Payload()))
        with pytest.raises(WeightsFormatError):
            oxbert.load_weights(tmp_path / name)
    assert not (tmp_path / "ran").exists()


def test_a_small_file_cannot_ask_for_much_memory(tmp_path: Path) -> None:
    import zipfile

    with zipfile.ZipFile(tmp_path / "bomb.ot", "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("model/data.pkl", b"\\0" * (200 << 20))
        bomb.writestr("model/version", b"3\n")
    header = json.dumps({"a": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}}).encode()
    (tmp_path / "bomb.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    (tmp_path / "long.safetensors").write_bytes((100 << 20).to_bytes(8, "little") + b"{")
    script = """
import pathlib, resource, sys
import oxbert
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in pathlib.Path(sys.argv[1]).iterdir():
    try:
        oxbert.load_weights(path)
    except oxbert.errors.WeightsFormatError as error:
        print(path.name, error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    *lines, grown = run(script, tmp_path).splitlines()
    assert len(lines) == 3, lines
    assert int(grown) < 100, "MiB"


def test_foreign_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "rust_model.ot"
    for content, expected in [
        (b"", "empty"),
        (b"\x89HDF\r\n\x1a\n....", "HDF5"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"<!DOCTYPE html>", "web page"),
    ]:
        path.write_bytes(content)
        with pytest.raises(WeightsFormatError, match=expected) as caught:
            oxbert.load_weights(path)
        assert Path(caught.value.path) == path and expected in caught.value.reason
