"""Answer rows of a table: columns with texts in, fields of a fixed type out, and the rows that have no answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from oxbert._fields import Fields, Result
from oxbert.errors import ConfigError, DeviceError, InternalError, OxbertError, TorchError

# Errors that are not about a text.
_FATAL = (ConfigError, DeviceError, InternalError, TorchError)

AnswerRows = Callable[[Sequence[tuple[Any, ...]]], Sequence[Result]]
"""A function from the values of rows to one result for each."""


@dataclass(frozen=True)
class Rows:
    """Describe what a pipeline does with the rows of a table.

    Attributes:
        columns: The names of the values of a row.
        fields: The fields of a result.
        answer: Answers rows of values, in their order.
        example: The values of a row that has an answer.
    """

    columns: tuple[str, ...]
    fields: Fields
    answer: AnswerRows
    example: tuple[Any, ...]


def answer_each(answer: AnswerRows, rows: Sequence[tuple[Any, ...]]) -> Iterator[Result | OxbertError]:
    """Yield the result of each row, or the error of a row that has none.

    Rows without errors are answered together: a bad row costs about 2 log2(N) more calls for N rows.

    Raises:
        OxbertError: if the error is not about a text.
    """
    try:
        results = answer(rows)
    except _FATAL:
        raise
    except OxbertError as error:
        if len(rows) == 1:
            yield error
            return
    else:
        yield from results
        return
    middle = len(rows) // 2
    yield from answer_each(answer, rows[:middle])
    yield from answer_each(answer, rows[middle:])


__all__ = ["AnswerRows", "Rows", "answer_each"]
