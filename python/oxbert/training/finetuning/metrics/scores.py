"""Score classes, numbers and tags with scikit-learn, scipy and seqeval."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from typing import Any

from oxbert._checks import require

_EXTRA = "finetune"
_MEANS = ("micro", "macro")


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
    compute: dict[str, Callable[[], Any]] = {
        "accuracy": lambda: metrics.accuracy_score(truth, predicted),
        # Of one class alone the correlation is 0, by convention, and scikit-learn warns.
        "mcc": lambda: metrics.matthews_corrcoef(truth, predicted) if len({*truth, *predicted}) > 1 else 0.0,
        "f1": lambda: metrics.f1_score(truth, predicted, labels=["1"], average="macro", zero_division=0.0),
        "macro_f1": lambda: metrics.f1_score(truth, predicted, average="macro", zero_division=0.0),
    }
    return {name: float(compute[name]()) for name in figures}


def numbers(predicted: Sequence[float], truth: Sequence[float]) -> dict[str, float]:
    """Return Pearson's and Spearman's correlation and the mean squared error of predicted numbers.

    A correlation is NaN if all numbers of a list are the same, or there are fewer than two.

    Example:
        >>> figures = numbers([0.0, 0.5, 1.0], [0.0, 0.25, 1.0])
        >>> [round(figures[name], 3) for name in ("pearson", "spearman", "mse")]
        [0.961, 1.0, 0.021]
    """
    stats = require("scipy", "stats", extra=_EXTRA)
    error = float(_metrics().mean_squared_error(truth, predicted))
    found = {"pearson": math.nan, "spearman": math.nan}
    if len(set(predicted)) > 1 and len(set(truth)) > 1:
        found = {"pearson": float(stats.pearsonr(truth, predicted)[0])}
        found["spearman"] = float(stats.spearmanr(truth, predicted)[0])
    return found | {"mse": error}


def several(predicted: Sequence[Collection[str]], truth: Sequence[Collection[str]]) -> dict[str, float]:
    """Return figures of predicted sets of labels.

    Returns:
        `micro_f1`, over all decisions about a label; `macro_f1`, the mean over the labels that occur; `accuracy`, the
        share of texts with exactly the right labels.

    Example:
        >>> several([["a"], ["a", "b"]], [["a"], ["b"]])
        {'micro_f1': 0.8, 'macro_f1': 0.8333333333333333, 'accuracy': 0.5}
    """
    names = sorted({name for row in (*predicted, *truth) for name in row})
    if not names:
        return {"micro_f1": 1.0, "macro_f1": 1.0, "accuracy": 1.0}
    metrics = _metrics()
    # A last column that does not count: scikit-learn before release 1.8 takes a single one for two classes.
    found, right = ([[*(int(name in row) for name in names), 0] for row in rows] for rows in (predicted, truth))
    options = {"labels": range(len(names)), "zero_division": 0.0}
    figures = {f"{mean}_f1": metrics.f1_score(right, found, average=mean, **options) for mean in _MEANS}
    figures["accuracy"] = metrics.accuracy_score(right, found)
    return {name: float(figure) for name, figure in figures.items()}


def tags(predicted: Sequence[Sequence[str]], truth: Sequence[Sequence[str]]) -> dict[str, float]:
    """Return the share of words with the right tag.

    Example:
        >>> tags([["DET", "NOUN"]], [["DET", "VERB"]])
        {'accuracy': 0.5}
    """
    pairs = [pair for rows in zip(predicted, truth, strict=True) for pair in zip(*rows, strict=True)]
    return {"accuracy": float(_metrics().accuracy_score(*map(list, reversed(list(zip(*pairs, strict=True))))))}


def entities(predicted: Sequence[Sequence[str]], truth: Sequence[Sequence[str]]) -> dict[str, float]:
    """Return precision, recall and F1 of the entities that tags such as `B-PER`, `I-PER` and `O` mark.

    An entity is right if its words and its kind are. Tags are read as conlleval reads them; seqeval computes.

    Example:
        >>> entities([["B-PER", "I-PER", "O"]], [["B-PER", "I-PER", "B-LOC"]])
        {'precision': 1.0, 'recall': 0.5, 'f1': 0.6666666666666666}
    """
    metrics = require("seqeval", "metrics", extra=_EXTRA)
    compute = {"precision": metrics.precision_score, "recall": metrics.recall_score, "f1": metrics.f1_score}
    rows = [list(row) for row in truth], [list(row) for row in predicted]
    return {name: float(function(*rows, zero_division=0)) for name, function in compute.items()}


def _metrics() -> Any:
    return require("sklearn", "metrics", extra=_EXTRA)


__all__ = ["classes", "entities", "numbers", "several", "tags"]
