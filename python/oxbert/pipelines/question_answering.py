"""Find the answers to questions in texts, in the form of transformers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from oxbert import _native
from oxbert._checks import refused
from oxbert._fields import Fields, Result
from oxbert.pipelines._base import Answer, Pipeline

ANSWER: Fields = {"answer": str, "score": float, "start": int, "end": int}
"""The fields of an answer, for tables."""


class QuestionAnsweringPipeline(Pipeline):
    """Return the answer to a question: the part of a text, its context, that is most likely the answer.

    An input is a dictionary with `question` and `context`, two texts. A call also takes `question` and `context` by
    name, each a text or a list of as many; one context then serves several questions. The answer is a dictionary:
    `score`, `start` and `end` (characters of the context), and `answer`, those characters. With `top_k` above 1 it
    is a list of such dictionaries, the best first.

    The score is the probability of the first token times that of the last one, each over the tokens of a window of the
    context and `[CLS]`, which stands for no answer. Answers of the same text, whatever its case, are one: in a
    window their scores are added, and of several windows the highest counts. Source: transformers v4.57
    `pipelines/question_answering.py`; transformers 5 has no such pipeline.

    Options:
        top_k: The largest number of answers.
        max_seq_len: The longest row of a question and a window of its context, in tokens; None means 384, or as many as
            the model and its tokenizer take. A longer context is cut into windows.
        doc_stride: The number of tokens that two windows share; None means 128, or half of `max_seq_len`.
        max_question_len: The longest question, in tokens. The rest of a longer question is left out.
        max_answer_len: The longest answer, in tokens.
        handle_impossible_answer: Whether the empty answer is one of the answers. Its score is the probability that both
            the first and the last token are `[CLS]`, the smallest of all windows.
        align_to_words: Whether an answer that begins or ends within a word is extended to the whole word.

    Example:
        >>> import oxbert
        >>> config = oxbert.ElectraConfig(vocab_size=8192, hidden_size=8, num_hidden_layers=1)
        >>> model = oxbert.ElectraForQuestionAnswering(config, seed=0)
        >>> tokenizer = oxbert.AutoTokenizer.from_pretrained("electra-tiny-generator")
        >>> try:
        ...     oxbert.pipeline("question-answering", model, tokenizer)
        ... except oxbert.errors.UntrainedHeadError as error:
        ...     print(error.task)
        question-answering
    """

    task = "question-answering"
    _kind: ClassVar[Any] = _native._QuestionAnswering
    _wanted = "a model for question answering"
    _columns = ("question", "context")
    _least = 2

    def __call__(self, inputs: Any = None, context: Any = None, *, question: Any = None, **options: Any) -> Any:
        """Answer one question, a list of questions, or a stream of questions.

        Args:
            inputs: A dictionary with `question` and `context`; a list or tuple, or an iterable of such dictionaries; or
                the question, if `context` is given.
            context: A text, or a list of as many texts as questions.
            question: A question, or a list of questions.
            options: The options that the class lists. They replace those that the pipeline was built with.

        Returns:
            One answer; a list of answers; or a generator of answers.

        Raises:
            TypeError: if the task has no such option.
            InputError: if an option or an input cannot be used, or a question or a context is empty.
        """
        if question is None and context is not None:
            inputs, question = None, inputs
        if question is not None or context is not None:
            if inputs is not None:
                raise refused("inputs", "expected None beside question and context")
            inputs = _joined(question, context)
        return super().__call__(inputs, **options)

    def _bind(
        self,
        *,
        top_k: int = 1,
        max_seq_len: int | None = None,
        doc_stride: int | None = None,
        max_question_len: int = 64,
        max_answer_len: int = 15,
        handle_impossible_answer: bool = False,
        align_to_words: bool = True,
    ) -> Answer:
        native = self._native

        def answer(inputs: list[Any], first_row: int) -> list[Any]:
            pairs = [_pair(one) for one in inputs]
            found: list[Any] = native._answer(
                [question for question, _ in pairs],
                [context for _, context in pairs],
                top_k=top_k,
                max_seq_len=max_seq_len,
                doc_stride=doc_stride,
                max_question_len=max_question_len,
                max_answer_len=max_answer_len,
                handle_impossible_answer=handle_impossible_answer,
                align_to_words=align_to_words,
            )
            return [best for (best,) in found] if top_k == 1 else found

        return answer

    def _form(self, options: Mapping[str, Any]) -> tuple[Fields, Mapping[str, Any], Callable[[Any], Result]]:
        if "top_k" not in options:
            return ANSWER, {}, dict
        return {**ANSWER, "answers": [ANSWER]}, {}, _best


def _best(found: Any) -> Result:
    """Return the best of some answers, and all of them."""
    answers = [found] if isinstance(found, Mapping) else found
    return {**(answers[0] if answers else dict.fromkeys(ANSWER)), "answers": answers}


def _joined(question: Any, context: Any) -> Any:
    """Return the input or the inputs of questions and contexts that are given apart."""
    if question is None or context is None:
        missing = "question" if question is None else "context"
        raise refused(missing, "expected a text or a list of texts, got None")
    if not isinstance(question, list | tuple):
        if isinstance(context, list | tuple):
            raise refused("context", "expected a text for a single question, got a list")
        return {"question": question, "context": context}
    contexts = context if isinstance(context, list | tuple) else [context] * len(question)
    if len(contexts) != len(question):
        raise refused("context", f"expected as many as the {len(question)} questions, got {len(contexts)}")
    return [{"question": one, "context": other} for one, other in zip(question, contexts, strict=True)]


def _pair(one: Any) -> tuple[Any, Any]:
    """Return the question and the context of an input."""
    if not isinstance(one, Mapping):
        raise refused("inputs", f'expected {{"question": ..., "context": ...}}, got {type(one).__name__}')
    if one.keys() != {"question", "context"}:
        raise refused("inputs", f"expected the keys question and context, got {', '.join(map(str, one)) or 'none'}")
    return one["question"], one["context"]


__all__ = ["ANSWER", "QuestionAnsweringPipeline"]
