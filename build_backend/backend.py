"""Build with maturin against the torch that is installed, and require that release of it.

pip builds in an isolated environment, in which the paths of `.cargo/config.toml` do not exist and the installed torch
is hidden. This module therefore finds libtorch, selects the Python for the compiled parts, and writes the requirement
of torch into the wheel, since libtorch's C++ interface changes with every minor release.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import shlex
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import maturin
from maturin import build_sdist, get_requires_for_build_sdist  # noqa: F401  hooks that do not need torch

RELEASES = tuple(f"2.{minor}" for minor in range(11, 16))
"""The releases of torch that the native module can be compiled against."""

REQUIREMENT = "torch>=2.11,<2.16"
"""What `pyproject.toml` requires for all of them."""

ROOT = Path(__file__).resolve().parent.parent

# The path in `.cargo/config.toml`. For this folder LIBTORCH stays unset, because a new value makes cargo rebuild.
DEVELOPMENT = ROOT / ".venv" / "libtorch"


def get_requires_for_build_wheel(config_settings: Mapping[str, Any] | None = None) -> list[str]:
    """Return torch if none of the range is installed: a torch for the build alone is a download of gigabytes."""
    required = maturin.get_requires_for_build_wheel(config_settings)
    return [*required, *([] if _installed() else [REQUIREMENT])]


get_requires_for_build_editable = get_requires_for_build_wheel


def build_wheel(
    wheel_directory: str, config_settings: Mapping[str, Any] | None = None, metadata_directory: str | None = None
) -> str:
    """Build a wheel and return its file name. Its build number tells the release of torch, e.g. 215.

    With the setting `torch-version=local`, the version tells it, e.g. 0.1.0+torch2.15, so that wheels for several
    releases can be offered side by side and pip picks one that fits.

    maturin writes the metadata anew: it would copy those in `metadata_directory`, whose version already tells it.
    """
    with _build_environment() as release:
        name = str(maturin.build_wheel(wheel_directory, _without_own(config_settings)))
    return _require_torch(Path(wheel_directory, name), release, _is_local(config_settings))


def build_editable(
    wheel_directory: str, config_settings: Mapping[str, Any] | None = None, metadata_directory: str | None = None
) -> str:
    """Build the native module in place, and a wheel that points to it; return the wheel's file name."""
    with _build_environment() as release:
        name = str(maturin.build_editable(wheel_directory, _without_own(config_settings)))
    return _require_torch(Path(wheel_directory, name), release, _is_local(config_settings))


def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: Mapping[str, Any] | None = None) -> str:
    """Write the metadata of the wheel and return its folder's name. cargo runs the compiler for metadata too."""
    with _build_environment() as release:
        name = str(maturin.prepare_metadata_for_build_wheel(metadata_directory, _without_own(config_settings)))
    return _write_requirement(Path(metadata_directory, name), release, _is_local(config_settings)).name


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel


def find_libtorch() -> tuple[Path, str]:
    """Return the folder and the release of the torch to build against; exit with one line if there is none."""
    installed = _installed()
    if installed is None:
        sys.exit(
            f"oxbert: torch {RELEASES[0]} to {RELEASES[-1]} is needed to build; "
            f'install it with: pip install "torch=={RELEASES[-1]}.*"'
        )
    return installed


def _installed() -> tuple[Path, str] | None:
    """Return the folder and the release of the first torch of the range, without importing it."""
    spec = importlib.util.find_spec("torch")
    folders = list(spec.submodule_search_locations or []) if spec else []
    # pip's isolated environment runs the interpreter of the environment that it installs into.
    folders += [os.path.join(sysconfig.get_path(name), "torch") for name in ("platlib", "purelib")]
    for folder in map(Path, folders):
        with contextlib.suppress(OSError):
            text = (folder / "version.py").read_text(encoding="utf-8")
            found = re.search(r"^__version__\s*(?::[^=]*)?=\s*['\"](\d+\.\d+)\.", text, re.MULTILINE)
            if found and found[1] in RELEASES:
                return folder, found[1]
    return None


@contextlib.contextmanager
def _build_environment() -> Iterator[str]:
    """Set what cargo and torch-sys need, and return the release of torch.

    `python` and `python3` run this interpreter, because torch-sys asks them for the folder of Python.h.
    """
    libtorch, release = find_libtorch()
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="oxbert-build-") as folder:
        for name in ("python", "python3"):
            script = Path(folder, name)
            script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n', encoding="utf-8")
            script.chmod(0o755)
        os.environ["PATH"] = os.pathsep.join([folder, os.environ.get("PATH", os.defpath)])
        if not _is_same(Path(os.environ.get("LIBTORCH", DEVELOPMENT)), libtorch):
            os.environ["LIBTORCH"] = str(libtorch)
        os.environ.pop("LIBTORCH_USE_PYTORCH", None)
        # maturin strips the module, so line tables would only take time.
        os.environ.setdefault("CARGO_PROFILE_RELEASE_DEBUG", "false")
        if not (ROOT / ".cargo" / "config.toml").exists():  # a source distribution
            header = ROOT / "libtorch" / "oxbert_torch.h"
            os.environ["HOST_CXXFLAGS"] = f"-std=c++20 -Og -include {shlex.quote(str(header))}"
            os.environ["CC_SHELL_ESCAPED_FLAGS"] = "1"
        try:
            yield release
        finally:
            os.environ.clear()
            os.environ.update(before)


def _is_same(one: Path, other: Path) -> bool:
    return one.exists() and one.samefile(other)


def _is_local(config_settings: Mapping[str, Any] | None) -> bool:
    value = (config_settings or {}).get("torch-version")
    if value not in (None, "local"):
        sys.exit(f"oxbert: the setting torch-version must be 'local', got {value!r}")
    return value == "local"


def _without_own(config_settings: Mapping[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (config_settings or {}).items() if name != "torch-version"}


def _require_torch(wheel: Path, release: str, is_local: bool) -> str:
    """Write the requirement of a release of torch into a wheel, and return the wheel's new name."""
    with tempfile.TemporaryDirectory(prefix="oxbert-build-") as folder:
        _wheel("unpack", "--dest", folder, str(wheel))
        [content] = Path(folder).iterdir()
        [information] = content.glob("*.dist-info")
        _write_requirement(information, release, is_local)
        wheel.unlink()
        before = set(wheel.parent.iterdir())
        number = [] if is_local else ["--build-number", release.replace(".", "")]
        _wheel("pack", "--dest-dir", str(wheel.parent), *number, str(content))
        [written] = set(wheel.parent.iterdir()) - before
    return written.name


def _wheel(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "wheel", *arguments], check=True, stdout=subprocess.DEVNULL)


def _write_requirement(information: Path, release: str, is_local: bool) -> Path:
    """Write the requirement into the `.dist-info` folder of a wheel, and return the folder's new path."""
    metadata = information / "METADATA"
    text = metadata.read_text(encoding="utf-8")
    general = re.search(r"^Requires-Dist: torch[ (]?[<>=].*$", text, re.MULTILINE)
    if general is None:
        sys.exit(f"oxbert: {metadata} does not require {REQUIREMENT}")
    text = text.replace(general[0], f"Requires-Dist: torch=={release}.*")
    if is_local:
        text = re.sub(r"^(Version: .*)$", rf"\1+torch{release}", text, count=1, flags=re.MULTILINE)
        name = information.name.removesuffix(".dist-info") + f"+torch{release}.dist-info"
        information = information.rename(information.with_name(name))
    (information / "METADATA").write_text(text, encoding="utf-8")
    return information
