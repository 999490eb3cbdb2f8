"""Time functions in rounds in which the peers alternate."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Timing:
    """Hold the seconds of each round."""

    rounds: list[float]

    @property
    def median(self) -> float:
        return median(self.rounds)

    @property
    def best(self) -> float:
        return min(self.rounds)


def seconds(work: Callable[[], object], times: int = 1) -> float:
    begin = time.perf_counter()
    for _ in range(times):
        work()
    return (time.perf_counter() - begin) / times


def take_turns(
    peers: dict[str, Callable[[], object]], rounds: int, times: int = 1, between: Callable[[], object] = lambda: None
) -> dict[str, Timing]:
    """Time every peer once per round, so that a busy or throttled machine slows all of them.

    The order rotates with each round, because the contents of the caches depend on the previous peer. `between` runs
    once per round.
    """
    measured: dict[str, list[float]] = {name: [] for name in peers}
    for work in peers.values():
        work()  # The first call allocates and chooses kernels.
    order = list(peers)
    for _ in range(rounds):
        for name in order:
            measured[name].append(seconds(peers[name], times))
        order.append(order.pop(0))
        between()
    return {name: Timing(spent) for name, spent in measured.items()}
