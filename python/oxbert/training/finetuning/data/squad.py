"""Read questions, their contexts and their answers: SQuAD's JSON, MRQA's JSON lines, and rows with columns.

Every reader yields a `QuestionExample` for each good question. The error of a bad one, with its file and place, goes to
`on_bad`, and the question is left out if that call returns.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from oxbert._files import damaged
from oxbert._rows import OnBad, Row, parse_object, read_file, read_file_lines
from oxbert.errors import DataError
from oxbert.training.finetuning.data.examples import QuestionExample


class Bad(ValueError):
    """Say what is wrong with a question; the reader adds the place."""


def read_squad(path: str | os.PathLike[str], on_bad: OnBad, *, is_training: bool) -> Iterator[QuestionExample]:
    """Iterate over the questions of a file of SQuAD 1.1 or 2.0.

    Args:
        path: The file, JSON, with any ending; `.gz` is decompressed.
        on_bad: Takes the error of each bad question.
        is_training: Whether each question needs a place of its answer, or must be impossible.

    Raises:
        DataError: if the file is not UTF-8, not JSON or not of this form; what `on_bad` raises.
        FileError: if the file cannot be read.
    """
    text = read_file(path)
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        line = {"line": error.lineno} if isinstance(error, json.JSONDecodeError) else {}
        raise damaged(path, f"expected JSON: {error}", **line) from error
    number = 0
    seen: dict[str, str] = {}
    try:
        articles = _list(content, "data", "the file")
        for paragraph, where in (
            (paragraph, f"data[{first}].paragraphs[{second}]")
            for first, article in enumerate(articles)
            for second, paragraph in enumerate(_list(article, "paragraphs", f"data[{first}]"))
        ):
            for third, entry in enumerate(_list(paragraph, "qas", where)):
                number += 1
                place = f"{os.fspath(path)}, {where}.qas[{third}]"
                try:
                    example = _squad(place, paragraph, entry, is_training=is_training)
                    yield _unique(example, seen)
                except Bad as error:
                    on_bad(damaged(path, f"{where}.qas[{third}]: {error}", record=number))
    except Bad as error:
        raise damaged(path, str(error)) from error


def read_mrqa(path: str | os.PathLike[str], on_bad: OnBad, *, is_training: bool) -> Iterator[QuestionExample]:
    """Iterate over the questions of a file of MRQA 2019: a line with a header, then a line for each context.

    The answer to train on is the first place of the first of the `detected_answers`.

    Args:
        path: The file, JSON lines; `.gz` is decompressed.
        on_bad: Takes the error of each bad question or line.
        is_training: Whether each question needs a place of its answer.

    Raises:
        DataError: if the file is not UTF-8; what `on_bad` raises.
        FileError: if the file cannot be read.
    """
    seen: dict[str, str] = {}
    for number, line in read_file_lines(path, on_bad):
        if not line.strip():
            continue
        try:
            record = parse_object(line, os.fspath(path), number)
            if number == 1 and "header" in record:
                continue
            entries = _list(record, "qas", "the line")
        except DataError as error:
            on_bad(error)
            continue
        except Bad as error:
            on_bad(damaged(path, str(error), line=number))
            continue
        for which, entry in enumerate(entries):
            try:
                example = _mrqa(f"{os.fspath(path)}, line {number}", record, entry, is_training=is_training)
                yield _unique(example, seen)
            except Bad as error:
                on_bad(damaged(path, f"qas[{which}]: {error}", line=number))


def read_rows(
    rows: Iterable[Row], columns: Sequence[str], on_bad: OnBad, *, is_training: bool
) -> Iterator[QuestionExample]:
    """Iterate over the questions of rows, in the form of `datasets`.

    A row has a question, a context and its answers:

    - `{"text": [...], "answer_start": [...]}`, as the data sets of SQuAD have, or a list of texts. An empty list
      means that there is no answer, and so does null.
    - a text, whose first character in the context is `answer_start` if that is not None.

    The place of an answer without `answer_start` is the first one in the context. The id of a question without one is
    the number of the row.

    Args:
        rows: The rows.
        columns: What the values of a row are: each of `question`, `context` and `answer`, and any of `id`,
            `answer_start` and `is_impossible`. A question with a true `is_impossible` must not have an answer.
        on_bad: Takes the error of each bad row.
        is_training: Whether a missing answer means that there is none; otherwise it may only be unknown.

    Raises:
        DataError: if `on_bad` raises it.
    """
    seen: dict[str, str] = {}
    for row in rows:
        try:
            values = dict(zip(columns, row.values, strict=True))
            yield _unique(_row(row.place, row.number, values, is_training=is_training), seen)
        except Bad as error:
            on_bad(row.bad(str(error)))


def _squad(place: str, paragraph: Any, entry: Any, *, is_training: bool) -> QuestionExample:
    identity, question, context = _text(entry, "id"), _text(entry, "question"), _text(paragraph, "context")
    answers, starts = [], []
    for answer in _list(entry, "answers", "the question") if "answers" in entry else []:
        answers.append(_text(answer, "text"))
        starts.append(_start(answer.get("answer_start")))
    is_impossible = _truth(entry, "is_impossible", is_training and not answers)
    return _checked(place, identity, question, context, answers, starts, is_impossible, is_training=is_training)


def _mrqa(place: str, record: Any, entry: Any, *, is_training: bool) -> QuestionExample:
    identity, question, context = _text(entry, "qid"), _text(entry, "question"), _text(record, "context")
    answers = _texts(entry["answers"]) if entry.get("answers") is not None else []
    span = None
    if is_training:
        found = _list(entry, "detected_answers", "the question")
        if not found:
            raise Bad("expected a place in detected_answers, got none")
        spans = _list(found[0], "char_spans", "detected_answers[0]")
        first = spans[0] if spans else None
        if not (isinstance(first, list) and len(first) == 2 and all(type(value) is int for value in first)):
            raise Bad(f"expected the first and the last character in detected_answers[0].char_spans[0], got {first!r}")
        # The second number is the last character itself.
        span = _span(context, _text(found[0], "text"), first[0], first[1] + 1)
    return QuestionExample(place, identity, question, context, tuple(answers), span)


def _row(place: str, number: int, row: Mapping[str, Any], *, is_training: bool) -> QuestionExample:
    question, context, given = _text(row, "question"), _text(row, "context"), row.get("answer")
    identity = str(number) if row.get("id") is None else str(row["id"])
    is_impossible = _truth(row, "is_impossible", False)
    answers: list[str] = []
    starts: list[int | None] = []
    if isinstance(given, str) and not (is_impossible and not given):
        answers, starts = [_checked_text(given, "answer")], [_start(row.get("answer_start"))]
    elif isinstance(given, Mapping):
        answers, places = _texts(given.get("text")), given.get("answer_start")
        starts = [None] * len(answers) if places is None else [_start(one) for one in _sequence(places)]
    elif given is not None and not isinstance(given, str):
        answers = _texts(given)
        starts = [None] * len(answers)
    is_none = not answers and (is_training or given is not None)
    return _checked(
        place, identity, question, context, answers, starts, is_impossible or is_none, is_training=is_training
    )


def _checked(
    place: str,
    identity: str,
    question: str,
    context: str,
    answers: Sequence[str],
    starts: Sequence[int | None],
    is_impossible: bool,
    *,
    is_training: bool,
) -> QuestionExample:
    """Return an example whose first answer is the one to train on."""
    if len(answers) != len(starts):
        raise Bad(f"expected as many answer_start as answers, got {len(starts)} and {len(answers)}")
    if is_impossible and answers:
        raise Bad(f"expected no answer to an impossible question, got {answers[0]!r}")
    span = None
    if is_training and not is_impossible:
        if not answers:
            raise Bad("expected an answer, got none")
        start = starts[0]
        if start is None:
            start = context.find(answers[0])
            if start < 0:
                raise Bad(f"expected an answer in the context, which does not contain {answers[0]!r}")
        span = _span(context, answers[0], start, start + len(answers[0]))
    return QuestionExample(place, identity, question, context, tuple(answers), span, is_impossible)


def _span(context: str, answer: str, start: int, end: int) -> tuple[int, int]:
    """Return a span if its characters are the answer, up to case and white space."""
    found = context[start:end] if 0 <= start < end <= len(context) else ""
    if _folded(found) != _folded(answer):
        raise Bad(f"expected the answer {answer!r} in the context at character {start}, got {found!r}")
    return start, end


def _folded(text: str) -> str:
    return " ".join(text.split()).lower()


def _unique(example: QuestionExample, seen: dict[str, str]) -> QuestionExample:
    """Return an example whose id is new."""
    if example.id in seen:
        raise Bad(f"the id {example.id!r} is that of another question: {seen[example.id]}")
    seen[example.id] = example.place
    return example


def _list(record: Any, name: str, owner: str) -> list[Any]:
    """Return a list of an object."""
    value = record.get(name) if isinstance(record, dict) else None
    if not isinstance(value, list):
        raise Bad(f"{owner}: expected an object with a list in {name!r}")
    return value


def _text(record: Any, name: str) -> str:
    """Return a text of an object that is not blank and that UTF-8 can write."""
    if not isinstance(record, Mapping):
        raise Bad(f"expected an object with {name!r}, got {type(record).__name__}")
    if name not in record:
        raise Bad(f"expected {name!r}, found {', '.join(map(str, record)) or 'none'}")
    return _checked_text(record[name], name)


def _checked_text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise Bad(f"expected a text in {name!r}, got {'none' if value is None else type(value).__name__}")
    if not value.strip():
        raise Bad(f"expected a text in {name!r}, got an empty one")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise Bad(f"{name!r} has half of a surrogate pair") from error
    return value


def _texts(values: Any) -> list[str]:
    return [_checked_text(value, "answers") for value in _sequence(values)]


def _sequence(values: Any) -> Sequence[Any]:
    """Return the values of a list, also of one of numpy or Arrow."""
    values = values.tolist() if hasattr(values, "tolist") else values
    if not isinstance(values, list | tuple):
        raise Bad(f"expected a list in 'answers', got {'none' if values is None else type(values).__name__}")
    return values


def _start(value: Any) -> int | None:
    """Return the number of an answer's first character; texts come from CSV."""
    if isinstance(value, str) and value.strip().isdecimal():
        value = int(value)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise Bad(f"expected an integer in 'answer_start', got {value!r}")
    return value


def _truth(record: Mapping[str, Any], name: str, default: bool) -> bool:
    """Return a truth value; texts come from CSV."""
    value = record.get(name)
    if value is None or value == "":
        return default
    if isinstance(value, str) and value.strip().lower() in ("true", "false", "0", "1"):
        return value.strip().lower() in ("true", "1")
    if not isinstance(value, bool | int) or value not in (0, 1):
        raise Bad(f"expected true or false in {name!r}, got {value!r}")
    return bool(value)


__all__ = ["read_mrqa", "read_rows", "read_squad"]
