"""Implement `oxbert distill`: examples and a teacher -> a smaller model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
from oxbert.training.distillation.config import DistillationConfig
from oxbert.training.loop.options import LaunchOptions


def distill(
    data: Annotated[Path, typer.Argument(help="The folder that `oxbert pretrain-data` wrote.", show_default=False)],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The folder for checkpoints and the model.", show_default=False)
    ],
    teacher: Annotated[
        str, typer.Option(help="A masked LM: a folder, a bundled model or a repository of the hub.", show_default=False)
    ],
    student: Annotated[
        str | None,
        typer.Option(
            help="electra or distilbert, or a model to begin with; by default the teacher's family.",
            show_default=False,
        ),
    ] = None,
    layers: Annotated[
        str | None,
        typer.Option(
            help="How many layers, or which of the teacher's: 0,2,4; by default half of them.", show_default=False
        ),
    ] = None,
    held_out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Examples for evaluation.", show_default=False)
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A YAML or JSON file of fields of DistillationConfig.", show_default=False),
    ] = None,
    steps: Annotated[
        int | None, option(DistillationConfig, "train_steps", "--steps", show_default=False, overrides=True)
    ] = None,
    set_fields: Annotated[list[str] | None, set_option(DistillationConfig)] = None,
    device: Device = LaunchOptions.device,
    precision: Precision = LaunchOptions.precision,
    accumulate: Accumulate = LaunchOptions.accumulate,
    tensorboard: TensorBoard = LaunchOptions.tensorboard,
    resume: Resume = LaunchOptions.resume,
    continue_from: ContinueFrom = None,
) -> None:
    """Distil a masked LM into a smaller one. Under torchrun, on several processes or GPUs."""
    # Imported here, since importing torch takes seconds.
    from oxbert.training import distill

    with run(resume):
        record = distill(
            data,
            output,
            config,
            teacher=teacher,
            student=student,
            layers=_layers(layers),
            held_out=held_out,
            device=device,
            precision=precision,
            accumulate=accumulate,
            tensorboard=tensorboard,
            resume=resume,
            continue_from=continue_from,
            **fields_of(DistillationConfig, {"train_steps": steps}, set_fields),
        )
    if is_first():
        open_console().print(f"step {record['step']:,}, loss {record['loss']:.2f}; model in {output / 'model'}")


def _layers(text: str | None) -> list[int] | int | None:
    if text is None:
        return None
    try:
        return [int(part) for part in text.split(",")] if "," in text else int(text)
    except ValueError as error:
        raise typer.BadParameter(f"expected a number, or numbers with commas, got {text!r}") from error


__all__ = ["distill"]
