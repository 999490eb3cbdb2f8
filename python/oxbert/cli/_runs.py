"""Share the options and the end of commands that start a run: pretrain, finetune, evaluate, distill."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from oxbert import OxbertError
from oxbert._types import AutocastPrecision
from oxbert.cli._shared import INTERRUPTED, TERMINATED, fail, open_console, option, printed_warnings
from oxbert.training.loop.options import LaunchOptions, RunOptions

Device = Annotated[str | None, option(LaunchOptions, "device", show_default=False)]
Precision = Annotated[AutocastPrecision, option(LaunchOptions, "precision")]
Accumulate = Annotated[int, option(LaunchOptions, "accumulate")]
TensorBoard = Annotated[bool, option(LaunchOptions, "tensorboard", "--tensorboard")]
Resume = Annotated[bool, option(LaunchOptions, "resume")]
ContinueFrom = Annotated[str | None, option(LaunchOptions, "continue_from", metavar="FOLDER", show_default=False)]


def set_option(config: type) -> Any:
    """Return the option `--set` for the fields of a configuration."""
    text = f"A field of {config.__name__}; repeatable; overrides --config."
    return typer.Option("--set", metavar="FIELD=VALUE", help=text)


def fields_of(config: type[RunOptions], options: Mapping[str, Any], set_fields: list[str] | None) -> dict[str, Any]:
    """Return the fields of a configuration that options of their own and `--set` give; None is no value."""
    given = [f"{name}={value}" for name, value in options.items() if value is not None]
    return config.parse([*given, *(set_fields or ())])


def is_first() -> bool:
    """Return whether this process prints the results: the first one under torchrun."""
    return os.environ.get("RANK", "0") == "0"


@contextmanager
def run(resume: bool = True) -> Iterator[None]:
    """Print the warnings of a run, and turn its end by an error or a signal into an exit code and a line."""
    try:
        with printed_warnings():
            yield
    except (KeyboardInterrupt, SystemExit) as error:
        if is_first():
            again = "" if resume else " without --no-resume"
            open_console(stderr=True).print(f"stopped; the same command{again} continues from the newest checkpoint")
        raise typer.Exit(INTERRUPTED if isinstance(error, KeyboardInterrupt) else TERMINATED) from error
    except (OxbertError, OSError) as error:
        raise fail(error) from error
