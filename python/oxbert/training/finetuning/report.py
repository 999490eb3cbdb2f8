"""Write what a run found: the model, its predictions, its figures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oxbert._files import write_whole
from oxbert.training.finetuning.tasks.task import Prediction

if TYPE_CHECKING:
    from oxbert.training.finetuning.trainer import FineTuner

MODEL, METRICS = "model", "metrics.json"


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
    for split, result in run.results.items():
        rows = [{"index": number, **row} for number, row in enumerate(result.predictions)]
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        write_whole(run.output / f"predictions-{split}.jsonl", lines.encode())
        run.task.write(result.predictions, result.examples, run.output, split)
    metrics = {"task": run.task.name, "step": step, **{split: one.figures for split, one in run.results.items()}}
    write_whole(run.output / METRICS, json.dumps(metrics, indent=1).encode() + b"\n")
    return {MODEL: folder}


__all__ = ["METRICS", "MODEL", "Result", "write_results"]
