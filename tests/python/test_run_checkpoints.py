"""Test the checkpoints of a run: each is complete and on the disk, or absent, and a failure keeps the one before."""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from oxbert.errors import FileError
from oxbert.training.loop import checkpoints as module
from oxbert.training.loop.checkpoints import Checkpoints, list_checkpoints, read_moments, read_parameters, read_state

from .full_disk import small_files

FILES = {"optimizer.safetensors", "parameters.safetensors", "state.json", "vocab.txt"}


def write(checkpoints: Checkpoints, step: int, value: float = 0.0) -> Path:
    """Write a checkpoint whose files all depend on the step and the value."""
    weight = torch.full((30,), step + value)
    state = {"step": step, "skipped": 0, "config": {"value": value}, "data": "text"}
    return checkpoints.write(step, {"weight": weight}, {"exp_avg.weight": -weight}, state, {"vocab.txt": b"%f" % value})


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def steps(folder: Path) -> list[int]:
    return [step for step, _ in list_checkpoints(folder)]


def watch(patch: pytest.MonkeyPatch, call: Callable[[str, Any], None]) -> None:
    """Call a function before each operation that a checkpoint needs: its name, and the inode or the new name."""
    save, fsync, rename = module.save_weights, os.fsync, Path.rename

    def saved(tensors: Any, path: Path) -> None:
        call("save", path.name)
        save(tensors, path)

    def synced(descriptor: int) -> None:
        status = os.fstat(descriptor)
        call("sync", (status.st_ino, status.st_size))
        fsync(descriptor)

    def renamed(path: Path, target: Path) -> Path:
        call("rename", target.name)
        return rename(path, target)

    patch.setattr(module, "save_weights", saved)
    patch.setattr(os, "fsync", synced)
    patch.setattr(Path, "rename", renamed)


@pytest.mark.parametrize("is_rewritten", [False, True])
def test_a_checkpoint_is_synced_before_and_after_its_rename(
    is_rewritten: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoints = Checkpoints(tmp_path, keep=1)
    if is_rewritten:
        write(checkpoints, 3)
    events: list[tuple[str, Any]] = []
    watch(monkeypatch, lambda *event: events.append(event))
    path = write(checkpoints, 3, 0.5)
    # A rename changes no inode. A file is synced with its last byte.
    files = [path / "vocab.txt", path / "state.json", path]
    synced = [("sync", (file.stat().st_ino, file.stat().st_size)) for file in files]
    kind, (inode, _) = events.pop()
    assert (kind, inode) == ("sync", tmp_path.stat().st_ino)
    # `save_weights` syncs its own files.
    saved = [("save", "parameters.safetensors"), ("save", "optimizer.safetensors")]
    aside = [("rename", f".{path.name}-{os.getpid()}.old.tmp")] * is_rewritten
    assert events == [*saved, *synced, *aside, ("rename", path.name)]
    assert content(path).keys() == FILES and os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("step", [3, 6])
def test_a_failed_checkpoint_keeps_the_one_before(step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for fatal in itertools.count():
        folder = tmp_path / str(fatal)
        checkpoints = Checkpoints(folder, keep=1)
        before = content(write(checkpoints, 3))
        counter = itertools.count()

        def fail(kind: str, _: Any, counter: itertools.count[int] = counter, fatal: int = fatal) -> None:
            if next(counter) == fatal:
                raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            watch(patch, fail)
            try:
                write(checkpoints, step, 0.5)
            except FileError as error:
                caught = error
            else:
                break
        path = folder / f"step-{step:08d}"
        assert (caught.errno, caught.action, caught.path) == (errno.ENOSPC, "write", str(path))
        # The last operation syncs the folder, when the new checkpoint has its name already.
        is_last = next(counter) == fatal + 1 and path.is_dir() and content(path) != before
        assert steps(folder) == sorted({3, step} if is_last else {3})
        assert (content(folder / "step-00000003") == before) is not (is_last and step == 3)
        if not is_last:
            assert os.listdir(folder) == ["step-00000003"]
        # The same process tries again, and nothing is left of the failure.
        write(checkpoints, step, 0.5)
        assert os.listdir(folder) == [path.name]
    # 2 files of weights, 2 more files, the folder, the rename and its folder; an old checkpoint is moved first.
    assert fatal == 7 + (step == 3)


def test_a_full_disk_keeps_the_checkpoint_before(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, keep=1)
    before = content(write(checkpoints, 3))
    sizes = sorted(map(len, before.values()))
    for limit in range(0, sizes[-1], 7):
        with small_files(limit), pytest.raises(FileError, match="cannot write") as caught:
            write(checkpoints, 6)
        assert caught.value.errno == errno.EFBIG and str(tmp_path) in str(caught.value)
        assert os.listdir(tmp_path) == ["step-00000003"] and content(tmp_path / "step-00000003") == before
    path = write(checkpoints, 6)
    assert torch.equal(read_parameters(path)["weight"], -read_moments(path)["exp_avg.weight"])
    assert read_state(path)["step"] == 6 and os.listdir(tmp_path) == [path.name]
