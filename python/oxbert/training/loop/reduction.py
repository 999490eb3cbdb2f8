"""Sum gradients over processes in buckets, on GPUs while the rest of the backward pass still runs."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, distributed

from oxbert.training.loop.processes import Processes

BUCKET = 25 * 2**20
"""About how many bytes of gradients are summed together, as in torch's DistributedDataParallel."""


class GradientReducer:
    """Sum the gradients of parameters over all processes.

    Gradients arrive from the last layer to the first. A bucket is sent as soon as its gradients are there, but only
    after those before it: processes that reach other parameters, or none, then send the same buckets in the same order.

    Args:
        processes: The processes.
        parameters: The parameters.
        bucket: About how many bytes of gradients are summed together.
        overlaps: Whether sums begin during the backward pass. None means on GPUs: on CPUs the threads of gloo take the
            cores from the backward pass, and a step of two processes on two cores took 8 % longer.
    """

    def __init__(
        self,
        processes: Processes,
        parameters: Iterable[Tensor],
        *,
        bucket: int = BUCKET,
        overlaps: bool | None = None,
    ) -> None:
        self._processes, self._bucket = processes, bucket
        self._buckets: list[list[Tensor]] = []
        self._places: dict[Tensor, int] = {}
        self._missing: list[int] = []
        self._sent: list[tuple[Tensor, distributed.Work | None]] = []
        if processes.world > 1 and (processes.device.type == "cuda" if overlaps is None else overlaps):
            for parameter in parameters:
                parameter.register_post_accumulate_grad_hook(self._arrive)  # type: ignore[no-untyped-call]

    def begin(self, parameters: list[Tensor]) -> None:
        """Prepare for the last backward pass of a step.

        Args:
            parameters: The parameters that the step trains, the same list on every process.
        """
        if self._processes.world == 1:
            return
        self._sent, self._places, self._buckets, size = [], {}, [], 0
        for parameter in reversed(parameters):
            if not self._buckets or size >= self._bucket or self._buckets[-1][0].dtype != parameter.dtype:
                self._buckets.append([])
                size = 0
            self._buckets[-1].append(parameter)
            self._places[parameter] = len(self._buckets) - 1
            size += parameter.numel() * parameter.element_size()
        self._missing = [len(bucket) for bucket in self._buckets]

    def _arrive(self, parameter: Tensor) -> None:
        place = self._places.pop(parameter, None)
        if place is not None:
            self._missing[place] -= 1
            while len(self._sent) < len(self._buckets) and not self._missing[len(self._sent)]:
                self._send()

    def _send(self) -> None:
        flat = torch.cat([_gradient(parameter).flatten() for parameter in self._buckets[len(self._sent)]])
        self._sent.append((flat, distributed.all_reduce(flat, async_op=True)))

    def finish(self, parameters: list[Tensor]) -> None:
        """Replace the gradients by their sums over all processes, after the last backward pass.

        A parameter that no process reaches gets zeros.

        Args:
            parameters: As for `begin`, which need not have been called on a process without a backward pass.
        """
        if self._processes.world == 1:
            for parameter in parameters:
                _gradient(parameter)
            return
        if not self._buckets:
            self.begin(parameters)
        while len(self._sent) < len(self._buckets):
            self._send()
        for bucket, (flat, work) in zip(self._buckets, self._sent, strict=True):
            if work is not None:
                work.wait()
            sizes = [parameter.numel() for parameter in bucket]
            for parameter, total in zip(bucket, torch.split(flat, sizes), strict=True):
                _gradient(parameter).copy_(total.view_as(parameter))
        self._buckets, self._places = [], {}


def _gradient(parameter: Tensor) -> Tensor:
    """Return the gradient of a parameter, zeros if it has none."""
    if parameter.grad is None:
        parameter.grad = torch.zeros_like(parameter)
    return parameter.grad


__all__ = ["BUCKET", "GradientReducer"]
