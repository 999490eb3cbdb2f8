"""Run all benchmarks in a few minutes: `python -m benches`; `--help` lists the options."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import median

import torch

from benches import finetuning, loading, machine, models, tokenizing, training

MINIMUM_ROUNDS = 5


def main() -> None:
    options = command_line()
    if options.threads:
        torch.set_num_threads(options.threads)
    facts = machine.describe()
    sgemm = machine.Sgemm()
    sizes = list(models.SIZES) if options.size == "all" else [options.size]
    sizes = [] if options.no_models else sizes
    results = [result for size in sizes for result in models.measure(size, options.rounds, sgemm)]
    words = [] if options.no_tokenizer else tokenizing.measure(options.rounds, sgemm)
    loads = [] if options.no_loading else loading.measure(options.rounds, sgemm)
    steps = [] if options.no_training else training.measure(options.rounds, sgemm)
    memories = [] if options.no_training else finetuning.measure()
    facts |= {"sgemm, GFLOP/s, median": round(median(sgemm.rates)), "sgemm, GFLOP/s, best": round(max(sgemm.rates))}
    rows = [model_row(result) for result in results]
    table = {
        "machine": facts,
        "rounds": options.rounds,
        "models": rows,
        "tokenizers": [word_row(word) for word in words],
        "loading": [loading_row(load) for load in loads],
        "training": [training_row(step) for step in steps],
        "fine-tuning": [memory_row(memory) for memory in memories],
    }
    show(table)
    if options.json:
        options.json.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")


def command_line() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benches", description="Compare oxbert with its peers on the same random weights."
    )
    parser.add_argument("--size", choices=[*models.SIZES, "all"], default="all", help="the size of the models [all]")
    parser.add_argument("--rounds", type=rounds, default=7, help=f"rounds per benchmark, at least {MINIMUM_ROUNDS} [7]")
    parser.add_argument("--threads", type=int, help="the number of torch's threads [torch's default]")
    parser.add_argument("--no-tokenizer", action="store_true", help="skip the tokenizers")
    parser.add_argument("--no-models", action="store_true", help="skip the models")
    parser.add_argument("--no-loading", action="store_true", help="skip the loading of weights")
    parser.add_argument("--no-training", action="store_true", help="skip the training steps")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to a file")
    return parser.parse_args()


def rounds(text: str) -> int:
    number = int(text)
    if number < MINIMUM_ROUNDS:
        raise argparse.ArgumentTypeError(f"expected at least {MINIMUM_ROUNDS}, got {number}")
    return number


def model_row(result: models.Result) -> dict[str, str | float]:
    return {
        "model": f"ELECTRA-{result.size}",
        "peer": result.peer,
        "latency ms": round(result.latency.median * 1e3, 2),
        "best ms": round(result.latency.best * 1e3, 2),
        "batch": f"{result.tokens} tokens, {100 - 100 * result.share:.0f}% padding",
        "tokens/s": round(result.tokens / result.batch.median),
        "best tokens/s": round(result.tokens / result.batch.best),
    }


def word_row(word: tokenizing.Tokenizing) -> dict[str, str | float]:
    return {
        "texts": f"{word.texts} {word.kind}",
        "peer": word.peer,
        "texts/s": round(word.texts / word.timing.median),
        "best texts/s": round(word.texts / word.timing.best),
        "time / oxbert": round(word.ratio, 2),
        "equal rows": word.equal,
    }


def loading_row(load: loading.Loading) -> dict[str, str | float]:
    return {
        "model": f"ELECTRA-{loading.SIZE}",
        "from": load.format,
        "peer": load.peer,
        "peak memory / parameters": round(load.peak, 2),
        "seconds": round(load.seconds, 2),
    }


def training_row(step: training.Training) -> dict[str, str | float]:
    return {
        "step": f"{training.TEXTS} texts, {step.kind}",
        "peer": step.peer,
        "tokens/s": round(step.tokens / step.timing.median),
        "best tokens/s": round(step.tokens / step.timing.best),
        "peak memory, MB": "" if step.peak is None else round(step.peak / 1e6),
    }


def memory_row(memory: finetuning.Memory) -> dict[str, str | float]:
    return {"fine-tuning": memory.kind, "peer": memory.peer, "peak memory, MB": round(memory.peak / 1e6)}


def show(table: dict) -> None:
    for name, fact in table["machine"].items():
        print(f"{name + ':':<26}{fact}")
    rounds = table["rounds"]
    print(f"\nMedian and best of {rounds} rounds; the peers alternate within a round.")
    if table["models"]:
        print("\nThe logits in float32 agree to 1e-5. frozen and other precisions: loaded with trainable=False.")
        print(f"Latency: one text of {models.TOKENS_OF_ONE_TEXT} tokens. Batch: texts of different lengths; tokens/s")
        print("does not count padding. transformers: sdpa, inference mode,")
        print("padded batch.\n")
        print_rows(table["models"])
    if table["tokenizers"]:
        print("\nTokenization of texts to lists of ids, from Python. At once: docstrings truncated to")
        print(f"{tokenizing.MAX_LENGTH} tokens, on all cores. One at a time: sentences of one line.\n")
        print_rows(table["tokenizers"])
    if table["loading"]:
        print("\nLoading weights from a file in the page cache, each time in a new process. Peak memory: the")
        print("growth of the process's resident memory while it loads, including pages of mapped files.\n")
        print_rows(table["loading"])
    if table["training"]:
        print("\nA step of pre-training ELECTRA-small, including dropout and the update; without dropout the losses")
        print(f"agree to 1e-5. Rows of at most {training.LENGTH} tokens; transformers: sdpa, padded, torch's fused")
        print("AdamW. Peak memory: the growth of a new process from before the networks are created.\n")
        print_rows(table["training"])
    if table["fine-tuning"]:
        size, texts, length = finetuning.SIZE, finetuning.TEXTS, finetuning.LENGTH
        print(f"\nFine-tuning ELECTRA-{size} to classify {texts} texts of {length} tokens: the growth of a new process")
        print("from before the model is created. LoRA: peft's, on query and value, if peft is installed.\n")
        print_rows(table["fine-tuning"])


def print_rows(rows: list[dict[str, str | float]]) -> None:
    columns = list(rows[0])
    cells = [columns, *([str(row[column]) for column in columns] for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(columns))]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main()
