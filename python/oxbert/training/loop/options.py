"""Define the options of a training run, each once: its type, its range, its default and its description.

Docstrings and the command line are derived from the fields. Nothing here imports torch.
"""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import math
import os
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NoReturn, TypeVar, get_args

from typing_extensions import Self

from oxbert._checks import check_type, refused
from oxbert._types import AutocastPrecision, Optimizer
from oxbert._yaml import read_value, read_yaml
from oxbert.errors import ConfigError

_PLACEHOLDER = "        {fields}\n"
_WIDTH = 120
_OPTIMIZERS: tuple[Optimizer, ...] = get_args(Optimizer)

_Documented = TypeVar("_Documented", bound=Callable[..., Any])


def _field(
    default: Any, kind: type, expected: str, holds: Callable[[Any], bool], text: str, optional: bool = False
) -> Any:
    rule = (kind, expected, holds, optional)
    return dataclasses.field(default=default, metadata={"rule": rule, "help": " ".join(text.split())})


MAX_BATCH_SIZE = 2**20
"""The largest number of texts in a batch. The places of all of them are drawn before an update."""


def integer(default: int | None, least: int, text: str, *, most: int | None = None, optional: bool = False) -> Any:
    """Return a field for an integer from `least` to `most`, or None if it is `optional`; `text` describes the field."""
    limit = 2**63 - 1 if most is None else most
    expected = f"an integer from {least}" + ("" if most is None else f" to {most}")
    return _field(default, int, expected, lambda value: least <= value <= limit, text, optional)


def number(
    default: float | None, expected: str, holds: Callable[[float], bool], text: str, *, optional: bool = False
) -> Any:
    """Return a field for a finite number such that `holds`, which `expected` says, or None if it is `optional`."""
    return _field(default, float, f"a number {expected}".rstrip(), holds, text, optional)


def positive(default: float, text: str) -> Any:
    """Return a field for a finite number above 0."""
    return number(default, "above 0", lambda value: value > 0, text)


def not_negative(default: float, text: str) -> Any:
    """Return a field for a finite number of at least 0."""
    return number(default, "of at least 0", lambda value: value >= 0, text)


def choice(default: str, values: Sequence[str], text: str) -> Any:
    """Return a field for one of several strings."""
    return _field(default, str, f"one of {', '.join(values)}", lambda value: value in values, text)


def flag(default: bool, text: str) -> Any:
    """Return a field for a truth value."""
    return _field(default, bool, "true or false", lambda value: True, text)


def described(default: Any, text: str) -> Any:
    """Return a field with a description but without a rule: the `__post_init__` of its class checks the value."""
    return dataclasses.field(default=default, metadata={"help": " ".join(text.split())})


def help_text(options: type, name: str) -> str:
    """Return the description of a field."""
    text: str = options.__dataclass_fields__[name].metadata["help"]  # type: ignore[attr-defined]  # a dataclass
    return text


