"""The parameters of a run <-> models: what it begins with, and what comes of it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

import oxbert
from oxbert import ElectraConfig, Tokenizer
from oxbert.errors import ConfigError
from oxbert.training._checks import refuse

Part = Literal["generator", "discriminator"]

_KINDS: dict[Part, Any] = {"generator": oxbert.ElectraForMaskedLM, "discriminator": oxbert.ElectraForPreTraining}


def begin_with(part: Part, source: str | os.PathLike[str], parameters: Mapping[str, Tensor]) -> None:
    """Give a network of a run the weights of a model.

    What both networks share becomes the model's too. A head that the model lacks stays fresh, with a warning.

    Args:
        part: Which network.
        source: A model's folder or name.
        parameters: Of the run, by name.

    Raises:
        ConfigError: A parameter has another shape in the model: `field`, `reason`.
        InputError: The run has no such network, or one of two towers.
    """
    if not any(name.startswith(f"{part}.") for name in parameters):
        refuse(part, f"the run trains no network of that kind, got {os.fspath(source)!r} for it")
    weights = _KINDS[part].from_pretrained(source).state_dict()
    expected = {name.removeprefix(f"{part}.") for name in parameters if name.startswith(f"{part}.")}
    own = _own(part, parameters, weights.keys() | expected)
    for name in sorted(weights.keys() | expected):
        wanted, got = (list(tensors[name].shape) if name in tensors else None for tensors in (own, weights))
        if wanted != got:
            reason = f"expected {wanted or 'no such parameter'} by the configuration, got {got or 'none'}"
            raise ConfigError(f"{part} {os.fspath(source)}: {name}: {reason}", field=name, reason=reason)
    with torch.no_grad():
        for name, parameter in own.items():
            parameter.copy_(weights[name])


def export(
    configs: Mapping[Part, ElectraConfig], parameters: Mapping[str, Tensor], tokenizer: Tokenizer, folder: Path
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
        own = _own(part, parameters, model.state_dict())
        model.load_state_dict({name: parameter.detach() for name, parameter in own.items()})
        model.save_pretrained(folder / part)
        model.save_pretrained(folder / part, format="ot")
        tokenizer.save_pretrained(folder / part)
        folders[part] = folder / part
    return folders


def _own(part: Part, parameters: Mapping[str, Tensor], names: Iterable[str]) -> dict[str, Tensor]:
    """The parameters of a network by the names of its checkpoint, those that there are.

    What both networks share is there once, under the discriminator's name.
    """
    found = {name: parameters.get(f"{part}.{name}", parameters.get(f"discriminator.{name}")) for name in names}
    return {name: parameter for name, parameter in found.items() if parameter is not None}


__all__ = ["Part", "begin_with", "export"]
