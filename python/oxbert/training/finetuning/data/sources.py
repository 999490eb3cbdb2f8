"""Find the data of each split: in a folder, by names of files, or as they are given."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from oxbert._checks import refused
from oxbert._files import is_file, is_folder
from oxbert.errors import MissingFileError
from oxbert.training.finetuning.tasks.task import TRAIN, Source, Task


def find_sources(task: Task, data: Any, *, needs: str | None = TRAIN) -> dict[str, Source]:
    """Return what is read for each split.

    Args:
        task: The task, which says what its files are called.
        data: A folder; or a mapping from splits to files, `datasets.Dataset`s or lists of dictionaries.
        needs: The split that has to be there; None takes any.

    Raises:
        MissingFileError: if there is no such file.
        InputError: if a split is unknown or missing.
    """
    splits = task.splits()
    if isinstance(data, str | os.PathLike):
        folder = Path(data)
        if not is_folder(folder):
            message = f"{folder} is no folder"
            raise MissingFileError(message, folder=str(folder), wanted=str(needs), found=[])
        found: dict[str, Source] = {}
        for split, names in splits.items():
            path = next((folder / name for name in names if is_file(folder / name)), None)
            if path is not None:
                found[split] = path
        if (needs and needs not in found) or not found:
            there = sorted(path.name for path in folder.iterdir())[:20]
            wanted = list(splits[needs] if needs else next(iter(splits.values())))
            names = ", ".join([*wanted[:4], "..."] if len(wanted) > 4 else wanted)
            reason = f"{folder} has no file for {needs or 'any split'} of the task {task.name}"
            message = f"{reason}: expected {names}; found {', '.join(there) or 'nothing'}"
            raise MissingFileError(message, folder=str(folder), wanted=names, found=there)
        return found
    if not isinstance(data, Mapping):
        raise refused("data", f"expected a folder, or a mapping from splits to data, got {type(data).__name__}")
    aliases: dict[str, str] = {"validation": "dev", "valid": "dev"}
    given = {aliases.get(name, name): source for name, source in data.items() if source is not None}
    for split, source in given.items():
        if split not in splits:
            raise refused("data", f"expected the splits {', '.join(splits)}, got {split!r}")
        if isinstance(source, str | os.PathLike) and not is_file(source):
            message = f"there is no file {os.fspath(source)}"
            raise MissingFileError(message, path=os.fspath(source), wanted=split, found=[])
    if not given or (needs and needs not in given):
        raise refused("data", f"expected data for {needs or 'a split'}, got {', '.join(given) or 'none'}")
    return given


__all__ = ["find_sources"]
