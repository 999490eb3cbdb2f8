"""Start the discriminator from the generator: widen every layer and add layers on top, nearly keeping the function.

A new unit copies an old one. What reads a copied unit splits the old weight between the copies, unevenly so that the
copies can drift apart in training. Layers on top begin as the identity: their branches write zero.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers import ElectraForMaskedLM, ElectraForPreTraining


class Widening:
    """Which old unit every new unit copies, and the share of the old reading weight that it gets."""

    def __init__(self, old: int, new: int) -> None:
        self.source = torch.arange(new) % old
        share = torch.empty(new).uniform_(0.7, 1.3)
        self.share = share / torch.zeros(old).index_add_(0, self.source, share)[self.source]

    def vector(self, old: Tensor) -> Tensor:
        """A bias or a LayerNorm vector over the widened units."""
        return old[self.source]


def copy_linear(target: nn.Linear, source: nn.Linear, reads: Widening, writes: Widening | None) -> None:
    """Widen one dense layer; ``writes`` is ``None`` where the output keeps its width."""
    weight = source.weight[:, reads.source] * reads.share
    target.weight.copy_(weight if writes is None else weight[writes.source])
    target.bias.copy_(source.bias if writes is None else writes.vector(source.bias))


def copy_norm(target: nn.LayerNorm, source: nn.LayerNorm, units: Widening) -> None:
    """Widen one LayerNorm."""
    target.weight.copy_(units.vector(source.weight))
    target.bias.copy_(units.vector(source.bias))


@torch.no_grad()
def grow_discriminator(
    generator: ElectraForMaskedLM, discriminator: ElectraForPreTraining, head_dense: nn.Linear
) -> None:
    """Fill the discriminator's encoder, and the dense layer of its original-token head, from the generator."""
    old, new = generator.config, discriminator.config
    hidden = Widening(old.hidden_size, new.hidden_size)
    discriminator.electra.embeddings_project.weight.copy_(torch.eye(old.hidden_size)[hidden.source])
    discriminator.electra.embeddings_project.bias.zero_()
    layers = discriminator.electra.encoder.layer
    for target, source in zip(layers, generator.electra.encoder.layer, strict=False):
        heads = Widening(old.hidden_size, new.hidden_size)
        inner = Widening(old.intermediate_size, new.intermediate_size)
        for name in ("query", "key", "value"):
            copy_linear(getattr(target.attention.self, name), getattr(source.attention.self, name), hidden, heads)
        copy_linear(target.attention.output.dense, source.attention.output.dense, heads, hidden)
        copy_norm(target.attention.output.LayerNorm, source.attention.output.LayerNorm, hidden)
        copy_linear(target.intermediate.dense, source.intermediate.dense, hidden, inner)
        copy_linear(target.output.dense, source.output.dense, inner, hidden)
        copy_norm(target.output.LayerNorm, source.output.LayerNorm, hidden)
    top = layers[old.num_hidden_layers - 1].output.LayerNorm
    for layer in layers[old.num_hidden_layers :]:
        for dense, norm in (
            (layer.attention.output.dense, layer.attention.output.LayerNorm),
            (layer.output.dense, layer.output.LayerNorm),
        ):
            dense.weight.zero_()
            dense.bias.zero_()
            # What enters is already normalised: give it back its usual scale and mean.
            norm.weight.fill_((top.weight.square().mean() + top.bias.var()).sqrt())
            norm.bias.fill_(top.bias.mean())
    copy_linear(head_dense, generator.generator_predictions.dense, hidden, None)
