"""Model folders by name: a path of this machine, a model that ships with the package, or a repository of the hub."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from oxbert import hub
from oxbert.errors import DtypeError, HubNotFoundError, HubOfflineError, MissingFileError

_BUNDLED = Path(__file__).parents[1] / "bundled"


def bundled() -> list[str]:
    """The names of the models that ship with the package.

    Example:
        >>> bundled()
        ['electra-tiny-discriminator', 'electra-tiny-generator']
    """
    if not _BUNDLED.is_dir():
        return []
    return sorted(path.name for path in _BUNDLED.iterdir() if (path / "config.json").is_file())


def find(
    name: str | os.PathLike[str],
    needs: hub.Need | Iterable[hub.Need] = "config",
    *,
    weights: Sequence[str] = hub.WEIGHTS,
    revision: str | None = None,
    subfolder: str | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    local_files_only: bool = False,
    force_download: bool = False,
    token: str | bool | None = None,
) -> Path:
    """The folder of that path, or of the bundled model or else the repository of that name.

    Args:
        name: A text, or a path. A path is never taken for a repository.
        needs: What the folder must hold when it comes from the hub; see `oxbert.hub.download`.
        weights: As for `oxbert.hub.download`.
        revision: As for `oxbert.hub.HubOptions`. What is not from the hub has none.
        subfolder: A folder below the one that is named.
        cache_dir: As for `oxbert.hub.HubOptions`, as all that follows.
        local_files_only: Open no connection.
        force_download: Fetch again what is cached.
        token: An access token.

    Raises:
        MissingFileError: There is none, and the name is no id of a repository; or the repository lacks what is needed.
        HubError: The repository cannot be had: `HubNotFoundError`, `HubAccessError`, `HubOfflineError` and others.
        DtypeError: The name or an option is of another type.
        InputError: An option has an impossible value.

    Example:
        >>> find("electra-tiny-generator").name
        'electra-tiny-generator'
    """
    options = hub.HubOptions(revision, subfolder, cache_dir, local_files_only, force_download, token)
    # It comes from whoever calls `from_pretrained`.
    text: object = os.fspath(name) if isinstance(name, os.PathLike) else name
    if not isinstance(text, str):
        expected, got = "a text or a path", type(name).__name__
        raise DtypeError(f"the model folder: expected {expected}, got {got}", what="folder", expected=expected, got=got)
    folder = Path(text)
    if text and folder.is_dir():
        return _below(folder, subfolder)
    found = bundled()
    if text in found:
        return _below(_BUNDLED / text, subfolder)
    # A path has lost what tells it from an id: `Path("./a/b")` is `a/b`.
    if not isinstance(name, str) or not hub.is_repo_id(name):
        raise MissingFileError(
            f"{text!r} is neither a folder, nor a bundled model, nor the id of a repository of the hub; "
            f"bundled are: {', '.join(found)}",
            folder=text,
            wanted="a model folder",
            found=found,
        )
    try:
        return hub.download(name, needs, options, weights=weights)
    except (HubNotFoundError, HubOfflineError) as error:
        if "/" not in name:
            # It can be a mistyped name of a bundled model as well.
            error.args = (f"{error}; bundled are: {', '.join(found)}",)
        raise


def _below(folder: Path, subfolder: str | None) -> Path:
    if not subfolder:
        return folder
    if not (folder / subfolder).is_dir():
        found = sorted(path.name for path in folder.iterdir())
        raise MissingFileError(
            f"{folder} has no folder {subfolder}; it holds: {', '.join(found) or 'nothing'}",
            folder=str(folder),
            wanted=f"folder {subfolder}",
            found=found,
        )
    return folder / subfolder
