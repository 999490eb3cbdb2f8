"""Implement `oxbert pretrain export`: a checkpoint of a run -> a generator and a discriminator."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from oxbert import OxbertError
from oxbert.cli._shared import fail, open_console


def pretrain_export(
    checkpoint: Annotated[
        Path, typer.Argument(help="A checkpoint, or the folder of a run: its newest checkpoint.", show_default=False)
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FOLDER", help="The folder for both models.", show_default=False),
    ],
    tokenizer: Annotated[
        str | None,
        typer.Option(help="The tokenizer of the examples, if the checkpoint has none.", show_default=False),
    ] = None,
) -> None:
    """Write the generator and the discriminator of a checkpoint, as a run does when it ends."""
    # Imported here, since importing torch takes seconds.
    from oxbert.training import export_checkpoint

    try:
        folders = export_checkpoint(checkpoint, output, tokenizer=tokenizer)
    except (OxbertError, OSError) as error:
        raise fail(error) from error
    for folder in folders.values():
        open_console().print(str(folder), markup=False)
