"""Fine-tune a model on a task: examples -> steps -> checkpoints -> the best model and its figures."""

from __future__ import annotations

import hashlib
import math
import os
import warnings
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

import oxbert
from oxbert._checks import check_type, refused, require
from oxbert._types import AutocastPrecision
from oxbert.errors import UntrainedHeadWarning
from oxbert.training.data.manifest import tokenizer_files
from oxbert.training.data.ordering import Ordered
from oxbert.training.data.parts import permutation
from oxbert.training.finetuning.config import FineTuningConfig
from oxbert.training.finetuning.evaluating import LOSS, make_result, run_features
from oxbert.training.finetuning.report import Result, write_results
from oxbert.training.finetuning.tasks.task import DEV, TRAIN, Feature, Task
from oxbert.training.loop.checkpoints import read_parameters
from oxbert.training.loop.log import has_log, read_log
from oxbert.training.loop.loop import Loop
from oxbert.training.loop.options import LaunchOptions, document_fields


@dataclass(frozen=True)
class FineTuningBatch:
    """Hold the rows of a step, and the number of items that its loss is a mean over."""

    features: list[Feature]
    weight: int

    @property
    def tokens(self) -> int:
        """Return the number of tokens."""
        return sum(len(row.input_ids) for row in self.features)

    def __len__(self) -> int:
        return len(self.features)


