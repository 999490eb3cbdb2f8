"""Fill the masks of texts, in the form of transformers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from oxbert import _native
from oxbert._checks import check_texts, refused
from oxbert._fields import Fields, Result
from oxbert.pipelines._base import Answer, Pipeline

_LOG = logging.getLogger(__name__)

CANDIDATE: Fields = {"token_str": str, "score": float, "token": int, "sequence": str}
"""The fields of a candidate, for tables."""


class FillMaskPipeline(Pipeline):
    """Return the likeliest tokens at each `[MASK]` of a text.

    The answer for a text with one mask is a list of dictionaries: `score` (the probability), `token` (the id),
    `token_str` and `sequence` (the text with the token). That for a text with several masks is one such list for each
    mask; its sequences have the special tokens, and the other masks stay. `oxbert.FillMask` also says where each mask
    is.

    Options:
        top_k: The largest number of tokens per mask.
        targets: A word or a list of words that are the only candidates. A word that the vocabulary lacks is replaced by
            its first token, with a warning of the logger `oxbert.pipelines`; a word without tokens is left out.

    Example:
        >>> import oxbert
        >>> fill = oxbert.pipeline("fill-mask", targets=["list", "string"])
        >>> [answer["token_str"] for answer in fill("The function returns a [MASK].")]
        ['list', 'string']
    """

    task = "fill-mask"
    _kind: ClassVar[Any] = _native.FillMask
    _default = "electra-tiny-generator"
    _wanted = "a masked LM"

    def _bind(self, *, top_k: int = 5, targets: str | Sequence[str] | None = None) -> Answer:
        native = self._native
        ids = None if targets is None else self._ids(targets)

        def answer(texts: list[Any], first_row: int) -> list[Any]:
            masks = native._fill(texts, top_k=top_k, targets=ids, first_row=first_row)
            return [one[0] if len(one) == 1 else one for one in masks]

        return answer

    def _form(self, options: Mapping[str, Any]) -> tuple[Fields, Mapping[str, Any], Callable[[Any], Result]]:
        return {"masks": [{"candidates": [CANDIDATE]}]}, {}, _masks

    def _example(self, width: int, options: Mapping[str, Any]) -> tuple[Any, ...]:
        return (self.tokenizer.mask_token,)

    def _ids(self, targets: str | Sequence[str]) -> list[int]:
        words = [targets] if isinstance(targets, str) else list(targets)
        check_texts("targets", words)
        ids = []
        for word, found in zip(words, self._native._targets(words), strict=True):
            if found is None:
                _LOG.warning("the target %r has no tokens and is left out", word)
                continue
            token, is_exact = found
            if not is_exact:
                spelled = self.tokenizer.convert_ids_to_tokens(token)
                _LOG.warning("the vocabulary has no token %r; the target is its first token, %r", word, spelled)
            ids.append(token)
        if not ids:
            raise refused("targets", f"expected at least one word with a token, got {words!r}")
        return ids


def _masks(found: list[Any]) -> Result:
    # A text with one mask has its candidates at once.
    masks = found if isinstance(found[0], list) else [found]
    return {"masks": [{"candidates": one} for one in masks]}


__all__ = ["CANDIDATE", "FillMaskPipeline"]
