"""Name the parameters of a run's networks, and copy the weights of models into them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

import oxbert
from oxbert import AutoTokenizer, ElectraConfig, Tokenizer
from oxbert._checks import refused
from oxbert._types import Component
from oxbert.errors import ConfigError, HubError
from oxbert.training.loop.checkpoints import is_run
from oxbert.training.pretraining.config import PretrainingConfig
from oxbert.training.pretraining.sizes import POSITIONS, resize_positions

_FUNCTION = ("num_attention_heads", "hidden_act", "layer_norm_eps")
"""The fields that change the result of a network but no shape of a parameter."""

KINDS: dict[Component, Any] = {"generator": oxbert.ElectraForMaskedLM, "discriminator": oxbert.ElectraForPreTraining}
"""The class of each network's model."""


def shared_prefix(config: PretrainingConfig) -> str | None:
    """Return the prefix of the names, in a run, of the parameters that both networks share; None if they share none.

    Shared parameters exist once, under the discriminator's names.
    """
    if config.objective in ("mlm", "uniform"):
        return None
    if not config.untied_generator:
        return "discriminator.electra."
    return None if config.untied_generator_embeddings else "discriminator.electra.embeddings."


def begin_with(
    part: Component,
    source: str | os.PathLike[str],
    parameters: Mapping[str, Tensor],
    config: ElectraConfig,
    prefix: str | None,
) -> None:
    """Copy the weights of a model into a network of a run.

    Parameters that both networks share are overwritten too. A head that the model lacks stays as it is, with a warning.
    A network with more positions than the model gets copies of the model's; see `resize_positions`.

    Args:
        part: Which network.
        source: The folder or name of a model.
        parameters: The parameters of the run, by name.
        config: The configuration of the network.
        prefix: The result of `shared_prefix`.

    Raises:
        ConfigError: if the model's configuration has another function, or a parameter another shape: `field`, `reason`.
        InputError: if the run has no such network, the network has two towers, or the model is a checkpoint of a run.
    """
    if not any(name.startswith(f"{part}.") for name in parameters):
        raise refused(part, f"the run trains no {part} that could begin with a model, got {os.fspath(source)!r}")
    if is_run(source):
        reason = f"{os.fspath(source)} is a checkpoint or a run; to go on with the run pass continue_from="
        reason += " (--continue-from), to begin a new one write its models with `oxbert pretrain export` and pass one"
        raise refused(part, reason)
    model = KINDS[part].from_pretrained(source)
    for field in _FUNCTION:
        wanted, got = getattr(config, field), getattr(model.config, field)
        if wanted != got:
            raise _other(part, source, field, wanted, got)
    weights = model.state_dict()
    if POSITIONS in weights:
        weights[POSITIONS] = resize_positions(weights[POSITIONS], config.max_position_embeddings)
    expected = {name.removeprefix(f"{part}.") for name in parameters if name.startswith(f"{part}.")}
    own = own_parameters(part, parameters, weights.keys() | expected, prefix)
    for name in sorted(weights.keys() | expected):
        wanted, got = (
            list(tensors[name].shape) if name in tensors else "no such parameter" for tensors in (own, weights)
        )
        if wanted != got:
            raise _other(part, source, name, wanted, got)
    with torch.no_grad():
        for name in own.keys() - set(model.load_report["missing"]):
            own[name].copy_(weights[name])


def check_vocabulary(part: Component, source: str | os.PathLike[str], tokenizer: Tokenizer) -> None:
    """Refuse a model whose ids mean other tokens than those of the examples. A model without a tokenizer is taken.

    Raises:
        InputError: if the tokenizer of the model has another vocabulary.
    """
    try:
        theirs = AutoTokenizer.from_pretrained(source)
    except (FileNotFoundError, HubError):
        return
    # Either may have more tokens than the other.
    ours = {number: token for token, number in tokenizer.get_vocab().items()}
    if any(ours.get(number, token) != token for token, number in theirs.get_vocab().items()):
        reason = f"the vocabulary of {os.fspath(source)}, of {len(theirs)} tokens, is not that of the examples, of"
        raise refused(
            part, f"{reason} {len(tokenizer)}; write them with `oxbert pretrain-data --vocab {os.fspath(source)}`"
        )


def _other(part: Component, source: str | os.PathLike[str], field: str, wanted: Any, got: Any) -> ConfigError:
    reason = f"expected {wanted}, as in the configuration of the run, got {got}"
    return ConfigError(f"{part} {os.fspath(source)}: {field}: {reason}", field=field, reason=reason)


def own_parameters(
    part: Component, parameters: Mapping[str, Tensor], names: Iterable[str], prefix: str | None
) -> dict[str, Tensor]:
    """Return the parameters of a network that exist, by the names of its checkpoint."""
    own = {}
    for name in names:
        shared = f"discriminator.{name}"
        if f"{part}.{name}" in parameters:
            own[name] = parameters[f"{part}.{name}"]
        elif prefix is not None and shared.startswith(prefix) and shared in parameters:
            own[name] = parameters[shared]
    return own


__all__ = ["KINDS", "begin_with", "check_vocabulary", "own_parameters", "shared_prefix"]
