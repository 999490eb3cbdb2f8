"""Test `oxbert.pipeline`: one input or many, streams, options, errors, and the pipelines of masks and replaced tokens."""

from __future__ import annotations

import copy
import itertools
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import oxbert
from oxbert.errors import DtypeError, InputError, MissingFileError, OxbertError, TooLongError, UntrainedHeadError
from oxbert.pipelines import TASKS

from .pipelines_reference import FAMILIES, LONGEST, Served, same, serve
from .text_reference import TEXT, WORDS, theirs_or_error

GENERATOR, DISCRIMINATOR = "electra-tiny-generator", "electra-tiny-discriminator"


@pytest.fixture(scope="module", params=FAMILIES)
def filling(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Served:
    """Return the pipelines for masks of a model with random weights."""
    return serve(tmp_path_factory.mktemp("model"), request.param, "ForMaskedLM", "fill-mask")


@pytest.fixture(scope="module")
def fill() -> Any:
    return oxbert.pipeline("fill-mask")


# What all pipelines share.


def test_one_gives_one_and_many_give_many(fill: Any) -> None:
    texts = ["A [MASK].", "The [MASK] returns a list.", "[MASK]"]
    alone = [fill(text) for text in texts]
    assert all(isinstance(answer, list) and isinstance(answer[0], dict) for answer in alone)
    assert fill(texts) == fill(tuple(texts)) == alone
    assert fill(texts[:1]) == alone[:1] and fill([]) == fill(()) == []
    for stream in (iter(texts), (text for text in texts), dict.fromkeys(texts).keys()):
        answers = fill(stream)
        assert isinstance(answers, Iterator) and list(answers) == alone


def test_a_stream_is_read_chunk_by_chunk(fill: Any) -> None:
    """Check that an endless stream is answered, and that no more is read than a chunk."""
    read = 0

    def texts() -> Iterator[str]:
        nonlocal read
        for read in itertools.count(1):
            yield f"The {'very ' * (read % 9)}[MASK]."

    answers = fill(texts(), top_k=1)
    assert read == 0
    first = next(answers)
    chunk = read
    assert 100 < chunk <= 1024
    found = [first, *itertools.islice(answers, chunk + 3)]
    assert chunk < read <= 2 * chunk + 100
    for place in (0, 7, chunk - 1, chunk, chunk + 2):
        (best,) = found[place]
        assert best["sequence"].count("very") == (place + 1) % 9
    few = oxbert.pipeline("fill-mask", batch_tokens=16)
    read = 0
    next(few(texts(), top_k=1))
    assert read < chunk / 4


def test_an_error_names_the_place_in_the_whole_stream(fill: Any) -> None:
    texts = ["A [MASK]."] * 1500
    texts[1300] = "[MASK] " * 200
    answers = fill(iter(texts))
    assert len(list(itertools.islice(answers, 1024))) == 1024
    with pytest.raises(TooLongError) as caught:
        next(answers)
    assert (caught.value.row, caught.value.length, caught.value.maximum) == (1300, 202, 128)
    with pytest.raises(TooLongError) as caught:
        fill(texts)
    assert caught.value.row == 1300


def test_options_may_be_given_once_or_in_a_call() -> None:
    fill = oxbert.pipeline("fill-mask", top_k=2)
    assert len(fill("A [MASK].")) == 2 and len(fill("A [MASK].", top_k=3)) == 3
    assert len(fill("A [MASK].", targets="list")) == 1
    for wrong in ({"batch_size": 3}, {"topk": 1}, {"first_row": 1}):
        with pytest.raises(TypeError, match=f"fill-mask has no option '{next(iter(wrong))}'; its options are top_k"):
            fill("A [MASK].", **wrong)
        with pytest.raises(TypeError, match="fill-mask has no option"):
            oxbert.pipeline("fill-mask", **wrong)


def test_unknown_tasks_are_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"expected one of .*fill-mask.*replaced-token-detection.*'summarization'"):
        oxbert.pipeline("summarization")
    with pytest.raises(DtypeError, match="task: expected the name of a task, got int"):
        oxbert.pipeline(5)  # type: ignore[arg-type]
    assert set(TASKS) >= {"fill-mask", "replaced-token-detection"}


