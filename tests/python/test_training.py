"""Compare gradients, dropout, optimisation and initial weights with transformers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

import oxbert

from . import reference
from .reference import CLASSES, TOLERANCE, Pair, family_of, fresh, head_of, pairs

HEADS = ["MaskedLM", "PreTraining", "SequenceClassification", "QuestionAnswering"]
TRAINED = [name for name in CLASSES if head_of(name) in HEADS]


def loss_of(output: Any, kept: torch.Tensor) -> torch.Tensor:
    """Return the loss, or for a model without a head the mean square of its hidden states."""
    return output.loss if "loss" in output else output.last_hidden_state[kept].square().mean()


# Gradients.


def errors_of_gradients(ours: Any, theirs: Any) -> Iterator[tuple[str, float]]:
    """Yield the relative error of every parameter's gradient."""
    parameters, others = dict(ours.named_parameters()), dict(theirs.named_parameters())
    assert parameters.keys() == others.keys()
    # The gradient of the keys' bias is 0 except for rounding, because softmax ignores a shift. Errors are therefore
    # relative to at least a tenth of the largest gradient.
    floor = 0.1 * max(float(other.grad.norm()) for other in others.values() if other.grad is not None)
    for name, other in others.items():
        grad = parameters[name].grad
        if other.grad is None:
            assert grad is None or not grad.any(), name
            continue
        assert grad is not None and grad.isfinite().all(), name
        error, norm = float((grad - other.grad).norm()), float(other.grad.norm())
        yield name, error / max(norm, floor) if error else 0.0


CONFIGS = ["small", "one-layer-one-head", "E-is-H", "E-above-H", "odd-sizes", "relu", "three-labels", "untied"]
CASES = ["ids", "right", "left", "holes", "types", "everything", "one-row", "one-column", "one-token"]


@pairs(*CLASSES, configs=CONFIGS)
def test_gradients_match_transformers(pair: Pair) -> None:
    ours, theirs = pair.ours(), pair.theirs
    cases = reference.cases(theirs.config)
    for label in CASES:
        case = cases[label]
        theirs.zero_grad(set_to_none=True)
        for parameter in ours.parameters():
            parameter.grad = None
        expected = loss_of(pair.expected(case), case.kept)
        got = loss_of(ours(**pair.arguments(case), **pair.targets(case)), case.kept)
        assert (got - expected).abs() <= TOLERANCE, label
        for loss in (expected, got):
            loss.backward()
        for name, error in errors_of_gradients(ours, theirs):
            assert error <= 1e-4, f"{label}: {name}"


@pairs("ElectraForMaskedLM", "DistilBertForMaskedLM", configs=["three-labels"])
def test_embedding_and_tied_decoder_both_contribute_gradients(pair: Pair) -> None:
    """Check the padding row, which gets no gradient from the embedding but gets one from the tied decoder."""
    ours, theirs = pair.ours(), pair.theirs
    ids = torch.tensor([[7, 1, 7, 2]])
    assert theirs.config.pad_token_id == 7
    for model in (ours, theirs):
        model(ids, labels=ids).loss.backward()
    mine, other = ours.get_input_embeddings().weight.grad, theirs.get_input_embeddings().weight.grad
    torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-6)
    assert mine[7].any()
    untied = fresh(pair.name, "three-labels", tie_word_embeddings=False)
    untied(ids, labels=ids).loss.backward()
    assert (
        not untied.get_input_embeddings().weight.grad[7].any() and untied.get_output_embeddings().weight.grad[7].any()
    )


@pairs("ElectraForMaskedLM", "DistilBertForMultipleChoice", configs=["small"])
def test_gradients_of_inputs_embeds_match_transformers(pair: Pair) -> None:
    case = reference.cases(pair.theirs.config)["embeddings"]
    (embeddings,) = case.arguments.values()
    embeddings.requires_grad_()
    targets, arguments = pair.targets(case), pair.arguments(case)
    (expected,) = torch.autograd.grad(pair.theirs(**arguments, **targets).loss, embeddings)
    (got,) = torch.autograd.grad(pair.ours()(**arguments, **targets).loss, embeddings)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", CLASSES)
