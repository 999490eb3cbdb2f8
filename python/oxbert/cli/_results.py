"""Print the figures of fine-tuned models, and read the options that `finetune` and `evaluate` share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from oxbert._checks import refused

Column = Annotated[
    list[str] | None,
    typer.Option(
        metavar="WHAT=NAME",
        help="The column of the data that holds what: text=review, label=stars; repeatable.",
        show_default=False,
    ),
]


def named_columns(assignments: Sequence[str]) -> dict[str, str]:
    """Return the columns of texts such as `text=review`.

    Raises:
        InputError: if one is not of this form, or names a column twice.
    """
    found: dict[str, str] = {}
    for text in assignments:
        what, equals, name = text.partition("=")
        if not equals or not what or what in found:
            raise refused("--column", f"expected what=name once for each column, such as text=review, got {text!r}")
        found[what] = name
    return found


def data_of(folder: Path | None, files: Mapping[str, Path | None]) -> Path | dict[str, Path] | None:
    """Return the data of a command: a folder, or files by split; None if nothing is given.

    Raises:
        InputError: if both are given.
    """
    given = {split: path for split, path in files.items() if path is not None}
    if folder is not None and given:
        names = " and ".join(f"--{split}" for split in given)
        raise refused("--data-dir", f"expected a folder or files, got {folder} and {names}")
    return folder if folder is not None else given or None


def print_figures(console: Console, figures: Mapping[str, Mapping[str, Any]]) -> None:
    """Print a table with a row for each split and a column for each figure."""
    names = list(dict.fromkeys(name for row in figures.values() for name in row))
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("")
    for name in names:
        table.add_column(name, justify="right")
    for split, row in figures.items():
        if row:
            table.add_row(split, *(_shown(row.get(name)) for name in names))
    if table.row_count:
        console.print(table, soft_wrap=False)


def splits_of(metrics: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the figures of the splits of what `metrics.json` has, without those of trials."""
    others = {"median", "spread"}
    return {name: value for name, value in metrics.items() if isinstance(value, dict) and name not in others}


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


__all__ = ["data_of", "named_columns", "print_figures", "splits_of"]
