"""Find words that do not belong into a text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any, ClassVar

from typing_extensions import Self

from oxbert import _native
from oxbert._checks import check_type
from oxbert._fields import Fields, Result
from oxbert._types import PathLike
from oxbert.hub._options import split_options
from oxbert.pipelines._base import Answer, Pipeline
from oxbert.pipelines.fill_mask import FillMaskPipeline

WORD: Fields = {"word": str, "start": int, "end": int, "probability": float}
"""The fields of a word, for tables."""
SUGGESTION: Fields = {"score": float, "token": int, "token_str": str}
"""The fields of a suggestion, for tables."""


class ReplacedTokenDetectionPipeline(Pipeline):
    """Return the words of a text that were probably replaced, with what may have stood there.

    The answer for a text is a list of dictionaries, one for each word whose probability is at least `threshold`:
    `word`, `start` and `end` (characters of the text), and `probability`, the largest of the word's tokens. With a
    generator they also have `suggestions`, the likeliest tokens in place of the word: dictionaries with `score`,
    `token` and `token_str`, as fill-mask has them. Each word is masked alone. `oxbert.ReplacedTokenDetection` returns
    all tokens.

    Build it with `generator`, a masked LM by its path or name, or a `FillMaskPipeline`, for suggestions.

    Options:
        threshold: The smallest probability of a word that is returned; 0 returns all words.
        top_k: The number of suggestions for a word.

    Example:
        >>> import oxbert
        >>> detect = oxbert.pipeline("replaced-token-detection", generator="electra-tiny-generator", threshold=0)
        >>> words = detect("The function returns")
        >>> [(word["word"], word["start"], word["end"], len(word["suggestions"])) for word in words]
        [('The', 0, 3, 5), ('function', 4, 12, 5), ('returns', 13, 20, 5)]
    """

    task = "replaced-token-detection"
    _kind: ClassVar[Any] = _native.ReplacedTokenDetection
    _default = "electra-tiny-discriminator"
    _wanted = "a discriminator of ELECTRA"

    def __init__(self, native: Any, *, generator: FillMaskPipeline | None = None, **options: Any) -> None:
        super().__init__(native, **options)
        self._generator = generator

    @classmethod
    def from_pretrained(
        cls, *arguments: Any, generator: PathLike | FillMaskPipeline | None = None, **options: Any
    ) -> Self:
        """Load the pipeline, and the generator on the same device and in the same precision."""
        made = super().from_pretrained(*arguments, **options)
        if generator is None or isinstance(generator, FillMaskPipeline):
            made._generator = generator
            return made
        shared = {name: options[name] for name in ("device", "precision", "emulate", "batch_tokens") if name in options}
        made._generator = FillMaskPipeline.from_pretrained(generator, **shared, **split_options(options)[0])
        return made

    def _bind(self, *, threshold: float = 0.5, top_k: int = 5) -> Answer:
        native = self._native
        check_type("threshold", threshold, Real, "a number from 0 to 1")

        def answer(texts: list[Any], first_row: int) -> list[Any]:
            found = native._words(texts, threshold=threshold, first_row=first_row)
            if self._generator is not None:
                _suggest(self._generator, texts, found, top_k)
            words: list[Any] = found
            return words

        return answer

    def _form(self, options: Mapping[str, Any]) -> tuple[Fields, Mapping[str, Any], Callable[[Any], Result]]:
        word = WORD if self._generator is None else {**WORD, "suggestions": [SUGGESTION]}
        return {"words": [word]}, {}, lambda words: {"words": words}


def _suggest(generator: FillMaskPipeline, texts: list[str], found: list[list[dict[str, Any]]], top_k: int) -> None:
    """Add `suggestions` to the words of the texts."""
    tokenizer, fill = generator.tokenizer, generator._native
    masked, words = [], []
    for text, own in zip(texts, found, strict=True):
        for word in own:
            masked.append(f"{text[: word['start']]}{tokenizer.mask_token}{text[word['end'] :]}")
            words.append(word)
    # One more, since the word itself is no suggestion.
    for word, masks in zip(words, fill(masked, top_k=top_k + 1) if masked else [], strict=True):
        # The text may have had masks before.
        mask = next(mask for mask in masks if mask["start"] == word["start"])
        spelled = tokenizer.tokenize(word["word"])
        others = [one for one in mask["candidates"] if [one["token_str"]] != spelled]
        word["suggestions"] = [{name: one[name] for name in SUGGESTION} for one in others[:top_k]]


__all__ = ["SUGGESTION", "WORD", "ReplacedTokenDetectionPipeline"]
