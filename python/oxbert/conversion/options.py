"""What is asked of a conversion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from oxbert._types import Component, FloatDtype, WeightFormat
from oxbert.errors import InputError

FORMATS: dict[WeightFormat, str] = {
    "ot": "rust_model.ot",
    "safetensors": "model.safetensors",
    "bin": "pytorch_model.bin",
}
"""The formats that are written, each with the name that its file has in a model folder."""

DTYPES: tuple[FloatDtype, ...] = get_args(FloatDtype)
"""The dtypes that weights can be converted to."""

COMPONENTS: tuple[Component, ...] = get_args(Component)
"""The two networks of a pre-training checkpoint of google-research/electra."""


@dataclass(frozen=True)
class Options:
    """What is done to names and values on the way.

    Attributes:
        prefix: Goes before every name; a dot is added where it does not end in one.
        suffix: Keeps only what follows the last dot of a name: for checkpoints of a single layer.
        skip_embeddings: Leaves out the copies of shared embeddings, `SHARED_EMBEDDINGS`.
        skip_lm_head: Leaves out the decoder's matrix of a language model (`lm_head.weight`, `generator_lm_head.weight`,
            `vocab_projector.weight`), and adds none.
        dtype: One of `DTYPES` for all float tensors; None keeps what each of them has.
        add_ties: Adds the other one of two tied tensors of which the checkpoint stores one. rust_bert and tch tie
            nothing, so `.ot` files need both.

    Raises:
        InputError: A dtype that is none of `DTYPES`, or both a prefix and `suffix`.
    """

    prefix: str | None = None
    suffix: bool = False
    skip_embeddings: bool = False
    skip_lm_head: bool = False
    dtype: FloatDtype | None = None
    add_ties: bool = True

    def __post_init__(self) -> None:
        if self.dtype is not None and self.dtype not in DTYPES:
            raise refused("dtype", f"expected one of {', '.join(DTYPES)}, got {self.dtype!r}")
        if self.prefix and self.suffix:
            raise refused("prefix", "suffix would cut it off again; expected one of the two")


def refused(what: str, reason: str) -> InputError:
    """An argument has an impossible value."""
    return InputError(f"{what}: {reason}", what=what, reason=reason)
