"""Find, open and write files of any file system that pyarrow knows."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path
from typing import Any

from oxbert._checks import refused, require
from oxbert._files import damaged, settle, translate_os_errors
from oxbert._types import PathLike
from oxbert.errors import OxbertError


@dataclass(frozen=True)
class Place:
    """Name a file or a folder of any file system.

    Attributes:
        system: A `pyarrow.fs.FileSystem`.
        path: The path in it.
    """

    system: Any
    path: str

    def __truediv__(self, name: str) -> Place:
        return Place(self.system, f"{self.path.rstrip('/')}/{name}")

    @property
    def is_local(self) -> bool:
        """Return whether the file system is this machine's."""
        return bool(self.system.type_name == "local")


def locate(path: PathLike) -> Place:
    """Return the place of a path, or of a uri that `pyarrow.fs.FileSystem.from_uri` knows, such as `s3://bucket/key`."""
    fs = require("pyarrow", "fs", extra="ray")
    text = os.fspath(path)
    if "://" not in text:
        return Place(fs.LocalFileSystem(), os.path.abspath(text))
    try:
        return Place(*fs.FileSystem.from_uri(text))
    except (ValueError, NotImplementedError) as error:
        raise refused("path", f"expected a path or a uri of a known kind, got {text!r}: {error}") from error


def find_inputs(inputs: PathLike | Sequence[PathLike]) -> list[Place]:
    """Return the Parquet files of paths, uris, patterns of paths, and folders, with their subfolders, in order.

    Raises:
        InputError: if there is none, or a path does not exist.
    """
    fs = require("pyarrow", "fs", extra="ray")
    places = []
    for given in [inputs] if isinstance(inputs, str | os.PathLike) else inputs:
        text = os.fspath(given)
        is_pattern = "://" not in text and has_magic(text) and not os.path.exists(text)
        for one in sorted(glob(text, recursive=True)) if is_pattern else [text]:
            place = locate(one)
            with translate_os_errors("read", one):
                info = place.system.get_file_info(place.path)
                if info.type == fs.FileType.NotFound:
                    raise refused("inputs", f"there is no file or folder {one}")
                if info.type == fs.FileType.Directory:
                    places += _files_in(fs, place)
                else:
                    places.append(place)
    if not places:
        raise refused("inputs", f"expected Parquet files, found none in {inputs!r}")
    return places


def _files_in(fs: Any, folder: Place) -> list[Place]:
    found = folder.system.get_file_info(fs.FileSelector(folder.path, recursive=True))
    start = len(folder.path.rstrip("/")) + 1
    names = sorted(
        info.path
        for info in found
        if info.type == fs.FileType.File
        and info.path.endswith(".parquet")
        # As Spark and Ray do, since programs keep their own files under such names.
        and not any(step.startswith(("_", ".")) for step in info.path[start:].split("/"))
    )
    return [Place(folder.system, name) for name in names]


class opened:
    """Open a Parquet file; a file that is none is a `DataError`, which names it."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._file: Any = None

    def __enter__(self) -> Any:
        pa, parquet = require("pyarrow", extra="ray"), require("pyarrow", "parquet", extra="ray")
        path = self._place.path
        with translate_os_errors("read", path):
            self._file = self._place.system.open_input_file(path)
            try:
                return parquet.ParquetFile(self._file)
            except pa.ArrowInvalid as error:
                self._file.close()
                raise damaged(path, f"expected Parquet: {error}") from error

    def __exit__(self, *error: object) -> None:
        self._file.close()


def write_whole(folder: Place, name: str, fill: Callable[[Any], Any]) -> None:
    """Write a file that appears when it is complete.

    Args:
        folder: The folder.
        name: The name of the file. Until it is complete, the file has another one, which begins with `.part-`.
        fill: Writes the content to the open file.

    Raises:
        FileError: if the file cannot be written.
    """
    # A name of its own for each writer: one that Ray believes dead may still be writing.
    stem = name if name.startswith("part-") else f"part-{name}"
    beside, target = folder / f".{stem}.{uuid.uuid4().hex}.new", folder / name
    system = folder.system
    with translate_os_errors("write", target.path):
        try:
            with system.open_output_stream(beside.path) as sink:
                fill(sink)
            if folder.is_local:
                settle(Path(beside.path), Path(target.path))
            else:
                # A store of objects copies and deletes, and a copy appears when it is complete.
                system.move(beside.path, target.path)
        except BaseException:
            with suppress(OSError, OxbertError):
                system.delete_file(beside.path)
            raise


__all__ = ["Place", "find_inputs", "locate", "opened", "write_whole"]
