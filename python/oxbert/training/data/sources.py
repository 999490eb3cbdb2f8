"""Find the files of a corpus from paths, folders and patterns, always in the same order."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from oxbert._checks import refused
from oxbert._files import exists, is_folder, translate_os_errors
from oxbert._paths import find_sources
from oxbert._types import Documents, TextFormat
from oxbert.errors import MissingFileError

DOCUMENTS: tuple[Documents, ...] = get_args(Documents)
"""What ends a document of a text file: a blank line, the end of the file alone, or the end of each line."""

Sources = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
"""Files, folders, and patterns of them (`corpus/*.jsonl.gz`): one, or several."""

_RECORDS = (".jsonl", ".ndjson", ".json")
# Endings of files that would otherwise be read as text, up to the first byte that is not UTF-8.
_UNREADABLE = (".zst", ".bz2", ".xz", ".lz4", ".zip", ".tar", ".tgz", ".7z", ".rar", ".arrow", ".tfrecord", ".npy")


@dataclass(frozen=True)
class TextFile:
    """Describe a file with documents.

    Attributes:
        path: The path of the file.
        format: `text`, one sentence per line; `jsonl`, one JSON object per line; or `parquet`.
        is_gzip: Whether the file is compressed with gzip.
        size: The size on the disk in bytes.
        changed: The time of the last change in nanoseconds.
    """

    path: Path
    format: TextFormat
    is_gzip: bool
    size: int
    changed: int


def find_files(sources: Sources, *, without: Path | None = None) -> list[TextFile]:
    """Return the files of a corpus: those of the first source, then those of the second, each once.

    The ending says the format: `.jsonl`, `.ndjson` and `.json` are JSON lines, `.parquet` is Parquet, everything else
    is text, and `.gz` may follow. A folder stands for all files in it and in its subfolders, in the order of their
    paths, without files and folders whose name begins with a dot.

    Args:
        sources: Files, folders or patterns.
        without: A folder whose files are left out.

    Raises:
        MissingFileError: if there is no such file.
        InputError: if there is no file at all, or one has an unknown format.
        FileError: if a folder cannot be read.
    """
    given = [sources] if isinstance(sources, str | os.PathLike) else list(sources)
    found: dict[Path, None] = {}
    for source in find_sources([os.fspath(source) for source in given]):
        path = Path(source)
        if not exists(path):
            raise MissingFileError(f"cannot open {path}: there is no such file", path=str(path))
        found.update(dict.fromkeys(_below(path) if is_folder(path) else [path]))
    if without is not None:
        folder = without.resolve()
        found = {path: None for path in found if not path.resolve().is_relative_to(folder)}
    if not found:
        raise refused("sources", f"expected files with text, found none in {', '.join(map(str, given)) or 'no source'}")
    return [_describe(path) for path in found]


def _below(folder: Path) -> Iterable[Path]:
    found: list[Path] = []
    with translate_os_errors("read", folder):
        for place, folders, names in os.walk(folder, onerror=_fail):
            folders[:] = [name for name in folders if not name.startswith(".")]
            found.extend(Path(place, name) for name in names if not name.startswith("."))
    return sorted(found, key=lambda path: path.relative_to(folder).parts)


def _fail(error: OSError) -> None:
    raise error


def _describe(path: Path) -> TextFile:
    name = path.name.lower()
    is_gzip = name.endswith(".gz")
    name = name.removesuffix(".gz")
    if name.endswith(_UNREADABLE) or (is_gzip and name.endswith(".parquet")):
        raise refused("sources", f"expected text, JSON lines or Parquet, with or without .gz at the end, got {path}")
    with translate_os_errors("read", path):
        status = path.stat()
    kind: TextFormat = "text"
    if name.endswith(_RECORDS):
        kind = "jsonl"
    elif name.endswith(".parquet"):
        kind = "parquet"
    return TextFile(path, kind, is_gzip, status.st_size, status.st_mtime_ns)
