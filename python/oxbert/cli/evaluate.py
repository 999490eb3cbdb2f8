"""Implement `oxbert evaluate`: a stored model and data of a task -> figures and predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from oxbert.cli._results import Column, data_of, named_columns, print_figures
from oxbert.cli._runs import Device, Precision, is_first
from oxbert.cli._shared import open_console, printed_warnings
from oxbert.errors import InputError
from oxbert.training.finetuning.config import FineTuningConfig
from oxbert.training.loop.options import LaunchOptions


def evaluate(
    model: Annotated[
        str, typer.Argument(help="A folder, a bundled model or a repository of the hub.", show_default=False)
    ],
    task: Annotated[
        str | None,
        typer.Option(help="The task; by default the one that `oxbert finetune` has trained.", show_default=False),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="The folder with the files of the task.", show_default=False),
    ] = None,
    dev: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The data to evaluate on.", show_default=False)
    ] = None,
    test: Annotated[Path | None, typer.Option(metavar="FILE", help="More data.", show_default=False)] = None,
    output_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="A folder for predictions, figures and submissions; by default none are written.",
            show_default=False,
        ),
    ] = None,
    column: Column = None,
    set_fields: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="A field of FineTuningConfig, such as max_length=256."),
    ] = None,
    device: Device = LaunchOptions.device,
    precision: Precision = LaunchOptions.precision,
) -> None:
    """Evaluate a stored model on the data of a task, whoever fine-tuned it. Under torchrun, on several processes."""
    data = data_of(data_dir, {"dev": dev, "test": test})
    if data is None:
        reason = "expected a folder, or a file with --dev"
        raise InputError(f"--data-dir: {reason}", what="--data-dir", reason=reason)
    # Imported here, since importing torch takes seconds.
    from oxbert.training import evaluate

    with printed_warnings():
        figures = evaluate(
            model,
            data,
            task,
            output=output_dir,
            columns=named_columns(column or ()),
            device=device,
            precision=precision,
            **FineTuningConfig.parse(set_fields or ()),
        )
    if is_first():
        console = open_console()
        print_figures(console, figures)
        if output_dir is not None:
            console.print(f"predictions in {escape(str(output_dir))}")


__all__ = ["evaluate"]
