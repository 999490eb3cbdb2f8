"""Provide the discriminator as the model card of ELECTRA uses it: one number for each token of one text.

The snippet of the card was written when a discriminator dropped the batch dimension of a single text, and it prints the
predictions below tokens without `[CLS]` and `[SEP]`. With this import the snippet works as intended:

    from oxbert.modelcard import ElectraForPreTraining, ElectraTokenizerFast

`oxbert.ElectraForPreTraining` always returns [B, S].
"""

from __future__ import annotations

import os
from typing import Any

from oxbert import ElectraForPreTraining as _ElectraForPreTraining
from oxbert import ElectraTokenizerFast
from oxbert.errors import ShapeError
from oxbert.outputs import ElectraForPreTrainingOutput


class ElectraForPreTraining:
    """Run a discriminator on one text at a time."""

    def __init__(self, model: _ElectraForPreTraining) -> None:
        """Keep the model."""
        self.model = model

    @classmethod
    def from_pretrained(cls, folder: str | os.PathLike[str], **options: Any) -> ElectraForPreTraining:
        """Load a model as `oxbert.ElectraForPreTraining.from_pretrained` does."""
        return cls(_ElectraForPreTraining.from_pretrained(folder, **options))

    def __call__(self, input_ids: Any, **arguments: Any) -> ElectraForPreTrainingOutput[Any]:
        """Return the logits [N] of the N tokens between `[CLS]` and `[SEP]` of ids [1, N + 2].

        Raises:
            ShapeError: if there is more than one text.
        """
        output = self.model(input_ids, **arguments)
        if output.logits.shape[0] != 1:
            got = str(tuple(output.logits.shape))
            raise ShapeError(f"input_ids: expected one text [1, S], got {got}", what="input_ids", got=got)
        return ElectraForPreTrainingOutput(
            logits=output.logits[0, 1:-1],
            probabilities=output.probabilities[0, 1:-1],
            hidden_states=output.hidden_states,
            attentions=output.attentions,
        )


__all__ = ["ElectraForPreTraining", "ElectraTokenizerFast"]
