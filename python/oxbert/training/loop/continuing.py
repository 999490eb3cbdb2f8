"""Decide which checkpoint a run begins with, and which of its options may differ from those of the checkpoint.

A run resumes from the newest checkpoint in its folder, with the same options. With `continue_from` it begins with any
checkpoint and with changed options: more steps, another learning rate, other data.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oxbert._checks import refused
from oxbert._files import is_folder
from oxbert.errors import ConfigError, MissingFileError
from oxbert.training.loop.checkpoints import is_checkpoint, list_checkpoints, read_state
from oxbert.training.loop.options import RunOptions

RESUMABLE_FIELDS = {"save_every", "keep_checkpoints", "evaluate_every", "evaluation_batches", "eval_batch_size"}
"""The fields that may change between two parts of one run."""
_DATA = "examples"
"""The name of the data among the differences."""


@dataclass(frozen=True)
class Start:
    """Hold the checkpoint that a run begins with.

    Attributes:
        path: The folder of the checkpoint.
        state: The state in it.
        is_own: Whether the checkpoint lies in the folder of the run.
        changes: The options that change here, with the old and the new value. None if the run resumes.
    """

    path: Path
    state: Mapping[str, Any]
    is_own: bool
    changes: Mapping[str, tuple[Any, Any]] | None = None


def find_checkpoint(path: str | os.PathLike[str]) -> Path:
    """Return a checkpoint, or the newest one in the folder of a run.

    Raises:
        MissingFileError: if the folder is no checkpoint and has none.
    """
    folder = Path(path)
    if is_checkpoint(folder):
        return folder
    for place in (folder / "checkpoints", folder):
        if found := list_checkpoints(place):
            return found[-1][1]
    entries = sorted(entry.name for entry in folder.iterdir())[:20] if is_folder(folder) else []
    message = f"{folder} is no checkpoint, and no folder of a run with checkpoints/"
    raise MissingFileError(message, folder=str(folder), wanted="state.json", found=entries)


def find_start(
    output: Path,
    continue_from: str | os.PathLike[str] | None,
    *,
    resume: bool,
    config: RunOptions,
    data: str,
    fixed: Collection[str],
    other_data: str = "other examples",
) -> Start | None:
    """Return the checkpoint that a run begins with; None if the run begins anew.

    Args:
        output: The folder of the run.
        continue_from: A checkpoint, or the folder of a run; None means only the run's own.
        resume: Whether the newest checkpoint in `output` counts.
        config: The options of the run.
        data: The fingerprint of its data.
        fixed: The fields that decide which parameters there are. They must not change.
        other_data: What the checkpoint was made with if its data have another fingerprint, for messages.

    Raises:
        ConfigError: if the checkpoint differs in a way that is not allowed; `field` names the difference.
        InputError: if `output` has a run that does not continue from there.
        MissingFileError: if `continue_from` leads to no checkpoint.
    """
    found = list_checkpoints(output / "checkpoints") if resume else []
    own = found[-1][1] if found else None
    own_state = read_state(own) if own else {}
    changes = _differences(own_state, config, data) if own else {}
    if continue_from is None:
        if own is None:
            return None
        _refuse_changes(own, changes, other_data)
        return Start(own, own_state, is_own=True)
    given = os.path.realpath(continue_from)
    is_begun = bool(own_state.get("continued")) and own_state["continued"][-1]["from"] == given
    if own and not changes and (is_begun or given == os.path.realpath(output)):
        return Start(own, own_state, is_own=True)
    path = find_checkpoint(continue_from)
    is_own = os.path.realpath(path.parent) == os.path.realpath(output / "checkpoints")
    if own and not is_own:
        reason = f"{output} has a run of its own, up to {own.name}; to go on with that run pass its folder, otherwise"
        raise refused(
            "continue_from", f"{reason} use another output folder, or resume=False (--no-resume) to delete the run"
        )
    state = read_state(path)
    changes = _differences(state, config, data)
    for name in fixed:
        if name in changes:
            reason = (
                f"the checkpoint {path} was made with {changes[name][0]!r}, got {changes[name][1]!r}; a run keeps its"
            )
            reason += " networks: begin a new one with the models that `oxbert pretrain export` writes"
            raise ConfigError(f"{name}: {reason}", field=name, reason=reason, path=str(path))
    if config.train_steps < state["step"]:
        reason = f"expected at least {state['step']}, the step of the checkpoint {path}, got {config.train_steps}"
        raise ConfigError(f"train_steps: {reason}", field="train_steps", reason=reason, path=str(path))
    return Start(path, state, is_own=is_own, changes=changes)


def describe_change(start: Start, continue_from: str | os.PathLike[str]) -> dict[str, Any]:
    """Return what the log and the later checkpoints say about a run that continued with changes."""
    changes = {name: list(values) for name, values in (start.changes or {}).items()}
    return {
        "step": start.state["step"] + 1,
        "from": os.path.realpath(continue_from),
        "checkpoint": str(start.path),
        "changes": changes,
    }


def _differences(state: Mapping[str, Any], config: RunOptions, data: str) -> dict[str, tuple[Any, Any]]:
    """Return the options that differ from those of a checkpoint: the old and the new values."""
    # A field that an older release did not have counted as today's default.
    saved, now = type(config)().to_dict() | state["config"], config.to_dict()
    changes = {name: (saved[name], now[name]) for name in now if saved[name] != now[name]}
    changes = {name: values for name, values in changes.items() if name not in RESUMABLE_FIELDS}
    if state["data"] != data:
        changes[_DATA] = (state["data"], data)
    return changes


def _refuse_changes(path: Path, changes: Mapping[str, tuple[Any, Any]], other_data: str) -> None:
    for name, (saved, now) in changes.items():
        made = other_data if name == _DATA else f"{saved!r}, got {now!r}"
        reason = (
            f"the checkpoint {path} was made with {made}; use another output folder, or to go on with the change pass"
        )
        reason += f" continue_from={str(path.parent.parent)!r} (--continue-from)"
        raise ConfigError(f"{name}: {reason}", field=name, reason=reason, path=str(path))


__all__ = ["RESUMABLE_FIELDS", "Start", "describe_change", "find_checkpoint", "find_start"]
