"""Run a task over rows of texts: read, answer in blocks, and show or write the results in order."""

from __future__ import annotations

import heapq
import itertools
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console

from oxbert._checks import refused
from oxbert._fields import Fields, Result
from oxbert._files import damaged
from oxbert._rows import Row
from oxbert.cli._fields import are_close, csv_line, csv_row, json_line
from oxbert.cli._formats import find_output_format, open_writer
from oxbert.cli._options import StreamOptions
from oxbert.cli._progress import Progress
from oxbert.cli._reading import Rows, is_same_file
from oxbert.cli._shared import open_console
from oxbert.cli._writing import Writer
from oxbert.errors import OxbertError, TooLongError
from oxbert.pipelines._rows import answer_each

_BLOCK, _CHARACTERS = 256, 1 << 18
"""The largest number of rows, and about the largest number of characters, that are answered at once."""


class Sink(Protocol):
    """Take results beside the output, such as a picture of each."""

    def add(self, result: Result) -> None:
        """Take the result of a text."""


@dataclass(frozen=True)
class Task:
    """Describe what a command does with texts.

    Attributes:
        columns: The columns that a row of the input has.
        fields: The fields of an answer.
        answer: Answers rows of values, in their order.
        show: Prints the result of a row, with the columns and the fields, for people.
        sinks: What else gets every result.
        can_truncate: Whether the command has `--truncate`.
    """

    columns: tuple[str, ...]
    fields: Fields
    answer: Callable[[Sequence[tuple[str, ...]]], Sequence[Result]]
    show: Callable[[Console, Result], None]
    sinks: Sequence[Sink] = field(default=())
    can_truncate: bool = False


def run(
    task: Task,
    texts: Sequence[str],
    options: StreamOptions,
    *,
    emit: Callable[[Sequence[Result]], None] | None = None,
) -> None:
    """Answer all rows of the input.

    Args:
        task: What to do.
        texts: Texts of the command line.
        options: Where other texts come from, and where results go.
        emit: Takes results in their order; by default they are shown or written.

    Raises:
        InputError: if options contradict each other, or the output exists.
        DataError: if the input is bad, or a text has no answer; the message begins with the place.
        OxbertError: if the model fails.
    """
    if options.output is None and (options.resume or (options.overwrite and not task.sinks)):
        raise refused("--resume" if options.resume else "--overwrite", "expected --output too")
    if texts and (options.column or options.input_format):
        raise refused("--column" if options.column else "--input-format", "expected --input too, got texts")
    columns = tuple(options.column or task.columns)
    if len(columns) != len(task.columns):
        raise refused("--column", f"expected {len(task.columns)} ({', '.join(task.columns)}), got {len(columns)}")
    rows = Rows(texts, options.input or [], columns, options.input_format, keeps_bad=options.skip_errors)
    fields = _fields(task, options)
    writer = _open(options.output, options, fields)
    is_shown = writer is None and emit is None
    if emit is None:
        emit = _printer(task, options, fields) if writer is None else writer.write
    # Results on a terminal are the progress.
    progress = Progress(options.quiet or (is_shown and sys.stdout.isatty()))
    try:
        with closing(iter(rows)) as source:
            count = 0
            if writer is not None and options.resume:
                count = _continue(writer, task, source, options)
            for block in _blocks(source):
                for results in _answer(task, block, options.skip_errors):
                    # Not earlier, so that a bad input leaves no empty file.
                    if writer is not None and not writer.is_open:
                        writer.begin()
                    emit(results)
                    for sink in task.sinks:
                        for result in results:
                            if result[task.columns[0]] is not None:
                                sink.add(result)
                    count += len(results)
                    progress.update(count, rows.done, rows.size)
        if writer is not None:
            writer.close()
    except BaseException as error:
        if writer is not None:
            writer.stop()
            if isinstance(error, KeyboardInterrupt) and writer.count:
                _say(f"stopped after {_rows(writer.count)}; the same command with --resume continues")
        raise
    finally:
        progress.close()
    if writer is not None and not options.quiet:
        _say(f"{_rows(writer.count)} in {options.output}")


