"""Find the source and the target of a conversion."""

from __future__ import annotations

import os
import re
from pathlib import Path

from oxbert import _native
from oxbert._checks import refused
from oxbert._types import WeightFormat
from oxbert.conversion.options import FORMATS
from oxbert.errors import MissingFileError

# One of several files of a checkpoint, which is opened through their index.
_SHARD = re.compile(r"-\d{5}-of-(?!00001)\d{5}\.")


def find_weights(source: str | os.PathLike[str], *, but: Path | None = None) -> Path:
    """Return the checkpoint at a path, or the best one if the path is a folder.

    Args:
        source: The path; a checkpoint of TensorFlow may lack its ending `.index`.
        but: The file to be written, which is the source only if there is no other.

    Raises:
        MissingFileError: if there is no such path, or the folder has no weights.
        InputError: if the path is one of several files of a checkpoint.
    """
    path = Path(source)
    if path.is_dir():
        others = [path / name for name in _native.WEIGHT_FILES if path / name != but]
        return next((other for other in others if other.is_file()), None) or _native.find_weights(path)
    if _SHARD.search(path.name):
        raise refused("source", f"expected an index or a folder, got {path}, one of several files of a checkpoint")
    if not path.exists() and not path.with_name(f"{path.name}.index").is_file():
        raise MissingFileError(f"cannot open {path}: there is no such file", path=str(path))
    return path


def find_target(
    source: str | os.PathLike[str], output: str | os.PathLike[str] | None = None, to: WeightFormat | None = None
) -> tuple[Path, WeightFormat]:
    """Return the file to write, and its format.

    Args:
        source: A checkpoint, or the folder of one.
        output: A file, whose ending says its format, or a folder; None means the folder of the source.
        to: One of `FORMATS`; None means the ending of the output, otherwise `ot`.

    Raises:
        InputError: if the format is unknown, or differs from that of the ending.
    """
    if to is not None and to not in FORMATS:
        raise refused("to", f"expected one of {', '.join(FORMATS)}, got {to!r}")
    path = Path(source)
    target = (path if path.is_dir() else path.parent) if output is None else Path(output)
    ending = next((known for known in FORMATS if target.suffix == f".{known}"), None)
    if output is None or (ending is None and target.is_dir()):
        to = to or "ot"
        return target / FORMATS[to], to
    if ending is None:
        raise refused("output", f"expected a folder, or a name that ends in .{', .'.join(FORMATS)}, got {target}")
    if to not in (None, ending):
        raise refused("output", f"expected a name that ends in .{to}, got {target}")
    if target.is_dir():
        raise refused("output", f"expected a file, got the folder {target}")
    return target, ending
