"""Choose the writer of an output by its format."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from oxbert._checks import refused
from oxbert._fields import Fields
from oxbert.cli._arrays import Columns, Vectors
from oxbert.cli._writing import CsvLines, JsonLines, Writer

OutputFormat = Literal["jsonl", "csv", "parquet", "arrow", "npy"]
_ENDINGS: dict[str, OutputFormat] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".npy": "npy",
}


def find_output_format(path: Path) -> OutputFormat:
    """Return the format that the ending of a path says.

    Raises:
        InputError: if the ending says none.
    """
    kind = _ENDINGS.get(path.suffix.lower())
    if kind is None:
        raise refused("--output", f"expected one of {', '.join(_ENDINGS)} at the end of {path}, or --format")
    return kind


def open_writer(path: Path, kind: OutputFormat, fields: Fields) -> Writer:
    """Return the writer of a format.

    Raises:
        InputError: if the format has no room for the fields.
        MissingDependencyError: if the format needs pyarrow, which is not installed.
    """
    if kind == "jsonl":
        return JsonLines(path, fields)
    if kind == "csv":
        return CsvLines(path, fields)
    if kind == "npy":
        return Vectors(path, fields)
    return Columns(path, fields, kind)


__all__ = ["OutputFormat", "find_output_format", "open_writer"]
