"""Test single updates: the scale of the loss, skipped updates, and the state of the optimizers."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from oxbert.training.loop.options import RunOptions
from oxbert.training.loop.updates import Updates


def made(precision: Any = "float16", **options: Any) -> tuple[Updates, torch.nn.Parameter]:
    weight = torch.nn.Parameter(torch.arange(6.0).reshape(2, 3))
    config = RunOptions(**{"warmup_steps": 0, "train_steps": 100} | options)
    return Updates({"weight": weight}, config, torch.device("cpu"), precision), weight


def test_the_loss_scale_falls_to_one_and_not_below() -> None:
    updates, weight = made()
    updates.load({}, updates.state() | {"scale": 8.0})
    before = weight.detach().clone()
    scales, can_rescale = [], []
    for step in range(5):
        updates.clear()
        updates.backward((weight * math.inf).sum())
        _, norm, is_skipped = updates.apply(step)
        assert is_skipped and not math.isfinite(norm)
        scales.append(updates.state()["scale"])
        can_rescale.append(updates.can_rescale)
    assert scales == [4, 2, 1, 1, 1] and can_rescale == [True, True, False, False, False]
    assert torch.equal(weight, before) and not updates.tensors()
    updates.clear()
    updates.backward(weight.sum())
    _, norm, is_skipped = updates.apply(5)
    assert not is_skipped and abs(norm - math.sqrt(6)) < 1e-6 and updates.state()["scale"] == 1
    assert (weight < before).all()


@pytest.mark.parametrize(
    ("optimizer", "size"),
    [
        # Without bias correction, the first moment is 0.1 g and the second 0.001 g².
        ("adam", 0.1 / math.sqrt(0.001)),
        ("adamw", 1.0),
        ("muon", 1.0),  # which takes only the matrices inside layers
    ],
)
def test_the_first_update_of_each_optimizer(optimizer: str, size: float) -> None:
    updates, weight = made("float32", optimizer=optimizer, weight_decay=0.0, max_gradient_norm=100.0)
    before = weight.detach().clone()
    updates.backward((weight * torch.arange(1.0, 7.0).view(2, 3)).sum())
    rate, norm, is_skipped = updates.apply(0)
    assert not is_skipped and rate == 5e-4 and abs(norm - math.sqrt(91)) < 1e-5
    assert (before - weight - rate * size).abs().max() < 1e-6
