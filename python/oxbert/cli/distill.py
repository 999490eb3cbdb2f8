"""Implement `oxbert distill`: examples and a teacher -> a smaller model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from oxbert import OxbertError
from oxbert._types import AutocastPrecision
from oxbert.cli._shared import INTERRUPTED, TERMINATED, fail, open_console, option
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
    set_fields: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="FIELD=VALUE", help="A field of DistillationConfig; repeatable; overrides --config."
        ),
    ] = None,
    device: Annotated[str | None, option(LaunchOptions, "device", show_default=False)] = LaunchOptions.device,
    precision: Annotated[AutocastPrecision, option(LaunchOptions, "precision")] = LaunchOptions.precision,
    accumulate: Annotated[int, option(LaunchOptions, "accumulate")] = LaunchOptions.accumulate,
    tensorboard: Annotated[bool, option(LaunchOptions, "tensorboard", "--tensorboard")] = LaunchOptions.tensorboard,
    resume: Annotated[bool, option(LaunchOptions, "resume")] = LaunchOptions.resume,
    continue_from: Annotated[
        str | None, option(LaunchOptions, "continue_from", metavar="FOLDER", show_default=False)
    ] = None,
) -> None:
    """Distil a masked LM into a smaller one. Under torchrun, on several processes or GPUs."""
    # Imported here, since importing torch takes seconds.
    from oxbert.training import distill

    is_first = os.environ.get("RANK", "0") == "0"
    given = [] if steps is None else [f"train_steps={steps}"]
    try:
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
            **DistillationConfig.parse([*given, *(set_fields or ())]),
        )
    except (KeyboardInterrupt, SystemExit) as error:
        if is_first:
            open_console(stderr=True).print("stopped; the same command continues from the newest checkpoint")
        raise typer.Exit(INTERRUPTED if isinstance(error, KeyboardInterrupt) else TERMINATED) from error
    except (OxbertError, OSError) as error:
        raise fail(error) from error
    if is_first:
        open_console().print(f"step {record['step']:,}, loss {record['loss']:.2f}; model in {output / 'model'}")


def _layers(text: str | None) -> list[int] | int | None:
    if text is None:
        return None
    try:
        return [int(part) for part in text.split(",")] if "," in text else int(text)
    except ValueError as error:
        raise typer.BadParameter(f"expected a number, or numbers with commas, got {text!r}") from error


__all__ = ["distill"]
