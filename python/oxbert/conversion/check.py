"""Check that two weight files make the same model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from oxbert import _native
from oxbert.errors import InputError

if TYPE_CHECKING:
    import torch

# A tensor that only a model with the head has -> the class. The first match counts.
_HEADS = {
    "electra": {
        "generator_predictions.dense.weight": "ElectraForMaskedLM",
        "discriminator_predictions.dense.weight": "ElectraForPreTraining",
        "classifier.out_proj.weight": "ElectraForSequenceClassification",
        "sequence_summary.summary.weight": "ElectraForMultipleChoice",
        "qa_outputs.weight": "ElectraForQuestionAnswering",
        "joint_qa.start.weight": "ElectraForJointQuestionAnswering",
        "text_classifier.weight": "ElectraForLinearClassification",
        "classifier.weight": "ElectraForTokenClassification",
    },
    "distilbert": {
        "vocab_transform.weight": "DistilBertForMaskedLM",
        "qa_outputs.weight": "DistilBertForQuestionAnswering",
        "joint_qa.start.weight": "DistilBertForJointQuestionAnswering",
        "text_classifier.weight": "DistilBertForLinearClassification",
        "pre_classifier.weight": "DistilBertForSequenceClassification",
        "classifier.weight": "DistilBertForTokenClassification",
    },
}
_BACKBONES = {"electra": "ElectraModel", "distilbert": "DistilBertModel"}


def largest_difference(
    config: _native.Config, one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]
) -> tuple[str, float]:
    """Run a model with the weights of both on the same text.

    Args:
        config: The configuration of the model.
        one: The tensors of one file by name.
        other: The tensors of the other file by name.

    Returns:
        The class that was run, and the largest difference between two numbers of its outputs.

    Raises:
        WeightsMismatchError: if tensors are missing, or have the wrong shape.
        InputError: if the configuration is of a family that oxbert does not run.
    """
    kind = _class_of(config, one)
    outputs = [_run(kind, config, weights) for weights in (one, other)]
    # NaN in both outputs counts as equal: both files have it.
    apart = [np.nan_to_num(np.abs(left - right), nan=0.0).max() for left, right in zip(*outputs, strict=True)]
    return kind.__name__, float(max(apart))


def _class_of(config: _native.Config, weights: Mapping[str, Any]) -> Any:
    family = config.model_type
    if family not in _HEADS:
        reason = f"expected a model of {' or '.join(_HEADS)}, got {family}"
        raise InputError(f"check: {reason}", what="check", reason=reason)
    # `architectures` also names a class whose tensors are those of another one, such as DistilBertForMultipleChoice.
    prefix = _BACKBONES[family].removesuffix("Model") + "For"
    architectures = getattr(config, "architectures", None) or ()
    named = [name for name in architectures if name.startswith(prefix) and hasattr(_native, name)]
    found = [name for tensor, name in _HEADS[family].items() if tensor in weights]
    return getattr(_native, (named or found or [_BACKBONES[family]])[0])


def _run(kind: Any, config: _native.Config, weights: Mapping[str, torch.Tensor]) -> Sequence[Any]:
    model = kind.from_config(config, seed=0)
    # Tensors of other heads are ignored.
    model.load_state_dict(dict(weights), strict=False)
    missing = model.load_report["missing"]
    if missing:
        from oxbert.errors import WeightsMismatchError

        message = f"check: {kind.__name__} needs {', '.join(missing)}, which the weights lack"
        raise WeightsMismatchError(message, missing=missing, unexpected=[], mismatched=[], path=None)
    length = min(16, config.max_position_embeddings)
    ids = np.random.default_rng(0).integers(0, config.vocab_size, (2, length))
    # Multiple choice takes several choices per text.
    ids = ids[:, None].repeat(2, 1) if kind.__name__.endswith("MultipleChoice") else ids
    return [np.asarray(output) for output in model(ids).to_tuple()]
