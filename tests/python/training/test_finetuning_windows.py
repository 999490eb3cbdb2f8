"""Compare windows, labels and answers with google-research/electra, transcribed here from its description, and run_qa.

The transcription works as the original does: on the tokens of words between white space, not on characters.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import transformers
from hypothesis import assume, given
from hypothesis import strategies as st

import oxbert
from oxbert.errors import InputError
from oxbert.training.finetuning.config import FineTuningConfig
from oxbert.training.finetuning.data.examples import QuestionExample
from oxbert.training.finetuning.tasks.answers import (
    Candidates,
    QuestionFeature,
    choose_answers,
    independent_candidates,
    make_features,
)

LETTERS = [f"{prefix}{letter}" for letter in "abcdefghijklmnopqrstuvwxyz" for prefix in ("", "##")]
WORDS = [
    "the",
    "##ing",
    "norman",
    "##s",
    "##man",
    "日",
    "本",
    "é",
    "##é",
    "ᄒ",
    "##ᅡ",
    "##ᆫ",
    "🏰",
    "who",
    ".",
    ",",
    "!",
    "-",
    "?",
]
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *WORDS]
TOKENIZER = oxbert.ElectraTokenizer({word: number for number, word in enumerate(VOCABULARY)})
PEER = transformers.BertTokenizer(vocab={word: number for number, word in enumerate(VOCABULARY)}, do_lower_case=True)

PIECES = [
    "the", "Norman", "Normans", "who", "doing", "x", ".", ",", "-", "!", "日本", "日", "🏰", "cafe\u0301", "É", "한", "\u0301",
    "\u200b", "\ufeff", "ﬁ", "\u202e", "𝔘", "\U0001f469\u200d\U0001f680", "\x00",
]  # fmt: skip
SPACES = [" ", "  ", "\n", "\t", "\u00a0", "\u3000", ""]


@st.composite
def texts(draw: st.DrawFn, most: int = 12) -> str:
    """Draw a text of words, symbols and characters of several scripts."""
    pieces = draw(st.lists(st.tuples(st.sampled_from(PIECES), st.sampled_from(SPACES)), min_size=1, max_size=most))
    text = "".join(piece + space for piece, space in pieces)
    assume(text.strip())
    return text


@st.composite
def questions(draw: st.DrawFn) -> tuple[QuestionExample, dict[str, int]]:
    """Draw a question with an answer anywhere in its context, and the options of windows."""
    question, context = draw(texts(5)), draw(texts())
    begin = draw(st.integers(0, len(context) - 1))
    end = draw(st.integers(begin + 1, len(context)))
    example = QuestionExample("here", "q", question, context, (context[begin:end],), (begin, end))
    limits = {"max_query_length": draw(st.integers(1, 6)), "doc_stride": draw(st.integers(1, 9))}
    return example, limits | {"max_length": limits["max_query_length"] + 3 + draw(st.integers(1, 10))}


@dataclass
class Window:
    """Hold a window as the original makes it."""

    tokens: list[str]
    segments: list[int]
    start: int = 0
    end: int = 0
    is_max_context: dict[int, bool] = field(default_factory=dict)


def is_white(character: str) -> bool:
    """Transcribe what the original takes for white space between words."""
    return character in " \t\r\n" or ord(character) == 0x202F


def electra_windows(example: QuestionExample, limits: dict[str, int]) -> tuple[list[Window], int]:
    """Transcribe the original's windows of a question, and count where their words spell the answer."""
    words: list[str] = []
    word_of_character: list[int] = []
    after_space = True
    for character in example.context:
        if is_white(character):
            after_space = True
        else:
            if after_space:
                words.append(character)
            else:
                words[-1] += character
            after_space = False
        word_of_character.append(len(words) - 1)
    all_tokens: list[str] = []
    first_token_of_word: list[int] = []
    for word in words:
        first_token_of_word.append(len(all_tokens))
        all_tokens += TOKENIZER.tokenize(word)
    start = end = None
    count = 0
    if example.span is not None:
        first_word, last_word = word_of_character[example.span[0]], word_of_character[example.span[1] - 1]
        start = first_token_of_word[first_word]
        end = first_token_of_word[last_word + 1] - 1 if last_word < len(words) - 1 else len(all_tokens) - 1
        # The shortest part of these tokens that spells the answer.
        places = []
        wanted = " ".join(TOKENIZER.tokenize(example.answers[0]))
        for one in range(start, end + 1):
            for other in range(end, one - 1, -1):
                if " ".join(all_tokens[one : other + 1]) == wanted:
                    places.append((one, other))
        count = len(places)
        start, end = places[0] if places else (start, end)
    query = TOKENIZER.tokenize(example.question)[: limits["max_query_length"]]
    room = limits["max_length"] - len(query) - 3
    spans: list[tuple[int, int]] = []
    offset = 0
    while offset < len(all_tokens):
        length = min(len(all_tokens) - offset, room)
        spans.append((offset, length))
        if offset + length == len(all_tokens):
            break
        offset += min(length, limits["doc_stride"])
    windows = []
    for number, (begin, length) in enumerate(spans):
        tokens = ["[CLS]", *query, "[SEP]"]
        ahead = len(tokens)
        window = Window([*tokens, *all_tokens[begin : begin + length], "[SEP]"], [0] * ahead + [1] * (length + 1))
        for place in range(length):
            best, best_number = None, None
            for other, (other_begin, other_length) in enumerate(spans):
                last = other_begin + other_length - 1
                if other_begin <= begin + place <= last:
                    score = min(begin + place - other_begin, last - begin - place) + 0.01 * other_length
                    if best is None or score > best:
                        best, best_number = score, other
            window.is_max_context[ahead + place] = best_number == number
        if start is not None and end is not None and begin <= start and end <= begin + length - 1:
            window.start, window.end = start - begin + ahead, end - begin + ahead
        windows.append(window)
    return windows, count


