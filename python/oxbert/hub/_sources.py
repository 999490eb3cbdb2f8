"""Look up the files of a repository in the library's cache and on the hub."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from oxbert.errors import (
    ConfigError,
    HubAccessError,
    HubError,
    HubNotFoundError,
    HubOfflineError,
    MissingFileError,
    WeightsFormatError,
)
from oxbert.hub._options import HubOptions, is_plain

_CONFIG = "config.json"
_MODULES = "modules.json"
# Settings of a sentence encoder, if they exist.
_SENTENCES = ("config_sentence_transformers.json",)
_VOCABULARIES = ("vocab.txt", "tokenizer.json")
# A tokenizer is read from all of these that exist: `tokenizer.json` has added tokens and settings besides a vocabulary.
_TOKENIZER = (*_VOCABULARIES, "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json")
_INDEX = ".index.json"
# The most file names in a message.
_SHOWN = 20

_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Asked:
    """Describe which files of one repository are wanted."""

    repo_id: str
    options: HubOptions
    needs: frozenset[str]
    optional: frozenset[str]
    weights: tuple[str, ...]

    @property
    def revision(self) -> str:
        """Return the name of the revision."""
        return self.options.revision or "main"

    @property
    def is_pinned(self) -> bool:
        """Return whether the revision is a commit, which never changes."""
        return _COMMIT.fullmatch(self.revision) is not None

    @property
    def offline(self) -> str | None:
        """Return the option that forbids connections, or None if they are allowed."""
        from huggingface_hub import constants

        if self.options.local_files_only:
            return "local_files_only=True"
        return "HF_HUB_OFFLINE=1" if constants.HF_HUB_OFFLINE else None

    @property
    def cache(self) -> str:
        """Return the folder of the cache."""
        from huggingface_hub import constants

        return str(Path(self.options.cache_dir or constants.HF_HUB_CACHE).expanduser())

    def path(self, name: str) -> str:
        """Return the path of a file inside the repository."""
        return f"{self.options.subfolder}/{name}" if self.options.subfolder else name

    def cached(self, name: str, revision: str) -> Path | None:
        """Return the path of a file in the cache, or None if it is not cached."""
        found = self._look_up(name, revision)
        return Path(found) if isinstance(found, str) else None

    def is_absent(self, name: str, revision: str) -> bool:
        """Return whether the cache has noted that the commit has no such file."""
        found = self._look_up(name, revision)
        return found is not None and not isinstance(found, str)

    def _look_up(self, name: str, revision: str) -> Any:
        from huggingface_hub import try_to_load_from_cache

        return try_to_load_from_cache(self.repo_id, self.path(name), cache_dir=self.cache, revision=revision)

    def place(self, folder: str | None) -> str:
        """Return the name of a folder of the repository for a message."""
        return f"{self.repo_id}/{folder or ''}".rstrip("/") + f" at revision {self.revision}"

    def failure(self, kind: type[HubError], reason: str, url_path: str) -> HubError:
        """Return the error of a failed request."""
        message = f"{self.place(None)}: {reason} ({url_path})"
        return kind(message, repo_id=self.repo_id, revision=self.revision, reason=reason, url_path=url_path)


class Unknown(Exception):
    """Signal that the cache cannot tell whether a file exists."""


class _Source(ABC):
    """Look up the files of a revision in one place."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked

    @abstractmethod
    def has(self, name: str) -> bool:
        """Return whether the file is present."""

    @abstractmethod
    def get(self, name: str) -> Path:
        """Return the local path of a file that is present."""

    @abstractmethod
    def missing(self, wanted: str) -> Exception:
        """Return the error for a needed file that is missing."""

    @abstractmethod
    def is_known_absent(self, name: str) -> bool:
        """Return whether a file that is missing here is certainly missing in the revision."""

    def folders(self) -> list[Path]:
        """Get all needed files, and return the local folder of the repository or the subfolder for each."""
        # A file of a sentence encoder may be in a folder below.
        return [self.get(name).parents[name.count("/")] for name in self._files()]

    def _files(self) -> list[str]:
        """Return the names of all needed files."""
        needs, names = self.asked.needs, []
        if "sentences" in needs:
            names += self._sentences()
        if "config" in needs | self.asked.optional:
            if self.has(_CONFIG):
                names.append(_CONFIG)
            elif "config" in needs or not self.is_known_absent(_CONFIG):
                raise self.missing(_CONFIG)
        if "tokenizer" in needs:
            names += self._tokenizer()
        if "weights" in needs:
            names += self._weights()
        return names

    def _sentences(self) -> list[str]:
        """Return the names of the files of a sentence encoder, those that `modules.json` names included."""
        if not self.has(_MODULES):
            raise self.missing(_MODULES)
        names = [_MODULES, *(name for name in _SENTENCES if self.has(name))]
        for kind, folder in _modules(self.get(_MODULES)):
            below = f"{folder}/" if folder else ""
            own = [f"{below}{name}" for name in (_CONFIG, "sentence_bert_config.json") if self.has(f"{below}{name}")]
            if kind == "Transformer":
                own += [*self._tokenizer(below), *self._weights(below)]
            elif kind == "Dense":
                own += self._weights(below)
            names += own
        return names

    def _tokenizer(self, below: str = "") -> list[str]:
        names = [f"{below}{name}" for name in _TOKENIZER if self.has(f"{below}{name}")]
        if not {f"{below}{name}" for name in _VOCABULARIES} & set(names):
            raise self.missing(" or ".join(_VOCABULARIES))
        return names

    def _weights(self, below: str = "") -> list[str]:
        lacking = []
        for name in (f"{below}{name}" for name in self.asked.weights):
            if not self.has(name):
                lacking.append(name)
                continue
            shards = [f"{below}{shard}" for shard in _shards(self.get(name))] if name.endswith(_INDEX) else []
            absent = [shard for shard in shards if not self.has(shard)]
            if not absent:
                return [name, *shards]
            lacking.append(f"{absent[0]} of {name}")
        raise self.missing(" or ".join(lacking))


