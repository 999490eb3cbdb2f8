"""Implement `oxbert pretrain`: examples -> a generator and a discriminator."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

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
from oxbert.training.loop.options import LaunchOptions, RunOptions
from oxbert.training.pretraining.config import PretrainingConfig


def pretrain(
    data: Annotated[
        str,
        typer.Argument(
            help="The folder that oxbert pretrain-data wrote, or TFRecord files of google-research/electra.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(metavar="FOLDER", help="The folder for checkpoints, the log and both models.", show_default=False),
    ],
    config: Annotated[
        str | None,
        typer.Option(
            help="A preset (tiny, small, base, large), or a YAML or JSON file of fields. By default that of"
            " --continue-from, otherwise small.",
            show_default=False,
        ),
    ] = None,
    held_out: Annotated[
        str | None, typer.Option(metavar="FOLDER", help="Examples for evaluation.", show_default=False)
    ] = None,
    first: Annotated[
        str | None,
        typer.Option(
            help="As --config, for a first run, whose discriminator this run begins with.", show_default=False
        ),
    ] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(help="The tokenizer of the examples, if it is not in their folder.", show_default=False),
    ] = None,
    generator: Annotated[
        str | None, typer.Option(help="A model with the generator's first weights and its sizes.", show_default=False)
    ] = None,
    discriminator: Annotated[
        str | None,
        typer.Option(help="A model with the discriminator's first weights and its sizes.", show_default=False),
    ] = None,
    steps: Annotated[int | None, option(RunOptions, "train_steps", show_default=False, overrides=True)] = None,
    batch_size: Annotated[int | None, option(RunOptions, "batch_size", show_default=False, overrides=True)] = None,
    seed: Annotated[int | None, option(RunOptions, "seed", show_default=False, overrides=True)] = None,
    set_fields: Annotated[list[str] | None, set_option(PretrainingConfig)] = None,
    device: Device = LaunchOptions.device,
    precision: Precision = LaunchOptions.precision,
    accumulate: Accumulate = LaunchOptions.accumulate,
    tensorboard: TensorBoard = LaunchOptions.tensorboard,
    resume: Resume = LaunchOptions.resume,
    continue_from: ContinueFrom = None,
) -> None:
    """Pre-train ELECTRA on your own text. Under torchrun, on several processes or GPUs.

    `oxbert pretrain export` writes the models of any checkpoint.
    """
    # Imported here, since importing torch takes seconds.
    from oxbert.training import pretrain

    given = {"train_steps": steps, "batch_size": batch_size, "seed": seed}
    with run(resume):
        record = pretrain(
            data,
            output,
            config,
            tokenizer=tokenizer,
            held_out=held_out,
            first=first,
            generator=generator,
            discriminator=discriminator,
            device=device,
            precision=precision,
            accumulate=accumulate,
            tensorboard=tensorboard,
            resume=resume,
            continue_from=continue_from,
            **fields_of(PretrainingConfig, given, set_fields),
        )
    if is_first():
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for name, value in record.items():
            table.add_row(name, f"{value:.4g}" if isinstance(value, float) else str(value))
        console = open_console()
        console.print(table, soft_wrap=False)
        console.print(f"models in {escape(str(output))}")