def features_of(example: QuestionExample, limits: dict[str, int]) -> list[QuestionFeature]:
    """Return the windows that are tested."""
    features = make_features([example], TOKENIZER, FineTuningConfig(**limits))
    original = make_features([example], TOKENIZER, FineTuningConfig(**limits, head="original"))
    assert [feature.labels for feature in original] == [(*feature.labels, 0) for feature in features]
    return features


def document(features: list[QuestionFeature]) -> dict[int, tuple[int, int]]:
    """Return the characters of each token of the context, by its number."""
    return {
        window.first + place: (int(begin), int(end))
        for window in features
        for place, (begin, end) in enumerate(window.offsets)
    }


@given(questions())
def test_windows_and_labels_are_those_of_electra(drawn: Any) -> None:
    example, limits = drawn
    features = features_of(example, limits)
    windows, count = electra_windows(example, limits)
    if not windows:
        # The original has no window for a context without tokens, and no prediction.
        (feature,) = features
        assert len(feature.offsets) == 0 and feature.labels == (0, 0)
        return
    assert [TOKENIZER.convert_ids_to_tokens(list(feature.input_ids)) for feature in features] == [
        window.tokens for window in windows
    ]
    assert [list(feature.token_type_ids) for feature in features] == [window.segments for window in windows]
    tokens = document(features)
    begin, end = example.span
    own = [number for number, (first, last) in tokens.items() if first < end and last > begin]
    spelt = " ".join(TOKENIZER.tokenize(example.context)[own[0] : own[-1] + 1]) if own else ""
    if spelt == " ".join(TOKENIZER.tokenize(example.answers[0])) and count == 1:
        assert [feature.labels for feature in features] == [(window.start, window.end) for window in windows]
        return
    # The original labels whole words if an answer begins or ends within a token, and the first place if an answer is
    # spelt twice in its words. The exact label is inside of the same words.
    for feature, window in zip(features, windows, strict=True):
        if window.start and count == 0 and own:
            assert window.start <= feature.labels[0] <= feature.labels[1] <= window.end


def aligned(tokens: dict[int, tuple[int, int]], own: list[int], begin: int, end: int) -> bool:
    """Return whether an answer begins and ends where tokens do."""
    return bool(own) and tokens[own[0]][0] >= begin and tokens[own[-1]][1] <= end


