"""Distil a masked LM: examples -> masked texts -> the losses of a student beside its teacher -> a model."""

from __future__ import annotations

import os
import warnings
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from torch import Tensor

import oxbert
from oxbert._checks import check_type, refused
from oxbert._files import is_folder, write_whole
from oxbert._types import AutocastPrecision, PathLike
from oxbert.errors import UntrainedHeadError, UntrainedHeadWarning
from oxbert.training.data import Examples
from oxbert.training.data.batching import Example, collate
from oxbert.training.distillation.card import model_card
from oxbert.training.distillation.config import DistillationConfig
from oxbert.training.distillation.losses import sum_losses
from oxbert.training.distillation.masking import count_chosen, mask
from oxbert.training.distillation.students import copy_layers, spread_layers, student_config
from oxbert.training.finetuning.tasks.task import pad
from oxbert.training.loop.curves import draw_curves
from oxbert.training.loop.example_loop import ExampleLoop, check_examples
from oxbert.training.loop.log import has_log
from oxbert.training.loop.options import LaunchOptions, document_fields

_LOSSES = ("loss", "soft_loss", "masked_lm_loss", "cosine_loss")
MODEL = "model"
"""The folder of the student in that of the run."""


@dataclass(frozen=True)
class DistillationBatch:
    """Hold the examples of a step, and what its losses are means over.

    Attributes:
        step: The number of the step.
        examples: The examples.
        tokens: The number of tokens.
        chosen: The number of tokens that are predicted.
    """

    step: int
    examples: list[Example]
    tokens: int
    chosen: int

    def __len__(self) -> int:
        return len(self.examples)


@document_fields(LaunchOptions)
class Distiller(ExampleLoop[DistillationBatch]):
    """Run the distillation of a masked LM into a smaller one.

    Under `torchrun` every process makes a distiller with the same arguments, computes its share of a batch, and
    gradients are summed.

    Args:
        config: The losses, and how the student is trained.
        examples: The text, from `oxbert.training.data`.
        output: The folder of the run: `checkpoints/`, `log.jsonl`, and in the end `model/`.
        teacher: The folder or name of a masked LM, ELECTRA's or DistilBERT's.
        student: See `distill`.
        layers: See `distill`.
        held_out: Text for evaluation.
        {fields}

    Attributes:
        model: The student.
        teacher: The teacher.
        layers: The layers of the teacher that the student began with; None if it began otherwise.

    Raises:
        ConfigError: if the configuration differs from that of the checkpoint; `field` names the difference.
        DtypeError: if the configuration is of another type.
        InputError: if the student does not fit the teacher or the examples.
    """

    config: DistillationConfig

    def __init__(
        self,
        config: DistillationConfig,
        examples: Examples,
        output: str | os.PathLike[str],
        *,
        teacher: PathLike,
        student: PathLike | oxbert.Config | None = None,
        layers: Sequence[int] | int | None = None,
        held_out: Examples | None = None,
        device: str | None = LaunchOptions.device,
        precision: AutocastPrecision = LaunchOptions.precision,
        accumulate: int = LaunchOptions.accumulate,
        tensorboard: bool = LaunchOptions.tensorboard,
        resume: bool = LaunchOptions.resume,
        continue_from: str | os.PathLike[str] | None = LaunchOptions.continue_from,
    ) -> None:
        check_type("config", config, DistillationConfig, "a DistillationConfig")
        launch = LaunchOptions(
            device=device,
            precision=precision,
            accumulate=accumulate,
            tensorboard=tensorboard,
            resume=resume,
            continue_from=continue_from,
        )
        tokenizer = oxbert.AutoTokenizer.from_pretrained(teacher)
        super().__init__(config, launch, output, examples, held_out, tokenizer)
        self.source = teacher
        device = str(self.processes.device)
        self.teacher = _load_teacher(teacher, device)
        self.model, self.layers = _make_student(teacher, self.teacher.config, student, layers, config.seed, device)
        self._check_student()
        longest = min(self.model.config.max_position_embeddings, self.teacher.config.max_position_embeddings)
        check_examples(examples, held_out, longest, "max_position_embeddings")
        special = (self.tokenizer.cls_token_id, self.tokenizer.sep_token_id, self.tokenizer.pad_token_id)
        self._special: Collection[int] = {one for one in special if one is not None}
        self._fingerprint = _fingerprint(teacher, examples, self.model)
        self.begin(self.model.named_parameters(), lambda: None)

    def _check_student(self) -> None:
        """Refuse a student that does not fit the teacher."""
        ours, theirs = self.model.config, self.teacher.config
        if ours.vocab_size != theirs.vocab_size:
            raise refused("student", f"expected the teacher's vocab_size = {theirs.vocab_size}, got {ours.vocab_size}")
        if self.config.cosine_weight and ours.hidden_size != theirs.hidden_size:
            reason = f"expected 0 for a student of H = {ours.hidden_size} beside a teacher of H = {theirs.hidden_size}"
            raise refused("cosine_weight", f"{reason}: the cosine loss compares their hidden states")

    def draw_batch(self, step: int) -> DistillationBatch:
        """Return the examples of a step."""
        return self._batch(step, self.examples_of(step))

    def _batch(self, step: int, examples: list[Example]) -> DistillationBatch:
        ids = [example["input_ids"] for example in examples]
        chosen = sum(count_chosen(row, self._special, self.config) for row in ids)
        return DistillationBatch(step, examples, sum(map(len, ids)), chosen)

    def loss_names(self) -> list[str]:
        """Return the names of the losses."""
        return list(_LOSSES)

    def compute_losses(self, batch: DistillationBatch, places: list[int]) -> dict[str, Any]:
        """Return the losses of some examples of a batch, as shares of the means over the whole batch."""
        self.model.train()
        return self._losses(batch, places)

    def _losses(self, batch: DistillationBatch, places: Sequence[int]) -> dict[str, Any]:
        config, device = self.config, self.processes.device
        drawn = [
            mask(
                batch.examples[place]["input_ids"],
                self._special,
                config,
                mask_id=self.tokenizer.mask_token_id,
                size=len(self.tokenizer),
                place=(batch.step, place),
            )
            for place in places
        ]
        rows = [
            Example(input_ids=ids.astype(np.int32), first_segment=batch.examples[place]["first_segment"])
            for place, (ids, _) in zip(places, drawn, strict=True)
        ]
        padded = collate(rows, pad_token_id=self.tokenizer.pad_token_id or 0)
        inputs = {name: torch.from_numpy(array).to(device) for name, array in padded.items()}
        kept = inputs["attention_mask"].bool()
        labels = pad([row.tolist() for _, row in drawn], 0).to(device)[kept]
        has_hidden = config.cosine_weight > 0
        ours = self._call(self.model, inputs, has_hidden)
        with torch.no_grad():
            theirs = self._call(self.teacher, inputs, has_hidden)
        hidden = (ours.hidden_states[-1][kept], theirs.hidden_states[-1][kept]) if has_hidden else None
        sums = sum_losses(ours.logits[kept], theirs.logits[kept], labels, config.temperature, hidden)
        soft, cosine = sums.soft / batch.tokens, sums.cosine / batch.tokens
        masked = sums.masked / max(1, batch.chosen)
        loss = config.soft_weight * soft + config.masked_weight * masked + config.cosine_weight * cosine
        return dict(zip(_LOSSES, (loss, soft, masked, cosine), strict=True))

    @staticmethod
    def _call(model: Any, inputs: dict[str, Tensor], has_hidden: bool) -> Any:
        has_types = "type_vocab_size" in model.config.to_dict()
        own = {name: tensor for name, tensor in inputs.items() if name != "token_type_ids" or has_types}
        return model(**own, output_hidden_states=has_hidden)

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Return the losses of the held-out text, with the same examples and masks at every evaluation.

        Raises:
            InputError: if there is no held-out text.
        """
        self.model.eval()
        found: list[dict[str, float]] = []
        for _, examples in self.held_out_batches():
            batch = self._batch(len(found), examples)
            with self.autocast():
                losses = self._losses(batch, range(len(batch)))
            found.append({name: float(losses[name]) for name in _LOSSES})
        return {name: fmean(one[name] for one in found) for name in _LOSSES}

    def data_fingerprint(self) -> str:
        """Return what tells the text, the teacher and the student's first weights from others."""
        return self._fingerprint

    def export(self) -> dict[str, Path]:
        """Write the student, and return its folder."""
        if self.processes.rank:
            return {}
        folder = self.output / MODEL
        self.model.save_pretrained(folder)
        self.model.save_pretrained(folder, format="ot")
        self.tokenizer.save_pretrained(folder)
        card = model_card(self.config, self.source, self.model.config, self.layers, self.state())
        write_whole(folder / "README.md", card.encode())
        if find_spec("matplotlib") is not None and has_log(self.output):
            draw_curves(self.output)
        return {MODEL: folder}


