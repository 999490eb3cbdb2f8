"""Compare activations, and heads applied to hidden states alone, with transformers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import transformers
from transformers.activations import ACT2FN
from transformers.models.electra import modeling_electra

import oxbert
from oxbert.errors import ConfigError

from . import reference
from .reference import TOLERANCE, Pair, pairs

# Without those that have parameters of their own, which no checkpoint of the families contains.
ACTIVATIONS = sorted(set(ACT2FN) - {"prelu", "xielu"})
# The range exceeds every clipping threshold.
NUMBERS = torch.cat([torch.linspace(-12, 12, 25), torch.tensor([0.0, -0.0, 1e-6, -1e-6, 0.5])])


def largest(name: str, got: torch.Tensor, expected: torch.Tensor) -> float:
    """Return the largest difference; a relative one for relu2, which is 144 at 12, where floats are 1.5e-5 apart."""
    error = (got - expected).abs()
    return (error / expected.abs().clamp(min=1.0) if name == "relu2" else error).max().item()


# Activations.


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_match_transformers(name: str) -> None:
    activation = oxbert.Activation(name)
    ours, theirs = NUMBERS.clone().requires_grad_(), NUMBERS.clone().requires_grad_()
    got, expected = activation(ours), ACT2FN[name](theirs)
    assert largest(name, got, expected) <= TOLERANCE
    assert largest(name, torch.tensor(activation(NUMBERS.numpy())), expected) <= TOLERANCE
    for output in (got, expected):
        output.sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_configured_activations_match_transformers(name: str) -> None:
    config = oxbert.ElectraConfig(hidden_size=30, num_attention_heads=3, hidden_act=name)
    assert config.hidden_act in ACT2FN
    head = oxbert.ElectraDiscriminatorHead(config, seed=0)
    parameters = dict(head.named_parameters())
    with torch.no_grad():
        # With these weights the head equals the activation.
        parameters["dense.weight"].copy_(torch.eye(30))
        parameters["dense.bias"].zero_()
        parameters["dense_prediction.bias"].zero_()
        got = torch.empty(30)
        for place in range(30):
            parameters["dense_prediction.weight"].copy_(torch.eye(30)[place : place + 1])
            got[place] = head(NUMBERS)
    assert largest(name, got, ACT2FN[name](NUMBERS)) <= TOLERANCE


# Heads alone.

# Heads that take a row of tokens; the others treat each token independently.
OF_TEXTS = {"ElectraClassificationHead", "ElectraSequenceSummary"}
ALONE = {
    "ElectraGeneratorHead": modeling_electra.ElectraGeneratorPredictions,
    "ElectraDiscriminatorHead": modeling_electra.ElectraDiscriminatorPredictions,
    "ElectraClassificationHead": modeling_electra.ElectraClassificationHead,
    "ElectraSequenceSummary": modeling_electra.ElectraSequenceSummary,
}


@pytest.mark.parametrize("name", ALONE)
@pytest.mark.parametrize("key", reference.CONFIGS)
def test_heads_alone_match_transformers(name: str, key: str) -> None:
    values = reference.CONFIGS[key]
    head = getattr(oxbert, name)(oxbert.ElectraConfig(**values), seed=0)
    module = ALONE[name](transformers.ElectraConfig(**values)).eval()
    parameters = dict(head.named_parameters())
    assert parameters.keys() == dict(module.named_parameters()).keys()
    reference.scatter(parameters.items())
    module.load_state_dict({name: value.detach() for name, value in parameters.items()})
    width = values["hidden_size"]
    shapes = [(2, 3, width), (1, 1, width)] + ([] if name in OF_TEXTS else [(5, width)])
    for shape in shapes:
        hidden = torch.randn(shape, requires_grad=True)
        expected, got = module(hidden), head(hidden)
        assert got.shape == expected.shape
        assert (got - expected).abs().max() <= TOLERANCE
        (mine,) = torch.autograd.grad(got.square().sum(), hidden)
        (other,) = torch.autograd.grad(expected.square().sum(), hidden)
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-5)
        array = head(hidden.detach().numpy())
        assert type(array) is np.ndarray
        np.testing.assert_allclose(array, expected.detach(), rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("summary", ["first", "last", "mean", "cls_index"])
@pytest.mark.parametrize("activation", [None, "tanh", "gelu", "relu"])
@pytest.mark.parametrize("projected", [True, False])
def test_every_summary_matches_transformers(summary: str, activation: str | None, projected: bool) -> None:
    values = reference.BASE | {"summary_type": summary, "summary_use_proj": projected}
    ours = oxbert.ElectraSequenceSummary(oxbert.ElectraConfig(**values, summary_activation=activation), seed=0)
    # In transformers an empty name means no activation.
    theirs = ALONE["ElectraSequenceSummary"](transformers.ElectraConfig(**values, summary_activation=activation or ""))
    theirs.load_state_dict({name: value.detach() for name, value in ours.named_parameters()})
    hidden = torch.randn(3, 4, 20)
    assert (ours(hidden) - theirs.eval()(hidden)).abs().max() <= TOLERANCE


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("summary_type", {"summary_type": "attn"}),
        ("summary_proj_to_labels", {"summary_proj_to_labels": True, "num_labels": 3}),
        ("num_labels", {"num_labels": 3}),
    ],
)
def test_configurations_without_a_possible_head_are_refused(field: str, values: dict[str, Any]) -> None:
    kind = oxbert.ElectraForQuestionAnswering if field == "num_labels" else oxbert.ElectraForMultipleChoice
    with pytest.raises(ConfigError) as caught:
        kind(oxbert.ElectraConfig(**reference.BASE, **values))
    assert caught.value.field == field


@pairs("ElectraForPreTraining", configs=["small", "three-labels"])
def test_probabilities_are_sigmoids_at_kept_tokens_and_zero_elsewhere(pair: Pair) -> None:
    output = pair.ours()(np.array([[1, 2, 3]]), np.array([[1, 1, 0]]))
    assert output.probabilities.shape == (1, 3)
    np.testing.assert_allclose(output.probabilities[0, :2], 1 / (1 + np.exp(-output.logits[0, :2])), rtol=0, atol=1e-6)
    # The sigmoid of a padded logit would be 0.5, which looks like a prediction.
    assert output.probabilities[0, 2] == 0
