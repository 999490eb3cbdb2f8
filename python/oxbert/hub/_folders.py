"""Find a model folder by its name: a path, a model that ships with the package, or a repository of the hub."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from typing_extensions import Unpack

from oxbert._files import is_folder
from oxbert._types import HubKeywords, Need, PathLike
from oxbert.errors import DtypeError, HubAccessError, HubError, HubNotFoundError, HubOfflineError, MissingFileError
from oxbert.hub._download import WEIGHTS, fetch, is_repo_id
from oxbert.hub._options import HubOptions

_BUNDLED = Path(__file__).parents[1] / "bundled"


def bundled() -> list[str]:
    """Return the names of the models that ship with the package, sorted.

    Example:
        >>> bundled()
        ['electra-tiny-discriminator', 'electra-tiny-generator']
    """
    if not _BUNDLED.is_dir():
        return []
    return sorted(path.name for path in _BUNDLED.iterdir() if (path / "config.json").is_file())


def find(
    name: PathLike,
    needs: Need | Iterable[Need] = "config",
    *,
    optional: Need | Iterable[Need] = (),
    weights: Sequence[str] = WEIGHTS,
    **options: Unpack[HubKeywords],
) -> Path:
    """Return the local folder of a model, after fetching what is needed if it is on the hub.

    Args:
        name: A path, the name of a bundled model, or the id of a repository. A `Path` object is never an id.
        needs: The kinds of files that are needed of a repository; see `oxbert.hub.download`.
        optional: The kinds of files that are also fetched, from the same commit, if the repository has them.
        weights: As for `oxbert.hub.download`.
        options: The fields of `oxbert.hub.HubOptions`. A folder that is not from the hub uses only `subfolder`.

    Raises:
        MissingFileError: if there is no such folder and the name is not a repository id, or the repository lacks a
            needed file.
        HubError: if the repository cannot be fetched: `HubNotFoundError`, `HubAccessError`, `HubOfflineError`.
        DtypeError: if the name or an option has the wrong type.
        InputError: if an option has an impossible value.

    Example:
        >>> find("electra-tiny-generator").name
        'electra-tiny-generator'
    """
    checked = HubOptions(**options)
    # The name comes from callers of `from_pretrained` whose types nothing may have checked.
    text: object = os.fspath(name) if isinstance(name, os.PathLike) else name
    if not isinstance(text, str):
        expected, got = "a string or a path", type(name).__name__
        raise DtypeError(f"the model folder: expected {expected}, got {got}", what="folder", expected=expected, got=got)
    folder = Path(text)
    if text and is_folder(folder):
        if isinstance(name, str) and not any(folder.iterdir()) and (text in bundled() or is_repo_id(name)):
            hidden = f"bundled model {text}" if text in bundled() else f"repository {text} of the hub"
            raise MissingFileError(
                f"the folder {text} is empty and hides the {hidden}; remove the folder, or name another one",
                folder=text,
                wanted="a model folder",
                found=[],
            )
        return _below(folder, checked.subfolder)
    found = bundled()
    if text in found:
        return _below(_BUNDLED / text, checked.subfolder)
    # `Path("./a/b")` becomes `a/b`, without the dot that distinguishes a path from an id.
    if not isinstance(name, str) or not is_repo_id(name):
        raise MissingFileError(
            f"{text!r} is neither a folder, nor a bundled model, nor the id of a repository of the hub; "
            f"bundled models: {', '.join(found)}",
            folder=text,
            wanted="a model folder",
            found=found,
        )
    try:
        return fetch(name, needs, checked, optional=optional, weights=weights)
    except HubError as error:
        if not isinstance(error, HubAccessError):
            # The name may be a mistyped folder or bundled model.
            known = f"; bundled models: {', '.join(found)}" if "/" not in name else ""
            is_said = isinstance(error, HubNotFoundError | HubOfflineError)
            absent = "" if is_said else f"; there is no folder {text} either"
            error.args = (f"{error}{absent}{known}",)
        raise


def _below(folder: Path, subfolder: str | None) -> Path:
    if not subfolder:
        return folder
    if not is_folder(folder / subfolder):
        found = sorted(path.name for path in folder.iterdir())
        raise MissingFileError(
            f"{folder} has no folder {subfolder}; it holds: {', '.join(found) or 'nothing'}",
            folder=str(folder),
            wanted=f"folder {subfolder}",
            found=found,
        )
    return folder / subfolder
