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
class Answer:
    """Hold an answer in a context.

    Attributes:
        text: The answer.
        start: The character of the context at which it begins.
    """

    text: str
    start: int


@dataclass(frozen=True)
class QuestionExample(Example):
    """Hold a question about a context.

    Attributes:
        id: The name of the question in files of predictions.
        question: The question.
        context: The text that may have the answer.
        answers: The right answers; the first one is trained. Empty if the question has none, or they are not known.
        is_impossible: Whether the context has no answer.
    """

    id: str
    question: str
    context: str
    answers: tuple[Answer, ...] = ()
    is_impossible: bool = False


__all__ = ["DEV", "TEST", "TRAIN", "Answer", "Example", "QuestionExample", "TaggedExample", "TextExample"]
