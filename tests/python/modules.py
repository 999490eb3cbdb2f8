"""The modules of the package, found so that a new one cannot be forgotten."""

from __future__ import annotations

import pkgutil

import oxbert

# `__main__` is a program: to import it is to run it.
MODULES = ["oxbert"] + [
    name for _, name, _ in pkgutil.walk_packages(oxbert.__path__, "oxbert.") if not name.endswith(".__main__")
]