def document_fields(options: type | None = None) -> Callable[[_Documented], _Documented]:
    """Decorate a class or function so that its docstring describes the fields, in place of the line `{fields}`.

    Args:
        options: The dataclass with the fields; None means the decorated class.
    """

    def decorate(target: _Documented) -> _Documented:
        source: Any = options or target
        lines = [
            textwrap.fill(
                f"{item.name}: {item.metadata['help']}",
                _WIDTH,
                initial_indent=" " * 8,
                subsequent_indent=" " * 12,
                break_long_words=False,
                break_on_hyphens=False,
            )
            for item in dataclasses.fields(source)
        ]
        if target.__doc__ is not None:
            # Newer releases of Python take the indentation off.
            text = textwrap.indent(inspect.cleandoc(target.__doc__), " " * 4).lstrip()
            target.__doc__ = text.replace(_PLACEHOLDER, "\n".join(lines) + "\n") + "\n    "
        return target

    return decorate


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """Check options against the rules of their fields, and read and write them.

    A number field takes an integer, and an integer field takes 1e6.

    Raises:
        ConfigError: if a value has the wrong type or is out of its range; `field` names it.
    """

    _title: ClassVar[str] = "options"
    """How messages call the options."""
    _extra: ClassVar[tuple[str, ...]] = ()
    """Names that `_defaults` understands and that are no fields."""

    def __post_init__(self) -> None:
        """Convert numbers to their types, and refuse impossible values."""
        for item in dataclasses.fields(self):
            kind, expected, holds, optional = item.metadata["rule"]
            value = _convert(getattr(self, item.name), kind)
            if not (_fits(value, kind, holds) or (optional and value is None)):
                self._refuse(item.name, f"expected {expected}{' or null' if optional else ''}, got {value!r}")
            object.__setattr__(self, item.name, value)

    def to_dict(self) -> dict[str, Any]:
        """Return all fields by name, in order: numbers, strings, truth values and None."""
        return dataclasses.asdict(self)

    @classmethod
    def _defaults(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Return the values of the fields that are not given. A subclass may take names of its own out of `values`."""
        return cls().to_dict()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return options with the given values, and the defaults for the rest.

        Raises:
            ConfigError: if a name is unknown, or a value is bad; `field` names it.
        """
        if not isinstance(values, Mapping):
            cls._refuse("values", f"expected names and values, got {type(values).__name__}")
        given = dict(values)
        defaults = cls._defaults(given)
        for name in given:
            if name not in defaults:
                cls._refuse(str(name), cls._unknown(str(name), [*cls._extra, *defaults]))
        return cls(**defaults | given)

    @classmethod
    def parse(cls, assignments: Sequence[str]) -> dict[str, Any]:
        """Return the fields and values of texts such as `learning_rate=3e-4`, as a command line has them.

        A value is read as in a YAML file: `1e-3`, `true`, `null`, `adamw`. The rules of the fields apply when options
        are made of them.

        Raises:
            DtypeError: if one is no string.
            ConfigError: if a text has no `=`, or its name is unknown or comes twice; `field` names it.

        Example:
            >>> RunOptions.parse(["learning_rate=3e-4", "decay_steps=null", "optimizer=muon"])
            {'learning_rate': 0.0003, 'decay_steps': None, 'optimizer': 'muon'}
        """
        known = [item.name for item in dataclasses.fields(cls)]
        values: dict[str, Any] = {}
        for text in assignments:
            check_type("assignments", text, str, "texts such as learning_rate=3e-4")
            name, equals, value = (part.strip() for part in text.partition("="))
            if not equals:
                cls._refuse(name, f"expected field=value, got {text!r}")
            if name not in known:
                cls._refuse(name, cls._unknown(name, known))
            if name in values:
                cls._refuse(name, f"expected one value, got {values[name]!r} and {value!r}")
            values[name] = read_value(value)
        return values

    @staticmethod
    def _unknown(name: str, known: Sequence[str]) -> str:
        """Return why a name is refused, with the known names that look like it."""
        near = difflib.get_close_matches(name, known, n=3)
        meant = f"; did you mean {' or '.join(near)}" if near else ""
        return f"there is no such field{meant}; known are: {', '.join(known)}"

    @classmethod
    def from_file(cls, path: str | os.PathLike[str]) -> Self:
        """Read options from a YAML or JSON file that maps names to values, as `from_dict` takes them.

        A number such as 5e-4 is a number, as in YAML 1.2 and JSON; YAML 1.1 would read it as a string.

        Raises:
            MissingFileError: if there is no such file.
            FileError: if the file cannot be read.
            ConfigError: if the file is not YAML, a name is unknown or repeated, or a value is bad; `field` and `path`
                say where.
        """
        path = Path(path)
        try:
            return cls.from_dict(read_yaml(path))
        except ConfigError as error:
            if error.details.get("path") is None:
                cls._refuse(error.details["field"], error.details["reason"], path)
            raise

    @classmethod
    def _refuse(cls, field: str, reason: str, path: Path | None = None) -> NoReturn:
        """Raise a `ConfigError` about a field."""
        where = cls._title if path is None else f"{cls._title} {path}"
        raise ConfigError(f"{where}: {field}: {reason}", field=field, reason=reason, path=path)


@document_fields()
@dataclasses.dataclass(frozen=True, kw_only=True)
class RunOptions(Options):
    """Say how anything is trained: the optimizer, the learning rate, the steps, checkpoints and evaluations.

    Args:
        {fields}

    Raises:
        ConfigError: if a value has the wrong type or is out of its range, or two contradict each other.
    """

    optimizer: Optimizer = choice(  # noqa: RUF009
        "adam",
        _OPTIMIZERS,
        "`adam` is the original's, without bias correction; `adamw` corrects the bias; `muon` is Muon for the matrices"
        " inside the layers and AdamW for the rest.",
    )
    adam_beta1: float = number(
        0.9, "from 0 to below 1", lambda value: 0 <= value < 1, "The decay rate of the first moment."
    )
    adam_beta2: float = number(
        0.999, "from 0 to below 1", lambda value: 0 <= value < 1, "The decay rate of the second moment."
    )
    adam_epsilon: float = positive(1e-6, "Added to the square root of the second moment.")
    learning_rate: float = not_negative(5e-4, "The learning rate that is warmed up and decays, per update.")
    learning_rate_power: float = positive(1.0, "The power of the polynomial decay; 1 is linear.")
    decay_steps: int | None = integer(
        None,
        1,
        """The update at which the learning rate would reach 0; None means `train_steps`. A larger number ends a run
        while it still learns, so that another run can continue from it (`pretrain(first=...)`).""",
        optional=True,
    )
    weight_decay: float = not_negative(0.01, "The weight decay of parameters other than layer norms and biases.")
    max_gradient_norm: float = positive(1.0, "The global norm to which gradients are clipped.")
    warmup_steps: int = integer(10_000, 0, "The number of warm-up updates.")
    train_steps: int = integer(1_000_000, 1, "The number of updates in all.")
    batch_size: int = integer(128, 1, "Texts per update, over all processes.", most=MAX_BATCH_SIZE)
    eval_batch_size: int = integer(128, 1, "Texts per step of an evaluation.", most=MAX_BATCH_SIZE)
    seed: int = integer(0, 0, "The seed of everything that is drawn.")
    save_every: int = integer(1000, 1, "Updates between two checkpoints.")
    keep_checkpoints: int = integer(5, 0, "How many of the newest checkpoints are kept; 0 keeps all.")
    evaluate_every: int = integer(0, 0, "Updates between two evaluations; 0 evaluates only after the last update.")
    evaluation_batches: int = integer(100, 1, "How many batches an evaluation takes.")

    def __post_init__(self) -> None:
        """Check the fields, and that the learning rate does not reach 0 before the last update."""
        super().__post_init__()
        if self.decay_steps is not None and self.decay_steps < self.train_steps:
            self._refuse("decay_steps", f"expected at least train_steps = {self.train_steps}, got {self.decay_steps}")

    @property
    def warmup(self) -> float:
        """Return the number of warm-up updates, which need not be a whole number."""
        return self.warmup_steps

    @property
    def layer_rates(self) -> dict[str, Any]:
        """Return the options of `parameter_groups` for learning rates that differ by layer; empty if none does."""
        return {}


@document_fields()
@dataclasses.dataclass(frozen=True, kw_only=True)
class LaunchOptions:
    """Say where and how a run computes. These options may differ between two parts of one run.

    Args:
        {fields}

    Raises:
        InputError: if a value is impossible.
    """

    device: str | None = described(
        None,
        "`cpu`, `cuda` or `cuda:N`; None means CUDA if `torchrun` started this process and there is a GPU, otherwise"
        " the CPU.",
    )
    precision: AutocastPrecision = described(  # noqa: RUF009
        "float32",
        "The dtype of matrix products; parameters stay float32. With `float16` the loss is scaled, and a step for"
        " which the scale was too large is skipped.",
    )
    accumulate: int = described(
        1, "Into how many parts a process splits its share of a batch: less memory, the same gradients."
    )
    tensorboard: bool = described(False, "Whether to write `tensorboard/` as well.")
    resume: bool = described(
        True,
        "Whether to continue from the newest checkpoint of the output folder, if there is one. Otherwise the run starts"
        " anew, and existing checkpoints are deleted when it writes its first.",
    )
    continue_from: str | os.PathLike[str] | None = described(  # noqa: RUF009
        None,
        "A checkpoint, or the folder of a run, to go on from with changed options: more steps, another learning"
        " rate, other examples. The networks stay as they are. The log records the changes. The same call resumes after"
        " a stop.",
    )

    def __post_init__(self) -> None:
        """Refuse impossible values."""
        if self.precision not in get_args(AutocastPrecision):
            raise refused(
                "precision", f"expected one of {', '.join(get_args(AutocastPrecision))}, got {self.precision!r}"
            )
        if self.accumulate < 1:
            raise refused("accumulate", f"expected at least 1, got {self.accumulate}")


def _convert(value: Any, kind: type) -> Any:
    """Return a number as a number of the other kind if its value stays the same."""
    if kind is float and type(value) is int and abs(value) <= 2**53:
        return float(value)
    if kind is int and type(value) is float and value.is_integer():
        return int(value)
    return value


def _fits(value: Any, kind: type[Any], holds: Callable[[Any], bool]) -> bool:
    """Return whether a value is of a kind, finite, and such that `holds`. A truth value is no integer."""
    return type(value) is kind and (kind is not float or math.isfinite(value)) and holds(value)


__all__ = ["LaunchOptions", "Options", "RunOptions", "document_fields", "help_text"]
