"""Compare feature extraction with transformers, and pooled vectors with their definitions."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import oxbert
from oxbert.errors import InputError, TooLongError

from .pipelines_reference import FAMILIES, LONGEST, TOLERANCE, Served, same, serve
from .text_reference import SHORT, TEXT

POOLINGS = {
    "cls": lambda states: states[0],
    "lasttoken": lambda states: states[-1],
    "max": lambda states: states.max(0),
    "mean": lambda states: states.mean(0),
    "mean_sqrt_len": lambda states: states.sum(0) / len(states) ** 0.5,
    "weightedmean": lambda states: np.average(states, 0, np.arange(1, len(states) + 1)),
}


@pytest.fixture(scope="module", params=FAMILIES)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Served:
    return serve(tmp_path_factory.mktemp("model"), request.param, "Model", "feature-extraction")


@settings(max_examples=40)
@given(text=TEXT | SHORT)
def test_hidden_states_are_those_of_transformers(served: Served, text: str) -> None:
    if len(served.ours.tokenizer(text)["input_ids"]) > LONGEST:
        with pytest.raises(TooLongError):
            served.ours(text)
        text = text[:20]
    expected = served.theirs(text, return_tensors=True)
    states = served.ours(text, return_tensors="np")
    assert states.dtype == np.float32 and states.shape == tuple(expected.shape)
    np.testing.assert_allclose(states, expected, rtol=0, atol=TOLERANCE)
    for option in (True, "pt"):
        assert torch.equal(served.ours(text, return_tensors=option), torch.from_numpy(states))
    nested = served.ours(text)
    assert nested == states.tolist()
    same(nested, served.theirs(text))
    assert np.array_equal(served.ours(["the word", text, "the"], return_tensors="np")[1], states)


@settings(max_examples=40)
@given(text=TEXT, pooling=st.sampled_from(sorted(POOLINGS)), normalize=st.booleans())
def test_vectors_follow_their_definitions(served: Served, text: str, pooling: Any, normalize: bool) -> None:
    options: dict[str, Any] = {"truncation": True, "return_tensors": "np"}
    (states,) = served.ours(text, **options)
    expected = POOLINGS[pooling](states.astype(np.float64))
    if normalize:
        expected = expected / np.linalg.norm(expected)
    options |= {"pooling": pooling, "normalize": normalize}
    vector = served.ours(text, **options)
    assert vector.dtype == np.float32
    np.testing.assert_allclose(vector, expected, rtol=1e-5, atol=1e-6)
    assert np.array_equal(served.ours(["the word " * 5, text], **options)[1], vector)
    assert served.ours(text, **(options | {"return_tensors": False})) == vector.tolist()


def test_any_model_serves(served: Served) -> None:
    name = type(served.ours.config).__name__.removesuffix("Config")
    config = served.ours.config
    texts = ["the word", "caf\xe9"]
    expected = served.ours(texts, pooling="mean", return_tensors="np")
    for head in ("Model", "ForSequenceClassification", "ForMultipleChoice"):
        # Only the encoder has to be trained.
        with pytest.warns(oxbert.errors.UntrainedHeadWarning) if head != "Model" else _nothing():
            model = getattr(oxbert, f"{name}{head}").from_pretrained(served.folder)
        embed = oxbert.pipeline("feature-extraction", model, served.ours.tokenizer)
        np.testing.assert_allclose(embed(texts, pooling="mean", return_tensors="np"), expected, atol=TOLERANCE)
    fresh = getattr(oxbert, f"{name}Model")(config, seed=0)
    with pytest.raises(oxbert.errors.UntrainedHeadError):
        oxbert.pipeline("feature-extraction", fresh, served.ours.tokenizer)
    again = pickle.loads(pickle.dumps(served.ours))
    assert np.array_equal(again(texts, pooling="mean", return_tensors="np"), expected)


def _nothing() -> Any:
    from contextlib import nullcontext

    return nullcontext()


def test_options_are_checked(served: Served) -> None:
    for options in ({"return_tensors": "tf"}, {"pooling": "median"}, {"normalize": True}):
        with pytest.raises(InputError):
            served.ours("the word", **options)
    vectors = list(served.ours((text for text in ["the", "word"]), pooling="cls", return_tensors="np"))
    assert np.array_equal(vectors, served.ours(["the", "word"], pooling="cls", return_tensors="np"))
