"""Choose and replace the tokens that a masked LM predicts."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import numpy.typing as npt

from oxbert.training.distillation.config import DistillationConfig
from oxbert.training.finetuning.tasks.task import IGNORED

_Ids = npt.NDArray[np.integer]


def count_chosen(ids: _Ids, special: Collection[int], config: DistillationConfig) -> int:
    """Return how many tokens of a text are chosen: none of a text of special tokens, otherwise at least one."""
    count = int((~np.isin(ids, list(special))).sum())
    return min(count, max(1, round(count * config.mask_probability)))


def mask(
    ids: _Ids, special: Collection[int], config: DistillationConfig, *, mask_id: int, size: int, place: tuple[int, int]
) -> tuple[_Ids, _Ids]:
    """Return the ids [S] of a text with its chosen tokens replaced, and the labels [S], -100 where none was chosen.

    Args:
        ids: The ids.
        special: The ids that are never chosen.
        config: The shares.
        mask_id: The id of `[MASK]`.
        size: The number of ids, of which random ones are drawn.
        place: The step, and the number of the text in its batch; with the seed they decide what is drawn.

    Source:
        Devlin et al. 2019 (BERT), section 3.1.
    """
    drawn = np.random.Generator(np.random.PCG64([config.seed, *place]))
    free = np.flatnonzero(~np.isin(ids, list(special)))
    chosen = drawn.choice(free, count_chosen(ids, special, config), replace=False)
    labels = np.full(len(ids), IGNORED, np.int64)
    labels[chosen] = ids[chosen]
    found = ids.astype(np.int64)
    kind = drawn.random(len(chosen))
    found[chosen[kind < config.masked_share]] = mask_id
    others = chosen[(kind >= config.masked_share) & (kind < config.masked_share + config.random_share)]
    found[others] = drawn.integers(size, size=len(others))
    return found, labels


__all__ = ["count_chosen", "mask"]
