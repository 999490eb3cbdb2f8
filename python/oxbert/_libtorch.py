"""Load the libtorch of the installed torch, then the native module, which needs it.

The native module needs libtorch's shared libraries. Their place depends on the environment that imports the module, not
on the one that built it, so the module's own search path (beside `oxbert` in site-packages) does not reach them in an
editable install, or if torch is in another folder of `sys.path`. A library that is already loaded is found by its name
alone. So libtorch is loaded here first, from the torch that `import torch` would find. torch itself is not imported,
since that takes seconds.

libtorch's C++ interface changes with every minor release, so a native module serves the one release that it is compiled
against, which it states. It may not even load beside another, and then the package's metadata tell.
"""

from __future__ import annotations

import ctypes
import importlib
import importlib.metadata
import importlib.util
import re
import sys
from pathlib import Path

RELEASES = tuple(f"2.{minor}" for minor in range(11, 16))
"""The releases of torch that oxbert can be compiled against."""

REBUILD = "in the folder of its source, pip install --force-reinstall --no-deps --no-cache-dir ."


def load() -> None:
    """Load libtorch and the native module, or raise an ImportError that says which torch to install."""
    loaded = sys.modules.get("torch")
    if loaded is not None:
        version, folder = str(loaded.__version__), Path(str(loaded.__file__)).parent
    else:
        folder = find()
        version = read_version(folder)
        load_libraries(folder, version)
    try:
        native = importlib.import_module("oxbert._native")
    except ImportError:
        check(version, folder, required_release())
        raise
    check(version, folder, native._TORCH_RELEASE)


def find() -> Path:
    """Return the folder of the torch that `import torch` would import."""
    spec = importlib.util.find_spec("torch")
    if spec is None or not spec.submodule_search_locations:
        release = required_release()
        raise ImportError(
            f'oxbert needs torch {release}, which is not installed; run: pip install "torch=={release}.*"', name="torch"
        )
    return Path(spec.submodule_search_locations[0])


def load_libraries(folder: Path, version: str) -> None:
    """Load libtorch with everything that it needs into the process."""
    # This library needs all the others (libtorch, libtorch_cpu, libc10, the libgomp that torch ships, CUDA in a CUDA
    # build) and finds them relative to itself. It is loaded like an extension module, without RTLD_GLOBAL: names of
    # libraries match all the same, and the symbols of libtorch do not interfere with others.
    name = "libtorch_python.dylib" if sys.platform == "darwin" else "libtorch_python.so"
    try:
        ctypes.CDLL(str(folder / "lib" / name))
    except OSError:
        check(version, folder, required_release())
        # An unusual layout, e.g. CUDA's libraries in another folder; torch itself can find them.
        importlib.import_module("torch")


def required_release() -> str:
    """Return the release of torch that the metadata of the installed package requires, e.g. `2.15`."""
    try:
        requirements = importlib.metadata.requires("oxbert") or []
    except importlib.metadata.PackageNotFoundError:
        requirements = []
    found = [match[1] for match in (re.match(r"torch==(\d+\.\d+)\.\*$", line) for line in requirements) if match]
    return found[0] if found else RELEASES[-1]


def read_version(folder: Path) -> str:
    """Return the version that `version.py` states, e.g. `2.11.0+cu130`."""
    try:
        text = (folder / "version.py").read_text(encoding="utf-8")
    except OSError:
        return "of unknown version"
    found = re.search(r"^__version__\s*(?::[^=]*)?=\s*['\"]([^'\"]+)", text, re.MULTILINE)
    return found[1] if found else "of unknown version"


def check(version: str, folder: Path, release: str) -> None:
    """Raise an ImportError unless the version of torch is of the release that the native module is compiled against."""
    if version.startswith(f"{release}."):
        return
    is_supported = any(version.startswith(f"{supported}.") for supported in RELEASES)
    raise ImportError(
        f"oxbert is built for torch {release}, but torch {version} is installed in {folder}; "
        f'run: pip install "torch=={release}.*"' + (f", or build oxbert for this torch: {REBUILD}" * is_supported),
        name="torch",
        path=str(folder),
    )
