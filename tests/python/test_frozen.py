"""Test that frozen models return the outputs of trainable ones, from several threads, without parameters."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import oxbert
from oxbert.errors import InputError

from . import reference

GENERATOR = "electra-tiny-generator"
CLASSES = [name for name in dir(oxbert) if "For" in name and name.startswith(("Electra", "DistilBert"))]


@pytest.fixture(scope="module")
def frozen() -> oxbert.ElectraForMaskedLM:
    return oxbert.ElectraForMaskedLM.from_pretrained(GENERATOR, trainable=False)


@pytest.mark.parametrize("name", [*CLASSES, "ElectraModel", "DistilBertModel"])
def test_a_frozen_model_returns_the_outputs_of_a_trainable_one(name: str, tmp_path: Path) -> None:
    model = reference.fresh(name)
    model.save_pretrained(tmp_path)
    loaded = type(model).from_pretrained(tmp_path, trainable=False)
    rows = [[1, 2, 3, 4], [5, 6]] if "Choice" not in name else np.array([[[1, 2, 3], [4, 5, 6]]])
    options = {"output_hidden_states": True, "output_attentions": True}
    for ours, theirs in zip(loaded(rows, **options).to_tuple(), model(rows, **options).to_tuple(), strict=True):
        for one, other in zip(
            *(value if isinstance(value, tuple) else (value,) for value in (ours, theirs)), strict=True
        ):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)
    assert loaded.config == type(model).from_pretrained(tmp_path).config
    assert (loaded.device, loaded.precision, loaded.training) == ("cpu", "float32", False)


def test_a_frozen_model_builds_no_graph(frozen: oxbert.ElectraForMaskedLM) -> None:
    logits = frozen(torch.tensor([[2, 7, 3]]), labels=torch.tensor([[2, 7, 3]]))
    assert not logits.loss.requires_grad
    embeddings = torch.zeros(1, 3, frozen.config.embedding_size, requires_grad=True)
    assert not frozen(inputs_embeds=embeddings).logits.requires_grad


@pytest.mark.parametrize(
    "use",
    [
        lambda model: model.train(),
        lambda model: model.parameters(),
        lambda model: model.named_parameters(),
        lambda model: model.state_dict(),
        lambda model: model.load_state_dict({}),
        lambda model: model.num_parameters(),
        lambda model: model.zero_grad(),
        lambda model: model.to("cpu"),
        lambda model: model.get_input_embeddings(),
        lambda model: model.get_output_embeddings(),
        lambda model: model.set_input_embeddings(np.zeros((3, 2), np.float32)),
        lambda model: model.resize_token_embeddings(5),
        lambda model: model.save_pretrained("nowhere"),
        pickle.dumps,
        copy.copy,
        copy.deepcopy,
    ],
)
def test_methods_that_need_parameters_are_refused(
    use: Callable[[Any], object], frozen: oxbert.ElectraForMaskedLM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="load it with trainable=True"):
        use(frozen)
    assert not list(tmp_path.iterdir())
    assert not frozen.eval().training
    assert repr(frozen) == "ElectraForMaskedLM: frozen, float32 on cpu"


def test_threads_share_a_frozen_model(frozen: oxbert.ElectraForMaskedLM) -> None:
    rows = [np.random.default_rng(seed).integers(5, 500, (3, 20)) for seed in range(8)]
    expected = [frozen(row).logits for row in rows]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            for got, wanted in zip(pool.map(lambda row: frozen(row).logits, rows), expected, strict=True):
                np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5)


def test_missing_heads_are_warned_of_and_refused_if_strict(tmp_path: Path) -> None:
    reference.fresh("ElectraForMaskedLM").save_pretrained(tmp_path)
    with pytest.warns(oxbert.errors.UntrainedHeadWarning, match="classifier"):
        model = oxbert.ElectraForTokenClassification.from_pretrained(tmp_path, trainable=False)
    assert model.load_report["missing"]
    with pytest.raises(oxbert.errors.WeightsMismatchError):
        oxbert.ElectraForTokenClassification.from_pretrained(tmp_path, trainable=False, strict=True)
