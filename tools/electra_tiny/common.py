"""What training and evaluation share: the packed token stream, the masking recipe and the two-model forward pieces."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import BertWordPieceTokenizer
from torch import Tensor
from transformers import ElectraForMaskedLM, ElectraForPreTraining

PAD, UNK, CLS, SEP, MASK = range(5)
SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")


@dataclass(frozen=True)
class TokenStream:
    """A text as one token array (``[SEP]`` after every paragraph) and the positions at which a sentence begins."""

    tokens: np.ndarray
    sentence_starts: np.ndarray


def load_tokenizer(vocab: Path) -> BertWordPieceTokenizer:
    """The uncased WordPiece tokenizer over a ``vocab.txt``."""
    return BertWordPieceTokenizer(str(vocab), lowercase=True)


def encode_text(path: Path, tokenizer: BertWordPieceTokenizer) -> TokenStream:
    """Tokenize a one-paragraph-per-line text."""
    paragraphs = [line for line in path.read_text(encoding="utf-8").splitlines() if line]
    sentences: list[str] = []
    last_of_paragraph: list[bool] = []
    for paragraph in paragraphs:
        parts = SENTENCE_END.split(paragraph)
        sentences.extend(parts)
        last_of_paragraph.extend([False] * (len(parts) - 1) + [True])
    tokens: list[int] = []
    starts: list[int] = []
    for encoding, last in zip(
        tokenizer.encode_batch(sentences, add_special_tokens=False), last_of_paragraph, strict=True
    ):
        starts.append(len(tokens))
        tokens.extend(encoding.ids)
        if last:
            tokens.append(SEP)
    return TokenStream(np.array(tokens, dtype=np.int64), np.array(starts, dtype=np.int64))


def windows_at(stream: TokenStream, starts: np.ndarray, length: int) -> Tensor:
    """Rows ``[CLS] tokens... [SEP]`` of exactly ``length`` ids, one for each start position."""
    body = stream.tokens[starts[:, None] + np.arange(length - 2)]
    rows = np.concatenate([np.full((len(starts), 1), CLS), body, np.full((len(starts), 1), SEP)], axis=1)
    return torch.from_numpy(rows)


def consecutive_windows(stream: TokenStream, length: int) -> Tensor:
    """The whole text as consecutive full rows; each row begins where a sentence begins."""
    starts: list[int] = []
    cursor = 0
    for start in stream.sentence_starts:
        if start >= cursor and start + length - 2 <= len(stream.tokens):
            starts.append(int(start))
            cursor = start + length - 2
    return windows_at(stream, np.array(starts), length)


def choose_positions(input_ids: Tensor, share: float, generator: torch.Generator | None = None) -> Tensor:
    """Sorted flat indices of ``round(share * length)`` distinct maskable positions in every row."""
    rows, length = input_ids.shape
    noise = torch.rand(rows, length, generator=generator)
    noise.masked_fill_((input_ids == CLS) | (input_ids == SEP), 2.0)
    columns = noise.topk(max(1, round(share * length)), dim=1, largest=False).indices
    return (columns + torch.arange(rows)[:, None] * length).flatten().sort().values


def mask_tokens(
    input_ids: Tensor, positions: Tensor, mask_probability: float, generator: torch.Generator | None = None
) -> Tensor:
    """The ids with ``[MASK]`` at the chosen positions; a share ``1 - mask_probability`` of them stays as it is."""
    hidden = positions
    if mask_probability < 1.0:
        hidden = positions[torch.rand(len(positions), generator=generator) < mask_probability]
    masked = input_ids.flatten().clone()
    masked[hidden] = MASK
    return masked.view_as(input_ids)


def generator_logits(model: ElectraForMaskedLM, masked_ids: Tensor, positions: Tensor) -> Tensor:
    """Vocabulary logits of the chosen positions only: rows are gathered before the vocabulary projection."""
    hidden = model.electra(masked_ids).last_hidden_state.flatten(0, 1)[positions]
    return model.generator_lm_head(model.generator_predictions(hidden)).float()


def sample_tokens(logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """One token per row drawn from the softmax of the logits; no gradient.

    Inverts the cumulative distribution: distributed as by the Gumbel trick, but with one random number per row instead
    of one per vocabulary entry, which on CPU is several times cheaper.
    """
    cumulative = logits.detach().softmax(dim=-1).cumsum(dim=-1)
    uniform = torch.rand(len(logits), 1, generator=generator) * cumulative[:, -1:]
    return torch.searchsorted(cumulative, uniform).squeeze(1).clamp_(max=logits.size(-1) - 1)


def replace_tokens(input_ids: Tensor, positions: Tensor, sampled: Tensor) -> Tensor:
    """The original ids with the sampled tokens in place."""
    corrupted = input_ids.flatten().clone()
    corrupted[positions] = sampled
    return corrupted.view_as(input_ids)


def discriminator_logits(model: ElectraForPreTraining, input_ids: Tensor) -> Tensor:
    """One logit per token; positive means replaced."""
    return model.discriminator_predictions(model.electra(input_ids).last_hidden_state).float()