class Cache(_Source):
    """Look up the files of a revision in the cache.

    Args:
        asked: The requested files.
        is_certain: Whether to raise `Unknown` for a file that is neither cached nor noted as absent.
    """

    def __init__(self, asked: Asked, *, is_certain: bool = False) -> None:
        super().__init__(asked)
        self.is_certain = is_certain

    def folder(self) -> Path:
        """Return the folder with all needed files."""
        folders = set(self.folders())
        # Another process can move a branch between two look-ups, so files of two commits are looked up again.
        return folders.pop() if len(folders) == 1 else self.folder()

    def has(self, name: str) -> bool:
        if self.asked.cached(name, self.asked.revision) is not None:
            return True
        if self.is_certain and not self.asked.is_absent(name, self.asked.revision):
            raise Unknown
        return False

    def get(self, name: str) -> Path:
        path = self.asked.cached(name, self.asked.revision)
        if path is None:
            raise self.missing(name)
        return path

    def missing(self, wanted: str) -> Exception:
        if self.is_certain:
            return Unknown()
        asked = self.asked
        reason = f"{asked.offline} forbids downloads" if asked.offline else "the hub does not answer"
        place = asked.place(asked.options.subfolder)
        return HubOfflineError(
            f"{place}: no {wanted} in the cache at {asked.cache}, no such local folder, and {reason}",
            repo_id=asked.repo_id,
            revision=asked.revision,
            reason=reason,
            wanted=wanted,
            cache_dir=asked.cache,
        )

    def is_known_absent(self, name: str) -> bool:
        return self.asked.is_absent(name, self.asked.revision)


class Hub(_Source):
    """Look up the files of the commit that a revision is now on the hub.

    Raises:
        HubError: if the request fails, or its answer is incomplete.
    """

    def __init__(self, asked: Asked) -> None:
        from huggingface_hub import HfApi, constants

        super().__init__(asked)
        url_path = f"/api/models/{asked.repo_id}/revision/{quote(asked.revision, safe='')}"
        with _translated(asked, url_path):
            info = HfApi(**_library()).model_info(
                asked.repo_id,
                revision=asked.revision,
                # The library has no timeout by default.
                timeout=constants.HF_HUB_ETAG_TIMEOUT,
                token=asked.options.token,
            )
        if info.siblings is None or info.sha is None or not _COMMIT.fullmatch(info.sha):
            raise asked.failure(HubError, "the answer has no commit or no files, expected both", url_path)
        self.commit = info.sha
        self.listed = frozenset(file.rfilename for file in info.siblings)
        self.fetched: dict[str, Path] = {}
        self.absent: list[str] = []

    def folder(self) -> Path:
        """Return the folder with all needed files, after fetching those that are not cached."""
        folders = self.folders()
        # The files are complete. The note only saves requests of later calls, so its failure does not matter.
        with suppress(HubError):
            self._remember()
        return folders[0]

    def has(self, name: str) -> bool:
        is_listed = self.asked.path(name) in self.listed
        if not is_listed:
            self.absent.append(name)
        return is_listed

    def get(self, name: str) -> Path:
        if name not in self.fetched:
            force = self.asked.options.force_download
            path = None if force else self.asked.cached(name, self.commit)
            self.fetched[name] = path or self._fetch(name, self.commit, force=force)
        return self.fetched[name]

    def missing(self, wanted: str) -> Exception:
        asked, folder = self.asked, self.asked.options.subfolder
        prefix = asked.path("")
        found = sorted(path.removeprefix(prefix) for path in self.listed if path.startswith(prefix))
        if folder and not found:
            wanted, folder, found = f"folder {folder}", None, sorted(self.listed)
        shown = ", ".join(found[:_SHOWN]) + (f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else "")
        return MissingFileError(
            f"{asked.place(folder)} has no {wanted}; it holds: {shown or 'nothing'}",
            folder=f"{asked.repo_id}/{folder}" if folder else asked.repo_id,
            wanted=wanted,
            found=found,
            repo_id=asked.repo_id,
            revision=asked.revision,
        )

    def is_known_absent(self, name: str) -> bool:
        return True

    def _remember(self) -> None:
        """Make the library note missing files and the commit of a branch, which saves requests of later calls.

        The library notes that a commit lacks a file when that file is requested, and the commit of a branch when a file
        of the branch is requested. A branch is noted last, so that its previous commit stays usable offline until this
        one is complete.
        """
        asked = self.asked
        if asked.is_pinned:
            for name in self.absent:
                if not asked.is_absent(name, self.commit):
                    with suppress(HubNotFoundError):
                        self._fetch(name, self.commit)
            return
        name = next(iter(self.fetched))
        if asked.cached(name, asked.revision) != asked.cached(name, self.commit):
            self._fetch(name, asked.revision)

    def _fetch(self, name: str, revision: str, *, force: bool = False) -> Path:
        from huggingface_hub import hf_hub_download, hf_hub_url

        asked, path = self.asked, self.asked.path(name)
        with _translated(asked, urlsplit(hf_hub_url(asked.repo_id, path, revision=revision)).path):
            # The library writes to a temporary file, which it renames once the length is the announced one.
            found = hf_hub_download(
                asked.repo_id,
                path,
                revision=revision,
                cache_dir=asked.cache,
                force_download=force,
                token=asked.options.token,
                **_library(),
            )
        return Path(found)


