"""Run all benchmarks: `python -m benches`; `--quick` has the models' main rows; `--help` lists the options."""

from __future__ import annotations

import argparse
import json
from statistics import median
from typing import Any

import torch

from benches import finetuning, loading, machine, models, tokenizing, training
from benches.summary import print_rows

MINIMUM_ROUNDS = 5


def main() -> None:
    options = command_line()
    if options.threads:
        torch.set_num_threads(options.threads)
    rounds = options.rounds or models.ROUNDS
    table: dict[str, Any] = {"machine": machine.describe(), "rounds": rounds}
    if not options.no_models:
        table |= models.measure(models.plan_of(options))
        models.summary.show(table)
        if options.plot:
            models.plots.draw(table, options.plot)
    if not options.quick:
        table |= others(options, rounds)
        show(table)
    if options.json:
        options.json.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")


def others(options: argparse.Namespace, rounds: int) -> dict:
    """Measure everything but the models."""
    sgemm = machine.Sgemm()
    words = [] if options.no_tokenizer else tokenizing.measure(rounds, sgemm)
    loads = [] if options.no_loading else loading.measure(rounds, sgemm)
    steps = [] if options.no_training else training.measure(rounds, sgemm)
    memories = [] if options.no_training else finetuning.measure()
    return {
        "tokenizers": [word_row(word) for word in words],
        "loading": [loading_row(load) for load in loads],
        "training": [training_row(step) for step in steps],
        "fine-tuning": [memory_row(memory) for memory in memories],
        "sgemm, GFLOP/s": sgemm.rates,
    }


def command_line() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benches", description="Compare oxbert with its peers on the same random weights."
    )
    models.add_options(parser)
    parser.add_argument("--no-tokenizer", action="store_true", help="skip the tokenizers")
    parser.add_argument("--no-models", action="store_true", help="skip the models")
    parser.add_argument("--no-loading", action="store_true", help="skip the loading of weights")
    parser.add_argument("--no-training", action="store_true", help="skip the training steps")
    options = parser.parse_args()
    if not options.quick and options.rounds and options.rounds < MINIMUM_ROUNDS:
        parser.error(f"--rounds: expected at least {MINIMUM_ROUNDS}, got {options.rounds}")
    return options


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
        "step": f"{training.TEXTS} texts, {step.kind}{', memory kept' if step.kept else ''}",
        "peer": step.peer,
        "tokens/s": round(step.tokens / step.timing.median),
        "best tokens/s": round(step.tokens / step.timing.best),
        "peak memory, MB": "" if step.peak is None else round(step.peak / 1e6),
    }


def memory_row(memory: finetuning.Memory) -> dict[str, str | float]:
    return {"fine-tuning": memory.kind, "peer": memory.peer, "peak memory, MB": round(memory.peak / 1e6)}


def show(table: dict) -> None:
    if rates := table["sgemm, GFLOP/s"]:
        print(f"\nsgemm: {median(rates):.0f} GFLOP/s, best {max(rates):.0f}")
    print(f"\nMedian and best of {table['rounds']} rounds; the peers alternate within a round.")
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


if __name__ == "__main__":
    main()
