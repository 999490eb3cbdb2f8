"""Which checkpoints are kept, which are good, and what becomes of runs that end otherwise than planned."""

from __future__ import annotations

import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from oxbert.errors import TrainingError
from oxbert.training.loop.checkpoints import list_checkpoints
from oxbert.training.loop.loop import Loop
from oxbert.training.loop.options import LaunchOptions, RunOptions


class Toy(Loop[Any]):
    """Train one number; the gradients of some steps are not finite."""

    def __init__(self, output: Path, bad: list[bool], **options: Any) -> None:
        config = RunOptions(train_steps=len(bad), warmup_steps=0, learning_rate=1e-2, **options)
        super().__init__(config, LaunchOptions(), output)
        self.bad = bad
        # How often the number has been updated when a checkpoint was written.
        self.versions: dict[int, int] = {}
        self.begin([("number", torch.ones(1, requires_grad=True))], lambda: None)

    def draw_batch(self, step: int) -> Any:
        return _ToyBatch(step)

    def loss_names(self) -> list[str]:
        return ["loss"]

    def compute_losses(self, batch: Any, places: list[int]) -> dict[str, Any]:
        return {"loss": self.parameters["number"].square().sum() * (float("nan") if self.bad[batch.step] else 1.0)}

    def evaluate(self) -> dict[str, float]:
        return {}

    def export(self) -> dict[str, Path]:
        return {}

    def data_fingerprint(self) -> str:
        return "toy"

    can_evaluate = False

    def save(self) -> Path | None:
        self.versions[self.step] = self.step - sum(self.bad[: self.step])
        return super().save()


class _ToyBatch(SimpleNamespace):
    tokens = 1

    def __init__(self, step: int) -> None:
        super().__init__(step=step)

    def __len__(self) -> int:
        return 1


STREAKS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 11)), min_size=1, max_size=4)


@given(STREAKS, st.integers(1, 4), st.integers(1, 3), st.lists(st.integers(1, 30), max_size=2))
def test_the_newest_good_checkpoint_stays_and_is_named(
    streaks: list[tuple[int, int]], every: int, keep: int, stops: list[int]
) -> None:
    bad = [is_bad for good, ruined in streaks for is_bad in [False] * good + [True] * ruined] or [False]
    with tempfile.TemporaryDirectory() as name:
        folder, versions, message = Path(name), dict[int, int](), None
        try:
            for stop in [*sorted(stops), len(bad)]:
                toy = Toy(folder, bad, save_every=every, keep_checkpoints=keep)
                toy.versions = versions
                toy.train(progress=False, stop=stop)
        except TrainingError as error:
            message = str(error)
        found = list_checkpoints(folder / "checkpoints")
        # A checkpoint is good if a later step began with its number and was finite.
        updates = toy.step - sum(bad[: toy.step])
        good = [step for step, version in versions.items() if version < updates]
        assert not good or max(good) in dict(found)
        assert len(found) <= max(keep, 1) + 1
        if message is None:
            assert toy.step == len(bad) and found[-1][0] == len(bad)
        else:
            assert toy.bad[toy.step - 1]
            assert all(step in good for step, _ in found)
            named = f"the last good checkpoint is {found[-1][1]}" if found else "no checkpoint is good yet"
            assert named in message
