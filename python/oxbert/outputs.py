"""What models return.

As transformers' `ModelOutput`, an output is read by attribute, by key, by integer, by slice, and by unpacking. What was
not asked for is None as an attribute and left out of everything else. As there, an output is a `dict`: torch's
`DistributedDataParallel` and transformers' `Trainer` look into nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

if TYPE_CHECKING:
    import torch

ArrayT = TypeVar("ArrayT")
"""The kind of array that went in and comes out: `numpy.ndarray` or `torch.Tensor`."""


class ModelOutput(dict[str, Any], Generic[ArrayT]):
    """The base of all outputs: named arrays in a fixed order.

    `loss`, where labels were given, is an array without dimensions, and the first of all. `hidden_states` are n + 1
    arrays [B, S, H], what went into the first layer and what came out of each; `attentions` are n arrays [B, A, S, S].
    Both are None unless they were asked for.
    """

    hidden_states: tuple[ArrayT, ...] | None
    attentions: tuple[ArrayT, ...] | None

    _names: tuple[str, ...] = ()

    def __init__(self, named: Mapping[str, Any] | Iterable[tuple[str, Any]] = (), /, **values: Any) -> None:
        """Keep the values by name; the rest is None."""
        super().__init__()
        values = dict(named, **values)
        for name in self._names:
            setattr(self, name, values.pop(name, None))
        if values:
            raise TypeError(f"{type(self).__name__} has no {', '.join(values)}")

    def __setattr__(self, name: str, value: Any) -> None:
        """An item is an attribute, and the other way round."""
        super().__setattr__(name, value)
        if value is None:
            super().pop(name, None)
        elif name in self._names:
            super().__setitem__(name, value)

    def __setitem__(self, name: str, value: Any) -> None:
        """By name only."""
        if name not in self._names:
            raise KeyError(name)
        setattr(self, name, value)

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError(f"the names of {type(self).__name__} are fixed: set a value, or None")

    __delitem__ = pop = popitem = setdefault = update = clear = _refuse

    # Lists, where a `dict` has views: they can be indexed.
    def keys(self) -> list[str]:  # type: ignore[override]
        """The names of what is there."""
        return [name for name in self._names if getattr(self, name) is not None]

    def values(self) -> list[Any]:  # type: ignore[override]
        """What is there, in order."""
        return [getattr(self, name) for name in self.keys()]

    def items(self) -> list[tuple[str, Any]]:  # type: ignore[override]
        """Names and values of what is there, in order."""
        return list(zip(self.keys(), self.values(), strict=True))

    def get(self, name: str, default: Any = None) -> Any:
        """The value of that name, or the default where it is not there."""
        try:
            return self[name]
        except KeyError:
            return default

    def to_tuple(self) -> tuple[Any, ...]:
        """What is there, in order."""
        return tuple(self.values())

    def __getitem__(self, key: str | int | slice) -> Any:
        """By name, by place, or a tuple of several places."""
        if isinstance(key, str):
            if key not in self:
                raise KeyError(key)
            return getattr(self, key)
        return self.to_tuple()[key]

    def __contains__(self, name: object) -> bool:
        """Whether something of that name is there."""
        return name in self.keys()

    def __iter__(self) -> Iterator[Any]:
        """The values: an output unpacks as a tuple does."""
        return iter(self.to_tuple())

    def __len__(self) -> int:
        """How many values are there."""
        return len(self.keys())

    # Arrays have no equality that is true or false.
    __eq__ = object.__eq__
    __ne__ = object.__ne__
    __hash__ = object.__hash__  # type: ignore[assignment]

    def __repr__(self) -> str:
        """The names, with shapes."""
        parts = (f"{name}={_describe(value)}" for name, value in self.items())
        return f"{type(self).__name__}({', '.join(parts)})"


def _describe(value: Any) -> str:
    if isinstance(value, tuple):
        return f"{len(value)} x {_describe(value[0])}" if value else "()"
    return f"{type(value).__name__}{tuple(value.shape)}"


class BaseModelOutput(ModelOutput[ArrayT]):
    """Of a model without a head: `last_hidden_state` [B, S, H]."""

    last_hidden_state: ArrayT

    _names = ("last_hidden_state", "hidden_states", "attentions")


class MaskedLMOutput(ModelOutput[ArrayT]):
    """Of a masked LM: `logits` [B, S, V]."""

    loss: ArrayT | None
    logits: ArrayT

    _names = ("loss", "logits", "hidden_states", "attentions")


class ElectraForPreTrainingOutput(ModelOutput[ArrayT]):
    """Of a discriminator: `logits` [B, S], above 0 where a token looks replaced; `probabilities`, their sigmoid."""

    loss: ArrayT | None
    logits: ArrayT
    probabilities: ArrayT

    _names = ("loss", "logits", "hidden_states", "attentions")

    def __init__(
        self,
        named: Mapping[str, Any] | Iterable[tuple[str, Any]] = (),
        /,
        *,
        probabilities: ArrayT | None = None,
        **values: Any,
    ) -> None:
        """Keep the probabilities beside the sequence of values, which stays that of transformers."""
        super().__init__(named, **values)
        self.probabilities = probabilities  # type: ignore[assignment]  # None only where torch's helpers rebuild it

    def __contains__(self, name: object) -> bool:
        """Whether something of that name is there."""
        return name == "probabilities" or super().__contains__(name)

    def __getitem__(self, key: str | int | slice) -> Any:
        """As any output; the probabilities are found by name only."""
        return self.probabilities if key == "probabilities" else super().__getitem__(key)


class TokenClassifierOutput(ModelOutput[ArrayT]):
    """Of a token classifier: `logits` [B, S, L]."""

    loss: ArrayT | None
    logits: ArrayT

    _names = ("loss", "logits", "hidden_states", "attentions")


class SequenceClassifierOutput(ModelOutput[ArrayT]):
    """Of a classifier of whole texts: `logits` [B, L]."""

    loss: ArrayT | None
    logits: ArrayT

    _names = ("loss", "logits", "hidden_states", "attentions")


class QuestionAnsweringModelOutput(ModelOutput[ArrayT]):
    """Of a model that finds answers: `start_logits` and `end_logits` [B, S], for the first and the last token."""

    loss: ArrayT | None
    start_logits: ArrayT
    end_logits: ArrayT

    _names = ("loss", "start_logits", "end_logits", "hidden_states", "attentions")


class MultipleChoiceModelOutput(ModelOutput[ArrayT]):
    """Of a model that chooses: `logits` [B, C], one for each of C choices."""

    loss: ArrayT | None
    logits: ArrayT

    _names = ("loss", "logits", "hidden_states", "attentions")


class PretrainingOutput(dict[str, Any]):
    """What a step of pre-training gives, by key and by attribute. N are the chosen tokens, row by row.

    Attributes:
        loss: What is minimised, a scalar with its graph.
        masked_lm_loss: The mean cross entropy of the generator over chosen tokens; None without a generator. Electric's
            is not trained by it, and has no graph.
        cloze_loss: Of Electric's generator over all tokens that might have been chosen, which is what it learns by;
            None for any other.
        replaced_loss: The mean binary cross entropy of the discriminator over all tokens; None without one.
        predictions: The likeliest tokens by the generator, [N]; None without one.
        logits: The discriminator's, [B, S], zeros at padded positions, without a graph; None without one. Electric's
            have the generator's log-probability of each token and the log-odds of being chosen added.
        totals: How many tokens the losses are means over: (chosen ones, all, those that might have been chosen).
        masked_ids: Every row as a masked LM sees it; Electric's generator sees the rows as they are.
        positions: The chosen places of every row.
        originals: The tokens that stood there.
        samples: What was put there, [N]; None without a discriminator.
        corrupted_ids: Every row as the discriminator saw it; None without one.
        replaced: Whether each of its tokens differs from the original, or for Electric was chosen; None without one.
    """

    loss: torch.Tensor
    masked_lm_loss: torch.Tensor | None
    cloze_loss: torch.Tensor | None
    replaced_loss: torch.Tensor | None
    predictions: torch.Tensor | None
    logits: torch.Tensor | None
    totals: tuple[int, int, int]
    masked_ids: list[list[int]]
    positions: list[list[int]]
    originals: list[list[int]]
    samples: list[int] | None
    corrupted_ids: list[list[int]] | None
    replaced: list[list[bool]] | None

    def __getattr__(self, name: str) -> Any:
        """A value; None where there is none of that name."""
        if name in type(self).__annotations__:
            return self.get(name)
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")


__all__ = [
    "BaseModelOutput",
    "ElectraForPreTrainingOutput",
    "MaskedLMOutput",
    "ModelOutput",
    "MultipleChoiceModelOutput",
    "PretrainingOutput",
    "QuestionAnsweringModelOutput",
    "SequenceClassifierOutput",
    "TokenClassifierOutput",
]