@given(questions())
def test_the_label_is_exactly_the_tokens_of_the_answer(drawn: Any) -> None:
    example, limits = drawn
    features = features_of(example, limits)
    tokens, (begin, end) = document(features), example.span
    own = {number for number, (first, last) in tokens.items() if first < end and last > begin}
    for feature in features:
        inside = set(range(feature.first, feature.first + len(feature.offsets)))
        assert feature.labels is not None
        if not own or not own <= inside:
            assert feature.labels == (0, 0)
            continue
        first, last = (column - feature.column + feature.first for column in feature.labels)
        assert set(range(first, last + 1)) == own
        if aligned(tokens, sorted(own), begin, end):
            # Nothing but characters that no token has lies between the answer and its tokens.
            found = example.context[tokens[first][0] : tokens[last][1]]
            outside = example.context[begin : tokens[first][0]] + example.context[tokens[last][1] : end]
            assert found in example.answers[0]
            assert all(c.isspace() or unicodedata.category(c) in ("Cc", "Cf", "Mn") for c in outside)


@given(questions())
def test_windows_and_labels_are_those_of_run_qa(drawn: Any) -> None:
    example, limits = drawn
    features = features_of(example, limits)
    question_ids = PEER(example.question, add_special_tokens=False)["input_ids"]
    room = limits["max_length"] - 3 - len(question_ids)
    # run_qa does not cut questions, and steps back by a number of tokens instead of ahead.
    assume(len(question_ids) <= limits["max_query_length"])
    step = min(room, limits["doc_stride"])
    rows = PEER(
        example.question,
        example.context,
        truncation="only_second",
        max_length=limits["max_length"],
        stride=room - step,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    assert [list(feature.input_ids) for feature in features] == rows["input_ids"]
    assert [list(feature.token_type_ids) for feature in features] == rows["token_type_ids"]
    begin, end = example.span
    for number, (feature, offsets) in enumerate(zip(features, rows["offset_mapping"], strict=True)):
        which = rows.sequence_ids(number)
        columns = [column for column, text in enumerate(which) if text == 1]
        assert [tuple(pair) for pair in feature.offsets.tolist()] == [offsets[column] for column in columns]
        places = [offsets[column] for column in columns]
        # Where a character has several tokens, or the answer's first or last has none, run_qa labels another token.
        if len(set(places)) < len(places) or not all(
            any(first <= character < last for first, last in document(features).values())
            for character in (begin, end - 1)
        ):
            continue
        if not columns or not (offsets[columns[0]][0] <= begin and offsets[columns[-1]][1] >= end):
            assert feature.labels == (0, 0)
            continue
        first, last = columns[0], columns[-1]
        while first < len(offsets) and offsets[first][0] <= begin and which[first] == 1:
            first += 1
        while offsets[last][1] >= end and which[last] == 1:
            last -= 1
        assert feature.labels == (first - 1, last + 1)


def original_answers(
    example: QuestionExample,
    windows: list[Window],
    features: list[QuestionFeature],
    logits: list[tuple[list[float], list[float]]],
    n_best: int,
    longest: int,
) -> tuple[list[tuple[str, float, float, float]], float]:
    """Transcribe the original's choice of answers, with the text taken by characters: texts, logits, probabilities."""

    def best_indexes(values: list[float]) -> list[int]:
        ranked = sorted(enumerate(values), key=lambda pair: pair[1], reverse=True)
        return [index for index, _ in ranked[:n_best]]

    found = []
    null = 1000000.0
    for number, (window, (starts, ends)) in enumerate(zip(windows, logits, strict=True)):
        null = min(null, starts[0] + ends[0])
        for start in best_indexes(starts):
            for end in best_indexes(ends):
                in_context = window.is_max_context
                if start not in in_context or end not in in_context or not in_context[start]:
                    continue
                if end < start or end - start + 1 > longest:
                    continue
                found.append((number, start, end, starts[start], ends[end]))
    found.sort(key=lambda one: one[3] + one[4], reverse=True)
    best: list[tuple[str, float, float]] = []
    for number, start, end, first, last in found:
        if len(best) >= n_best:
            break
        offsets, ahead = features[number].offsets, features[number].column
        text = example.context[offsets[start - ahead][0] : offsets[end - ahead][1]]
        if text not in [one[0] for one in best]:
            best.append((text, first, last))
    scores = np.exp(np.array([first + last for _, first, last in best]) - max([f + e for _, f, e in best], default=0))
    return [(*one, share) for one, share in zip(best, scores / scores.sum(), strict=True)], null


@given(questions(), st.integers(1, 6), st.integers(1, 5), st.data())
def test_answers_are_those_of_electra(drawn: Any, n_best: int, longest: int, data: st.DataObject) -> None:
    example, limits = drawn
    features = features_of(example, limits)
    windows, _ = electra_windows(example, limits)
    assume(windows)
    # Few numbers, so that many are equal.
    numbers = st.integers(-4, 4).map(lambda value: value / 2)
    logits = [
        tuple(data.draw(st.lists(numbers, min_size=len(window.tokens), max_size=len(window.tokens))) for _ in range(2))
        for window in windows
    ]
    candidates = [
        independent_candidates(np.array(starts, np.float32), np.array(ends, np.float32), n_best)
        for starts, ends in logits
    ]
    best, null = choose_answers(example, features, candidates, n_best=n_best, max_answer_length=longest)
    expected, expected_null = original_answers(example, windows, features, logits, n_best, longest)  # type: ignore[arg-type]
    assert null == expected_null
    assert [(one["answer"], one["start_logit"], one["end_logit"]) for one in best] == [one[:3] for one in expected]
    assert [one["probability"] for one in best] == pytest.approx([one[3] for one in expected])
    assert all(example.context[one["start"] : one["end"]] == one["answer"] for one in best)


def test_the_best_spans_of_joint_candidates_are_chosen() -> None:
    example = QuestionExample("here", "q", "who?", "The Normans, who", ("Normans",), (4, 11))
    (feature,) = features_of(example, {"max_query_length": 4, "doc_stride": 4, "max_length": 20})
    # [CLS] who ? [SEP] the norman ##s , who [SEP]
    assert feature.labels == (5, 6)
    starts, ends = np.array([5, 4, 5, 0, 5]), np.array([6, 6, 0, 0, 8])
    logits = np.array([-1.0, -2.0, -1.0, -0.5, -1.0]), np.array([-1.0, -0.5, -np.inf, 0.0, -np.inf])
    best, null = choose_answers(
        example, [feature], [Candidates(starts, ends, *logits, null=0.25)], n_best=5, max_answer_length=3
    )
    assert [(one["answer"], one["start"], one["end"]) for one in best] == [("Normans", 4, 11), ("The Normans", 0, 11)]
    assert null == 0.25


def test_many_questions_are_cut_as_each_alone() -> None:
    contexts = ["the normans who " * size for size in (1, 9, 4, 30)]
    examples = [
        QuestionExample("here", str(number), "who?" * (number % 3 + 1), context, ("who",), (12, 15))
        for number, context in enumerate(contexts * 400)
    ]
    limits = {"max_query_length": 5, "doc_stride": 6, "max_length": 24}
    features = make_features(examples, TOKENIZER, FineTuningConfig(**limits))
    assert [feature.example for feature in features] == sorted(feature.example for feature in features)
    for number in (0, 1, 2, 3, 1023, 1024, 1599):
        own = [feature for feature in features if feature.example == number]
        alone = features_of(examples[number], limits)
        assert [(list(one.input_ids), one.labels, one.first) for one in own] == [
            (list(one.input_ids), one.labels, one.first) for one in alone
        ]
        assert own[0].labels != (0, 0)


def test_unanswered_questions_have_the_labels_of_no_answer_and_unknown_answers_none() -> None:
    limits = {"max_query_length": 5, "doc_stride": 6, "max_length": 24}
    options = FineTuningConfig(**limits)
    unknown = QuestionExample("here", "q", "who?", "the normans")
    impossible = QuestionExample("here", "q", "who?", "the normans", is_impossible=True)
    features = make_features([unknown, impossible], TOKENIZER, options)
    assert [feature.labels for feature in features] == [None, (0, 0)]
    original = FineTuningConfig(**limits, head="original")
    assert make_features([impossible], TOKENIZER, original)[0].labels == (0, 0, 1)
    assert not any(one.labels for one in make_features([impossible], TOKENIZER, options, is_labelled=False))


def test_a_row_without_room_for_the_context_is_refused() -> None:
    example = QuestionExample("here", "q", "who who who?", "the normans")
    with pytest.raises(InputError, match="expected room for 4 tokens of a question, 3 special tokens") as e:
        features_of(example, {"max_query_length": 9, "doc_stride": 6, "max_length": 7})
    assert e.value.what == "max_length"
