"""Return the hidden states of texts, or one vector for each text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

from oxbert import _native
from oxbert._checks import is_one_of, refused
from oxbert._fields import Fields, Result, Vector
from oxbert._types import Truncation
from oxbert.pipelines._base import Answer, Pipeline

Pooling = Literal["cls", "max", "mean", "mean_sqrt_len", "weightedmean", "lasttoken"]


class FeatureExtractionPipeline(Pipeline):
    """Return the hidden states of the last layer for a text, or one vector.

    Without `pooling` the answer for a text is [1, S, H], S its tokens with `[CLS]` and `[SEP]`; with `pooling` it is
    [H]. Any model serves: of a model with a head, the encoder is run.

    Options:
        return_tensors: False returns nested lists, as transformers does; `np` numpy arrays; True or `pt` torch tensors,
            which share the memory of the batch that they were computed in.
        pooling: How the hidden states of a text become one vector: `cls` takes the first token's, `lasttoken` the last
            one's; `mean` and `max` go over all tokens; `mean_sqrt_len` is the sum divided by the square root of their
            number; `weightedmean` weights the tokens 1, 2, 3 and so on.
        normalize: Whether to divide the vector by its length.
        truncation: True shortens a text with more tokens than the model has positions. It is an error otherwise.

    Example:
        >>> import oxbert
        >>> embed = oxbert.pipeline("feature-extraction", "electra-tiny-discriminator", return_tensors="np")
        >>> embed("Return a list.").shape
        (1, 6, 192)
        >>> embed("Return a list.", pooling="mean", normalize=True).shape
        (192,)
    """

    task = "feature-extraction"
    _kind: ClassVar[Any] = _native._FeatureExtraction
    _wanted = "any model"

    def _bind(
        self,
        *,
        return_tensors: bool | Literal["np", "pt"] | None = False,
        pooling: Pooling | None = None,
        normalize: bool = False,
        truncation: bool | Truncation | None = None,
    ) -> Answer:
        native = self._native
        if not isinstance(return_tensors, bool | None) and not is_one_of(return_tensors, "np", "pt"):
            raise refused("return_tensors", f'expected False, True, "np" or "pt", got {return_tensors!r}')
        is_torch = return_tensors in (True, "pt")
        if normalize and pooling is None:
            raise refused("normalize", "expected False without pooling: only vectors of texts are normalised")

        def answer(texts: list[Any], first_row: int) -> list[Any]:
            options = {"torch": is_torch, "truncation": truncation, "first_row": first_row}
            if pooling is None:
                found = [state[None] for state in native._tokens(texts, **options)]
            else:
                found = list(native._vectors(texts, pooling=pooling, normalize=normalize, **options))
            return found if return_tensors else [one.tolist() for one in found]

        return answer

    def _form(self, options: Mapping[str, Any]) -> tuple[Fields, Mapping[str, Any], Callable[[Any], Result]]:
        if "return_tensors" in options:
            raise refused("return_tensors", "expected none: a table has numbers of its own")
        config: Any = self.config
        vector, arrays = Vector(config.hidden_size), {"return_tensors": "np"}
        if options.get("pooling") is None:
            return {"hidden_states": [vector]}, arrays, lambda states: {"hidden_states": list(states[0])}
        return {"vector": vector}, arrays, lambda found: {"vector": found}


__all__ = ["FeatureExtractionPipeline", "Pooling"]
