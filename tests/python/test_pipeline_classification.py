"""Compare the pipelines that classify texts with those of transformers, on the same random weights."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oxbert
from oxbert.errors import ConfigError, InputError, OxbertError, TooLongError

from . import reference
from .pipelines_reference import FAMILIES, LONGEST, Served, same, serve
from .text_reference import SHORT, TEXT, WORDS, fresh

CONFIGS: dict[str, dict[str, Any]] = {
    "three-labels": {"num_labels": 3},
    "named": {"id2label": {0: "good", 1: "bad"}, "label2id": {"good": 0, "bad": 1}},
    "multi-label": {"num_labels": 4, "problem_type": "multi_label_classification"},
    "regression": {"num_labels": 2, "problem_type": "regression"},
    "one-label": {"num_labels": 1},
}
NLI = {"id2label": {0: "ENTAILMENT", 1: "neutral", 2: "contradiction"}}
NLI_LAST = {"id2label": {0: "contradiction", 1: "neutral", 2: "entailment"}}

FUNCTIONS = st.sampled_from([{}, *({"function_to_apply": name} for name in ("none", "sigmoid", "softmax"))])
COUNTS = st.sampled_from([{}, {"top_k": None}, {"top_k": 1}, {"top_k": 2}])


@pytest.fixture(scope="module", params=[(family, name) for family in FAMILIES for name in CONFIGS], ids="-".join)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Served:
    family, name = request.param
    config, folder = CONFIGS[name], tmp_path_factory.mktemp("model")
    return serve(folder, family, "ForSequenceClassification", "text-classification", **config)


def length(served: Served, *texts: str) -> int:
    return len(served.ours.tokenizer(*texts)["input_ids"])


@settings(max_examples=25)
@given(text=TEXT | SHORT, function=FUNCTIONS, count=COUNTS, truncation=st.booleans())
def test_labels_are_those_of_transformers(
    served: Served, text: str, function: dict[str, Any], count: dict[str, Any], truncation: bool
) -> None:
    text, options = text * (9 if truncation else 1), function | count
    if truncation:
        options |= {"truncation": True}
    elif length(served, text) > LONGEST:
        with pytest.raises(TooLongError):
            served.ours(text, **options)
        return
    ours = served.ours(text, **options)
    same(ours, served.theirs(text, **options))
    assert served.ours([text, "word", text], **options)[2] == (ours if "top_k" in count else ours[0])


@settings(max_examples=25)
@given(text=TEXT, other=SHORT, count=COUNTS, truncation=st.sampled_from([True, "only_first", "longest_first"]))
def test_pairs_are_those_of_transformers(
    served: Served, text: str, other: str, count: dict[str, Any], truncation: Any
) -> None:
    pair = {"text": text, "text_pair": other}
    options = {"truncation": truncation} | count
    same(served.ours(pair, **options), served.theirs(pair, **options))
    rows = [pair, "the word", pair]
    same(
        served.ours(rows, **options),
        [served.theirs(row, **options) for row in rows[:1]] + served.ours(rows[1:], **options),
    )
    stream = served.ours((row for row in rows), **options)
    assert list(stream) == served.ours(rows, **options)


def test_long_texts_are_never_cut_unasked(served: Served) -> None:
    long = "the word " * 100
    for answer in (lambda: served.ours(["the", long]), lambda: list(served.ours(iter(["the", long])))):
        with pytest.raises(TooLongError) as caught:
            answer()
        assert (caught.value.row, caught.value.length, caught.value.maximum) == (1, 202, LONGEST)
    assert len(served.ours(["the", long], truncation=True)) == 2


def test_options_and_inputs_are_checked(served: Served) -> None:
    for options, what in [({"top_k": 0}, "top_k"), ({"function_to_apply": "tanh"}, "function_to_apply")]:
        with pytest.raises(InputError) as caught:
            served.ours("the word", **options)
        assert caught.value.what == what
    with pytest.raises(InputError, match="text_pair"):
        served.ours([["the", "word"]])
    for wrong in ({"text_pair": "a"}, {"text": "a", "pair": "b"}, 5, {"text": 5}, ["a", None]):
        with pytest.raises((OxbertError, TypeError)):
            served.ours(wrong)
    with pytest.raises(InputError, match="model: expected a text classifier"):
        oxbert.pipeline("sentiment-analysis")


def test_the_alias_and_a_loaded_model_give_the_same(served: Served) -> None:
    texts = ["the word", "\U0001f600 caf\xe9"]
    expected = served.ours(texts)
    assert oxbert.pipeline("sentiment-analysis", served.folder)(texts) == expected
    assert pickle.loads(pickle.dumps(served.ours))(texts) == expected
    model = oxbert.AutoModelForSequenceClassification.from_pretrained(served.folder)
    same(oxbert.pipeline("text-classification", model, served.ours.tokenizer)(texts), expected)
    low = oxbert.pipeline("text-classification", served.folder, precision="int8")
    assert low.precision == "int8" and len(low(texts)) == 2


# Zero-shot.


@pytest.fixture(
    scope="module", params=[(family, end) for family in FAMILIES for end in ("first", "last")], ids="-".join
)
def inferring(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Served:
    family, end = request.param
    config = NLI if end == "first" else NLI_LAST
    config = config | {"label2id": {label: number for number, label in config["id2label"].items()}}
    folder, task = tmp_path_factory.mktemp("model"), "zero-shot-classification"
    return serve(folder, family, "ForSequenceClassification", task, **config)


LABELS = st.lists(
    st.sampled_from(["word", "unaffable", "\u4e2d\u6587", "caf\xe9", "the", "\U0001f600"]), min_size=1, unique=True
)


@settings(max_examples=40)
@given(
    text=TEXT.filter(bool),
    labels=LABELS,
    template=st.sampled_from(["This example is {}.", "the {} word", "{}"]),
    multi_label=st.booleans(),
)
def test_labels_by_name_are_ranked_as_by_transformers(
    inferring: Served, text: str, labels: list[str], template: str, multi_label: bool
) -> None:
    options = {"candidate_labels": labels, "hypothesis_template": template, "multi_label": multi_label}
    expected = inferring.theirs(text, **options)
    ours = inferring.ours(text, truncation=True, **options)
    theirs = dict(zip(expected["labels"], expected["scores"], strict=True))
    assert ours["sequence"] == expected["sequence"] == text
    assert ours["scores"] == sorted(ours["scores"], reverse=True)
    same(dict(zip(ours["labels"], ours["scores"], strict=True)), {label: theirs[label] for label in ours["labels"]})
    assert inferring.ours(["the word", text], truncation=True, **options)[1] == ours
    longest = max(length(inferring, text, template.replace("{}", label)) for label in labels)
    if longest > LONGEST:
        with pytest.raises(TooLongError) as caught:
            inferring.ours(["the word", text], **options)
        assert caught.value.row == 1
    else:
        assert inferring.ours(text, **options) == ours


def test_labels_may_be_a_string_and_the_second_argument(inferring: Served) -> None:
    expected = inferring.ours("the word", candidate_labels=["word", "caf\xe9"])
    assert inferring.ours("the word", "word, caf\xe9,") == expected
    assert list(inferring.ours(iter(["the word"]), ["word", "caf\xe9"])) == [expected]
    for options in ({}, {"candidate_labels": []}, {"candidate_labels": "a", "hypothesis_template": "no place"}):
        with pytest.raises(InputError):
            inferring.ours("the word", **options)


def test_a_model_without_entailment_is_refused(tmp_path: Path) -> None:
    values = reference.values_of("ElectraForSequenceClassification", "small", vocab_size=len(WORDS))
    reference.build("ElectraForSequenceClassification", values, tmp_path)
    with pytest.raises(ConfigError, match="entailment, got LABEL_0, LABEL_1") as caught:
        oxbert.pipeline("zero-shot-classification", tmp_path, fresh()[0])
    assert caught.value.field == "label2id"
