"""Train the small DistilBERT that an example runs without `--model`: the package bundles no fine-tuned model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

import oxbert
import oxbert.torch

VOCABULARY = "electra-tiny-generator"
"""The bundled model whose vocabulary the small model uses."""
IGNORED = -100
"""The label of tokens that do not count."""


def train_small(
    kind: type,
    labels: Sequence[str],
    rows: Mapping[str, Sequence[Any]],
    folder: str | Path,
    *,
    steps: int = 60,
    learning_rate: float = 1e-3,
) -> None:
    """Train a model of class `kind` from scratch, and write it with its tokenizer into a folder.

    `rows` are the arguments of a call, such as `input_ids` and `labels`, each with one item per text.
    """
    tokenizer = oxbert.DistilBertTokenizer.from_pretrained(VOCABULARY)
    # Two layers of 64 numbers, texts of up to 64 tokens.
    config = oxbert.DistilBertConfig(
        vocab_size=len(tokenizer), max_position_embeddings=64, dim=64, n_layers=2, n_heads=2, hidden_dim=128,
        id2label=dict(enumerate(labels)),
    )  # fmt: skip
    module = oxbert.torch.Module(kind(config, seed=1)).train()
    torch.manual_seed(1)
    optimizer = torch.optim.AdamW(module.parameters(), lr=learning_rate)
    batch = {name: pad(column, name) for name, column in rows.items()}
    batch["attention_mask"] = pad([[1] * len(row) for row in rows["input_ids"]], "attention_mask")
    for step in range(1, steps + 1):
        loss = module(**batch).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step == 1 or step % (steps // 3) == 0:
            print(f"    step {step:3}: loss {loss.item():.3f}")
    module.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def pad(rows: Sequence[Any], name: str) -> torch.Tensor:
    """Return the rows of an argument as a tensor."""
    if not isinstance(rows[0], Sequence):
        return torch.tensor(rows)
    filler = IGNORED if name == "labels" else 0
    return torch.nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], True, filler)
