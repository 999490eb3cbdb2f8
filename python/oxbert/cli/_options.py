"""Share options between commands: a dataclass of options becomes parameters of every command that takes it."""

from __future__ import annotations

import inspect
import io
import os
import sys
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

import oxbert
from oxbert import _native
from oxbert._checks import refused
from oxbert._rows import InputFormat
from oxbert._types import Precision
from oxbert.cli import _shared
from oxbert.cli._formats import OutputFormat
from oxbert.errors import InputError, OxbertError

BROKEN_PIPE = 141
"""The exit code that a shell expects of a program whose reader has gone."""


_MODEL, _STREAM = "Model", "Input and output"
"""The titles of groups of options in the help."""


@dataclass(frozen=True)
class ModelOptions:
    """Hold the options that say which model runs, and how."""

    model: Annotated[
        str | None,
        typer.Option(
            "--model", "-m", help="A folder, a bundled model or a repository of the hub.", rich_help_panel=_MODEL
        ),
    ] = None
    precision: Annotated[
        Precision, typer.Option(help="How the model computes; docs/precision.md compares them.", rich_help_panel=_MODEL)
    ] = "float32"
    threads: Annotated[
        int | None,
        typer.Option(
            min=1, max=1024, help="How many threads compute; by default one per core.", rich_help_panel=_MODEL
        ),
    ] = None
    device: Annotated[str, typer.Option(help="The device that computes, e.g. cuda:0.", rich_help_panel=_MODEL)] = "cpu"

    def load(self, task: str, **options: Any) -> Any:
        """Set the number of threads, and return the pipeline of a task; `options` are those of the task.

        Raises:
            InputError: if no model is given, and none that ships with oxbert is made for the task.
        """
        try:
            return oxbert.pipeline(task, self.model, **self.prepare(), **options)
        except InputError as error:
            found: Any = error
            if self.model is None and found.what == "model":
                raise refused("--model", found.reason.replace(", got None", "")) from error
            raise

    def prepare(self) -> dict[str, Any]:
        """Set the number of threads, and return the other arguments of a `from_pretrained`."""
        if self.threads is not None:
            # Read by the tokenizer's threads when they start.
            os.environ["RAYON_NUM_THREADS"] = str(self.threads)
            _native._set_threads(self.threads)
        return {"precision": self.precision, "device": self.device}


@dataclass(frozen=True)
class StreamOptions:
    """Hold the options that say where texts come from and where results go."""

    input: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            "-i",
            metavar="FILE",
            help="Texts in .txt, .csv, .tsv, .jsonl (.gz), .parquet or .arrow; repeatable; - is standard input.",
            rich_help_panel=_STREAM,
        ),
    ] = None
    input_format: Annotated[
        InputFormat | None,
        typer.Option(help="The format of --input; by default its ending.", show_default=False, rich_help_panel=_STREAM),
    ] = None
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="The column or field with the text.", show_default=False, rich_help_panel=_STREAM
        ),
    ] = None
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="A .jsonl, .csv, .parquet or .arrow for one row per text; by default results are printed.",
            show_default=False,
            rich_help_panel=_STREAM,
        ),
    ] = None
    format: Annotated[
        OutputFormat | None,
        typer.Option(
            help="By default the ending of --output; jsonl and csv can be printed too.",
            show_default=False,
            rich_help_panel=_STREAM,
        ),
    ] = None
    resume: Annotated[
        bool, typer.Option("--resume", help="Complete an output that was left half-way.", rich_help_panel=_STREAM)
    ] = False
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing output or picture.", rich_help_panel=_STREAM)
    ] = False
    skip_errors: Annotated[
        bool,
        typer.Option(
            "--skip-errors",
            help="Write the error of a row that is bad or has no result, and go on.",
            rich_help_panel=_STREAM,
        ),
    ] = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.", rich_help_panel=_STREAM)] = False


@dataclass(frozen=True)
class DebugOptions:
    """Hold the option that every command has."""

    debug: Annotated[bool, typer.Option("--debug", help="Print the trace of an error.")] = False


def expand(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command in which the fields of dataclasses stand as parameters, and errors end as exit codes.

    A parameter whose type is a dataclass is replaced by the fields of the dataclass. `--debug` is added.
    """
    # typing.get_type_hints would hide what typer reads on Python 3.10: there a default of None makes a type optional.
    hints = inspect.get_annotations(command, eval_str=True)
    parameters: list[inspect.Parameter] = []
    groups: dict[str, type] = {}
    given = [*inspect.signature(command).parameters.values(), _parameter("_debug", DebugOptions)]
    for parameter in given:
        kind = hints.get(parameter.name, parameter.annotation)
        if not is_dataclass(kind):
            parameters.append(parameter.replace(annotation=kind, kind=inspect.Parameter.KEYWORD_ONLY))
            continue
        assert isinstance(kind, type)
        if parameter.name != "_debug":
            groups[parameter.name] = kind
        inner = typing.get_type_hints(kind, include_extras=True)
        parameters += [_parameter(item.name, inner[item.name], item.default) for item in fields(kind)]

    def run(**values: Any) -> None:
        _shared.is_debugging = values.pop("debug")
        for name, kind in groups.items():
            values[name] = kind(**{item.name: values.pop(item.name) for item in fields(kind)})
        with exit_codes():
            command(**values)

    run.__doc__, run.__name__ = command.__doc__, command.__name__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _parameter(name: str, kind: Any, default: Any = MISSING) -> inspect.Parameter:
    default = inspect.Parameter.empty if default is MISSING else default
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)


@contextmanager
def exit_codes() -> Iterator[None]:
    """Turn errors of a command into a message and an exit code."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal of another encoding than UTF-8 shows other characters by their numbers.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        yield
    except BrokenPipeError as error:
        # The reader of a pipe has gone; what is still buffered would fail again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(BROKEN_PIPE) from error
    except KeyboardInterrupt as error:
        raise typer.Exit(_shared.INTERRUPTED) from error
    except (OxbertError, OSError, MemoryError) as error:
        raise _shared.fail(error) from error


__all__ = ["BROKEN_PIPE", "DebugOptions", "ModelOptions", "StreamOptions", "exit_codes", "expand"]
