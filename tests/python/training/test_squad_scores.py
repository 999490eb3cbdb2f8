"""Compare the scores of answers with the official scorers, transcribed here from their definitions."""

from __future__ import annotations

import collections
import re
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oxbert.errors import InputError
from oxbert.training.finetuning.metrics.squad import exact_match, f1, normalize_answer, score_v1, score_v2


def normalized(text: str) -> str:
    """Transcribe the normalisation of both scorers, step by step."""
    text = text.lower()
    text = "".join(character for character in text if character not in set(string.punctuation))
    text = re.sub(re.compile(r"\b(a|an|the)\b", re.UNICODE), " ", text)
    return " ".join(text.split())


def official_v1(answers: dict[str, str], gold: dict[str, list[str]], *, skip: bool = False) -> dict[str, float]:
    """Transcribe the scorer of SQuAD 1.1; with `skip`, that of MRQA with its option to skip unanswered questions."""

    def word_f1(prediction: str, truth: str) -> float:
        one, other = normalized(prediction).split(), normalized(truth).split()
        common = collections.Counter(one) & collections.Counter(other)
        same = sum(common.values())
        if same == 0:
            return 0
        precision, recall = 1.0 * same / len(one), 1.0 * same / len(other)
        return (2 * precision * recall) / (precision + recall)

    total = em = overlap = 0.0
    for name, texts in gold.items():
        if name not in answers:
            total += not skip
            continue
        total += 1
        em += max(normalized(answers[name]) == normalized(text) for text in texts)
        overlap += max(word_f1(answers[name], text) for text in texts)
    return {"exact_match": 100.0 * em / total, "f1": 100.0 * overlap / total}


def official_v2(
    predictions: dict[str, str], gold: dict[str, list[str]], odds: dict[str, float] | None, threshold: float
) -> dict[str, float]:
    """Transcribe the scorer of SQuAD 2.0."""

    def tokens(text: str) -> list[str]:
        return normalized(text).split() if text else []

    def compute_f1(truth: str, prediction: str) -> float:
        one, other = tokens(truth), tokens(prediction)
        same = sum((collections.Counter(one) & collections.Counter(other)).values())
        if len(one) == 0 or len(other) == 0:
            return int(one == other)
        if same == 0:
            return 0
        precision, recall = 1.0 * same / len(other), 1.0 * same / len(one)
        return (2 * precision * recall) / (precision + recall)

    has_answer = {name: bool(texts) for name, texts in gold.items()}
    probabilities = odds if odds is not None else dict.fromkeys(predictions, 0.0)
    exact: dict[str, float] = {}
    overlap: dict[str, float] = {}
    for name, texts in gold.items():
        truths = [text for text in texts if normalized(text)]
        if not truths:
            truths = [""]
        exact[name] = max(int(normalized(text) == normalized(predictions[name])) for text in truths)
        overlap[name] = max(compute_f1(text, predictions[name]) for text in truths)

    def thresholded(scores: dict[str, float]) -> dict[str, float]:
        return {
            name: float(not has_answer[name]) if probabilities[name] > threshold else score
            for name, score in scores.items()
        }

    def report(names: list[str]) -> list[float]:
        exacts, overlaps = thresholded(exact), thresholded(overlap)
        return [
            100.0 * sum(exacts[name] for name in names) / len(names),
            100.0 * sum(overlaps[name] for name in names) / len(names),
            len(names),
        ]

    result = dict(zip(("exact", "f1", "total"), report(list(gold)), strict=True))
    for prefix, kind in (("HasAns", True), ("NoAns", False)):
        names = [name for name in gold if has_answer[name] is kind]
        if names:
            result |= {
                f"{prefix}_{key}": value for key, value in zip(("exact", "f1", "total"), report(names), strict=True)
            }
    if odds is None:
        return result
    for key, scores in (("exact", exact), ("f1", overlap)):
        current = sum(1 for name in has_answer if not has_answer[name])
        best, best_threshold = current, 0.0
        for name in sorted(odds, key=lambda name: odds[name]):
            if name not in scores:
                continue
            current += scores[name] if has_answer[name] else -1 if predictions[name] else 0
            if current > best:
                best, best_threshold = current, odds[name]
        result |= {f"best_{key}": 100.0 * best / len(scores), f"best_{key}_thresh": best_threshold}
    return result


