"""Tiny models and data to fine-tune, of a second or less, and what tests ask of runs."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import oxbert
from oxbert.training import FineTuner, FineTuningConfig
from oxbert.training.finetuning.sources import read_splits
from oxbert.training.finetuning.tasks.registry import find_task
from oxbert.training.finetuning.tasks.task import Task

TOKENIZER = oxbert.AutoTokenizer.from_pretrained("electra-tiny-discriminator")
RETURNS = "return the value of node|a list of names|the number of rows in graph|is true if empty".split("|")
RAISES = "raise an error|fails if the index is not found|invalid argument|missing key in function".split("|")
SETTINGS: dict[str, Any] = {"epochs": 3.0, "batch_size": 4, "eval_batch_size": 5, "learning_rate": 5e-3, "seed": 3}


def write_model(folder: Path, *, dropout: float = 0.1, family: str = "electra", layers: int = 2) -> Path:
    """Write a tiny encoder with random weights, and the bundled tokenizer."""
    if family == "electra":
        config: oxbert.Config = oxbert.ElectraConfig(
            vocab_size=8192, embedding_size=8, hidden_size=16, num_hidden_layers=layers, num_attention_heads=2,
            intermediate_size=24, max_position_embeddings=64, initializer_range=0.1, hidden_dropout_prob=dropout,
            attention_probs_dropout_prob=dropout,
        )  # fmt: skip
        oxbert.ElectraForPreTraining(config, seed=1).save_pretrained(folder)
    else:
        config = oxbert.DistilBertConfig(
            vocab_size=8192, dim=16, n_layers=layers, n_heads=2, hidden_dim=24, max_position_embeddings=64,
            initializer_range=0.1, dropout=dropout, attention_dropout=dropout, seq_classif_dropout=dropout,
        )  # fmt: skip
        oxbert.DistilBertModel(config, seed=1).save_pretrained(folder)
    TOKENIZER.save_pretrained(folder)
    return folder


def texts(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Return rows with a text of one of two kinds and its label."""
    draw = random.Random(seed)
    rows = []
    for _ in range(count):
        kind = draw.random() < 0.5
        text = " ".join(
            [draw.choice(RETURNS if kind else RAISES), *draw.choices(["now", "then", "x"], k=draw.randrange(4))]
        )
        rows.append({"text": text, "label": "returns" if kind else "raises"})
    return rows


def sentences(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Return rows with words and their tags."""
    draw = random.Random(seed)
    kinds = {"NP": ["the list", "a value", "names"], "VP": ["returns", "will raise"], "PP": ["of"]}
    rows = []
    for _ in range(count):
        words: list[str] = []
        tags: list[str] = []
        for _ in range(draw.randrange(1, 5)):
            kind = draw.choice(list(kinds))
            part = draw.choice(kinds[kind]).split()
            words += part
            tags += [f"B-{kind}", *[f"I-{kind}"] * (len(part) - 1)]
            if draw.random() < 0.3:
                words.append("and")
                tags.append("O")
        rows.append({"words": words, "tags": tags})
    return rows


def write_rows(folder: Path, **splits: list[dict[str, Any]]) -> Path:
    """Write rows as `train.jsonl` and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in splits.items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def tuner(task: str | Task, model: Path, data: Any, output: Path, **options: Any) -> FineTuner:
    """Make a trainer with small settings."""
    task = find_task(task)
    own = {
        name: options.pop(name) for name in ("resume", "accumulate", "precision", "continue_from") if name in options
    }
    config = FineTuningConfig(**{**SETTINGS, **options})
    return FineTuner(task, config, model, read_splits(task, data, "error").examples, output, **own)


def log_of(output: Path) -> list[dict[str, Any]]:
    """Return the lines of a log without what the machine decides."""
    lines = [json.loads(line) for line in (output / "log.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "tokens_per_second"} for line in lines]
