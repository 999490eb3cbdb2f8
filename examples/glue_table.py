"""Fine-tune a model on the tasks of GLUE as google-research/electra does, and print its figures beside the paper's.

    pip install "oxbert[finetune]" datasets
    python examples/glue_table.py                        # downloads GLUE and ELECTRA-small
    python examples/glue_table.py --data-dir glue_data --model google/electra-base-discriminator --tasks cola rte

`--data-dir` is a folder as GLUE's download script fills it: `CoLA/train.tsv`, `SST-2/dev.tsv` and so on. Without it the
package `datasets` downloads nyu-mll/glue. Each task is trained several times, each time with the next seed; a run that
was stopped goes on where it was. The figures are those of the development sets, in per cent.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import oxbert
from oxbert.training import TASKS, FineTuningConfig, finetune

SMALL = "google/electra-small-discriminator"
ORIGINAL: dict[str, Any] = {
    "head": "original",
    "layerwise_rule": "exact",
    "reduction": "sum",
    "keep_best": False,
    "predict_test": False,
}
"""What the original does otherwise than oxbert's defaults."""
SMALL_RATE, SMALL_SIZE = 3e-4, 256
"""The original's learning rate for models with H of at most 256; oxbert has those of larger ones."""


class Place(NamedTuple):
    """Say where the data of a task are: the folder of GLUE's download, and the name at nyu-mll/glue."""

    folder: str
    name: str
    dev: str = "validation"


PLACES = {
    "cola": Place("CoLA", "cola"),
    "sst": Place("SST-2", "sst2"),
    "mrpc": Place("MRPC", "mrpc"),
    "sts": Place("STS-B", "stsb"),
    "qqp": Place("QQP", "qqp"),
    "mnli": Place("MNLI", "mnli", "validation_matched"),
    "qnli": Place("QNLI", "qnli"),
    "rte": Place("RTE", "rte"),
}
PAPER = {
    "electra-small": dict(zip(PLACES, (57.0, 91.2, 88.0, 87.5, 89.0, 81.3, 88.4, 66.7), strict=True)),
    "electra-base": dict(zip(PLACES, (67.7, 95.1, 89.5, 91.2, 91.5, 88.8, 93.2, 82.7), strict=True)),
    "electra-large": dict(zip(PLACES, (69.1, 96.9, 90.8, 92.6, 92.4, 90.9, 95.0, 88.0), strict=True)),
}
"""Medians on the development sets: google-research/electra, README.md."""


def find_data(task: str, folder: Path | None) -> Any:
    """Return the data of a task: a folder, or what `datasets` has downloaded."""
    place = PLACES[task]
    if folder is not None:
        return folder / place.folder
    import datasets

    found = datasets.load_dataset("nyu-mll/glue", place.name)
    return {"train": found["train"], "dev": found[place.dev]}


def paper_figure(model: str, task: str) -> float | None:
    """Return the figure of the paper for a model of that name, if there is one."""
    return next((figures[task] for name, figures in PAPER.items() if name in model), None)


def run_task(task: str, model: str, data: Any, output: Path, changes: Mapping[str, Any]) -> list[float]:
    """Fine-tune a model on a task with the original's settings, and return the figure of each trial."""
    settings = dict(ORIGINAL)
    if oxbert.AutoConfig.from_pretrained(model).hidden_size <= SMALL_SIZE:
        settings["learning_rate"] = SMALL_RATE
    metrics = finetune(task, data, output, model=model, **{**settings, **changes})
    metric = TASKS[task].metric
    trials = metrics.get("trials", [metrics])
    # A figure without a value, such as the correlation of equal numbers, counts as none right.
    return sorted(100 * (trial["dev"][metric] or 0.0) for trial in trials)


def main(arguments: list[str] | None = None) -> dict[str, list[float]]:
    """Run the tasks, print a line for each as it is done, and return the figures of the trials."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, help="the folder of GLUE; by default it is downloaded")
    parser.add_argument("--model", default=SMALL, help="a folder, or a repository of the hub")
    parser.add_argument("--output-dir", type=Path, default=Path("glue_table"), help="the folder of the runs")
    parser.add_argument("--tasks", nargs="+", default=list(PLACES), choices=list(PLACES), metavar="TASK")
    parser.add_argument("--trials", type=int, default=5, help="how often each task is trained")
    parser.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="a field of FineTuningConfig")
    options = parser.parse_args(arguments)
    changes = {"trials": options.trials, **FineTuningConfig.parse(options.set)}
    found: dict[str, list[float]] = {}
    print(f"{'task':<6}{'figure':<10}{'median':>8}{'lowest':>8}{'highest':>9}{'paper':>7}")
    for task in options.tasks:
        data = find_data(task, options.data_dir)
        figures = run_task(task, options.model, data, options.output_dir / task, changes)
        found[task] = figures
        known = paper_figure(options.model, task)
        median = (figures[(len(figures) - 1) // 2] + figures[len(figures) // 2]) / 2
        paper = "-" if known is None else f"{known:.1f}"
        line = f"{task:<6}{TASKS[task].metric:<10}{median:>8.1f}{figures[0]:>8.1f}{figures[-1]:>9.1f}{paper:>7}"
        print(line, flush=True)
    return found


if __name__ == "__main__":
    main()