PIECES = [
    "a",
    "an",
    "the",
    "A",
    "The",
    "THE",
    "cat",
    "Cat",
    "dog",
    "the.",
    "a-b",
    "theé",
    "«the»",
    "_the_",
    "日本",
    "é",
]
TEXTS = st.one_of(
    st.lists(st.sampled_from([*PIECES, "'s", "!", ".", "\u00a0", "\u3000", "\t"]), max_size=5).map(" ".join),
    st.text(max_size=8),
)
# Few numbers, so that many are equal.
ODDS = st.sampled_from([-3.0, -2.75, -1.0, 0.0, 0.5, 1.0, 1.5])


@st.composite
def data_sets(draw: st.DrawFn, least: int) -> tuple[dict[str, str], dict[str, list[str]], dict[str, float]]:
    """Draw predictions, the gold answers and the odds of some questions."""
    names = [f"q{number}" for number in range(draw(st.integers(1, 8)))]
    gold = {name: draw(st.lists(TEXTS, min_size=least, max_size=3)) for name in names}
    near = {name: st.sampled_from(texts) if texts else st.just("") for name, texts in gold.items()}
    predictions = {name: draw(st.one_of(TEXTS, near[name], st.just(""))) for name in names}
    odds = {name: draw(ODDS) for name in draw(st.permutations(names))}
    return predictions, gold, odds


def same(one: dict[str, float], other: dict[str, float]) -> bool:
    """Return whether two results have the same figures, up to rounding."""
    return one == pytest.approx(other, abs=1e-9)


@given(TEXTS)
def test_texts_are_normalised_as_the_scorers_do(text: str) -> None:
    assert normalize_answer(text) == normalized(text)


@given(data_sets(least=1), st.sets(st.integers(0, 7)), st.booleans())
def test_the_scores_are_those_of_squad_1(drawn: Any, left_out: set[int], skip: bool) -> None:
    predictions, gold, _ = drawn
    answers = {name: text for place, (name, text) in enumerate(predictions.items()) if place not in left_out}
    if skip and not answers:
        with pytest.raises(InputError, match="at least one question"):
            score_v1(answers, gold, skip_unanswered=True)
        return
    assert same(score_v1(answers, gold, skip_unanswered=skip), official_v1(answers, gold, skip=skip))


@given(data_sets(least=0), st.booleans(), ODDS)
def test_the_scores_are_those_of_squad_2(drawn: Any, has_odds: bool, threshold: float) -> None:
    predictions, gold, odds = drawn
    given_odds = odds if has_odds else None
    got = score_v2(predictions, gold, given_odds, threshold=threshold)
    assert same(got, official_v2(predictions, gold, given_odds, threshold))
    assert list(got)[:3] == ["exact", "f1", "total"]


@pytest.mark.parametrize(
    ("answer", "gold", "exact", "overlap"),
    [
        ("The Norman dukes", "norman dukes!", 1.0, 1.0),
        ("in Normandy, France", "Normandy", 0.0, 0.5),
        ("the", "a", 1.0, 0.0),
        ("日本", "日本。", 0.0, 0.0),
    ],
)
def test_some_scores_are_known(answer: str, gold: str, exact: float, overlap: float) -> None:
    assert (exact_match(answer, gold), f1(answer, gold)) == (exact, overlap)


def test_what_cannot_be_scored_is_refused() -> None:
    with pytest.raises(InputError, match="at least one question"):
        score_v1({}, {})
    with pytest.raises(InputError, match="a gold answer for the question 'q'"):
        score_v1({"q": "x"}, {"q": []})
    with pytest.raises(InputError, match="at least one question"):
        score_v2({"other": "x"}, {"q": []})
    with pytest.raises(InputError, match="a number for the question 'q'"):
        score_v2({"q": "x"}, {"q": []}, {})
