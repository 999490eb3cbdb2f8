"""Hold all tasks by name."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping

from oxbert._checks import refused
from oxbert.training.finetuning.tasks import classification, few_shot, glue, question_answering, tagging
from oxbert.training.finetuning.tasks.task import Task

_ALL = (*glue.TASKS, *tagging.TASKS, *question_answering.TASKS, *classification.TASKS, *few_shot.TASKS)
TASKS: Mapping[str, Task] = {task.name: task for task in _ALL}
"""The tasks by name."""


def find_task(task: str | Task, columns: Mapping[str, str] | None = None) -> Task:
    """Return a task, with other names for some columns of its files.

    Args:
        task: Its name, or the task itself.
        columns: The names of columns by what they hold, such as `{"text": "review"}`.

    Raises:
        InputError: if there is no such task, or no such column of it.
    """
    if not isinstance(task, Task):
        if task not in TASKS:
            near = difflib.get_close_matches(str(task), TASKS, n=3)
            meant = f"; did you mean {' or '.join(near)}" if near else ""
            raise refused("task", f"expected one of {', '.join(TASKS)}, got {task!r}{meant}")
        task = TASKS[task]
    for what in columns or {}:
        if what not in task.columns:
            known = ", ".join(task.columns) or "none, since its files have fixed columns"
            raise refused("columns", f"expected columns of the task {task.name}: {known}, got {what!r}")
    return dataclasses.replace(task, columns={**task.columns, **columns}) if columns else task


__all__ = ["TASKS", "find_task"]
