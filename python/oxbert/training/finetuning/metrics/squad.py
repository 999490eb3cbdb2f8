"""Score answers to questions as the scorers of SQuAD 1.1, SQuAD 2.0 and MRQA do.

An answer is compared with every gold answer of its question, after normalisation, and the best comparison counts. All
shares are in percent.

Source: the official scorers `evaluate-v1.1.py` and `evaluate-v2.0.py` of SQuAD (Rajpurkar et al. 2016, section 6.1, and
2018, section 6), and `mrqa_official_eval.py` of MRQA 2019, which computes what the first does.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from oxbert._checks import refused

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalize_answer(text: str) -> str:
    """Return a text in lower case, without ASCII punctuation and English articles, and with single spaces.

    Example:
        >>> normalize_answer("The  Normans' dukes")
        'normans dukes'
    """
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(answer: str, gold: str) -> float:
    """Return 1.0 if two texts are the same after normalisation, otherwise 0.0."""
    return float(normalize_answer(answer) == normalize_answer(gold))


def f1(answer: str, gold: str) -> float:
    """Return the harmonic mean of precision and recall of the words of an answer, 0.0 if no word is in both."""
    found, wanted = normalize_answer(answer).split(), normalize_answer(gold).split()
    same = sum((Counter(found) & Counter(wanted)).values())
    if same == 0:
        return 0.0
    precision, recall = same / len(found), same / len(wanted)
    return 2 * precision * recall / (precision + recall)


def score_v1(
    answers: Mapping[str, str], gold: Mapping[str, Sequence[str]], *, skip_unanswered: bool = False
) -> dict[str, float]:
    """Return `exact_match` and `f1`, as the scorers of SQuAD 1.1 and MRQA do.

    Args:
        answers: The answer to each question, by the question's id.
        gold: The gold answers of each question, by its id.
        skip_unanswered: Whether a question without an answer is left out; otherwise the question counts 0.

    Raises:
        InputError: if there is no question to score, or a question has no gold answer.
    """
    counted = [question for question in gold if question in answers or not skip_unanswered]
    if not counted:
        raise refused("gold", "expected at least one question to score, got none")
    totals = {"exact_match": 0.0, "f1": 0.0}
    for question in counted:
        if not gold[question]:
            raise refused("gold", f"expected a gold answer for the question {question!r}, got none; use score_v2")
        if question in answers:
            totals["exact_match"] += max(exact_match(answers[question], text) for text in gold[question])
            totals["f1"] += max(f1(answers[question], text) for text in gold[question])
    return {name: 100 * total / len(counted) for name, total in totals.items()}


def score_v2(
    answers: Mapping[str, str],
    gold: Mapping[str, Sequence[str]],
    null_odds: Mapping[str, float] | None = None,
    *,
    threshold: float = 1.0,
) -> dict[str, float]:
    """Return what the scorer of SQuAD 2.0 does, in which questions may have no answer.

    `exact`, `f1` and `total` are over all answered questions, those with `HasAns_` over questions that have an answer
    and those with `NoAns_` over the rest. With `null_odds`, `best_exact` and `best_f1` are the best that any threshold
    gives, and `best_exact_thresh` and `best_f1_thresh` the lowest such thresholds.

    Args:
        answers: The answer to each question, by the question's id; empty if there is none.
        gold: The gold answers of each question, by its id; empty if it has none.
        null_odds: For each answered question a number that grows with the odds that there is no answer.
        threshold: The number of `null_odds` above which the answer counts as none.

    Raises:
        InputError: if no question of `gold` is answered, or an answered question has no number in `null_odds`.
    """
    scored = [question for question in gold if question in answers]
    if not scored:
        raise refused("answers", "expected an answer to at least one question, got none")
    odds = dict.fromkeys(answers, 0.0) if null_odds is None else null_odds
    for question in scored:
        if question not in odds:
            raise refused("null_odds", f"expected a number for the question {question!r}, got none")
    exact, overlap = {}, {}
    for question in scored:
        texts = [text for text in gold[question] if normalize_answer(text)] or [""]
        exact[question] = max(exact_match(answers[question], text) for text in texts)
        overlap[question] = max(_f1_or_none(answers[question], text) for text in texts)
    has_answer = {question: bool(texts) for question, texts in gold.items()}
    counted = [
        {name: float(not has_answer[name]) if odds[name] > threshold else value for name, value in scores.items()}
        for scores in (exact, overlap)
    ]
    result = _means("", counted, scored)
    for prefix, kind in (("HasAns_", True), ("NoAns_", False)):
        if any(value is kind for value in has_answer.values()):
            result |= _means(prefix, counted, [question for question in scored if has_answer[question] is kind])
    if null_odds is not None:
        for name, scores in (("exact", exact), ("f1", overlap)):
            best, best_threshold = _best_threshold(answers, scores, odds, has_answer)
            result |= {f"best_{name}": best, f"best_{name}_thresh": best_threshold}
    return result


def _f1_or_none(answer: str, gold: str) -> float:
    """Return the F1 of SQuAD 2.0, for which two texts without a word are the same."""
    if not normalize_answer(answer) or not normalize_answer(gold):
        return exact_match(answer, gold)
    return f1(answer, gold)


def _means(prefix: str, counted: Sequence[Mapping[str, float]], questions: Collection[str]) -> dict[str, float]:
    """Return the means over some questions in percent, and their number. The means of no question are 0."""
    means = [100 * sum(scores[question] for question in questions) / max(1, len(questions)) for scores in counted]
    return dict(zip((f"{prefix}exact", f"{prefix}f1", f"{prefix}total"), [*means, len(questions)], strict=True))


def _best_threshold(
    answers: Mapping[str, str], scores: Mapping[str, float], odds: Mapping[str, float], has_answer: Mapping[str, bool]
) -> tuple[float, float]:
    """Return the best mean score in percent that a threshold gives, and the threshold.

    With a threshold below all odds every answer is none, which is right for each question without an answer. Raising it
    past the odds of a question gives that question its answer.
    """
    score = best = float(sum(not value for value in has_answer.values()))
    threshold = 0.0
    # Ties keep the order of `odds`, and each question of a tie is tried, as in the official scorer.
    for question in sorted(odds, key=lambda name: odds[name]):
        if question not in scores:
            continue
        if has_answer[question]:
            score += scores[question]
        elif answers[question]:
            score -= 1
        if score > best:
            best, threshold = score, odds[question]
    return 100 * best / len(scores), threshold


__all__ = ["exact_match", "f1", "normalize_answer", "score_v1", "score_v2"]
