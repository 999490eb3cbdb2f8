"""Compare the pipeline for token classification with that of transformers, on the same random weights."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import oxbert
from oxbert.errors import DtypeError, InputError, OxbertError, UntrainedHeadError

from .pipelines_reference import FAMILIES, LONGEST, Served, same, serve
from .text_reference import TEXT

LABELS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "MISC-X", "E-PER", "PER"]
STRATEGIES = ["none", "simple", "first", "average", "max"]
WORDS = st.sampled_from(
    "the word unaffable naive cafe caf\xe9s, e\u0301 \u4e2d\u6587 \U0001f600 \ud55c\uad6d\uc5b4 don't zzz [MASK] . ##s".split()
)
LONG = st.lists(WORDS, min_size=40, max_size=120).map(" ".join)


@pytest.fixture(scope="module", params=FAMILIES)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Served:
    """Return the pipelines of a model with random weights."""
    folder, labels = tmp_path_factory.mktemp("model"), dict(enumerate(LABELS))
    return serve(folder, request.param, "ForTokenClassification", "token-classification", id2label=labels)


def expected(served: Served, inputs: Any, **options: Any) -> Any:
    """Return the answer of transformers with Python's numbers."""

    def plain(value: Any) -> Any:
        if isinstance(value, list):
            return [plain(one) for one in value]
        return value | {"score": float(value["score"])}

    return plain(served.theirs(inputs, **options))


def fits(served: Served, text: str) -> bool:
    return len(served.ours.tokenizer(text)["input_ids"]) <= LONGEST


@settings(max_examples=150)
@given(
    text=TEXT, strategy=st.sampled_from(STRATEGIES), ignored=st.sampled_from([None, [], ["PER", "O"], ["B-PER", "LOC"]])
)
def test_labels_are_those_of_transformers(served: Served, text: str, strategy: str, ignored: list[str] | None) -> None:
    if not fits(served, text):
        text = text[:20]
    options: dict[str, Any] = {"aggregation_strategy": strategy, "ignore_labels": ignored}
    found = served.ours(text, **options)
    same(found, expected(served, text, **options))
    for one in found:
        assert one["word"] or one["end"] <= one["start"]


@settings(max_examples=60)
@given(text=LONG, strategy=st.sampled_from(STRATEGIES[1:]), stride=st.integers(0, LONGEST - 3))
def test_windows_are_merged_as_by_transformers(served: Served, text: str, strategy: str, stride: int) -> None:
    options: dict[str, Any] = {"aggregation_strategy": strategy, "stride": stride}
    same(served.ours(text, **options), expected(served, text, **options))


@settings(max_examples=40)
@given(text=LONG, stride=st.none() | st.integers(0, LONGEST - 3))
def test_every_token_of_a_long_text_is_labelled(served: Served, text: str, stride: int | None) -> None:
    found = served.ours(text, stride=stride, ignore_labels=[])
    row = served.ours.tokenizer(text, return_offsets_mapping=True)
    assert [one["index"] for one in found] == list(range(1, len(row["input_ids"]) - 1))
    assert [(one["start"], one["end"]) for one in found] == row["offset_mapping"][1:-1]
    # The first window says what it says alone, up to the tokens that it shares.
    shared = (LONGEST - 2) // 4 if stride is None else stride
    first = text[: row["offset_mapping"][min(len(found), LONGEST - 2)][1]]
    same(found[: LONGEST - 2 - shared], served.ours(first, ignore_labels=[])[: LONGEST - 2 - shared])


@settings(max_examples=40)
@given(
    words=st.lists(WORDS, min_size=1, max_size=12), strategy=st.sampled_from(STRATEGIES), delimiter=st.text(max_size=2)
)
def test_words_are_labelled_as_by_transformers(served: Served, words: list[str], strategy: str, delimiter: str) -> None:
    options: dict[str, Any] = {"aggregation_strategy": strategy, "is_split_into_words": True, "delimiter": delimiter}
    options |= {"ignore_labels": []}
    found = served.ours(words, **options)
    same([found], expected(served, [words], **options))
    assert served.ours([words, words[:1]], **options)[0] == found


def test_one_gives_one_and_the_batch_changes_nothing(served: Served) -> None:
    texts = ["the word", "", "naive cafe " * 40, "\U0001f600", "unaffable " * 9]
    alone = [served.ours(text, aggregation_strategy="max") for text in texts]
    same(served.ours(texts, aggregation_strategy="max"), alone)
    same(list(served.ours(iter(texts), aggregation_strategy="max")), alone)
    assert alone[1] == []
    again = pickle.loads(pickle.dumps(served.ours))
    same(again(texts, aggregation_strategy="max"), alone)


def test_alias_precisions_and_loaded_models(served: Served) -> None:
    text = "the naive word of the unaffable cafe"
    ner = oxbert.pipeline("ner", served.folder, ignore_labels=[], batch_tokens=8)
    assert ner.task == "token-classification"
    same(ner(text), served.ours(text, ignore_labels=[]))
    family = type(ner.config).__name__.removesuffix("Config")
    model = getattr(oxbert, f"{family}ForTokenClassification").from_pretrained(served.folder)
    same(oxbert.pipeline("ner", model, ner.tokenizer, ignore_labels=[])(text), ner(text))
    rounded = oxbert.pipeline("ner", served.folder, precision="int8", ignore_labels=[])(text)
    assert [one["index"] for one in rounded] == [one["index"] for one in ner(text)]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"aggregation_strategy": "mean"}, InputError, r"aggregation_strategy: expected one of none, simple, .*'mean'"),
        ({"aggregation_strategy": None}, DtypeError, "aggregation_strategy"),
        ({"ignore_labels": "O"}, DtypeError, "ignore_labels: expected .*a list of str"),
        ({"ignore_labels": [1]}, DtypeError, "ignore_labels.*int"),
        ({"stride": LONGEST - 2}, InputError, f"stride: expected less than the {LONGEST - 2} tokens"),
        ({"stride": -1}, InputError, "stride: expected at least 0"),
        ({"delimiter": "-"}, InputError, "delimiter"),
        ({"top_k": 1}, TypeError, "no option 'top_k'"),
    ],
)
def test_bad_options_are_refused(served: Served, options: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message.replace("'", "['\"]")):
        served.ours("the word", **options)


@pytest.mark.parametrize("inputs", [5, None, [5], ["a", None], [["a", "b"]], {"text": "a"}])
def test_inputs_that_are_not_texts_are_refused(served: Served, inputs: Any) -> None:
    with pytest.raises((OxbertError, TypeError)):
        served.ours(inputs)
    with pytest.raises((OxbertError, TypeError)):
        served.ours([5], is_split_into_words=True)


def test_models_without_the_head_are_refused() -> None:
    with pytest.raises(UntrainedHeadError):
        oxbert.pipeline("ner", "electra-tiny-discriminator")
    with pytest.raises(InputError, match="no model of token-classification ships with oxbert"):
        oxbert.pipeline("ner")
