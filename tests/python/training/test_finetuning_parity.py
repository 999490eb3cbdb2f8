"""Compare fine-tuning with the `Trainer` of transformers: the same weights, order and rates, no dropout."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from oxbert.training import FineTuner, learning_rate, parameter_groups

from .runs import log_of, sentences, texts, tuner, write_model


class _Trainer(transformers.Trainer):
    """Take examples in their order, and keep the loss of each step."""

    losses: list[float]

    def _get_train_sampler(self, *arguments: Any) -> Any:
        return torch.utils.data.SequentialSampler(self.train_dataset)

    def compute_loss(self, *arguments: Any, **options: Any) -> Any:
        found = super().compute_loss(*arguments, **options)
        self.losses.append(float(found.detach()))
        return found


def run_transformers(ours: FineTuner, model: Any, folder: Path) -> list[float]:
    """Return the losses of the same run by transformers, padded as its collators pad."""
    config = ours.config
    groups = parameter_groups(
        model.named_parameters(),
        learning_rate=config.learning_rate,
        layerwise_decay=config.layerwise_decay,
        exact=False,
    )
    optimizer = torch.optim.AdamW(groups, eps=config.adam_epsilon)
    rate = partial(learning_rate, peak=1.0, total_steps=config.train_steps, warmup_proportion=config.warmup_share)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    rows = [row for step in range(config.train_steps) for row in ours.draw_batch(step).features]
    data = [
        {"input_ids": list(row.input_ids), "token_type_ids": list(row.token_type_ids), "labels": row.labels}
        for row in rows
    ]
    if isinstance(rows[0].labels, list):
        collate: Any = transformers.DataCollatorForTokenClassification(
            transformers.AutoTokenizer.from_pretrained(folder)
        )
    else:
        collate = transformers.DataCollatorWithPadding(transformers.AutoTokenizer.from_pretrained(folder))
    arguments = transformers.TrainingArguments(
        output_dir=str(folder / "trainer"), per_device_train_batch_size=config.batch_size, max_steps=config.train_steps,
        max_grad_norm=config.max_gradient_norm, report_to=[], save_strategy="no", logging_strategy="no",
        disable_tqdm=True, use_cpu=True,
    )  # fmt: skip
    trainer = _Trainer(model, arguments, train_dataset=data, data_collator=collate, optimizers=(optimizer, schedule))
    trainer.losses = []
    trainer.train()
    return trainer.losses


@pytest.mark.parametrize("family", ["electra", "distilbert"])
@pytest.mark.parametrize("task", ["classification", "tagging"])
def test_a_run_equals_that_of_transformers(task: str, family: str, tmp_path: Path) -> None:
    rows = texts(100) if task == "classification" else sentences(100)
    options = {"train_steps": 100, "optimizer": "adamw", "learning_rate": 3e-3}
    folder = write_model(tmp_path / "model", dropout=0.0, family=family)
    ours = tuner(task, folder, {"train": rows}, tmp_path / "run", **options)
    # Also the head, which is random.
    start = tmp_path / "start"
    ours.model.save_pretrained(start)
    ours.tokenizer.save_pretrained(start)
    kind = "SequenceClassification" if task == "classification" else "TokenClassification"
    theirs = getattr(transformers, f"AutoModelFor{kind}").from_pretrained(start)
    if family == "distilbert":
        theirs.config.seq_classif_dropout = 0.0
    ours.train(progress=False)
    expected = run_transformers(ours, theirs, start)
    losses = [line["loss"] for line in log_of(tmp_path / "run") if "loss" in line]
    assert len(losses) == len(expected) == 100
    assert max(abs(one - other) for one, other in zip(losses, expected, strict=True)) < 1e-4
    assert losses[-1] < 0.8 * losses[0]
    for name, parameter in theirs.named_parameters():
        assert (ours.parameters[name] - parameter).abs().max() < 1e-3, name
