"""Test that outputs behave like transformers' `ModelOutput`."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from transformers import modeling_outputs

import oxbert
from oxbert import outputs

from .reference import CLASSES, Pair, cases, pairs


@pairs(*CLASSES, configs=["small"])
@pytest.mark.parametrize("options", [{}, {"output_hidden_states": True}, {"output_attentions": True}])
@pytest.mark.parametrize("with_loss", [False, True])
def test_every_access_matches_transformers(pair: Pair, options: dict[str, bool], with_loss: bool) -> None:
    case = cases(pair.theirs.config)["ids"]
    arguments = pair.arguments(case) | (pair.targets(case) if with_loss else {}) | options
    mine = pair.ours()(**arguments)
    with torch.no_grad():
        other = pair.theirs(**arguments)
    # transformers also lists cross attentions, which are empty for an encoder.
    names = [key for key in other if key != "cross_attentions"]
    assert mine.keys() == names
    assert len(mine) == len(names) == len(mine.to_tuple()) == len(mine.values()) == len(mine.items())
    assert type(mine).__name__ == type(other).__name__ or pair.name == "ElectraModel"
    for place, key in enumerate(names):
        assert mine[key] is mine[place] is getattr(mine, key) is mine.get(key) is mine.to_tuple()[place]
        assert key in mine
    assert mine[-1] is mine.values()[-1]
    assert mine[:1] == (mine[0],) and mine[5:] == ()
    first, *rest = mine.to_tuple()
    assert {key: mine[key] for key in mine} == dict(mine) and list(mine) == names
    assert first is mine[0] and len(rest) == len(mine) - 1
    for missing in {"hidden_states", "attentions"} - set(mine.keys()):
        assert getattr(mine, missing) is None and missing not in mine and mine.get(missing, 7) == 7
        with pytest.raises(KeyError, match=missing):
            mine[missing]
    with pytest.raises(IndexError):
        mine[len(mine)]
    with pytest.raises(AttributeError):
        _ = mine.no_such_name
    shape = ", ".join(map(str, mine[-1 if not options else 0].shape))
    assert type(mine).__name__ in repr(mine) and f"({shape})" in repr(mine)


def test_probabilities_are_not_an_item_of_the_sequence(config: oxbert.ElectraConfig) -> None:
    output = oxbert.ElectraForPreTraining(config, seed=0)([[1, 2]])
    assert output.keys() == ["logits"] and len(output) == 1
    assert output["probabilities"] is output.probabilities is output.get("probabilities")
    assert "probabilities" in output and "logits" in output and "loss" not in output
    assert "probabilities" not in oxbert.ElectraForTokenClassification(config, seed=0)([[1, 2]])


def test_the_underlying_dictionary_holds_the_listed_fields() -> None:
    """Check the underlying dictionary, which DistributedDataParallel and transformers' Trainer read directly."""
    output: Any = outputs.ElectraForPreTrainingOutput(logits=np.zeros((1, 2)), probabilities=np.ones((1, 2)))
    assert [*dict.keys(output)] == output.keys() == ["logits"]
    output.loss = np.float32(1)
    assert {*dict.keys(output)} == {*output.keys()} == {"loss", "logits"} and dict.__getitem__(output, "loss") == 1
    output.loss = None
    assert [*dict.keys(output)] == output.keys() == ["logits"]


def test_outputs_have_the_documented_shapes(config: oxbert.ElectraConfig) -> None:
    output = oxbert.ElectraModel(config, seed=0).eval()(
        [[1, 2, 3]] * 2, output_hidden_states=True, output_attentions=True
    )
    assert output.last_hidden_state.shape == (2, 3, 20)
    assert [state.shape for state in output.hidden_states] == [(2, 3, 20)] * 3
    assert [attention.shape for attention in output.attentions] == [(2, 5, 3, 3)] * 2
    np.testing.assert_allclose(output.attentions[0].sum(-1), 1, rtol=0, atol=1e-6)
    assert output.hidden_states[-1] is output.last_hidden_state
    (logits,) = oxbert.ElectraForMaskedLM(config, seed=0).eval()([[1]]).to_tuple()
    assert logits.shape == (1, 1, 50)
    assert oxbert.ElectraForTokenClassification(config, seed=0).eval()([[1]]).logits.shape == (1, 1, 3)
    assert oxbert.ElectraForPreTraining(config, seed=0).eval()([[1]]).logits.shape == (1, 1)


def test_outputs_can_be_built_copied_pickled_and_subscripted() -> None:
    output: Any = outputs.ElectraForPreTrainingOutput(logits=np.zeros((1, 2)), probabilities=np.ones((1, 2)))
    for again in [pickle.loads(pickle.dumps(output)), copy.deepcopy(output)]:
        assert again.keys() == ["logits"] and (again.probabilities == 1).all()
        assert type(again) is type(output) and again.hidden_states is None and len(again) == 1
    with pytest.raises(TypeError, match="scores"):
        outputs.MaskedLMOutput(scores=1)
    assert outputs.MaskedLMOutput[np.ndarray]
    assert repr(outputs.BaseModelOutput(hidden_states=())) == "BaseModelOutput(hidden_states=())"


