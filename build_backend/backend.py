"""Build with maturin against the torch of the running interpreter.

pip builds in an isolated environment, in which the paths of `.cargo/config.toml` do not exist. This module therefore
finds libtorch and selects the Python for the compiled parts.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import maturin
from maturin import (  # noqa: F401  hooks that do not need torch
    build_sdist,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
)

RELEASE = "2.11"
"""The minor release of torch that the native module is compiled against."""

# The path in `.cargo/config.toml`. For this folder LIBTORCH stays unset, because a new value makes cargo rebuild.
DEVELOPMENT = Path(__file__).resolve().parent.parent / ".venv" / "libtorch"


def build_wheel(
    wheel_directory: str, config_settings: Mapping[str, Any] | None = None, metadata_directory: str | None = None
) -> str:
    """Build a wheel and return its file name."""
    with _build_environment():
        return str(maturin.build_wheel(wheel_directory, config_settings, metadata_directory))


def build_editable(
    wheel_directory: str, config_settings: Mapping[str, Any] | None = None, metadata_directory: str | None = None
) -> str:
    """Build the native module in place, and a wheel that points to it; return the wheel's file name."""
    with _build_environment():
        return str(maturin.build_editable(wheel_directory, config_settings, metadata_directory))


def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: Mapping[str, Any] | None = None) -> str:
    """Write the metadata of the wheel and return its folder's name. cargo runs the compiler for metadata too."""
    with _build_environment():
        return str(maturin.prepare_metadata_for_build_wheel(metadata_directory, config_settings))


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel


def find_libtorch() -> Path:
    """Return the folder of this interpreter's torch, without importing it; exit with one line if there is none."""
    spec = importlib.util.find_spec("torch")
    if spec is None or not spec.submodule_search_locations:
        sys.exit(f'oxbert: torch {RELEASE} is needed to build; install it with: pip install "torch=={RELEASE}.*"')
    folder = Path(spec.submodule_search_locations[0])
    found = re.search(r"^__version__ = ['\"]([^'\"]+)", (folder / "version.py").read_text(encoding="utf-8"), re.M)
    version = found[1] if found else "unknown"
    if not version.startswith(f"{RELEASE}."):
        sys.exit(
            f"oxbert: {folder} is torch {version}, but torch {RELEASE} is needed to build; "
            f'install it with: pip install "torch=={RELEASE}.*"'
        )
    return folder


@contextlib.contextmanager
def _build_environment() -> Iterator[None]:
    """Set LIBTORCH, and let `python` and `python3` run this interpreter, because torch-sys asks them for Python.h."""
    libtorch = find_libtorch()
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="oxbert-build-") as folder:
        for name in ("python", "python3"):
            script = Path(folder, name)
            script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n', encoding="utf-8")
            script.chmod(0o755)
        os.environ["PATH"] = os.pathsep.join([folder, os.environ.get("PATH", os.defpath)])
        if DEVELOPMENT.exists() and DEVELOPMENT.samefile(libtorch):
            os.environ.pop("LIBTORCH", None)
        else:
            os.environ["LIBTORCH"] = str(libtorch)
        os.environ.pop("LIBTORCH_USE_PYTORCH", None)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
