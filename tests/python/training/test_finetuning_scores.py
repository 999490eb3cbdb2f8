"""Compare the figures with definitions written out here, on generated predictions."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oxbert.training import TASKS
from oxbert.training.finetuning.metrics import scores
from oxbert.training.finetuning.tasks.spans import encode_spans, find_spans
from oxbert.training.finetuning.tasks.task import TaggedExample, TextExample

TAGS = [f"{letter}-{kind}" for letter in "BIES" for kind in ("NP", "VP")] + ["O"]
ROWS = st.lists(
    st.lists(st.tuples(st.sampled_from(TAGS), st.sampled_from(TAGS)), min_size=1, max_size=9), min_size=1, max_size=5
)


def correlation(one: list[float], other: list[float]) -> float:
    """Return Pearson's correlation by its definition."""
    first, second = (np.array(values) - np.mean(values) for values in (one, other))
    return float((first * second).sum() / math.sqrt((first**2).sum() * (second**2).sum()))


def ranks(values: list[float]) -> list[float]:
    """Return ranks; equal values share the mean of theirs."""
    return [
        sum(other < value for other in values) + (sum(other == value for other in values) + 1) / 2 for value in values
    ]


@given(st.lists(st.tuples(st.sampled_from("01"), st.sampled_from("01")), min_size=1, max_size=40))
def test_figures_of_classes(pairs: list[tuple[str, str]]) -> None:
    counts = Counter(pairs)
    hit, false, missed, rest = (counts[pair] for pair in [("1", "1"), ("1", "0"), ("0", "1"), ("0", "0")])
    found = scores.classes([one for one, _ in pairs], [other for _, other in pairs], ["accuracy", "mcc", "f1"])
    assert found["accuracy"] == pytest.approx((hit + rest) / len(pairs))
    below = (hit + false) * (hit + missed) * (rest + false) * (rest + missed)
    assert found["mcc"] == pytest.approx((hit * rest - false * missed) / math.sqrt(below) if below else 0.0)
    assert found["f1"] == pytest.approx(2 * hit / (2 * hit + false + missed) if hit else 0.0)


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=2, max_size=30))
def test_figures_of_numbers(pairs: list[tuple[int, int]]) -> None:
    """Take numbers from 0 to 5 as those of sts; the original divides them by 5 before the squared error."""
    values, truth = ([number / 4 for number in column] for column in zip(*pairs, strict=True))
    task = TASKS["sts"]
    found = task.score([{"value": value} for value in values], [TextExample("", "a", "b", value) for value in truth])
    mean = np.mean([((one - other) / 5) ** 2 for one, other in zip(values, truth, strict=True)])
    assert found["mse"] == pytest.approx(mean)
    if len(set(values)) == 1 or len(set(truth)) == 1:
        assert math.isnan(found["pearson"]) and math.isnan(found["spearman"])
    else:
        assert found["pearson"] == pytest.approx(correlation(values, truth))
        assert found["spearman"] == pytest.approx(correlation(ranks(values), ranks(truth)))


def spans_of(tags: list[str]) -> set[tuple[int, int, str]]:
    """Return the spans as the original reads them: cut at O, B and S; the last tag names the kind."""
    found, begin = set(), 0
    for end in range(1, len(tags) + 1):
        ends = end == len(tags) or tags[end] == "O" or tags[end][0] in "BS" or tags[end - 1] == "O"
        if ends:
            if tags[end - 1] != "O":
                found.add((begin, end - 1, tags[end - 1].split("-")[1]))
            begin = end
    return found


@given(ROWS)
def test_figures_of_chunks(rows: list[list[tuple[str, str]]]) -> None:
    predicted, truth = ([[pair[side] for pair in row] for row in rows] for side in (0, 1))
    right = marked = wanted = 0
    for one, other in zip(predicted, truth, strict=True):
        right += len(spans_of(one) & spans_of(other))
        marked, wanted = marked + len(spans_of(one)), wanted + len(spans_of(other))
    examples = [TaggedExample("", tuple("w" * len(row)), tuple(row)) for row in truth]
    found = TASKS["chunk"].score([{"tags": row} for row in predicted], examples)
    precision, recall = (right / marked, right / wanted) if right else (0.0, 0.0)
    assert (found["precision"], found["recall"]) == pytest.approx((precision, recall))
    assert found["f1"] == pytest.approx(2 * precision * recall / (precision + recall) if right else 0.0)
    pairs = [pair for row in rows for pair in row]
    assert found["accuracy"] == pytest.approx(sum(one == other for one, other in pairs) / len(pairs))


@given(st.lists(st.sampled_from(TAGS), min_size=1, max_size=12))
def test_spans_survive_their_encoding(tags: list[str]) -> None:
    spans = find_spans(tags)
    encoded = encode_spans(spans, len(tags))
    assert (
        set(spans) == spans_of(tags) == set(find_spans(encoded))
        and encode_spans(find_spans(encoded), len(tags)) == encoded
    )


@given(st.lists(st.tuples(st.sets(st.sampled_from("abc")), st.sets(st.sampled_from("abc"))), min_size=1, max_size=12))
def test_figures_of_several_labels(pairs: list[tuple[set[str], set[str]]]) -> None:
    found = scores.several([one for one, _ in pairs], [other for _, other in pairs])
    both, either = (sum(len(one & other) for one, other in pairs), sum(len(one) + len(other) for one, other in pairs))
    if either:
        assert found["micro_f1"] == pytest.approx(2 * both / either)
    assert found["accuracy"] == pytest.approx(sum(one == other for one, other in pairs) / len(pairs))