KINDS = {
    "BaseModelOutput": ["last_hidden_state"],
    "ElectraForPreTrainingOutput": ["loss", "logits"],
    "MaskedLMOutput": ["loss", "logits"],
    "MultipleChoiceModelOutput": ["loss", "logits"],
    "QuestionAnsweringModelOutput": ["loss", "start_logits", "end_logits"],
    "SequenceClassifierOutput": ["loss", "logits"],
    "TokenClassifierOutput": ["loss", "logits"],
}


def test_every_output_class_is_listed() -> None:
    # transformers has no counterpart of these.
    own = {"PretrainingOutput", "JointQuestionAnsweringModelOutput"}
    assert {"ModelOutput", *own, *KINDS} == set(outputs.__all__)
    assert all(issubclass(getattr(outputs, name), outputs.ModelOutput) for name in KINDS)


@pytest.mark.parametrize("name", KINDS)
def test_fields_match_transformers(name: str) -> None:
    theirs = (
        transformers.models.electra.modeling_electra.ElectraForPreTrainingOutput
        if name == "ElectraForPreTrainingOutput"
        else getattr(transformers.modeling_outputs, name)
    )
    names = [*KINDS[name], "hidden_states", "attentions"]
    assert names == list(theirs.__dataclass_fields__)
    values = {field: np.array(place) for place, field in enumerate(names)}
    mine, other = getattr(outputs, name)(**dict(reversed(values.items()))), theirs(**values)
    assert mine.keys() == list(other.keys()) and mine.to_tuple() == other.to_tuple() and tuple(mine) == tuple(other)
    del values[names[0]]
    mine, other = getattr(outputs, name)(**values), theirs(**values)
    assert mine.keys() == list(other.keys()) and mine[0] == other[0] == 1 and getattr(mine, names[0]) is None


def test_a_new_name_is_added_at_the_end_as_in_transformers() -> None:
    loss, logits, ids = np.array(0.5), np.ones((1, 2, 3)), np.ones((1, 2))
    both: list[Any] = []
    for kind in [outputs.MaskedLMOutput, modeling_outputs.MaskedLMOutput]:
        output: Any = kind(logits=logits)
        output["input_ids"], output["more"] = ids, 3
        output["loss"] = loss
        assert output["input_ids"] is output.input_ids is ids and output.get("more") == 3
        assert dict(output)["input_ids"] is ids and "more" in output and len(output.to_tuple()) == 4
        both.append(output)
    assert set(both[0].keys()) == set(both[1].keys())
    # Where the order has a meaning, ours keeps it.
    assert both[0].keys() == ["loss", "logits", "input_ids", "more"] and outputs.MaskedLMOutput().keys() == []
    for again in [copy.copy(both[0]), copy.deepcopy(both[0]), pickle.loads(pickle.dumps(both[0]))]:
        assert again.keys() == both[0].keys() and again.more == 3
    probable: Any = outputs.ElectraForPreTrainingOutput(logits=logits)
    probable["probabilities"] = logits
    assert probable.keys() == ["logits"] and probable.probabilities is logits


def test_outputs_are_dictionaries() -> None:
    loss, logits = np.array(0.5), np.ones((1, 2, 3))
    output: Any = outputs.MaskedLMOutput(loss=loss, logits=logits)
    assert isinstance(output, dict)
    for plain in [dict(output), {**output}, dict(output.items()), output.copy()]:
        assert type(plain) is dict and plain == {"loss": loss, "logits": logits}
    # accelerate builds an output from an output in this way.
    doubled = type(output)({name: 2 * value for name, value in output.items()})
    assert doubled.loss == 1 and doubled["logits"].sum() == 12 and doubled.keys() == ["loss", "logits"]
    assert output == output and output != copy.copy(output) and len({output, output}) == 1
    output.loss = None
    assert (
        output.keys() == ["logits"] and len(output) == 1 and output[0] is logits and dict(output).keys() == {"logits"}
    )
    output["loss"] = loss
    assert output.loss is loss and output.keys() == ["loss", "logits"]
    for name in ["keys", "to_tuple", "_names", 3]:
        with pytest.raises(KeyError, match=str(name)):
            output[name] = loss
    for change in [
        lambda: output.pop("loss"),
        lambda: output.update(loss=None),
        lambda: output.setdefault("loss", 1),
        output.popitem,
        output.clear,
    ]:
        with pytest.raises(TypeError, match="fixed"):
            change()
    with pytest.raises(TypeError, match="fixed"):
        del output["loss"]
    assert output.loss is loss and output["loss"] is loss
    probable = outputs.ElectraForPreTrainingOutput({"logits": logits}, probabilities=logits)
    assert probable.keys() == ["logits"] and probable.probabilities is logits