def test_autograd_follows_torchs_gradient_mode(name: str) -> None:
    model = fresh(name)
    ids = torch.tensor([[[1, 2, 3]]] if head_of(name) == "MultipleChoice" else [[1, 2, 3]])
    assert model(ids)[0].requires_grad
    with torch.no_grad():
        assert not model(ids)[0].requires_grad
    with torch.inference_mode():
        assert model(ids)[0].is_inference()
    assert model(ids)[0].grad_fn is not None
    # A call does not change torch's gradient mode.
    model(ids.numpy())
    assert torch.is_grad_enabled() and model(ids)[0].requires_grad


def test_frozen_parameters_get_no_gradient(config: oxbert.ElectraConfig) -> None:
    model = oxbert.ElectraForPreTraining(config, seed=0)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith("discriminator_predictions"))
    model(torch.tensor([[1, 2, 3]]), labels=torch.tensor([[0, 1, 1]])).loss.backward()
    for name, parameter in model.named_parameters():
        assert (parameter.grad is not None) == name.startswith("discriminator_predictions"), name


# Dropout.


def seeded(model: Any, seed: int, **arguments: Any) -> Any:
    torch.manual_seed(seed)
    return model(**arguments)


@pairs(*CLASSES, configs=["small", "one-label", "untied", "E-is-H", "odd-sizes"])
def test_dropout_matches_transformers(pair: Pair) -> None:
    """Compare with the same seed; without padding both libraries draw the same numbers in the same order."""
    ours, theirs = pair.ours().train(), pair.theirs.train()
    case = reference.cases(theirs.config)["ids"]
    targets = pair.targets(case)
    options = {"output_hidden_states": True, "output_attentions": True}
    expected = seeded(theirs, 5, **pair.arguments(case, for_theirs=True), **targets, **options)
    got = seeded(ours, 5, **pair.arguments(case), **targets, **options)
    for name, difference in pair.differences(got, expected, case.kept):
        assert difference <= TOLERANCE, name
    # Attention that is not returned is computed in another way, with the same numbers.
    without_attentions = seeded(ours, 5, **pair.arguments(case), **targets)
    shared = {key: value for key, value in expected.items() if key in without_attentions}
    for name, difference in pair.differences(without_attentions, shared, case.kept):
        assert difference <= TOLERANCE, name
    other = seeded(ours, 6, **pair.arguments(case), **targets)
    assert any(difference > 1e-3 for _, difference in pair.differences(other, without_attentions, case.kept))
    for output in (expected, got):
        loss_of(output, case.kept).backward()
    for name, error in errors_of_gradients(ours, theirs):
        assert error <= 1e-4, name


RATES = {
    # The parts of the output that each rate changes.
    "hidden_dropout_prob": {"embeddings", "layer", "answer"},
    "attention_probs_dropout_prob": {"attention", "layer", "answer"},
    "classifier_dropout": {"answer"},
    "dropout": {"embeddings", "layer", "answer"},
    "attention_dropout": {"attention", "layer", "answer"},
    "seq_classif_dropout": {"answer"},
}


@pytest.mark.parametrize("rate", RATES)
def test_each_dropout_rate_affects_its_own_part(rate: str) -> None:
    name = next(
        f"{family}ForSequenceClassification"
        for family in ("Electra", "DistilBert")
        if rate in reference.without_dropout(family)
    )
    model = fresh(name, **(reference.without_dropout(name) | {rate: 0.5}))
    reference.scatter(model.named_parameters())
    options = {"input_ids": torch.arange(12).reshape(2, 6), "output_hidden_states": True, "output_attentions": True}
    still, moved = model(**options), model.train()(**options)

    def changed(one: torch.Tensor, other: torch.Tensor) -> bool:
        return not torch.allclose(one, other, rtol=0, atol=TOLERANCE)

    parts = {
        "embeddings": changed(still.hidden_states[0], moved.hidden_states[0]),
        "attention": bool((moved.attentions[0] == 0).any()),
        "layer": changed(still.hidden_states[1], moved.hidden_states[1]),
        "answer": changed(still.logits, moved.logits),
    }
    assert {part for part, has_changed in parts.items() if has_changed} == RATES[rate]


