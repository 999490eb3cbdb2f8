"""Implement `oxbert rank`: a query and texts -> the texts that fit best."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

import oxbert
from oxbert._checks import refused
from oxbert.cli._options import ModelOptions, StreamOptions
from oxbert.cli._stream import Result, Task, write_best
from oxbert.cli._vectors import load_encoder
from oxbert.hub._folders import find
from oxbert.pictures import visible


def rank(
    *,
    query: Annotated[str, typer.Argument(help="What to look for.", show_default=False)],
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="TEXT...", help="Texts to rank.", show_default=False)
    ] = None,
    top_k: Annotated[int, typer.Option("--top-k", "-k", min=1, help="How many texts to print or write.")] = 10,
    truncate: Annotated[
        bool, typer.Option("--truncate/--no-truncate", help="Whether to shorten texts that are too long for the model.")
    ] = True,
    model: ModelOptions,
    stream: StreamOptions,
) -> None:
    """Rank texts by how well they fit a query.

    A classifier with one label scores each pair of the query and a text. The score of any other model is the cosine of
    their vectors.
    """
    score = _load(model, query, truncate)

    def answer(rows: Sequence[tuple[str, ...]]) -> list[Result]:
        return [{"score": float(one)} for one in score([text for (text,) in rows])]

    write_best(Task(("text",), {"score": float}, answer, _show, can_truncate=True), texts or [], stream, "score", top_k)


def _load(model: ModelOptions, query: str, truncate: bool) -> Callable[[list[str]], Any]:
    if model.model is None:
        raise refused("--model", "expected a model: none that ships with oxbert is made for ranking")
    values = oxbert.AutoConfig.from_pretrained(find(model.model)).to_dict()
    names = values.get("architectures") or []
    if any(name.endswith("ForSequenceClassification") for name in names):
        cross = oxbert.CrossEncoder.from_pretrained(model.model, **model.prepare())
        if cross.config.num_labels != 1:
            raise refused("--model", f"expected one label for ranking, got {cross.config.num_labels}: use classify")
        return lambda texts: cross.predict([(query, text) for text in texts], truncation=truncate)
    encode, _ = load_encoder(model, None, normalize=True, truncate=truncate)
    [wanted] = encode([query])
    return lambda texts: np.asarray(encode(texts)) @ wanted


def _show(console: Console, result: Any) -> None:
    console.print(visible(f"{result['score']:6.3f}  {result['text']}"), markup=False)


__all__ = ["rank"]
