"""Provide the `oxbert` command, with one file per subcommand. Typer parses the command line, Rich formats outputs."""

from __future__ import annotations

import typer

from oxbert.cli import convert, pretrain, pretrain_data

app = typer.Typer(
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


@app.callback()
def _main() -> None:
    """ELECTRA and DistilBERT on libtorch."""


def main() -> None:
    """Run the command line, and exit with the status of the command."""
    app()


__all__ = ["app", "main"]