def write_best(task: Task, texts: Sequence[str], options: StreamOptions, by: str, count: int) -> None:
    """Answer all rows of the input, and show or write those with the highest values of a field, the best first.

    Memory holds `count` rows and a block.

    Args:
        task: As for `run`.
        texts: As for `run`.
        options: As for `run`.
        by: The field.
        count: How many rows to keep.

    Raises:
        InputError: as `run`; and if `--resume` is set, since no row is known before all are.
    """
    if options.resume:
        raise refused("--resume", "expected an output of one row per text; these are the best of all")
    fields = _fields(task, options)
    writer = _open(options.output, options, fields, "--overwrite")
    best: list[tuple[float, int, Result]] = []
    numbers = itertools.count()

    def keep(results: Sequence[Result]) -> None:
        for result in results:
            if result[by] is not None:
                # Of equal values, the earlier row counts.
                entry = (result[by], -next(numbers), result)
                if len(best) < count:
                    heapq.heappush(best, entry)
                else:
                    heapq.heappushpop(best, entry)

    run(task, texts, replace(options, output=None, format=None, overwrite=False), emit=keep)
    results = [result for _, _, result in sorted(best, key=lambda entry: entry[:2], reverse=True)]
    if writer is None:
        _printer(task, options, fields)(results)
        return
    writer.begin()
    writer.write(results)
    writer.close()
    if not options.quiet:
        _say(f"{_rows(writer.count)} in {options.output}")


def _fields(task: Task, options: StreamOptions) -> Fields:
    fields: dict[str, Any] = dict.fromkeys(task.columns, str) | dict(task.fields)
    return fields | ({"error": str} if options.skip_errors else {})


def _rows(count: int) -> str:
    return f"{count} row{'s' * (count != 1)}"


def _say(text: str) -> None:
    open_console(stderr=True).print(text, markup=False)


def _open(
    path: Path | None, options: StreamOptions, fields: Fields, way_on: str = "--resume to complete it, or --overwrite"
) -> Writer | None:
    if path is None:
        return None
    kind = options.format or find_output_format(path)
    writer = open_writer(path, kind, fields)
    if path.is_dir():
        raise refused("--output", f"expected a file, got the folder {path}")
    if is_same_file(path, options.input):
        # Rows are written while others are still to be read.
        raise refused("--output", f"expected another file than the input, got {path} for both")
    if path.exists() and not path.is_file():
        # A device or a pipe has no rows to lose, and none to read again.
        if kind not in ("jsonl", "csv"):
            raise refused("--output", f"expected a file for {kind}, got {path}, which is a device or a pipe")
        if options.resume:
            raise refused("--resume", f"expected an output that is a file, got {path}")
    elif not options.resume and not options.overwrite:
        for found in (path, writer.target):
            if found.exists():
                raise refused("--output", f"{found} exists; expected {way_on}")
    return writer


def _continue(writer: Writer, task: Task, source: Iterator[Row], options: StreamOptions) -> int:
    """Skip the rows whose results the output has, after comparing their texts, and the last result."""
    last: tuple[Result, Row] | None = None
    for number, found in enumerate(writer.resume(), 1):
        row = next(source, None)
        if row is None:
            raise refused("--resume", f"{options.output} has more rows than the input")
        if not _is_about(found, row, task.columns):
            reason = f"row {number} of {options.output} is not about the text of {row.place}"
            raise refused("--resume", f"{reason}: the input has changed; pass --overwrite instead")
        last = (found, row)
    if last is not None:
        known, row = last
        [[result]] = _answer(task, [row], options.skip_errors)
        if not are_close({name: result[name] for name in known}, known):
            reason = f"row {writer.count} of {options.output} is not what this command gives"
            raise refused("--resume", f"{reason}: pass the model and options of the first run, or --overwrite")
    return writer.count


