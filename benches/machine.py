"""Describe the machine: processor, versions, and its rate of matrix products."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import tokenizers
import torch
import transformers

import oxbert
from benches.timing import seconds

# Large enough to saturate the vector units, and small enough to take a tenth of a second.
SIDE = 2048


def describe() -> dict[str, str | int | float]:
    return {
        "processor": processor(),
        "cores": os.cpu_count() or 0,
        "load before (1 min)": round(os.getloadavg()[0], 2),
        "torch threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "oxbert": oxbert.__version__,
        "transformers": transformers.__version__,
        "tokenizers": tokenizers.__version__,
    }


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


class Sgemm:
    """Measure the rate of float32 matrix products, an upper bound for every model on the same threads."""

    def __init__(self) -> None:
        self.left, self.right = torch.rand(SIDE, SIDE), torch.rand(SIDE, SIDE)
        self.rates: list[float] = []

    def measure(self) -> None:
        self.rates.append(2 * SIDE**3 / seconds(lambda: torch.mm(self.left, self.right)) / 1e9)
