"""The processes of a run: which one this is, where it computes, and what they tell one another."""

from __future__ import annotations

import os
from collections.abc import Iterable

import torch
from torch import Tensor, distributed

from oxbert.errors import OxbertError


class Processes:
    """This process among those that `torchrun` has started, or alone.

    Where a process group is there already it is used; otherwise one is made if there are several processes, with gloo
    for CPUs and NCCL for GPUs.

    Args:
        device: `cpu`, `cuda`, which is the GPU of this process's number on its machine, or `cuda:N`. None: CUDA where
            `torchrun` has started this process and there is any, else the CPU.

    Attributes:
        rank: The number of this process, from 0.
        world: How many there are.
        device: Where this one computes.
    """

    def __init__(self, device: str | None) -> None:
        if not distributed.is_initialized() and int(os.environ.get("WORLD_SIZE", "1")) > 1:
            distributed.init_process_group()
        is_one = not distributed.is_initialized()
        self.rank, self.world = (0, 1) if is_one else (distributed.get_rank(), distributed.get_world_size())
        local = os.environ.get("LOCAL_RANK")
        if device is None:
            device = "cuda" if local is not None and torch.cuda.is_available() else "cpu"
        self.device = torch.device(f"cuda:{local or 0}" if device == "cuda" else device)

    def begin_alike(self, step: int, parameters: Iterable[Tensor]) -> None:
        """Give all processes the parameters of the first one.

        Raises:
            OxbertError: They do not begin with the same step, as where not all see the same checkpoints.
        """
        if self.world == 1:
            return
        steps = [torch.zeros(1, dtype=torch.int64, device=self.device) for _ in range(self.world)]
        distributed.all_gather(steps, torch.tensor([step], device=self.device))
        found = [int(one) for one in steps]
        if len(set(found)) > 1:
            raise OxbertError(
                f"expected all processes to go on from the same step, got {found}: they must see the same folder",
                steps=found,
            )
        for parameter in parameters:
            distributed.broadcast(parameter.detach(), 0)

    def add_up(self, tensors: list[Tensor]) -> None:
        """Replace tensors by their sums over all processes."""
        if self.world == 1:
            return
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        distributed.all_reduce(flat)
        place = 0
        for tensor in tensors:
            tensor.copy_(flat[place : place + tensor.numel()].view_as(tensor))
            place += tensor.numel()

    def wait(self) -> None:
        """Go on when all are here.

        A barrier has no tensor. gloo's thread lets one go some time after its sum is there, needs Python for it, and
        aborts the process where Python is ending just then.
        """
        if self.world > 1:
            distributed.barrier()


__all__ = ["Processes"]