def _is_about(result: Result, row: Row, columns: Sequence[str]) -> bool:
    """Return whether a result that was read again has the texts of a row."""
    if row.error is not None:
        # CSV has one cell for nothing and for an empty text.
        return not any(result.get(name) for name in columns)
    # An .npy file has no texts.
    return tuple(result.get(name, value) for name, value in zip(columns, row.values, strict=True)) == row.values


def _blocks(source: Iterator[Row]) -> Iterator[list[Row]]:
    """Gather rows into blocks: small ones at first, so that the first results come early."""
    size = 1
    while block := list(itertools.islice(source, 1)):
        characters = _length(block[0])
        for row in itertools.islice(source, size - 1):
            block.append(row)
            characters += _length(row)
            if characters >= _CHARACTERS:
                break
        yield block
        size = min(2 * size, _BLOCK)


def _length(row: Row) -> int:
    return 0 if row.error else sum(map(len, row.values))


def _answer(task: Task, block: Sequence[Row], skips: bool) -> Iterator[list[Result]]:
    """Yield the results of a block; if a text has no answer, those before it, then the error with the text's place."""
    results: list[Result] = []
    answers = answer_each(task.answer, [row.values for row in block if row.error is None])
    for row in block:
        if row.error is not None:
            results.append(_join(task, row, dict.fromkeys(task.fields), skips, str(row.error)))
            continue
        answer = next(answers)
        if not isinstance(answer, OxbertError):
            results.append(_join(task, row, answer, skips))
            continue
        reason = _reason(task, answer)
        if skips:
            results.append(_join(task, row, dict.fromkeys(task.fields), skips, reason))
            continue
        if results:
            yield results
        if len(block) == 1 and row.unit == "argument" and row.number == 1:
            raise refused("TEXT", reason) if isinstance(answer, TooLongError) else answer
        place = {"line": row.number} if row.unit == "line" else {"record": row.number}
        raise damaged(row.path, reason, **place) from answer
    yield results


def _reason(task: Task, error: OxbertError) -> str:
    """Return why a text has no answer, in the words of the command line."""
    if not isinstance(error, TooLongError):
        return str(error)
    found: Any = error
    way_on = "pass --truncate, or " if task.can_truncate else ""
    return f"{found.length} tokens are more than the model's {found.maximum} positions; {way_on}shorten the text"


def _join(task: Task, row: Row, answer: Result, skips: bool, error: str | None = None) -> Result:
    joined: dict[str, Any] = dict(zip(task.columns, row.values, strict=True))
    joined |= {name: answer[name] for name in task.fields}
    return joined | {"error": error} if skips else joined


def _printer(task: Task, options: StreamOptions, fields: Fields) -> Callable[[Sequence[Result]], None]:
    """Return what prints results on standard output."""
    if options.format in ("parquet", "arrow", "npy"):
        raise refused("--format", f"expected --output FILE for {options.format}, which cannot be printed")
    if options.format is not None:
        # As files have them, whatever the encoding and the line breaks of the terminal.
        output = sys.stdout.buffer
        if options.format == "csv":
            output.write(csv_line(list(fields)).encode())

        def write(results: Sequence[Result]) -> None:
            for result in results:
                output.write(json_line(result) if options.format == "jsonl" else csv_row(result, fields).encode())
            output.flush()

        return write
    console = open_console()

    def show(results: Sequence[Result]) -> None:
        if not options.quiet:
            for result in results:
                if result.get("error"):
                    text = result[task.columns[0]]
                    console.print(f"{text}\n" * (text is not None) + f"  no answer: {result['error']}", markup=False)
                else:
                    task.show(console, result)

    return show


__all__ = ["Result", "Sink", "Task", "run", "write_best"]
