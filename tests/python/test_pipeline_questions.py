"""Compare the pipeline for question answering with a transcription of its definition in numpy, on transformers' logits."""

from __future__ import annotations

import itertools
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import oxbert
from oxbert.errors import InputError, OxbertError, UntrainedHeadError

from . import reference
from .pipelines_reference import FAMILIES, LONGEST, TOLERANCE, same
from .text_reference import TEXT, WORDS, fresh


class Asked:
    """Hold our pipeline, and transformers' model and tokenizer with the same weights and vocabulary."""

    def __init__(self, family: str, folder: Any) -> None:
        name = f"{family}ForQuestionAnswering"
        sizes = {"vocab_size": len(WORDS), "max_position_embeddings": LONGEST}
        self.model = reference.build(name, reference.values_of(name, "small", **sizes), folder, 3).theirs
        mine, self.tokenizer = fresh(family, model_max_length=LONGEST)
        mine.save_pretrained(folder)
        self.ours = oxbert.pipeline("question-answering", folder)
        self.folder = folder

    def expected(self, question: str, context: str, **options: Any) -> list[dict[str, Any]]:
        """Return the answers by the documented definition."""
        wanted = {"top_k": 1, "max_seq_len": LONGEST, "doc_stride": None, "max_question_len": 64, "max_answer_len": 15}
        wanted |= {"handle_impossible_answer": False, "align_to_words": True}
        wanted |= options
        places = self.tokenizer(question, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
        longest = wanted["max_question_len"]
        if len(places) > longest:
            start, end = max(places[:longest], key=lambda place: place[1])
            # A character of several tokens is left out if not all of them fit.
            for cut in (question[:end], question[:start]):
                places = self.tokenizer(cut, add_special_tokens=False).input_ids
                if len(places) <= longest:
                    break
            question = cut
        stride = wanted["doc_stride"]
        if stride is None:
            stride = min(128, wanted["max_seq_len"] // 2, wanted["max_seq_len"] - 3 - len(places) - 1)
        rows = self.tokenizer(
            question,
            context,
            truncation="only_second",
            max_length=wanted["max_seq_len"],
            stride=stride,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
        )
        answers: dict[str, dict[str, Any]] = {}
        nulls = []
        for row in range(len(rows["input_ids"])):
            names = [name for name in ("input_ids", "attention_mask", "token_type_ids") if name in rows]
            with torch.no_grad():
                output = self.model(**{name: torch.tensor([rows[name][row]]) for name in names})
            logits = [output.start_logits[0].double().numpy(), output.end_logits[0].double().numpy()]
            null, window = self.window(rows, row, logits, wanted, context)
            nulls.append(null)
            for key, answer in window.items():
                if key not in answers or answers[key]["score"] < answer["score"]:
                    answers[key] = answer
        found = list(answers.values())
        nothing = {"start": 0, "end": 0, "answer": ""}
        if wanted["handle_impossible_answer"]:
            found.append({"score": min(nulls)} | nothing)
        elif not found:
            found.append({"score": 0.0} | nothing)
        return sorted(found, key=lambda one: -one["score"])[: wanted["top_k"]]

    @staticmethod
    def window(
        rows: Any, row: int, logits: list[Any], wanted: dict[str, Any], context: str
    ) -> tuple[float, dict[str, dict[str, Any]]]:
        """Return the null score and the answers of a window by their lower-cased text."""
        inside = np.array([text == 1 for text in rows.sequence_ids(row)])
        kept = inside.copy()
        kept[0] = True
        start, end = (np.where(kept, np.exp(one - one[kept].max()), 0) for one in logits)
        start, end = start / start.sum(), end / end.sum()
        products = np.outer(start, end)
        null = float(products[0, 0])
        spans = [
            (float(products[first, last]), first, last)
            for first, last in itertools.product(np.flatnonzero(inside), repeat=2)
            if first <= last < first + wanted["max_answer_len"]
        ]
        spans.sort(key=lambda span: -span[0])
        count = wanted["top_k"] * 2 + 10 if wanted["align_to_words"] else wanted["top_k"]
        words, offsets = rows.word_ids(row), rows["offset_mapping"][row]
        answers: dict[str, dict[str, Any]] = {}
        for score, first, last in spans[:count]:
            if wanted["align_to_words"]:
                first = min(place for place in np.flatnonzero(inside) if words[place] == words[first])
                last = max(place for place in np.flatnonzero(inside) if words[place] == words[last])
            begin, stop = offsets[first][0], offsets[last][1]
            answer = answers.setdefault(
                context[begin:stop].lower(), {"score": 0.0, "start": begin, "end": stop, "answer": context[begin:stop]}
            )
            answer["score"] += score
        return null, answers


@pytest.fixture(scope="module", params=FAMILIES)
def asked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Asked:
    return Asked(request.param, tmp_path_factory.mktemp("model"))


PHRASES = st.lists(
    st.sampled_from(
        "the word unaffable Naive cafe caf\xe9s, e\u0301 \u4e2d\u6587 \U0001f600 \ud55c\uad6d\uc5b4 don't zzz [CLS] .".split()
    ),
    min_size=1,
    max_size=60,
).map(" ".join)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "top_k": st.integers(1, 20),
        "max_seq_len": st.integers(24, LONGEST),
        "max_question_len": st.integers(1, 14),
        "max_answer_len": st.integers(1, 60),
        "handle_impossible_answer": st.booleans(),
        "align_to_words": st.booleans(),
    },
)


