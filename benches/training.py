"""A whole step of pre-training ELECTRA-small: masks, both networks, gradients, clipping, the update.

The peer is the same objective with transformers' classes, written as one would who minds the time: shared embeddings,
only chosen places reach the vocabulary, Gumbel samples, torch's fused AdamW.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import transformers
from torch.nn import functional

import oxbert
from benches.machine import Sgemm
from benches.models import MEDIAN_LENGTH, SEED, SHORTEST, SPREAD
from benches.timing import Timing, take_turns
from oxbert.training import AdamWeightDecay, clip_gradients, parameter_groups, preset

CLS, SEP, MASK = 101, 102, 103
TEXTS, LENGTH = 16, 128
RATE = 1e-6
TOLERANCE = 1e-5

Rows = list[list[int]]
Step = Callable[[], object]


@dataclass(frozen=True)
class Training:
    """What one peer took for a step, and for how many tokens of text."""

    kind: str
    peer: str
    timing: Timing
    tokens: int


def measure(rounds: int, sgemm: Sgemm) -> list[Training]:
    random = np.random.default_rng(SEED)
    mixed = random.lognormal(np.log(2 * MEDIAN_LENGTH), SPREAD, TEXTS).round().clip(SHORTEST, LENGTH).astype(int)
    results = []
    for kind, lengths in (("mixed lengths", mixed), ("full rows", np.full(TEXTS, LENGTH))):
        rows = [[CLS, *random.integers(1000, 30522, length - 2).tolist(), SEP] for length in lengths]
        networks = fresh()
        peer = Peer(networks)
        peer.check(networks, rows)
        timings = take_turns(
            {"oxbert": run_oxbert(networks, rows), "transformers": peer.run(rows)}, rounds, between=sgemm.measure
        )
        results += [Training(kind, name, timing, int(lengths.sum())) for name, timing in timings.items()]
    return results


def fresh() -> oxbert.PretrainingNetworks:
    config = preset("small")
    return oxbert.PretrainingNetworks(
        *config.electra_configs(), special_ids=(CLS, SEP, MASK), max_predictions=config.max_predictions, seed=0
    )


def run_oxbert(networks: oxbert.PretrainingNetworks, rows: Rows) -> Step:
    named = networks.named_parameters()
    optimizer = AdamWeightDecay(parameter_groups(named, learning_rate=RATE))
    number = iter(range(1 << 62))

    def step() -> None:
        optimizer.zero_grad()
        networks.step(rows, seed=0, step=next(number)).loss.backward()
        clip_gradients(parameter for _, parameter in named)
        optimizer.step()

    return step


class Peer:
    """transformers' classes with the same parameters, padded."""

    def __init__(self, networks: oxbert.PretrainingNetworks) -> None:
        ours = preset("small").electra_configs()
        configs = [transformers.ElectraConfig(**config.to_dict(), attn_implementation="sdpa") for config in ours]
        self.generator = transformers.ElectraForMaskedLM(configs[0])
        self.discriminator = transformers.ElectraForPreTraining(configs[1])
        self.generator.electra.embeddings = self.discriminator.electra.embeddings
        self.generator.tie_weights()
        theirs = dict(self.generator.named_parameters(prefix="generator"))
        theirs |= dict(self.discriminator.named_parameters(prefix="discriminator"))
        with torch.no_grad():
            for name, parameter in networks.named_parameters():
                theirs[name].copy_(parameter)
        # What is shared is there once.
        self.parameters = list({id(parameter): parameter for parameter in theirs.values()}.values())

    def losses(
        self, ids: torch.Tensor, kept: torch.Tensor, masked: torch.Tensor, chosen: torch.Tensor,
        samples: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:  # fmt: skip
        """Both losses; `samples` instead of those that are drawn."""
        mask = None if bool(kept.all()) else kept.long()
        hidden = self.generator.electra(masked, mask).last_hidden_state[chosen]
        logits = self.generator.generator_lm_head(self.generator.generator_predictions(hidden))
        masked_lm_loss = functional.cross_entropy(logits, ids[chosen])
        if samples is None:
            noise = -torch.log(-torch.log(torch.rand_like(logits) + 1e-9) + 1e-9)
            samples = (logits.detach() + noise).argmax(-1)
        corrupted = ids.masked_scatter(chosen, samples)
        replaced = (corrupted != ids).float()
        found = self.discriminator(corrupted, mask).logits
        return masked_lm_loss, functional.binary_cross_entropy_with_logits(found[kept], replaced[kept])

    def run(self, rows: Rows) -> Step:
        self.generator.train()
        self.discriminator.train()
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
            masked_lm_loss, replaced_loss = self.losses(ids, kept, masked, chosen)
            torch.autograd.backward(masked_lm_loss + 50.0 * replaced_loss)
            torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
            optimizer.step()

        return step

    def check(self, networks: oxbert.PretrainingNetworks, rows: Rows) -> None:
        """Equal losses for the same masks and samples, without dropout.

        Raises:
            RuntimeError: They differ: a faster wrong answer is not worth measuring.
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
    """Ids with padding, and which of them are none."""
    width = max(map(len, rows))
    ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
    return ids, torch.tensor([[True] * len(row) + [False] * (width - len(row)) for row in rows])
