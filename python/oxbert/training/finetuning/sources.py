"""Find the data of each split: in a folder, by names of files, or as they are given."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oxbert._checks import refused
from oxbert._files import damaged, is_file, is_folder
from oxbert._types import BadRows
from oxbert.errors import MissingFileError
from oxbert.training.finetuning.data.tables import BadRowCounter, is_file_of
from oxbert.training.finetuning.tasks.task import TRAIN, Source, Task, bad_example, label_error


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
    given: dict[str, Source] = {
        aliases.get(str(name), str(name)): source for name, source in data.items() if source is not None
    }
    for split, source in given.items():
        if split not in splits:
            raise refused("data", f"expected the splits {', '.join(splits)}, got {split!r}")
        if isinstance(source, str | os.PathLike) and not is_file(source):
            message = f"there is no file {os.fspath(source)}"
            raise MissingFileError(message, path=os.fspath(source), wanted=split, found=[])
    if not given or (needs and needs not in given):
        raise refused("data", f"expected data for {needs or 'a split'}, got {', '.join(given) or 'none'}")
    return given


@dataclass(frozen=True)
class Splits:
    """Hold the examples of each split.

    Attributes:
        examples: The examples.
        skipped: The number of bad rows that were left out.
        first_skipped: The message about the first of them.
    """

    examples: dict[str, list[Any]]
    skipped: int = 0
    first_skipped: str = ""


def read_splits(
    task: Task,
    data: Any,
    rule: BadRows,
    *,
    needs: str | None = TRAIN,
    wanted: Collection[str] | None = None,
    names: Collection[str] | None = None,
) -> Splits:
    """Return the examples of all splits of some data.

    Args:
        task: The task.
        data: As for `find_sources`.
        rule: What is done about bad rows.
        needs: As for `find_sources`.
        wanted: The splits that are read; None means all.
        names: The classes that a model knows, in any letters; a row with another label is bad. None takes any label.

    Raises:
        DataError: if a row is bad and `rule` is `error`, such as one without a label in a split with some; if a split
            has no example.
        MissingFileError: if there is no such file.
        InputError: if a split is unknown or missing.
    """
    on_bad = BadRowCounter(rule)
    examples: dict[str, list[Any]] = {}
    for split, source in find_sources(task, data, needs=needs).items():
        if wanted is not None and split not in wanted:
            continue
        found = list(task.read(source, split, on_bad))
        if names is not None:
            found = list(_known(task, found, names, on_bad))
        examples[split] = found if split == TRAIN else _alike(task, found, split, on_bad)
        if not examples[split]:
            where = os.fspath(source) if is_file_of(source) else split
            left_out = f"; {on_bad.count} bad rows were left out, the first: {on_bad.first}" if on_bad.count else ""
            raise damaged(where, f"expected examples, found none{left_out}")
    return Splits(examples, on_bad.count, on_bad.first)


def _known(task: Task, examples: list[Any], names: Collection[str], on_bad: BadRowCounter) -> Iterator[Any]:
    """Iterate over the examples without a label, or with labels that a model knows."""
    known = {name.lower() for name in names}
    for one in examples:
        labels = (task.labels([one]) or []) if task.has_labels([one]) else []
        if unknown := [name for name in labels if name.lower() not in known]:
            on_bad(label_error(one, unknown[0], sorted(names)))
        else:
            yield one


def _alike(task: Task, examples: list[Any], split: str, on_bad: BadRowCounter) -> list[Any]:
    """Return the examples with labels of a split in which some have one: a split is scored as a whole or not at all."""
    labelled = [one for one in examples if task.has_labels([one])]
    if len(labelled) in (0, len(examples)):
        return examples
    for one in examples:
        if not task.has_labels([one]):
            on_bad(bad_example(one, f"expected a label, which other rows of {split} have, got none"))
    return labelled


__all__ = ["Splits", "find_sources", "read_splits"]
