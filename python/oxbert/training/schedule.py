"""Keep the names of `oxbert.training.optim.schedule` under this module name, which older pickles hold."""

from oxbert.training.optim.schedule import learning_rate, learning_rate_factor, learning_rate_scheduler

__all__ = ["learning_rate", "learning_rate_factor", "learning_rate_scheduler"]
