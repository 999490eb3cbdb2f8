"""Write, list and read the checkpoints of a run: each complete and durable, or absent.

A checkpoint is a folder `step-00001000` with `parameters.safetensors`, `optimizer.safetensors` and `state.json`. It is
written under a temporary name, synced to the disk file by file, and renamed last, so that a folder with the final name
is complete.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from oxbert import load_weights, save_weights
from oxbert._files import damaged, translate_os_errors
from oxbert.errors import FileError

_NAME = re.compile(r"step-(\d{8,})")
_FIELDS = {"step": int, "skipped": int, "config": dict, "data": str}
_PARAMETERS, _OPTIMIZER, _STATE = "parameters.safetensors", "optimizer.safetensors", "state.json"


def list_checkpoints(folder: Path) -> list[tuple[int, Path]]:
    """Return the steps and folders of the checkpoints in a folder, the oldest first."""
    if not folder.is_dir():
        return []
    found = ((_NAME.fullmatch(path.name), path) for path in folder.iterdir())
    return sorted((int(match[1]), path) for match, path in found if match and (path / _STATE).is_file())


def write_checkpoint(
    folder: Path,
    step: int,
    parameters: Mapping[str, torch.Tensor],
    optimizer: Mapping[str, torch.Tensor],
    state: Mapping[str, Any],
    keep: int,
) -> Path:
    """Write a checkpoint, and delete the oldest of more than `keep`; 0 keeps all.

    Checkpoints of later steps belong to an abandoned run, and are deleted too.

    Raises:
        FileError: if a file cannot be written; the existing checkpoints stay as they were.
    """
    target = folder / f"step-{step:08d}"
    beside, old = (folder / f".step-{step:08d}-{os.getpid()}.{end}" for end in ("tmp", "old.tmp"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir()
        # `save_weights` returns once the file is on the disk.
        save_weights(dict(parameters), beside / _PARAMETERS)
        save_weights(dict(optimizer), beside / _OPTIMIZER)
        with open(beside / _STATE, "w", encoding="utf-8") as file:
            json.dump(dict(state), file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        _sync(beside)
        if target.exists():
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
    # Delete nothing before the new checkpoint is safe.
    found = list_checkpoints(folder)
    earlier = [path for number, path in found if number <= step]
    for path in [path for number, path in found if number > step] + (earlier[:-keep] if keep else []):
        shutil.rmtree(path, ignore_errors=True)
    for left in folder.glob(".step-*.tmp"):
        shutil.rmtree(left, ignore_errors=True)
    return target


def read_checkpoint(path: Path) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], dict[str, Any]]:
    """Return the parameters, the moments of the optimizer, and the state of a checkpoint.

    Raises:
        DataError: if the state is not that of a checkpoint.
        MissingFileError: if a file is missing.
        WeightsFormatError: if a file is damaged.
    """
    with translate_os_errors("read", path / _STATE):
        text = (path / _STATE).read_text(encoding="utf-8")
    try:
        state = json.loads(text)
    except ValueError as error:
        raise damaged(path / _STATE, f"expected JSON: {error}") from error
    for name, kind in _FIELDS.items():
        if not isinstance(state, dict) or not isinstance(state.get(name), kind):
            raise damaged(path / _STATE, f"expected {name}, which every checkpoint has")
    return load_weights(path / _PARAMETERS, "torch"), load_weights(path / _OPTIMIZER, "torch"), state


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
