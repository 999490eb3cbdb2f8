"""Measure a whole step of pre-training ELECTRA-small: masks, both networks, gradients, clipping, update.

The peer is the same objective with transformers' classes, written for speed: shared embeddings, logits at masked
positions only, one random number per sample, torch's fused AdamW. It runs with and without `torch.compile`. All run
with the C library's default settings, and in `keep_memory()` as the runs of `oxbert.training` do. The peak of memory is
measured in a new process.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from statistics import median

import numpy as np
import torch
import transformers
from torch.nn import functional

import oxbert
from benches.machine import Sgemm
from benches.texts import MEDIAN_LENGTH, SEED, SHORTEST, SPREAD
from benches.timing import Timing, take_turns
from oxbert.training import AdamWeightDecay, clip_gradients, keep_memory, parameter_groups, preset

CLS, SEP, MASK = 101, 102, 103
TEXTS, LENGTH = 16, 128
RATE = 1e-6
TOLERANCE = 1e-5
MIXED, FULL = "mixed lengths", "full rows"
STEPS_FOR_MEMORY = 3
ROUNDS_FOR_MEMORY = 3

Rows = list[list[int]]
Step = Callable[[], object]


@dataclass(frozen=True)
class Training:
    """Hold the timing of one peer's step and the number of tokens.

    `kept`: whether freed memory was kept. `peak` is the growth of the process in bytes, from before the networks are
    created.
    """

    kind: str
    kept: bool
    peer: str
    timing: Timing
    tokens: int
    peak: float | None


def measure(rounds: int, sgemm: Sgemm) -> list[Training]:
    results = []
    for kind in (MIXED, FULL):
        # Otherwise torch would recompile for dynamic widths when it sees a second width.
        torch.compiler.reset()
        rows = texts(kind)
        networks = fresh()
        peer = Peer(networks)
        peer.check(networks, rows)
        steps = {
            "oxbert": run_oxbert(networks, rows),
            "transformers": peer.run(rows),
            "transformers, torch.compile": Peer(networks).run(rows, compiled=True),
            "oxbert, bfloat16": run_oxbert(networks, rows, bfloat16=True),
            "transformers, bfloat16": peer.run(rows, bfloat16=True),
        }
        tokens = sum(map(len, rows))
        # Not for the compiled peer, because the compiler's own memory would count.
        peaks = {name: peak(name, kind) for name in ("oxbert", "transformers")}
        for kept in (False, True):
            with keep_memory() if kept else nullcontext():
                timings = take_turns(steps, rounds, between=sgemm.measure)
            own = {} if kept else peaks
            results += [Training(kind, kept, name, timing, tokens, own.get(name)) for name, timing in timings.items()]
    return results


def texts(kind: str) -> Rows:
    random = np.random.default_rng(SEED)
    mixed = random.lognormal(np.log(2 * MEDIAN_LENGTH), SPREAD, TEXTS).round().clip(SHORTEST, LENGTH).astype(int)
    lengths = mixed if kind == MIXED else np.full(TEXTS, LENGTH)
    return [[CLS, *random.integers(1000, 30522, length - 2).tolist(), SEP] for length in lengths]


def peak(peer: str, kind: str) -> float:
    command = [sys.executable, "-m", "benches.training", peer, kind, str(torch.get_num_threads())]
    rounds = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(ROUNDS_FOR_MEMORY)]
    return median(float(done.stdout) for done in rounds)


def peak_here(peer: str, kind: str) -> int:
    """Return the growth of this process, which must be new."""
    rows = texts(kind)

    def kilobytes(field: str) -> int:
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith(field))

    # Import everything first, including what torch imports for its first optimizer.
    torch.optim.AdamW([torch.zeros(1, requires_grad=True)], fused=True).zero_grad()
    _ = transformers.ElectraForMaskedLM, transformers.ElectraForPreTraining
    before = kilobytes("VmRSS")
    step = run_oxbert(fresh(), rows) if peer == "oxbert" else Peer(None).run(rows)
    for _ in range(STEPS_FOR_MEMORY):
        step()
    return (kilobytes("VmHWM") - before) * 1024


def fresh() -> oxbert.PretrainingNetworks:
    config = preset("small")
    return oxbert.PretrainingNetworks(
        *config.electra_configs(), special_ids=(CLS, SEP, MASK), max_predictions=config.max_predictions, seed=0
    )


def autocast(bfloat16: bool) -> torch.autocast:
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16)


def run_oxbert(networks: oxbert.PretrainingNetworks, rows: Rows, bfloat16: bool = False) -> Step:
    named = networks.named_parameters()
    optimizer = AdamWeightDecay(parameter_groups(named, learning_rate=RATE))
    number = iter(range(1 << 62))

    def step() -> None:
        optimizer.zero_grad()
        with autocast(bfloat16):
            loss = networks.step(rows, seed=0, step=next(number)).loss
        loss.backward()
        clip_gradients(parameter for _, parameter in named)
        optimizer.step()

    return step


class Peer:
    """Train transformers' classes on padded rows, with the same parameters or random ones."""

    def __init__(self, networks: oxbert.PretrainingNetworks | None) -> None:
        ours = preset("small").electra_configs()
        configs = [transformers.ElectraConfig(**config.to_dict(), attn_implementation="sdpa") for config in ours]
        self.generator = transformers.ElectraForMaskedLM(configs[0])
        self.discriminator = transformers.ElectraForPreTraining(configs[1])
        self.generator.electra.embeddings = self.discriminator.electra.embeddings
        self.generator.tie_weights()
        theirs = dict(self.generator.named_parameters(prefix="generator"))
        theirs |= dict(self.discriminator.named_parameters(prefix="discriminator"))
        with torch.no_grad():
            for name, parameter in networks.named_parameters() if networks else ():
                theirs[name].copy_(parameter)
        self.encode, self.discriminate = self.generator.electra, self.discriminator
        # Shared parameters are listed once.
        self.parameters = list({id(parameter): parameter for parameter in theirs.values()}.values())

    def losses(
        self, ids: torch.Tensor, kept: torch.Tensor, masked: torch.Tensor, chosen: torch.Tensor,
        samples: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
        """Return both losses; `samples` replaces the random samples."""
        mask = None if bool(kept.all()) else kept.long()
        hidden = self.encode(masked, mask).last_hidden_state[chosen]
        logits = self.generator.generator_lm_head(self.generator.generator_predictions(hidden))
        masked_lm_loss = functional.cross_entropy(logits, ids[chosen])
        if samples is None:
            bounds = logits.detach().softmax(-1).cumsum(-1)
            wanted = torch.rand(len(bounds), 1) * bounds[:, -1:]
            samples = torch.searchsorted(bounds, wanted, right=True)[:, 0].clamp(max=bounds.shape[1] - 1)
            del bounds
        corrupted = ids.masked_scatter(chosen, samples)
        replaced = (corrupted != ids).float()
        found = self.discriminate(corrupted, mask).logits
        return masked_lm_loss, functional.binary_cross_entropy_with_logits(found[kept], replaced[kept])

    def run(self, rows: Rows, compiled: bool = False, bfloat16: bool = False) -> Step:
        self.generator.train()
        self.discriminator.train()
        if compiled:
            self.encode, self.discriminate = torch.compile(self.encode), torch.compile(self.discriminate)
        optimizer = torch.optim.AdamW(self.parameters, lr=RATE, fused=True)
        ids, kept = padded(rows)
        most = preset("small").max_predictions
        counts = torch.tensor([min(most, max(1, round(0.15 * len(row)))) for row in rows])
        may = kept & (ids != CLS) & (ids != SEP)

        def step() -> None:
            order = torch.rand(ids.shape).masked_fill(~may, 2.0).argsort(-1).argsort(-1)
            chosen = (order < counts[:, None]) & may
            masked = torch.where(chosen & (torch.rand(ids.shape) < 0.85), MASK, ids)
            optimizer.zero_grad()
            with autocast(bfloat16):
                masked_lm_loss, replaced_loss = self.losses(ids, kept, masked, chosen)
            torch.autograd.backward(masked_lm_loss + 50.0 * replaced_loss)
            torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
            optimizer.step()

        return step

    def check(self, networks: oxbert.PretrainingNetworks, rows: Rows) -> None:
        """Check that the losses are equal for the same masks and samples, without dropout.

        Raises:
            RuntimeError: if the losses differ, because wrong results are not worth timing.
        """
        ours = networks.step(rows, seed=0, step=0, train=False)
        if ours.masked_lm_loss is None or ours.replaced_loss is None or ours.samples is None:
            raise RuntimeError("the objective is not that of two networks")
        ids, kept = padded(rows)
        chosen = torch.zeros_like(kept)
        for row, places in zip(chosen, ours.positions, strict=True):
            row[places] = True
        self.generator.eval()
        self.discriminator.eval()
        with torch.no_grad():
            theirs = self.losses(ids, kept, padded(ours.masked_ids)[0], chosen, torch.tensor(ours.samples))
        for mine, other in zip((ours.masked_lm_loss, ours.replaced_loss), theirs, strict=True):
            if not abs(mine.item() - other.item()) <= TOLERANCE * max(1.0, other.item()):
                raise RuntimeError(f"the losses differ: {mine.item()} and {other.item()}")


def padded(rows: Rows) -> tuple[torch.Tensor, torch.Tensor]:
    """Return padded ids, and a mask of the real tokens."""
    width = max(map(len, rows))
    ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
    return ids, torch.tensor([[True] * len(row) + [False] * (width - len(row)) for row in rows])


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[3]))
    print(peak_here(*sys.argv[1:3]))
