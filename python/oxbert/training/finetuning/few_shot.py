"""Train the vectors of texts on pairs, fit a linear head on them, and write a folder of sentence-transformers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from oxbert._files import write_whole
from oxbert._lock import alone
from oxbert.pipelines.linear_head import LinearHead
from oxbert.training.finetuning.evaluating import LOSS, make_result, run_features
from oxbert.training.finetuning.few_shot_card import model_card
from oxbert.training.finetuning.report import (
    METRICS,
    MODEL,
    TASK,
    Result,
    describe,
    draw,
    write_json,
    write_predictions,
)
from oxbert.training.finetuning.tasks.few_shot import ContrastFeature, FewShot
from oxbert.training.finetuning.tasks.task import TRAIN, Feature
from oxbert.training.finetuning.trainer import FineTuner, FineTuningBatch
from oxbert.training.loop.checkpoints import read_parameters


class FewShotTuner(FineTuner):
    """Run a task of `few_shot`: `FineTuner` with a loss of vectors, and a head that is fitted before predictions.

    With several processes, or `accumulate`, the texts of a batch that `ranking` compares are those of one part.
    """

    task: FewShot

    def compute_losses(self, batch: FineTuningBatch, places: list[int]) -> dict[str, Any]:
        """Return the loss of some pairs of a batch, as a share of the mean or of the sum over the whole batch."""
        rows: Sequence[Any] = [batch.features[place] for place in places]
        self.model.train()
        vectors = self._vectors(rows)
        similarity = torch.tensor([row.labels or 0.0 for row in rows], device=self.processes.device)
        loss = self.task.contrast_loss(vectors, similarity)
        return {LOSS: loss * (len(rows) if self.config.reduction == "sum" else len(rows) / batch.weight)}

    def _vectors(self, rows: Sequence[ContrastFeature]) -> list[Tensor]:
        """Return the vectors of the first texts of some rows, of the second ones and so on, [B, H] each."""
        texts: list[list[Feature]] = [list(column) for column in zip(*(row.texts for row in rows), strict=True)]
        everything = [text for column in texts for text in column]
        arguments = self.task.arguments(everything, self.tokenizer.pad_token_id)
        output = self.model(**{name: tensor.to(self.processes.device) for name, tensor in arguments.items()})
        # Hidden states at padded positions are zeros.
        lengths = torch.tensor([len(text.input_ids) for text in everything], device=self.processes.device)
        means = output.last_hidden_state.float().sum(1) / lengths[:, None]
        return list(means.split(len(rows)))

    def train(self, *, progress: bool | None = None, stop: int | None = None) -> dict[str, Any]:
        """Train as `FineTuner` does; without a loss, fit the head alone."""
        if self.task.contrast != "none":
            return super().train(progress=progress, stop=stop)
        with alone(self.output / ".running"):
            self.export()
        return {"step": 0}

    def _predict(self, split: str, most: int | None = None) -> Result:
        """Return the predictions and figures of a split, with a head of the vectors as they are now."""
        examples, features = self.examples[split], self.features[split]
        if most is not None:
            examples, features = examples[:most], features[:most]
        head = self.fit_head()
        task = replace(self.task, head=head)
        outputs = self._run(features)
        result = make_result(task, outputs, None, features, examples, self.labels, self.config)
        return replace(result, figures=self.processes.share(result.figures))

    def fit_head(self) -> LinearHead:
        """Return the head of the vectors of the training examples."""
        examples = self.examples[TRAIN]
        features = self.task.features(examples, self.tokenizer, self.labels, self.config, train=False)
        return LinearHead.fit(self._run(features), [str(example.label) for example in examples])

    def _run(self, features: Sequence[Feature]) -> list[Any]:
        outputs, _ = run_features(
            self.task,
            self.model,
            features,
            batch_size=self.config.eval_batch_size,
            pad_token_id=self.tokenizer.pad_token_id,
            processes=self.processes,
            autocast=self.autocast,
        )
        return outputs

    def export(self) -> dict[str, Path]:
        """Write the encoder with its head, the predictions and the figures, and return the folder of the encoder."""
        best = self.processes.share(self.best_step if self.config.keep_best else None)
        if best is not None and best != self.step:
            found = read_parameters(self._checkpoints.path(best))
            with torch.no_grad():
                for name, parameter in self.parameters.items():
                    parameter.copy_(found[name])
        self.results = {split: self._predict(split) for split in self.examples if split != TRAIN}
        self.written_step = self.step if best is None else best
        head = self.fit_head()
        if self.processes.rank:
            return {}
        folder = self.output / MODEL
        write_encoder(folder, self.model, self.tokenizer, self.config.max_length)
        head.save(folder)
        values = {"task": self.task.name, "columns": self.task.columns, "config": self.config.to_dict()}
        write_json(folder / TASK, values)
        figures = {split: result.figures for split, result in self.results.items()}
        card = model_card(self.task, self.config, self.source, head.labels, self.written_step, self.state(), figures)
        write_whole(folder / "README.md", card.encode())
        write_predictions(self.task, self.results, self.output)
        write_json(self.output / METRICS, describe(self, self.written_step))
        draw(self)
        return {MODEL: folder}


def write_encoder(folder: Path, model: Any, tokenizer: Any, max_length: int) -> None:
    """Write an encoder whose vectors are means, as a folder of sentence-transformers.

    Raises:
        FileError: if a file cannot be written.
    """
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    kinds = {"": "Transformer", "1_Pooling": "Pooling"}
    modules = [
        {"idx": place, "name": str(place), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for place, (path, kind) in enumerate(kinds.items())
    ]
    pooling = {"word_embedding_dimension": model.config.hidden_size, "pooling_mode_mean_tokens": True}
    (folder / "1_Pooling").mkdir(exist_ok=True)
    write_json(folder / "1_Pooling" / "config.json", pooling)
    # More than the model has positions would be no limit.
    longest = min(max_length, model.config.max_position_embeddings)
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": longest, "do_lower_case": False})
    write_whole(folder / "modules.json", json.dumps(modules, indent=1).encode())


__all__ = ["FewShotTuner", "write_encoder"]
