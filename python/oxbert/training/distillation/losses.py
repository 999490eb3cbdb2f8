"""Compute the losses of a student beside its teacher, on the tokens of a batch."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from oxbert.training.finetuning.tasks.task import IGNORED


@dataclass(frozen=True)
class Sums:
    """Hold sums of losses, scalars.

    Attributes:
        soft: The divergence of the student's probabilities from the teacher's, times T * T, over all tokens.
        masked: The cross entropy of the chosen tokens.
        cosine: 1 - the cosine of the last hidden states, over all tokens; 0 if they were not given.
    """

    soft: Tensor
    masked: Tensor
    cosine: Tensor


def sum_losses(
    student: Tensor,
    teacher: Tensor,
    labels: Tensor,
    temperature: float,
    hidden: tuple[Tensor, Tensor] | None = None,
) -> Sums:
    """Return the sums of the losses over T tokens.

    Args:
        student: The logits [T, V] of the student.
        teacher: The logits [T, V] of the teacher.
        labels: The ids [T] of the chosen tokens, -100 for others.
        temperature: By what logits are divided for the soft targets.
        hidden: The last hidden states [T, H] of the student and of the teacher.

    Source:
        Hinton et al. 2015, section 2: the gradients of soft targets scale with 1 / T^2. Sanh et al. 2019, section 2.
    """
    soft = functional.kl_div(
        functional.log_softmax(student.float() / temperature, -1),
        functional.log_softmax(teacher.float() / temperature, -1),
        reduction="sum",
        log_target=True,
    )
    masked = functional.cross_entropy(student.float(), labels, ignore_index=IGNORED, reduction="sum")
    cosine = torch.zeros((), device=student.device)
    if hidden is not None:
        cosine = (1 - functional.cosine_similarity(hidden[0].float(), hidden[1].float(), -1)).sum()
    return Sums(soft * temperature**2, masked, cosine)


__all__ = ["Sums", "sum_losses"]
