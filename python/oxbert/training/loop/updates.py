"""Apply gradients: unscale, clip, and update the parameters with the configured optimizer and learning rate."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.amp.grad_scaler import GradScaler
from torch.optim import AdamW, Muon, Optimizer

from oxbert._checks import refused
from oxbert._types import AutocastPrecision
from oxbert.training.loop.options import RunOptions
from oxbert.training.optim.groups import parameter_groups
from oxbert.training.optim.optimizer import AdamWeightDecay, clip_gradients
from oxbert.training.optim.schedule import learning_rate

_INSIDE_LAYERS = re.compile(r"(^|\.)encoder\.layer\.\d+\.")


class Updates:
    """Hold the optimizers of a run, their moments, and for float16 the scale of the loss.

    Args:
        parameters: The parameters by name. Those without a gradient stay as they are.
        config: The optimizer and its constants, the learning rate, the weight decay, the norm for clipping.
        device: The device of the parameters.
        precision: With `float16`, in which small gradients would become 0, losses are multiplied by a scale that
            adapts itself.
    """

    def __init__(
        self,
        parameters: Mapping[str, Tensor],
        config: RunOptions,
        device: torch.device,
        precision: AutocastPrecision,
    ) -> None:
        self._parameters, self._config = parameters, config
        self.optimizers = _optimizers(parameters, config)
        # The groups were made for a learning rate of 1, so that each has its share of the rate as its own.
        self._shares = [[group["lr"] for group in optimizer.param_groups] for optimizer in self.optimizers]
        self._scaler = GradScaler(device.type, enabled=precision == "float16")
        # GradScaler makes its scale at the first loss, which a process without a share of the batch never sees.
        self._scaler.scale(torch.zeros((), device=device))

    def clear(self) -> None:
        """Clear all gradients."""
        for optimizer in self.optimizers:
            optimizer.zero_grad()

    def backward(self, loss: Tensor) -> None:
        """Accumulate the gradients of a loss."""
        torch.autograd.backward(self._scaler.scale(loss))

    @property
    def can_rescale(self) -> bool:
        """Return whether a smaller scale may still avoid gradients that are not finite."""
        return self._scaler.is_enabled() and self._scaler.get_scale() > 1

    def apply(self, step: int) -> tuple[float, float, bool]:
        """Update the parameters, or leave them and the moments unchanged if a gradient is not finite.

        Args:
            step: The number of the update, counted from 0.

        Returns:
            The learning rate, the norm of all gradients before clipping, and whether the update was skipped.
        """
        config = self._config
        for optimizer in self.optimizers:
            self._scaler.unscale_(optimizer)
        norm = float(clip_gradients(self._parameters.values(), config.max_gradient_norm))
        rate = learning_rate(
            step,
            peak=config.learning_rate,
            total_steps=config.decay_steps or config.train_steps,
            warmup_steps=config.warmup,
            power=config.learning_rate_power,
        )
        is_finite = math.isfinite(norm)
        if is_finite:
            for optimizer, shares in zip(self.optimizers, self._shares, strict=True):
                for group, share in zip(optimizer.param_groups, shares, strict=True):
                    group["lr"] = rate * share
                optimizer.step()
        if self._scaler.is_enabled():
            self._scaler.update()
            # Below 1 the scale would only make more gradients 0.
            if not is_finite and self._scaler.get_scale() < 1:
                self._scaler.update(1.0)
        return rate, norm, not is_finite

    def tensors(self) -> dict[str, Tensor]:
        """Return the moments by name: `moment.parameter`."""
        return {
            f"{moment}.{name}": tensor
            for optimizer in self.optimizers
            for name, parameter in self._parameters.items()
            if parameter in optimizer.state
            for moment, tensor in optimizer.state[parameter].items()
        }

    def state(self) -> dict[str, Any]:
        """Return the rest of the state, as JSON values."""
        return self._scaler.state_dict()

    def load(self, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        """Restore what `tensors` and `state` have returned."""
        owners = {
            parameter: optimizer
            for optimizer in self.optimizers
            for group in optimizer.param_groups
            for parameter in group["params"]
        }
        for key, tensor in tensors.items():
            moment, name = key.split(".", 1)
            if name not in self._parameters or (tensor.ndim and tensor.shape != self._parameters[name].shape):
                raise refused(
                    "moments", f"expected the moments of the run's parameters, got {key}, {list(tensor.shape)}"
                )
            parameter = self._parameters[name]
            owners[parameter].state[parameter][moment] = tensor.to(parameter.device)
        # A run that continues in another precision begins with a new scale: its checkpoint has no state, or the scaler
        # ignores the state.
        if state:
            self._scaler.load_state_dict(dict(state))


def _optimizers(parameters: Mapping[str, Tensor], config: RunOptions) -> list[Optimizer]:
    """Return one optimizer, or for `muon` two that share the parameters between them, for a learning rate of 1.

    Muon's updates are scaled to the size of Adam's, so that both use the same learning rate and weight decay.

    Source:
        `muon`: Jordan et al. 2024; its scale: Liu et al. 2025 (arXiv 2502.16982), section 2.2.
    """
    adam: dict[str, Any] = {"betas": (config.adam_beta1, config.adam_beta2), "eps": config.adam_epsilon}
    rates = {"learning_rate": 1.0, "weight_decay": config.weight_decay, **config.layer_rates}
    matrices = {
        name: parameter
        for name, parameter in parameters.items()
        if config.optimizer == "muon" and parameter.ndim == 2 and _INSIDE_LAYERS.search(name)
    }
    others = [(name, parameter) for name, parameter in parameters.items() if name not in matrices]
    groups = parameter_groups(others, **rates)
    if config.optimizer == "adam":
        return [AdamWeightDecay(groups, **adam)]
    optimizers: list[Optimizer] = [AdamW(groups, **adam, fused=True)]
    if matrices:
        optimizers.append(Muon(parameter_groups(matrices.items(), **rates), adjust_lr_fn="match_rms_adamw"))
    return optimizers


__all__ = ["Updates"]
