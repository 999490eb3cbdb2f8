"""Choose the pipeline of a task by its name."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, overload

from oxbert import _native
from oxbert._checks import check_type, refused
from oxbert._types import PathLike, Precision
from oxbert.hub._options import split_options
from oxbert.pipelines._base import Pipeline
from oxbert.pipelines._rows import Rows
from oxbert.pipelines.features import FeatureExtractionPipeline
from oxbert.pipelines.fill_mask import FillMaskPipeline
from oxbert.pipelines.question_answering import QuestionAnsweringPipeline
from oxbert.pipelines.replaced_tokens import ReplacedTokenDetectionPipeline
from oxbert.pipelines.sentences import CrossEncoder, SentenceEncoder
from oxbert.pipelines.text_classification import TextClassificationPipeline
from oxbert.pipelines.token_classification import TokenClassificationPipeline
from oxbert.pipelines.vector_classification import VectorClassificationPipeline, is_few_shot_folder
from oxbert.pipelines.zero_shot import ZeroShotClassificationPipeline

_KINDS: list[type[Pipeline]] = [
    FeatureExtractionPipeline,
    FillMaskPipeline,
    QuestionAnsweringPipeline,
    ReplacedTokenDetectionPipeline,
    TextClassificationPipeline,
    TokenClassificationPipeline,
    ZeroShotClassificationPipeline,
]
_SENTENCES: list[type[Pipeline]] = [SentenceEncoder, CrossEncoder]
# Other names of tasks, as in transformers.
_ALIASES = {"ner": "token-classification", "sentiment-analysis": "text-classification"}

TASKS = tuple(sorted([*(kind.task for kind in _KINDS), *_ALIASES]))
"""The names of the tasks that `pipeline` knows."""
TABLE_TASKS = tuple(sorted([*TASKS, *(kind.task for kind in _SENTENCES)]))
"""The names of the tasks that answer rows of tables: also those of `SentenceEncoder` and `CrossEncoder`."""

_Model: TypeAlias = PathLike | _native.Model | None
_Tokenizer: TypeAlias = PathLike | _native.Tokenizer | None


@overload
def pipeline(
    task: Literal["feature-extraction"],
    model: _Model = ...,
    tokenizer: _Tokenizer = ...,
    *,
    precision: Precision | None = ...,
    **options: Any,
) -> FeatureExtractionPipeline: ...
@overload
def pipeline(
    task: Literal["fill-mask"],
    model: _Model = ...,
    tokenizer: _Tokenizer = ...,
    *,
    precision: Precision | None = ...,
    **options: Any,
) -> FillMaskPipeline: ...
@overload
def pipeline(
    task: Literal["question-answering"],
    model: _Model = ...,
    tokenizer: _Tokenizer = ...,
    *,
    precision: Precision | None = ...,
    **options: Any,
) -> QuestionAnsweringPipeline: ...
@overload
def pipeline(
    task: Literal["replaced-token-detection"],
    model: _Model = ...,
    tokenizer: _Tokenizer = ...,
    *,
    precision: Precision | None = ...,
    **options: Any,
) -> ReplacedTokenDetectionPipeline: ...
@overload
def pipeline(
    task: Literal["text-classification", "sentiment-analysis"],
    model: _Model = ...,
    tokenizer: _Tokenizer = ...,
    *,
    precision: Precision | None = ...,
    **options: Any,
) -> TextClassificationPipeline: ...
@overload
def pipeline(
    task: Literal["token-classification", "ner"],
    model: _Model = ...,
    tokenizer: _Tokenizer = ...,
    *,
    precision: Precision | None = ...,
    **options: Any,
) -> TokenClassificationPipeline: ...
@overload
def pipeline(
    task: Literal["zero-shot-classification"],
    model: _Model = ...,
    tokenizer: _Tokenizer = ...,
    *,
    precision: Precision | None = ...,
    **options: Any,
) -> ZeroShotClassificationPipeline: ...
@overload
def pipeline(
    task: str, model: _Model = ..., tokenizer: _Tokenizer = ..., *, precision: Precision | None = ..., **options: Any
) -> Pipeline: ...
def pipeline(
    task: str,
    model: _Model = None,
    tokenizer: _Tokenizer = None,
    *,
    device: Any = None,
    precision: Precision | None = None,
    emulate: bool = False,
    batch_tokens: int | None = None,
    **options: Any,
) -> Pipeline:
    """Build the pipeline of a task: a callable that turns texts into answers, in the form of transformers.

    Args:
        task: One of `oxbert.pipelines.TASKS`.
        model: A path, the name of a bundled model or the id of a repository, as for `Model.from_pretrained`; or a
            loaded model, which the pipeline shares: the pipeline sees every change of it. None means the bundled model
            of the task, if there is one.
        tokenizer: A path, a name or a tokenizer; None means the one beside the model. A loaded model needs one.
        device: `cpu`, `cuda` or `cuda:N`; or a number as in transformers, -1 for the CPU. None means the CPU, or the
            device of a loaded model.
        precision: `float32`, `float16`, `bfloat16`, `int8`, `int8_bfloat16` or `auto`; None means `float32`, or that of
            a loaded model.
        emulate: Whether to take a precision that the processor has no arithmetic for, and to compute it slowly.
        batch_tokens: The largest number of tokens that the model computes at once; None means 2048.
        options: `revision` and the other options of the hub, and options of the task for every call, such as `top_k`.

    Returns:
        The pipeline; its class in `oxbert.pipelines` describes options and answers.

    Raises:
        InputError: if there is no such task or no model for it, the processor or the device lacks the precision, or a
            loaded model does not fit.
        TypeError: if the task has no such option.
        MissingFileError: if there is no such folder or model, or the folder lacks a file.
        UntrainedHeadError: if the weights lack the head that the task needs.
        WeightsError: if the weights cannot be used.

    Example:
        >>> import oxbert
        >>> fill = oxbert.pipeline("fill-mask", top_k=2)
        >>> [sorted(answer) for answer in fill("The function returns a [MASK].")]
        [['score', 'sequence', 'token', 'token_str'], ['score', 'sequence', 'token', 'token_str']]
    """
    kind = _kind_of(task, _KINDS, model)
    if isinstance(device, int) and not isinstance(device, bool):
        device = f"cuda:{device}" if device >= 0 else "cpu"
    return kind.from_pretrained(
        model,
        tokenizer,
        device=device,
        precision=precision,
        emulate=emulate,
        batch_tokens=batch_tokens,
        **options,
    )


def open_rows(
    task: str,
    model: PathLike | None = None,
    tokenizer: PathLike | None = None,
    *,
    width: int | None = None,
    device: str | None = None,
    precision: Precision | None = None,
    emulate: bool = False,
    batch_tokens: int | None = None,
    **options: Any,
) -> Rows:
    """Return how a task answers rows of a table.

    Args:
        task: One of `TABLE_TASKS`.
        model: See `pipeline`, like `tokenizer`, `device`, `precision`, `emulate` and `batch_tokens`.
        tokenizer: None for folders of sentence-transformers, which have their own.
        width: The number of values of a row; None means as few as the task takes.
        device: See `pipeline`.
        precision: See `pipeline`.
        emulate: See `pipeline`.
        batch_tokens: See `pipeline`.
        options: See `pipeline`; for `sentence-similarity` and `text-ranking` the options of a call.

    Raises:
        OxbertError: as `pipeline`.
        TypeError: if the task has no such option.
    """
    kind: Any = _kind_of(task, [*_KINDS, *_SENTENCES], model)
    shared = {"device": device, "precision": precision, "emulate": emulate, "batch_tokens": batch_tokens}
    if kind not in _SENTENCES:
        rows: Rows = kind.from_pretrained(model, tokenizer, **shared, **options)._rows(width)
        return rows
    if model is None:
        raise refused("model", f"expected {kind._wanted}, got None")
    if tokenizer is not None:
        raise refused("tokenizer", f"expected None: {kind._wanted} has its own")
    hub, own = split_options(options)
    rows = kind.from_pretrained(model, **shared, **hub)._rows(width, **own)
    return rows


def _kind_of(task: str, kinds: list[type[Pipeline]], model: Any) -> type[Pipeline]:
    check_type("task", task, str, "the name of a task")
    name = _ALIASES.get(task, task)
    kind = next((kind for kind in kinds if kind.task == name), None)
    if kind is None:
        known = sorted([*(kind.task for kind in kinds), *_ALIASES])
        raise refused("task", f"expected one of {', '.join(known)}, got {task!r}")
    if kind is TextClassificationPipeline and is_few_shot_folder(model):
        return VectorClassificationPipeline
    return kind


__all__ = ["TABLE_TASKS", "TASKS", "open_rows", "pipeline"]
