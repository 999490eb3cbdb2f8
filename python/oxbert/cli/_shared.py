"""Share what every subcommand prints and returns: consoles, exit codes, errors, progress bars."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape

FAILED = 1
INTERRUPTED = 130
"""The exit code that a shell expects of a program that Ctrl-C has ended."""
is_debugging = False
"""Whether the trace of an error is printed: `--debug`."""
TERMINATED = 143
"""The exit code that a shell expects of a program that SIGTERM has ended."""


def option(
    options: type,
    name: str,
    *flags: str,
    metavar: str | None = None,
    show_default: bool = True,
    overrides: bool = False,
) -> Any:
    """Return the option of a command for a field of the options of a run, with the field's description as its help.

    Args:
        options: The dataclass with the field.
        name: The field.
        flags: The names on the command line; by default the parameter's.
        metavar: What the help shows for the value; by default its type.
        show_default: Whether the help shows the default.
        overrides: Whether the option overrides the field of `--config`, which the help then says.
    """
    from oxbert.training.loop.options import help_text

    # A command line cannot give None.
    text = help_text(options, name).replace("None means", "by default")
    if overrides:
        text = f"{text.removesuffix('.')}; overrides {name} of --config."
    return typer.Option(*flags, help=text, metavar=metavar, show_default=show_default)


class _Console(Console):
    def on_broken_pipe(self) -> None:
        # Rich would exit with 1, as if the command had failed.
        raise BrokenPipeError


def open_console(*, stderr: bool = False) -> Console:
    """Return a console that prints text as it is: no highlighting, and no wrapping at the width of the terminal."""
    return _Console(stderr=stderr, highlight=False, soft_wrap=True, emoji=False)


def describe_error(error: BaseException) -> str:
    """Return the message of an error, or the name of its class if it has no message."""
    return str(error) or type(error).__name__


def print_error(reason: str) -> None:
    """Print why a command, or a part of it, failed."""
    open_console(stderr=True).print(f"[bold red]error:[/] {escape(reason)}")


@contextmanager
def printed_warnings() -> Iterator[None]:
    """Print each warning as one line, without the place in the code that Python would add."""

    def show(message: Warning | str, *place: Any, **more: Any) -> None:
        print_warning(str(message))

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = show
        yield


def print_warning(reason: str) -> None:
    """Print what a user should know although a command goes on."""
    open_console(stderr=True).print(f"[bold yellow]warning:[/] {escape(reason)}")


def print_trace(error: BaseException) -> None:
    """Print where an error comes from, if `--debug` asks for it."""
    if is_debugging:
        traceback.print_exception(error)


def fail(error: BaseException) -> typer.Exit:
    """Print an error, and return what ends the command with the exit code of a failure."""
    print_trace(error)
    print_error(describe_error(error))
    return typer.Exit(FAILED)


def open_bar(quiet: bool, **options: Any) -> Any:
    """Return a progress bar of tqdm, which is drawn only on a terminal and never if `quiet` is set."""
    from tqdm import tqdm

    # None: tqdm draws nothing if standard error is no terminal.
    return tqdm(leave=False, disable=True if quiet else None, **options)
