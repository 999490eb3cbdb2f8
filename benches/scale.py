"""Measure what batch inference through Ray costs beside the pipeline alone, on this machine.

    python -m benches.scale [--rows 1400] [--json FILE]

The model is an ELECTRA-small of random weights, the texts are docstrings of Python's standard library. Two calls of
different sizes are timed, and their difference is the speed: it has no start of processes in it, which is shown apart.
"""

from __future__ import annotations

import argparse
import ast
import itertools
import json
import os
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import ray
import ray.data

import oxbert
from oxbert import _native
from oxbert.ray import predict_parquet

SIZES = {"vocab_size": 8192, "embedding_size": 128, "hidden_size": 256, "num_attention_heads": 4,
         "intermediate_size": 1024, "num_hidden_layers": 12}  # fmt: skip
SMALL, LARGE = 1, 4


def sentences() -> Iterator[str]:
    """Yield the sentences of the docstrings of the standard library."""
    for path in sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")):
        if "site-packages" in path.parts:
            continue
        try:
            tree = ast.parse(path.read_text("utf-8"))
        except (SyntaxError, UnicodeDecodeError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                for sentence in (ast.get_docstring(node) or "").replace("\n", " ").split(". "):
                    if 20 <= len(sentence) <= 400:
                        yield sentence


def speed(run: Callable[[int], None], tokens: dict[int, int]) -> tuple[float, float]:
    """Return tokens per second, and the seconds that a call takes besides."""
    seconds = {}
    for size in (SMALL, LARGE):
        start = time.perf_counter()
        run(size)
        seconds[size] = time.perf_counter() - start
    rate = (tokens[LARGE] - tokens[SMALL]) / (seconds[LARGE] - seconds[SMALL])
    return rate, seconds[SMALL] - tokens[SMALL] / rate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1400, help="rows of the smaller call, a quarter of the other")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    folder = Path(tempfile.mkdtemp())
    oxbert.ElectraModel(oxbert.ElectraConfig(**SIZES), seed=0).save_pretrained(folder / "model")
    tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
    tokenizer.save_pretrained(folder / "model")
    known = list(itertools.islice(sentences(), 100_000))
    order = np.random.default_rng(0).permutation(len(known))
    texts = {size: [known[order[n % len(known)]] for n in range(size * options.rows)] for size in (SMALL, LARGE)}
    tokens = {size: sum(len(ids) for ids in tokenizer(own)["input_ids"]) for size, own in texts.items()}
    for size, own in texts.items():
        pq.write_table(pa.table({"text": own}), folder / f"{size}.parquet")
    found = {}

    def bare(threads: int) -> Callable[[int], None]:
        embed = oxbert.pipeline("feature-extraction", folder / "model", pooling="mean", return_tensors="np",
                                precision=options.precision)  # fmt: skip

        def run(size: int) -> None:
            _native._set_threads(threads)
            for _ in embed(iter(texts[size])):
                pass

        return run

    for threads in sorted({1, cores}):
        found[f"pipeline, threads: {threads}"] = speed(bare(threads), tokens)
    ray.init(num_cpus=cores, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    ray.data.DataContext.get_current().enable_progress_bars = False
    for actors, threads in sorted({(1, cores), (cores, 1)}):

        def cluster(size: int, actors: int = actors, threads: int = threads) -> None:
            predict_parquet(
                folder / f"{size}.parquet", folder / f"{size}-{actors}", "feature-extraction", folder / "model",
                pooling="mean", precision=options.precision, keep=[], num_cpus=threads, concurrency=actors,
                rows_per_part=options.rows // (2 * cores),
            )  # fmt: skip

        found[f"Ray, actors: {actors}, threads of each: {threads}"] = speed(cluster, tokens)
    ray.shutdown()
    mean = tokens[LARGE] / len(texts[LARGE])
    print(f"{oxbert.__version__}, {options.precision}, {cores} cores, {len(texts[LARGE])} texts of {mean:.1f} tokens")
    for name, (rate, rest) in found.items():
        print(f"{name:40} {rate:9,.0f} tokens/s {rest:6.1f} s besides")
    if options.json:
        options.json.write_text(json.dumps({"mean": mean, "found": found}))


if __name__ == "__main__":
    main()
