"""Make a student: smaller than its teacher, and begun with some of its layers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

import oxbert
from oxbert._checks import check_type, refused
from oxbert._types import PathLike

# The names of DistilBERT's parameters, and what ELECTRA calls them.
_NAMES = (
    ("distilbert.embeddings.", "electra.embeddings."),
    ("distilbert.transformer.layer.", "electra.encoder.layer."),
    ("attention.q_lin.", "attention.self.query."),
    ("attention.k_lin.", "attention.self.key."),
    ("attention.v_lin.", "attention.self.value."),
    ("attention.out_lin.", "attention.output.dense."),
    ("sa_layer_norm.", "attention.output.LayerNorm."),
    ("ffn.lin1.", "intermediate.dense."),
    ("ffn.lin2.", "output.dense."),
    ("output_layer_norm.", "output.LayerNorm."),
    ("vocab_transform.", "generator_predictions.dense."),
    ("vocab_layer_norm.", "generator_predictions.LayerNorm."),
    ("vocab_projector.", "generator_lm_head."),
)
_LAYER = re.compile(r"(\.layer\.)(\d+)\.")
_TYPES, _POSITIONS = "electra.embeddings.token_type_embeddings.weight", "electra.embeddings.position_embeddings.weight"


def spread_layers(teacher: int, student: int) -> list[int]:
    """Return which layers of a teacher a student begins with: the first, the last, and others evenly between them.

    Example:
        >>> spread_layers(12, 6), spread_layers(3, 1)
        ([0, 2, 4, 7, 9, 11], [0])

    Source:
        transformers v4.27, examples/research_projects/distillation, scripts/extract.py.
    """
    if student < 2:
        return [0] * student
    return [round(place * (teacher - 1) / (student - 1)) for place in range(student)]


def student_config(teacher: Any, student: PathLike | Any | None, layers: Sequence[int] | int | None) -> Any:
    """Return the configuration of a student.

    Args:
        teacher: The configuration of the teacher.
        student: `electra` or `distilbert`, for a student as wide as the teacher; a configuration; None means the
            teacher's family.
        layers: The number of layers, or the layers of the teacher to begin with; None means half as many.

    Raises:
        InputError: if the family cannot have the teacher's widths, or a number is impossible.
    """
    if layers is not None and not isinstance(layers, int):
        check_type("layers", layers, (list, tuple), "a number of layers, or a list of numbers")
    count = layers if isinstance(layers, int) else len(layers) if layers is not None else None
    if isinstance(student, oxbert.Config):
        if count is not None and count != student.num_hidden_layers:
            raise refused("layers", f"expected {student.num_hidden_layers}, as the student has, got {count}")
        return student
    if student not in (None, "electra", "distilbert"):
        raise refused("student", f"expected electra, distilbert, a configuration or a model, got {student!r}")
    if count is None:
        count = max(1, teacher.num_hidden_layers // 2)
    family = teacher.to_dict()["model_type"] if student is None else student
    if not 1 <= count <= teacher.num_hidden_layers:
        raise refused("layers", f"expected from 1 to {teacher.num_hidden_layers}, as the teacher has, got {count}")
    if family == teacher.to_dict()["model_type"]:
        name = "num_hidden_layers" if family == "electra" else "n_layers"
        return type(teacher).from_dict({**teacher.to_dict(), name: count})
    return _other_family(teacher, family, count)


def _other_family(teacher: Any, family: str, count: int) -> Any:
    own = teacher.to_dict()
    shared = {
        name: own[name] for name in ("vocab_size", "max_position_embeddings", "pad_token_id", "initializer_range")
    }
    if family == "distilbert":
        if own["embedding_size"] != own["hidden_size"]:
            reason = f"expected electra: DistilBERT has no projection from E = {own['embedding_size']} to H = "
            raise refused("student", f"{reason}{own['hidden_size']}, which this teacher has")
        return oxbert.DistilBertConfig(
            dim=own["hidden_size"], n_layers=count, n_heads=own["num_attention_heads"],
            hidden_dim=own["intermediate_size"], activation=own["hidden_act"], dropout=own["hidden_dropout_prob"],
            attention_dropout=own["attention_probs_dropout_prob"], **shared,
        )  # fmt: skip
    return oxbert.ElectraConfig(
        embedding_size=own["dim"], hidden_size=own["dim"], num_hidden_layers=count, num_attention_heads=own["n_heads"],
        intermediate_size=own["hidden_dim"], hidden_act=own["activation"], hidden_dropout_prob=own["dropout"],
        attention_probs_dropout_prob=own["attention_dropout"], **shared,
    )  # fmt: skip


def neutral_name(name: str) -> str:
    """Return ELECTRA's name of a parameter of either family.

    Example:
        >>> neutral_name("distilbert.transformer.layer.1.ffn.lin2.bias")
        'electra.encoder.layer.1.output.dense.bias'
    """
    if not name.startswith(("distilbert.", "vocab_")):
        return name
    for ours, theirs in _NAMES:
        name = name.replace(ours, theirs, 1)
    return name


@torch.no_grad()
def copy_layers(teacher: Mapping[str, Tensor], student: Mapping[str, Tensor], layers: Sequence[int]) -> bool:
    """Give a student the embeddings, the head and some layers of a teacher of the same widths.

    DistilBERT has no types of tokens: a student of that family adds the vector of type 0 to its positions, as a text
    without a pair has it.

    Args:
        teacher: The parameters of the teacher by name.
        student: Those of the student, of either family.
        layers: For each layer of the student, the number of the teacher's.

    Returns:
        Whether the widths are equal. Otherwise nothing is copied.
    """
    known = {neutral_name(name): tensor for name, tensor in teacher.items()}
    has_types = any(name.endswith("token_type_embeddings.weight") for name in student)
    copies = []
    for name, parameter in student.items():
        source = _LAYER.sub(lambda found: f"{found[1]}{layers[int(found[2])]}.", neutral_name(name))
        if source == _TYPES and source not in known:
            copies.append((parameter, torch.zeros_like(parameter)))
            continue
        tensor = known.get(source)
        if tensor is None or tensor.shape != parameter.shape:
            return False
        if source == _POSITIONS and not has_types and _TYPES in known:
            tensor = tensor + known[_TYPES][0]
        copies.append((parameter, tensor))
    for parameter, tensor in copies:
        parameter.copy_(tensor)
    return True


__all__ = ["copy_layers", "neutral_name", "spread_layers", "student_config"]
