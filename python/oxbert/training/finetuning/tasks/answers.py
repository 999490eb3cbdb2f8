"""Cut contexts into windows, place answers in them, and find answers in what a model says about the windows.

A context of any length is read: each window of it follows the question in a row of its own, and two windows begin
`doc_stride` tokens apart. Characters are those of the context as it was given, whatever the tokenizer makes of them.

Source: google-research/electra `finetune/qa/qa_tasks.py`.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from oxbert import Tokenizer
from oxbert._checks import refused
from oxbert.training.finetuning.tasks.task import Feature, QuestionExample

if TYPE_CHECKING:
    from oxbert.training.finetuning.config import FineTuningConfig

_AT_ONCE = 1024
"""How many examples are tokenised in one call."""


@dataclass(frozen=True, kw_only=True)
class QuestionFeature(Feature):
    """Hold a question with one window of its context.

    `labels` are the columns of the answer's first and last token. For the head of the original, 1 follows if the
    question has no answer, otherwise 0.

    Attributes:
        offsets: The first character, and one past the last, of each token of the window, int32 [N, 2].
        column: The column of the window's first token.
        first: The number of that token in the context.
    """

    offsets: NDArray[np.int32]
    column: int = 0
    first: int = 0


class Candidates(NamedTuple):
    """Hold the spans of a row that may be the answer: numbers of equal length, and the score of no answer.

    Attributes:
        starts: The columns of first tokens.
        ends: The columns of last tokens.
        start_logits: The score of each first token.
        end_logits: The score of each last token.
        null: The score of no answer in the row.
    """

    starts: NDArray[np.intp]
    ends: NDArray[np.intp]
    start_logits: NDArray[np.float64]
    end_logits: NDArray[np.float64]
    null: float


def make_features(
    examples: Sequence[QuestionExample], tokenizer: Tokenizer, options: FineTuningConfig, *, is_labelled: bool = True
) -> list[QuestionFeature]:
    """Return the windows of all examples, in their order.

    A row has at most `max_length` tokens: those of the question, of which at most `max_query_length` are kept, special
    tokens, and the tokens of a window. The next window begins `doc_stride` tokens later.

    An answer is labelled by the tokens that have a character of it. A window without all of them, and one of a question
    that has no answer, is trained to answer with the first token of the row, `[CLS]`. There are no labels if the answer
    is not known.

    Args:
        examples: The questions.
        tokenizer: The tokenizer of the model.
        options: `max_length`, `max_query_length` and `doc_stride`.
        is_labelled: Whether the windows have labels.

    Raises:
        InputError: if a row has no room for a token of the context.
    """
    features: list[QuestionFeature] = []
    for begin in range(0, len(examples), _AT_ONCE):
        part = examples[begin : begin + _AT_ONCE]
        features += _windows(part, begin, tokenizer, options, is_labelled)
    return features


def _windows(
    examples: Sequence[QuestionExample],
    begin: int,
    tokenizer: Tokenizer,
    options: FineTuningConfig,
    is_labelled: bool,
) -> Iterator[QuestionFeature]:
    """Iterate over the windows of some examples, the first of which has the number `begin`."""
    # The question is cut by tokens: a character may have several.
    questions = tokenizer(
        [example.question for example in examples],
        add_special_tokens=False,
        truncation=True,
        max_length=options.max_query_length,
    )["input_ids"]
    contexts = tokenizer(
        [example.context for example in examples],
        add_special_tokens=False,
        truncation=False,
        return_offsets_mapping=True,
    )
    template = _Template(tokenizer)
    for place, (example, question) in enumerate(zip(examples, questions, strict=True)):
        context, offsets = contexts["input_ids"][place], np.array(contexts["offset_mapping"][place], np.int32)
        room = options.max_length - template.size - len(question)
        if room < 1:
            needed = f"{len(question)} tokens of a question, {template.size} special tokens and the context"
            raise refused("max_length", f"expected room for {needed}, got {options.max_length}; lower max_query_length")
        answer = _tokens(example, offsets.reshape(-1, 2)) if is_labelled else None
        column = template.ahead + len(question)
        flags = (int(example.is_impossible),) if options.head == "original" else ()
        # The last window ends with the context.
        step = min(options.doc_stride, room)
        for first in range(0, max(1, len(context) - room + step), step):
            ids, types = template.fill(question, context[first : first + room])
            yield QuestionFeature(
                example=begin + place,
                input_ids=ids,
                token_type_ids=types,
                labels=answer and _columns(answer, first, room, column) + flags,
                offsets=offsets[first : first + room].reshape(-1, 2),
                column=column,
                first=first,
            )


def _tokens(example: QuestionExample, offsets: NDArray[np.int32]) -> tuple[int, int] | None:
    """Return the numbers of the first and the last token of the answer in the context.

    They are (-1, -1) if there is no answer, or if the tokenizer leaves out all of its characters. None means that the
    answer is not known.
    """
    if example.span is None:
        return (-1, -1) if example.is_impossible else None
    begin, end = example.span
    inside = np.flatnonzero((offsets[:, 0] < end) & (offsets[:, 1] > begin))
    return (int(inside[0]), int(inside[-1])) if len(inside) else (-1, -1)


def _columns(answer: tuple[int, int], first: int, size: int, column: int) -> tuple[int, int]:
    """Return the columns of an answer in the window that begins with the token `first`; (0, 0) if not all is in it."""
    if first <= answer[0] and answer[1] < first + size:
        return answer[0] - first + column, answer[1] - first + column
    return 0, 0


class _Template:
    """Put a question and a window between special tokens.

    Attributes:
        size: The number of special tokens.
        ahead: How many of them are before the window.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        special = tokenizer.build_inputs_with_special_tokens([], [])
        self.size = len(special)
        other = next(number for number in range(self.size + 1) if number not in special)
        *_, window = (
            place
            for place, one in enumerate(tokenizer.build_inputs_with_special_tokens([other], [other]))
            if one == other
        )
        self.ahead = window - 1

    def fill(self, question: list[int], window: list[int]) -> tuple[array[int], array[int]]:
        """Return the ids and the types of a row: 4 and 1 bytes per token, where lists take 8 and more."""
        ids = self._tokenizer.build_inputs_with_special_tokens(question, window)
        return array("i", ids), array("b", self._tokenizer.create_token_type_ids_from_sequences(question, window))


