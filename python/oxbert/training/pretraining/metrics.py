"""Compute the figures of google-research/electra's evaluation."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from oxbert.outputs import PretrainingOutput


@dataclass
class Metrics:
    """Accumulate the figures of an evaluation over its steps.

    Example:
        >>> Metrics().result()
        {}
    """

    chosen: int = 0
    hits: int = 0
    sampled_hits: int = 0
    masked_lm_loss: float = 0.0
    tokens: int = 0
    replaced_loss: float = 0.0
    scores: list[npt.NDArray[np.float32]] = field(default_factory=list)
    labels: list[npt.NDArray[np.bool_]] = field(default_factory=list)

    def add(self, output: PretrainingOutput) -> None:
        """Add a step over a whole batch, whose losses are means over its own tokens."""
        chosen, tokens, _ = output.totals
        originals = np.concatenate([np.asarray(row, np.int64) for row in output.originals])
        if output.predictions is not None and output.masked_lm_loss is not None:
            self.chosen += chosen
            self.hits += int((output.predictions.cpu().numpy() == originals).sum())
            self.masked_lm_loss += float(output.masked_lm_loss) * chosen
        if output.logits is not None and output.replaced_loss is not None and output.replaced and output.samples:
            self.tokens += tokens
            self.replaced_loss += float(output.replaced_loss) * tokens
            self.sampled_hits += int((np.asarray(output.samples) == originals).sum())
            logits = output.logits.cpu().numpy()
            self.scores += [row[: len(labels)] for row, labels in zip(logits, output.replaced, strict=True)]
            self.labels += [np.asarray(labels, np.bool_) for labels in output.replaced]

    def result(self) -> dict[str, float]:
        """Return the available figures by the original's names.

        For the generator: `masked_lm_accuracy`, `masked_lm_loss` (nats) and `sampled_masked_lm_accuracy`, the share of
        sampled tokens that are the original. For the discriminator, over all tokens: `disc_loss` (nats), `disc_auc`,
        and at a probability of one half `disc_accuracy`, `disc_precision` and `disc_recall`.

        Source:
            `run_pretraining.py` of google-research/electra.
        """
        figures: dict[str, float] = {}
        if self.chosen:
            figures["masked_lm_accuracy"] = self.hits / self.chosen
            figures["masked_lm_loss"] = self.masked_lm_loss / self.chosen
        if self.tokens:
            scores, labels = np.concatenate(self.scores), np.concatenate(self.labels)
            predicted = scores > 0
            right = int((predicted & labels).sum())
            if self.chosen:
                figures["sampled_masked_lm_accuracy"] = self.sampled_hits / self.chosen
            figures["disc_loss"] = self.replaced_loss / self.tokens
            figures["disc_auc"] = area_under_curve(scores, labels)
            figures["disc_accuracy"] = float((predicted == labels).mean())
            figures["disc_precision"] = right / max(1, int(predicted.sum()))
            figures["disc_recall"] = right / max(1, int(labels.sum()))
        return figures


def area_under_curve(scores: npt.NDArray[np.float32], labels: npt.NDArray[np.bool_]) -> float:
    """Return the probability that a replaced token has a higher score than another; ties count one half.

    Args:
        scores: The scores [n].
        labels: Whether each token is replaced [n]. If all labels are equal, NaN is returned.

    Example:
        >>> area_under_curve(np.array([0.1, 0.4, 0.4, 0.9], np.float32), np.array([False, True, False, True]))
        0.875
    """
    positives = int(labels.sum())
    negatives = len(labels) - positives
    if not positives or not negatives:
        return float("nan")
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[labels].sum() - positives * (positives + 1) / 2) / (positives * negatives))