@pytest.mark.parametrize(("name", "key"), [("DistilBertModel", "small"), ("ElectraModel", "E-is-H")])
def test_distilbert_has_no_dropout_after_attention(name: str, key: str) -> None:
    rates = reference.without_dropout(name) | {"dropout" if name == "DistilBertModel" else "hidden_dropout_prob": 0.5}
    model = fresh(name, key, **rates)
    for parameter, value in model.state_dict().items():
        if parameter.endswith(("embeddings.LayerNorm.weight", "ffn.lin2.weight", "0.output.dense.weight")):
            # Zeros hide the dropout of the embeddings and of the feed-forward layer.
            value.zero_()
        elif parameter.endswith(("attention.out_lin.bias", "attention.output.dense.bias")):
            value.normal_()
    options = {"input_ids": [[1, 2, 3, 4]], "output_hidden_states": True}
    still, moved = model(**options).hidden_states, model.train()(**options).hidden_states
    assert not still[0].any() and not moved[0].any()
    np.testing.assert_equal(np.allclose(still[1], moved[1], rtol=0, atol=TOLERANCE), name == "DistilBertModel")


@pytest.mark.parametrize("name", CLASSES)
def test_train_and_eval_switch_dropout(name: str) -> None:
    model = fresh(name)
    ids = torch.arange(12).reshape((1, 2, 6) if head_of(name) == "MultipleChoice" else (2, 6))
    assert model.training is False
    still = model(ids)[0]
    assert torch.equal(still, model(ids)[0])
    assert model.train() is model and model.training is True
    one, other = seeded(model, 5, input_ids=ids)[0], model(ids)[0]
    assert not torch.equal(one, other)
    assert torch.equal(seeded(model, 5, input_ids=ids)[0], one)
    assert model.train(False) is model and model.eval() is model and not model.training
    assert torch.equal(model(ids)[0], still)


@pytest.mark.parametrize("name", CLASSES)
def test_a_probability_of_zero_drops_nothing(name: str) -> None:
    model = fresh(name, **reference.without_dropout(name))
    ids = torch.arange(12).reshape((1, 2, 6) if head_of(name) == "MultipleChoice" else (2, 6))
    still = model(ids)[0]
    assert (model.train()(ids)[0] - still).abs().max() <= TOLERANCE


def test_dropout_keeps_the_mean(config: oxbert.ElectraConfig) -> None:
    config.num_hidden_layers = 0
    config.classifier_dropout = 0.25
    config.hidden_dropout_prob = 0.0
    model = oxbert.ElectraForTokenClassification(config, seed=0)
    ids = torch.arange(6).reshape(1, 6)
    with torch.no_grad():
        expected = model(ids).logits
        model.train()
        mean = torch.stack([model(ids).logits for _ in range(2000)]).mean(0)
    # The classifier is linear, so the expectation is exact; a missing scale would be off by a quarter.
    assert (mean - expected).norm() <= 0.05 * expected.norm()


@pytest.mark.parametrize("name", ["ElectraClassificationHead", "ElectraSequenceSummary"])
def test_dropout_of_heads_alone_matches_transformers(name: str) -> None:
    from transformers.models.electra import modeling_electra

    values = reference.values_of("ElectraModel", "one-label", num_labels=3)
    ours = getattr(oxbert, name)(oxbert.ElectraConfig(**values), seed=0)
    theirs = getattr(modeling_electra, name)(transformers.ElectraConfig(**values)).train()
    theirs.load_state_dict({key: value.detach() for key, value in ours.named_parameters()})
    hidden = torch.randn(4, 3, 20)
    torch.manual_seed(5)
    expected = theirs(hidden)
    torch.manual_seed(5)
    assert (ours(hidden, train=True) - expected).abs().max() <= TOLERANCE
    assert (ours(hidden) - expected).abs().max() > 0.01


# Optimisation.


def train(model: Any, arguments: dict[str, torch.Tensor], steps: int) -> list[float]:
    parameters, losses = list(model.train().parameters()), []
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = model(**arguments).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("name", TRAINED)
@pytest.mark.parametrize("key", ["small", "three-labels"])
def test_losses_of_training_match_transformers(name: str, key: str, tmp_path: Path) -> None:
    values = reference.values_of(name, key, **reference.without_dropout(name))
    pair = reference.build(name, values, tmp_path)
    # transformers also searches padding for answers.
    case = reference.cases(pair.theirs.config)["ids" if head_of(name) == "QuestionAnswering" else "right"]
    arguments, ours = pair.arguments(case) | pair.targets(case), pair.ours()
    got, expected = train(ours, arguments, 50), train(pair.theirs, arguments, 50)
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-4)
    assert got[-1] < got[0] - 0.1
    if head_of(name) == "MaskedLM":
        words, decoder = ours.get_input_embeddings().weight, ours.get_output_embeddings().weight
        assert words is decoder and not any("lm_head.weight" in name for name, _ in ours.named_parameters())


