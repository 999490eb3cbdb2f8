"""Measure ELECTRA's latency for one text, and its throughput for a batch of texts of different lengths."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import transformers

import oxbert
from benches.machine import Sgemm
from benches.timing import Timing, take_turns

transformers.utils.logging.disable_progress_bar()

SEED = 20
TOKENS_OF_ONE_TEXT = 16
# Lengths are log-normal, like those of sentences.
MEDIAN_LENGTH, SPREAD, SHORTEST, LONGEST = 25, 0.55, 4, 128
# Runs of the single text per round, so that a round is much longer than the resolution of the clock.
REPEATS = 5
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Size:
    """Hold the configuration of a published discriminator and the number of texts in its batch."""

    config: dict[str, int]
    texts: int


SIZES = {
    "small": Size(
        {
            "embedding_size": 128,
            "hidden_size": 256,
            "num_hidden_layers": 12,
            "num_attention_heads": 4,
            "intermediate_size": 1024,
        },
        64,
    ),
    "base": Size(
        {
            "embedding_size": 768,
            "hidden_size": 768,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "intermediate_size": 3072,
        },
        32,
    ),
}

Rows = list[list[int]]


@dataclass(frozen=True)
class Result:
    """Hold the timings of one peer and the number of tokens."""

    size: str
    peer: str
    latency: Timing
    batch: Timing
    tokens: int
    # The share of tokens in the padded batch.
    share: float


def random_rows(texts: int, vocabulary: int) -> Rows:
    """Return ids of texts of different lengths, the same in every run."""
    random = np.random.default_rng(SEED)
    lengths = random.lognormal(np.log(MEDIAN_LENGTH), SPREAD, texts).round().clip(SHORTEST, LONGEST).astype(int)
    return [random.integers(1000, vocabulary, length).tolist() for length in lengths]


def measure(name: str, rounds: int, sgemm: Sgemm) -> list[Result]:
    """Measure all peers on the weights that transformers wrote to a folder.

    Raises:
        RuntimeError: if the logits differ, because wrong results are not worth timing.
    """
    size = SIZES[name]
    config = transformers.ElectraConfig(**size.config)
    rows = random_rows(size.texts, config.vocab_size)
    one = random_rows(1, config.vocab_size)[0]
    one = [(one * TOKENS_OF_ONE_TEXT)[:TOKENS_OF_ONE_TEXT]]
    with tempfile.TemporaryDirectory() as folder:
        torch.manual_seed(SEED)
        transformers.ElectraForPreTraining(config).save_pretrained(folder)
        reference = transformers.ElectraForPreTraining.from_pretrained(folder, attn_implementation="sdpa").eval()
        ours = oxbert.ElectraForPreTraining.from_pretrained(folder)
        frozen = oxbert.ElectraForPreTraining.from_pretrained(folder, trainable=False)
        low = load_precisions(folder)
        half = transformers.ElectraForPreTraining.from_pretrained(
            folder, attn_implementation="sdpa", dtype=torch.bfloat16
        ).eval()
    for batch in (one, rows):
        for model in (ours, frozen):
            check(run_transformers(reference, batch)(), run_oxbert(model, batch)(), batch)
    peers = {
        "oxbert": lambda batch: run_oxbert(ours, batch),
        "oxbert, frozen": lambda batch: run_oxbert(frozen, batch),
        **{f"oxbert, {name}": (lambda batch, model=model: run_oxbert(model, batch)) for name, model in low.items()},
        "transformers": lambda batch: run_transformers(reference, batch),
        "transformers, bfloat16": lambda batch: run_transformers(half, batch),
    }

    def turns(batch: Rows, times: int) -> dict[str, Timing]:
        return take_turns({peer: prepare(batch) for peer, prepare in peers.items()}, rounds, times, sgemm.measure)

    latency, batch = turns(one, REPEATS), turns(rows, 1)
    tokens = sum(map(len, rows))
    share = tokens / (len(rows) * max(map(len, rows)))
    return [Result(name, peer, latency[peer], batch[peer], tokens, share) for peer in peers]


def load_precisions(folder: str) -> dict[str, oxbert.ElectraForPreTraining]:
    """Load the model in each precision but float32 that the processor has."""
    models = {}
    for precision in ("float16", "bfloat16", "int8"):
        with contextlib.suppress(oxbert.errors.InputError):
            models[precision] = oxbert.ElectraForPreTraining.from_pretrained(
                folder, trainable=False, precision=precision
            )
    return models


def run_oxbert(model: oxbert.ElectraForPreTraining, rows: Rows) -> Callable[[], np.ndarray]:
    """Return a forward pass over lists of ids."""
    return lambda: model(rows).logits


def run_transformers(model: transformers.ElectraForPreTraining, rows: Rows) -> Callable[[], np.ndarray]:
    """Return a forward pass over a padded batch built before the clock runs, without a mask if nothing is padded."""
    width = max(map(len, rows))
    ids = torch.tensor([row + [0] * (width - len(row)) for row in rows])
    kept = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
    mask = None if bool(kept.all()) else kept

    def forward() -> np.ndarray:
        with torch.inference_mode():
            return model(input_ids=ids, attention_mask=mask).logits.float().numpy()

    return forward


def check(expected: np.ndarray, got: np.ndarray, rows: Rows) -> None:
    """Check that the logits agree to 1e-5 of the largest one at every token of every text."""
    scale = max(1.0, float(np.abs(expected).max()))
    worst = max(float(np.abs(expected[row, : len(ids)] - got[row, : len(ids)]).max()) for row, ids in enumerate(rows))
    if not worst <= TOLERANCE * scale:
        raise RuntimeError(f"the logits differ by {worst:.2e}, expected at most {TOLERANCE * scale:.2e}")
