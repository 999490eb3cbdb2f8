"""Write the model card of a fine-tuned model: its task, its data, its training, its figures, how it is used."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from oxbert.training.finetuning.config import FineTuningConfig
from oxbert.training.finetuning.tasks.task import Task
from oxbert.training.loop.cards import describe_changes, table

_PIPELINES = {
    "AutoModelForSequenceClassification": ("text-classification", 'print(classify("The text."))', "classify"),
    "AutoModelForTokenClassification": ("token-classification", 'print(tag("The text."))', "tag"),
    "AutoModelForQuestionAnswering": (
        "question-answering",
        'print(answer(question="Who wrote it?", context="Ann wrote it."))',
        "answer",
    ),
}
_SETTINGS = {
    "epochs": "epochs",
    "batch_size": "examples per step",
    "optimizer": "optimizer",
    "learning_rate": "learning rate of the head, peak",
    "layerwise_decay": "share of the rate per layer",
    "warmup_share": "warm-up, share of the steps",
    "weight_decay": "weight decay",
    "max_length": "longest input in tokens",
    "seed": "seed",
}
_MOST_LABELS = 50


def model_card(
    task: Task,
    config: FineTuningConfig,
    source: str | os.PathLike[str],
    labels: Sequence[str] | None,
    step: int,
    state: Mapping[str, Any],
    figures: Mapping[str, Mapping[str, float]],
) -> str:
    """Return the text of a model card.

    Args:
        task: The task.
        config: The configuration of the run.
        source: The model that the run began with.
        labels: The names of the classes.
        step: The step of the checkpoint that the model is from.
        state: The state of the run, as its checkpoints have it.
        figures: The figures of each split.
    """
    kind, call, name = _PIPELINES[task.model]
    # The path on the machine of the training run means nothing elsewhere.
    begun = os.fspath(source).rstrip("/").rsplit("/", 1)[-1]
    head = f"---\nlibrary_name: transformers\npipeline_tag: {kind}\ntags:\n- {task.name}\n- oxbert\n---\n"
    text = f"{head}\n# {begun}, fine-tuned on {task.name}\n\n"
    text += f'```python\nimport oxbert\n\n{name} = oxbert.pipeline("{kind}", "model")  # this folder\n{call}\n```\n'
    training = [("begun with", begun), ("steps", f"{step:,} of {config.train_steps:,}")]
    training += [(words, getattr(config, field)) for field, words in _SETTINGS.items()]
    training += [(f"changed at step {one['step']:,}", describe_changes(one)) for one in state.get("continued", ())]
    versions = ", ".join(f"{name} {version}" for name, version in state.get("versions", {}).items())
    data = list(state.get("described_data", {}).items())
    if labels is not None:
        shown = ", ".join(labels[:_MOST_LABELS]) + (", ..." if len(labels) > _MOST_LABELS else "")
        data.append(("labels", shown))
    sections = {
        "Data": data,
        "Training": [*training, ("written by", versions)],
        **{f"Figures of {split}": list(found.items()) for split, found in figures.items() if found},
    }
    return text + "".join(f"\n## {title}\n\n{table(rows)}" for title, rows in sections.items() if rows)


__all__ = ["model_card"]
