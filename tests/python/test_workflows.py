"""Test that the workflows of public CI, the Makefile and `.ci/run` agree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def commands(path: Path) -> list[str]:
    """Return all commands of a workflow."""
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    return [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_workflows_run_targets_that_exist(path: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for command in commands(path):
        if command.startswith("make "):
            assert command.split()[1] in targets, command
        else:
            assert command == ".ci/run" or command.startswith("cargo "), command


def test_public_ci_runs_what_decides() -> None:
    assert ".ci/run" in commands(ROOT / ".github" / "workflows" / "ci.yml")
    decides = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.findall(r"^make (\S+)", decides, re.MULTILINE) == ["lint", "test"]


def test_workflows_name_releases_of_the_range() -> None:
    newest = re.search(r"^NEWEST_TORCH := (\S+)", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest
    for path in WORKFLOWS:
        named = re.findall(r'"(2\.\d+)"', path.read_text(encoding="utf-8"))
        assert not named or newest[1] in named, path
