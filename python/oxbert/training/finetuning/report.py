"""Write what a run found: the model, its card, its predictions, its figures, a picture."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oxbert._files import damaged, is_file, translate_os_errors, write_whole
from oxbert.training.finetuning.card import model_card
from oxbert.training.finetuning.plots import draw_results
from oxbert.training.finetuning.tasks.task import Prediction, Task
from oxbert.training.loop.log import has_log, replace_not_finite

if TYPE_CHECKING:
    from oxbert.training.finetuning.trainer import FineTuner

MODEL, METRICS, PICTURE, TASK = "model", "metrics.json", "results.png", "task.json"
_CARD = "README.md"


@dataclass(frozen=True)
class Result:
    """Hold what a model predicts of a split.

    Attributes:
        examples: The examples.
        predictions: A prediction for each.
        figures: The figures; empty without labels.
    """

    examples: Sequence[Any]
    predictions: list[Prediction]
    figures: dict[str, float] = field(default_factory=dict)


def write_results(run: FineTuner, step: int) -> dict[str, Path]:
    """Write the results of a run into its folder, and return the folder of the model."""
    folder = run.output / MODEL
    run.model.save_pretrained(folder)
    run.model.save_pretrained(folder, format="ot")
    run.tokenizer.save_pretrained(folder)
    write_json(folder / TASK, {"task": run.task.name, "columns": run.task.columns, "config": run.config.to_dict()})
    figures = {split: result.figures for split, result in run.results.items()}
    card = model_card(run.task, run.config, run.source, run.labels, step, run.state(), figures)
    write_whole(folder / _CARD, card.encode())
    write_predictions(run.task, run.results, run.output)
    write_json(run.output / METRICS, describe(run, step))
    draw(run)
    return {MODEL: folder}


def draw(run: FineTuner) -> None:
    """Draw the results of a run that has a log, if matplotlib is installed."""
    if find_spec("matplotlib") is not None and has_log(run.output):
        draw_results(run.task, run.results, run.output, run.output / PICTURE)


def describe(run: FineTuner, step: int) -> dict[str, Any]:
    """Return what `metrics.json` says about a run."""
    return {
        "task": run.task.name,
        "metric": run.task.metric,
        "seed": run.config.seed,
        "step": step,
        "train_steps": run.config.train_steps,
        **run.describe_data(),
        **{split: replace_not_finite(result.figures) for split, result in run.results.items()},
    }


def write_predictions(task: Task, results: Mapping[str, Result], folder: Path) -> list[Path]:
    """Write the predictions of each split as JSON lines, and as the files of the benchmark; return the paths."""
    with translate_os_errors("write", folder):
        folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for split, result in results.items():
        rows = [{"index": number, **row} for number, row in enumerate(result.predictions)]
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        paths.append(folder / f"predictions-{split}.jsonl")
        write_whole(paths[-1], lines.encode())
        paths += task.write(result.predictions, result.examples, folder, split)
    return paths


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write values as JSON, complete or not at all."""
    write_whole(path, json.dumps(values, indent=1, ensure_ascii=False, default=dict).encode() + b"\n")


def read_task(model: Path) -> dict[str, Any] | None:
    """Return what a fine-tuned model says about its task; None if it says nothing.

    Raises:
        DataError: if the file is damaged.
    """
    path = model / TASK
    if not is_file(path):
        return None
    with translate_os_errors("read", path):
        text = path.read_bytes()
    try:
        found = json.loads(text)
        if {name: type(found[name]) for name in ("task", "columns", "config")} == {
            "task": str,
            "columns": dict,
            "config": dict,
        }:
            return dict(found)
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(path, f"expected the description of a task: {error}") from error
    raise damaged(path, "expected the description of a task")


def summarise(trials: Sequence[Mapping[str, Any]], metric: str, *, is_better_high: bool) -> dict[str, Any]:
    """Return the best of several trials, and the median and the spread of their figures of `dev`.

    Args:
        trials: What `metrics.json` says of each trial.
        metric: The figure that decides.
        is_better_high: Whether a higher figure is better.

    Example:
        >>> trials = [{"dev": {"f1": figure}} for figure in (0.5, 0.7, 0.8)]
        >>> found = summarise(trials, "f1", is_better_high=True)
        >>> found["best_trial"], found["median"], found["spread"]
        (3, {'f1': 0.7}, {'f1': [0.5, 0.8]})
    """
    sign = 1 if is_better_high else -1
    figures = [trial.get("dev") or {} for trial in trials]
    order = [-math.inf if one.get(metric) is None else sign * one[metric] for one in figures]
    known = {name: [one[name] for one in figures if one.get(name) is not None] for one in figures for name in one}
    return {
        "best_trial": order.index(max(order)) + 1,
        "median": {name: _median(values) for name, values in known.items() if values},
        "spread": {name: [min(values), max(values)] for name, values in known.items() if values},
        "trials": list(trials),
    }


def _median(values: Sequence[float]) -> float:
    found = sorted(values)
    middle = len(found) // 2
    return found[middle] if len(found) % 2 else (found[middle - 1] + found[middle]) / 2


__all__ = [
    "METRICS",
    "MODEL",
    "PICTURE",
    "Result",
    "describe",
    "draw",
    "read_task",
    "summarise",
    "write_json",
    "write_predictions",
    "write_results",
]
