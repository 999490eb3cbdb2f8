"""Define the options of a conversion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from oxbert import _native
from oxbert._checks import refused
from oxbert._types import Component, FloatDtype, WeightFormat

_FILE_NAMES = dict(_native._WEIGHT_FORMATS)
FORMATS: dict[WeightFormat, str] = {name: _FILE_NAMES[name] for name in get_args(WeightFormat)}
"""The formats that can be written, and the file name of each in a model folder."""

DTYPES: tuple[FloatDtype, ...] = get_args(FloatDtype)
"""The dtypes that weights can be converted to."""

COMPONENTS: tuple[Component, ...] = get_args(Component)
"""The two networks of a pre-training checkpoint of google-research/electra."""


@dataclass(frozen=True)
class Options:
    """Say how names and values are changed.

    Attributes:
        prefix: A prefix for every name; a dot is added unless the prefix ends in one.
        suffix: Whether to keep only the part of a name after the last dot, for checkpoints of a single layer.
        skip_embeddings: Whether to drop the copies of shared embeddings, `SHARED_EMBEDDINGS`.
        skip_lm_head: Whether to drop the decoder's matrix of a language model (`lm_head.weight`,
            `generator_lm_head.weight`, `vocab_projector.weight`), and to add none.
        dtype: One of `DTYPES` for all float tensors; None keeps the dtype of each.
        add_ties: Whether to add the missing one of two tied tensors. rust_bert and tch tie nothing, so `.ot` files need
            both.

    Raises:
        InputError: if the dtype is none of `DTYPES`, or both a prefix and `suffix` are given.
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
            raise refused("prefix", "expected a prefix or suffix, got both: suffix would cut the prefix off again")
