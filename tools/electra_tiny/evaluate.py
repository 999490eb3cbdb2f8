"""Measure a generator and a discriminator on the held-out text, with a fixed seed.

Masked-token accuracy: 15 % of the tokens of every packed row of 128 are chosen, and all of them become ``[MASK]``.
Replaced-token metrics: as in pre-training, 15 % are chosen, 85 % of those become ``[MASK]``, and all chosen tokens are
replaced by samples of the generator. A token is positive if it differs from the original; ``[CLS]`` and ``[SEP]`` do
not count.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from tokenizers import BertWordPieceTokenizer
from torch import Tensor
from transformers import ElectraForMaskedLM, ElectraForPreTraining

import oxbert
from bundle import BUNDLED

CLS, SEP, MASK = 2, 3, 4
BATCH, LENGTH = 32, 128
SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")


def packed_rows(text: Path, vocab: Path, length: int = LENGTH) -> Tensor:
    """Return a text with one paragraph per line as full rows ``[CLS] tokens... [SEP]``.

    Each row begins with a sentence; ``[SEP]`` follows every paragraph.
    """
    tokenizer = BertWordPieceTokenizer(str(vocab), lowercase=True)
    tokens: list[int] = []
    starts: list[int] = []
    for paragraph in filter(None, text.read_text(encoding="utf-8").splitlines()):
        for encoding in tokenizer.encode_batch(SENTENCE_END.split(paragraph), add_special_tokens=False):
            starts.append(len(tokens))
            tokens.extend(encoding.ids)
        tokens.append(SEP)
    rows: list[list[int]] = []
    end = 0
    for start in starts:
        if end <= start <= len(tokens) - (length - 2):
            end = start + length - 2
            rows.append([CLS, *tokens[start:end], SEP])
    return torch.tensor(rows)


def choose_positions(input_ids: Tensor, share: float, random: torch.Generator) -> Tensor:
    """Return the sorted flat indices of ``round(share * length)`` distinct maskable positions in every row."""
    rows, length = input_ids.shape
    noise = torch.rand(rows, length, generator=random)
    noise.masked_fill_((input_ids == CLS) | (input_ids == SEP), 2.0)
    columns = noise.topk(max(1, round(share * length)), dim=1, largest=False).indices
    return (columns + torch.arange(rows)[:, None] * length).flatten().sort().values


def with_tokens(input_ids: Tensor, positions: Tensor, tokens: Tensor | int) -> Tensor:
    """Return the ids with other tokens at the given positions."""
    changed = input_ids.flatten().clone()
    changed[positions] = tokens
    return changed.view_as(input_ids)


def generator_logits(model: ElectraForMaskedLM, masked_ids: Tensor, positions: Tensor) -> Tensor:
    """Return the vocabulary logits of the chosen positions only."""
    hidden = model.electra(masked_ids).last_hidden_state.flatten(0, 1)[positions]
    return model.generator_lm_head(model.generator_predictions(hidden))


def sample_tokens(logits: Tensor, random: torch.Generator) -> Tensor:
    """Sample one token per row from the softmax of the logits."""
    cumulative = logits.softmax(dim=-1).cumsum(dim=-1)
    uniform = torch.rand(len(logits), 1, generator=random) * cumulative[:, -1:]
    return torch.searchsorted(cumulative, uniform).squeeze(1).clamp_(max=logits.size(-1) - 1)


def area_under_curve(scores: np.ndarray, labels: np.ndarray) -> float:
    """Return the area under the ROC curve; ties count one half."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    positives = int(labels.sum())
    negatives = len(labels) - positives
    return float((ranks[labels].sum() - positives * (positives + 1) / 2) / (positives * negatives))


@torch.no_grad()
def evaluate(
    generator: ElectraForMaskedLM, discriminator: ElectraForPreTraining, rows: Tensor, seed: int
) -> dict[str, float]:
    """Return all held-out metrics of the two models on packed rows of ids."""
    random = torch.Generator().manual_seed(seed)
    hits, top5_hits, targets, loss = 0, 0, [], 0.0
    scores, labels = [], []
    for batch in rows.split(BATCH):
        positions = choose_positions(batch, 0.15, random)
        original = batch.flatten()[positions]
        logits = generator_logits(generator, with_tokens(batch, positions, MASK), positions)
        loss += torch.nn.functional.cross_entropy(logits, original, reduction="sum").item()
        best = logits.topk(5, dim=-1).indices
        hits += int((best[:, 0] == original).sum())
        top5_hits += int((best == original[:, None]).any(dim=1).sum())
        targets.append(original)

        hidden = positions[torch.rand(len(positions), generator=random) < 0.85]
        logits = generator_logits(generator, with_tokens(batch, hidden, MASK), positions)
        corrupted = with_tokens(batch, positions, sample_tokens(logits, random))
        counted = (batch != CLS) & (batch != SEP)
        scores.append(discriminator(corrupted).logits[counted])
        labels.append((corrupted != batch)[counted])
    target = torch.cat(targets)
    score, label = torch.cat(scores).numpy(), torch.cat(labels).numpy()
    predicted = score > 0
    true_positives = int((predicted & label).sum())
    return {
        "masked_tokens": len(target),
        "masked_lm_accuracy": hits / len(target),
        "masked_lm_top5_accuracy": top5_hits / len(target),
        "masked_lm_loss": loss / len(target),
        "most_frequent_token_accuracy": int(torch.bincount(target).max()) / len(target),
        "disc_tokens": len(label),
        "disc_replaced_share": float(label.mean()),
        "disc_loss": float(np.logaddexp(0, np.where(label, -score, score)).mean()),
        "disc_auc": area_under_curve(score, label),
        "disc_accuracy": float((predicted == label).mean()),
        "disc_precision": true_positives / max(1, int(predicted.sum())),
        "disc_recall": true_positives / max(1, int(label.sum())),
    }


def main() -> None:
    """Load the two folders and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--generator", type=Path, default=BUNDLED / "electra-tiny-generator")
    parser.add_argument("--discriminator", type=Path, default=BUNDLED / "electra-tiny-discriminator")
    parser.add_argument("--text", type=Path, required=True, help="heldout.txt")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with TemporaryDirectory() as scratch:
        # transformers does not read `.ot`, so oxbert converts the weights of the package first.
        generator, discriminator = Path(scratch, "generator"), Path(scratch, "discriminator")
        oxbert.ElectraForMaskedLM.from_pretrained(arguments.generator).save_pretrained(generator)
        oxbert.ElectraForPreTraining.from_pretrained(arguments.discriminator).save_pretrained(discriminator)
        figures = evaluate(
            ElectraForMaskedLM.from_pretrained(generator).eval(),
            ElectraForPreTraining.from_pretrained(discriminator).eval(),
            packed_rows(arguments.text, arguments.generator / "vocab.txt"),
            arguments.seed,
        )
    print(json.dumps({key: round(value, 4) for key, value in figures.items()}, indent=1))


if __name__ == "__main__":
    main()
