"""The parameters of a run <-> models: what it begins with, and what comes of it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import oxbert
from oxbert import ElectraConfig, Tokenizer
from oxbert._checks import refuse
from oxbert._types import Component
from oxbert.errors import ConfigError
from oxbert.training.pretraining.config import PretrainingConfig

_FUNCTION = ("num_attention_heads", "hidden_act", "layer_norm_eps")
"""What changes what a network computes, and the shape of no parameter."""

_KINDS: dict[Component, Any] = {"generator": oxbert.ElectraForMaskedLM, "discriminator": oxbert.ElectraForPreTraining}


def shared_prefix(config: PretrainingConfig) -> str | None:
    """What stands before the names, in a run, of the parameters that both networks share; None where they share none.

    What is shared is there once, under the discriminator's name.
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
    """Give a network of a run the weights of a model.

    What both networks share becomes the model's too. A head that the model lacks stays as it is, with a warning.

    Args:
        part: Which network.
        source: A model's folder or name.
        parameters: Of the run, by name.
        config: The network's.
        prefix: What `shared_prefix` says.

    Raises:
        ConfigError: The model's configuration computes something else, or a parameter has another shape: `field`,
            `reason`.
        InputError: The run has no such network, or one of two towers.
    """
    if not any(name.startswith(f"{part}.") for name in parameters):
        refuse(part, f"the run trains no network of that kind, got {os.fspath(source)!r} for it")
    model = _KINDS[part].from_pretrained(source)
    for field in _FUNCTION:
        wanted, got = getattr(config, field), getattr(model.config, field)
        if wanted != got:
            raise _other(part, source, field, wanted, got)
    weights = model.state_dict()
    expected = {name.removeprefix(f"{part}.") for name in parameters if name.startswith(f"{part}.")}
    own = _own(part, parameters, weights.keys() | expected, prefix)
    for name in sorted(weights.keys() | expected):
        wanted, got = (
            list(tensors[name].shape) if name in tensors else "no such parameter" for tensors in (own, weights)
        )
        if wanted != got:
            raise _other(part, source, name, wanted, got)
    with torch.no_grad():
        for name in own.keys() - set(model.load_report["missing"]):
            own[name].copy_(weights[name])


def _other(part: Component, source: str | os.PathLike[str], field: str, wanted: Any, got: Any) -> ConfigError:
    reason = f"expected {wanted}, as the configuration of the run has it, got {got}"
    return ConfigError(f"{part} {os.fspath(source)}: {field}: {reason}", field=field, reason=reason)


def export(
    configs: Mapping[Component, ElectraConfig],
    parameters: Mapping[str, Tensor],
    tokenizer: Tokenizer,
    folder: Path,
    prefix: str | None,
) -> dict[str, Path]:
    """Write the networks of a run as folders that `from_pretrained`, transformers and, as `.ot`, rust_bert read.

    Electric's two towers are no model of theirs: they stay in the checkpoint.

    Returns:
        The folders by name, those that there are: `generator`, `discriminator`.
    """
    folders: dict[str, Path] = {}
    for part, kind in _KINDS.items():
        if not any(name.startswith(f"{part}.") for name in parameters):
            continue
        model = kind.from_config(configs[part], seed=0)
        own = _own(part, parameters, model.state_dict(), prefix)
        model.load_state_dict({name: parameter.detach() for name, parameter in own.items()})
        model.save_pretrained(folder / part)
        model.save_pretrained(folder / part, format="ot")
        tokenizer.save_pretrained(folder / part)
        folders[part] = folder / part
    return folders


def _own(
    part: Component, parameters: Mapping[str, Tensor], names: Iterable[str], prefix: str | None
) -> dict[str, Tensor]:
    """The parameters of a network by the names of its checkpoint, those that there are."""
    own = {}
    for name in names:
        shared = f"discriminator.{name}"
        if f"{part}.{name}" in parameters:
            own[name] = parameters[f"{part}.{name}"]
        elif prefix is not None and shared.startswith(prefix) and shared in parameters:
            own[name] = parameters[shared]
    return own


__all__ = ["Component", "begin_with", "export", "shared_prefix"]
