"""Load the libtorch of the installed torch, before the native module needs it.

The native module needs libtorch's shared libraries. Their place depends on the environment that imports the module, not
on the one that built it, so the module's own search path (beside `oxbert` in site-packages) does not reach them in an
editable install, or if torch is in another folder of `sys.path`. A library that is already loaded is found by its name
alone. So libtorch is loaded here first, from the torch that `import torch` would find. torch itself is not imported,
since that takes seconds.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import re
import sys
from pathlib import Path

RELEASE = "2.11"
"""The minor release of torch that the native module is compiled against."""

COMMAND = f'pip install "torch=={RELEASE}.*"'


def load() -> None:
    """Load libtorch into the process, or raise an ImportError that says which torch to install."""
    loaded = sys.modules.get("torch")
    if loaded is not None:
        check(str(loaded.__version__), Path(str(loaded.__file__)).parent)
        return
    folder = find()
    check(read_version(folder), folder)
    # This library needs all the others (libtorch, libtorch_cpu, libc10, the libgomp that torch ships, CUDA in a CUDA
    # build) and finds them relative to itself. It is loaded like an extension module, without RTLD_GLOBAL: names of
    # libraries match all the same, and the symbols of libtorch do not interfere with others.
    name = "libtorch_python.dylib" if sys.platform == "darwin" else "libtorch_python.so"
    try:
        ctypes.CDLL(str(folder / "lib" / name))
    except OSError:
        # An unusual layout, e.g. CUDA's libraries in another folder; torch itself can find them.
        importlib.import_module("torch")


def find() -> Path:
    """Return the folder of the torch that `import torch` would import."""
    spec = importlib.util.find_spec("torch")
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(f"oxbert needs torch {RELEASE}, which is not installed; run: {COMMAND}", name="torch")
    return Path(spec.submodule_search_locations[0])


def read_version(folder: Path) -> str:
    """Return the version that `version.py` states, e.g. `2.11.0+cu130`."""
    try:
        text = (folder / "version.py").read_text(encoding="utf-8")
    except OSError:
        return "of unknown version"
    found = re.search(r"^__version__\s*(?::[^=]*)?=\s*['\"]([^'\"]+)", text, re.MULTILINE)
    return found[1] if found else "of unknown version"


def check(version: str, folder: Path) -> None:
    """Raise an ImportError unless the version is of the release that the native module is compiled against."""
    if not version.startswith(f"{RELEASE}."):
        raise ImportError(
            f"oxbert needs torch {RELEASE}, but torch {version} is installed in {folder}; run: {COMMAND}",
            name="torch",
            path=str(folder),
        )
