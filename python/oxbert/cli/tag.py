"""Implement `oxbert tag`: texts -> the entities in them, or the labels of their tokens."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console

from oxbert.cli._options import ModelOptions, StreamOptions
from oxbert.cli._pictures import PictureOptions, opened
from oxbert.cli._showing import has_colours, print_picture
from oxbert.cli._stream import Result, Task, run
from oxbert.pictures import Picture, mark_entities, visible
from oxbert.pipelines.token_classification import AggregationStrategy


def tag(
    *,
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="TEXT...", help="Texts to label.", show_default=False)
    ] = None,
    aggregation: Annotated[
        AggregationStrategy, typer.Option(help="How tokens are joined to entities; none gives tokens.")
    ] = "simple",
    model: ModelOptions,
    stream: StreamOptions,
    pictures: PictureOptions,
) -> None:
    """Highlight the entities of texts, such as names.

    Texts of any length are read to their end.
    """
    table = model.load("token-classification", aggregation_strategy=aggregation)._rows()
    with opened(pictures, stream, _draw) as sinks:
        run(Task(table.columns, table.fields, table.answer, _show, sinks), texts or [], stream)


def _draw(result: Result) -> Picture:
    return mark_entities(result["text"], result["entities"] or [])


def _show(console: Console, result: Any) -> None:
    print_picture(console, _draw(result))
    if has_colours(console):
        for entity in result["entities"]:
            label = entity.get("entity_group") or entity.get("entity")
            console.print(visible(f"  {label} {entity['score']:.0%} {entity['word']}"), markup=False)


__all__ = ["tag"]
