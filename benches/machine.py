"""Describe the machine: processor, versions, and its rate of matrix products."""

from __future__ import annotations

import contextlib
import os
import platform
from importlib import metadata
from pathlib import Path

import tokenizers
import torch
import transformers

import oxbert
from benches.texts import Rows, Size
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
        **versions(),
    }


def versions() -> dict[str, str]:
    """Return the versions of the peers that are installed."""
    found = {}
    for name in ("onnxruntime", "openvino", "nncf", "ctranslate2"):
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


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


# Layers so wide that their products take nearly all of the time.
WIDE = Size(
    "two wide layers",
    {"hidden_size": 1024, "embedding_size": 1024, "num_hidden_layers": 2, "num_attention_heads": 16,
     "intermediate_size": 4096, "vocab_size": 99},
    8,
)  # fmt: skip
WIDE_ROWS: Rows = [[row + 1, *range(5, 99), *range(5, 38)] for row in range(8)]


class Rates:
    """Measure the machine's best rates of large products, in GFLOP/s, by torch's operators and by oxbert's kernels.

    oxbert's are those of a model with two wide layers, including all that stands between the products.
    """

    def __init__(self, threads: int) -> None:
        torch.set_num_threads(threads)
        left, right = torch.rand(SIDE, SIDE), torch.rand(SIDE, SIDE)
        half, other = left.bfloat16(), right.bfloat16()
        small, integers = (left * 100).to(torch.int8), (right * 100).to(torch.int8)
        flop = 2 * SIDE**3
        self.works = {
            "float32": (lambda: torch.mm(left, right), flop),
            "bfloat16": (lambda: torch.mm(half, other), flop),
            "int8": (lambda: torch._int_mm(small, integers), flop),
        }
        config = oxbert.ElectraConfig(**WIDE.config)
        weights = oxbert.ElectraModel.from_config(config, seed=0).state_dict()
        for precision in ("float32", "bfloat16", "int8"):
            with contextlib.suppress(oxbert.errors.InputError):
                model = oxbert.ElectraModel.from_pretrained(
                    None, config=config, state_dict=weights, trainable=False, precision=precision
                )
                work = (lambda model=model: model(WIDE_ROWS)), WIDE.work(WIDE_ROWS)
                self.works[f"{precision}, oxbert"] = work
        self.found: dict[str, list[float]] = {name: [] for name in self.works}
        for work, _ in self.works.values():
            work()  # The first call allocates and chooses kernels.

    def measure(self) -> None:
        for name, (work, flop) in self.works.items():
            self.found[name].append(flop / seconds(work) / 1e9)
