"""Optimize as ELECTRA does: Adam without bias correction, decoupled weight decay, clipping by the global norm.

    optimizer = AdamWeightDecay(parameter_groups(module.named_parameters(), learning_rate=5e-4))
    loss.backward()
    clip_gradients(module.parameters())
    optimizer.step()

`torch.optim.AdamW` corrects the initial bias of the moments, which makes early updates smaller: the first by a factor
of 3.2, the twelfth by 6.6, the thousandth by 1.3.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
from torch import Tensor
from torch.optim import Optimizer

from oxbert._checks import above_0, at_least_0, check_number, check_type, refused
from oxbert._types import Implementation
from oxbert.errors import DtypeError, ShapeError

_OPTIONS = ("lr", "betas", "eps", "weight_decay", "implementation")
_MOMENTS = ("exp_avg", "exp_avg_sq")
_Tensors = tuple[Tensor, Tensor, Tensor, Tensor]


def _checked(parameters: Any) -> Any:
    """Pass on what torch takes for parameters, one by one: torch would first make a list of any length."""
    if isinstance(parameters, Tensor | dict | set) or not isinstance(parameters, Iterable):
        # torch has its own messages for these.
        return parameters
    return (_one(item) for item in parameters)


def _one(item: Any) -> Any:
    check_type("params", item, (Tensor, dict, tuple), "tensors, pairs of a name and a tensor, or groups of tensors")
    if isinstance(item, dict) and "params" in item:
        return {**item, "params": _checked(item["params"])}
    return item


class AdamWeightDecay(Optimizer):
    """Update parameters by Adam without bias correction and with decoupled weight decay, as for ELECTRA and BERT.

        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g ** 2
        p = p - lr * (m / (sqrt(v) + eps) + weight_decay * p)

    m and v start at 0 and are kept in the dtype of the parameter, as `exp_avg` and `exp_avg_sq` in the state. They are
    updated even if the rate is 0, as at the first step of a warm-up. Gradients are used as they are: clip them before
    with `clip_gradients`, and skip the step if their norm is not finite.

    Args:
        params: Parameters, named parameters, or groups of them with their own `lr`, `betas`, `eps` and `weight_decay`,
            as `parameter_groups` returns them.
        lr: The learning rate, per update, of groups without one.
        betas: b1 and b2, from 0 to below 1.
        eps: Added to the square root of v, above 0.
        weight_decay: The share of a parameter that is subtracted, times the rate. The default is 0, as in the original,
            which excludes layer norms and biases by their names.
        implementation: `single` loops over the parameters, `foreach` over the operations, each for all parameters; both
            give the same numbers to the last bit. `fused` is one pass of a libtorch kernel, with the same numbers up to
            rounding and no allocation; on devices other than CPU and CUDA, and for tensors that are not contiguous,
            `foreach` is used instead.

    Raises:
        InputError: if a number is out of its range.
        DtypeError: if a parameter is not floating point.

    Example:
        >>> weight = torch.nn.Parameter(torch.ones(2))
        >>> optimizer = AdamWeightDecay([weight], lr=0.1, weight_decay=0.01)
        >>> weight.square().sum().backward()
        >>> optimizer.step()
        >>> weight.data
        tensor([0.6828, 0.6828])

    Source:
        google-research/electra, model/optimization.py, lines 70 to 138.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[tuple[str, Tensor]] | Iterable[dict[str, Any]],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0.0,
        *,
        implementation: Implementation = "fused",
    ) -> None:
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "implementation": implementation,
        }
        super().__init__(_checked(params), defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters, with the options of the group or else the defaults.

        Raises:
            InputError: if a number is out of its range.
            DtypeError: if a parameter is not floating point.
        """
        options = self.defaults | param_group
        check_number("lr", options["lr"], "of at least 0", at_least_0)
        betas = options["betas"]
        if not isinstance(betas, tuple | list) or len(betas) != 2:
            raise refused("betas", f"expected two numbers, got {betas!r}")
        for beta in betas:
            check_number("betas", beta, "from 0 to below 1", lambda value: 0 <= value < 1)
        # With eps = 0 a parameter whose gradients were always 0 would become 0 / 0.
        check_number("eps", options["eps"], "above 0", above_0)
        check_number("weight_decay", options["weight_decay"], "of at least 0", at_least_0)
        if options["implementation"] not in _UPDATES:
            raise refused("implementation", f"expected one of {', '.join(_UPDATES)}, got {options['implementation']!r}")
        # The base class checks the parameters, and copies an iterator that can be read only once.
        super().add_param_group(param_group)
        for parameter in param_group["params"]:
            if not parameter.is_floating_point():
                self.param_groups.pop()
                got = str(parameter.dtype).removeprefix("torch.")
                message = f"params: expected floating point, got {got}"
                raise DtypeError(message, what="params", expected="floating point", got=got)

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Update every parameter that has a gradient.

        Args:
            closure: Recomputes the loss and the gradients; called first, with gradients enabled.

        Returns:
            The result of the closure.

        Raises:
            InputError: if a gradient is sparse; no parameter has changed.
            ShapeError: if a parameter was resized and its gradient or moments were not; no parameter has changed.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        # Kernels for lists of tensors need one device and one dtype.
        batches: dict[tuple[Any, ...], _Batch] = {}
        for number, group in enumerate(self.param_groups):
            for parameter in group["params"]:
                if parameter.grad is not None:
                    tensors = self._with_moments(parameter, parameter.grad)
                    implementation = _usable(group["implementation"], tensors)
                    key = (number, implementation, parameter.device, parameter.dtype)
                    batches.setdefault(key, _Batch(group)).append(tensors)
        for (_, implementation, *_), batch in batches.items():
            _UPDATES[implementation](batch)
        return loss

    def _with_moments(self, parameter: Tensor, gradient: Tensor) -> _Tensors:
        """Return a parameter with its gradient and its moments, all of one shape."""
        if gradient.is_sparse:
            raise refused(
                "gradient",
                "expected a dense gradient, got a sparse one; every number of a parameter decays at every step",
            )
        state: dict[str, Tensor] = self.state[parameter]
        if not state:
            for name in _MOMENTS:
                state[name] = torch.zeros_like(parameter)
        tensors = (parameter, gradient, state["exp_avg"], state["exp_avg_sq"])
        for tensor in tensors:
            # Kernels would read and write past the end.
            if tensor.shape != parameter.shape:
                expected, got = list(tensor.shape), list(parameter.shape)
                message = f"params: a parameter of shape {expected} was resized to {got}; make a new optimizer"
                raise ShapeError(message, what="params", expected=expected, got=got)
        return tensors

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the moments and learning rates of a `state_dict`.

        Args:
            state_dict: The state of an optimizer over the same parameters in the same groups and order.

        Raises:
            InputError: if the groups, the names of the parameters or their shapes differ; nothing has changed.
        """
        reason = self._difference(state_dict)
        if reason:
            raise refused("state_dict", reason)
        super().load_state_dict(state_dict)

    def _difference(self, state_dict: dict[str, Any]) -> str | None:
        """Return how a state differs from that of these parameters; torch compares only the number of parameters."""
        theirs, state = state_dict["param_groups"], state_dict["state"]
        if len(theirs) != len(self.param_groups):
            return f"expected {len(self.param_groups)} groups, got {len(theirs)}"
        for number, (group, other) in enumerate(zip(self.param_groups, theirs, strict=True)):
            missing = [name for name in _OPTIONS if name not in other]
            if missing:
                return f"group {number} has no {missing[0]}: expected the state of AdamWeightDecay"
            if len(group["params"]) != len(other["params"]):
                return f"group {number}: expected {len(group['params'])} parameters, got {len(other['params'])}"
            names = group.get("param_names", list(map(str, range(len(group["params"])))))
            saved = other.get("param_names", names)
            for name, got, parameter, key in zip(names, saved, group["params"], other["params"], strict=True):
                if name != got:
                    return f"group {number}: expected the parameter {name}, got {got}"
                for moment in _MOMENTS if state.get(key) else ():
                    shape = getattr(state[key].get(moment), "shape", None)
                    if shape != parameter.shape:
                        found = "nothing" if shape is None else list(shape)
                        return f"group {number}: {moment} of {name}: expected {list(parameter.shape)}, got {found}"
        return None


class _Batch:
    """Collect parameters with the same options, their gradients and their moments."""

    def __init__(self, options: dict[str, Any]) -> None:
        self.options = options
        self.parameters: list[Tensor] = []
        self.gradients: list[Tensor] = []
        self.first: list[Tensor] = []
        self.second: list[Tensor] = []

    def append(self, tensors: _Tensors) -> None:
        for items, tensor in zip((self.parameters, self.gradients, self.first, self.second), tensors, strict=True):
            items.append(tensor)


def _usable(implementation: Implementation, tensors: _Tensors) -> Implementation:
    if implementation != "fused":
        return implementation
    # The kernel ignores strides, so it would misread a transposed gradient.
    fused = tensors[0].device.type in ("cpu", "cuda") and all(tensor.is_contiguous() for tensor in tensors)
    return "fused" if fused else "foreach"


def _update_single(batch: _Batch) -> None:
    options = batch.options
    beta1, beta2 = options["betas"]
    for parameter, gradient, first, second in zip(
        batch.parameters, batch.gradients, batch.first, batch.second, strict=True
    ):
        first.mul_(beta1).add_(gradient, alpha=1 - beta1)
        second.mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        update = first / second.sqrt().add_(options["eps"])
        if options["weight_decay"]:
            update.add_(parameter, alpha=options["weight_decay"])
        parameter.add_(update, alpha=-options["lr"])


def _update_foreach(batch: _Batch) -> None:
    options = batch.options
    beta1, beta2 = options["betas"]
    torch._foreach_mul_(batch.first, beta1)
    torch._foreach_add_(batch.first, batch.gradients, alpha=1 - beta1)
    torch._foreach_mul_(batch.second, beta2)
    torch._foreach_addcmul_(batch.second, batch.gradients, batch.gradients, 1 - beta2)
    roots = torch._foreach_sqrt(batch.second)
    torch._foreach_add_(roots, options["eps"])
    updates = torch._foreach_div(batch.first, roots)
    if options["weight_decay"]:
        torch._foreach_add_(updates, batch.parameters, alpha=options["weight_decay"])
    torch._foreach_add_(batch.parameters, updates, alpha=-options["lr"])


def _update_fused(batch: _Batch) -> None:
    options = batch.options
    beta1, beta2 = options["betas"]
    if options["weight_decay"]:
        # The kernel would multiply by 1 - lr * weight_decay. In float32 the decay is then off by up to 0.6 % at
        # 1 - 5e-4 * 0.01, always in the same direction, and the factor is 1 at low rates.
        torch._foreach_add_(batch.parameters, batch.parameters, alpha=-options["lr"] * options["weight_decay"])
    # After infinitely many steps b ** steps is 0, so that the kernel's bias correction is exactly 1.
    steps = torch.full((), math.inf, dtype=torch.float32, device=batch.parameters[0].device)
    torch._fused_adamw_(
        batch.parameters,
        batch.gradients,
        batch.first,
        batch.second,
        [],
        [steps] * len(batch.parameters),
        lr=options["lr"],
        beta1=beta1,
        beta2=beta2,
        weight_decay=0.0,
        eps=options["eps"],
        amsgrad=False,
        maximize=False,
    )


_UPDATES: dict[Implementation, Callable[[_Batch], None]] = {
    "fused": _update_fused,
    "foreach": _update_foreach,
    "single": _update_single,
}


@torch.no_grad()
def clip_gradients(parameters: Tensor | Iterable[Tensor], max_norm: float = 1.0) -> Tensor:
    """Scale all gradients down so that their global norm is at most `max_norm`.

        norm = sqrt(sum of g ** 2 over all gradients)
        g    = g * max_norm / max(norm, max_norm)

    Gradients with a smaller norm stay the same to the last bit. If the norm is infinite or NaN, all gradients become
    NaN: check the norm, and skip the step. `torch.nn.utils.clip_grad_norm_` instead adds 1e-6 to the norm, and turns
    gradients with an infinite norm into zeros.

    Args:
        parameters: The parameters. Those without a gradient are ignored, and a repeated one, such as embeddings that a
            generator and a discriminator share, counts once.
        max_norm: The largest norm, above 0.

    Returns:
        The norm before clipping, a tensor [] in float32, or in float64 if a gradient is, on the device of the
        gradients. The call does not wait for the device.

    Raises:
        InputError: if `max_norm` is out of its range, or a gradient is sparse; no gradient has changed.

    Example:
        >>> weight = torch.nn.Parameter(torch.zeros(2))
        >>> weight.grad = torch.tensor([3.0, 4.0])
        >>> clip_gradients([weight]), weight.grad
        (tensor(5.), tensor([0.6000, 0.8000]))

    Source:
        google-research/electra, model/optimization.py, line 65: `tf.clip_by_global_norm`.
    """
    check_number("max_norm", max_norm, "above 0", above_0)
    # A dictionary keeps the objects alive: a set of ids could mistake a new object for a freed one.
    unique: dict[Tensor, None] = {}
    for parameter in [parameters] if isinstance(parameters, Tensor) else parameters:
        # One by one, since what is given may be as long as it likes.
        check_type("parameters", parameter, Tensor, "tensors")
        unique[parameter] = None
    gradients = [parameter.grad for parameter in unique if parameter.grad is not None]
    if not gradients:
        return torch.zeros((), device=next(iter(unique)).device if unique else None)
    if any(gradient.is_sparse for gradient in gradients):
        raise refused("gradient", "expected dense gradients, got a sparse one, which the optimizer could not use")
    dtype = torch.float64 if any(gradient.dtype == torch.float64 for gradient in gradients) else torch.float32
    alike: dict[tuple[torch.device, torch.dtype], list[Tensor]] = {}
    for gradient in gradients:
        alike.setdefault((gradient.device, gradient.dtype), []).append(gradient)
    norms = [norm for items in alike.values() for norm in torch._foreach_norm(items, 2, dtype)]
    norm: Tensor = torch.linalg.vector_norm(torch.stack([item.to(norms[0].device) for item in norms]))
    # The last term is 0 for a finite norm and NaN for any other.
    scale = max_norm / norm.clamp(min=max_norm) + (norm - norm)
    for (device, _), items in alike.items():
        torch._foreach_mul_(items, scale.to(device))
    return norm


__all__ = ["AdamWeightDecay", "Implementation", "clip_gradients"]
