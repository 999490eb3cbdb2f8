"""Provide the `oxbert` command, with one file per subcommand. Typer parses the command line, Rich formats outputs."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from oxbert.cli import convert, pretrain, pretrain_data, pretrain_export


class _Commands(TyperGroup):
    """Find commands of two words, such as `pretrain export`, beside the command of the first word."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the name, the command and its arguments."""
        name = " ".join(args[:2])
        return super().resolve_command(ctx, [name, *args[2:]] if name in self.commands else args)


app = typer.Typer(
    cls=_Commands,
    name="oxbert",
    help="ELECTRA and DistilBERT on libtorch.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(name="convert")(convert.convert)
app.command(name="pretrain-data")(pretrain_data.pretrain_data)
app.command(name="pretrain")(pretrain.pretrain)
app.command(name="pretrain export")(pretrain_export.pretrain_export)


@app.callback()
def _main() -> None:
    """ELECTRA and DistilBERT on libtorch."""


def main() -> None:
    """Run the command line, and exit with the status of the command."""
    app()


__all__ = ["app", "main"]