@pairs("ElectraForMaskedLM", "DistilBertForSequenceClassification", configs=["small"])
def test_losses_of_training_with_dropout_match_transformers(pair: Pair) -> None:
    case = reference.cases(pair.theirs.config)["ids"]
    arguments, losses = pair.arguments(case) | pair.targets(case), []
    for model in (pair.ours(), pair.theirs):
        torch.manual_seed(5)
        losses.append(train(model, arguments, 20))
    np.testing.assert_allclose(*losses, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["ElectraForMaskedLM", "DistilBertForSequenceClassification"])
def test_autocast_reaches_the_model(name: str) -> None:
    model = fresh(name)
    ids = torch.tensor([[1, 2, 3], [4, 5, 6]])
    expected = model(ids).logits
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(ids).logits
    assert logits.dtype == torch.bfloat16
    # bfloat16 has 8 significant bits: close, but not equal.
    assert 1e-4 < (logits - expected).abs().max() < 0.05 * expected.abs().max()
    logits.float().square().mean().backward()
    for key, parameter in model.named_parameters():
        if not key.endswith("token_type_embeddings.weight"):
            assert parameter.grad is not None and parameter.grad.dtype == torch.float32, key
            assert parameter.grad.isfinite().all(), key


# Initial weights.


@pytest.mark.parametrize("name", CLASSES)
def test_equal_seeds_give_equal_models(name: str) -> None:
    kind, config = getattr(oxbert, name), reference.config_of(name)
    one, same, other = kind(config, seed=3), kind.from_config(config, seed=3), kind(config, seed=4)
    torch.manual_seed(3)
    of_torch = kind(config)
    for parameter, value in one.state_dict().items():
        assert torch.equal(value, same.state_dict()[parameter]) and torch.equal(value, of_torch.state_dict()[parameter])
    assert not torch.equal(one.get_input_embeddings().weight, other.get_input_embeddings().weight)
    assert type(one) is type(same) is kind and isinstance(one, oxbert.Model)


SIZES = {
    "Electra": {"vocab_size": 300, "hidden_size": 64, "embedding_size": 48, "num_hidden_layers": 1},
    "DistilBert": {"vocab_size": 300, "dim": 64, "n_layers": 1, "n_heads": 4},
}


@pytest.mark.parametrize("name", CLASSES)
def test_initial_weights_have_the_distribution_of_transformers(name: str) -> None:
    family = family_of(name)
    values = SIZES[family] | {"initializer_range": 0.1, "pad_token_id": 5, "tie_word_embeddings": False}
    ours = getattr(oxbert, name)(getattr(oxbert, f"{family}Config")(**values), seed=0)
    theirs = getattr(transformers, name)(getattr(transformers, f"{family}Config")(**values))
    parameters = dict(ours.named_parameters())
    assert parameters.keys() == dict(theirs.named_parameters()).keys()
    for key, other in theirs.named_parameters():
        mine = parameters[key]
        assert mine.shape == other.shape and mine.dtype == other.dtype, key
        # Biases start as 0 and norms as 1.
        is_constant = bool((other == other.flatten()[0]).all())
        if is_constant:
            assert torch.equal(mine, other), key
        elif other.numel() > 1000:
            assert abs(mine.std() - other.std()) < 0.01 and abs(mine.mean()) < 0.01, key
    assert not ours.get_input_embeddings().weight[5].any() and ours.get_input_embeddings().weight[0].any()


@pytest.mark.parametrize("positions", [1, 16, 300])
@pytest.mark.parametrize("width", [6, 21])
def test_sinusoids_match_transformers(positions: int, width: int) -> None:
    values = {"sinusoidal_pos_embds": True, "max_position_embeddings": positions, "dim": width, "n_heads": 3}
    values |= {"vocab_size": 9, "n_layers": 1, "hidden_dim": 3}
    ours = oxbert.DistilBertModel(oxbert.DistilBertConfig(**values)).state_dict()
    theirs = transformers.DistilBertModel(transformers.DistilBertConfig(**values)).state_dict()
    name = "embeddings.position_embeddings.weight"
    assert (ours[name] - theirs[name]).abs().max() <= TOLERANCE
