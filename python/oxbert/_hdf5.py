"""Convert `tf_model.h5` by h5py in a child process.

The C library below h5py trusts the file, so a broken or hostile one can crash the process. If the child crashes, its
exit status becomes an error here. The tensors are passed in a safetensors file, which is read like any other.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

from oxbert.errors import FileError, MissingDependencyError, WeightsFormatError

_CHILD = Path(__file__).parent / "_isolated" / "hdf5.py"

# The child's exit status if `target` cannot be written.
_UNWRITABLE = 3

# A file that is read more slowly than this is assumed to keep the reader in an endless loop.
_BYTES_PER_SECOND = 5_000_000
_SECONDS = 60


def take_apart(path: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Write the tensors of an HDF5 file as safetensors, under their names in the file.

    Raises:
        FileError: if `target` cannot be written, or `sys.executable` does not run.
        MissingDependencyError: if h5py is not installed.
        WeightsFormatError: if the file is broken, or is no weight file.
    """
    if importlib.util.find_spec("h5py") is None:
        command = 'pip install "oxbert[h5]"'
        raise MissingDependencyError(
            f"{os.fspath(path)} is an HDF5 file, which needs h5py to be read; run: {command}",
            name="h5py",
            command=command,
        )
    seconds = _SECONDS + os.path.getsize(path) // _BYTES_PER_SECOND
    # A program that embeds Python may have no interpreter, or another program in its place.
    command_line = [sys.executable or "", str(_CHILD), os.fspath(path), os.fspath(target)]
    try:
        done = subprocess.run(command_line, capture_output=True, text=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        raise _unreadable(path, f"reading it took more than {seconds} seconds") from None
    except OSError as error:
        raise _unanswered(path) from error
    if done.returncode < 0:
        raise _unreadable(path, "the file is damaged: the HDF5 library crashed")
    reason = (done.stderr.strip().splitlines() or ["the HDF5 library gave no reason"])[-1]
    if done.returncode == _UNWRITABLE:
        number, _, text = reason.partition(" ")
        where = os.fspath(target)
        raise FileError(f"cannot write {where}: {text}", action="write", path=where, errno=int(number))
    if done.returncode:
        raise _unreadable(path, reason)
    size = os.path.getsize(target) if os.path.exists(target) else 0
    if done.stdout.split()[-1:] != [str(size)]:
        raise _unanswered(path)


def _unanswered(path: str | os.PathLike[str]) -> FileError:
    return FileError(
        f"cannot read {os.fspath(path)}: h5py runs in a process of its own, and {sys.executable!r} ended without its "
        "tensors; set sys.executable to the Python interpreter, or run `oxbert convert` outside this program",
        action="read",
        path=os.fspath(path),
    )


def _unreadable(path: str | os.PathLike[str], why: str) -> WeightsFormatError:
    reason = f"the HDF5 library cannot read the file: {why}"
    message = f"{os.fspath(path)} is not a readable weight file: {reason}"
    return WeightsFormatError(message, path=os.fspath(path), reason=reason)
