"""Implement `oxbert pretrain`: examples -> a generator and a discriminator."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from oxbert import OxbertError
from oxbert._types import AutocastPrecision
from oxbert.cli._shared import INTERRUPTED, TERMINATED, fail, open_console, option, printed_warnings
from oxbert.training.loop.options import LaunchOptions, RunOptions


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
    set_fields: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="FIELD=VALUE",
            help="A field of PretrainingConfig; repeatable; overrides --config.",
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
    """Pre-train ELECTRA on your own text. Under torchrun, on several processes or GPUs.

    `oxbert pretrain export` writes the models of any checkpoint.
    """
    # Imported here, since importing torch takes seconds.
    from oxbert.training import PretrainingConfig, pretrain

    is_first = os.environ.get("RANK", "0") == "0"
    given = {"train_steps": steps, "batch_size": batch_size, "seed": seed}
    try:
        fields = PretrainingConfig.parse(
            [*(f"{name}={value}" for name, value in given.items() if value is not None), *(set_fields or ())]
        )
        with printed_warnings():
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
                **fields,
            )
    except (KeyboardInterrupt, SystemExit) as error:
        if is_first:
            open_console(stderr=True).print(
                "stopped; the same command"
                + (" without --no-resume" * (not resume))
                + " continues from the newest checkpoint"
            )
        raise typer.Exit(INTERRUPTED if isinstance(error, KeyboardInterrupt) else TERMINATED) from error
    except (OxbertError, OSError) as error:
        raise fail(error) from error
    if is_first:
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for name, value in record.items():
            table.add_row(name, f"{value:.4g}" if isinstance(value, float) else str(value))
        console = open_console()
        console.print(table, soft_wrap=False)
        console.print(f"models in {escape(str(output))}")