def check(asked: Asked, question: str, context: str, options: dict[str, Any]) -> None:
    options = {"max_question_len": 14, **options}
    found = asked.ours(question=question, context=context, **options)
    answers = [found] if isinstance(found, dict) else found
    assert isinstance(found, dict) == (options.get("top_k", 1) == 1)
    expected = asked.expected(question, context, **options)
    assert len(answers) == len(expected)
    for mine, other in zip(answers, expected, strict=True):
        assert abs(mine["score"] - other["score"]) <= TOLERANCE
        assert 0 <= mine["score"] <= 1 + 1e-9
        assert mine["answer"] == context[mine["start"] : mine["end"]]
    # The order of nearly equal scores is not defined.
    if all(one["score"] - next_["score"] > 1e-6 for one, next_ in itertools.pairwise(expected)):
        assert [(one["start"], one["end"]) for one in answers] == [(one["start"], one["end"]) for one in expected]


@settings(max_examples=100)
@given(question=TEXT.filter(bool), context=TEXT.filter(bool), options=OPTIONS)
def test_answers_are_those_of_the_definition(asked: Asked, question: str, context: str, options: Any) -> None:
    check(asked, question, context, options)


@settings(max_examples=100)
@given(question=PHRASES, context=PHRASES, options=OPTIONS, stride=st.none() | st.integers(0, 6))
def test_windows_of_a_long_context_are_merged(
    asked: Asked, question: str, context: str, options: Any, stride: int | None
) -> None:
    check(asked, question, context, options | {"doc_stride": stride})


def test_an_answer_far_behind_is_found(asked: Asked) -> None:
    """Check that the windows reach the end of a context: with one span per window, all of them are compared."""
    context = " ".join(f"{word} cafe" for word in WORDS[200:240] * 30) + " \U0001f600 unaffable"
    options: dict[str, Any] = {"top_k": 5, "max_answer_len": 1, "doc_stride": 0, "align_to_words": False}
    check(asked, "the word", context, options)
    ends = {one["end"] for one in asked.ours(question="the word", context=context, **options | {"top_k": 10_000})}
    assert max(ends) == len(context)


def test_every_form_of_input_is_taken(asked: Asked) -> None:
    questions, context = ["the word?", "a cafe?", "the word?"], "naive unaffable cafe " * 30
    inputs = [{"question": question, "context": context} for question in questions]
    alone = [asked.ours(one) for one in inputs]
    assert list(alone[0]) == ["score", "start", "end", "answer"]
    same(asked.ours(inputs), alone)
    same(asked.ours(question=questions, context=context), alone)
    same(asked.ours(question=questions, context=[context] * 3), alone)
    same(asked.ours(questions[0], context), alone[0])
    same(asked.ours(questions[0], context=context), alone[0])
    same(list(asked.ours(one for one in inputs)), alone)
    assert asked.ours(inputs[:1]) == alone[:1] and asked.ours([]) == []
    same(pickle.loads(pickle.dumps(asked.ours))(inputs), alone)
    several = asked.ours(inputs[0], top_k=3)
    assert len(several) == 3
    assert several == sorted(several, key=lambda one: -one["score"])
    assert isinstance(asked.ours(question="the", context="word", top_k=2), list)


