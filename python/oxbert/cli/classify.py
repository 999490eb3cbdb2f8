"""Implement `oxbert classify`: texts -> labels, of a classifier or of the caller."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console

from oxbert._checks import refused
from oxbert.cli._options import ModelOptions, StreamOptions
from oxbert.cli._pictures import PictureOptions, opened
from oxbert.cli._showing import print_picture
from oxbert.cli._stream import Result, Task, run
from oxbert.pictures import Bar, Picture

_TEMPLATE = "This example is {}."


def classify(
    *,
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="TEXT...", help="Texts to classify.", show_default=False)
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            help="Labels of your own, with commas between them; for a model of natural language inference.",
            show_default=False,
        ),
    ] = None,
    template: Annotated[
        str | None,
        typer.Option(
            help=f"The sentence about one of --labels, with {{}} in its place; by default {_TEMPLATE}",
            show_default=False,
        ),
    ] = None,
    multi_label: Annotated[
        bool, typer.Option("--multi-label", help="Whether several of --labels may be true of a text.")
    ] = False,
    top_k: Annotated[
        int | None, typer.Option("--top-k", "-k", min=1, help="How many labels; by default all.", show_default=False)
    ] = None,
    truncate: Annotated[
        bool, typer.Option("--truncate", help="Shorten texts that are too long for the model.")
    ] = False,
    model: ModelOptions,
    stream: StreamOptions,
    pictures: PictureOptions,
) -> None:
    """Classify texts, or pairs of texts, by the labels of a model or by labels of your own.

    With two --column a row is a pair, such as a premise and a hypothesis.
    """
    columns = ("text", "text_pair") if len(stream.column or ()) == 2 and labels is None else ("text",)
    if labels is None and (template is not None or multi_label):
        raise refused("--multi-label" if multi_label else "--template", "expected --labels too")
    if labels is None:
        ask = model.load("text-classification", top_k=top_k, truncation=truncate)
    else:
        ask = model.load(
            "zero-shot-classification",
            candidate_labels=labels,
            hypothesis_template=template or _TEMPLATE,
            multi_label=multi_label,
            truncation=truncate,
        )

    table = ask._rows(len(columns))

    def answer(rows: Sequence[tuple[str, ...]]) -> list[Result]:
        # A zero-shot classifier ranks all labels.
        return [{**one, "labels": one["labels"][:top_k]} for one in table.answer(rows)]

    with opened(pictures, stream, _draw) as sinks:
        run(Task(columns, table.fields, answer, _show, sinks, can_truncate=True), texts or [], stream)


def _draw(result: Result) -> Picture:
    text = "\n".join(result[name] for name in ("text", "text_pair") if name in result)
    return Picture(text, groups=(tuple(Bar(one["label"], one["score"]) for one in result["labels"] or []),))


def _show(console: Console, result: Result) -> None:
    print_picture(console, _draw(result))


__all__ = ["classify"]
