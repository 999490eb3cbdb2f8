"""Test how libtorch is found: accepted versions, error messages, and that torch is not imported."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from oxbert import _libtorch, _native

from . import processes

ROOT = Path(__file__).parents[2]
RELEASE = _native._TORCH_RELEASE
COMMAND = f'pip install "torch=={RELEASE}.*"'


def run(code: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter, with a folder ahead of everything else on `sys.path`."""
    first = f"import sys; sys.path.insert(0, {str(path)!r}); " if path else "import sys; "
    return processes.run([sys.executable, "-c", first + code])


def fake_torch(folder: Path, version: str) -> Path:
    package = folder / "torch"
    package.mkdir()
    (package / "__init__.py").write_text(f"__version__ = {version!r}\n")
    (package / "version.py").write_text(f"__all__ = []\n__version__ = {version!r}\ndebug = False\n")
    return package


def test_import_leaves_torch_alone():
    result = run("import oxbert; sys.exit('torch' in sys.modules)")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("order", ["import oxbert, torch", "import torch, oxbert"])
def test_import_order_with_torch_does_not_matter(order):
    code = (
        f"{order}; assert float(torch.ones(3).sum()) == 3; "
        "libraries = {line.split()[-1] for line in open('/proc/self/maps') if '.so' in line}; "
        "names = [path.rsplit('/', 1)[1] for path in libraries]; "
        "sys.exit(sum(name.startswith('libtorch_cpu') for name in names) != 1 or names.count('libgomp.so.1') > 1)"
    )
    result = run(code)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("before", ["", "import torch; "])
def test_other_releases_of_torch_are_refused(tmp_path, before):
    package = fake_torch(tmp_path, "2.10.0+cpu")
    result = run(before + "import oxbert", tmp_path)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        f"ImportError: oxbert is built for torch {RELEASE}, but torch 2.10.0+cpu is installed in {package}; run: {COMMAND}"
    )


@pytest.mark.parametrize("before", ["", "import torch; "])
def test_for_another_release_of_the_range_there_is_a_second_way(tmp_path, before):
    other = next(release for release in _libtorch.RELEASES if release != RELEASE)
    package = fake_torch(tmp_path, f"{other}.1")
    result = run(before + "import oxbert", tmp_path)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        f"ImportError: oxbert is built for torch {RELEASE}, but torch {other}.1 is installed in {package}; "
        f"run: {COMMAND}, or build oxbert for this torch: {_libtorch.REBUILD}"
    )


def test_a_missing_torch_is_an_import_error(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError) as caught:
        _libtorch.load()
    assert str(caught.value) == f"oxbert needs torch {RELEASE}, which is not installed; run: {COMMAND}"
    assert caught.value.name == "torch"


@pytest.mark.parametrize("version", ["2.11.0", "2.11.1+cpu"])
def test_patch_versions_of_the_release_are_accepted(tmp_path, version):
    package = fake_torch(tmp_path, version)
    assert _libtorch.read_version(package) == version
    _libtorch.check(version, package, "2.11")


@pytest.mark.parametrize("version", ["2.1.1", "2.110.0", "2.12.0"])
def test_similar_version_numbers_are_refused(tmp_path, version):
    with pytest.raises(ImportError, match=re.escape(version)):
        _libtorch.check(version, tmp_path, "2.11")


def test_a_torch_without_a_version_is_of_unknown_version(tmp_path):
    assert _libtorch.read_version(tmp_path) == "of unknown version"


@pytest.mark.parametrize(
    ("file", "pattern"),
    [
        ("pyproject.toml", r"torch>=2\.(?P<first>\d+),<2\.(?P<after>\d+)"),
        ("Makefile", r"NEWEST_TORCH := 2\.(?P<last>\d+)"),
        ("build.rs", r"RELEASES: RangeInclusive<u32> = (?P<first>\d+)..=(?P<last>\d+)"),
        ("libtorch/oxbert_torch.h", r"TORCH_VERSION_MINOR < (?P<first>\d+) \|\| TORCH_VERSION_MINOR > (?P<last>\d+)"),
        ("build_backend/backend.py", r"range\((?P<first>\d+), (?P<after>\d+)\)"),
        ("build_backend/backend.py", r"torch>=2\.(?P<first>\d+),<2\.(?P<after>\d+)"),
        (".cargo/rustc-beside-libtorch", r"torch 2\.(?P<first>\d+) to 2\.(?P<last>\d+)"),
        ("README.md", r"torch 2\.(?P<first>\d+) to 2\.(?P<last>\d+)"),
        ("ARCHITECTURE.md", r"torch 2\.(?P<first>\d+) to 2\.(?P<last>\d+)"),
        ("docs/torch.md", r"2\.(?P<first>\d+) to 2\.(?P<last>\d+)"),
        ("docs/rust.md", r"2\.(?P<first>\d+) to 2\.(?P<last>\d+)"),
        ("docs/deviations.md", r"torch 2\.(?P<first>\d+) to 2\.(?P<last>\d+)"),
    ],
)
def test_every_file_names_the_same_range_of_releases(file, pattern):
    found = list(re.finditer(pattern, (ROOT / file).read_text()))
    assert found, file
    first, last = (int(_libtorch.RELEASES[place].split(".")[1]) for place in (0, -1))
    expected = {"first": first, "last": last, "after": last + 1}
    for place in found:
        assert {name: int(value) for name, value in place.groupdict().items()}.items() <= expected.items(), place[0]


def jobs(workflow: str) -> dict:
    """Return the jobs of a public workflow."""
    return yaml.safe_load((ROOT / ".github" / "workflows" / workflow).read_text())["jobs"]


def found_in(file: str, pattern: str) -> str:
    [text] = re.findall(pattern, (ROOT / file).read_text(), re.MULTILINE)
    return text


def supported_pythons() -> list[str]:
    """Return the versions for which `make wheels` builds, from the oldest that the package allows."""
    first, after = map(int, found_in("tools/wheels.py", r"for minor in range\((\d+, \d+)\)").split(", "))
    assert found_in("pyproject.toml", r'^requires-python = ">=(.*)"') == f"3.{first}"
    return [f"3.{minor}" for minor in range(first, after)]


def test_workflows_build_wheels_for_every_release_and_every_python():
    matrix = jobs("wheels.yml")["wheel"]["strategy"]["matrix"]
    # torch 2.15 has no wheels for Python 3.10.
    assert matrix.pop("exclude") == [{"torch": "2.15", "python": "3.10"}]
    assert matrix == {"torch": list(_libtorch.RELEASES), "python": supported_pythons()}


def test_workflows_test_the_releases_of_the_makefile():
    matrix = found_in("Makefile", "^MATRIX := (.*)").split()
    assert {matrix[0], matrix[-1]} == {_libtorch.RELEASES[0], _libtorch.RELEASES[-1]}
    assert set(matrix) <= set(_libtorch.RELEASES)
    tested = jobs("ci.yml")["releases"]["strategy"]["matrix"]
    assert [row["torch"] for row in tested["include"]] == matrix
    assert {row["python"] for row in tested["include"]} <= set(supported_pythons())
