"""List the modules of the package, so that tests cover a new module without being changed."""

from __future__ import annotations

import pkgutil

import oxbert

# Importing `__main__` would run the program.
MODULES = ["oxbert"] + [
    name for _, name, _ in pkgutil.walk_packages(oxbert.__path__, "oxbert.") if not name.endswith(".__main__")
]
