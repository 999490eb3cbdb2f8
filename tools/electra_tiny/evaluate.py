"""Measure a generator and a discriminator on the held-out text, with a fixed seed.

Masked-token accuracy: 15 % of the tokens of every packed row of 128 are chosen and ALL of them become ``[MASK]``.
Replaced-token figures: the pre-training recipe (15 % chosen, 85 % of those become ``[MASK]``, all chosen tokens are
drawn from the generator's distribution); a token is positive when it differs from the original; ``[CLS]`` and ``[SEP]``
do not count.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor
from transformers import ElectraForMaskedLM, ElectraForPreTraining

import oxbert
from bundle import BUNDLED
from common import (
    CLS,
    SEP,
    choose_positions,
    consecutive_windows,
    discriminator_logits,
    encode_text,
    generator_logits,
    load_tokenizer,
    mask_tokens,
    replace_tokens,
    sample_tokens,
)

BATCH = 32


def area_under_curve(scores: np.ndarray, labels: np.ndarray) -> float:
    """Area under the ROC curve; ties count one half."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    positives = int(labels.sum())
    negatives = len(labels) - positives
    return float((ranks[labels].sum() - positives * (positives + 1) / 2) / (positives * negatives))


@torch.no_grad()
def evaluate(
    generator: ElectraForMaskedLM, discriminator: ElectraForPreTraining, rows: Tensor, seed: int = 0
) -> dict[str, float]:
    """All held-out figures of the two models on packed rows of ids."""
    generator.eval()
    discriminator.eval()
    random = torch.Generator().manual_seed(seed)
    hits, top5_hits, targets, loss = 0, 0, [], 0.0
    scores, labels = [], []
    for batch in rows.split(BATCH):
        positions = choose_positions(batch, 0.15, random)
        original = batch.flatten()[positions]
        logits = generator_logits(generator, mask_tokens(batch, positions, 1.0), positions)
        loss += torch.nn.functional.cross_entropy(logits, original, reduction="sum").item()
        best = logits.topk(5, dim=-1).indices
        hits += int((best[:, 0] == original).sum())
        top5_hits += int((best == original[:, None]).any(dim=1).sum())
        targets.append(original)

        logits = generator_logits(generator, mask_tokens(batch, positions, 0.85, random), positions)
        corrupted = replace_tokens(batch, positions, sample_tokens(logits, random))
        counted = (batch != CLS) & (batch != SEP)
        scores.append(discriminator_logits(discriminator, corrupted)[counted])
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
    """Load the two folders, print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--generator", type=Path, default=BUNDLED / "electra-tiny-generator")
    parser.add_argument("--discriminator", type=Path, default=BUNDLED / "electra-tiny-discriminator")
    parser.add_argument("--text", type=Path, required=True, help="heldout.txt")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rows = consecutive_windows(encode_text(arguments.text, load_tokenizer(arguments.generator / "vocab.txt")), 128)
    with TemporaryDirectory() as scratch:
        # The reference reads no `.ot`: what the package ships goes through oxbert first.
        generator, discriminator = Path(scratch, "generator"), Path(scratch, "discriminator")
        oxbert.ElectraForMaskedLM.from_pretrained(arguments.generator).save_pretrained(generator)
        oxbert.ElectraForPreTraining.from_pretrained(arguments.discriminator).save_pretrained(discriminator)
        figures = evaluate(
            ElectraForMaskedLM.from_pretrained(generator),
            ElectraForPreTraining.from_pretrained(discriminator),
            rows,
            arguments.seed,
        )
    print(json.dumps({key: round(value, 4) for key, value in figures.items()}, indent=1))


if __name__ == "__main__":
    main()
