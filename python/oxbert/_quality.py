"""Measure on texts of one's own how often a precision gives the answers of float32."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
from typing_extensions import Self

from oxbert import _native, auto
from oxbert._checks import refused
from oxbert._types import PathLike
from oxbert.errors import ConfigError, DtypeError, HubError, InputError, MissingFileError
from oxbert.hub._folders import find
from oxbert.pipelines.sentences import SentenceEncoder

# Map texts to what the model takes, and to the places of each whose outputs are compared.
_Read: TypeAlias = Callable[[list[str]], tuple[Sequence[Any], list[Sequence[int]]]]

_ALL = ("float16", "bfloat16", "int8_bfloat16", "int8")
# Texts in a batch: logits over a vocabulary are padded.
_BATCH = 16
# One token in this many is masked.
_MASKED = 7


@dataclass(frozen=True)
class Quality:
    """How near the answers of a precision are to those of float32.

    Attributes:
        precision: The precision.
        answers: The number of answers that were compared: masked tokens, tokens, texts or spans, by the model's head.
        equal: The share of them that are the same, from 0 to 1; None for a model without a head.
        cosine: The least cosine between the vectors of a text: those of a sentence encoder, or of a model without a
            head the mean over its tokens' hidden states; None for a model with a head.
        difference: The largest difference of a logit; for a model without a head, of a hidden state or of a sentence
            encoder's vector.
    """

    precision: str
    answers: int
    equal: float | None
    cosine: float | None
    difference: float


def quality(
    model: PathLike,
    texts: Iterable[str],
    *,
    precisions: Sequence[str] | None = None,
    emulate: bool = True,
    **hub: Any,
) -> dict[str, Quality]:
    """Compare frozen models of other precisions with float32 on texts.

    The answers are those that the model's head gives: the likeliest token at each masked place (one token in seven is
    masked), whether each token was replaced, the label of each text or token, the beginning and the end of a span. Of a
    model without a head, and of a sentence encoder, the vectors of texts are compared.

    Args:
        model: A model folder, a bundled model, or a repository of the hub, with a tokenizer; or a sentence encoder,
            with `modules.json`.
        texts: The texts. Of a text that is longer than the model's limit, the beginning is taken.
        precisions: The precisions to compare; None means `float16`, `bfloat16`, `int8_bfloat16` and `int8`, as far as
            they can be had.
        emulate: Whether to compute a precision slowly that the processor has no arithmetic for.
        hub: `revision` and the other options of the hub.

    Returns:
        The result for each precision.

    Raises:
        InputError: if there is no text, if the model answers about something else than single texts, or if a precision
            is none or cannot be had.

    Example:
        >>> import oxbert
        >>> result = oxbert.quality("electra-tiny-generator", ["Return a copy of the list."], precisions=["int8"])
        >>> result["int8"].answers
        1
    """
    found = _find(model, hub)
    several = False
    kind: Any = _Sentences
    read: _Read = _read_texts
    exact: Any = _sentence_encoder(found)
    if exact is None:
        config = auto.AutoConfig.from_pretrained(found)
        kind = _class_of(config)
        several = kind is _native.ElectraForPreTraining or config.problem_type == "multi_label_classification"
        read = partial(_read_rows, auto.AutoTokenizer.from_pretrained(found), kind.__name__.endswith("ForMaskedLM"))
        exact = kind.from_pretrained(found, trainable=False)
    others = []
    for name in _ALL if precisions is None else precisions:
        try:
            others.append((_load(kind, found, name, emulate), _Tally(name, several=several)))
        except InputError:
            if precisions is not None:
                raise
    empty = True
    for batch in _batches(texts):
        empty = False
        rows, places = read(batch)
        expected = exact(rows)
        for other, tally in others:
            tally.add(expected, other(rows), places)
    if empty:
        raise refused("texts", "expected at least one text, got none")
    return {tally.precision: tally.result() for _, tally in others}


def _find(model: PathLike, hub: dict[str, Any]) -> Path:
    """Return the folder, found once, so that the tokenizer and all models are of one commit."""
    try:
        return find(model, "sentences", **hub)
    except (HubError, MissingFileError):
        # Offline nobody knows whether a repository has the file. Whatever else is wrong is wrong for these files too.
        return find(model, ("config", "tokenizer", "weights"), **hub)


class _Sentences:
    """Run a sentence encoder as a model without a head: the vector of a text is its only hidden state."""

    def __init__(self, encoder: SentenceEncoder) -> None:
        self._encoder = encoder

    @classmethod
    def from_pretrained(cls, folder: Path, *, trainable: Literal[False], **options: Any) -> Self:
        return cls(SentenceEncoder.from_pretrained(folder, **options))

    def __call__(self, texts: list[str]) -> dict[str, Any]:
        return {"last_hidden_state": self._encoder(texts)[:, None]}


def _sentence_encoder(folder: Path) -> _Sentences | None:
    """Load a sentence encoder; None if the folder is none. Others, such as a SPLADE model, may have modules as well."""
    try:
        return _Sentences.from_pretrained(folder, trainable=False)
    except (ConfigError, MissingFileError):
        return None


def _read_texts(batch: list[str]) -> tuple[Sequence[str], list[Sequence[int]]]:
    return batch, [range(1)] * len(batch)


def _read_rows(tokenizer: Any, is_masked_lm: bool, batch: list[str]) -> tuple[Sequence[Any], list[Sequence[int]]]:
    rows = tokenizer(batch, truncation=True)["input_ids"]
    return rows, _mask(rows, tokenizer) if is_masked_lm else [range(len(row)) for row in rows]


def _class_of(config: Any) -> Any:
    """Return the class of the model that a folder holds: that of its first architecture, or the encoder."""
    names = config.architectures or []
    kind = getattr(_native, names[0], None) if names else auto.AutoModel._class(config)
    if kind is None or kind.__name__.endswith(("ForMultipleChoice", "ForJointQuestionAnswering")):
        raise refused("model", f"expected a model that answers about single texts, got {names[0]}")
    return kind


def _load(kind: Any, folder: Path, precision: str, emulate: bool) -> Any:
    try:
        return kind.from_pretrained(folder, trainable=False, precision=precision)
    except InputError as error:
        if not emulate:
            raise
        try:
            return kind.from_pretrained(folder, trainable=False, precision=precision, emulate=True)
        except InputError:
            # Emulation is refused where it would change nothing.
            raise error from None


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    if isinstance(texts, str):
        expected, got = "several texts", "str"
        raise DtypeError(f"texts: expected {expected}, got {got}", what="texts", expected=expected, got=got)
    iterator = iter(texts)
    while batch := list(islice(iterator, _BATCH)):
        yield batch


def _mask(rows: list[list[int]], tokenizer: Any) -> list[Sequence[int]]:
    """Mask tokens of each row between [CLS] and [SEP], and return their places."""
    places: list[Sequence[int]] = []
    for number, row in enumerate(rows):
        # Every row begins elsewhere, so that short texts have masks too.
        inside = range(1, len(row) - 1)
        chosen = [place for place in inside if (place + number) % _MASKED == 0] or list(inside[:1])
        for place in chosen:
            row[place] = tokenizer.mask_token_id
        places.append(chosen)
    return places


class _Tally:
    """Compare the answers of one precision with those of float32."""

    def __init__(self, precision: str, *, several: bool) -> None:
        self.precision = precision
        # Whether each logit is a decision of its own.
        self._several = several
        self._answers = 0
        self._same = 0
        self._decides = False
        self._cosine: float | None = None
        self._difference = 0.0

    def add(self, expected: Any, got: Any, places: Sequence[Sequence[int]]) -> None:
        """Compare the outputs for a batch; of outputs for each token those at these places of each row."""
        for row, where in enumerate(places):
            for one, other in zip(_values(expected, row, where), _values(got, row, where), strict=True):
                if one.size:
                    # numpy's maximum and minimum keep NaN.
                    self._difference = float(np.maximum(self._difference, np.abs(one - other).max()))
                    self._compare(one, other, is_vector="last_hidden_state" in expected)

    def _compare(self, one: Any, other: Any, *, is_vector: bool) -> None:
        if is_vector:
            one, other = one.mean(0), other.mean(0)
            lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
            cosine = float(one @ other) / lengths if lengths else 1.0
            self._cosine = cosine if self._cosine is None else float(np.minimum(cosine, self._cosine))
            self._answers += 1
            return
        if self._several:
            same = ((one > 0) == (other > 0)) & np.isfinite(other)
        elif one.shape[-1] == 1:
            return  # A number, and no decision.
        else:
            same = (one.argmax(-1) == other.argmax(-1)) & np.isfinite(other).all(-1)
        self._decides = True
        self._answers += int(np.size(same))
        self._same += int(np.sum(same))

    def result(self) -> Quality:
        equal = self._same / self._answers if self._decides else None
        return Quality(self.precision, self._answers, equal, self._cosine, self._difference)


def _values(output: Any, row: int, places: Sequence[int]) -> list[Any]:
    """Return what is compared of one row: the logits of each decision, or the hidden states."""
    if "start_logits" in output:
        return [np.asarray(output[name])[row][list(places)] for name in ("start_logits", "end_logits")]
    values = np.asarray(output["logits" if "logits" in output else "last_hidden_state"])
    # The logits of a text as a whole are [B, L]; those of a discriminator [B, S].
    is_for_each_token = values.ndim == 3 or "probabilities" in output
    return [values[row][list(places)] if is_for_each_token else values[row]]


__all__ = ["Quality", "quality"]
