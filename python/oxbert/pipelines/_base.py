"""Define what the pipelines of all tasks share: loading, one text or many, streams, options."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from typing_extensions import Self

from oxbert import _native
from oxbert._checks import check_flag, check_type, refused
from oxbert._fields import Fields, Result
from oxbert._types import PathLike, Precision
from oxbert.hub._options import split_options
from oxbert.pipelines._rows import Rows

# A stream is read until the texts make about this many batches, or are this many.
_BATCHES, _TEXTS = 8, 1024
# English has about this many characters in a token.
_CHARACTERS = 4
_BATCH_TOKENS = 2048

# A function from some inputs, and the number of inputs before them, to one answer for each.
Answer = Callable[[list[Any], int], list[Any]]


class Pipeline:
    """Answer texts with a model, the base class of the pipelines of all tasks.

    A call takes one input and returns one answer; a list or a tuple, and returns a list; or anything else that can be
    iterated, such as a generator or the column of a dataset, and returns a generator. A generator reads its texts chunk
    by chunk, so that neither the texts nor the answers have to fit into memory, and keeps their order. An answer never
    depends on the other texts.

    A pipeline can be pickled, copied, and used by several threads at once. A pickle holds the places of the files, not
    the weights, unless the pipeline was given a loaded model.

    Attributes:
        task: The name of the task.
    """

    task: ClassVar[str]
    # The class of the native pipeline.
    _kind: ClassVar[Any]
    # The bundled model that serves the task.
    _default: ClassVar[str | None] = None
    # The class of models that serve the task, for messages.
    _wanted: ClassVar[str]
    # Whether options may be given once, for every call.
    _remembers: ClassVar[bool] = True
    # The columns of a table that a row's input is made of, and how many of them every row needs.
    _columns: ClassVar[tuple[str, ...]] = ("text",)
    _least: ClassVar[int] = 1

    def __init__(self, native: Any, *, batch_tokens: int | None = None, **options: Any) -> None:
        check_type("native", native, self._kind, "what from_pretrained passes; call it instead of the class")
        self._check(options)
        self._native = native
        self._batch_tokens = _BATCH_TOKENS if batch_tokens is None else batch_tokens
        self._options = options

    @classmethod
    def from_pretrained(
        cls,
        model: PathLike | _native.Model | None = None,
        tokenizer: PathLike | _native.Tokenizer | None = None,
        *,
        device: Any = None,
        precision: Precision | None = None,
        emulate: bool = False,
        batch_tokens: int | None = None,
        **options: Any,
    ) -> Self:
        """Load the pipeline of the task: `oxbert.pipeline` with this class's task."""
        hub, rest = split_options(options)
        if rest and not cls._remembers:
            raise TypeError(f"from_pretrained() got an unexpected keyword argument {next(iter(rest))!r}")
        cls._check(rest)
        if model is None:
            model = cls._bundled()
        native = cls._kind.from_pretrained(
            model,
            tokenizer=tokenizer,
            device=device,
            precision=precision,
            emulate=emulate,
            batch_tokens=batch_tokens,
            **hub,
        )
        return cls(native, batch_tokens=batch_tokens, **rest)

    @property
    def model(self) -> _native.Model | None:
        """The loaded model that the pipeline was given; None if the pipeline loaded one of its own."""
        model: _native.Model | None = self._native._model
        return model

    @property
    def tokenizer(self) -> _native.Tokenizer:
        """A copy of the tokenizer."""
        tokenizer: _native.Tokenizer = self._native._tokenizer
        return tokenizer

    @property
    def config(self) -> _native.Config:
        """A copy of the model's configuration."""
        config: _native.Config = self._native._config
        return config

    @property
    def device(self) -> str:
        """The name of the device on which the model runs."""
        device: str = self._native._device
        return device

    @property
    def precision(self) -> str:
        """The precision in which the model computes."""
        precision: str = self._native._precision
        return precision

    def __call__(self, inputs: Any, **options: Any) -> Any:
        """Answer one input, a list of inputs, or a stream of inputs.

        Args:
            inputs: A text; a list or tuple of texts; or an iterable of texts.
            options: The options that the class lists. They replace those that the pipeline was built with.

        Returns:
            One answer; a list of answers; or a generator of answers.

        Raises:
            TypeError: if the task has no such option.
            InputError: if an option or a text cannot be used.
            TooLongError: if a text has more tokens than the model has positions; `row` is its place among the inputs.
        """
        self._check(options)
        return self._answer(inputs, self._bind(**{**self._options, **options}))

    def _answer(self, inputs: Any, answer: Answer) -> Any:
        """Answer one input, a list or a stream."""
        if isinstance(inputs, str | bytes | Mapping):
            return answer([inputs], 0)[0]
        if isinstance(inputs, list | tuple):
            return answer(list(inputs), 0) if inputs else []
        if not hasattr(type(inputs), "__iter__") and not hasattr(type(inputs), "__getitem__"):
            check_type("inputs", inputs, (), "one input, or a list or another iterable of inputs")
        return self._stream(iter(inputs), answer)

    def __repr__(self) -> str:
        kind = type(self.config).__name__.removesuffix("Config")
        return f"{type(self).__name__}: {self.task} with {kind}, {self.precision} on {self.device}"

    def _bind(self, *arguments: Any, **options: Any) -> Answer:
        """Read the options, and return the function that answers inputs. Its keywords are the options of the task."""
        raise NotImplementedError

    def _stream(self, inputs: Iterator[Any], answer: Answer) -> Iterator[Any]:
        """Read, answer and yield inputs chunk by chunk."""
        room = _BATCHES * _CHARACTERS * self._batch_tokens
        first, chunk, size = 0, list[Any](), 0
        for one in inputs:
            chunk.append(one)
            size += _size(one)
            if size >= room or len(chunk) == _TEXTS:
                yield from answer(chunk, first)
                first, chunk, size = first + len(chunk), [], 0
        if chunk:
            yield from answer(chunk, first)

    def _rows(self, width: int | None = None, **options: Any) -> Rows:
        """Return how rows of a table are answered, for programs that read and write tables.

        Args:
            width: The number of values of a row; None means as few as the task takes.
            options: The options that the class lists. They replace those that the pipeline was built with.

        Raises:
            TypeError: if the task has no such option.
            InputError: if an option cannot be used, or rows cannot have so many values.
        """
        self._check(options)
        columns = self._columns[: self._least if width is None else width]
        if width is not None and not self._least <= width <= len(self._columns):
            wanted = " or ".join(str(number) for number in range(self._least, len(self._columns) + 1))
            raise refused("columns", f"expected {wanted} ({', '.join(self._columns)}), got {width}")
        given = {**self._options, **options}
        fields, keywords, result = self._form(given)
        answer = self._bind(**{**given, **keywords})

        def answer_rows(rows: Sequence[tuple[Any, ...]]) -> list[Result]:
            return [result(one) for one in answer([self._input(row) for row in rows], 0)]

        return Rows(columns, fields, answer_rows, self._example(len(columns), given))

    def _form(self, options: Mapping[str, Any]) -> tuple[Fields, Mapping[str, Any], Callable[[Any], Result]]:
        """Return the fields of a row's result, options that it needs, and what makes it of an answer."""
        raise NotImplementedError

    def _input(self, row: tuple[Any, ...]) -> Any:
        """Return the input that a row's values are."""
        return row[0] if len(row) == 1 else dict(zip(self._columns, row, strict=True))

    def _example(self, width: int, options: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the values of a row that has an answer."""
        return ("a",) * width

    @classmethod
    def _check(cls, options: Mapping[str, Any]) -> None:
        """Refuse options that the task does not have, and conditions that are neither true nor false."""
        known = list(cls._bind.__kwdefaults__ or {})
        for name, value in options.items():
            if name not in known:
                raise TypeError(f"{cls.task} has no option {name!r}; its options are {', '.join(known) or 'none'}")
            # The annotations of this package are texts.
            if cls._bind.__annotations__.get(name) in ("bool", bool):
                check_flag(name, value)

    @classmethod
    def _bundled(cls) -> str:
        if cls._default is None:
            raise refused("model", f"expected {cls._wanted}, got None: no model of {cls.task} ships with oxbert")
        return cls._default


def _size(one: Any) -> int:
    """Return about how many characters an input has."""
    if isinstance(one, str):
        return len(one)
    return sum(map(_size, one.values())) if isinstance(one, Mapping) else 1


__all__ = ["Answer", "Pipeline"]
