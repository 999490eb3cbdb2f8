"""Download what is needed of a repository of the hub, all of one commit."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import get_args

from oxbert import _native
from oxbert._checks import check_type, refused
from oxbert._types import Need
from oxbert.errors import HubAccessError, HubError, HubNotFoundError, HubOfflineError, MissingFileError
from oxbert.hub import _sources
from oxbert.hub._options import HubOptions

NEEDS: tuple[Need, ...] = get_args(Need)
"""The kinds of files that can be requested."""

WEIGHTS = tuple(_native.WEIGHT_FILES)
"""The names of weight files, best first. A name that ends in `.index.json` means the shards that it lists."""

_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"
_REPO_ID = re.compile(rf"(?:{_PART}/)?{_PART}")
# A name with one of these endings is a file that does not exist, rather than a repository.
_FILES = (
    *(".bin", ".ckpt", ".git", ".gz", ".h5", ".index", ".json", ".msgpack", ".npz", ".onnx", ".ot", ".pt", ".pth"),
    *(".safetensors", ".tar", ".tf", ".txt", ".zip"),
)
_DEFAULTS = HubOptions()

_logger = logging.getLogger("oxbert.hub")


def is_repo_id(name: str) -> bool:
    """Return whether a name can be the id of a repository: `name` or `owner/name`.

    A name that looks like a path is not an id: a leading `.`, `/` or `~`, more than one slash, or the ending of a file.

    Example:
        >>> [is_repo_id(name) for name in ["google/electra-small-discriminator", "distilbert-base-uncased"]]
        [True, True]
        >>> [is_repo_id(name) for name in ["./electra", "models/electra/small", "rust_model.ot", ""]]
        [False, False, False, False]
    """
    is_plain = _REPO_ID.fullmatch(name) and "--" not in name and ".." not in name
    return bool(is_plain) and not name.lower().endswith(_FILES)


def download(
    repo_id: str,
    needs: Need | Iterable[Need],
    options: HubOptions = _DEFAULTS,
    *,
    weights: Sequence[str] = WEIGHTS,
) -> Path:
    """Return the folder of the cache with the files that are needed of a repository, all of one commit.

    One request returns the commit of the revision and the names of its files. The needed files that are not cached are
    then fetched from that commit. For a full commit hash whose files are all cached, nothing is requested.

    Offline (`local_files_only`, `HF_HUB_OFFLINE`) only the cache is read, and no connection is opened. If the hub
    cannot be reached or fails, and the cache has all needed files, the cache is used, with a warning in the log.

    Args:
        repo_id: `owner/name`, or `name` for repositories without an owner.
        needs: Any of `config` (`config.json`), `tokenizer` (`vocab.txt` or `tokenizer.json`, both if both exist, and
            `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json` if they exist), `weights`, and
            `sentences` (all files of a sentence encoder: `modules.json` and what it names).
        options: The revision, the subfolder and so on.
        weights: Names of weight files, best first. The first file that exists is used. A file that ends in
            `.index.json` is used with all shards that it lists, and only if all of them exist.

    Raises:
        HubNotFoundError: if the repository or the revision does not exist, or is not visible with this token.
        HubAccessError: if the repository is gated or disabled, or the token is refused.
        HubOfflineError: if no connection may be opened and the cache lacks a needed file.
        HubError: if the hub cannot be reached or fails, or a file arrived truncated.
        MissingFileError: if the repository lacks a needed file, or the name is not a repository id.
        WeightsFormatError: if the index of the shards is invalid, or lists a file outside its folder.
        InputError: if a need is unknown, `weights` is empty, or `force_download` is set together with `HF_HUB_OFFLINE`.
    """
    return fetch(repo_id, needs, options, weights=weights)


def fetch(
    repo_id: str,
    needs: Need | Iterable[Need],
    options: HubOptions,
    *,
    optional: Need | Iterable[Need] = (),
    weights: Sequence[str] = WEIGHTS,
) -> Path:
    """Download as `download` does, with the `optional` files of the same commit that the repository has."""
    wanted = _kinds("needs", needs)
    if not wanted:
        raise refused("needs", f"expected some of {', '.join(NEEDS)}, got none")
    names = _names(weights)
    if "weights" in wanted and not names:
        raise refused("weights", "expected file names, got none")
    if not is_repo_id(repo_id):
        raise MissingFileError(
            f"expected a repository id (name or owner/name), got {repo_id!r}",
            folder=repo_id,
            wanted="repository id",
            found=[],
        )
    asked = _sources.Asked(repo_id, options, wanted, _kinds("optional", optional), names)
    if asked.offline is not None:
        if options.force_download:
            raise refused("force_download", f"expected False, since {asked.offline} forbids downloads, got True")
        return _sources.Cache(asked).folder()
    if asked.is_pinned and not options.force_download:
        with suppress(_sources.Unknown):
            return _sources.Cache(asked, is_certain=True).folder()
    try:
        source = _sources.Hub(asked)
    except HubError as error:
        # The hub itself refuses the repository with these two classes, and the cache must not overrule the hub.
        if isinstance(error, HubNotFoundError | HubAccessError) or options.force_download:
            raise
        folder = None
        with suppress(HubOfflineError):
            folder = _sources.Cache(asked).folder()
        if folder is None:
            raise
        _logger.warning("%s; using the cached files in %s", error, folder)
        return folder
    return source.folder()


def _kinds(what: str, given: Need | Iterable[Need]) -> frozenset[str]:
    """Return kinds of files as a set. The first one that is unknown is refused, however many follow."""
    kinds = set()
    for kind in [given] if isinstance(given, str) else given:
        if not isinstance(kind, str) or kind not in NEEDS:
            raise refused(what, f"expected some of {', '.join(NEEDS)}, got {kind!r}")
        kinds.add(kind)
    return frozenset(kinds)


def _names(weights: Iterable[str]) -> tuple[str, ...]:
    """Return names of files as a tuple. The first one that is no text is refused, however many follow."""
    names = []
    for name in weights:
        check_type("weights", name, str, "names of files")
        names.append(name)
    return tuple(names)
