"""Keep the names of `oxbert.training.optim.optimizer` under this module name, which older pickles hold."""

from oxbert.training.optim.optimizer import AdamWeightDecay, clip_gradients

__all__ = ["AdamWeightDecay", "clip_gradients"]