def test_models_without_the_head_are_refused() -> None:
    with pytest.raises(UntrainedHeadError, match="generator_lm_head") as caught:
        oxbert.pipeline("fill-mask", DISCRIMINATOR)
    assert caught.value.task == "fill-mask"
    with pytest.raises(MissingFileError):
        oxbert.pipeline("fill-mask", "./no-such-model")


def test_devices_and_precisions_are_chosen() -> None:
    fill = oxbert.pipeline("fill-mask", device=-1, precision="int8")
    assert (fill.device, fill.precision, fill.task, fill.model) == ("cpu", "int8", "fill-mask", None)
    assert "fill-mask with Electra, int8 on cpu" in repr(fill)
    assert fill.config == oxbert.ElectraConfig.from_pretrained(GENERATOR)
    assert fill.tokenizer.get_vocab() == oxbert.ElectraTokenizer.from_pretrained(GENERATOR).get_vocab()
    text = "The function returns a [MASK]."
    assert fill(text) != oxbert.pipeline("fill-mask", device=torch.device("cpu"))(text)
    if not torch.cuda.is_available():
        with pytest.raises(oxbert.errors.DeviceError):
            oxbert.pipeline("fill-mask", device=0)
    with pytest.raises(InputError, match="batch_tokens: expected at least 1"):
        oxbert.pipeline("fill-mask", batch_tokens=0)


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_pipelines_are_copied(again: Callable[[Any], Any]) -> None:
    detect = oxbert.pipeline("replaced-token-detection", generator=GENERATOR, threshold=0, batch_tokens=64)
    text = "The function returns the elephant."
    other = again(detect)
    assert type(other) is type(detect) and other(text) == detect(text)
    assert len(pickle.dumps(detect)) < 2000


@pytest.mark.parametrize("trainable", [True, False])
def test_a_loaded_model_is_shared(trainable: bool) -> None:
    text = "The function returns a [MASK]."
    model = oxbert.ElectraForMaskedLM.from_pretrained(GENERATOR, trainable=trainable)
    tokenizer = oxbert.ElectraTokenizer.from_pretrained(GENERATOR)
    fill = oxbert.pipeline("fill-mask", model, tokenizer)
    assert fill.model is model
    expected = oxbert.pipeline("fill-mask")(text)
    same(fill(text), expected)
    same(oxbert.pipeline("fill-mask", model, GENERATOR)(text), expected)
    if trainable:
        same(pickle.loads(pickle.dumps(fill))(text), expected)
        with torch.no_grad():
            dict(model.named_parameters())["generator_lm_head.bias"][tokenizer.convert_tokens_to_ids("list")] = 100.0
        assert fill(text)[0]["token_str"] == "list" and fill(text)[0]["score"] > 0.999
    with pytest.raises(InputError, match="tokenizer: expected a tokenizer beside a loaded model"):
        oxbert.pipeline("fill-mask", model)
    with pytest.raises(InputError, match=r"precision: .*int8"):
        oxbert.pipeline("fill-mask", model, tokenizer, precision="int8")
    with pytest.raises(InputError, match=r"expected an ElectraForPreTraining.*got ElectraForMaskedLM"):
        oxbert.pipeline("replaced-token-detection", model, tokenizer)
    fresh = oxbert.ElectraForMaskedLM(model.config, seed=0)
    with pytest.raises(UntrainedHeadError):
        oxbert.pipeline("fill-mask", fresh, tokenizer)


@pytest.mark.parametrize("text", [5, None, b"a [MASK]", [5], ["a [MASK]", None], {"text": "a [MASK]"}, "\ud800 [MASK]"])
def test_inputs_that_are_not_texts_are_refused(fill: Any, text: Any) -> None:
    with pytest.raises((OxbertError, TypeError)):
        fill(text)


# Masks.


