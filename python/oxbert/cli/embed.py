"""Implement `oxbert embed`: texts -> vectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Console

from oxbert._fields import Vector
from oxbert.cli._options import ModelOptions, StreamOptions
from oxbert.cli._stream import Result, Task, run
from oxbert.cli._vectors import load_encoder
from oxbert.pictures import visible
from oxbert.pipelines.features import Pooling

_SHOWN = 6


def embed(
    *,
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="TEXT...", help="Texts to embed.", show_default=False)
    ] = None,
    pooling: Annotated[
        Pooling | None,
        typer.Option(
            help="How a text's hidden states become a vector; by default as the folder says, otherwise mean.",
            show_default=False,
        ),
    ] = None,
    normalize: Annotated[bool, typer.Option("--normalize", help="Divide each vector by its length.")] = False,
    truncate: Annotated[
        bool, typer.Option("--truncate", help="Shorten texts that are too long for the model.")
    ] = False,
    model: ModelOptions,
    stream: StreamOptions,
) -> None:
    """Turn each text into a vector, for search or as features.

    --output may also be .npy, which has the vectors alone as an array [N, D] float32.
    """
    encode, size = load_encoder(model, pooling, normalize=normalize, truncate=truncate)

    def answer(rows: Sequence[tuple[str, ...]]) -> list[Result]:
        return [{"vector": vector} for vector in encode([text for (text,) in rows])]

    run(Task(("text",), {"vector": Vector(size)}, answer, _show, can_truncate=True), texts or [], stream)


def _show(console: Console, result: Any) -> None:
    numbers = " ".join(f"{number:.3f}" for number in result["vector"][:_SHOWN])
    more = " ..." if len(result["vector"]) > _SHOWN else ""
    console.print(visible(result["text"]), markup=False)
    console.print(f"  [{len(result['vector'])}] {numbers}{more}", markup=False)


__all__ = ["embed"]