class Rows(Ordered):
    """Hold the rows that are trained, in the order of the examples.

    Args:
        features: The rows.
        batch_size: Rows per step.
        seed: The seed of their order.
        group_by_length: Whether the rows of a step have near lengths.
    """

    _MOST, _LEAST = 50, 4
    """The most batches of a span, and the fewest spans of an epoch. Rows are sorted by length within a span. Which rows
    a span has is random, so long rows are spread over an epoch."""

    def __init__(self, features: Sequence[Feature], batch_size: int, seed: int, *, group_by_length: bool) -> None:
        self._features, self._batch_size, self._seed = features, batch_size, seed
        self._lengths = np.array([len(row.input_ids) for row in features]) if group_by_length else None

    def __len__(self) -> int:
        return len(self._features)

    def batch(self, step: int) -> FineTuningBatch:
        """Return the rows of a step."""
        rows = [self._features[number] for number in self.batch_indices(step, self._batch_size, self._seed)]
        return FineTuningBatch(rows, sum(row.weight for row in rows))

    def _arrange(self, order: npt.NDArray[Any], seed: int, epoch: int) -> npt.NDArray[Any]:
        if self._lengths is None:
            return order
        # The last rows of the epoch before have begun the first batch, and the next epoch completes the last one.
        begun = -epoch * len(self) % self._batch_size
        count = max(0, len(self) - begun) // self._batch_size
        first, order, last = np.split(order, [begun, begun + count * self._batch_size])
        span = self._batch_size * max(1, min(self._MOST, count // self._LEAST))
        spans = [order[start : start + span] for start in range(0, len(order), span)]
        order = np.concatenate([order[:0], *(rows[np.argsort(self._lengths[rows], kind="stable")] for rows in spans)])
        # Otherwise lengths would rise within each span.
        batches = order.reshape(count, self._batch_size)[permutation(count, seed, epoch)]
        return np.concatenate([first, batches.ravel(), last])


@document_fields(LaunchOptions)
class FineTuner(Loop[FineTuningBatch]):
    """Run the fine-tuning of a model on a task.

    Under `torchrun` every process makes a trainer with the same arguments, computes its share of a batch, and gradients
    are summed.

    Args:
        task: The task.
        config: How the model is trained.
        model: The folder or name of the model to begin with. A head that it lacks, or that has other labels, begins
            with random weights that follow from the seed.
        examples: The examples of each split: `train`, `dev`, and any others, which are predicted in the end.
        output: The folder of the run: `checkpoints/`, `log.jsonl`, and in the end `model/`, `metrics.json`, and the
            predictions.
        skipped: How many bad rows were left out of the examples, for the report.
        {fields}

    Attributes:
        labels: The names of the classes; None for a task without classes.
        results: The predictions and figures of each split but `train`, after the run.
        written_step: The step of the checkpoint that they are from.

    Raises:
        ConfigError: if the configuration differs from that of the checkpoint; `field` names the difference.
        DtypeError: if the task, the configuration or the examples are of another type.
        InputError: if there is no row to train, or all have the same label; if `max_length` is more than the model has
            positions; if rows are grouped by length for a task that compares the rows of a batch.
    """

    config: FineTuningConfig
    saves_evaluated = True
    other_data = "other examples, labels or first weights"

    def __init__(
        self,
        task: Task,
        config: FineTuningConfig,
        model: str | os.PathLike[str],
        examples: Mapping[str, Sequence[Any]],
        output: str | os.PathLike[str],
        *,
        skipped: int = 0,
        device: str | None = LaunchOptions.device,
        precision: AutocastPrecision = LaunchOptions.precision,
        accumulate: int = LaunchOptions.accumulate,
        tensorboard: bool = LaunchOptions.tensorboard,
        resume: bool = LaunchOptions.resume,
        continue_from: str | os.PathLike[str] | None = LaunchOptions.continue_from,
    ) -> None:
        check_type("task", task, Task, "a task")
        check_type("config", config, FineTuningConfig, "a FineTuningConfig")
        check_type("examples", examples, Mapping, "examples by split")
        if config.group_by_length and task.compares_rows:
            reason = f"expected false, since the task {task.name} compares the rows of a batch, got true"
            raise refused("group_by_length", reason)
        self.task, self.source, self._skipped = task, model, skipped
        for package in task.packages:
            require(package, extra="finetune")
        self.tokenizer = oxbert.AutoTokenizer.from_pretrained(model)
        self.examples = {split: list(found) for split, found in examples.items()}
        known = [one for found in self.examples.values() if task.has_labels(found) for one in found]
        self.labels = task.labels(known)
        if task.problem_type == "single_label_classification" and len(self.labels or ()) < 2:
            found = ", ".join(self.labels or ()) or "none"
            raise refused("data", f"expected examples of two labels at least, got {found}")
        if self.labels is not None and not self.labels:
            raise refused("data", "expected examples with labels, but none has any")
        most = config.max_train_examples
        if most and most < len(self.examples[TRAIN]):
            drawn = sorted(permutation(len(self.examples[TRAIN]), config.seed)[:most].tolist())
            self.examples[TRAIN] = [self.examples[TRAIN][number] for number in drawn]
        self.features = {
            split: task.features(found, self.tokenizer, self.labels, config, train=split == TRAIN)
            for split, found in self.examples.items()
        }
        rows = [row for row in self.features.pop(TRAIN) if row.weight]
        if not rows:
            raise refused("examples", "expected rows to train, got none")
        self._rows = Rows(rows, config.batch_size, config.seed, group_by_length=config.group_by_length)
        launch = LaunchOptions(
            device=device,
            precision=precision,
            accumulate=accumulate,
            tensorboard=tensorboard,
            resume=resume,
            continue_from=continue_from,
        )
        super().__init__(config.for_examples(len(rows)), launch, output)
        self.model = load_model(
            task, task.model_class(config), model, self.labels, config.seed, str(self.processes.device)
        )
        limit = self.model.config.max_position_embeddings
        longest = max(len(row.input_ids) for found in (rows, *self.features.values()) for row in found)
        if longest > limit:
            reason = f"expected at most {limit}, the positions of the model, got {config.max_length}"
            raise refused("max_length", reason)
        self._fingerprint = _fingerprint(task, rows, self.labels, self.model)
        self.results: dict[str, Result] = {}
        self.written_step = 0
        # The step of each evaluation, and its figure and its loss such that more is better.
        self._evaluations: list[tuple[int, tuple[float, float]]] = []
        self.begin(self.model.named_parameters(), lambda: None)
        for step, figures in self.processes.share(self._past_evaluations()):
            self.note_figures(step, figures)

    def draw_batch(self, step: int) -> FineTuningBatch:
        """Return the rows of a step."""
        return self._rows.batch(step)

    def loss_names(self) -> list[str]:
        """Return the name of the only loss."""
        return [LOSS]

    def compute_losses(self, batch: FineTuningBatch, places: list[int]) -> dict[str, Any]:
        """Return the loss of some rows of a batch, as a share of the mean or of the sum over the whole batch."""
        rows = [batch.features[place] for place in places]
        arguments = self.task.arguments(rows, self.tokenizer.pad_token_id)
        self.model.train()
        output = self.model(**{name: tensor.to(self.processes.device) for name, tensor in arguments.items()})
        weight = sum(row.weight for row in rows)
        return {LOSS: output.loss * (weight if self.config.reduction == "sum" else weight / batch.weight)}

    @property
    def epoch_size(self) -> int:
        """Return the number of rows that are trained."""
        return len(self._rows)

    @property
    def can_evaluate(self) -> bool:
        """Return whether there are examples with labels to evaluate on."""
        return DEV in self.examples and self.task.has_labels(self.examples[DEV])

    def evaluate(self) -> dict[str, float]:
        """Return the figures of the split `dev`, or of its first `evaluation_batches` batches."""
        most = self.config.evaluation_batches * self.config.eval_batch_size
        return self._predict(DEV, most if most and self.step < self.config.train_steps else None).figures

    def _predict(self, split: str, most: int | None = None) -> Result:
        """Return the predictions and figures of a split, the same on every process."""
        features, examples = self.features[split], self.examples[split]
        if most is not None and most < len(examples):
            examples = examples[:most]
            features = [row for row in features if row.example < most]
        outputs, loss = run_features(
            self.task,
            self.model,
            features,
            batch_size=self.config.eval_batch_size,
            pad_token_id=self.tokenizer.pad_token_id,
            processes=self.processes,
            autocast=self.autocast,
        )
        result = make_result(self.task, outputs, loss, features, examples, self.labels, self.config)
        # Each process has computed the same, up to the last digits that another processor may give.
        return replace(result, figures=self.processes.share(result.figures))

    def note_figures(self, step: int, figures: Mapping[str, Any]) -> None:
        """Remember an evaluation, and keep its checkpoint if it is the best so far."""
        figure, loss = (figures.get(f"eval_{name}") for name in (self.task.metric, LOSS))
        sign = 1 if self.task.is_better_high else -1
        rank = (_finite(figure, -math.inf, sign), _finite(loss, -math.inf, -1))
        self._evaluations.append((step, rank))
        if self.config.keep_best:
            self._checkpoints.best = self.best_step

    def _past_evaluations(self) -> list[tuple[int, dict[str, Any]]]:
        """Return the evaluations in the log up to the current step, on rank 0."""
        if self.processes.rank or not self.step or not has_log(self.output):
            return []
        name = f"eval_{self.task.metric}"
        return [(line["step"], line) for line in read_log(self.output) if line["step"] <= self.step and name in line]

    @property
    def best_step(self) -> int | None:
        """Return the step of the best evaluation whose checkpoint is there.

        Of evaluations with the same figure, the one with the lowest loss is the best.
        """
        kept = self._checkpoints.steps
        known = [(rank, -step) for step, rank in self._evaluations if step in kept]
        return -max(known)[1] if known else None

    def is_over(self) -> bool:
        """Return whether the last step is done, or the last `patience` evaluations were no better than one before."""
        return super().is_over() or self._has_lost_patience()

    def _has_lost_patience(self) -> bool:
        patience = self.config.patience
        if not patience or len(self._evaluations) <= patience:
            return False
        ranks = [rank for _, rank in self._evaluations]
        return max(ranks[-patience:]) <= max(ranks[:-patience])

    def data_fingerprint(self) -> str:
        """Return what tells the rows, the labels and the first weights of this run from others."""
        return self._fingerprint

    def describe_data(self) -> dict[str, Any]:
        """Return what a model card says of the data."""
        counts = {f"{split}_examples": len(found) for split, found in self.examples.items()}
        return {**counts, "trained_rows": len(self._rows), **({"bad_rows": self._skipped} if self._skipped else {})}

    def checkpoint_files(self) -> dict[str, bytes]:
        """Return the files of the tokenizer."""
        return tokenizer_files(self.tokenizer)

    def export(self) -> dict[str, Path]:
        """Write the model, the predictions, the figures and the pictures, and return the folder of the model."""
        best = self.best_step if self.config.keep_best else None
        best = self.processes.share(best)
        if best is not None and best != self.step:
            found = read_parameters(self._checkpoints.path(best))
            with torch.no_grad():
                for name, parameter in self.parameters.items():
                    parameter.copy_(found[name])
        self.results = {split: self._predict(split) for split in self.examples if split != TRAIN}
        self.written_step = self.step if best is None else best
        return {} if self.processes.rank else write_results(self, self.written_step)


def load_model(
    task: Task,
    kind: str,
    source: str | os.PathLike[str],
    labels: Sequence[str] | None,
    seed: int,
    device: str,
) -> Any:
    """Return a model with the head of a task. A head that the source lacks is random, and follows from the seed."""
    fields: dict[str, Any] = {}
    if labels is not None:
        fields = {"id2label": dict(enumerate(labels)), "label2id": {name: place for place, name in enumerate(labels)}}
    if task.problem_type is not None:
        fields["problem_type"] = task.problem_type
    torch.manual_seed(seed)
    with warnings.catch_warnings():
        # That the head is new is the reason to train it.
        warnings.simplefilter("ignore", UntrainedHeadWarning)
        return getattr(oxbert, kind).from_pretrained(source, device=device, ignore_mismatched_sizes=True, **fields)


def _finite(value: float | None, otherwise: float, sign: int) -> float:
    """Return a number with a sign, or another one in place of none and NaN."""
    return otherwise if value is None or math.isnan(value) else sign * value


def _fingerprint(task: Task, rows: Sequence[Feature], labels: Sequence[str] | None, model: Any) -> str:
    found = hashlib.sha256(repr((task.name, labels)).encode())
    for row in rows:
        found.update(repr((len(row.input_ids), row.labels, row.weight)).encode())
        for numbers in (row.input_ids, row.token_type_ids):
            found.update(np.asarray(numbers, np.int32).tobytes())
    weights = 0
    for _, parameter in model.named_parameters():
        weights = zlib.crc32(parameter.detach().cpu().contiguous().numpy().data, weights)
    return f"{found.hexdigest()} {weights:08x}"


__all__ = ["FineTuner", "FineTuningBatch", "load_model"]
