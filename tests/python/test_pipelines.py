"""Test pipelines on the bundled models."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

import oxbert
from oxbert.errors import (
    DeviceError,
    InputError,
    MissingFileError,
    TooLongError,
    UntrainedHeadError,
)

from . import reference

GENERATOR, DISCRIMINATOR = "electra-tiny-generator", "electra-tiny-discriminator"


@pytest.fixture(scope="module")
def fill() -> oxbert.FillMask:
    return oxbert.FillMask.from_pretrained(GENERATOR)


@pytest.fixture(scope="module")
def detect() -> oxbert.ReplacedTokenDetection:
    return oxbert.ReplacedTokenDetection.from_pretrained(DISCRIMINATOR)


def test_bundled_models_are_listed_and_load() -> None:
    assert oxbert.bundled() == [DISCRIMINATOR, GENERATOR]
    for name, kind in [(GENERATOR, oxbert.ElectraForMaskedLM), (DISCRIMINATOR, oxbert.ElectraForPreTraining)]:
        model = kind.from_pretrained(name, strict=True)
        tokenizer = oxbert.ElectraTokenizer.from_pretrained(name)
        assert model.config == oxbert.ElectraConfig.from_pretrained(name)
        assert tokenizer.vocab_size == model.config.vocab_size
        assert tokenizer.model_max_length == model.config.max_position_embeddings


def test_bundled_models_match_transformers(tmp_path: Path) -> None:
    """Compare with transformers in float64, and bound the error by the rounding of transformers in float32.

    With trained weights float32 itself is the limit: depending on the processor, hidden states of transformers and of
    oxbert each differ by up to 1.4e-5 from float64, and by up to 2e-5 from each other. Errors are therefore relative to
    float64 and to the norm of each vector. A defect would exceed the rounding of both.
    """
    texts = ["The function returns a [MASK] of strings.", "A [MASK]."]
    for name, kind in [(GENERATOR, "ElectraForMaskedLM"), (DISCRIMINATOR, "ElectraForPreTraining")]:
        model = getattr(oxbert, kind).from_pretrained(name)
        model.save_pretrained(tmp_path / name)
        rows = oxbert.ElectraTokenizer.from_pretrained(name)(texts, padding=True, return_tensors="pt")
        kept, options = rows["attention_mask"].bool(), {"output_hidden_states": True}
        with torch.no_grad():
            got = model(**rows, **options)
            theirs, exact = (
                getattr(transformers, kind).from_pretrained(tmp_path / name, dtype=dtype).eval()(**rows, **options)
                for dtype in (torch.float32, torch.float64)
            )
        assert exact.logits.dtype == torch.float64
        states = zip(
            [*got.hidden_states, got.logits],
            [*theirs.hidden_states, theirs.logits],
            [*exact.hidden_states, exact.logits],
            strict=True,
        )
        for mine, other, true in states:
            error, rounding = ((value - true)[kept].double() for value in (mine, other))
            assert error.norm() <= 2 * rounding.norm()
            if true.ndim == 3:
                assert (error.norm(dim=-1) <= reference.TOLERANCE * true[kept].norm(dim=-1)).all()
        # Probabilities, by contrast, must match transformers' float32 results.
        answer = torch.sigmoid if name == DISCRIMINATOR else partial(torch.softmax, dim=-1)
        assert reference.difference(answer(got.logits), answer(theirs.logits), kept) <= reference.TOLERANCE


def test_masks_are_filled_with_the_most_likely_tokens(fill: oxbert.FillMask) -> None:
    texts = ["The [MASK] returns a [MASK] of strings.", "Caf\u00e9 \U0001f600 [MASK]."]
    answers = fill(texts, top_k=4)
    model = oxbert.ElectraForMaskedLM.from_pretrained(GENERATOR)
    tokenizer = oxbert.ElectraTokenizer.from_pretrained(GENERATOR)
    assert [len(masks) for masks in answers] == [2, 1]
    for text, masks in zip(texts, answers, strict=True):
        row = tokenizer(text)
        logits = model([row["input_ids"]]).logits[0]
        for mask in masks:
            assert row["input_ids"][mask["index"]] == tokenizer.mask_token_id
            assert text[mask["start"] : mask["end"]] == "[MASK]"
            scores = np.exp(logits[mask["index"]] - logits[mask["index"]].max())
            scores /= scores.sum()
            best = np.argsort(-scores, kind="stable")[:4]
            candidates = mask["candidates"]
            np.testing.assert_allclose([one["score"] for one in candidates], scores[best], rtol=1e-4)
            assert [one["token"] for one in candidates] == best.tolist()
            for one in candidates:
                assert [one["token_str"]] == tokenizer.convert_ids_to_tokens([one["token"]])
                assert one["token_str"].removeprefix("##") in one["sequence"]
                assert one["sequence"].count("[MASK]") == len(masks) - 1


def test_replaced_tokens_have_probabilities(detect: oxbert.ReplacedTokenDetection) -> None:
    texts = ["The function returns the elephant of the list.", "Caf\u00e9 \U0001f600 ok"]
    answers = detect(texts)
    model = oxbert.ElectraForPreTraining.from_pretrained(DISCRIMINATOR)
    tokenizer = oxbert.ElectraTokenizer.from_pretrained(DISCRIMINATOR)
    for text, tokens in zip(texts, answers, strict=True):
        expected = model([tokenizer(text)["input_ids"]]).probabilities[0, 1:-1]
        np.testing.assert_allclose([one["probability"] for one in tokens], expected, rtol=0, atol=1e-5)
        assert [one["token"] for one in tokens] == tokenizer.tokenize(text)
        offsets = tokenizer(text, return_offsets_mapping=True)["offset_mapping"][1:-1]
        assert [(one["start"], one["end"]) for one in tokens] == offsets


def test_results_do_not_depend_on_the_batch(fill: oxbert.FillMask, detect: oxbert.ReplacedTokenDetection) -> None:
    texts = ["A [MASK] file.", "The list holds [MASK] and strings, and much more than that.", "[MASK]"]
    together = fill(texts, top_k=2)
    for text, masks in zip(texts, together, strict=True):
        ((alone,),) = fill([text], top_k=2)
        assert [one["token"] for one in alone["candidates"]] == [one["token"] for one in masks[0]["candidates"]]
    together_tokens = detect(texts)
    for text, tokens in zip(texts, together_tokens, strict=True):
        (alone_tokens,) = detect([text])
        np.testing.assert_allclose(
            [one["probability"] for one in alone_tokens], [one["probability"] for one in tokens], rtol=0, atol=1e-5
        )


def test_bad_texts_and_options_are_refused(fill: oxbert.FillMask, detect: oxbert.ReplacedTokenDetection) -> None:
    with pytest.raises(InputError, match=r"\[MASK\]") as caught:
        fill(["[MASK]", "nothing to fill"])
    assert "nothing to fill" in str(caught.value)
    with pytest.raises(InputError, match="at least 1") as caught:
        fill(["[MASK]"], top_k=0)
    assert caught.value.what == "top_k"
    for pipeline in (fill, detect):
        with pytest.raises(InputError):
            pipeline([])
        with pytest.raises(TypeError):
            pipeline([5])  # type: ignore[list-item]
        with pytest.raises(TooLongError, match="more than the model's") as long:
            pipeline(["[MASK]", "[MASK] word " * 3000])
        assert long.value.row == 1


@pytest.mark.parametrize(
    ("pipeline", "task", "head"),
    [(oxbert.FillMask, "fill-mask", "generator"), (oxbert.ReplacedTokenDetection, None, "discriminator")],
)
def test_models_without_the_required_head_are_refused(pipeline: Any, task: str | None, head: str) -> None:
    # The other model of the pair has another head.
    other = DISCRIMINATOR if head == "generator" else GENERATOR
    with pytest.raises(UntrainedHeadError, match=head) as caught:
        pipeline.from_pretrained(other)
    assert isinstance(caught.value, ValueError)
    assert all(name.startswith(head) for name in caught.value.parameters) and caught.value.parameters
    assert task is None or caught.value.task == task
    assert caught.value.task in str(caught.value)


@pytest.mark.parametrize("pipeline", [oxbert.FillMask, oxbert.ReplacedTokenDetection])
def test_missing_folders_and_unknown_devices_are_refused(pipeline: Any, tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="no-such-model") as caught:
        pipeline.from_pretrained("./no-such-model")
    assert caught.value.found == [DISCRIMINATOR, GENERATOR]
    with pytest.raises(MissingFileError):
        pipeline.from_pretrained(tmp_path)
    with pytest.raises(DeviceError, match="tpu") as refused:
        pipeline.from_pretrained(GENERATOR, device="tpu")
    assert refused.value.requested == "tpu"


@pytest.mark.parametrize("texts", ["a [MASK]", 5, [5], ["a [MASK]", None]])
def test_inputs_that_are_not_lists_of_texts_are_refused(texts: Any) -> None:
    for pipeline in (
        oxbert.FillMask.from_pretrained("electra-tiny-generator"),
        oxbert.ReplacedTokenDetection.from_pretrained("electra-tiny-discriminator"),
    ):
        with pytest.raises(oxbert.errors.DtypeError, match="str"):
            pipeline(texts)
