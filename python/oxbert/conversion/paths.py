"""Find the source and the target of a conversion."""

from __future__ import annotations

import os
import re
from pathlib import Path

from oxbert import _native
from oxbert._checks import refused
from oxbert._files import exists, is_file, is_folder
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
    if is_folder(path):
        others = [path / name for name in _native.WEIGHT_FILES if path / name != but]
        return next((other for other in others if other.is_file()), None) or _native.find_weights(path)
    if _SHARD.search(path.name):
        raise refused("source", f"expected an index or a folder, got {path}, one of several files of a checkpoint")
    if not exists(path) and not is_file(f"{path}.index"):
        raise MissingFileError(f"cannot open {path}: there is no such file", path=str(path))
    return path


def find_target(
    source: str | os.PathLike[str], output: str | os.PathLike[str] | None = None, to: WeightFormat | None = None
) -> tuple[Path, WeightFormat]:
    """Return the file to write, and its format.

    Args:
        source: A checkpoint, or the folder of one.
        output: A file, whose ending says its format, or a folder, which may be new if `to` is given; None means the
            folder of the source.
        to: One of `FORMATS`; None means the ending of the output, otherwise `ot`.

    Raises:
        InputError: if the format is unknown, or differs from that of the ending.
    """
    if to is not None and to not in FORMATS:
        raise refused("to", f"expected one of {', '.join(FORMATS)}, got {to!r}")
    path = Path(source)
    target = (path if is_folder(path) else path.parent) if output is None else Path(output)
    ending = next((known for known in FORMATS if target.suffix == f".{known}"), None)
    is_new = to is not None and not exists(target)
    if output is None or (ending is None and (is_folder(target) or is_new)):
        to = to or "ot"
        return target / FORMATS[to], to
    if ending is None:
        endings = ", .".join(FORMATS)
        reason = f"expected a folder (a new one needs `to`), or a name that ends in .{endings}, got {target}"
        raise refused("output", reason)
    if to not in (None, ending):
        raise refused("output", f"expected a name that ends in .{to}, got {target}")
    if is_folder(target):
        raise refused("output", f"expected a file, got the folder {target}")
    return target, ending