# The head of each task, and an input.
HEADS: dict[str, tuple[str, Any]] = {
    "feature-extraction": ("ForMaskedLM", "a text"),
    "fill-mask": ("ForMaskedLM", "a [MASK]"),
    "question-answering": ("ForQuestionAnswering", {"question": "who", "context": "a text"}),
    "replaced-token-detection": ("ForPreTraining", "a text"),
    "text-classification": ("ForSequenceClassification", "a text"),
    "token-classification": ("ForTokenClassification", "a text"),
    "zero-shot-classification": ("ForSequenceClassification", "a text"),
}


@pytest.mark.parametrize("task", HEADS)
def test_options_that_are_tensors_are_refused_by_name_or_taken(task: str, tmp_path: Path) -> None:
    """Check every option of every task: what has several elements, or none that can be read, is no condition."""
    head, text = HEADS[task]
    labels = {} if head == "ForPreTraining" else {"id2label": {0: "entailment", 1: "contradiction"}}
    config = oxbert.ElectraConfig(vocab_size=8192, hidden_size=8, num_hidden_layers=1, **labels)
    getattr(oxbert, f"Electra{head}")(config, seed=0).save_pretrained(tmp_path)
    oxbert.AutoTokenizer.from_pretrained(GENERATOR).save_pretrained(tmp_path)
    answer = oxbert.pipeline(task, tmp_path)
    needed = {"candidate_labels": ["one", "two"]} if task.startswith("zero") else {}
    for name in type(answer)._bind.__kwdefaults__:
        for value in (torch.ones(2), torch.empty(2, device="meta"), torch.empty((), device="meta"), np.ones(2)):
            try:
                answer(text, **{**needed, name: value})
            except (OxbertError, TypeError, ValueError) as error:
                assert str(error), name


@pytest.mark.parametrize("inputs", [None, 5, float("nan"), object()])
def test_inputs_that_cannot_be_iterated_are_refused_by_name(fill: Any, inputs: Any) -> None:
    with pytest.raises(DtypeError, match=r"^inputs: expected one input, or a list or another iterable of inputs, got "):
        fill(inputs)


@pytest.mark.parametrize(
    ("task", "options", "name"),
    [
        ("fill-mask", {"targets": ["list", 3]}, "targets"),
        ("replaced-token-detection", {"threshold": "high"}, "threshold"),
        ("feature-extraction", {"pooling": "mean", "normalize": "no"}, "normalize"),
        ("zero-shot-classification", {"candidate_labels": ["a", 1]}, "candidate_labels"),
        ("zero-shot-classification", {"candidate_labels": ["a"], "multi_label": "no"}, "multi_label"),
        ("zero-shot-classification", {"candidate_labels": ["a"], "truncation": "do_not_truncate"}, "truncation"),
        ("zero-shot-classification", {"candidate_labels": ["a"], "hypothesis_template": 3}, "hypothesis_template"),
    ],
)
def test_options_of_other_types_are_refused_by_name(
    task: str, options: dict[str, Any], name: str, tmp_path: Path
) -> None:
    model = None if task in ("fill-mask", "replaced-token-detection") else GENERATOR
    if task == "zero-shot-classification":
        labels = {0: "contradiction", 1: "entailment"}
        config = oxbert.ElectraConfig.from_pretrained(GENERATOR, id2label=labels)
        oxbert.ElectraForSequenceClassification(config).save_pretrained(tmp_path)
        oxbert.ElectraTokenizer.from_pretrained(GENERATOR).save_pretrained(tmp_path)
        model = str(tmp_path)
    with pytest.raises(DtypeError, match=f"^{name}: expected "):
        oxbert.pipeline(task, model)("a [MASK]", **options)


def masked(text: str, places: list[int]) -> str:
    """Return a text with masks before some of its characters."""
    for place in sorted(places, reverse=True):
        place = place % (len(text) + 1)
        text = f"{text[:place]} [MASK] {text[place:]}"
    return text


@settings(max_examples=60)
@given(text=TEXT, places=st.lists(st.integers(0, 40), min_size=1, max_size=3), top_k=st.integers(1, 7))
def test_masks_are_filled_as_by_transformers(filling: Served, text: str, places: list[int], top_k: int) -> None:
    text = masked(text, places)
    expected = theirs_or_error(lambda: filling.theirs(text, top_k=top_k))
    if len(filling.ours.tokenizer(text)["input_ids"]) > LONGEST:
        with pytest.raises(TooLongError):
            filling.ours(text, top_k=top_k)
    else:
        same(filling.ours(text, top_k=top_k), expected)


