"""Implement `oxbert finetune`: data of a task -> a model, its predictions, its figures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from oxbert._types import BadRows
from oxbert.cli._results import Column, data_of, named_columns, print_figures, splits_of
from oxbert.cli._runs import (
    Accumulate,
    ContinueFrom,
    Device,
    Precision,
    Resume,
    TensorBoard,
    fields_of,
    is_first,
    run,
    set_option,
)
from oxbert.cli._shared import open_console, option
from oxbert.errors import InputError
from oxbert.training.finetuning.config import FineTuningConfig
from oxbert.training.loop.options import LaunchOptions

EXAMPLE = """\
mkdir -p example
for words in "train list name value file node row key path" "dev index text word"; do
  set -- $words
  {
    echo text,label
    for word in "${@:2}"; do
      echo "Return the $word.,returns"
      echo "Raise an error if the $word is missing.,raises"
    done
  } > "example/$1.csv"
done
oxbert finetune classification --model electra-tiny-discriminator --data-dir example \\
  --output-dir example/run --epochs 20 --batch-size 4 --learning-rate 1e-3
oxbert classify --model example/run/model "Return the number." "Raise an exception."
"""
"""A worked example, as a script of bash."""


def finetune(
    task: Annotated[
        str | None,
        typer.Argument(help="The task, such as mnli, ner or classification.", show_default=False),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", "-m", help="A folder, a bundled model or a repository of the hub.", show_default=False),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="The folder with the files of the task: train.tsv as GLUE has it, train.csv and so on.",
            show_default=False,
        ),
    ] = None,
    train: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The data to train on, instead of a folder.", show_default=False)
    ] = None,
    dev: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The data to evaluate on.", show_default=False)
    ] = None,
    test: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Data to predict in the end.", show_default=False)
    ] = None,
    output_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="The folder for checkpoints, the model and its figures.", show_default=False
        ),
    ] = None,
    column: Column = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A YAML or JSON file of fields of FineTuningConfig.", show_default=False),
    ] = None,
    epochs: Annotated[float | None, option(FineTuningConfig, "epochs", show_default=False, overrides=True)] = None,
    batch_size: Annotated[
        int | None, option(FineTuningConfig, "batch_size", show_default=False, overrides=True)
    ] = None,
    learning_rate: Annotated[
        float | None, option(FineTuningConfig, "learning_rate", show_default=False, overrides=True)
    ] = None,
    max_length: Annotated[
        int | None, option(FineTuningConfig, "max_length", show_default=False, overrides=True)
    ] = None,
    trials: Annotated[int | None, option(FineTuningConfig, "trials", show_default=False, overrides=True)] = None,
    patience: Annotated[int | None, option(FineTuningConfig, "patience", show_default=False, overrides=True)] = None,
    seed: Annotated[int | None, option(FineTuningConfig, "seed", show_default=False, overrides=True)] = None,
    bad_rows: Annotated[
        BadRows | None, option(FineTuningConfig, "bad_rows", show_default=False, overrides=True)
    ] = None,
    set_fields: Annotated[list[str] | None, set_option(FineTuningConfig)] = None,
    device: Device = LaunchOptions.device,
    precision: Precision = LaunchOptions.precision,
    accumulate: Accumulate = LaunchOptions.accumulate,
    tensorboard: TensorBoard = LaunchOptions.tensorboard,
    resume: Resume = LaunchOptions.resume,
    continue_from: ContinueFrom = None,
) -> None:
    """Fine-tune a model on a task. Under torchrun, on several processes or GPUs.

    Without arguments, print a worked example and the tasks.
    """
    data = data_of(data_dir, {"train": train, "dev": dev, "test": test})
    if task is None and data is None and model is None and output_dir is None:
        _print_example()
        return
    for name, value in (("TASK", task), ("--model", model), ("--data-dir", data), ("--output-dir", output_dir)):
        if value is None:
            reason = "expected a value; `oxbert finetune` without arguments prints an example"
            raise InputError(f"{name}: {reason}", what=name, reason=reason)
    assert task is not None and model is not None and data is not None and output_dir is not None
    # Imported here, since importing torch takes seconds.
    from oxbert.training import finetune

    given = {
        "epochs": epochs,
        "batch_size": batch_size,
        "learning_rate": learning_rate,
        "max_length": max_length,
        "trials": trials,
        "patience": patience,
        "seed": seed,
        "bad_rows": bad_rows,
    }
    with run(resume):
        metrics = finetune(
            task,
            data,
            output_dir,
            config,
            model=model,
            columns=named_columns(column or ()),
            device=device,
            precision=precision,
            accumulate=accumulate,
            tensorboard=tensorboard,
            resume=resume,
            continue_from=continue_from,
            **fields_of(FineTuningConfig, given, set_fields),
        )
    if is_first():
        _print_results(open_console(), metrics, output_dir)


def _print_example() -> None:
    """Print the worked example and the names of the tasks."""
    from oxbert.training import TASKS

    console = open_console()
    console.print("# A worked example on a bundled model, for bash; takes a few seconds.", markup=False)
    console.print(EXAMPLE, markup=False, end="")
    # Comments, so that the whole output is a script.
    console.print(f"\n# Tasks: {', '.join(TASKS)}.", markup=False)
    console.print("# See oxbert finetune --help for the options, and docs/finetuning.md for the tasks.", markup=False)


def _print_results(console: Console, metrics: dict[str, Any], output: Path) -> None:
    rows = splits_of(metrics)
    if "trials" in metrics:
        trials = {f"trial {number}": one.get("dev") or {} for number, one in enumerate(metrics["trials"], 1)}
        spread = metrics["spread"]
        deviations = {name: high - low for name, (low, high) in spread.items()}
        rows = (
            trials
            | {"median": metrics["median"], "highest - lowest": deviations}
            | {f"best, {split}": row for split, row in rows.items()}
        )
    print_figures(console, rows)
    console.print(f"step {metrics['step']:,} of {metrics['train_steps']:,}; model in {escape(str(output / 'model'))}")


__all__ = ["EXAMPLE", "finetune"]
