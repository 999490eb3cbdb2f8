"""Fine-tune in one call: data -> a model and its figures."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from oxbert.training.finetuning.config import FineTuningConfig
from oxbert.training.finetuning.data.sources import find_sources
from oxbert.training.finetuning.data.tables import BadRowCounter
from oxbert.training.finetuning.tasks.registry import find_task
from oxbert.training.finetuning.tasks.task import Task
from oxbert.training.finetuning.trainer import FineTuner


def finetune(
    task: str | Task,
    data: Any,
    output: str | os.PathLike[str],
    config: FineTuningConfig | None = None,
    *,
    model: str | os.PathLike[str],
    columns: Mapping[str, str] | None = None,
    progress: bool | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """Fine-tune a model on a task."""
    task = find_task(task, columns)
    config = FineTuningConfig.from_dict({**task.defaults, **changes})
    on_bad = BadRowCounter(config.bad_rows)
    examples = {split: list(task.read(source, split, on_bad)) for split, source in find_sources(task, data).items()}
    trainer = FineTuner(task, config, model, examples, output)
    trainer.train(progress=progress)
    return {split: result.figures for split, result in trainer.results.items()}


__all__ = ["finetune"]
