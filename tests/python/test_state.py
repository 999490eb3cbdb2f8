"""Test the state of a model: shared memory, copies, pickles, and the model's own configuration."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import oxbert
from oxbert.errors import ConfigError, UntrainedHeadWarning, WeightsFormatError, WeightsMismatchError

from .reference import CLASSES, TOLERANCE, fresh, head_of, state_of

IDS = [[1, 2, 3, 4], [5, 6]]


def test_state_dict_shares_memory_with_the_model(config: oxbert.ElectraConfig) -> None:
    model = oxbert.ElectraForPreTraining(config, seed=0)
    before = model(IDS)[0]
    state = model.state_dict()
    assert not any(value.requires_grad for value in state.values())
    state["discriminator_predictions.dense_prediction.bias"].add_(1)
    np.testing.assert_allclose(model([IDS[0]])[0], before[:1] + 1, rtol=0, atol=TOLERANCE)
    assert [name for name, _ in model.named_parameters()] == list(state)


@pytest.mark.parametrize("kind", ["torch", "numpy"])
def test_load_state_dict_copies_in_place(config: oxbert.ElectraConfig, kind: str) -> None:
    one, other = (oxbert.ElectraForPreTraining(config, seed=seed) for seed in (1, 2))
    parameters = dict(other.named_parameters())
    state: dict[str, Any] = dict(one.state_dict())
    if kind == "numpy":
        state = {name: value.numpy() for name, value in state.items()}
    other.load_state_dict(state)
    np.testing.assert_array_equal(other(IDS)[0], one(IDS)[0])
    # Values are loaded in place, so that an existing optimizer keeps its parameters.
    for name, parameter in other.named_parameters():
        assert parameter.data_ptr() == parameters[name].data_ptr()


def test_a_bad_state_leaves_the_model_unchanged(config: oxbert.ElectraConfig) -> None:
    model = oxbert.ElectraForPreTraining(config, seed=0)
    before = model(IDS)[0]
    state = {name: torch.ones_like(value) for name, value in model.state_dict().items()}
    wrong = state | {"discriminator_predictions.dense.bias": torch.zeros(7)}
    for strict in [True, False]:
        with pytest.raises(WeightsMismatchError) as caught:
            model.load_state_dict(wrong, strict=strict)
        assert [name for name, _, _ in caught.value.mismatched] == ["discriminator_predictions.dense.bias"]
    with pytest.raises(WeightsMismatchError) as caught:
        model.load_state_dict({"classifier.bias": torch.zeros(2)})
    assert caught.value.unexpected == ["classifier.bias"] and len(caught.value.missing) == len(state)
    np.testing.assert_array_equal(model(IDS)[0], before)
    model.load_state_dict({"classifier.bias": torch.zeros(2)}, strict=False)
    np.testing.assert_array_equal(model(IDS)[0], before)


def test_one_parameter_under_two_names_is_refused(config: oxbert.ElectraConfig) -> None:
    model = oxbert.ElectraModel(config, seed=1)
    before = state_of(model)
    twice = before | {f"electra.{name}": value + 1 for name, value in before.items()}
    with pytest.raises(WeightsFormatError, match="are the same parameter"):
        model.load_state_dict(twice)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


# Copies.

COPIES = [
    pytest.param(copy.deepcopy, id="deepcopy"),
    pytest.param(copy.copy, id="copy"),
    pytest.param(lambda model: pickle.loads(pickle.dumps(model)), id="pickle"),
]


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("again", COPIES)
def test_copies_are_independent(name: str, again: Callable[[Any], Any]) -> None:
    model = fresh(name, "three-labels").train()
    model.config.note = [1]
    frozen = {key for key, _ in model.named_parameters() if "embeddings" in key}
    for key, parameter in model.named_parameters():
        parameter.requires_grad_(key not in frozen)
    other = again(model)
    assert type(other) is type(model) and other.training and other.device == "cpu"
    assert other.config == model.config and other.config is not model.config
    assert {key for key, parameter in other.named_parameters() if not parameter.requires_grad} == frozen
    before = state_of(model)
    assert list(other.state_dict()) == list(before)
    for key, value in other.state_dict().items():
        assert torch.equal(value, before[key])
        value.add_(1)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    other.config.note = [2]
    other.eval()
    assert model.config.note == [1] and model.training


@pytest.mark.parametrize("again", COPIES)
def test_a_copy_of_an_untrained_head_is_untrained(again: Callable[[Any], Any], tmp_path: Path) -> None:
    fresh("ElectraModel").save_pretrained(tmp_path)
    with pytest.warns(UntrainedHeadWarning):
        model = oxbert.ElectraForMaskedLM.from_pretrained(tmp_path)
    # The list of untrained parameters is visible only in a pickle.
    *_, marks = model.__reduce__()[1]
    assert marks == model.load_report["missing"] != []
    assert again(model).__reduce__()[1][-1] == marks
    model.load_state_dict(dict(model.state_dict()))
    assert again(model).__reduce__()[1][-1] == model.__reduce__()[1][-1] == []


def test_a_copy_has_no_graph_and_no_gradients() -> None:
    model = fresh("DistilBertForMaskedLM")
    ids = torch.tensor([[1, 2, 3]])
    model(ids, labels=ids).loss.backward()
    other = copy.deepcopy(model)
    assert all(parameter.grad is None and parameter.is_leaf for parameter in other.parameters())
    assert all(parameter.grad is not None for parameter in model.parameters())


# The configuration.


def test_changes_of_the_configuration_are_saved(tmp_path: Path) -> None:
    model = fresh("ElectraForTokenClassification")
    model.config.id2label = {0: "O", 1: "NAME"}
    model.config.note = "mine"
    model.save_pretrained(tmp_path)
    written = json.loads((tmp_path / "config.json").read_text())
    assert written["id2label"] == {"0": "O", "1": "NAME"} and written["note"] == "mine"


@pytest.mark.parametrize("name", CLASSES)
def test_saving_refuses_a_configuration_of_other_parameters(name: str, tmp_path: Path) -> None:
    model = fresh(name, "three-labels")
    expected, ids = state_of(model), ([IDS] if head_of(name) == "MultipleChoice" else IDS)
    answer = model(ids)[0]
    changes = {"vocab_size": 49, "num_hidden_layers": 1, "max_position_embeddings": 15}
    if head_of(name) in ("SequenceClassification", "TokenClassification", "QuestionAnswering"):
        changes["num_labels"] = 5
    for field, value in changes.items():
        before = getattr(model.config, field)
        setattr(model.config, field, value)
        with pytest.raises(ConfigError):
            model.save_pretrained(tmp_path / "model")
        assert not (tmp_path / "model").exists()
        # The forward pass uses the parameters, not the changed configuration.
        np.testing.assert_array_equal(model(ids)[0], answer)
        setattr(model.config, field, before)
    model.save_pretrained(tmp_path / "model")
    again = getattr(oxbert, name).from_pretrained(tmp_path / "model", strict=True)
    assert all(torch.equal(value, expected[key]) for key, value in again.state_dict().items())


def test_saving_accepts_a_new_rate_and_refuses_a_new_activation(tmp_path: Path) -> None:
    model = fresh("ElectraForMaskedLM")
    before = model(IDS).logits
    model.config.hidden_dropout_prob = 0.25
    model.save_pretrained(tmp_path)
    assert oxbert.ElectraForMaskedLM.from_pretrained(tmp_path).config.hidden_dropout_prob == 0.25
    model.config.hidden_act = "tanh"
    np.testing.assert_array_equal(model(IDS).logits, before)
    with pytest.raises(ConfigError, match='hidden_act: the model was built with "gelu", got "tanh"'):
        model.save_pretrained(tmp_path)
    # A copy equals its original, not the changed configuration.
    np.testing.assert_array_equal(copy.deepcopy(model)(IDS).logits, before)
    assert copy.copy(model).config is not model.config
