"""Measure the memory of fine-tuning a classifier: all parameters or adapters, with and without checkpointing.

Each variant runs in a new process, because the peak of a process never falls.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
import transformers

import oxbert
import oxbert.torch
from benches.texts import SIZES

SIZE = "base"
TEXTS, LENGTH = 16, 128
STEPS, ROUNDS = 3, 3
PEERS = ("oxbert", "transformers")
ALL, LORA = "all parameters", "LoRA"
KINDS = (ALL, f"{ALL}, checkpointing", LORA, f"{LORA}, checkpointing")


@dataclass(frozen=True)
class Memory:
    """Hold the growth of a process in bytes, from before the model is created."""

    kind: str
    peer: str
    peak: float


def measure() -> list[Memory]:
    """Measure all variants; those with adapters only if peft is installed."""
    has_peft = importlib.util.find_spec("peft") is not None
    kinds = [kind for kind in KINDS if has_peft or not kind.startswith(LORA)]
    return [Memory(kind, peer, peak(peer, kind)) for kind in kinds for peer in PEERS]


def peak(peer: str, kind: str) -> float:
    command = [sys.executable, "-W", "ignore", "-m", "benches.finetuning", peer, kind, str(torch.get_num_threads())]
    rounds = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(ROUNDS)]
    return median(float(done.stdout) for done in rounds)


def peak_here(peer: str, kind: str) -> int:
    """Return the growth of this process, which must be new."""
    # Import everything first, including what torch imports for its first optimizer.
    torch.optim.AdamW([torch.zeros(1, requires_grad=True)]).zero_grad()
    wrap = None
    if kind.startswith(LORA):
        import peft

        targets = {"target_modules": ["query", "value"], "r": 8, "task_type": "SEQ_CLS"}
        wrap = peft.get_peft_model, peft.LoraConfig(**targets)
    _ = transformers.ElectraForSequenceClassification
    random = torch.Generator().manual_seed(0)
    ids = torch.randint(1000, 30522, (TEXTS, LENGTH), generator=random)
    labels = torch.randint(0, 2, (TEXTS,), generator=random)
    before = kilobytes("VmRSS")
    model = fresh(peer)
    if kind.endswith("checkpointing"):
        model.gradient_checkpointing_enable()
    if wrap is not None:
        # peft asks transformers' models for gradients of the embeddings if layers are computed again.
        model = wrap[0](model, wrap[1])
    model.train()
    optimizer = torch.optim.AdamW([parameter for parameter in model.parameters() if parameter.requires_grad])
    for _ in range(STEPS):
        optimizer.zero_grad()
        model(input_ids=ids, labels=labels).loss.backward()
        optimizer.step()
    return (kilobytes("VmHWM") - before) * 1024


def fresh(peer: str) -> torch.nn.Module:
    config = SIZES[SIZE].config
    if peer == "oxbert":
        return oxbert.torch.Module(oxbert.ElectraForSequenceClassification(oxbert.ElectraConfig(**config), seed=0))
    return transformers.ElectraForSequenceClassification(transformers.ElectraConfig(**config))


def kilobytes(field: str) -> int:
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(field))


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[3]))
    print(peak_here(*sys.argv[1:3]))
