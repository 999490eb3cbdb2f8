"""Run a model over the rows of a split, in one process or several."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch

from oxbert._checks import refused
from oxbert.training.finetuning.config import FineTuningConfig
from oxbert.training.finetuning.report import Result
from oxbert.training.finetuning.tasks.task import Feature, Task
from oxbert.training.loop.processes import Processes

LOSS = "loss"
"""The name of the loss among the figures."""
_UNNAMED = re.compile(r"LABEL_\d+")


@torch.no_grad()
def run_features(
    task: Task,
    model: Any,
    features: Sequence[Feature],
    *,
    batch_size: int,
    pad_token_id: int,
    processes: Processes,
    autocast: Callable[[], AbstractContextManager[Any]],
) -> tuple[list[Any], float | None]:
    """Return the outputs of a model for some rows, on every process, and the mean loss if the rows have labels.

    Rows of about the same length share a batch. Each process runs its share of the batches.

    Args:
        task: The task.
        model: The model.
        features: The rows.
        batch_size: Rows per batch.
        pad_token_id: The id of `[PAD]`.
        processes: The processes.
        autocast: The context in which the model runs.
    """
    model.eval()
    # The longest first: batches that grow would leave holes in the memory that the ones before have freed.
    order = sorted(range(len(features)), key=lambda place: (-len(features[place].input_ids), place))
    batches = [order[first : first + batch_size] for first in range(0, len(order), batch_size)]
    own: list[tuple[list[int], list[Any], float, int]] = []
    for places in batches[processes.rank :: processes.world]:
        rows = [features[place] for place in places]
        arguments = task.arguments(rows, pad_token_id)
        with autocast():
            output = model(**{name: tensor.to(processes.device) for name, tensor in arguments.items()})
        weight = sum(row.weight for row in rows)
        has_loss = getattr(output, "loss", None) is not None and weight > 0
        loss = float(output.loss) * weight if has_loss else 0.0
        own.append((places, task.outputs(output, rows), loss, weight if has_loss else 0))
    outputs: list[Any] = [None] * len(features)
    total, weights = 0.0, 0
    for places, found, loss, weight in processes.gather(own):
        for place, value in zip(places, found, strict=True):
            outputs[place] = value
        total, weights = total + loss, weights + weight
    return outputs, total / weights if weights else None


def make_result(
    task: Task,
    outputs: Sequence[Any],
    loss: float | None,
    features: Sequence[Feature],
    examples: Sequence[Any],
    labels: Sequence[str] | None,
    options: FineTuningConfig,
) -> Result:
    """Return the predictions of a split, and their figures if the examples have labels."""
    found = task.predictions(outputs, features, examples, labels, options)
    figures: dict[str, float] = {}
    if task.has_labels(examples):
        figures = ({} if loss is None else {LOSS: loss}) | task.score(found, examples)
    return Result(examples, found, figures)


def class_names(model: Any) -> list[str] | None:
    """Return the names of the classes as the configuration of a model has them; None if it does not name them."""
    names = [model.config.id2label[place] for place in range(model.config.num_labels)]
    return None if all(map(_UNNAMED.fullmatch, names)) else names


def labels_of(model: Any, expected: Sequence[str] | None) -> list[str] | None:
    """Return the names of the classes of a stored model, in the order of its logits.

    A model that does not name them, or names them in other letters (`ENTAILMENT`), has the names of the task.

    Args:
        model: The model.
        expected: The names of the task; None for a task without classes.

    Raises:
        InputError: if the model has fewer classes than the task.
    """
    if expected is None:
        return None
    names = [model.config.id2label[place] for place in range(model.config.num_labels)]
    if len(names) < len(expected):
        found = ", ".join(names)
        raise refused("model", f"expected a model of {len(expected)} labels, got one of {len(names)}: {found}")
    usual = {name.lower(): name for name in expected}
    if class_names(model) is None and len(names) == len(expected):
        return list(expected)
    return [usual.get(name.lower(), name) for name in names]


__all__ = ["LOSS", "class_names", "labels_of", "make_result", "run_features"]
