"""transformers' models with the same random weights as ours: what numbers are held against."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import transformers

import oxbert

TOLERANCE = 1e-5
"""The largest difference to transformers, f32 on the CPU, at every kept token."""

NAMES = ["ElectraModel", "ElectraForPreTraining", "ElectraForMaskedLM", "ElectraForTokenClassification"]

BASE = {
    "vocab_size": 50,
    "embedding_size": 12,
    "hidden_size": 20,
    "num_hidden_layers": 2,
    "num_attention_heads": 5,
    "intermediate_size": 28,
    "max_position_embeddings": 16,
    "initializer_range": 0.3,
}

# Odd enough that no constant in our code can stand for a value that should come from the configuration.
CONFIGS: dict[str, dict[str, Any]] = {
    "small": BASE,
    "one-layer-one-head": BASE | {"num_hidden_layers": 1, "num_attention_heads": 1, "layer_norm_eps": 1e-3},
    "no-layer": BASE | {"num_hidden_layers": 0},
    "E-is-H": BASE | {"embedding_size": 20, "hidden_act": "relu", "layer_norm_eps": 1e-3},
    "E-above-H": BASE | {"embedding_size": 33, "hidden_size": 21, "num_attention_heads": 3, "hidden_act": "silu"},
    "three-labels": BASE | {"num_labels": 3, "type_vocab_size": 3, "hidden_act": "gelu_new", "pad_token_id": 7},
    "one-label": BASE | {"num_labels": 1, "type_vocab_size": 1, "classifier_dropout": 0.4, "hidden_act": "tanh"},
    "head-size-one": BASE | {"hidden_size": 6, "num_attention_heads": 6, "intermediate_size": 1},
    "large-eps": BASE | {"layer_norm_eps": 0.1, "hidden_act": "quick_gelu", "num_hidden_layers": 3},
    "tiny-tables": BASE | {"vocab_size": 9, "max_position_embeddings": 7, "pad_token_id": None},
}


@dataclass
class Pair:
    """transformers' model and a folder with its configuration and weights."""

    theirs: Any
    folder: Path

    def ours(self, **options: Any) -> Any:
        return getattr(oxbert, type(self.theirs).__name__).from_pretrained(self.folder, strict=True, **options)


def build(name: str, values: dict[str, Any], folder: Path, seed: int = 0) -> Pair:
    """transformers' model of random weights, saved by transformers."""
    values = dict(values)
    labels = values.pop("num_labels", 2)
    config = transformers.ElectraConfig(num_labels=labels, **values)
    torch.manual_seed(seed)
    model = getattr(transformers, name)._from_config(config, attn_implementation="eager").eval()
    scatter(model.named_parameters())
    model.save_pretrained(folder)
    return Pair(model, folder)


def scatter(parameters: Iterable[tuple[str, torch.Tensor]]) -> None:
    """Gives every parameter values of its own: what starts as 0 or 1 could stand in for another that does."""
    with torch.no_grad():
        for name, parameter in parameters:
            parameter.normal_(1.0 if name.endswith("LayerNorm.weight") else 0.0, 0.3)


@dataclass
class Case:
    """Arguments for both, and which positions count."""

    arguments: dict[str, torch.Tensor]
    kept: torch.Tensor = field(repr=False)


def cases(config: Any) -> dict[str, Case]:
    """Arguments of all kinds that a model of this configuration takes."""
    generator = torch.Generator().manual_seed(1)
    length = min(7, config.max_position_embeddings)

    def draw(high: int, *shape: int) -> torch.Tensor:
        return torch.randint(high, shape, generator=generator)

    ids = draw(config.vocab_size, 4, length)
    everything = torch.ones_like(ids)
    right, left, holes = everything.clone(), everything.clone(), everything.clone()
    right[1, 3:] = right[2, 1:] = 0
    left[0, :2] = left[3, : length - 1] = 0
    holes[0, 2] = holes[1, ::2] = holes[2, 0] = holes[2, -1] = 0
    types, positions = draw(config.type_vocab_size, 4, length), draw(config.max_position_embeddings, 4, length)
    embeddings = torch.randn(4, length, config.embedding_size, generator=generator)

    def case(mask: torch.Tensor = everything, **arguments: torch.Tensor) -> Case:
        return Case(arguments, mask.bool())

    return {
        "ids": case(input_ids=ids),
        "mask-of-ones": case(input_ids=ids, attention_mask=everything),
        "right": case(right, input_ids=ids, attention_mask=right),
        "left": case(left, input_ids=ids, attention_mask=left),
        "holes": case(holes, input_ids=ids, attention_mask=holes),
        "types": case(right, input_ids=ids, attention_mask=right, token_type_ids=types),
        "positions": case(left, input_ids=ids, attention_mask=left, position_ids=positions),
        "one-row-of-positions": case(input_ids=ids, position_ids=positions[:1]),
        "embeddings": case(inputs_embeds=embeddings),
        "everything": case(
            holes, inputs_embeds=embeddings, attention_mask=holes, token_type_ids=types, position_ids=positions
        ),
        "one-row": Case({"input_ids": ids[:1]}, everything[:1].bool()),
        "one-column": Case({"input_ids": ids[:, :1]}, everything[:, :1].bool()),
        "one-token": Case({"input_ids": ids[:1, :1]}, everything[:1, :1].bool()),
        "longest": Case(
            {"input_ids": draw(config.vocab_size, 2, config.max_position_embeddings)},
            torch.ones(2, config.max_position_embeddings).bool(),
        ),
    }


def difference(ours: Any, theirs: torch.Tensor, kept: torch.Tensor) -> float:
    """The largest difference at kept positions [B, S] of two arrays [B, S, ...]."""
    ours = torch.as_tensor(ours)
    assert ours.shape == theirs.shape, f"{tuple(ours.shape)} is not {tuple(theirs.shape)}"
    assert ours.dtype == theirs.dtype == torch.float32
    worst = (ours - theirs)[kept].abs().max()
    # A NaN is larger than nothing: it would pass a comparison the other way round.
    return float("inf") if worst.isnan() else worst.item()
