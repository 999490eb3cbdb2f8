"""Define the options of distillation, each once."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from oxbert._types import Optimizer  # noqa: F401  # annotation of an inherited field
from oxbert.training.loop.options import RunOptions, document_fields, integer, not_negative, number, positive


def _share(default: float, text: str) -> float:
    made: float = number(default, "from 0 to 1", lambda value: 0 <= value <= 1, text)
    return made


@document_fields()
@dataclasses.dataclass(frozen=True, kw_only=True)
class DistillationConfig(RunOptions):
    """Hold everything that a distillation depends on except the examples, the teacher and the student.

    The weights of the losses are those of DistilBERT.

    Args:
        {fields}

    Raises:
        ConfigError: if a value has the wrong type or is out of its range; `field` names it.

    Source:
        Sanh et al. 2019 (DistilBERT), section 3; transformers v4.27
        examples/research_projects/distillation, train.py.
    """

    _title: ClassVar[str] = "distillation config"

    temperature: float = positive(2.0, "By what the logits of both are divided for the soft targets.")
    soft_weight: float = not_negative(5.0, "The weight of the loss of soft targets, which is multiplied by T * T.")
    masked_weight: float = not_negative(2.0, "The weight of the loss of the masked tokens.")
    cosine_weight: float = not_negative(
        1.0, "The weight of the cosine loss of the last hidden states, which have to be as wide; 0 for other widths."
    )
    mask_probability: float = _share(0.15, "The share of the tokens of a text that are chosen, at least one.")
    masked_share: float = _share(0.8, "The share of the chosen tokens that are replaced by [MASK].")
    random_share: float = _share(0.1, "The share of the chosen tokens that are replaced by a random token.")
    learning_rate: float = not_negative(5e-4, "The learning rate that is warmed up and decays, per update.")
    warmup_steps: int = integer(500, 0, "The number of warm-up updates.")
    train_steps: int = integer(10_000, 1, "The number of updates in all.")

    def __post_init__(self) -> None:
        """Check the fields, and that some loss has a weight."""
        super().__post_init__()
        if self.masked_share + self.random_share > 1:
            self._refuse("random_share", f"expected at most 1 - masked_share, got {self.random_share}")
        if not self.soft_weight + self.masked_weight + self.cosine_weight:
            self._refuse("soft_weight", "expected a weight above 0 for one of the losses")


__all__ = ["DistillationConfig"]
