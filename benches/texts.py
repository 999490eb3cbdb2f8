"""Hold the models' sizes, and the batches and texts of all peers: the same in every run and in every process."""

from __future__ import annotations

import ast
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SEED = 20
TOKENS_OF_ONE_TEXT = 16
# Lengths are log-normal, like those of sentences.
MEDIAN_LENGTH, SPREAD, SHORTEST, LONGEST = 25, 0.55, 4, 128
FULL_TEXTS, FULL_LENGTH = 8, 128
TEXTS_OF_A_SORTED_BATCH = 8
VOCABULARY = 30522
# The most paragraphs of docstrings.
MOST_DOCSTRINGS = 20_000

Rows = list[list[int]]


@dataclass(frozen=True)
class Size:
    """Hold the configuration of a published model and the number of texts in its batch of mixed lengths."""

    title: str
    config: dict[str, int]
    texts: int
    family: str = "electra"

    @property
    def shape(self) -> tuple[int, int, int]:
        """Return the layers, the width of hidden states, and the width inside the feed-forward part."""
        names = ("num_hidden_layers", "hidden_size", "intermediate_size")
        names = names if self.family == "electra" else ("n_layers", "dim", "hidden_dim")
        layers, hidden, inner = (self.config[name] for name in names)
        return layers, hidden, inner

    def work(self, rows: Rows) -> int:
        """Return the multiplications and additions in the layers' products, without padding."""
        layers, hidden, inner = self.shape
        weights = 4 * hidden * hidden + 2 * hidden * inner
        return layers * sum(2 * len(row) * weights + 4 * len(row) ** 2 * hidden for row in rows)


SIZES = {
    "small": Size(
        "ELECTRA-small",
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
        "ELECTRA-base",
        {
            "embedding_size": 768,
            "hidden_size": 768,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
            "intermediate_size": 3072,
        },
        32,
    ),
    "distilbert": Size(
        "DistilBERT", {"dim": 768, "n_layers": 6, "n_heads": 12, "hidden_dim": 3072}, 32, family="distilbert"
    ),
}


def random_rows(texts: int, vocabulary: int = VOCABULARY, seed: int = SEED) -> Rows:
    """Return ids of texts of different lengths."""
    random = np.random.default_rng(seed)
    lengths = random.lognormal(np.log(MEDIAN_LENGTH), SPREAD, texts).round().clip(SHORTEST, LONGEST).astype(int)
    return [random.integers(1000, vocabulary, length).tolist() for length in lengths]


def batches(size: Size, shape: str, parts: int) -> list[Rows]:
    """Return the batches of a shape, cut for `parts` replicas that each take one batch after another.

    `latency` is one text; `mixed` has all texts as they come, `sorted` the same texts in batches of like length; `full`
    has rows of 128 tokens.
    """
    mixed = random_rows(size.texts)
    if shape == "latency":
        return [[(mixed[0] * TOKENS_OF_ONE_TEXT)[:TOKENS_OF_ONE_TEXT]]]
    if shape == "full":
        ids = np.random.default_rng(SEED).integers(1000, VOCABULARY, (FULL_TEXTS, FULL_LENGTH)).tolist()
        return cut(ids, -(-FULL_TEXTS // parts))
    if shape == "sorted":
        # The longest first, so that replicas end at about the same time.
        return cut(sorted(mixed, key=len, reverse=True), TEXTS_OF_A_SORTED_BATCH)
    return [mixed] if parts == 1 else cut(mixed, min(TEXTS_OF_A_SORTED_BATCH, -(-len(mixed) // parts)))


def cut(rows: Rows, count: int) -> list[Rows]:
    return [rows[first : first + count] for first in range(0, len(rows), count)]


def docstrings() -> list[str]:
    """Return paragraphs of docstrings, which depend on the version of Python only."""
    paragraphs: list[str] = []
    for path in sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")):
        if "site-packages" in path.parts or "test" in path.parts:
            continue
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (OSError, SyntaxError, UnicodeDecodeError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                text = ast.get_docstring(node) or ""
                paragraphs.extend(part for part in text.split("\n\n") if part.strip())
        if len(paragraphs) >= MOST_DOCSTRINGS:
            break
    return paragraphs[:MOST_DOCSTRINGS]
