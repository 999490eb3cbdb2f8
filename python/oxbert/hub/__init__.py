"""Model folders from the Hugging Face hub, through the `huggingface_hub` library.

A repository's id and a revision -> the folder of the library's cache that holds the files that are needed, all of one
commit. The library owns the cache and the connection, and reads `HF_HOME`, `HF_HUB_CACHE`, `HF_HUB_OFFLINE`,
`HF_ENDPOINT`, `HF_TOKEN` and its other variables itself. It is imported when a repository is asked for, not before.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from oxbert import _native
from oxbert.errors import (
    HubAccessError,
    HubError,
    HubNotFoundError,
    HubOfflineError,
    MissingFileError,
)
from oxbert.hub import _sources
from oxbert.hub._options import HubOptions, refused

Need = Literal["config", "tokenizer", "weights"]

NEEDS: tuple[Need, ...] = ("config", "tokenizer", "weights")
# Best first. A name that ends in `.index.json` stands for the shards that the file names.
WEIGHTS = tuple(_native.WEIGHT_FILES)

_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?"
_REPO_ID = re.compile(rf"(?:{_PART}/)?{_PART}")
# What ends like this is a file that is not there, and no repository.
_FILES = (
    *(".bin", ".ckpt", ".git", ".gz", ".h5", ".index", ".json", ".msgpack", ".npz", ".onnx", ".ot", ".pt", ".pth"),
    *(".safetensors", ".tar", ".tf", ".txt", ".zip"),
)
_logger = logging.getLogger(__name__)

_DEFAULTS = HubOptions()


def is_repo_id(name: str) -> bool:
    """Whether a name can be the id of a repository: `name` or `owner/name`.

    What looks like a path is none: a leading `.`, `/` or `~`, more than one slash, or the ending of a file.

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
    """The folder that holds what is needed of a repository, and of one commit of it only.

    The hub is asked once which commit the revision is and which files it has. What is needed and not cached is then
    fetched from that commit. For a full commit hash whose files are all cached nothing is requested.

    Offline (`local_files_only`, `HF_HUB_OFFLINE`) the cache alone is asked, and no connection is opened. Where the hub
    cannot be reached or fails, and the cache has all that is needed, the cache is used, with a warning in the log.

    Args:
        repo_id: `owner/name`, or `name` for what stands under no owner.
        needs: Any of `config` (`config.json`), `tokenizer` (`vocab.txt` and `tokenizer.json`, of which one must exist,
            and those of `tokenizer_config.json`, `special_tokens_map.json` and `added_tokens.json` that do) and
            `weights`.
        options: The revision, the subfolder and so on.
        weights: Names of weight files, best first, of which the first that exists is taken. A name that ends in
            `.index.json` is taken with all the shards that it names, and only if all of them exist.

    Raises:
        HubNotFoundError: There is no such repository or revision, or none that may be seen.
        HubAccessError: The repository is gated or disabled, or the token is refused.
        HubOfflineError: Offline, and the cache lacks something.
        HubError: The hub cannot be reached or fails, or a file arrived cut off.
        MissingFileError: The repository is there and lacks what is needed, or the name is no id of a repository.
        WeightsFormatError: The index of the shards is not one, or names something that is no file beside it.
        InputError: A need that is none, no weight files, or `force_download` while `HF_HUB_OFFLINE` is set.
    """
    wanted = frozenset([needs] if isinstance(needs, str) else needs)
    if not wanted or not wanted <= set(NEEDS):
        raise refused("needs", f"expected some of {', '.join(NEEDS)}, got {', '.join(sorted(wanted)) or 'none'}")
    if "weights" in wanted and not weights:
        raise refused("weights", "expected names of files, got none")
    if not is_repo_id(repo_id):
        raise MissingFileError(
            f"{repo_id!r} is no repository id, which is name or owner/name",
            folder=repo_id,
            wanted="repository id",
            found=[],
        )
    asked = _sources.Asked(repo_id, options, wanted, tuple(weights))
    if asked.offline is not None:
        if options.force_download:
            raise refused("force_download", f"nothing can be fetched again with {asked.offline}")
        return _sources.Cache(asked).folder()
    if asked.is_pinned and not options.force_download:
        with suppress(_sources.Unknown):
            return _sources.Cache(asked, is_certain=True).folder()
    try:
        source = _sources.Hub(asked)
    except HubError as error:
        # Of these classes is what the hub says of the repository itself. The cache does not overrule it.
        if isinstance(error, HubNotFoundError | HubAccessError) or options.force_download:
            raise
        folder = None
        with suppress(HubOfflineError):
            folder = _sources.Cache(asked).folder()
        if folder is None:
            raise
        _logger.warning("%s; using what is cached in %s", error, folder)
        return folder
    return source.folder()


__all__ = ["NEEDS", "WEIGHTS", "HubOptions", "download", "is_repo_id"]