def _load_teacher(source: PathLike, device: str) -> Any:
    """Return the teacher, frozen: it is run as fast as for inference."""
    with warnings.catch_warnings():
        # Nothing can be learnt from a head of random weights.
        warnings.simplefilter("error", UntrainedHeadWarning)
        try:
            return oxbert.AutoModelForMaskedLM.from_pretrained(source, device=device, trainable=False)
        except UntrainedHeadWarning as warning:
            reason = f"expected a trained masked LM: {warning}"
            raise UntrainedHeadError(f"teacher: {reason}", task="fill-mask") from warning


def _make_student(
    source: PathLike,
    teacher: Any,
    student: PathLike | oxbert.Config | None,
    layers: Sequence[int] | int | None,
    seed: int,
    device: str,
) -> tuple[Any, list[int] | None]:
    """Return a student, and the layers of the teacher that it begins with; None if it begins otherwise."""
    if isinstance(student, os.PathLike) or (
        isinstance(student, str) and (is_folder(student) or student not in ("electra", "distilbert"))
    ):
        if layers is not None:
            raise refused("layers", "expected None for a student with weights of its own")
        return oxbert.AutoModelForMaskedLM.from_pretrained(student, device=device), None
    config = student_config(teacher, student, layers)
    kind = oxbert.DistilBertForMaskedLM if isinstance(config, oxbert.DistilBertConfig) else oxbert.ElectraForMaskedLM
    model = kind(config, seed=seed, device=device)
    number = teacher.num_hidden_layers
    count = config.num_hidden_layers
    chosen = spread_layers(number, count) if layers is None or isinstance(layers, int) else list(layers)
    if not all(isinstance(one, int) and 0 <= one < number for one in chosen):
        raise refused("layers", f"expected numbers from 0 to {number - 1}, the teacher's layers, got {chosen}")
    trainable = oxbert.AutoModelForMaskedLM.from_pretrained(source)
    is_copied = copy_layers(dict(trainable.named_parameters()), dict(model.named_parameters()), chosen)
    if not is_copied and layers is not None and not isinstance(layers, int):
        raise refused("layers", "expected a student of the teacher's widths to begin with its layers")
    return model, chosen if is_copied else None


def _fingerprint(teacher: PathLike, examples: Examples, model: Any) -> str:
    weights = 0
    for _, parameter in model.named_parameters():
        weights = zlib.crc32(parameter.detach().cpu().contiguous().numpy().data, weights)
    return f"{examples.fingerprint} {weights:08x}"


__all__ = ["DistillationBatch", "Distiller"]
