"""Implement `oxbert fill-mask`: texts with `[MASK]` -> the likeliest tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Console

from oxbert import FillMask
from oxbert.cli._options import ModelOptions, StreamOptions
from oxbert.cli._pictures import PictureOptions, opened
from oxbert.cli._showing import print_picture
from oxbert.cli._stream import Result, Task, run
from oxbert.pictures import Picture, draw_candidates
from oxbert.pipelines.fill_mask import CANDIDATE


def fill_mask(
    *,
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="TEXT...", help="Texts with one [MASK] or more.", show_default=False)
    ] = None,
    top_k: Annotated[int, typer.Option("--top-k", "-k", min=1, help="How many candidates a mask has.")] = 5,
    model: ModelOptions,
    stream: StreamOptions,
    pictures: PictureOptions,
) -> None:
    """Fill each [MASK] of a text with the likeliest tokens.

    Texts come from the command line, from --input FILE, or from standard input, one per line.
    """
    fill = FillMask.from_pretrained(model.model or "electra-tiny-generator", **model.prepare())

    def answer(rows: Sequence[tuple[str, ...]]) -> list[Result]:
        return [{"masks": masks} for masks in fill([text for (text,) in rows], top_k=top_k)]

    with opened(pictures, stream, _draw) as sinks:
        fields = {"masks": [{"index": int, "start": int, "end": int, "candidates": [CANDIDATE]}]}
        run(Task(("text",), fields, answer, _show, sinks), texts or [], stream)


def _draw(result: Result) -> Picture:
    return draw_candidates(result["text"], result["masks"] or [])


def _show(console: Console, result: Any) -> None:
    print_picture(console, _draw(result))


__all__ = ["fill_mask"]
