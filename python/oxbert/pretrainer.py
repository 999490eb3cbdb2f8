"""Give `oxbert.ElectraPretrainer` its public module name. This module imports torch."""

from oxbert.training.pretraining.model_garden import ElectraPretrainer

__all__ = ["ElectraPretrainer"]
