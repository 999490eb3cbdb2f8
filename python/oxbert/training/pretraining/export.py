"""Write the networks of a run, or of one of its checkpoints, as folders that other programs read."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from oxbert import AutoTokenizer, Tokenizer
from oxbert._checks import refused
from oxbert._files import write_whole
from oxbert._types import Component
from oxbert.training.loop.checkpoints import read_parameters, read_state
from oxbert.training.loop.continuing import find_checkpoint
from oxbert.training.pretraining.card import model_card
from oxbert.training.pretraining.config import PretrainingConfig
from oxbert.training.pretraining.networks import KINDS, own_parameters, shared_prefix

_CARD, _VOCABULARY = "README.md", "vocab.txt"


def export(
    config: PretrainingConfig,
    parameters: Mapping[str, Tensor],
    tokenizer: Tokenizer,
    folder: Path,
    state: Mapping[str, Any],
) -> dict[Component, Path]:
    """Write the networks of a run as folders that `from_pretrained`, transformers and, as `.ot`, rust_bert read.

    Each folder has a model card, and a tokenizer whose `model_max_length` is the number of positions. Electric's two
    towers have no counterpart in these libraries, and are left out.

    Args:
        config: The configuration of the run.
        parameters: Its parameters by name.
        tokenizer: The tokenizer of its examples.
        folder: Where `generator/` and `discriminator/` are written.
        state: The state of the run, for the model cards.

    Returns:
        The folders by name: `generator`, `discriminator`, or one of them.
    """
    folders: dict[Component, Path] = {}
    configs = dict(zip(KINDS, config.electra_configs(), strict=True))
    tokenizer = copy.copy(tokenizer)
    tokenizer.model_max_length = config.max_position_embeddings
    for part, kind in KINDS.items():
        if not any(name.startswith(f"{part}.") for name in parameters):
            continue
        model = kind.from_config(configs[part], seed=0)
        own = own_parameters(part, parameters, model.state_dict(), shared_prefix(config))
        model.load_state_dict({name: parameter.detach() for name, parameter in own.items()})
        model.save_pretrained(folder / part)
        model.save_pretrained(folder / part, format="ot")
        tokenizer.save_pretrained(folder / part)
        write_whole(folder / part / _CARD, model_card(part, model, config, state).encode())
        folders[part] = folder / part
    return folders


def export_checkpoint(
    checkpoint: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    tokenizer: Tokenizer | str | os.PathLike[str] | None = None,
) -> dict[Component, Path]:
    """Write the networks of a checkpoint as folders that `from_pretrained`, transformers and rust_bert read.

    Args:
        checkpoint: A checkpoint, or the folder of a run, of which the newest one is meant.
        output: Where `generator/` and `discriminator/` are written.
        tokenizer: The tokenizer of the examples, or its folder; None means the one in the checkpoint.

    Returns:
        The folders by name: `generator`, `discriminator`, or one of them.

    Raises:
        MissingFileError: if there is no such checkpoint.
        InputError: if the checkpoint has no tokenizer and none is given.
        DataError: if the checkpoint is damaged.
    """
    path = find_checkpoint(checkpoint)
    state = read_state(path)
    if tokenizer is None:
        if not (path / _VOCABULARY).is_file():
            raise refused(
                "tokenizer", f"{path} has none, as it is of an earlier release; pass tokenizer= (--tokenizer)"
            )
        tokenizer = path
    if not isinstance(tokenizer, Tokenizer):
        tokenizer = AutoTokenizer.from_pretrained(tokenizer)
    config = PretrainingConfig.from_dict(state["config"])
    if len(tokenizer) > config.vocab_size:
        raise refused("tokenizer", f"expected at most vocab_size = {config.vocab_size} tokens, got {len(tokenizer)}")
    return export(config, read_parameters(path), tokenizer, Path(output), state)


__all__ = ["export", "export_checkpoint"]
