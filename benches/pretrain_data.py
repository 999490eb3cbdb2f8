"""Measure text -> examples and examples -> batches: `python -m benches.pretrain_data`."""

from __future__ import annotations

import argparse
import os
import sysconfig
import tempfile
import time
from pathlib import Path
from statistics import median

import oxbert
from oxbert.training.data import ExampleDataset, Manifest, write_examples

MODEL = "electra-tiny-generator"
BATCH = 128
STEPS = 200


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benches.pretrain_data", description=__doc__)
    parser.add_argument("--megabytes", type=int, default=30, help="size of the corpus [30]")
    parser.add_argument("--rounds", type=int, default=3, help="runs per setting [3]")
    parser.add_argument("--source", type=Path, help="a text, one sentence per line [the standard library's sources]")
    options = parser.parse_args()
    tokenizer = oxbert.ElectraTokenizer.from_pretrained(MODEL)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        source = options.source or standard_library(folder / "corpus.txt", options.megabytes * 10**6)
        size = source.stat().st_size
        print(f"{size / 1e6:.1f} MB of text, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        for name, arguments in [("default", {}), ("exact", {"exact": True}), ("no shuffle", {"shuffle": False})]:
            seconds = []
            for _ in range(options.rounds):
                begin = time.perf_counter()
                manifest = write_examples(source, folder / name, tokenizer, overwrite=True, **arguments)
                seconds.append(time.perf_counter() - begin)
            report(name, size, manifest, median(seconds))
        read(folder / "default")


def report(name: str, size: int, manifest: Manifest, seconds: float) -> None:
    print(
        f"{name + ':':<20}{size / 1e6 / seconds:6.1f} MB/s  {manifest.tokens / seconds / 1e6:5.2f}M tokens/s  "
        f"{manifest.examples} examples, {manifest.tokens / manifest.examples:.1f} tokens each"
    )


def read(folder: Path) -> None:
    begin = time.perf_counter()
    dataset = ExampleDataset(folder)
    opened = time.perf_counter() - begin
    begin = time.perf_counter()
    tokens = sum(int(batch["attention_mask"].sum()) for batch in dataset.iter_batches(BATCH, stop=STEPS))
    spent = time.perf_counter() - begin
    print(
        f"{'reading:':<20}opened and verified in {opened * 1e3:.0f} ms; {spent / STEPS * 1e3:.2f} ms per batch of "
        f"{BATCH}, {tokens / spent / 1e6:.1f}M tokens/s"
    )


def standard_library(path: Path, size: int) -> Path:
    """Write Python's sources repeatedly up to a size, without blank lines, one document per file."""
    sources = sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py"))
    texts = [text for source in sources if "site-packages" not in str(source) and (text := lines(source))]
    written = 0
    with open(path, "w", encoding="utf-8") as file:
        while written < size:
            for text in texts:
                written += file.write(f"{text}\n\n")
                if written >= size:
                    break
    return path


def lines(source: Path) -> str:
    text = source.read_text(encoding="utf-8", errors="ignore")
    return "\n".join(line.strip() for line in text.split("\n") if line.strip())


if __name__ == "__main__":
    main()
