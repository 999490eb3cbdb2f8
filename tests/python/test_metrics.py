"""Compare the metrics of an evaluation with their definitions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from oxbert.outputs import PretrainingOutput
from oxbert.training.pretraining.metrics import Metrics, area_under_curve

CHANCE = np.random.default_rng(3)


def by_pairs(scores: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of pairs of a replaced and an original token in which the replaced one scores higher."""
    replaced, others = scores[labels][:, None], scores[~labels]
    return float(((replaced > others) + 0.5 * (replaced == others)).mean())


@pytest.mark.parametrize("kinds", [2, 5, 1000])
def test_area_under_curve_is_the_share_of_ordered_pairs(kinds: int) -> None:
    """Draw from few distinct scores, so that many are equal."""
    for size in [2, 3, 10, 200]:
        scores = (CHANCE.integers(kinds, size=size) / kinds - 0.5).astype(np.float32)
        labels = CHANCE.random(size) < 0.3
        labels[:2] = [True, False]
        assert area_under_curve(scores, labels) == pytest.approx(by_pairs(scores, labels), abs=1e-12)
        assert area_under_curve(-scores, labels) == pytest.approx(1 - by_pairs(scores, labels), abs=1e-12)


def test_area_under_curve_is_nan_without_both_classes() -> None:
    scores = np.array([0.1, 0.2], np.float32)
    assert math.isnan(area_under_curve(scores, np.array([True, True])))
    assert math.isnan(area_under_curve(scores, np.array([False, False])))
    assert area_under_curve(scores, np.array([False, True])) == 1


def step(lengths: list[int], chosen: list[int], *, generator: bool, discriminator: bool) -> PretrainingOutput:
    """Return random outputs of a step, in which the first `chosen` tokens of each row were masked."""
    count, width = sum(chosen), max(lengths)
    output: dict[str, Any] = {
        "totals": (count, sum(lengths), sum(lengths)),
        "originals": [CHANCE.integers(3, size=number).tolist() for number in chosen],
    }
    if generator:
        output["predictions"] = torch.from_numpy(CHANCE.integers(3, size=count))
        output["masked_lm_loss"] = torch.tensor(float(CHANCE.random()))
    if discriminator:
        # Some logits are exactly 0, which does not count as replaced; logits behind the end of a row do not count.
        output["logits"] = torch.from_numpy(CHANCE.integers(-2, 3, size=(len(lengths), width)).astype(np.float32))
        output["replaced_loss"] = torch.tensor(float(CHANCE.random()))
        output["replaced"] = [(CHANCE.random(length) < 0.4).tolist() for length in lengths]
        output["samples"] = CHANCE.integers(3, size=count).tolist()
    return PretrainingOutput(output)


@pytest.mark.parametrize(("generator", "discriminator"), [(True, True), (True, False), (False, True), (False, False)])
def test_metrics_weight_all_tokens_equally(generator: bool, discriminator: bool) -> None:
    """Use steps of different sizes, so that the mean of the steps' metrics would differ."""
    steps = [
        step(*shape, generator=generator, discriminator=discriminator)
        for shape in [([5, 9], [2, 3]), ([30, 4, 7], [6, 1, 1])]
    ]
    metrics = Metrics()
    for output in steps:
        metrics.add(output)
    originals = np.concatenate([row for output in steps for row in output.originals])
    expected: dict[str, float] = {}
    if generator:
        predictions = np.concatenate([output.predictions.numpy() for output in steps])
        expected["masked_lm_accuracy"] = (predictions == originals).mean()
        expected["masked_lm_loss"] = sum(float(output.masked_lm_loss) * output.totals[0] for output in steps) / 13
    if discriminator:
        rows = [pair for output in steps for pair in zip(output.logits.numpy(), output.replaced, strict=True)]
        scores = np.concatenate([row[: len(labels)] for row, labels in rows])
        labels = np.concatenate([labels for _, labels in rows])
        if generator:
            samples = np.concatenate([output.samples for output in steps])
            expected["sampled_masked_lm_accuracy"] = (samples == originals).mean()
        expected["disc_loss"] = sum(float(output.replaced_loss) * output.totals[1] for output in steps) / 55
        expected["disc_auc"] = by_pairs(scores, labels)
        expected["disc_accuracy"] = ((scores > 0) == labels).mean()
        expected["disc_precision"] = labels[scores > 0].mean()
        expected["disc_recall"] = (scores > 0)[labels].mean()
    assert metrics.result() == pytest.approx(expected, rel=1e-6)


def test_metrics_without_replaced_tokens_are_zero_or_nan() -> None:
    output = step([4], [1], generator=True, discriminator=True)
    output["logits"], output["replaced"] = torch.full((1, 4), -1.0), [[False] * 4]
    metrics = Metrics()
    metrics.add(output)
    figures = metrics.result()
    assert (figures["disc_precision"], figures["disc_recall"], figures["disc_accuracy"]) == (0, 0, 1)
    assert math.isnan(figures["disc_auc"])
