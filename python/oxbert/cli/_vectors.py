"""Turn texts into vectors: with a folder of sentence-transformers as it says, otherwise by pooling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import oxbert
from oxbert._checks import refused
from oxbert.cli._options import ModelOptions
from oxbert.errors import MissingFileError
from oxbert.pipelines.features import Pooling

Encode = Callable[[Sequence[str]], Any]


def load_encoder(
    model: ModelOptions, pooling: Pooling | None, *, normalize: bool, truncate: bool
) -> tuple[Encode, int]:
    """Return what turns texts into vectors [N, D] float32, and D.

    Args:
        model: The model.
        pooling: How hidden states become a vector; None means as the folder says, otherwise `mean`.
        normalize: Whether to divide each vector by its length.
        truncate: Whether to shorten texts that are too long for the model.

    Raises:
        InputError: if no model is given, or `pooling` is given for a folder of sentence-transformers.
    """
    if model.model is None:
        raise refused("--model", "expected a model: none that ships with oxbert is made for vectors of texts")
    try:
        sentences = oxbert.SentenceEncoder.from_pretrained(model.model, **model.prepare())
    except MissingFileError as error:
        if "modules.json" not in str(getattr(error, "wanted", "")):
            raise
    else:
        if pooling is not None:
            raise refused("--pooling", f"expected none, since {model.model} says how to pool")
        return lambda texts: sentences.encode(
            list(texts), normalize=normalize, truncation=truncate
        ), sentences.dimension
    pool = pooling or "mean"
    features = model.load(
        "feature-extraction", return_tensors="np", pooling=pool, normalize=normalize, truncation=truncate
    )
    config: Any = features.config
    return lambda texts: features(list(texts)), config.hidden_size


__all__ = ["Encode", "load_encoder"]