def _shards(index: Path) -> list[str]:
    """Return the names of the files that an index of shards lists."""

    def refused(reason: str) -> WeightsFormatError:
        return WeightsFormatError(f"{index}: {reason}", path=str(index), reason=reason)

    try:
        content = json.loads(index.read_bytes())
    except (ValueError, RecursionError) as error:
        raise refused(f"expected JSON: {error}") from error
    table = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(table, dict) or not table:
        raise refused("expected an object with a weight_map from tensor names to files")
    for name in table.values():
        # The index comes from the network, and its names become paths.
        if not isinstance(name, str) or not is_plain(name):
            raise refused(f"weight_map: expected names of files in the same folder, got {name!r}")
    return sorted(set(table.values()))


def _modules(path: Path) -> list[tuple[str, str]]:
    """Return the kind and the folder of each module that a `modules.json` lists.

    Other parts of the file are checked when the encoder is loaded.
    """

    def refused(reason: str) -> ConfigError:
        return ConfigError(f"{path}: {reason}", path=str(path), field="the whole file", reason=reason)

    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise refused(f"expected JSON: {error}") from error
    found = []
    for module in content if isinstance(content, list) else [None]:
        kind, folder = (module.get("type"), module.get("path")) if isinstance(module, dict) else (None, None)
        if not isinstance(kind, str) or not isinstance(folder, str):
            raise refused("expected a list of modules with a type and a path")
        # The file comes from the network, and its names become paths.
        if folder and not all(is_plain(part) for part in folder.split("/")):
            raise refused(f"expected folders below the file, got {folder!r}")
        found.append((kind.rsplit(".", 1)[-1], folder))
    return found


@contextmanager
def _translated(asked: Asked, url_path: str) -> Iterator[None]:
    """Translate the errors of the library into those of oxbert.

    The library raises errors without a common base: its own, those of its HTTP client and of its other transports, and
    those of the operating system.
    """
    try:
        yield
    except Exception as error:
        raise asked.failure(*_reason(error), url_path) from error


def _reason(error: Exception) -> tuple[type[HubError], str]:
    from huggingface_hub import errors

    # If the file is not cached either or a forced download failed, the library wraps the cause in a vague error.
    while isinstance(error, errors.LocalEntryNotFoundError | ValueError) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    match error:
        case errors.GatedRepoError():
            return HubAccessError, "the repository is gated; ask for access on its page, then pass a token"
        case errors.DisabledRepoError():
            return HubAccessError, "the repository is disabled"
        case errors.LocalTokenNotFoundError():
            return HubAccessError, "token=True, but no token is stored on this machine"
        case errors.RepositoryNotFoundError():
            return HubNotFoundError, "no such local folder and no such repository, or the repository needs a token"
        case errors.RevisionNotFoundError():
            return HubNotFoundError, "the repository has no such revision"
        case errors.RemoteEntryNotFoundError():
            return HubNotFoundError, "the repository has no such file"
        case errors.HfHubHTTPError():
            said = f": {_line(error.server_message)}" if error.server_message else ""
            kind = HubAccessError if error.response.status_code in (401, 403) else HubError
            return kind, f"the hub answered {error.response.status_code} {error.response.reason_phrase}{said}"
        case _:
            name, text = type(error).__name__, _line(str(error).split("\n", 1)[0])
            detail = f"{name}: {text}" if text else name
            return HubError, f"no answer in time, {detail}" if "Timeout" in name else detail


def _line(text: str) -> str:
    return " ".join(text.split())


def _library() -> dict[str, Any]:
    from oxbert import _native

    return {"library_name": "oxbert", "library_version": _native.__version__}
