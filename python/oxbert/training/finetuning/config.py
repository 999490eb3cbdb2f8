"""Define the options of fine-tuning, each once."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, get_args

from oxbert._checks import check_type, refused
from oxbert._types import BadRows, LayerwiseRule, Optimizer, Reduction, TaskHead  # noqa: F401  # also inherited fields
from oxbert.training.loop.options import (
    MAX_BATCH_SIZE,
    RunOptions,
    choice,
    document_fields,
    flag,
    integer,
    not_negative,
    number,
    positive,
)

_MOST = 2**53
"""The largest number of examples or rows, which a float still counts."""
TASK_FIELDS = frozenset(
    "double_unordered threshold doc_stride max_query_length n_best max_answer_length null_threshold head".split()
)
"""The fields that only some tasks use. A task names those that it uses."""


@document_fields()
@dataclasses.dataclass(frozen=True, kw_only=True)
class FineTuningConfig(RunOptions):
    """Hold everything that fine-tuning depends on except the task, its data and the model.

    The defaults are those of google-research/electra; a task has its own for some of them.

    Args:
        {fields}

    Raises:
        ConfigError: if a value has the wrong type or is out of its range; `field` names it.

    Example:
        >>> config = FineTuningConfig(epochs=2, batch_size=16)
        >>> config.for_examples(100).train_steps
        13

    Source:
        google-research/electra, configure_finetuning.py.
    """

    _title: ClassVar[str] = "fine-tuning config"

    epochs: float = positive(3.0, "How often each example is trained.")
    train_steps: int = integer(0, 0, "The number of updates in all; 0 means that of `epochs`.")
    learning_rate: float = not_negative(1e-4, "The learning rate of the head, warmed up and decaying, per update.")
    layerwise_decay: float = number(
        0.8,
        "above 0 and at most 1",
        lambda value: 0 < value <= 1,
        "The learning rate of each layer as a share of that of the layer above; 1 means the same rate everywhere.",
    )
    layerwise_rule: LayerwiseRule = choice(  # noqa: RUF009
        "corrected",
        get_args(LayerwiseRule),
        "`corrected` gives the last layer the share d of the head's rate, `exact` gives it d * d, as the original does"
        " by an oversight.",
    )
    warmup_share: float = number(
        0.1, "from 0 to 1", lambda value: 0 <= value <= 1, "The warm-up as a share of all updates."
    )
    warmup_steps: int = integer(0, 0, "The number of warm-up updates, if that is more than `warmup_share`.")
    batch_size: int = integer(32, 1, "Examples per update, over all processes.", most=MAX_BATCH_SIZE)
    group_by_length: bool = flag(
        False, "Whether the examples of an update have near lengths: a few percent faster, with less random batches."
    )
    eval_batch_size: int = integer(32, 1, "Examples per step of an evaluation.", most=MAX_BATCH_SIZE)
    reduction: Reduction = choice(  # noqa: RUF009
        "mean",
        get_args(Reduction),
        "`mean` divides the loss of a batch by its examples, or its words; `sum` does not, as the original, so that"
        " gradients are clipped more often.",
    )
    trials: int = integer(1, 1, "How often the model is fine-tuned, each time with the next seed; the best is kept.")
    patience: int = integer(
        0, 0, "After how many evaluations without a better figure a run ends; 0 never ends it early."
    )
    keep_best: bool = flag(
        True, "Whether the model of the best evaluation is written, rather than that of the last update."
    )
    save_every: int = integer(0, 0, "Updates between two checkpoints; 0 means those of the evaluations only.")
    keep_checkpoints: int = integer(
        1, 0, "How many of the newest checkpoints are kept, beside that of the best evaluation; 0 keeps all."
    )
    evaluate_every: int = integer(0, 0, "Updates between two evaluations; 0 means an epoch.")
    evaluation_batches: int = integer(
        0, 0, "How many batches an evaluation between updates takes; 0 takes all, as the last evaluation always does."
    )
    predict_test: bool = flag(True, "Whether the splits beside `train` and `dev` are read, and predicted in the end.")
    max_length: int = integer(128, 3, "S of a text or a pair in tokens, with special tokens; longer ones are cut.")
    max_train_examples: int = integer(0, 0, "How many examples are trained, drawn by the seed; 0 means all.")
    bad_rows: BadRows = choice(  # noqa: RUF009
        "error", get_args(BadRows), "`error` ends the run at a bad row of the data; `skip` leaves bad rows out."
    )
    double_unordered: bool = flag(
        True, "Whether pairs whose order has no meaning (mrpc, sts) are trained in both orders."
    )
    threshold: float = number(
        0.5,
        "between 0 and 1",
        lambda value: 0 < value < 1,
        "The probability from which a label applies, if a text can have several.",
    )
    doc_stride: int = integer(128, 1, "By how many tokens the windows of a long context are apart.")
    max_query_length: int = integer(64, 1, "The longest question in tokens; longer ones are cut.")
    n_best: int = integer(20, 1, "How many answers are kept for a question.")
    max_answer_length: int = integer(30, 1, "The longest answer in tokens.")
    null_threshold: float | None = number(
        None,
        "that is finite",
        lambda value: True,
        "A question has no answer if the score of none, less that of the best answer, is above this; null means 0, and"
        " -2.75 with the original's head, which scores answerability alone.",
        optional=True,
    )
    head: TaskHead = choice(  # noqa: RUF009
        "transformers",
        get_args(TaskHead),
        "`transformers` is the head of transformers' models, `original` that of google-research/electra: questions are"
        " answered by a start, an end that depends on it, and whether there is an answer at all.",
    )

    @property
    def warmup(self) -> float:
        """Return the number of warm-up updates, which is not rounded."""
        return max(self.warmup_steps, self.warmup_share * self.train_steps)

    @property
    def layer_rates(self) -> dict[str, Any]:
        """Return the options of `parameter_groups` for rates that differ by layer."""
        if self.layerwise_decay == 1:
            return {}
        return {"layerwise_decay": self.layerwise_decay, "exact": self.layerwise_rule == "exact"}

    def for_examples(self, count: int) -> FineTuningConfig:
        """Return the configuration with the numbers of updates that follow from the number of trained examples.

        Raises:
            DtypeError: if `count` is no integer.
            InputError: if `count` is not positive, or absurd.
        """
        check_type("count", count, int, "a number of examples")
        if not 1 <= count <= _MOST:
            raise refused("count", f"expected 1 to {_MOST} examples, got {count}")
        epoch = -(-count // self.batch_size)
        steps = self.train_steps or max(1, -(-int(min(count * self.epochs, _MOST)) // self.batch_size))
        every = self.evaluate_every or epoch
        return dataclasses.replace(self, train_steps=steps, evaluate_every=every, save_every=self.save_every or steps)


__all__ = ["TASK_FIELDS", "FineTuningConfig"]
