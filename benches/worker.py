"""Run one model in one library, by orders of the measuring process."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from benches import exports
from benches.peers import PEERS, Runner
from benches.processes import Process, serve
from benches.texts import SIZES, Rows, batches, random_rows

# What keeps the libraries that have such a setting to AVX2.
AVX2 = {
    "OXBERT_KERNELS": "avx2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "DNNL_MAX_CPU_ISA": "AVX2",
    "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    "CT2_FORCE_CPU_ISA": "AVX2",
}
REPLICAS, THREADS = "replicas", "threads"
TEXTS_OF_A_BATCH = 16


class Worker(Process):
    """Hold the process of a peer that runs one model."""

    def __init__(self, peer: str, folder: Path, size: str, threads: int, avx2: bool = False) -> None:
        counts = {"OMP_NUM_THREADS": str(threads), "RAYON_NUM_THREADS": str(threads)}
        environment = counts | {"TOKENIZERS_PARALLELISM": "false"} | (AVX2 if avx2 else {})
        log = folder / f"{peer.replace(' ', '-').replace(',', '')}.log"
        super().__init__(["-m", "benches.worker", peer, str(folder), size, str(threads)], log, environment)


class Server:
    """Answer the orders, in the peer's process."""

    def __init__(self, peer: str, folder: str, size: str, threads: str) -> None:
        self.peer, self.folder, self.size, self.threads = PEERS[peer], Path(folder), SIZES[size], int(threads)
        self.runners: dict[str, Runner] = {}
        self.batches: dict[tuple[str, str], list[Any]] = {}
        self.pool: ThreadPoolExecutor | None = None
        self.before = 0
        for module in self.peer.imports or self.peer.modules:
            __import__(module)

    def load(self) -> int:
        """Load the weights and return the growth of the memory, in bytes, from after the library's import."""
        self.before = memory("VmRSS")
        self.runners[THREADS] = self.peer.runner(self.folder, self.peer.precision, self.threads, False)
        self.runners[THREADS].activate()
        return memory("VmRSS") - self.before

    def error(self) -> tuple[float, float]:
        """Compare with the hidden states of transformers in float32: the norm of the difference, and the largest."""
        rows = random_rows(self.size.texts)[: exports.TEXTS_OF_THE_REFERENCE]
        with np.load(self.folder / exports.REFERENCE) as file:
            expected = [file[f"arr_{number}"] for number in range(len(rows))]
        got = real(self.call(THREADS, rows), rows)
        difference = np.concatenate([mine - other for mine, other in zip(got, expected, strict=True)])
        norm = float(np.linalg.norm(np.concatenate(expected)))
        return float(np.linalg.norm(difference)) / norm, float(np.abs(difference).max())

    def prepare(self, shape: str, way: str) -> int:
        """Make the batches of a shape and run them once, and return the number of tokens."""
        rows = batches(self.size, shape, self.threads if way == REPLICAS else 1)
        runner = self.runner(way)
        self.batches[shape, way] = [runner.prepare(batch) for batch in rows]
        self.run(shape, way, 1)
        return sum(len(row) for batch in rows for row in batch)

    def run(self, shape: str, way: str, times: int, warm: int = 0) -> list[float]:
        """Return the seconds of each of some passes over the batches; the first `warm` passes are not timed."""
        runner, work = self.runner(way), self.batches[shape, way]
        runner.activate()
        seconds = []
        for _ in range(warm + times):
            begin = time.perf_counter()
            if way == REPLICAS and self.pool:
                list(self.pool.map(runner.run, work))
            else:
                for batch in work:
                    runner.run(batch)
            seconds.append(time.perf_counter() - begin)
        return seconds[warm:]

    def peak(self) -> int:
        """Return the largest growth of the memory since the last call, or since before loading."""
        found = memory("VmHWM") - self.before
        Path("/proc/self/clear_refs").write_text("5")
        return found

    def bits(self, texts: int) -> tuple[int, int]:
        """Return in how many texts a batch changes bits of the hidden states, and in how many replicas do."""
        in_batch = in_replicas = 0
        all_rows = random_rows(texts, seed=1)
        for first in range(0, texts, TEXTS_OF_A_BATCH):
            rows = all_rows[first : first + TEXTS_OF_A_BATCH]
            alone = [self.call(THREADS, [row])[0, : len(row)] for row in rows]
            together = real(self.call(THREADS, rows), rows)
            in_batch += sum(one.tobytes() != other.tobytes() for one, other in zip(alone, together, strict=True))
            if self.peer.is_ours:
                runner = self.runner(REPLICAS)
                assert self.pool
                each = self.pool.map(lambda row, runner=runner: runner.run(runner.prepare([row]))[0, : len(row)], rows)
                in_replicas += sum(one.tobytes() != other.tobytes() for one, other in zip(alone, each, strict=True))
        return in_batch, in_replicas

    def call(self, way: str, rows: Rows) -> np.ndarray:
        runner = self.runner(way)
        runner.activate()
        return runner.run(runner.prepare(rows))

    def runner(self, way: str) -> Runner:
        if way not in self.runners:
            self.runners[way] = self.runners[THREADS].sibling()
            self.pool = ThreadPoolExecutor(self.threads, initializer=self.runners[way].enter)
        return self.runners[way]


def real(hidden: np.ndarray, rows: Rows) -> list[np.ndarray]:
    """Return the hidden states of the real tokens of each text."""
    return [hidden[place, : len(row)] for place, row in enumerate(rows)]


def memory(field: str) -> int:
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field)) * 1024


if __name__ == "__main__":
    serve(Server(*sys.argv[1:]))
