"""Define the outputs of models.

Like transformers' `ModelOutput`, an output is read by attribute, by key, by integer and by slice. Iterating over it
gives names, as for any `dict`; `to_tuple()` gives the values to unpack. A value that was not asked for is None as an
attribute, and left out of everything else. An output is a `dict`, since torch's `DistributedDataParallel` and
transformers' `Trainer` look into nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

if TYPE_CHECKING:
    import torch

ArrayT = TypeVar("ArrayT")
"""The kind of array that went in and comes out: `numpy.ndarray` or `torch.Tensor`."""


class ModelOutput(dict[str, Any], Generic[ArrayT]):
    """Hold named arrays in a fixed order; the base of all outputs.

    `loss`, if labels were given, is an array without dimensions, and the first of all. `hidden_states` are n + 1 arrays
    [B, S, H], the input of the first layer and the output of each layer; `attentions` are n arrays [B, A, S, S]. Both
    are None unless they were asked for.
    """

    hidden_states: tuple[ArrayT, ...] | None
    attentions: tuple[ArrayT, ...] | None

    _names: tuple[str, ...] = ()

    def __init__(self, named: Mapping[str, Any] | Iterable[tuple[str, Any]] = (), /, **values: Any) -> None:
        """Keep the values by name; the others are None."""
        super().__init__()
        values = dict(named, **values)
        for name in self._names:
            setattr(self, name, values.pop(name, None))
        if values:
            raise TypeError(f"{type(self).__name__} has no {', '.join(values)}")

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute, and the item of the same name."""
        super().__setattr__(name, value)
        if value is None:
            super().pop(name, None)
        elif name in self._names:
            super().__setitem__(name, value)

    def __setitem__(self, name: str, value: Any) -> None:
        """Set an item by name. A new name is added at the end, as transformers' pipelines add the inputs of a call.

        Raises:
            KeyError: if the name is no text, or one that an output has a meaning for.
        """
        given: object = name
        if not isinstance(given, str) or name.startswith("_") or hasattr(type(self), name):
            raise KeyError(name)
        if name not in self._names and name not in vars(self):
            super().__setattr__("_names", (*self._names, name))
        setattr(self, name, value)

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError(f"the names of {type(self).__name__} are fixed: set a value, or None")

    __delitem__ = pop = popitem = setdefault = update = clear = _refuse

    # Lists rather than views, as in transformers: lists can be indexed.
    def keys(self) -> list[str]:  # type: ignore[override]
        """Return the names of the values that are not None."""
        return [name for name in self._names if getattr(self, name) is not None]

    def values(self) -> list[Any]:  # type: ignore[override]
        """Return the values that are not None, in order."""
        return [getattr(self, name) for name in self.keys()]

    def items(self) -> list[tuple[str, Any]]:  # type: ignore[override]
        """Return the names and values that are not None, in order."""
        return list(zip(self.keys(), self.values(), strict=True))

    def get(self, name: str, default: Any = None) -> Any:
        """Return a value by name, or the default if there is none."""
        try:
            return self[name]
        except KeyError:
            return default

    def to_tuple(self) -> tuple[Any, ...]:
        """Return the values that are not None, in order, as a tuple."""
        return tuple(self.values())

    def __getitem__(self, key: str | int | slice) -> Any:
        """Return a value by name or by index, or a tuple of values by slice."""
        if isinstance(key, str):
            if key not in self:
                raise KeyError(key)
            return getattr(self, key)
        return self.to_tuple()[key]

    def __contains__(self, name: object) -> bool:
        """Return whether there is a value of this name."""
        return name in self.keys()

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the values."""
        return iter(self.keys())

    def __len__(self) -> int:
        """Return the number of values."""
        return len(self.keys())

    # Comparing arrays gives arrays, not one truth value.
    __eq__ = object.__eq__
    __ne__ = object.__ne__
    __hash__ = object.__hash__  # type: ignore[assignment]

    def __repr__(self) -> str:
        """Return the names, with shapes."""
        parts = (f"{name}={_describe(value)}" for name, value in self.items())
        return f"{type(self).__name__}({', '.join(parts)})"


def _describe(value: Any) -> str:
    if isinstance(value, tuple):
        return f"{len(value)} x {_describe(value[0])}" if value else "()"
    return f"{type(value).__name__}{tuple(value.shape)}"


class BaseModelOutput(ModelOutput[ArrayT]):
    """Hold the output of a model without a head: `last_hidden_state` [B, S, H]."""

    last_hidden_state: ArrayT

    _names = ("last_hidden_state", "hidden_states", "attentions")


class MaskedLMOutput(ModelOutput[ArrayT]):
    """Hold the output of a masked LM: `logits` [B, S, V]."""

    loss: ArrayT | None
    logits: ArrayT

    _names = ("loss", "logits", "hidden_states", "attentions")


class ElectraForPreTrainingOutput(ModelOutput[ArrayT]):
    """Hold the output of a discriminator: `logits` [B, S], above 0 if a token looks replaced, and `probabilities`.

    `probabilities` [B, S] are the sigmoid of the logits.
    """

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
        self.probabilities = probabilities  # type: ignore[assignment]  # None only if torch's helpers rebuild it

    def __contains__(self, name: object) -> bool:
        """Return whether there is a value of this name."""
        return name == "probabilities" or super().__contains__(name)

    def __getitem__(self, key: str | int | slice) -> Any:
        """Return a value as for any output; the probabilities only by name."""
        return self.probabilities if key == "probabilities" else super().__getitem__(key)


class TokenClassifierOutput(ModelOutput[ArrayT]):
    """Hold the output of a token classifier: `logits` [B, S, L]."""

    loss: ArrayT | None
    logits: ArrayT

    _names = ("loss", "logits", "hidden_states", "attentions")


class SequenceClassifierOutput(ModelOutput[ArrayT]):
    """Hold the output of a text classifier: `logits` [B, L]."""

    loss: ArrayT | None
    logits: ArrayT

    _names = ("loss", "logits", "hidden_states", "attentions")


class QuestionAnsweringModelOutput(ModelOutput[ArrayT]):
    """Hold the output of question answering: `start_logits` and `end_logits` [B, S] of the first and last token."""

    loss: ArrayT | None
    start_logits: ArrayT
    end_logits: ArrayT

    _names = ("loss", "start_logits", "end_logits", "hidden_states", "attentions")


class JointQuestionAnsweringModelOutput(ModelOutput[ArrayT]):
    """Hold the output of question answering whose ends depend on starts.

    `start_top_log_probs` [B, K] and `end_top_log_probs` [B, K, K] are the likeliest starts, and the likeliest ends for
    each, `start_top_index` and `end_top_index` their columns; None in training mode. `cls_logits` [B] are above 0 if
    there seems to be no answer.
    """

    loss: ArrayT | None
    start_top_log_probs: ArrayT | None
    start_top_index: Any
    end_top_log_probs: ArrayT | None
    end_top_index: Any
    cls_logits: ArrayT

    _names = (
        "loss",
        "start_top_log_probs",
        "start_top_index",
        "end_top_log_probs",
        "end_top_index",
        "cls_logits",
        "hidden_states",
        "attentions",
    )


class MultipleChoiceModelOutput(ModelOutput[ArrayT]):
    """Hold the output of multiple choice: `logits` [B, C], one for each of C choices."""

    loss: ArrayT | None
    logits: ArrayT

    _names = ("loss", "logits", "hidden_states", "attentions")


class PretrainingOutput(dict[str, Any]):
    """Hold the output of a step of pre-training, by key and by attribute. N is the number of chosen tokens, row by row.

    Attributes:
        loss: The loss to minimise, a scalar with its graph.
        masked_lm_loss: The mean cross entropy of the generator over the chosen tokens; None without a generator. For
            Electric it is not minimised, and has no graph.
        cloze_loss: The loss of Electric's generator over all tokens that might have been chosen; otherwise None.
        replaced_loss: The mean binary cross entropy of the discriminator over all tokens; None without one.
        predictions: The most likely tokens by the generator, [N]; None without one.
        logits: The logits of the discriminator, [B, S], zeros at padded positions, without a graph; None without one.
            For Electric, the generator's log-probability of each token and the log-odds of being chosen are added.
        totals: The numbers of tokens that the losses are means over: (chosen, all, those that might have been chosen).
        masked_ids: Every row as a masked LM sees it; Electric's generator sees the original rows.
        positions: The chosen positions of every row.
        originals: The original tokens at these positions.
        samples: The sampled tokens at these positions, [N]; None without a discriminator.
        corrupted_ids: Every row as the discriminator sees it; None without one.
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
        """Return a value; None if it was not computed."""
        if name in type(self).__annotations__:
            return self.get(name)
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")


__all__ = [
    "BaseModelOutput",
    "ElectraForPreTrainingOutput",
    "JointQuestionAnsweringModelOutput",
    "MaskedLMOutput",
    "ModelOutput",
    "MultipleChoiceModelOutput",
    "PretrainingOutput",
    "QuestionAnsweringModelOutput",
    "SequenceClassifierOutput",
    "TokenClassifierOutput",
]
