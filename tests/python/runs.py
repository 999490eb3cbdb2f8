"""Small runs of pre-training, of a second or less, and what tests ask of them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import torch

import oxbert
from oxbert.training import PretrainingConfig, Trainer
from oxbert.training.data import ExampleDataset, write_examples

TOKENIZER = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
WORDS = "return raise the a value node graph error list number function of in is if not empty string index".split()
SETTINGS: dict[str, Any] = {
    "vocab_size": 8192, "embedding_size": 6, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
    "generator_hidden_size": 0.5, "max_length": 24, "max_position_embeddings": 24, "batch_size": 6,
    "train_steps": 12, "warmup_steps": 4, "learning_rate": 0.01, "save_every": 3, "keep_checkpoints": 2, "seed": 5,
    "evaluate_every": 6, "evaluation_batches": 2, "eval_batch_size": 4,
}  # fmt: skip


def write_data(folder: Path) -> Path:
    """Write examples of words drawn at random, and return their folder."""
    choose = random.Random(0)
    lines = [" ".join(choose.choices(WORDS, k=choose.randrange(3, 12))) for _ in range(300)]
    (folder / "text").write_text("\n".join(lines))
    write_examples(folder / "text", folder / "examples", TOKENIZER, max_length=24)
    return folder / "examples"


def trainer(data: Path, output: Path, **options: Any) -> Trainer:
    names = (
        "device", "precision", "accumulate", "resume", "held_out", "generator", "discriminator", "tensorboard",
        "continue_from",
    )  # fmt: skip
    own = {name: options.pop(name) for name in names if name in options}
    return Trainer(PretrainingConfig(**SETTINGS | options), ExampleDataset(data), TOKENIZER, output, **own)


def weights(run: Trainer) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().clone() for name, parameter in run.parameters.items()}


def losses(output: Path) -> list[tuple[int, float]]:
    lines = [json.loads(line) for line in (output / "log.jsonl").read_text().splitlines()]
    return [(line["step"], line["loss"]) for line in lines if "loss" in line]


def assert_equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]), name


def assert_near(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor], apart: float = 1e-5) -> None:
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert (tensor - other[name]).abs().max() <= apart, name
