"""Make layers of torch over parameters that exist already."""

from __future__ import annotations

import torch


class Uninitialized(torch.nn.Linear):
    """Leave out the initialisation, whose random numbers `torch.vmap` refuses."""

    def reset_parameters(self) -> None:
        """Do nothing."""


def as_parameter(tensor: torch.Tensor) -> torch.nn.Parameter:
    """Return the same object as a `torch.nn.Parameter`.

    `torch.nn.Parameter(tensor)` would be another leaf of the graph, which gets no gradient of the model. torch keeps
    one Python object for each tensor of libtorch, so the class persists even if Python drops the object and gets it
    from the model again.

    Args:
        tensor: A leaf of the graph. Its `requires_grad` is unchanged.

    Example:
        >>> weight = torch.ones(2, requires_grad=True)
        >>> as_parameter(weight) is weight, type(weight).__name__
        (True, 'Parameter')
    """
    if type(tensor) is torch.Tensor:
        # torch materialises an `UninitializedParameter` in the same way: the classes differ in methods only.
        tensor.__class__ = torch.nn.Parameter
    return tensor  # type: ignore[return-value]  # mypy does not follow an assignment to `__class__`


def embedding(weight: torch.Tensor, padding_idx: int | None = None) -> torch.nn.Embedding:
    """Return a `torch.nn.Embedding` whose `weight` is this very parameter.

    Args:
        weight: The table [V, E].
        padding_idx: The row that gets no gradient from this layer.

    Example:
        >>> table = as_parameter(torch.ones(3, 2, requires_grad=True))
        >>> embedding(table, padding_idx=0).weight is table
        True
    """
    # A table without memory, which is replaced. torch would compare the sizes of `weight` itself a second time, and
    # another thread may resize the model in between.
    rows, columns = weight.shape
    layer = torch.nn.Embedding(rows, columns, padding_idx, _weight=torch.empty(rows, columns, device="meta"))
    layer.weight = as_parameter(weight)
    return layer


def linear(weight: torch.Tensor, bias: torch.Tensor | None = None) -> torch.nn.Linear:
    """Return a `torch.nn.Linear` whose `weight` and `bias` are these very parameters.

    Args:
        weight: The matrix [outputs, inputs].
        bias: The bias [outputs], or None.

    Example:
        >>> weight = as_parameter(torch.ones(3, 2, requires_grad=True))
        >>> linear(weight).weight is weight, linear(weight).bias
        (True, None)
    """
    outgoing, incoming = weight.shape
    layer: torch.nn.Linear = Uninitialized(incoming, outgoing, bias=bias is not None, device="meta")
    # Programs look for this very class.
    layer.__class__ = torch.nn.Linear
    layer.weight = as_parameter(weight)
    if bias is not None:
        layer.bias = as_parameter(bias)
    return layer


__all__ = ["Uninitialized", "as_parameter", "embedding", "linear"]
