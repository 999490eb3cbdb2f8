"""Build models of transformers and oxbert with the same random weights, and compare their numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch.nn import functional

import oxbert

TOLERANCE = 1e-5
"""Largest accepted difference to transformers, in float32 on the CPU, at every kept token."""

ELECTRA = [
    "ElectraModel",
    "ElectraForPreTraining",
    "ElectraForMaskedLM",
    "ElectraForTokenClassification",
    "ElectraForSequenceClassification",
    "ElectraForQuestionAnswering",
    "ElectraForMultipleChoice",
]
DISTILBERT = [
    "DistilBertModel",
    "DistilBertForMaskedLM",
    "DistilBertForTokenClassification",
    "DistilBertForSequenceClassification",
    "DistilBertForQuestionAnswering",
    "DistilBertForMultipleChoice",
]
CLASSES = ELECTRA + DISTILBERT
NAMES = ELECTRA[:4]
"""ELECTRA's models with an output per token."""
TEXTS = ("SequenceClassification", "MultipleChoice")
"""Heads with an output per text, computed from one vector of the text."""

WORDS = "electra.embeddings.word_embeddings.weight"
DECODERS = {"ElectraForMaskedLM": "generator_lm_head.weight", "DistilBertForMaskedLM": "vocab_projector.weight"}
"""Masked LMs, and the name of their decoder's weight, which is tied to the word embeddings by default."""

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
DISTILBERT_BASE = {
    "vocab_size": 50,
    "dim": 20,
    "n_layers": 2,
    "n_heads": 5,
    "hidden_dim": 28,
    "max_position_embeddings": 16,
    "initializer_range": 0.3,
}

# Odd values reveal a constant in the code where a value of the configuration belongs.
CONFIGS: dict[str, dict[str, Any]] = {
    "small": BASE,
    "one-layer-one-head": BASE
    | {"num_hidden_layers": 1, "num_attention_heads": 1, "layer_norm_eps": 1e-3, "summary_type": "last"},
    "no-layer": BASE | {"num_hidden_layers": 0, "summary_type": "mean", "summary_activation": "linear"},
    "E-is-H": BASE | {"embedding_size": 20, "hidden_act": "relu", "layer_norm_eps": 1e-3, "summary_use_proj": False},
    "E-above-H": BASE
    | {
        "embedding_size": 33,
        "hidden_size": 21,
        "num_attention_heads": 3,
        "intermediate_size": 13,
        "hidden_act": "silu",
        "summary_activation": "tanh",
    },
    "three-labels": BASE
    | {
        "num_labels": 3,
        "type_vocab_size": 3,
        "hidden_act": "gelu_new",
        "pad_token_id": 7,
        "summary_type": "cls_index",
        "summary_activation": "relu",
    },
    "one-label": BASE
    | {
        "num_labels": 1,
        "type_vocab_size": 1,
        "hidden_act": "tanh",
        "summary_type": "mean",
        "hidden_dropout_prob": 0.2,
        "attention_probs_dropout_prob": 0.3,
        "classifier_dropout": 0.4,
        "summary_first_dropout": 0.5,
        "summary_last_dropout": 0.6,
    },
    "head-size-one": BASE
    | {
        "hidden_size": 6,
        "num_attention_heads": 6,
        "intermediate_size": 1,
        "num_labels": 6,
        "summary_proj_to_labels": True,
    },
    "large-eps": BASE | {"layer_norm_eps": 0.1, "hidden_act": "quick_gelu", "num_hidden_layers": 3},
    "tiny-tables": BASE | {"vocab_size": 9, "max_position_embeddings": 7, "pad_token_id": None},
    "untied": BASE | {"tie_word_embeddings": False, "hidden_act": "mish", "summary_activation": "linear"},
}
DISTILBERT_CONFIGS: dict[str, dict[str, Any]] = {
    "small": DISTILBERT_BASE,
    "one-layer-one-head": DISTILBERT_BASE | {"n_layers": 1, "n_heads": 1},
    "no-layer": DISTILBERT_BASE | {"n_layers": 0},
    "odd-sizes": DISTILBERT_BASE | {"dim": 21, "n_heads": 3, "hidden_dim": 13, "activation": "silu"},
    "relu": DISTILBERT_BASE | {"activation": "relu", "sinusoidal_pos_embds": True},
    "three-labels": DISTILBERT_BASE | {"num_labels": 3, "activation": "gelu_new", "pad_token_id": 7},
    "one-label": DISTILBERT_BASE
    | {
        "num_labels": 1,
        "activation": "tanh",
        "dropout": 0.2,
        "attention_dropout": 0.3,
        "qa_dropout": 0.4,
        "seq_classif_dropout": 0.5,
    },
    "head-size-one": DISTILBERT_BASE | {"dim": 6, "n_heads": 6, "hidden_dim": 1, "num_labels": 6},
    "three-layers": DISTILBERT_BASE | {"n_layers": 3, "activation": "quick_gelu"},
    "tiny-tables": DISTILBERT_BASE | {"vocab_size": 9, "max_position_embeddings": 7, "pad_token_id": None},
    "untied": DISTILBERT_BASE | {"tie_word_embeddings": False, "activation": "mish"},
}