def independent_candidates(
    start_logits: NDArray[np.float32], end_logits: NDArray[np.float32], n_best: int
) -> Candidates:
    """Return the spans of the best starts and the best ends of a row, chosen without regard to each other.

    The score of no answer is that of the span at the first token, `[CLS]`.

    Args:
        start_logits: Logits of the first token [S].
        end_logits: Logits of the last token [S].
        n_best: How many of each are paired.
    """
    first, last = start_logits.astype(np.float64), end_logits.astype(np.float64)
    starts, ends = (np.argsort(-logits, kind="stable")[:n_best] for logits in (first, last))
    pairs = np.repeat(starts, len(ends)), np.tile(ends, len(starts))
    return Candidates(*pairs, first[pairs[0]], last[pairs[1]], float(first[0] + last[0]))


def joint_candidates(
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    start_scores: NDArray[np.float32],
    end_scores: NDArray[np.float32],
    null: float,
) -> Candidates:
    """Return the spans of a beam of K starts, each with K ends.

    Args:
        starts: The columns of starts [K].
        ends: The columns of ends [K, K].
        start_scores: Log-probabilities of starts [K].
        end_scores: Log-probabilities of ends given the start [K, K].
        null: The logit of no answer.
    """
    count = ends.shape[1]
    scores = start_scores.astype(np.float64), end_scores.astype(np.float64)
    return Candidates(starts.repeat(count), ends.ravel(), scores[0].repeat(count), scores[1].ravel(), null)


def choose_answers(
    example: QuestionExample,
    windows: Sequence[QuestionFeature],
    candidates: Sequence[Candidates],
    *,
    n_best: int,
    max_answer_length: int,
) -> tuple[list[dict[str, Any]], float]:
    """Return the best answers to a question, each with its place and probability, and the odds that there is none.

    A span counts if it lies in the window, is no longer than `max_answer_length` tokens, and if no other window has
    more context around its first token. Of spans with the same text the best counts. The probabilities are a softmax
    over the answers that are returned.

    Args:
        example: The question.
        windows: All windows of its context.
        candidates: The spans of each window.
        n_best: The largest number of answers.
        max_answer_length: The longest answer, in tokens.

    Returns:
        Dictionaries with `answer`, `probability`, `start` and `end` (characters of the context), `start_logit` and
        `end_logit`, the best first; and the least `null` of all windows.
    """
    scored: list[tuple[float, float, float, int, int]] = []
    best_windows = _best_windows(windows)
    for number, (window, spans) in enumerate(zip(windows, candidates, strict=True)):
        starts, ends = spans.starts - window.column, spans.ends - window.column
        size = len(window.offsets)
        fits = (starts >= 0) & (ends >= starts) & (ends < size) & (ends - starts < max_answer_length)
        fits &= np.isfinite(spans.start_logits) & np.isfinite(spans.end_logits)
        fits[fits] = best_windows[window.first + starts[fits]] == number
        for place in np.flatnonzero(fits):
            begin, end = int(window.offsets[starts[place], 0]), int(window.offsets[ends[place], 1])
            first, last = float(spans.start_logits[place]), float(spans.end_logits[place])
            scored.append((first + last, first, last, begin, end))
    scored.sort(key=lambda span: -span[0])
    answers: dict[str, dict[str, Any]] = {}
    for score, first, last, begin, end in scored:
        if len(answers) >= n_best:
            break
        text = example.context[begin:end]
        if text and text not in answers:
            places = {"start": begin, "end": end, "start_logit": first, "end_logit": last}
            answers[text] = {"answer": text, "probability": score, **places}
    best = list(answers.values())
    exponentials = [np.exp(answer["probability"] - best[0]["probability"]) for answer in best]
    for answer, exponential in zip(best, exponentials, strict=True):
        answer["probability"] = float(exponential / sum(exponentials))
    return best, min((spans.null for spans in candidates), default=0.0)


def _best_windows(windows: Sequence[QuestionFeature]) -> NDArray[np.intp]:
    """Return for each token of the context the number of the window that has the most context around it.

    That is the smaller of the numbers of tokens before and after; of equals the longer window counts, then the first.
    """
    size = max((window.first + len(window.offsets) for window in windows), default=0)
    scores = np.full((len(windows), size), -1.0)
    for number, window in enumerate(windows):
        length = len(window.offsets)
        before = np.arange(length)
        scores[number, window.first : window.first + length] = np.minimum(before, before[::-1]) + 0.01 * length
    return scores.argmax(0) if size else np.zeros(0, np.intp)


__all__ = [
    "Candidates",
    "QuestionFeature",
    "choose_answers",
    "independent_candidates",
    "joint_candidates",
    "make_features",
]
