"""Group parameters by learning rate and weight decay."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

from torch import Tensor

from oxbert._checks import at_least_0, check_number, refused

# The same search in names as in the original: layer norms of both families, and all biases. Embeddings are decayed.
_WITHOUT_DECAY = re.compile("LayerNorm|layer_norm|bias")
_EMBEDDINGS = re.compile(r"(^|\.)embeddings(_project)?\.")
_LAYER = re.compile(r"(^|\.)(encoder|transformer)\.layer\.(\d+)\.")


def parameter_groups(
    named_parameters: Iterable[tuple[str, Tensor]],
    *,
    learning_rate: float,
    weight_decay: float = 0.01,
    layerwise_decay: float | None = None,
    num_layers: int | None = None,
    exact: bool = True,
) -> list[dict[str, Any]]:
    """Return groups of parameters with ELECTRA's learning rates and weight decay, for any optimizer of torch.

    Layer norms and biases, which are names with `LayerNorm`, `layer_norm` or `bias` in them, have no weight decay.

    For fine-tuning, layers nearer to the input learn more slowly. With L layers and the decay d, the learning rate of a
    parameter is

        lr * d ** (L + 2 - depth)
        depth: embeddings and their projection 0, layer i (from 0) i + 1, everything else L + 2

    so that the last layer has lr * d ** 2 and embeddings have lr * d ** (L + 2). The 2 is an oversight that the authors
    acknowledged: there used to be a pooler between the layers and the head. `exact=False` corrects the rule to

        lr * d ** (L + 1 - depth)
        depth: the same, everything else L + 1

    so that the last layer has lr * d.

    Args:
        named_parameters: Names of ELECTRA or DistilBERT parameters, with any prefix, and the parameters. A parameter
            with several names appears once, with the first name and the depth nearest to the input.
        learning_rate: lr, the rate of the head, and of all parameters without layer-wise decay.
        weight_decay: The weight decay of parameters other than layer norms and biases.
        layerwise_decay: d, above 0 and at most 1; 0.8 for small and base, 0.9 for large models. None means no
            layer-wise decay.
        num_layers: L; None means the number that the names have.
        exact: Whether to use the rule of the original rather than the corrected one.

    Returns:
        Groups with `params` (names and parameters), `lr` and `weight_decay`, in the order of the names.

    Raises:
        InputError: if a number is out of its range; if no name has a layer, or the names have more layers than
            `num_layers`.

    Example:
        >>> import oxbert
        >>> config = oxbert.ElectraConfig(vocab_size=10, hidden_size=8, num_hidden_layers=2, intermediate_size=4)
        >>> model = oxbert.ElectraForTokenClassification(config, seed=0)
        >>> groups = parameter_groups(model.named_parameters(), learning_rate=1.0, layerwise_decay=0.5)
        >>> [(group["lr"], group["weight_decay"], len(group["params"])) for group in groups if group["weight_decay"]]
        [(0.0625, 0.01, 4), (0.125, 0.01, 6), (0.25, 0.01, 6), (1.0, 0.01, 1)]

    Source:
        google-research/electra, model/optimization.py, lines 140 to 193; its issues 51 and 64 on the exponent;
        configure_finetuning.py for the rates of fine-tuning.
    """
    check_number("learning_rate", learning_rate, "of at least 0", at_least_0)
    check_number("weight_decay", weight_decay, "of at least 0", at_least_0)
    names: dict[Tensor, list[str]] = {}
    for name, parameter in named_parameters:
        names.setdefault(parameter, []).append(name)
    depths = {parameter: min(_depth(name) for name in names[parameter]) for parameter in names}
    factors: dict[float, float] = {}
    if layerwise_decay is not None:
        check_number("layerwise_decay", layerwise_decay, "above 0 and at most 1", lambda value: 0 < value <= 1)
        layers = _layers(num_layers, depths.values())
        top = layers + (2 if exact else 1)
        factors = {depth: layerwise_decay ** (top - min(depth, top)) for depth in depths.values()}
    groups: dict[tuple[float, float], dict[str, Any]] = {}
    for parameter, depth in depths.items():
        rate = learning_rate * factors.get(depth, 1.0)
        decay = 0.0 if _WITHOUT_DECAY.search(names[parameter][0]) else weight_decay
        group = groups.setdefault((rate, decay), {"params": [], "lr": rate, "weight_decay": decay})
        group["params"].append((names[parameter][0], parameter))
    return list(groups.values())


def _depth(name: str) -> float:
    """Return 0 for embeddings, i + 1 for layer i, and infinity for parameters above the layers."""
    layer = _LAYER.search(name)
    if layer:
        return int(layer[3]) + 1
    return 0 if _EMBEDDINGS.search(name) else math.inf


def _layers(given: int | None, depths: Iterable[float]) -> int:
    found = int(max((depth for depth in depths if math.isfinite(depth)), default=0))
    if given is None:
        if not found:
            raise refused(
                "named_parameters", "layerwise_decay needs layers, and no name has encoder.layer or transformer.layer"
            )
        return found
    if given < found:
        raise refused("num_layers", f"expected at least {found}, the number of layers in the names, got {given}")
    return given


__all__ = ["parameter_groups"]
