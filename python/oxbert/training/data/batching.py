"""Index the examples of pre-training, and pad batches of them: `Examples` is the base of both datasets."""

from __future__ import annotations

import operator
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import SupportsIndex, TypedDict

import numpy as np
import numpy.typing as npt

from oxbert._checks import refused
from oxbert.errors import IdRangeError
from oxbert.training.data.ordering import Ordered


class Example(TypedDict):
    """Hold one example.

    Attributes:
        input_ids: int32 [S], from `[CLS]` to the last `[SEP]`, without padding.
        first_segment: The length of the first segment, with `[CLS]` and its `[SEP]`. The token types of the others are
            1.
    """

    input_ids: npt.NDArray[np.int32]
    first_segment: int


class Batch(TypedDict):
    """Hold the arguments of a model, int64 [B, S] each.

    Attributes:
        input_ids: Ids, padded at the right.
        attention_mask: 1 for tokens, 0 for padding.
        token_type_ids: 1 in the second segment, otherwise 0.
    """

    input_ids: npt.NDArray[np.int64]
    attention_mask: npt.NDArray[np.int64]
    token_type_ids: npt.NDArray[np.int64]


def collate(examples: Sequence[Example], *, pad_token_id: int = 0, length: int | None = None) -> Batch:
    """Pad examples into the arrays that a model takes.

    Args:
        examples: At least one example.
        pad_token_id: The id of `[PAD]`.
        length: The length of the rows in tokens; None means the length of the longest example.

    Raises:
        InputError: if there is no example, or one is longer than `length`.

    Example:
        >>> row = Example(input_ids=np.array([2, 41, 3, 42, 3], np.int32), first_segment=3)
        >>> batch = collate([row, Example(input_ids=row["input_ids"][:3], first_segment=3)])
        >>> batch["input_ids"].tolist(), batch["token_type_ids"].tolist()
        ([[2, 41, 3, 42, 3], [2, 41, 3, 0, 0]], [[0, 0, 0, 1, 1], [0, 0, 0, 0, 0]])
    """
    if not examples:
        raise refused("examples", "expected at least one, got none")
    lengths = np.array([len(example["input_ids"]) for example in examples])
    longest = int(lengths.max())
    if length is not None and longest > length:
        raise refused("length", f"expected at least {longest}, the length of an example, got {length}")
    columns = np.arange(longest if length is None else length)
    is_kept = columns < lengths[:, None]
    ids = np.full(is_kept.shape, pad_token_id, np.int64)
    ids[is_kept] = np.concatenate([example["input_ids"] for example in examples])
    firsts = np.array([example["first_segment"] for example in examples])[:, None]
    types = is_kept & (columns >= firsts)
    return {"input_ids": ids, "attention_mask": is_kept.astype(np.int64), "token_type_ids": types.astype(np.int64)}


class Examples(Ordered):
    """Index examples by number. A map-style dataset for `torch.utils.data.DataLoader`, with forked or spawned workers.

    Attributes:
        pad_token_id: The id that batches are padded with.
        max_length: The length of the longest example in tokens.
    """

    pad_token_id: int = 0
    max_length: int = 0

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Return what tells these examples and their order from others, without reading them all."""

    def describe(self) -> dict[str, int | str]:
        """Return what a reader of a model card wants to know of these examples, by name."""
        return {"examples": len(self), "longest example in tokens": self.max_length}

    @abstractmethod
    def _read(self, number: int) -> Example:
        """Return an example; the number has been checked."""

    def __getitem__(self, index: SupportsIndex) -> Example:
        """Return an example; negative numbers count from the end.

        Raises:
            IdRangeError: if there is no such example. The error is an `IndexError`.
        """
        number, count = operator.index(index), len(self)
        if not -count <= number < count:
            message = f"example: {number} is outside the {count} examples"
            raise IdRangeError(message, what="example", value=number, position=None, limit=count)
        return self._read(number % count)

    def take(self, indices: Iterable[SupportsIndex]) -> list[Example]:
        """Return several examples, such as those of `batch_indices`.

        Raises:
            IdRangeError: if there is no such example.
        """
        return [self[index] for index in indices]

    def __getitems__(self, indices: Iterable[SupportsIndex]) -> list[Example]:
        """Return several examples; `DataLoader` calls this."""
        return self.take(indices)

    def __iter__(self) -> Iterator[Example]:
        """Iterate over all examples in the order in which they are stored."""
        return map(self._read, range(len(self)))

    def iter_batches(
        self,
        batch_size: int,
        *,
        seed: int = 0,
        start: int = 0,
        stop: int | None = None,
        rank: int = 0,
        world: int = 1,
        length: int | None = None,
    ) -> Iterator[Batch]:
        """Iterate over the padded batches of steps, epoch after epoch; without `stop` the iteration does not end.

        Args:
            batch_size: As for `batch_indices`, like `seed`, `rank` and `world`.
            seed: The seed of the order.
            start: The first step. A training run that was stopped continues with its next step.
            stop: The step before which the iteration ends.
            rank: The rank of this process.
            world: The number of processes.
            length: As for `collate`.

        Raises:
            InputError: if a number is impossible, or there are no examples.
        """
        step = start
        while stop is None or step < stop:
            indices = self.batch_indices(step, batch_size, seed, rank=rank, world=world)
            yield collate(self.take(indices), pad_token_id=self.pad_token_id, length=length)
            step += 1


def cut(example: Example, length: int, cls_token_id: int, sep_token_id: int) -> list[Example]:
    """Cut an example into examples of one segment and at most `length` tokens; only special tokens are lost.

    The lengths of the pieces of a segment differ by at most one token. An example that is short enough is returned
    unchanged.

    Args:
        example: An example with `[CLS]` first, and a `[SEP]` after each segment.
        length: The largest number of tokens, at least 3, with `[CLS]` and `[SEP]`.
        cls_token_id: The id of `[CLS]`.
        sep_token_id: The id of `[SEP]`.

    Example:
        >>> example = Example(input_ids=np.array([2, 41, 42, 43, 3, 51, 3], np.int32), first_segment=5)
        >>> [piece["input_ids"].tolist() for piece in cut(example, 4, 2, 3)]
        [[2, 41, 42, 3], [2, 43, 3], [2, 51, 3]]
    """
    ids, first = example["input_ids"], example["first_segment"]
    if len(ids) <= length:
        return [example]
    pieces = []
    for segment in (ids[1 : first - 1], ids[first:-1]):
        for part in np.array_split(segment, -(-len(segment) // (length - 2))) if len(segment) else ():
            row = np.concatenate([[cls_token_id], part, [sep_token_id]]).astype(np.int32)
            pieces.append(Example(input_ids=row, first_segment=len(row)))
    return pieces
