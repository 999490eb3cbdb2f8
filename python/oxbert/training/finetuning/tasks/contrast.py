"""Compute losses of vectors of texts, as sentence-transformers defines them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def cosine_loss(first: Tensor, second: Tensor, similarity: Tensor) -> Tensor:
    """Return the mean squared error of the cosines of pairs.

    Args:
        first: The vectors [B, H] of the first texts.
        second: Those of the second texts.
        similarity: The cosines [B] that are right.

    Source:
        sentence-transformers, `CosineSimilarityLoss`.
    """
    return functional.mse_loss(functional.cosine_similarity(first, second), similarity)


def ranking_loss(anchors: Tensor, positives: Tensor, scale: float) -> Tensor:
    """Return the mean cross entropy of finding each anchor's text among the texts of all anchors in the batch.

    Args:
        anchors: The vectors [B, H] of texts.
        positives: The vectors [B, H] of a text that belongs to each.
        scale: What the cosines are multiplied by.

    Source:
        Henderson et al. 2017, section 4; sentence-transformers, `MultipleNegativesRankingLoss`.
    """
    scores = functional.normalize(anchors, dim=-1) @ functional.normalize(positives, dim=-1).T * scale
    return functional.cross_entropy(scores, torch.arange(len(scores), device=scores.device))


def triplet_loss(anchors: Tensor, positives: Tensor, negatives: Tensor, margin: float) -> Tensor:
    """Return by how much, on average, anchors are not nearer to a text of their class than to another one.

    Args:
        anchors: The vectors [B, H] of texts.
        positives: Those of texts of the same class.
        negatives: Those of texts of another class.
        margin: How much nearer, as a Euclidean distance, is enough.

    Source:
        Reimers and Gurevych 2019, section 3; sentence-transformers, `TripletLoss`.
    """
    near = functional.pairwise_distance(anchors, positives)
    far = functional.pairwise_distance(anchors, negatives)
    return functional.relu(near - far + margin).mean()


__all__ = ["cosine_loss", "ranking_loss", "triplet_loss"]
