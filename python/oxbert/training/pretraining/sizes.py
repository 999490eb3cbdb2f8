"""Take the sizes of a run from the models that it begins with."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor

from oxbert import ElectraConfig
from oxbert._types import Component
from oxbert.errors import ConfigError

POSITIONS = "electra.embeddings.position_embeddings.weight"
"""The name of the table of positions in a model."""
_BOTH = ("vocab_size", "hidden_act", "max_position_embeddings", "type_vocab_size", "layer_norm_eps")
"""The fields that a run gives to both networks."""
_OWN = ("hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size")


def with_sizes_of(
    values: Mapping[str, Any], models: Mapping[Component, ElectraConfig], named: Collection[str]
) -> dict[str, Any]:
    """Return the fields of a configuration whose networks have the sizes of models.

    A network without a model keeps its sizes; those of a generator then follow the discriminator's.

    Args:
        values: The fields of the run, not yet checked.
        models: The configurations of the models by network.
        named: The fields that the user has chosen. They stay, and a model that contradicts them is refused when its
            weights are copied; more or fewer positions than the model has are possible.

    Raises:
        ConfigError: if the two models cannot stand in one run; `field` names the difference.
    """
    found: dict[str, tuple[Component, Any]] = {}
    is_one_network = values["objective"] == "mlm" or not values["untied_generator"]
    for part, model in models.items():
        for name, value in _fields(part, model, is_one_network, bool(values["untied_generator_embeddings"])).items():
            first, before = found.setdefault(name, (part, value))
            if before != value and name not in named:
                raise _contradiction(name, {first: before, part: value}, is_one_network)
    result = dict(values) | {name: value for name, (_, value) in found.items() if name not in named}
    hidden_size, layers = result["hidden_size"], result["num_hidden_layers"]
    if (
        "generator" in models
        and not is_one_network
        and all(type(one) is int and one > 0 for one in (hidden_size, layers))
    ):
        # The sizes of a generator are shares of those of the discriminator.
        generator = models["generator"]
        shares = {
            "generator_hidden_size": generator.hidden_size / hidden_size,
            "generator_layers": generator.num_hidden_layers / layers,
        }
        result |= {name: value for name, value in shares.items() if name not in named}
    return result


def _fields(part: Component, model: ElectraConfig, is_one_network: bool, has_own_embeddings: bool) -> dict[str, Any]:
    """Return the fields that describe a network, but for the shares of a generator."""
    fields = {name: getattr(model, name) for name in _BOTH}
    if part == "discriminator" or is_one_network:
        return fields | {name: getattr(model, name) for name in (*_OWN, "embedding_size")}
    fields |= {f"generator_{name}": getattr(model, name) for name in ("num_attention_heads", "intermediate_size")}
    own = "generator_embedding_size" if has_own_embeddings else "embedding_size"
    return fields | {own: model.embedding_size}


def _contradiction(name: str, values: Mapping[Component, Any], is_one_network: bool) -> ConfigError:
    got = " and ".join(f"{value!r} of the {part}" for part, value in values.items())
    reason = f"expected one value for both networks, got {got}"
    if name == "embedding_size" and not is_one_network:
        reason += "; pass untied_generator_embeddings=True (--set untied_generator_embeddings=true)"
    elif name in _OWN or name == "embedding_size":
        reason += "; pass untied_generator=True (--set untied_generator=true)"
    elif name == "max_position_embeddings":
        reason += (
            f"; pass {name}={max(values.values())} (--set {name}={max(values.values())}) to extend the shorter one"
        )
    return ConfigError(f"{name}: {reason}", field=name, reason=reason)


def resize_positions(table: Tensor, count: int) -> Tensor:
    """Return a table of positions [P, E] with more or fewer rows [count, E]: row n is row n mod P.

    A repeated table keeps what neighbouring positions mean to each other, so that training has less to learn than from
    fresh rows.

    Example:
        >>> resize_positions(torch.tensor([[1.0], [2.0], [3.0]]), 5).flatten().tolist()
        [1.0, 2.0, 3.0, 1.0, 2.0]

    Source:
        Beltagy et al. 2020 (arXiv 2004.05150), section 5: position embeddings are initialised by copies.
    """
    return table[torch.arange(count) % len(table)]


__all__ = ["POSITIONS", "resize_positions", "with_sizes_of"]
