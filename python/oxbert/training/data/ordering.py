"""Choose the examples of a training step.

The batch of a step depends on the seed and the number of the step alone. An epoch is all examples in a random order.
Its last examples begin a batch that the first of the next epoch complete, so that none is dropped and no batch is
smaller.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

from oxbert._checks import refused
from oxbert.training.data.parts import permutation


class Ordered(ABC):
    """Put examples into the order of an epoch, and choose those of a step."""

    # The order of the last requested epoch: (seed, epoch, order).
    _last: tuple[int, int, npt.NDArray[Any]] | None = None

    @abstractmethod
    def __len__(self) -> int: ...

    def order(self, epoch: int, seed: int = 0) -> npt.NDArray[Any]:
        """Return the order of the examples in an epoch, as unsigned integers [n], which is all the memory it needs.

        Args:
            epoch: The number of the epoch, from 0.
            seed: The seed of the order.
        """
        last = self._last
        if last is None or last[:2] != (seed, epoch):
            _check("epoch", epoch)
            _check("seed", seed)
            # Free the old order first: two would take twice the memory.
            self._last = last = None
            last = (seed, epoch, self._arrange(permutation(len(self), seed, epoch), seed, epoch))
            last[2].flags.writeable = False
            self._last = last
        return last[2]

    def _arrange(self, order: npt.NDArray[Any], seed: int, epoch: int) -> npt.NDArray[Any]:
        """Return the order of an epoch, given a random one."""
        return order

    def batch_indices(
        self, step: int, batch_size: int, seed: int = 0, *, rank: int = 0, world: int = 1
    ) -> npt.NDArray[np.int64]:
        """Return the numbers of the examples of a step.

        Args:
            step: The number of the step, from 0.
            batch_size: Examples per step, over all processes.
            seed: The seed of the order.
            rank: The rank of this process.
            world: The number of processes. Each gets its share of the same batch, `[rank::world]`.

        Raises:
            InputError: if a number is impossible, or there are no examples.
        """
        _check("step", step)
        if batch_size < 1:
            raise refused("batch_size", f"expected at least 1, got {batch_size}")
        if not 0 <= rank < world:
            raise refused("rank", f"expected 0 to world - 1 = {world - 1}, got {rank}")
        count = len(self)
        if not count:
            raise refused("examples", "expected at least one, got none")
        place, taken = step * batch_size, []
        while batch_size:
            epoch, first = divmod(place, count)
            part = self.order(epoch, seed)[first : first + batch_size].astype(np.int64)
            taken.append(part)
            place, batch_size = place + len(part), batch_size - len(part)
        return np.concatenate(taken)[rank::world]

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without the cached order."""
        return self.__dict__ | {"_last": None}


def _check(name: str, value: int) -> None:
    if value < 0:
        raise refused(name, f"expected 0 or more, got {value}")


__all__ = ["Ordered"]
