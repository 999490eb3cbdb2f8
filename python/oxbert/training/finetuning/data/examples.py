"""Hold what files say about the examples of tasks."""

from __future__ import annotations

from dataclasses import dataclass

TRAIN, DEV, TEST = "train", "dev", "test"
"""The names of the usual splits."""


@dataclass(frozen=True)
class Example:
    """Hold what a file says about one example.

    Attributes:
        place: Where it stands, for messages: `dev.tsv, line 7`.
    """

    place: str


@dataclass(frozen=True)
class TextExample(Example):
    """Hold a text or a pair of texts with its label.

    Attributes:
        first: The first text.
        second: The second text of a pair.
        label: A name, a number for regression, the names of all labels that apply for multi-label classification; None
            if it is not known, as in the test files of GLUE.
        id: What a submission calls the example; None means its number.
    """

    first: str
    second: str | None = None
    label: str | float | tuple[str, ...] | None = None
    id: str | None = None


@dataclass(frozen=True)
class TaggedExample(Example):
    """Hold the words of a sentence with a tag each.

    Attributes:
        words: The words.
        tags: As many tags; None if they are not known.
    """

    words: tuple[str, ...]
    tags: tuple[str, ...] | None = None


@dataclass(frozen=True)
class QuestionExample(Example):
    """Hold a question about a context.

    Attributes:
        id: The name of the question in files of predictions.
        question: The question.
        context: The text that may have the answer.
        answers: The right answers, to score with. Empty if the question has none, or they are not known.
        span: The first character in the context, and one past the last, of the answer that is trained. None if the
            question has no answer, or it is not known where.
        is_impossible: Whether it is known that the context has no answer.
    """

    id: str
    question: str
    context: str
    answers: tuple[str, ...] = ()
    span: tuple[int, int] | None = None
    is_impossible: bool = False


__all__ = ["DEV", "TEST", "TRAIN", "Example", "QuestionExample", "TaggedExample", "TextExample"]
