"""Implement `oxbert detect`: texts -> the probability that each word was replaced."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import typer
from rich.console import Console

from oxbert._checks import refused
from oxbert.cli._options import ModelOptions, StreamOptions
from oxbert.cli._pictures import PictureOptions, opened
from oxbert.cli._showing import has_colours, print_picture
from oxbert.cli._stream import Result, Task, run
from oxbert.pictures import Picture, shade_words, visible
from oxbert.pipelines.replaced_tokens import SUGGESTION, WORD


def detect(
    *,
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="TEXT...", help="Texts to examine.", show_default=False)
    ] = None,
    threshold: Annotated[
        float,
        typer.Option("--threshold", "-t", min=0, max=1, help="The probability from which a word counts as replaced."),
    ] = 0.25,
    generator: Annotated[
        str | None,
        typer.Option(help="A masked LM that suggests what stood there; electra-tiny-generator is bundled."),
    ] = None,
    top_k: Annotated[
        int | None,
        typer.Option("--top-k", "-k", min=1, help="How many suggestions a word has; by default 5.", show_default=False),
    ] = None,
    model: ModelOptions,
    stream: StreamOptions,
    pictures: PictureOptions,
) -> None:
    """Shade the words of a text by the probability that they were replaced.

    Texts come from the command line, from --input FILE, or from standard input, one per line.
    """
    find = model.load("replaced-token-detection", threshold=0.0)
    if top_k is not None and generator is None:
        raise refused("--top-k", "expected --generator too")
    suggest = find
    if generator is not None:
        suggest = model.load("replaced-token-detection", threshold=threshold, generator=generator, top_k=top_k or 5)
    word = {**WORD, "replaced": bool} | ({"suggestions": [SUGGESTION]} if generator else {})

    def answer(rows: Sequence[tuple[str, ...]]) -> list[Result]:
        texts = [text for (text,) in rows]
        found = find(texts)
        for words, others in zip(found, suggest(texts) if generator else found, strict=True):
            suggested = {word["start"]: word.get("suggestions") for word in others}
            for word in words:
                word["replaced"] = word["probability"] >= threshold
                if generator:
                    word["suggestions"] = suggested.get(word["start"])
        return [{"words": words} for words in found]

    with opened(pictures, stream, _draw) as sinks:
        run(Task(("text",), {"words": [word]}, answer, partial(_show, threshold), sinks), texts or [], stream)


def _draw(result: Result) -> Picture:
    return shade_words(result["text"], result["words"] or [])


def _show(threshold: float, console: Console, result: Any) -> None:
    found = [word for word in result["words"] if word["replaced"]]
    # Without colours, only words above the threshold are marked.
    print_picture(console, shade_words(result["text"], result["words"] if has_colours(console) else found))
    for word in sorted(found, key=lambda word: -word["probability"]):
        others = [one["token_str"] for one in word.get("suggestions") or []]
        if others or has_colours(console):
            line = f"  {word['word']} {word['probability']:.0%}{': ' * bool(others)}{', '.join(others)}"
            console.print(visible(line), markup=False)


__all__ = ["detect"]
