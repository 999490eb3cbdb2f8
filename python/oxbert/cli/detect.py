"""Implement `oxbert detect`: texts -> the probability that each word was replaced."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import typer
from rich.console import Console

from oxbert import ReplacedTokenDetection
from oxbert.cli._options import ModelOptions, StreamOptions
from oxbert.cli._pictures import PictureOptions, opened
from oxbert.cli._showing import has_colours, print_picture
from oxbert.cli._stream import Result, Task, run
from oxbert.pictures import Mark, Picture, find_words, strength_of

_WORD = {"word": str, "start": int, "end": int, "probability": float, "replaced": bool}


def detect(
    *,
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="TEXT...", help="Texts to examine.", show_default=False)
    ] = None,
    threshold: Annotated[
        float,
        typer.Option("--threshold", "-t", min=0, max=1, help="The probability from which a word counts as replaced."),
    ] = 0.25,
    model: ModelOptions,
    stream: StreamOptions,
    pictures: PictureOptions,
) -> None:
    """Shade the words of a text by the probability that they were replaced.

    Texts come from the command line, from --input FILE, or from standard input, one per line.
    """
    find = ReplacedTokenDetection.from_pretrained(**model.prepare("electra-tiny-discriminator"))

    def answer(rows: Sequence[tuple[str, ...]]) -> list[Result]:
        texts = [text for (text,) in rows]
        return [{"words": _words(text, tokens)} for text, tokens in zip(texts, find(texts), strict=True)]

    def _words(text: str, tokens: Any) -> list[dict[str, Any]]:
        return [
            {
                "word": text[word.start : word.end],
                "start": word.start,
                "end": word.end,
                "probability": word.probability,
                "replaced": word.probability >= threshold,
            }
            for word in find_words(tokens)
        ]

    with opened(pictures, _draw) as sinks:
        task = Task(("text",), {"words": [_WORD]}, answer, partial(_show, threshold), sinks)
        run(task, texts or [], stream)


def _draw(result: Result) -> Picture:
    return Picture(result["text"], tuple(_mark(word) for word in result["words"] or []))


def _mark(word: Any) -> Mark:
    strength = strength_of(word["probability"])
    note = f"{word['probability']:.0%}" if strength else ""
    return Mark(word["start"], word["end"], strength, note, f"{word['probability']:.4f}")


def _show(threshold: float, console: Console, result: Result) -> None:
    found = [word for word in result["words"] if word["replaced"]]
    # Without colours, only words above the threshold are marked.
    shown = result["words"] if has_colours(console) else found
    print_picture(console, Picture(result["text"], tuple(map(_mark, shown))))
    found.sort(key=lambda word: -word["probability"])
    if has_colours(console) and found:
        console.print("  " + ", ".join(f"{word['word']} {word['probability']:.0%}" for word in found), markup=False)


__all__ = ["detect"]
