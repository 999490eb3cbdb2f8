"""Define and check the options that say how a repository of the hub is fetched."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from oxbert._checks import refused
from oxbert.errors import DtypeError

_PLAIN = re.compile(r"(?!\.{1,2}$)[^/\\:\x00-\x1f\x7f]+")
# Names that git accepts for a branch or a tag, and a few more.
_REVISION = re.compile(r"(?!/)(?!.*\.\.)(?!.*//)[^\s\\:?*\[^~\x00-\x1f\x7f]+(?<!/)")


def _option(default: Any, expected: str, *kinds: type, is_secret: bool = False) -> Any:
    """Return a field with the types that are checked at run time, since the values are keyword arguments of users."""
    return field(default=default, repr=not is_secret, metadata={"kinds": kinds, "expected": expected})


@dataclass(frozen=True)
class HubOptions:
    """Define which revision of a repository to fetch, and how.

    Attributes:
        revision: A branch, a tag or a commit; None means the main branch. With a full commit hash (40 hexadecimal
            digits) nothing is requested once all needed files are cached.
        subfolder: A folder inside the repository; None and "" mean the repository itself.
        cache_dir: A folder to use instead of the library's own cache.
        local_files_only: Whether to use the cache alone and open no connection.
        force_download: Whether to fetch cached files again.
        token: An access token. True means the token stored on this machine, which must exist; None means that token if
            there is one; False means no token.

    Raises:
        DtypeError: if a value has the wrong type.
        InputError: if `revision` or `subfolder` is malformed, or `force_download` and `local_files_only` are both set.

    Example:
        >>> options = HubOptions(revision="v1.0", subfolder="discriminator", token="a secret")
        >>> "a secret" in repr(options)
        False
    """

    revision: str | None = _option(None, "a string or None", str, type(None))
    subfolder: str | None = _option(None, "a string or None", str, type(None))
    cache_dir: str | os.PathLike[str] | None = _option(  # noqa: RUF009
        None, "a path or None", str, os.PathLike, type(None)
    )
    local_files_only: bool = _option(False, "True or False", bool)
    force_download: bool = _option(False, "True or False", bool)
    token: str | bool | None = _option(None, "a string, True, False or None", str, bool, type(None), is_secret=True)

    def __post_init__(self) -> None:
        for item in fields(self):
            name, value = item.name, getattr(self, item.name)
            if not isinstance(value, item.metadata["kinds"]):
                expected, got = item.metadata["expected"], type(value).__name__
                raise DtypeError(f"{name}: expected {expected}, got {got}", what=name, expected=expected, got=got)
        if self.revision is not None and not _REVISION.fullmatch(self.revision):
            raise refused("revision", f"expected a branch, a tag or a commit, got {self.revision!r}")
        if self.subfolder and not all(is_plain(part) for part in self.subfolder.split("/")):
            expected = "expected a path below the model folder, its parts joined by /"
            raise refused("subfolder", f"{expected}, got {self.subfolder!r}")
        if self.force_download and self.local_files_only:
            raise refused("force_download", "expected False, since local_files_only=True forbids downloads, got True")


HUB_OPTIONS = tuple(item.name for item in fields(HubOptions))
"""The names of the keyword arguments that a `from_pretrained` hands on to the hub."""


def split_options(options: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the keyword arguments that are for the hub, and the others."""
    hub = {name: value for name, value in options.items() if name in HUB_OPTIONS}
    return hub, {name: value for name, value in options.items() if name not in HUB_OPTIONS}


def is_plain(name: str) -> bool:
    """Return whether a file or folder name stays inside the folder that it is joined to."""
    return _PLAIN.fullmatch(name) is not None
