"""Record the progress of a run for the next one."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from oxbert._checks import refused
from oxbert._files import translate_os_errors, write_whole
from oxbert._lock import LOCK
from oxbert.training.data.manifest import Part

_NAME = "progress.json"
SOURCES = "state_of_sources"
"""The entry of a plan that changes with the sources."""


class Journal:
    """Keep `.unfinished/progress.json`, which is written after the data that it describes are on the disk.

    Args:
        folder: The folder `.unfinished`.
        plan: The plan of the run, as JSON values. Only a run with the same plan can resume.
    """

    def __init__(self, folder: Path, plan: dict[str, Any]) -> None:
        self._folder = folder
        self._plan: dict[str, Any] = json.loads(json.dumps(plan))
        self._state: dict[str, Any] = {}
        self.parts: list[list[Part]] = [[], []]

    def load(self) -> dict[str, Any] | None:
        """Return the last saved state; None if there is no readable one.

        Raises:
            InputError: if the state is that of a run with another plan.
        """
        path = self._folder / _NAME
        try:
            with translate_os_errors("read", path):
                content = json.loads(path.read_bytes()) if path.is_file() else None
        except ValueError:
            content = None
        if content is None:
            return None
        compare(content["plan"], self._plan, self._folder.parent)
        self._state = content["state"]
        self.parts = [[Part(**part) for part in side] for side in content["parts"]]
        return self._state

    def save(self, state: dict[str, Any]) -> None:
        """Save a state.

        Raises:
            FileError: if the state cannot be written.
        """
        self._state = state
        content = {
            "plan": self._plan,
            "state": state,
            "parts": [[asdict(part) for part in side] for side in self.parts],
        }
        write_whole(self._folder / _NAME, json.dumps(content).encode())

    def add(self, side: int, part: Part) -> None:
        """Record that a part is finished."""
        self.parts[side].append(part)
        self.save(self._state)

    def clear(self) -> None:
        """Forget the state, and delete all files of the folder except the lock."""
        self.parts = [[], []]
        with translate_os_errors("write", self._folder):
            for path in self._folder.iterdir():
                if path.name != LOCK:
                    path.unlink()


def compare(old: dict[str, Any], new: dict[str, Any], folder: Path) -> None:
    """Refuse to resume with other arguments than before.

    Raises:
        InputError: if the arguments differ; `reason` names the differences.
    """
    flat_old, flat_new = _flatten(old), _flatten(new)
    differences = [
        f"{name} was {_short(flat_old.get(name))}, is {_short(flat_new.get(name))}"
        if name != SOURCES
        else "the sources have changed"
        for name in sorted(flat_old.keys() | flat_new.keys())
        if flat_old.get(name) != flat_new.get(name)
    ]
    if differences:
        reason = f"{folder} was begun with other arguments ({'; '.join(differences)}); use another folder, or overwrite"
        raise refused("folder", reason)


def _flatten(plan: dict[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in plan.items():
        flat |= _flatten(value, f"{before}{name}.") if isinstance(value, dict) else {f"{before}{name}": value}
    return flat


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
