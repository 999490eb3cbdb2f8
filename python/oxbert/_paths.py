"""Paths that a command line names."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable


def find_sources(patterns: Iterable[str]) -> list[str]:
    """The paths that patterns (`models/*/pytorch_model.bin`) mean, in their order; a path stands for itself.

    A pattern that fits nothing stands for itself too: `find_weights` says that it does not exist.
    """
    sources: list[str] = []
    for pattern in patterns:
        # A path that exists is no pattern, whatever characters are in it.
        fits = [] if os.path.lexists(pattern) or not glob.has_magic(pattern) else glob.glob(pattern, recursive=True)
        sources.extend(sorted(fits) or [pattern])
    return list(dict.fromkeys(sources))
