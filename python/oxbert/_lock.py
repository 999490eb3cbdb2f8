"""Lock the folder that a run writes to against a second run."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from oxbert._checks import refused
from oxbert._files import translate_os_errors

LOCK = "lock"
"""The name of the locked file."""


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Lock the folder that contains a folder against other writers.

    The system releases the lock when the process ends, however it ends. The inner folder disappears with the lock if
    there is nothing else in it.

    Args:
        folder: The inner folder, which holds the lock.

    Raises:
        InputError: if another process is writing to the folder.
        FileError: if the folder cannot be written to.
    """
    path = folder / LOCK
    with translate_os_errors("write", path):
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_free = path.exists() and path.stat().st_ino == os.fstat(handle).st_ino
        except BlockingIOError:
            is_free = False
        if not is_free:
            # The other process may also have finished just now, and deleted its lock.
            raise refused("folder", f"another process is writing to {folder.parent}")
        try:
            yield
        finally:
            # Leave no folder behind if there is nothing to resume from.
            if folder.exists() and [entry.name for entry in folder.iterdir()] == [LOCK]:
                shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(handle)
