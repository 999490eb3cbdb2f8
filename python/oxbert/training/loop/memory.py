"""Keep the memory that a training step frees for the next step."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# The parameters of mallopt, from glibc's <malloc.h>.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -2, -3, -4
_KEEP = {_MMAP_MAX: 0, _TRIM_THRESHOLD: -1, _TOP_PAD: 64 << 20}
# The defaults of glibc, with the thresholds that it reaches by itself once a program has freed a large block.
_RETURN = {_MMAP_MAX: 65536, _MMAP_THRESHOLD: 32 << 20, _TRIM_THRESHOLD: 64 << 20, _TOP_PAD: 128 << 10}

_lock = threading.Lock()
_users: set[object] = set()


@contextmanager
def keep_memory() -> Iterator[None]:
    """Keep memory that is freed inside this context in the process, instead of returning it to the system.

    A step of training frees all of its activations, and the next step allocates them again. By default glibc returns
    large blocks to the system in between, which then clears every page anew. The runs of `oxbert.training` are inside
    this context by themselves; loops of your own on a CPU may enter it.

    Memory is returned at the end of the outermost context. Until then blocks that grow while small ones are kept
    between them leave holes, which can raise the peak.

    The settings are those of the whole process (`mallopt`); at the end glibc's defaults apply again. Only the main
    thread keeps blocks of more than 32 MB. Nothing happens if the environment has settings for malloc (`MALLOC_...`,
    `glibc.malloc...` in `GLIBC_TUNABLES`) or without glibc.

    Example:
        >>> from oxbert.training import keep_memory
        >>> with keep_memory():
        ...     pass  # for batch in batches: ...
    """
    glibc = _glibc()
    if glibc is None:
        yield
        return
    user = object()
    is_last = False
    try:
        with _lock:
            _users.add(user)
            _set(glibc, _KEEP)
        yield
    finally:
        with _lock:
            _users.discard(user)
            if is_last := not _users:
                _set(glibc, _RETURN)
        if is_last:
            glibc.malloc_trim(0)


def _glibc() -> ctypes.CDLL | None:
    """Return the C library if it is glibc and the user has not chosen its settings."""
    is_chosen = "glibc.malloc" in os.environ.get("GLIBC_TUNABLES", "")
    if is_chosen or os.name != "posix" or any(name.startswith("MALLOC_") for name in os.environ):
        return None
    process = ctypes.CDLL(None)
    functions = ("gnu_get_libc_version", "mallopt", "malloc_trim")
    return process if all(hasattr(process, function) for function in functions) else None


def _set(glibc: ctypes.CDLL, settings: dict[int, int]) -> None:
    mallopt: Callable[[int, int], int] = glibc.mallopt
    for parameter, value in settings.items():
        mallopt(parameter, value)


def _renew_lock() -> None:
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    # Another thread may hold the lock at a fork, and is not there to release it in the child.
    os.register_at_fork(after_in_child=_renew_lock)


__all__ = ["keep_memory"]
