"""Find options and data with which a run learns little, and say what to change."""

from __future__ import annotations

from collections.abc import Iterator

from oxbert.training.data import ExampleDataset, Examples
from oxbert.training.optim.schedule import highest_learning_rate
from oxbert.training.pretraining.config import PretrainingConfig

_LOWEST_SHARE = 0.5
"""The share of the learning rate that a run should reach."""


def advise(config: PretrainingConfig, examples: Examples) -> Iterator[str]:
    """Return a warning for each option and for the data if a run will hardly learn with them."""
    steps, warmup = config.train_steps, config.warmup_steps
    highest = highest_learning_rate(
        peak=config.learning_rate,
        total_steps=config.decay_steps or steps,
        warmup_steps=warmup,
        power=config.learning_rate_power,
        steps=steps,
    )
    if highest < _LOWEST_SHARE * config.learning_rate:
        better = steps // 10
        yield (
            f"warmup_steps: with {warmup} of {steps} steps the learning rate reaches {highest:.2g} instead of"
            f" {config.learning_rate:.2g}; pass warmup_steps={better} (--set warmup_steps={better})"
        )
    if config.short_steps >= steps:
        better = steps // 4
        yield (
            f"short_steps: with {config.short_steps} of {steps} steps all texts are cut to short_length ="
            f" {config.short_length} tokens; pass short_steps={better} (--set short_steps={better})"
        )
    if isinstance(examples, ExampleDataset) and (reason := examples.manifest.advise()):
        yield f"examples: {reason}"


__all__ = ["advise"]
