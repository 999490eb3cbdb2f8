"""Build a wheel for each Python of the range that this machine has, and try each in a fresh environment.

    python tools/wheels.py --torch 2.15                 # all Pythons that are found
    python tools/wheels.py --torch 2.15 3.10 3.13       # two of them

The wheels are written to dist/. Each Python has a build folder of its own, because C++ is compiled against its headers.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHONS = [f"3.{minor}" for minor in range(10, 15)]


def find_python(version: str) -> str | None:
    """Return the path of an interpreter that really is of this version."""
    name = shutil.which(f"python{version}")
    if name is None:
        return None
    code = "import sys; print('{0[0]}.{0[1]} {1}'.format(sys.version_info, sys.executable))"
    done = subprocess.run([name, "-c", code], capture_output=True, text=True)
    found, _, executable = done.stdout.strip().partition(" ")
    return executable if found == version else None


def build(python: str, version: str, torch: str, folder: Path) -> Path:
    """Build a wheel in an environment that has torch and the tools, and return its path."""
    pip = make_environment(python, folder / "build")
    pip("install", f"torch=={torch}.*", "numpy", "maturin>=1.16,<2", "wheel>=0.40")
    out = folder / "out"
    target = str(ROOT / "target" / f"python-{version}-torch-{torch}")
    options = ["--no-deps", "--no-build-isolation", "--config-settings", "torch-version=local"]
    pip("wheel", *options, "--wheel-dir", str(out), str(ROOT), CARGO_TARGET_DIR=target)
    [wheel] = out.iterdir()
    (ROOT / "dist").mkdir(exist_ok=True)
    return Path(shutil.copy(wheel, ROOT / "dist"))


def try_wheel(python: str, wheel: Path, folder: Path) -> None:
    """Install a wheel with what it requires, and run the demo and a command from a folder without sources."""
    pip = make_environment(python, folder / "fresh")
    pip("install", str(wheel))
    interpreter = str(folder / "fresh" / "bin" / "python")
    shutil.copy(ROOT / "examples" / "demo.py", folder)
    subprocess.run([interpreter, "demo.py"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    command = [interpreter, "-m", "oxbert", "fill-mask", "Return the [MASK] of elements."]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)


def make_environment(python: str, folder: Path):
    """Make an environment and return a function that runs its pip."""
    subprocess.run([python, "-m", "venv", str(folder)], check=True)

    def pip(*arguments: str, **variables: str) -> None:
        command = [str(folder / "bin" / "python"), "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments]
        environment = {**os.environ, "VIRTUAL_ENV": str(folder), **variables}
        environment["PATH"] = os.pathsep.join([str(folder / "bin"), os.environ["PATH"]])
        subprocess.run(command, check=True, env=environment)

    pip("install", "--upgrade", "pip>=25.3")
    return pip


def main() -> None:
    """Build and try the wheels."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pythons", nargs="*", help="versions such as 3.12; all that are found by default")
    parser.add_argument("--torch", required=True, help="the release of torch, e.g. 2.15")
    arguments = parser.parse_args()
    failed = []
    for version in arguments.pythons or PYTHONS:
        python = find_python(version)
        if python is None:
            print(f"Python {version}: not on this machine", flush=True)
            failed += [version] if arguments.pythons else []
            continue
        with tempfile.TemporaryDirectory(prefix="oxbert-wheel-") as folder:
            try:
                wheel = build(python, version, arguments.torch, Path(folder))
                shutil.rmtree(Path(folder, "build"))
                try_wheel(python, wheel, Path(folder))
            except subprocess.CalledProcessError as error:
                failed.append(version)
                print(f"Python {version}: failed: {error}", flush=True)
            else:
                print(f"Python {version}: {wheel.name}, {wheel.stat().st_size / 1e6:.1f} MB, works", flush=True)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
