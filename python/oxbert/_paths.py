"""Expand the paths and patterns of a command line."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable

from oxbert._checks import check_type


def find_sources(patterns: Iterable[str]) -> list[str]:
    """Return the paths that match patterns (`models/*/pytorch_model.bin`), in the order of the patterns.

    A path, and a pattern without a match, is kept as it is: `find_weights` reports that it does not exist.

    Raises:
        DtypeError: if a pattern is no `str`.
    """
    sources: list[str] = []
    for pattern in patterns:
        check_type("patterns", pattern, str, "paths and patterns")
        # An existing path is no pattern, even with `*` or `[` in it.
        fits = [] if os.path.lexists(pattern) or not glob.has_magic(pattern) else glob.glob(pattern, recursive=True)
        sources.extend(sorted(fits) or [pattern])
    return list(dict.fromkeys(sources))
