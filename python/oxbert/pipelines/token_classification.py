"""Label the tokens of texts or the entities in them, in the form of transformers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal

from oxbert import _native
from oxbert._checks import check_type, refused
from oxbert._fields import Fields, Result
from oxbert.pipelines._base import Answer, Pipeline

AggregationStrategy = Literal["none", "simple", "first", "average", "max"]

_PLACE: Fields = {"score": float, "word": str, "start": int, "end": int}


class TokenClassificationPipeline(Pipeline):
    """Return the tokens of a text with their labels, or the entities in it.

    The answer for a text is a list of dictionaries. Without aggregation there is one for each token: `entity` (the
    label with the highest score), `score` (its probability), `index` (of the token, `[CLS]` being 0), `word`,
    `start` and `end` (characters of the text). With aggregation there is one for each entity: `entity_group` (the
    label without `B-` or `I-`), `score` (the mean), `word`, `start` and `end`.

    A text of any length is read to its end: a text with more tokens than the model has positions is cut into
    overlapping windows. An entity that lies in two windows is the longer one of both, or of equally long ones that
    with the higher score. A token without aggregation has the label of the window where it stands farther from the
    end.

    Options:
        aggregation_strategy: `none` labels tokens. `simple` joins neighbouring tokens of the same label; a label that
            begins with `B-` starts a new entity. The others join words, so that no word has two labels: `first` gives a
            word the label of its first token, `max` that of its token with the highest score, and `average` the label
            with the highest mean over its tokens.
        ignore_labels: The labels that are left out, without `B-` and `I-` for entities; None means `["O"]`.
        stride: The number of tokens that two windows share; None means a quarter of a window.
        is_split_into_words: Whether a text is a list of words. The spans count in the words joined by `delimiter`.
        delimiter: The characters between words; None means a space.

    Example:
        >>> import oxbert
        >>> config = oxbert.ElectraConfig(vocab_size=8192, hidden_size=8, num_hidden_layers=1, num_labels=3)
        >>> model = oxbert.ElectraForTokenClassification(config, seed=0)
        >>> tokenizer = oxbert.AutoTokenizer.from_pretrained("electra-tiny-generator")
        >>> try:
        ...     oxbert.pipeline("ner", model, tokenizer)
        ... except oxbert.errors.UntrainedHeadError as error:
        ...     print(error.task)
        token-classification
    """

    task = "token-classification"
    _kind: ClassVar[Any] = _native._TokenClassification
    _wanted = "a token classifier"

    def __call__(self, inputs: Any, **options: Any) -> Any:
        """Answer one text, a list of texts, or a stream of texts, as `Pipeline` does. A text may be a list of words."""
        self._check(options)
        split = {**self._options, **options}.get("is_split_into_words", False)
        # The words of one text are a list too.
        if split and isinstance(inputs, list | tuple) and not any(isinstance(one, list | tuple) for one in inputs):
            return super().__call__([inputs], **options)[0]
        return super().__call__(inputs, **options)

    def _bind(
        self,
        *,
        aggregation_strategy: AggregationStrategy = "none",
        ignore_labels: Sequence[str] | None = None,
        stride: int | None = None,
        is_split_into_words: bool = False,
        delimiter: str | None = None,
    ) -> Answer:
        native = self._native
        check_type("aggregation_strategy", aggregation_strategy, str, "the name of a strategy")
        if delimiter is not None and not is_split_into_words:
            raise refused("delimiter", "expected None unless is_split_into_words is set")

        def answer(texts: list[Any], first_row: int) -> list[Any]:
            found: list[Any] = native._classify(
                texts,
                aggregation=aggregation_strategy,
                ignore_labels=["O"] if ignore_labels is None else ignore_labels,
                stride=stride,
                is_split_into_words=is_split_into_words,
                delimiter=" " if delimiter is None else delimiter,
            )
            return found

        return answer

    def _form(self, options: Mapping[str, Any]) -> tuple[Fields, Mapping[str, Any], Callable[[Any], Result]]:
        is_token = options.get("aggregation_strategy", "none") == "none"
        label: Fields = {"entity": str, "index": int} if is_token else {"entity_group": str}
        return {"entities": [{**label, **_PLACE}]}, {}, lambda entities: {"entities": entities}

    def _example(self, width: int, options: Mapping[str, Any]) -> tuple[Any, ...]:
        return (["a"],) if options.get("is_split_into_words") else ("a",)


__all__ = ["AggregationStrategy", "TokenClassificationPipeline"]
