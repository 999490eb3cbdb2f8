"""Coordinate the processes of a run: ranks, devices, and collective operations."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TypeVar

import torch
from torch import Tensor, distributed

from oxbert.errors import TrainingError

_Value = TypeVar("_Value")


class Processes:
    """Hold this process's place among those that `torchrun` has started, or alone.

    An existing process group is used. Otherwise one is made if there are several processes, with gloo for CPUs and NCCL
    for GPUs.

    Args:
        device: `cpu`; `cuda`, the GPU with this process's local rank; or `cuda:N`. None means CUDA if `torchrun`
            started this process and there is a GPU, otherwise the CPU.

    Attributes:
        rank: The rank of this process, from 0.
        world: The number of processes.
        device: The device of this process.
    """

    def __init__(self, device: str | None) -> None:
        local = os.environ.get("LOCAL_RANK")
        if device is None:
            device = "cuda" if local is not None and torch.cuda.is_available() else "cpu"
        self.device = torch.device(f"cuda:{local or 0}" if device == "cuda" else device)
        if self.device.type == "cuda" and torch.cuda.is_available():
            # NCCL would otherwise use GPU 0 for the barriers of every process, and each would hold memory there.
            torch.cuda.set_device(self.device)
        if not distributed.is_initialized() and int(os.environ.get("WORLD_SIZE", "1")) > 1:
            distributed.init_process_group()
        is_alone = not distributed.is_initialized()
        self.rank, self.world = (0, 1) if is_alone else (distributed.get_rank(), distributed.get_world_size())

    def broadcast_parameters(self, step: int, parameters: Iterable[Tensor]) -> None:
        """Copy the parameters of rank 0 to all processes.

        Raises:
            TrainingError: if the processes start from different steps, since they do not see the same checkpoints.
        """
        if self.world == 1:
            return
        steps = [torch.zeros(1, dtype=torch.int64, device=self.device) for _ in range(self.world)]
        distributed.all_gather(steps, torch.tensor([step], device=self.device))
        found = [int(one) for one in steps]
        if len(set(found)) > 1:
            raise TrainingError(
                f"expected all processes to continue from the same step, got {found}: "
                "use an output folder that all of them see",
                steps=found,
            )
        for parameter in parameters:
            distributed.broadcast(parameter.detach(), 0)

    def all_reduce(self, tensor: Tensor) -> None:
        """Replace a tensor by its sum over all processes."""
        if self.world > 1:
            distributed.all_reduce(tensor)

    def share(self, value: _Value) -> _Value:
        """Return the value that rank 0 passes. It is pickled."""
        if self.world == 1:
            return value
        values: list[_Value] = [value]
        distributed.broadcast_object_list(values, 0, device=self.device)
        return values[0]

    def gather(self, values: list[_Value]) -> list[_Value]:
        """Return the values of all processes, those of rank 0 first, on every process. They are pickled."""
        if self.world == 1:
            return values
        found: list[list[_Value]] = [[] for _ in range(self.world)]
        distributed.all_gather_object(found, values)
        return [value for part in found for value in part]

    def barrier(self) -> None:
        """Wait for all processes.

        A barrier has no tensor: gloo's thread releases a tensor some time after its sum has arrived, needs Python for
        it, and aborts the process if Python is shutting down at that moment.
        """
        if self.world > 1:
            distributed.barrier()


__all__ = ["Processes"]
