"""Turn texts into vectors, with the folders of sentence-transformers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Literal

import numpy as np
from typing_extensions import Self

from oxbert import _native
from oxbert._checks import check_flag, check_type, is_one_of, refused
from oxbert._fields import Fields, Result, Vector
from oxbert._types import PathLike, Precision
from oxbert.pipelines._base import Answer, Pipeline


class SentenceEncoder(Pipeline):
    """Return a vector for each text, as the folder's `SentenceTransformer` does.

    The folder has a `modules.json`: a Transformer (ELECTRA, DistilBERT, or a BERT, whose layers are ELECTRA's), a
    Pooling with one or several modes, and Dense and Normalize layers. Its prompts, its `max_seq_length` and
    `do_lower_case` are heeded. Vectors do not depend on the other texts of a call.

    Example:
        >>> import oxbert
        >>> try:
        ...     oxbert.SentenceEncoder.from_pretrained("electra-tiny-discriminator")
        ... except oxbert.errors.MissingFileError as error:
        ...     print(error.wanted)
        modules.json of sentence-transformers
    """

    task = "sentence-similarity"
    _kind: ClassVar[Any] = _native._SentenceEncoder
    _wanted = "a folder of sentence-transformers"
    _remembers = False

    @classmethod
    def from_pretrained(  # type: ignore[override]
        cls,
        folder: PathLike,
        *,
        device: Any = None,
        precision: Precision | None = None,
        emulate: bool = False,
        batch_tokens: int | None = None,
        **hub: Any,
    ) -> Self:
        """Load a folder of sentence-transformers, by its path or its name on the hub.

        Args:
            folder: A path or the id of a repository.
            device: The device; None means `cpu`.
            precision: `float32`, `float16`, `bfloat16`, `int8`, `int8_bfloat16` or `auto`, for the layers of the
                encoder; None means `float32`.
            emulate: Whether to take a precision that the processor has no arithmetic for, and to compute it slowly.
            batch_tokens: The largest number of tokens that the model computes at once; None means 2048.
            hub: `revision` and the other options of the hub.

        Raises:
            MissingFileError: if there is no such folder, or it lacks a file, such as `modules.json`.
            ConfigError: if a module is of another kind, or a BERT does not fit; `field` and `reason` say what.
            WeightsError: if the weights cannot be used.
        """
        return super().from_pretrained(
            folder, device=device, precision=precision, emulate=emulate, batch_tokens=batch_tokens, **hub
        )

    @property
    def dimension(self) -> int:
        """The width of a vector, D."""
        dimension: int = self._native._dimension
        return dimension

    @property
    def max_seq_length(self) -> int:
        """The largest number of tokens of a text, `[CLS]` and `[SEP]` included."""
        length: int = self._native._max_length
        return length

    @property
    def prompts(self) -> dict[str, str]:
        """The folder's prompts by name."""
        prompts: dict[str, str] = self._native._prompts
        return prompts

    @property
    def default_prompt_name(self) -> str | None:
        """The name of the prompt that is put before texts unless told otherwise, or None."""
        name: str | None = self._native._default_prompt_name
        return name

    def encode(
        self,
        texts: Any,
        *,
        prompt_name: str | None = None,
        prompt: str | None = None,
        normalize: bool = False,
        truncation: bool = True,
        return_tensors: Literal["np", "pt"] = "np",
    ) -> Any:
        """Return a vector for each text.

        Args:
            texts: A text; a list or tuple of texts; or an iterable of texts.
            prompt_name: The name of one of `prompts`, which is put before each text; None means `default_prompt_name`.
            prompt: A text to put before each text, instead of a prompt of the folder.
            normalize: Whether to divide each vector by its length, if the folder does not ask for it.
            truncation: Whether to shorten texts to `max_seq_length` tokens, as sentence-transformers does. A longer
                text is an error otherwise.
            return_tensors: `np` for numpy arrays, `pt` for torch tensors, float32 on the CPU.

        Returns:
            An array [D] for a text; [N, D] for a list; a generator of arrays [D] for any other iterable.

        Raises:
            InputError: if there is no such prompt.
            DtypeError: if a text is not a `str`.
            TooLongError: if a text is longer than `max_seq_length` and not to be truncated.
        """
        answer = self._bind(
            prompt_name=prompt_name,
            prompt=prompt,
            normalize=normalize,
            truncation=truncation,
            return_tensors=return_tensors,
        )
        if isinstance(texts, list | tuple):
            if texts:
                return answer(list(texts), 0)
            empty = np.zeros((0, self.dimension), np.float32)
            if return_tensors == "np":
                return empty
            import torch

            return torch.from_numpy(empty)
        return self._answer(texts, answer)

    def __call__(self, inputs: Any, **options: Any) -> Any:
        """Call `encode`."""
        return self.encode(inputs, **options)

    def _bind(
        self,
        *,
        prompt_name: str | None = None,
        prompt: str | None = None,
        normalize: bool = False,
        truncation: bool = True,
        return_tensors: Literal["np", "pt"] = "np",
    ) -> Answer:
        if not is_one_of(return_tensors, "np", "pt"):
            raise refused("return_tensors", f'expected "np" or "pt", got {return_tensors!r}')
        if prompt is None:
            prompt = self._prompt(prompt_name)
        elif prompt_name is not None:
            raise refused("prompt_name", "expected None beside a prompt")
        else:
            check_type("prompt", prompt, str, "a str or None")
        native = self._native

        def answer(texts: list[Any], first_row: int) -> Any:
            return native._encode(
                texts,
                prompt=prompt,
                normalize=normalize,
                truncate=truncation,
                torch=return_tensors == "pt",
                first_row=first_row,
            )

        return answer

    def _form(self, options: Mapping[str, Any]) -> tuple[Fields, Mapping[str, Any], Callable[[Any], Result]]:
        if "return_tensors" in options:
            raise refused("return_tensors", "expected none: a table has numbers of its own")
        return {"vector": Vector(self.dimension)}, {}, lambda vector: {"vector": vector}

    def _prompt(self, name: str | None) -> str | None:
        """Return the prompt of a name, or the default one."""
        prompts = self.prompts
        if name is None:
            name = self.default_prompt_name
        if name is None:
            return None
        if name not in prompts:
            raise refused("prompt_name", f"expected one of {', '.join(prompts) or 'no prompts'}, got {name!r}")
        return prompts[name]


class CrossEncoder(Pipeline):
    """Score pairs of texts, as the folder's `CrossEncoder` of sentence-transformers does.

    The folder has a text classifier: ELECTRA's, DistilBERT's or BERT's. The scores of a model with one label are
    probabilities (`sigmoid`), those of others are logits (`none`), unless the folder's configuration or a call says
    otherwise.

    Example:
        >>> import oxbert
        >>> config = oxbert.ElectraConfig(vocab_size=8192, hidden_size=8, num_hidden_layers=1, num_labels=1)
        >>> model = oxbert.ElectraForSequenceClassification(config, seed=0)
        >>> try:
        ...     oxbert.CrossEncoder.from_pretrained(model, "electra-tiny-generator")
        ... except oxbert.errors.UntrainedHeadError as error:
        ...     print(error.task)
        text-classification
    """

    task = "text-ranking"
    _columns = ("text", "text_pair")
    _least = 2
    _kind: ClassVar[Any] = _native._TextClassification
    _wanted = "a folder of a cross-encoder"
    _remembers = False

    def predict(
        self,
        pairs: Any,
        *,
        activation: Literal["none", "sigmoid", "softmax"] | None = None,
        truncation: bool = True,
    ) -> Any:
        """Return the scores of pairs of texts.

        Args:
            pairs: A pair of texts; a list of pairs; or an iterable of pairs. A pair is a list or a tuple of two texts.
            activation: The function that turns logits into scores; None means the folder's.
            truncation: Whether to shorten pairs to the model's length, the longer text first, as sentence-transformers
                does. A longer pair is an error otherwise.

        Returns:
            For a pair a number, or an array [L] if the model has several labels; for a list an array [N] or [N, L],
            float32; for any other iterable a generator.

        Raises:
            DtypeError: if a pair does not consist of two texts.
            TooLongError: if a pair is too long and not to be truncated.
        """
        answer = self._bind(activation=activation, truncation=truncation)
        if isinstance(pairs, list | tuple):
            if len(pairs) == 2 and all(isinstance(text, str) for text in pairs):
                return answer([pairs], 0)[0]
            if not pairs:
                return np.zeros((0,) if self.config.num_labels == 1 else (0, self.config.num_labels), np.float32)
            return answer(list(pairs), 0)
        return self._stream(iter(pairs), answer)

    def rank(
        self,
        query: str,
        documents: Iterable[str],
        *,
        top_k: int | None = None,
        return_documents: bool = False,
        activation: Literal["none", "sigmoid", "softmax"] | None = None,
        truncation: bool = True,
    ) -> list[dict[str, Any]]:
        """Return the documents by falling score for a query.

        Args:
            query: A text.
            documents: Texts.
            top_k: The number of documents to return; None means all.
            return_documents: Whether to return the texts too.
            activation: As for `predict`.
            truncation: As for `predict`.

        Returns:
            Dictionaries with `corpus_id` (the place among the documents), `score`, and `text` if asked for.

        Raises:
            InputError: if the model has several labels, or `top_k` is below 1.
        """
        if self.config.num_labels != 1:
            raise refused("model", f"expected one label for ranking, got {self.config.num_labels}: use predict")
        if top_k is not None and (not isinstance(top_k, int) or top_k < 1):
            raise refused("top_k", f"expected at least 1 or None, got {top_k!r}")
        check_flag("return_documents", return_documents)
        texts = list(documents)
        scores = self.predict([(query, text) for text in texts], activation=activation, truncation=truncation)
        order = np.argsort(-scores, kind="stable")[:top_k]
        found: list[dict[str, Any]] = [{"corpus_id": int(place), "score": float(scores[place])} for place in order]
        return [one | {"text": texts[one["corpus_id"]]} for one in found] if return_documents else found

    def __call__(self, inputs: Any, **options: Any) -> Any:
        """Call `predict`."""
        return self.predict(inputs, **options)

    def _bind(
        self, *, activation: Literal["none", "sigmoid", "softmax"] | None = None, truncation: bool = True
    ) -> Answer:
        native, is_single = self._native, self.config.num_labels == 1
        function = self._activation() if activation is None else activation
        if not is_one_of(function, "none", "sigmoid", "softmax"):
            raise refused("activation", f"expected none, sigmoid, softmax or None, got {activation!r}")

        def answer(pairs: list[Any], first_row: int) -> Any:
            rows = [_pair(pair) for pair in pairs]
            scores = native._scores(rows, function=function, truncation=truncation, first_row=first_row)
            found = np.asarray(scores, np.float32)
            return found[:, 0] if is_single else found

        return answer

    def _form(self, options: Mapping[str, Any]) -> tuple[Fields, Mapping[str, Any], Callable[[Any], Result]]:
        if self.config.num_labels == 1:
            return {"score": float}, {}, lambda score: {"score": float(score)}
        return {"scores": Vector(self.config.num_labels)}, {}, lambda scores: {"scores": scores}

    def _input(self, row: tuple[Any, ...]) -> Any:
        return row

    def _activation(self) -> str:
        """Return the function of scores that the configuration names, as sentence-transformers does."""
        values = self.config.to_dict()
        named = (values.get("sentence_transformers") or {}).get("activation_fn") or values.get(
            "sbert_ce_default_activation_function"
        )
        if named is None:
            return "sigmoid" if self.config.num_labels == 1 else "none"
        known = {"Identity": "none", "Sigmoid": "sigmoid"}
        last = str(named).rpartition(".")[2]
        if last not in known:
            raise refused("activation", f"expected one of {', '.join(known)} in the configuration, got {named!r}")
        return known[last]


def _pair(pair: Any) -> tuple[Any, Any]:
    if not isinstance(pair, list | tuple) or len(pair) != 2:
        raise refused("pairs", f"expected two texts in every pair, got {pair!r:.80}")
    return pair[0], pair[1]


__all__ = ["CrossEncoder", "SentenceEncoder"]
