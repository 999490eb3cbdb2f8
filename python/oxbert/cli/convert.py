"""Implement `oxbert convert`: any checkpoint -> one weight file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from oxbert import OxbertError, conversion
from oxbert._types import Component, FloatDtype, WeightFormat
from oxbert.cli._shared import FAILED, describe_error, open_bar, open_console, print_error, print_trace
from oxbert.conversion import Report, find_sources, find_target, find_weights
from oxbert.errors import InputError

# How many names of each kind are listed before the others are only counted.
_SHOWN = 8


def convert(
    source: Annotated[
        list[str],
        typer.Argument(help="A checkpoint of any format, a folder with one, or a pattern of them.", show_default=False),
    ],
    output: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="The file to write for a single source, or its folder.", show_default=False),
    ] = None,
    to: Annotated[
        WeightFormat | None, typer.Option(help="The format to write; by default ot.", show_default=False)
    ] = None,
    component: Annotated[
        Component | None,
        typer.Option(help="The network of a checkpoint of google-research/electra.", show_default=False),
    ] = None,
    dtype: Annotated[
        FloatDtype | None,
        typer.Option(help="The dtype of float tensors.", case_sensitive=False, show_default=False),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Run a model with both files, and print the largest difference.")
    ] = False,
    prefix: Annotated[
        str | None,
        typer.Option(help="A prefix for every name, e.g. electra or distilbert.", show_default=False),
    ] = None,
    suffix: Annotated[bool, typer.Option("--suffix", help="Keep only the last part of every name.")] = False,
    skip_embeddings: Annotated[
        bool, typer.Option("--skip-embeddings", "--skip_embeddings", help="Drop copies of shared embeddings.")
    ] = False,
    skip_lm_head: Annotated[
        bool, typer.Option("--skip-lm-head", "--skip_lm_head", help="Drop the decoder of a language model.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="List every tensor.")] = False,
) -> None:
    """Write the weights of checkpoints as rust_model.ot, model.safetensors or pytorch_model.bin.

    An existing file is replaced once the new one is complete and has been compared with its source.
    """
    sources = find_sources(source)
    if output is not None and len(sources) != 1:
        raise typer.BadParameter(
            f"needs a single source, got {len(sources)}: {', '.join(sources)}", param_hint="--output"
        )
    if prefix and suffix:
        raise typer.BadParameter(
            "--suffix would cut the prefix off again; expected one of the two", param_hint="--prefix"
        )
    if output is not None:
        try:
            find_target(sources[0], output, to)
        except OxbertError as error:
            raise typer.BadParameter(str(error), param_hint="--output") from error
    console = open_console()
    failed = []
    clashes = {} if output else _find_clashes(sources, to)
    for one in sources:
        try:
            if one in clashes:
                raise InputError(f"source: {clashes[one]}", what="source", reason=clashes[one])
            report = conversion.convert(
                one,
                output,
                to=to,
                component=component,
                dtype=dtype,
                prefix=prefix,
                suffix=suffix,
                skip_embeddings=skip_embeddings,
                skip_lm_head=skip_lm_head,
                check=check,
                track=partial(_bar, one, quiet),
            )
        except (OxbertError, OSError, MemoryError) as error:
            failed.append(one)
            print_trace(error)
            reason = describe_error(error)
            print_error(reason if one in reason else f"{one}: {reason}")
        else:
            if not quiet:
                _describe(console, report, verbose, skip_embeddings, skip_lm_head)
    if len(sources) > 1 and (failed or not quiet):
        summary = open_console(stderr=True) if failed else console
        summary.print(f"{len(sources) - len(failed)} of {len(sources)} converted")
        for one in failed:
            summary.print(f"  failed: {escape(one)}")
    raise typer.Exit(FAILED if failed else 0)


def _find_clashes(sources: Iterable[str], to: WeightFormat | None) -> dict[str, str]:
    """Return the sources whose targets are the same file, and why none of them can be converted."""
    targets: dict[Path, dict[Path, str]] = {}
    for source in sources:
        target, _ = find_target(source, None, to)
        try:
            file = find_weights(source, but=target)
        except (OxbertError, OSError):
            continue  # The conversion of this source reports the error.
        targets.setdefault(target.resolve(), {})[file.absolute()] = source
    clashes = {}
    for target, files in targets.items():
        if len(files) > 1:
            reason = f"{' and '.join(map(str, files))} would both be written to {target}; use --output for each"
            clashes.update(dict.fromkeys(files.values(), reason))
    return clashes


def _bar(source: str, quiet: bool, names: Sequence[str]) -> Iterable[str]:
    shown: Iterable[str] = open_bar(quiet, iterable=names, desc=source, unit=" tensors")
    return shown


def _describe(console: Console, report: Report, verbose: bool, skip_embeddings: bool, skip_lm_head: bool) -> None:
    def line(text: str) -> None:
        console.print(text, markup=False)

    def row(what: str, count: int, details: Sequence[str] = ()) -> None:
        line(f"  {what:<8} {count:>5}")
        shown = details if verbose else details[:_SHOWN]
        for detail in shown:
            line(f"             {detail}")
        if len(shown) < len(details):
            line(f"             and {len(details) - len(shown)} more (--verbose lists all)")

    console.print(f"{escape(str(report.source))} [bold]->[/] {escape(str(report.target))}")
    if verbose:
        _tabulate(console, report)
    row("kept", report.kept)
    row("renamed", len(report.renamed), [] if verbose else [f"{old} -> {new}" for old, new in report.renamed.items()])
    row("dropped", len(report.dropped), [f"{name}: {why}" for name, why in report.dropped.items()])
    row("added", len(report.added), [f"{name}: tied to {words}" for name, words in report.added.items()])
    changes = Counter({f"{old} -> {new}: {count}": count for (old, new), count in report.cast.items()})
    row("dtype", sum(changes.values()), list(changes))
    if report.flushed:
        line(f"             {report.flushed} numbers are too small for their new dtype and became 0")
    line(f"  written  {report.tensors:>5} tensors, {report.size / 1e6:.1f} MB")
    if report.config:
        line(f"  wrote    {report.config}, since there was none")
    if report.checked is not None:
        line(f"  checked  {report.checked} with both: the largest difference of an output is {report.difference:.3g}")
    for name, skipped in [("embeddings", skip_embeddings), ("lm-head", skip_lm_head)]:
        if skipped and not any(f"--skip-{name}" in why for why in report.dropped.values()):
            line(f"  note: --skip-{name} had nothing to leave out")


def _tabulate(console: Console, report: Report) -> None:
    table = Table(box=None, padding=(0, 2, 0, 2))
    for title in ("source -> target", "shape", "dtype", "transposed"):
        table.add_column(title, overflow="fold", no_wrap=title != "source -> target")
    for row in report.rows:
        name = (
            escape(row.source)
            if row.source == row.target
            else f"{escape(row.source)}\n->\N{NO-BREAK SPACE}{escape(row.target)}"
        )
        table.add_row(name, escape(str(list(row.shape))), row.dtype, "yes" if row.is_transposed else "[dim]no[/]")
    # Output that is redirected to a file needs no narrow table.
    console.print(table, soft_wrap=False, width=None if console.is_terminal else 200)
