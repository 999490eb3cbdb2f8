"""Implement `oxbert answer`: questions and texts -> the parts of the texts that answer them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from oxbert._checks import refused
from oxbert._files import damaged, translate_os_errors
from oxbert.cli._options import ModelOptions, StreamOptions
from oxbert.cli._pictures import PictureOptions, opened
from oxbert.cli._showing import has_colours
from oxbert.cli._stream import Result, Task, run
from oxbert.pictures import Mark, Picture, visible
from oxbert.pipelines._rows import Rows


def answer(
    *,
    questions: Annotated[
        list[str] | None,
        typer.Argument(metavar="QUESTION...", help="Questions about --context.", show_default=False),
    ] = None,
    context: Annotated[
        str | None, typer.Option("--context", "-c", help="The text with the answers.", show_default=False)
    ] = None,
    context_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file with the text with the answers.", show_default=False)
    ] = None,
    top_k: Annotated[int, typer.Option("--top-k", "-k", min=1, help="How many answers a question has.")] = 1,
    longest: Annotated[int, typer.Option("--longest", min=1, help="The longest answer in tokens.")] = 15,
    impossible: Annotated[
        bool, typer.Option("--impossible", help="Allow the empty answer, if a text has none.")
    ] = False,
    model: ModelOptions,
    stream: StreamOptions,
    pictures: PictureOptions,
) -> None:
    """Answer questions with parts of a text.

    The text is --context or --context-file, or the column context beside the column question of --input.
    """
    table: Rows = model.load(
        "question-answering", top_k=top_k, max_answer_len=longest, handle_impossible_answer=impossible
    )._rows()
    if context is not None and context_file is not None:
        raise refused("--context", "expected it or --context-file, got both")
    if context_file is not None:
        context = _read(context_file)
    if context is None and questions:
        raise refused(
            "--context", "expected a text for the questions, or --input with the columns question and context"
        )
    columns = ("question", "context") if context is None else ("question",)

    def find(rows: Sequence[tuple[str, ...]]) -> Sequence[Result]:
        return table.answer(rows if context is None else [(question, context) for (question,) in rows])

    draw = partial(_draw, context)
    with opened(pictures, stream, draw) as sinks:
        task = Task(columns, table.fields, find, _show, sinks)
        run(task, questions or [], stream)


def _read(path: Path) -> str:
    with translate_os_errors("read", path):
        data = path.read_bytes()
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise damaged(path, f"is not UTF-8 (0x{data[error.start]:02x})", line=line) from error


def _draw(context: str | None, result: Result) -> Picture:
    """Return the picture of a question above the text, with the answer marked."""
    above = f"{result['question']}\n"
    text = above + (result["context"] if context is None else context)
    if not result["answer"]:
        return Picture(text)
    start, end = (len(above) + result[name] for name in ("start", "end"))
    strength = 0.25 + 0.75 * result["score"]
    return Picture(text, (Mark(start, end, strength, f"{result['score']:.0%}", tone="answer"),))


def _show(console: Console, result: Any) -> None:
    console.print(visible(result["question"]), style="bold" if has_colours(console) else "", markup=False)
    for one in result["answers"] or [result]:
        console.print(visible(f"  {one['score'] or 0:4.0%} {one['answer'] or '(no answer)'}"), markup=False)


__all__ = ["answer"]
