"""How a repository of the hub is asked for."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field

from oxbert.errors import DtypeError, InputError

_PLAIN = re.compile(r"(?!\.{1,2}$)[^/\\:\x00-\x1f\x7f]+")
# What git takes for a name, and more.
_REVISION = re.compile(r"(?!/)(?!.*\.\.)(?!.*//)[^\s\\:?*\[^~\x00-\x1f\x7f]+(?<!/)")

# Options come from keyword arguments that nobody has looked at.
_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "revision": ((str, type(None)), "a text or None"),
    "subfolder": ((str, type(None)), "a text or None"),
    "cache_dir": ((str, os.PathLike, type(None)), "a path or None"),
    "local_files_only": ((bool,), "True or False"),
    "force_download": ((bool,), "True or False"),
    "token": ((str, bool, type(None)), "a text, True, False or None"),
}


@dataclass(frozen=True)
class HubOptions:
    """How a repository is asked for.

    Attributes:
        revision: A branch, a tag or a commit; None is the main branch. With a full commit hash (40 hexadecimal digits)
            nothing is requested once all that is needed is cached.
        subfolder: A folder inside the repository; None and "" are the repository itself.
        cache_dir: Instead of the library's own cache.
        local_files_only: Take what is cached, and open no connection.
        force_download: Fetch again what is cached.
        token: An access token. True is the one that is stored on this machine, and there must be one; None is the same
            without the must; False is none.

    Raises:
        DtypeError: A value of another type.
        InputError: A revision or a subfolder that cannot be one, or `force_download` with `local_files_only`.

    Example:
        >>> options = HubOptions(revision="v1.0", subfolder="discriminator", token="a secret")
        >>> "a secret" in repr(options)
        False
    """

    revision: str | None = None
    subfolder: str | None = None
    cache_dir: str | os.PathLike[str] | None = None
    local_files_only: bool = False
    force_download: bool = False
    token: str | bool | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name, (kinds, expected) in _KINDS.items():
            value = getattr(self, name)
            if not isinstance(value, kinds):
                got = type(value).__name__
                raise DtypeError(f"{name}: expected {expected}, got {got}", what=name, expected=expected, got=got)
        if self.revision is not None and not _REVISION.fullmatch(self.revision):
            raise refused("revision", f"expected a branch, a tag or a commit, got {self.revision!r}")
        if self.subfolder and not all(is_plain(part) for part in self.subfolder.split("/")):
            expected = "expected a path below the model folder, its parts joined by /"
            raise refused("subfolder", f"{expected}, got {self.subfolder!r}")
        if self.force_download and self.local_files_only:
            raise refused("force_download", "nothing can be fetched again with local_files_only")


def is_plain(name: str) -> bool:
    """Whether a name of a file or a folder stays in the folder that it is joined to."""
    return _PLAIN.fullmatch(name) is not None


def refused(what: str, reason: str) -> InputError:
    """An option has an impossible value."""
    return InputError(f"{what}: {reason}", what=what, reason=reason)
