"""`oxbert.ElectraPretrainer` under its public module name. Imports torch."""

from oxbert.training.pretraining.model_garden import ElectraPretrainer

__all__ = ["ElectraPretrainer"]
