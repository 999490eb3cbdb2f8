"""Model folders by name: a path of this machine, or one of the models that ship with the package."""

from __future__ import annotations

import os
from pathlib import Path

from oxbert.errors import MissingFileError

_BUNDLED = Path(__file__).parent / "bundled"


def bundled() -> list[str]:
    """The names of the models that ship with the package.

    Example:
        >>> bundled()
        ['electra-tiny-discriminator', 'electra-tiny-generator']
    """
    if not _BUNDLED.is_dir():
        return []
    return sorted(path.name for path in _BUNDLED.iterdir() if (path / "config.json").is_file())


def find(name: str | os.PathLike[str]) -> Path:
    """The folder of that path, or of the bundled model of that name; a folder that exists comes first.

    Raises:
        MissingFileError: There is neither.
    """
    folder = Path(name)
    if folder.is_dir():
        return folder
    if str(name) in bundled():
        return _BUNDLED / str(name)
    found = bundled()
    raise MissingFileError(
        f"{os.fspath(name)!r} is neither a folder nor a bundled model; bundled are: {', '.join(found)}",
        folder=os.fspath(name),
        wanted="a model folder",
        found=found,
    )
