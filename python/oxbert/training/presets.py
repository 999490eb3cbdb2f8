"""Keep the names of `oxbert.training.pretraining.config` under this module name, which older pickles hold."""

from oxbert.training.pretraining.config import PRESETS, PretrainingConfig, preset

__all__ = ["PRESETS", "PretrainingConfig", "preset"]