def family_of(name: str) -> str:
    """Return "Electra" or "DistilBert"."""
    return "Electra" if name.startswith("Electra") else "DistilBert"


def head_of(name: str) -> str:
    """Return the head in the name of a class, such as "MaskedLM", or "" for the bare model."""
    return name.removeprefix(family_of(name)).removeprefix("For").removeprefix("Model")


def keys_of(name: str) -> list[str]:
    """Return the names of the configurations of a class's family."""
    return list(CONFIGS if family_of(name) == "Electra" else DISTILBERT_CONFIGS)


def values_of(name: str, key: str, **changes: Any) -> dict[str, Any]:
    """Return the values of a configuration for a class; question answering has two labels, start and end."""
    table = CONFIGS if family_of(name) == "Electra" else DISTILBERT_CONFIGS
    return table[key] | ({"num_labels": 2} if head_of(name) == "QuestionAnswering" else {}) | changes


def config_of(name: str, key: str = "small", **changes: Any) -> Any:
    """Return oxbert's configuration for a class."""
    return getattr(oxbert, f"{family_of(name)}Config")(**values_of(name, key, **changes))


def fresh(name: str, key: str = "small", seed: int = 0, **changes: Any) -> Any:
    """Return oxbert's model with random weights."""
    return getattr(oxbert, name)(config_of(name, key, **changes), seed=seed)


def state_of(model: Any) -> dict[str, torch.Tensor]:
    """Return a copy of the values of all parameters."""
    return {name: value.clone() for name, value in model.state_dict().items()}


def without_dropout(name: str) -> dict[str, float]:
    """Return the changes to a configuration that make a model deterministic in training mode."""
    rates = {
        "Electra": "hidden_dropout_prob attention_probs_dropout_prob classifier_dropout summary_last_dropout",
        "DistilBert": "dropout attention_dropout qa_dropout seq_classif_dropout",
    }
    return dict.fromkeys(rates[family_of(name)].split(), 0.0)


@dataclass
class Case:
    """Hold arguments for both models, one text per row, and the positions that are compared."""

    arguments: dict[str, torch.Tensor]
    kept: torch.Tensor = field(repr=False)

    def alone(self, row: int) -> dict[str, torch.Tensor]:
        """Return the kept tokens of one row with their positions, without padding."""
        kept = self.kept[row]
        given = {name: value[row % len(value)][None, kept] for name, value in self.arguments.items()}
        given.pop("attention_mask", None)
        return {"position_ids": kept.nonzero().T} | given


