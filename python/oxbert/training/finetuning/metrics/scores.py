"""Score classes, numbers and tags with scikit-learn, scipy and seqeval."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from oxbert._checks import require

_EXTRA = "finetune"


def classes(predicted: Sequence[str], truth: Sequence[str], figures: Sequence[str]) -> dict[str, float]:
    """Return figures of predicted classes.

    Args:
        predicted: The predicted classes.
        truth: The right classes.
        figures: `accuracy`; `mcc`, Matthews' correlation; `f1` of the class `1`; `macro_f1`, the mean over the classes
            that occur in either list.

    Example:
        >>> classes(["a", "b", "b"], ["a", "b", "a"], ["accuracy", "mcc"])
        {'accuracy': 0.6666666666666666, 'mcc': 0.5}
    """
    metrics = _metrics()
    compute = {
        "accuracy": lambda: metrics.accuracy_score(truth, predicted),
        "mcc": lambda: metrics.matthews_corrcoef(truth, predicted),
        "f1": lambda: metrics.f1_score(truth, predicted, labels=["1"], average="macro", zero_division=0.0),
        "macro_f1": lambda: metrics.f1_score(truth, predicted, average="macro", zero_division=0.0),
    }
    return {name: float(compute[name]()) for name in figures}


def _metrics() -> Any:
    return require("sklearn", "metrics", extra=_EXTRA)


__all__ = ["classes"]
