"""Write files atomically, compute checksums, and report errors of files."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from oxbert._checks import require
from oxbert.errors import DataError, FileError, OxbertError

_BLOCK = 1 << 20

# `Path.is_dir` and its like raise if the system refuses the name itself, for its length or a null character. What a
# caller names is looked at with these, which return False: there is no such file.
exists, is_file, is_folder = os.path.exists, os.path.isfile, os.path.isdir


def damaged(path: os.PathLike[str] | str, reason: str, **place: int) -> DataError:
    """Return the error for a damaged data file, with the `line` or `record` if given."""
    where = "".join(f", {name} {number}" for name, number in place.items())
    return DataError(f"{path}{where}: {reason}", path=str(path), reason=reason, **place)


def arrow(module: str = "") -> Any:
    """Import `pyarrow`, or a module of it.

    Raises:
        MissingDependencyError: if `pyarrow` is not installed.
    """
    return require("pyarrow", module)


@contextmanager
def translate_os_errors(action: str, path: os.PathLike[str] | str) -> Iterator[None]:
    """Translate errors of the operating system into a `FileError` about a path.

    An `OSError` without a number comes from gzip or Arrow, about a bad file, and becomes a `DataError`.

    Args:
        action: `read` or `write`.
        path: The file.
    """
    try:
        yield
    except OxbertError:
        raise
    except OSError as error:
        reason = error.strerror or ", ".join(str(error).splitlines())
        if error.errno is None:
            raise damaged(path, f"cannot be {'read' if action == 'read' else 'written'}: {reason}") from error
        raise FileError(
            f"cannot {action} {path}: {reason}", path=str(path), action=action, errno=error.errno
        ) from error


def write_whole(path: Path, content: bytes) -> None:
    """Write a file atomically: either with all of its content, or not at all.

    Raises:
        FileError: if the file cannot be written.
    """
    with translate_os_errors("write", path):
        beside = path.with_name(f".{path.name}.new")
        try:
            with open(beside, "wb") as file:
                file.write(content)
            settle(beside, path)
        finally:
            beside.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove the files that a killed process was writing in a folder and below. No other process may write there."""
    for left in folder.rglob(".oxbert-*.tmp"):
        with suppress(OSError):
            left.unlink()


def settle(beside: Path, path: Path) -> None:
    """Sync a temporary file to the disk, and rename it to its final name."""
    for place in (beside, None, path.parent):
        if place is None:
            os.replace(beside, path)
            continue
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def checksum(path: Path, size: int | None = None) -> int:
    """Return the CRC-32 of a file, or of its first `size` bytes.

    Raises:
        FileError: if the file cannot be read.
    """
    value, left = 0, size
    with translate_os_errors("read", path), open(path, "rb") as file:
        while left is None or left > 0:
            block = file.read(_BLOCK if left is None else min(_BLOCK, left))
            if not block:
                break
            value = zlib.crc32(block, value)
            left = None if left is None else left - len(block)
    return value
