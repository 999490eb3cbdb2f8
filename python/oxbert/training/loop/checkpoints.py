"""Write, list and read the checkpoints of a run: each complete and durable, or absent.

A checkpoint is a folder `step-00001000` with `parameters.safetensors`, `optimizer.safetensors`, `state.json` and the
files of the tokenizer, if there is one. It is written under a temporary name, synced to the disk file by file, and
renamed last, so that a folder with the final name is complete.

An update can ruin the weights without a sign in its own gradients: only those of the next step are infinite or NaN.
A checkpoint is therefore good when a later step has computed finite gradients. The newest good one is never deleted.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import torch

from oxbert import load_weights, save_weights
from oxbert._files import damaged, is_file, is_folder, translate_os_errors
from oxbert.errors import FileError

_NAME = re.compile(r"step-(\d{8,})")
_FIELDS = {"step": int, "skipped": int, "config": dict, "data": str}
_PARAMETERS, _OPTIMIZER, _STATE = "parameters.safetensors", "optimizer.safetensors", "state.json"


def list_checkpoints(folder: Path) -> list[tuple[int, Path]]:
    """Return the steps and folders of the checkpoints in a folder, the oldest first."""
    if not is_folder(folder):
        return []
    found = ((_NAME.fullmatch(path.name), path) for path in folder.iterdir())
    return sorted((int(match[1]), path) for match, path in found if match and is_checkpoint(path))


def is_checkpoint(path: str | os.PathLike[str]) -> bool:
    """Return whether a folder is a checkpoint."""
    return is_file(Path(path) / _STATE)


def is_run(path: str | os.PathLike[str]) -> bool:
    """Return whether a folder is a checkpoint, or that of a run with checkpoints."""
    return is_checkpoint(path) or bool(list_checkpoints(Path(path) / "checkpoints"))


class Checkpoints:
    """Hold the checkpoints of one run, and know which of them are good.

    Args:
        folder: The folder of the checkpoints.
        keep: How many of the newest are kept; 0 keeps all.

    Attributes:
        good: The step of the newest checkpoint from which a step with finite gradients was made; None if there is none.
        best: The step of a checkpoint that is kept whatever its age; None if there is none.
    """

    def __init__(self, folder: Path, keep: int) -> None:
        self._folder, self._keep = folder, keep
        self._steps: list[int] = []
        self.good: int | None = None
        self.best: int | None = None

    def resume(self, step: int, state: Mapping[str, Any]) -> None:
        """Take over the checkpoints up to a step, whose state is given."""
        self._steps = [number for number, _ in list_checkpoints(self._folder) if number <= step]
        # Earlier releases wrote no such entry.
        good = state.get("good", self._steps[-2] if len(self._steps) > 1 else None)
        self.good = good if good in self._steps else None

    @property
    def steps(self) -> list[int]:
        """Return the steps of the checkpoints of this run, the oldest first."""
        return list(self._steps)

    def prove(self) -> None:
        """Record that a step from the newest checkpoint, or a later one, had finite gradients."""
        if self._steps:
            self.good = self._steps[-1]

    def add(self, step: int) -> None:
        """Count a checkpoint as the newest, on this process or another one that wrote it."""
        self._steps = [number for number in self._steps if number < step] + [step]

    def path(self, step: int) -> Path:
        """Return the folder of the checkpoint of a step."""
        return self._folder / f"step-{step:08d}"

    def write(
        self,
        step: int,
        parameters: Mapping[str, torch.Tensor],
        optimizer: Mapping[str, torch.Tensor],
        state: Mapping[str, Any],
        files: Mapping[str, bytes],
    ) -> Path:
        """Write a checkpoint, and delete those of an abandoned run and the oldest of more than `keep`.

        Args:
            step: The number of steps that are done.
            parameters: The parameters by name.
            optimizer: The moments of the optimizer by name.
            state: All else that is needed to resume, as JSON values.
            files: More files by name.

        Raises:
            FileError: if a file cannot be written; the existing checkpoints stay as they were.
        """
        content = json.dumps({**state, "good": self.good}, indent=1).encode()
        target = _write(self.path(step), parameters, optimizer, {**files, _STATE: content})
        self.add(step)
        # Delete nothing before the new checkpoint is safe.
        self._delete_all_but({*self._steps[-self._keep :], self.good, self.best})
        for left in self._folder.glob(".step-*.tmp"):
            shutil.rmtree(left, ignore_errors=True)
        return target

    def delete_ruined(self) -> None:
        """Delete the checkpoints from which no step had finite gradients."""
        if self._steps:
            self._delete_all_but({step for step in self._steps if self.good is not None and step <= self.good})

    def _delete_all_but(self, kept: Collection[int | None]) -> None:
        for number, path in list_checkpoints(self._folder):
            if number not in kept:
                shutil.rmtree(path, ignore_errors=True)
        self._steps = [step for step in self._steps if step in kept]


def _write(
    target: Path,
    parameters: Mapping[str, torch.Tensor],
    optimizer: Mapping[str, torch.Tensor],
    files: Mapping[str, bytes],
) -> Path:
    folder = target.parent
    beside, old = (folder / f".{target.name}-{os.getpid()}.{end}" for end in ("tmp", "old.tmp"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir()
        # `save_weights` returns once the file is on the disk.
        save_weights(dict(parameters), beside / _PARAMETERS)
        save_weights(dict(optimizer), beside / _OPTIMIZER)
        for name, content in files.items():
            with open(beside / name, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        _sync(beside)
        if target.exists():
            # An earlier failure may have left it.
            shutil.rmtree(old, ignore_errors=True)
            target.rename(old)
        beside.rename(target)
        _sync(folder)
    except OSError as error:
        if old.exists() and not target.exists():
            old.rename(target)
        shutil.rmtree(beside, ignore_errors=True)
        if isinstance(error, FileError):
            raise
        message = f"cannot write the checkpoint {target}: {error.strerror or error}"
        raise FileError(message, path=str(target), action="write", errno=error.errno) from error
    return target


def read_state(path: Path) -> dict[str, Any]:
    """Return the state of a checkpoint.

    Raises:
        DataError: if the state is not that of a checkpoint.
        MissingFileError: if the file is missing.
    """
    with translate_os_errors("read", path / _STATE):
        text = (path / _STATE).read_text(encoding="utf-8")
    try:
        state: dict[str, Any] = json.loads(text)
    except ValueError as error:
        raise damaged(path / _STATE, f"expected JSON: {error}") from error
    for name, kind in _FIELDS.items():
        if not isinstance(state, dict) or not isinstance(state.get(name), kind):
            raise damaged(path / _STATE, f"expected {name}, which every checkpoint has")
    return state


def read_parameters(path: Path) -> dict[str, torch.Tensor]:
    """Return the parameters of a checkpoint.

    Raises:
        MissingFileError: if the file is missing.
        WeightsFormatError: if the file is damaged.
    """
    return load_weights(path / _PARAMETERS, "torch")


def read_moments(path: Path) -> dict[str, torch.Tensor]:
    """Return the moments of the optimizer of a checkpoint. The errors are those of `read_parameters`."""
    return load_weights(path / _OPTIMIZER, "torch")


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
