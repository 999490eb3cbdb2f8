"""Provide the `oxbert` command, with one file per subcommand. Typer parses the command line, Rich formats outputs.

A command is imported when it is called, so that none waits for what the others import.
"""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Iterator, MutableMapping
from typing import Annotated, Any, Literal

import typer
from typer.core import TyperGroup

_SETTINGS = {"help_option_names": ["-h", "--help"]}
# Below this width, the columns of Rich's tables cut the names of options.
_MARKUP: Literal["rich"] | None = "rich" if shutil.get_terminal_size().columns >= 60 else None
_ANSWERS, _MODELS, _TRAINING = "Texts to answers", "Models", "Training"
_COMMANDS = {
    "fill-mask": _ANSWERS,
    "detect": _ANSWERS,
    "classify": _ANSWERS,
    "tag": _ANSWERS,
    "answer": _ANSWERS,
    "embed": _ANSWERS,
    "rank": _ANSWERS,
    "info": _MODELS,
    "download": _MODELS,
    "convert": _MODELS,
    "doctor": _MODELS,
    "pretrain-data": _TRAINING,
    "pretrain": _TRAINING,
    "pretrain export": _TRAINING,
    "finetune": _TRAINING,
    "evaluate": _TRAINING,
    "distill": _TRAINING,
}
"""The commands with their groups in the help. A command is the function of its name in the file of its name."""


class _Loaded(MutableMapping[str, Any]):
    """Hold the commands, and build one when it is asked for."""

    def __init__(self) -> None:
        self._built: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._built:
            if name not in _COMMANDS:
                raise KeyError(name)
            self._built[name] = _build(name)
        return self._built[name]

    def __contains__(self, name: object) -> bool:
        return name in _COMMANDS or name in self._built

    def __iter__(self) -> Iterator[str]:
        return iter(_COMMANDS)

    def __len__(self) -> int:
        return len(_COMMANDS)

    def __setitem__(self, name: str, command: Any) -> None:
        self._built[name] = command

    def __delitem__(self, name: str) -> None:
        del self._built[name]


def _build(name: str) -> Any:
    from oxbert.cli._options import expand

    file = name.replace("-", "_").replace(" ", "_")
    command = getattr(importlib.import_module(f"oxbert.cli.{file}"), file)
    single = typer.Typer(
        add_completion=False, pretty_exceptions_enable=False, context_settings=_SETTINGS, rich_markup_mode=_MARKUP
    )
    single.command(name=name, rich_help_panel=_COMMANDS[name])(expand(command))
    return typer.main.get_command(single)


class _Commands(TyperGroup):
    """Find commands of two words, such as `pretrain export`, beside the command of the first word."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = _Loaded()

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of the commands in the order of the help."""
        return list(_COMMANDS)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the name, the command and its arguments."""
        name = " ".join(args[:2])
        return super().resolve_command(ctx, [name, *args[2:]] if name in self.commands else args)


app = typer.Typer(
    cls=_Commands,
    name="oxbert",
    help="ELECTRA and DistilBERT on libtorch.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings=_SETTINGS,
    rich_markup_mode=_MARKUP,
)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        from oxbert import __version__

        typer.echo(f"oxbert {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """ELECTRA and DistilBERT on libtorch."""


def main() -> None:
    """Run the command line, and exit with the status of the command."""
    app()


__all__ = ["app", "main"]