def test_loaded_models_and_precisions(asked: Asked) -> None:
    one = {"question": "the word?", "context": "naive unaffable cafe " * 30}
    family = type(asked.ours.config).__name__.removesuffix("Config")
    model = getattr(oxbert, f"{family}ForQuestionAnswering").from_pretrained(asked.folder)
    same(oxbert.pipeline("question-answering", model, asked.ours.tokenizer)(one), asked.ours(one))
    found = oxbert.pipeline("question-answering", asked.folder, precision="int8", batch_tokens=64)(one)
    assert one["context"][found["start"] : found["end"]] == found["answer"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"top_k": 0}, "top_k: expected at least 1"),
        ({"max_answer_len": 0}, "max_answer_len: expected at least 1"),
        ({"max_question_len": 0}, "max_question_len: expected at least 1"),
        ({"max_seq_len": LONGEST + 1}, f"max_seq_len: expected at most the {LONGEST} tokens"),
        ({"max_seq_len": 5}, "max_seq_len: expected room for 2 tokens of the question, 3 special tokens"),
        ({"max_seq_len": 10, "doc_stride": 5}, "doc_stride: expected less than the 5 tokens"),
        ({"doc_stride": -1}, "doc_stride: expected at least 0"),
        ({"question": ""}, "question: expected a text, got an empty one"),
        ({"context": ""}, "context: expected a text, got an empty one for the question"),
        ({"question": None}, "question: expected a text or a list of texts, got None"),
        ({"context": None}, "context: expected a text or a list of texts, got None"),
        ({"question": ["the", "word"], "context": ["the"]}, "context: expected as many as the 2 questions, got 1"),
        ({"context": ["the"]}, "context: expected a text for a single question, got a list"),
        ({"inputs": {}}, "inputs: expected None beside question and context"),
    ],
)
def test_bad_input_and_options_are_refused(asked: Asked, options: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        asked.ours(**{"question": "the word", "context": "the cafe"} | options)


@pytest.mark.parametrize(
    "inputs",
    [
        5,
        None,
        "the word",
        ["the word"],
        {"question": "the word"},
        {"question": "the word", "context": "the cafe", "id": "1"},
        {"question": 5, "context": "the cafe"},
        {"question": "the word", "context": None},
        [["the word", "the cafe"]],
    ],
)
def test_inputs_that_are_not_questions_are_refused(asked: Asked, inputs: Any) -> None:
    with pytest.raises((OxbertError, TypeError)):
        asked.ours(inputs)


def test_models_without_the_head_are_refused() -> None:
    with pytest.raises(UntrainedHeadError):
        oxbert.pipeline("question-answering", "electra-tiny-discriminator")
    with pytest.raises(InputError, match="no model of question-answering ships with oxbert"):
        oxbert.pipeline("question-answering")


@pytest.mark.parametrize("longest", [14, 15])
def test_a_long_question_is_cut_between_characters(longest: int, tmp_path: Any) -> None:
    # Normalisation makes two tokens of each of these characters.
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "\u1100", "##\u1100", "##\u1161", "a", "b", "c"]
    config = oxbert.ElectraConfig(
        vocab_size=len(words), embedding_size=8, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=8, max_position_embeddings=48,
    )  # fmt: skip
    oxbert.ElectraForQuestionAnswering(config, seed=1).save_pretrained(tmp_path)
    oxbert.ElectraTokenizer(vocab={word: place for place, word in enumerate(words)}).save_pretrained(tmp_path)
    pipeline = oxbert.pipeline("question-answering", tmp_path)
    options: dict[str, Any] = {"context": "a b c " * 40, "max_question_len": longest, "max_seq_len": 24, "top_k": 5}
    assert pipeline(question="\uac00" * 40, **options) == pipeline(question="\uac00" * 7, **options)