@dataclass
class Pair:
    """Hold transformers' model and a folder with its configuration and weights."""

    theirs: Any
    folder: Path

    @property
    def name(self) -> str:
        return type(self.theirs).__name__

    @property
    def head(self) -> str:
        return head_of(self.name)

    def ours(self, **options: Any) -> Any:
        return getattr(oxbert, self.name).from_pretrained(self.folder, strict=True, **options)

    def choices(self, case: Case) -> int:
        """Return the number of rows of a case that are the choices of one question."""
        return 3 if len(case.kept) % 3 == 0 else len(case.kept)

    def arguments(self, case: Case, for_theirs: bool = False) -> dict[str, torch.Tensor]:
        """Return the arguments of a call, [B, C, S] if the model takes choices."""
        if self.head != "MultipleChoice":
            return dict(case.arguments)
        # transformers' DistilBertForMultipleChoice flattens everything except the positions.
        flat = {"position_ids"} if for_theirs and family_of(self.name) == "DistilBert" else set()
        return {
            name: value if name in flat or len(value) < len(case.kept) else self.in_choices(value, case)
            for name, value in case.arguments.items()
        }

    def in_choices(self, rows: torch.Tensor, case: Case) -> torch.Tensor:
        """Reshape [B * C, ...] -> [B, C, ...]."""
        return rows.unflatten(0, (-1, self.choices(case)))

    def targets(self, case: Case) -> dict[str, torch.Tensor]:
        """Return the labels of a loss; those at padded positions and some others are -100."""
        generator = torch.Generator().manual_seed(2)
        rows, config = len(case.kept), self.theirs.config

        def draw(high: int, *shape: int) -> torch.Tensor:
            return torch.randint(high, shape, generator=generator)

        if self.head in ("MaskedLM", "TokenClassification"):
            labels = draw(config.vocab_size if self.head == "MaskedLM" else config.num_labels, *case.kept.shape)
            left_out = ~case.kept | (draw(3, *case.kept.shape) == 0)
            left_out[:, case.kept[0].nonzero()[0]] = False
            return {"labels": labels.masked_fill(left_out | ~case.kept, -100)}
        if self.head == "PreTraining":
            return {"labels": draw(2, *case.kept.shape)}
        if self.head == "SequenceClassification":
            numbers = torch.randn(rows, generator=generator)
            return {"labels": numbers if config.num_labels == 1 else draw(config.num_labels, rows)}
        if self.head == "QuestionAnswering":
            columns = [row.nonzero().flatten() for row in case.kept]
            return {
                name: torch.stack([kept[draw(len(kept), 1)[0]] for kept in columns])
                for name in ("start_positions", "end_positions")
            }
        if self.head == "MultipleChoice":
            return {"labels": draw(self.choices(case), rows // self.choices(case))}
        return {}

    def expected(self, case: Case, **options: Any) -> Any:
        """Return transformers' output with its loss.

        transformers treats padding as text when it summarises a text or looks for an answer, and oxbert does not. For
        these heads the expected output of a row is that of the row alone.
        """
        targets, theirs = self.targets(case), self.theirs
        output = theirs(**self.arguments(case, for_theirs=True), **targets, **options)
        if case.kept.all() or self.head not in (*TEXTS, "QuestionAnswering"):
            return output
        if self.head == "QuestionAnswering":
            places = case.kept.cumsum(-1) - 1
            losses = []
            for row in range(len(case.kept)):
                alone = {name: places[row, columns[row]][None] for name, columns in targets.items()}
                losses.append(theirs(**case.alone(row), **alone).loss)
            output.loss = torch.stack(losses).mean()
            return output
        rows = [case.alone(row) for row in range(len(case.kept))]
        if self.head == "MultipleChoice":
            rows = [{name: value[None] for name, value in row.items()} for row in rows]
            if family_of(self.name) == "DistilBert":
                rows = [row | {"position_ids": row["position_ids"][0]} for row in rows]
        logits = torch.cat([theirs(**row).logits for row in rows])
        output.logits = self.in_choices(logits.flatten(), case) if self.head == "MultipleChoice" else logits
        labels = targets["labels"]
        if labels.is_floating_point():
            output.loss = functional.mse_loss(output.logits[:, 0], labels)
        else:
            output.loss = functional.cross_entropy(output.logits, labels)
        return output

    def differences(self, ours: Any, theirs: Any, kept: torch.Tensor) -> Iterator[tuple[str, float]]:
        """Yield the name of each output that both models return, with the largest difference that counts."""
        for name in ("loss", "last_hidden_state", "logits", "start_logits", "end_logits"):
            if name not in theirs:
                continue
            everything = name == "loss" or (name == "logits" and self.head in TEXTS)
            positions = torch.ones(theirs[name].shape[:2], dtype=torch.bool) if everything else kept
            yield name, difference(ours[name], theirs[name], positions)
        layers = self.theirs.config.num_hidden_layers
        # transformers records hidden states in its layers, so a model without layers has none to compare.
        for place, state in enumerate(theirs.get("hidden_states") or () if layers else ()):
            yield f"hidden_states[{place}]", difference(ours.hidden_states[place], state, kept)
        for place, attention in enumerate(theirs.get("attentions") or ()):
            # [B, A, S, S] -> [B, S, A, S], to select the rows of kept queries.
            mine = torch.as_tensor(ours.attentions[place]).transpose(1, 2)
            yield f"attentions[{place}]", difference(mine, attention.transpose(1, 2), kept)


def build(name: str, values: dict[str, Any], folder: Path, seed: int = 0) -> Pair:
    """Build transformers' model with random weights, and save it with transformers."""
    config = getattr(transformers, f"{family_of(name)}Config")(**values)
    torch.manual_seed(seed)
    model = getattr(transformers, name)._from_config(config, attn_implementation="eager").eval()
    scatter(model.named_parameters())
    model.save_pretrained(folder)
    return Pair(model, folder)


def pairs(*names: str, configs: Iterable[str] | None = None, **changes: Any) -> pytest.MarkDecorator:
    """Parametrise the fixture `pair` with every named model and every configuration, or those in `configs`."""
    keys = {name: [key for key in keys_of(name) if configs is None or key in configs] for name in names}
    table = [(name, key) for name in names for key in keys[name]]
    values = [(name, values_of(name, key, **changes)) for name, key in table]
    return pytest.mark.parametrize("pair", values, indirect=True, ids=[f"{name}-{key}" for name, key in table])


def scatter(parameters: Iterable[tuple[str, torch.Tensor]]) -> None:
    """Give every parameter distinct values, because parameters that start as 0 or 1 could be swapped unnoticed."""
    with torch.no_grad():
        for name, parameter in parameters:
            is_norm = name.lower().endswith("norm.weight")
            parameter.normal_(1.0 if is_norm else 0.0, 0.3)


def cases(config: Any) -> dict[str, Case]:
    """Return arguments of all kinds that a model of this configuration takes."""
    generator = torch.Generator().manual_seed(1)
    rows, length = 6, min(7, config.max_position_embeddings)

    def draw(high: int, *shape: int) -> torch.Tensor:
        return torch.randint(high, shape, generator=generator)

    ids = draw(config.vocab_size, rows, length)
    everything = torch.ones_like(ids)
    right, left, holes = everything.clone(), everything.clone(), everything.clone()
    right[1, 3:] = right[2, 1:] = right[4, 5:] = 0
    left[0, :2] = left[3, : length - 1] = 0
    holes[0, 2] = holes[1, ::2] = holes[2, 0] = holes[2, -1] = holes[5, 3:5] = 0
    # DistilBERT has no token types, and ignores `token_type_ids`.
    types = draw(getattr(config, "type_vocab_size", 2), rows, length)
    positions = draw(config.max_position_embeddings, rows, length)
    embeddings = torch.randn(rows, length, getattr(config, "embedding_size", config.hidden_size), generator=generator)

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
    """Return the largest difference of two arrays [B, S, ...] at kept positions [B, S]."""
    ours, theirs = torch.as_tensor(ours), theirs.detach()
    assert ours.shape == theirs.shape, f"{tuple(ours.shape)} is not {tuple(theirs.shape)}"
    assert ours.dtype == theirs.dtype == torch.float32
    worst = (ours.detach() - theirs)[kept].abs().max()
    # A NaN compares as false with everything, so it is made infinite.
    return float("inf") if worst.isnan() else worst.item()
