"""Examples by their numbers, and which of them a step of the training takes: `Examples` is the base of both datasets.

The batch of a step depends on the seed and the number of the step alone. An epoch is all examples in a random order.
Its tail begins a batch that the head of the next epoch completes, so that nothing is dropped and no batch is smaller.
"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, SupportsIndex, TypedDict

import numpy as np
import numpy.typing as npt

from oxbert._files import refused
from oxbert.errors import IdRangeError
from oxbert.training.data.parts import permutation


class Example(TypedDict):
    """One example.

    Attributes:
        input_ids: int32 [S], from `[CLS]` to the last `[SEP]`, without padding.
        first_segment: How many of them are of the first segment, `[CLS]` and its `[SEP]` included. The types of the
            others are 1.
    """

    input_ids: npt.NDArray[np.int32]
    first_segment: int


class Batch(TypedDict):
    """What a model takes, int64 [B, S] each.

    Attributes:
        input_ids: Padded at the right.
        attention_mask: 1, and 0 for padding.
        token_type_ids: 1 in the second segment, else 0.
    """

    input_ids: npt.NDArray[np.int64]
    attention_mask: npt.NDArray[np.int64]
    token_type_ids: npt.NDArray[np.int64]


def collate(examples: Sequence[Example], *, pad_token_id: int = 0, length: int | None = None) -> Batch:
    """Examples -> arrays that a model takes.

    Args:
        examples: Any number of them.
        pad_token_id: The id of `[PAD]`.
        length: How long the rows are, in tokens; None: as the longest example.

    Raises:
        InputError: There is no example, or one is longer than that.

    Example:
        >>> row = Example(input_ids=np.array([2, 41, 3, 42, 3], np.int32), first_segment=3)
        >>> batch = collate([row, Example(input_ids=row["input_ids"][:3], first_segment=3)])
        >>> batch["input_ids"].tolist(), batch["token_type_ids"].tolist()
        ([[2, 41, 3, 42, 3], [2, 41, 3, 0, 0]], [[0, 0, 0, 1, 1], [0, 0, 0, 0, 0]])
    """
    if not examples:
        raise refused("examples", "expected at least one")
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


class Examples(ABC):
    """Examples by number; a map-style dataset for `torch.utils.data.DataLoader` too, workers forked or spawned.

    Attributes:
        pad_token_id: The id that batches are padded with.
        max_length: The longest example in tokens.
    """

    pad_token_id: int = 0
    max_length: int = 0
    # The order of the epoch that was asked for last: (seed, epoch, order).
    _last: tuple[int, int, npt.NDArray[Any]] | None = None

    @abstractmethod
    def __len__(self) -> int: ...

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """What tells these examples and their order from others, without reading them all."""

    @abstractmethod
    def _read(self, number: int) -> Example:
        """The example of a number from 0 to the length, which is checked."""

    def __getitem__(self, index: SupportsIndex) -> Example:
        """An example; negative numbers count from the end.

        Raises:
            IdRangeError: There is no such example. It is an `IndexError`.
        """
        number, count = operator.index(index), len(self)
        if not -count <= number < count:
            message = f"example: {number} is outside the {count} examples"
            raise IdRangeError(message, what="example", value=number, position=None, limit=count)
        return self._read(number % count)

    def take(self, indices: Iterable[SupportsIndex]) -> list[Example]:
        """Several examples, such as those of `batch_indices`.

        Raises:
            IdRangeError: There is no such example.
        """
        return [self[index] for index in indices]

    def __getitems__(self, indices: Iterable[SupportsIndex]) -> list[Example]:
        """As `take`: what a `DataLoader` calls."""
        return self.take(indices)

    def __iter__(self) -> Iterator[Example]:
        """All examples in the order in which they are stored."""
        return map(self._read, range(len(self)))

    def order(self, epoch: int, seed: int = 0) -> npt.NDArray[Any]:
        """The order of the examples in an epoch, as unsigned integers [n]: the only memory that an order needs.

        Args:
            epoch: Its number, from 0.
            seed: Where chance begins.
        """
        last = self._last
        if last is None or last[:2] != (seed, epoch):
            _check("epoch", epoch)
            _check("seed", seed)
            # The old one is let go first: two would be twice the memory.
            self._last = last = None
            last = (seed, epoch, permutation(len(self), seed, epoch))
            last[2].flags.writeable = False
            self._last = last
        return last[2]

    def batch_indices(
        self, step: int, batch_size: int, seed: int = 0, *, rank: int = 0, world: int = 1
    ) -> npt.NDArray[np.int64]:
        """Which examples a step takes.

        Args:
            step: Its number, from 0.
            batch_size: How many examples a step takes, on all processes together.
            seed: Where chance begins.
            rank: The number of this process.
            world: How many processes there are: each gets another share of the same batch, `[rank::world]`.

        Raises:
            InputError: A number is impossible, or there are no examples.
        """
        _check("step", step)
        if batch_size < 1:
            raise refused("batch_size", f"expected at least 1, got {batch_size}")
        if not 0 <= rank < world:
            raise refused("rank", f"expected 0 to world - 1 = {world - 1}, got {rank}")
        count = len(self)
        if not count:
            raise refused("examples", "there are none")
        place, taken = step * batch_size, []
        while batch_size:
            epoch, first = divmod(place, count)
            part = self.order(epoch, seed)[first : first + batch_size].astype(np.int64)
            taken.append(part)
            place, batch_size = place + len(part), batch_size - len(part)
        return np.concatenate(taken)[rank::world]

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
        """The batches of steps, padded; epoch follows epoch, without an end unless `stop` is one.

        Args:
            batch_size: As for `batch_indices`, as `seed`, `rank` and `world`.
            seed: Where chance begins.
            start: The first step. Training that was stopped goes on with the step that it had come to.
            stop: The step before which it ends.
            rank: The number of this process.
            world: How many processes there are.
            length: As for `collate`.

        Raises:
            InputError: A number is impossible, or there are no examples.
        """
        step = start
        while stop is None or step < stop:
            indices = self.batch_indices(step, batch_size, seed, rank=rank, world=world)
            yield collate(self.take(indices), pad_token_id=self.pad_token_id, length=length)
            step += 1

    def __getstate__(self) -> dict[str, Any]:
        """Without what can be had again."""
        return self.__dict__ | {"_last": None}


def cut(example: Example, length: int, cls_token_id: int, sep_token_id: int) -> list[Example]:
    """Cuts an example into examples of one segment and at most `length` tokens; nothing but special tokens is lost.

    Pieces of a segment are of equal lengths, but for one token. An example that is no longer stays as it is.

    Args:
        example: With `[CLS]` first, and a `[SEP]` behind each segment.
        length: At least 3, of which `[CLS]` and `[SEP]` are two.
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


def _check(name: str, value: int) -> None:
    if value < 0:
        raise refused(name, f"expected 0 or more, got {value}")