@settings(max_examples=30)
@given(targets=st.lists(st.sampled_from([*WORDS[8:40], "unaffable", "zzqqw", "\U0001f600"]), min_size=1, max_size=5))
def test_targets_are_those_of_transformers(filling: Served, targets: list[str]) -> None:
    text = "The [MASK] word"
    ours, theirs = filling.ours(text, targets=targets), filling.theirs(text, targets=targets)
    # The order of equal scores is not defined.
    same(*(sorted(found, key=lambda one: (-round(one["score"], 6), one["token"])) for found in (ours, theirs)))
    assert ours == filling.ours(text, targets=targets, top_k=100)
    assert [filling.ours(text, targets=targets, top_k=1)[0]] == ours[:1]


def test_a_target_that_is_no_token_is_replaced_with_a_warning(fill: Any, caplog: pytest.LogCaptureFixture) -> None:
    text = "The function returns a [MASK]."
    assert next(one["token_str"] for one in fill(text, targets="electroencephalography")) in "electroencephalography"
    assert "no token 'electroencephalography'" in caplog.text
    caplog.clear()
    assert [one["token_str"] for one in fill(text, targets=["list", "\u200b"])] == ["list"]
    assert "has no tokens and is left out" in caplog.text
    for none in ([], ["\u200b"]):
        with pytest.raises(InputError, match="targets: expected at least one"):
            fill(text, targets=none)


# Replaced tokens.


@pytest.fixture(scope="module")
def detect() -> Any:
    return oxbert.pipeline("replaced-token-detection", threshold=0)


@settings(max_examples=60)
@given(text=TEXT)
def test_words_have_the_largest_probability_of_their_tokens(detect: Any, text: str) -> None:
    words = detect(text)
    tokens = oxbert.ReplacedTokenDetection.from_pretrained(DISCRIMINATOR)([text])[0]
    assert len(words) == len({(token["start"], token["end"]) for token in tokens}) or len(words) <= len(tokens)
    for word in words:
        assert list(word) == ["word", "start", "end", "probability"]
        assert text[word["start"] : word["end"]] == word["word"]
        inside = [one for one in tokens if word["start"] <= one["start"] and one["end"] <= word["end"]]
        assert word["probability"] == max(one["probability"] for one in inside)
    # Words are in the order of the text, and every token is in one.
    assert [word["start"] for word in words] == sorted(word["start"] for word in words)
    assert {one["start"] for one in words} <= {one["start"] for one in tokens}


def test_a_threshold_selects_words_and_a_generator_suggests_others() -> None:
    detect = oxbert.pipeline("replaced-token-detection", generator=GENERATOR)
    text = "The function returns the elephant of the list. Caf\u00e9 [MASK] \U0001f600 ok"
    everything = detect(text, threshold=0)
    assert [word["word"] for word in everything][:5] == ["The", "function", "returns", "the", "elephant"]
    likely = sorted(everything, key=lambda word: -word["probability"])
    limit = likely[2]["probability"]
    assert detect(text, threshold=limit) == [word for word in everything if word["probability"] >= limit]
    fill = oxbert.pipeline("fill-mask")
    for word in everything:
        start, end = word["start"], word["end"]
        assert len(word["suggestions"]) == 5
        assert [[one["token_str"]] for one in word["suggestions"]].count(fill.tokenizer.tokenize(word["word"])) == 0
    word = everything[4]
    start, end = word["start"], word["end"]
    expected = fill(f"{text[:start]}[MASK]{text[end:]}", top_k=5)[0]
    best = {one["token"]: one["score"] for one in expected}
    assert {one["token"]: one["score"] for one in word["suggestions"]} == pytest.approx(best)
    assert len(detect(text, threshold=0, top_k=2)[0]["suggestions"]) == 2
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(InputError, match="threshold"):
            detect(text, threshold=wrong)
