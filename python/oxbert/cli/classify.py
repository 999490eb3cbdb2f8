"""Implement `oxbert classify`: texts -> labels, of a classifier or of the caller."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Console

from oxbert._checks import refused
from oxbert.cli._options import ModelOptions, StreamOptions
from oxbert.cli._pictures import PictureOptions, opened
from oxbert.cli._showing import print_picture
from oxbert.cli._stream import Result, Task, run
from oxbert.pictures import Bar, Picture

_TEMPLATE = "This example is {}."
_LABEL = {"label": str, "score": float}


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

    def answer(rows: Sequence[tuple[str, ...]]) -> list[Result]:
        inputs = [dict(zip(columns, row, strict=True)) if len(row) == 2 else row[0] for row in rows]
        return [_result(found, top_k) for found in ask(inputs)]

    with opened(pictures, _draw) as sinks:
        run(Task(columns, _LABEL | {"labels": [_LABEL]}, answer, _show, sinks), texts or [], stream)


def _result(found: Any, top_k: int | None) -> Result:
    if isinstance(found, dict):
        found = [
            {"label": label, "score": score} for label, score in zip(found["labels"], found["scores"], strict=True)
        ]
    labels = found[:top_k]
    return {**labels[0], "labels": labels}


def _draw(result: Result) -> Picture:
    text = "\n".join(result[name] for name in ("text", "text_pair") if name in result)
    return Picture(text, groups=(tuple(Bar(one["label"], one["score"]) for one in result["labels"] or []),))


def _show(console: Console, result: Result) -> None:
    print_picture(console, _draw(result))


__all__ = ["classify"]
