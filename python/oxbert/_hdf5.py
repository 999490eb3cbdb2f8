"""`tf_model.h5`: taken apart by h5py in a process of its own.

The library below h5py is C and trusts what it reads, so a broken or hostile file can end the process. A child may end;
its exit status becomes an error here. The tensors come through a safetensors file, which is read as any other.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from oxbert.errors import FileError, MissingDependencyError, WeightsFormatError

_CHILD = Path(__file__).parent / "_isolated" / "hdf5.py"

# The child's exit status where `target` cannot be written.
_UNWRITABLE = 3

# A disk that is slower than this is taken for a file that makes the reader run in circles.
_BYTES_PER_SECOND = 5_000_000
_SECONDS = 60


def take_apart(path: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Write the tensors of an HDF5 file as safetensors, under their names there.

    Raises:
        FileError: `target` cannot be written.
        MissingDependencyError: h5py is not installed.
        WeightsFormatError: The file is broken, or is not one of weights.
    """
    if importlib.util.find_spec("h5py") is None:
        command = 'pip install "oxbert[h5]"'
        raise MissingDependencyError(
            f"{os.fspath(path)} is an HDF5 file, which needs h5py to be read; run: {command}",
            name="h5py",
            command=command,
        )
    seconds = _SECONDS + os.path.getsize(path) // _BYTES_PER_SECOND
    command_line = [sys.executable, str(_CHILD), os.fspath(path), os.fspath(target)]
    try:
        done = subprocess.run(command_line, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise _unreadable(path, f"reading it took more than {seconds} seconds") from None
    if done.returncode < 0:
        raise _unreadable(path, "it is damaged: the HDF5 library broke down over it")
    reason = (done.stderr.strip().splitlines() or ["the HDF5 library gave no reason"])[-1]
    if done.returncode == _UNWRITABLE:
        number, _, text = reason.partition(" ")
        where = os.fspath(target)
        raise FileError(f"cannot write {where}: {text}", action="write", path=where, errno=int(number))
    if done.returncode:
        raise _unreadable(path, reason)


def _unreadable(path: str | os.PathLike[str], why: str) -> WeightsFormatError:
    reason = f"this is an HDF5 file that cannot be read: {why}"
    message = f"{os.fspath(path)} is not a readable weight file: {reason}"
    return WeightsFormatError(message, path=os.fspath(path), reason=reason)
