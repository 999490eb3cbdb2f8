"""Define question answering: SQuAD 1.1 and 2.0, four sets of MRQA, and the user's questions."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from oxbert import Tokenizer
from oxbert._files import write_whole
from oxbert._rows import OnBad
from oxbert.training.finetuning.data.squad import read_mrqa, read_rows, read_squad
from oxbert.training.finetuning.data.tables import is_file_of, read_table
from oxbert.training.finetuning.metrics.squad import score_v1, score_v2
from oxbert.training.finetuning.tasks.answers import (
    Candidates,
    QuestionFeature,
    choose_answers,
    independent_candidates,
    joint_candidates,
    make_features,
)
from oxbert.training.finetuning.tasks.classification import named_splits
from oxbert.training.finetuning.tasks.task import (
    DEV,
    TEST,
    TRAIN,
    Feature,
    Prediction,
    QuestionExample,
    Source,
    Task,
    bad_example,
)

if TYPE_CHECKING:
    from oxbert.training.finetuning.config import FineTuningConfig

_ORIGINAL, _TRANSFORMERS = -2.75, 0.0
"""The default of `null_threshold` for each head."""
_NEEDED = ("question", "context")


@dataclass(frozen=True)
class QuestionTask(Task):
    """Find the answer to a question in its context; questions are rows in the form of SQuAD's sets of `datasets`.

    Attributes:
        has_impossible: Whether a question may have no answer, as in SQuAD 2.0.
    """

    model: ClassVar[str] = "AutoModelForQuestionAnswering"
    options: ClassVar[frozenset[str]] = frozenset(
        "doc_stride max_query_length n_best max_answer_length null_threshold head".split()
    )
    name: str = "question-answering"
    columns: Mapping[str, str] = field(
        default_factory=lambda: {
            "id": "id",
            "question": "question",
            "context": "context",
            "answer": "answers",
            "answer_start": "answer_start",
            "is_impossible": "is_impossible",
        }
    )
    metric: str = "f1"
    has_impossible: bool = True

    def splits(self) -> Mapping[str, Sequence[str]]:
        """Return the names of the user's files."""
        return named_splits()

    def read(self, source: Source, split: str, on_bad: OnBad) -> Iterator[QuestionExample]:
        """Iterate over the questions of a file of the benchmark, or of rows with columns."""
        is_training = split == TRAIN
        found = self.read_file(source, on_bad, is_training=is_training) if is_file_of(source) else None
        if found is None:
            needed = (*_NEEDED, "answer") if is_training else _NEEDED
            optional = [column for what, column in self.columns.items() if what not in needed]
            rows = read_table(source, list(self.columns.values()), optional, on_bad, split)
            found = read_rows(rows, list(self.columns), on_bad, is_training=is_training)
        for example in found:
            if is_training and example.is_impossible and not self.has_impossible:
                on_bad(bad_example(example, f"expected an answer, got none: {self.name} has no impossible questions"))
            else:
                yield example

    def read_file(
        self, path: str | os.PathLike[str], on_bad: OnBad, *, is_training: bool
    ) -> Iterator[QuestionExample] | None:
        """Iterate over the questions of a file in the form of the benchmark; return None if the task has none."""
        return None

    def model_class(self, options: FineTuningConfig) -> str:
        """Return the auto class of models with the head that the options name."""
        return "AutoModelForJointQuestionAnswering" if options.head == "original" else self.model

    def labels(self, examples: Sequence[QuestionExample]) -> None:
        """Return None: there are no classes."""

    def has_labels(self, examples: Sequence[QuestionExample]) -> bool:
        """Return whether the right answers are known, or that there is none."""
        return bool(examples) and all(one.answers or (self.has_impossible and one.is_impossible) for one in examples)

    def features(
        self,
        examples: Sequence[QuestionExample],
        tokenizer: Tokenizer,
        labels: Sequence[str] | None,
        options: FineTuningConfig,
        *,
        train: bool,
    ) -> list[Feature]:
        """Return a row for each window of each context; only rows that are trained have labels."""
        return [*make_features(examples, tokenizer, options, is_labelled=train)]

    def targets(self, features: Sequence[QuestionFeature]) -> dict[str, Tensor]:
        """Return the columns of the first and the last token of each answer [B], and whether there is none."""
        names = ("start_positions", "end_positions", "is_impossible")
        columns = torch.tensor([row.labels for row in features], dtype=torch.int64).unbind(1)
        return dict(zip(names, columns, strict=False))

    def outputs(self, output: Any, features: Sequence[QuestionFeature]) -> list[Any]:
        """Return the logits of starts and of ends, [2, S] for each row, or the `Candidates` of the original's head."""
        if "cls_logits" not in output:
            logits = torch.stack([output.start_logits, output.end_logits], 1).float().cpu().numpy()
            return [row[:, : len(feature.input_ids)] for row, feature in zip(logits, features, strict=True)]
        starts, ends = output.start_top_index.cpu().numpy(), output.end_top_index.cpu().numpy()
        start_scores, end_scores = output.start_top_log_probs.cpu().numpy(), output.end_top_log_probs.cpu().numpy()
        return [
            joint_candidates(starts[row], ends[row], start_scores[row], end_scores[row], null)
            for row, null in enumerate(output.cls_logits.tolist())
        ]

    def predictions(
        self,
        outputs: Sequence[Any],
        features: Sequence[QuestionFeature],
        examples: Sequence[QuestionExample],
        labels: Sequence[str] | None,
        options: FineTuningConfig,
    ) -> list[Prediction]:
        """Return the best answer to each question with its place, and in `candidates` the `n_best` answers.

        If a question may have no answer, `null_odds` is the score of no answer less that of the best one, and the
        answer is empty if that is above `null_threshold`.
        """
        rows: list[list[int]] = [[] for _ in examples]
        for place, feature in enumerate(features):
            rows[feature.example].append(place)
        return [
            self._prediction(example, [features[place] for place in own], [outputs[place] for place in own], options)
            for example, own in zip(examples, rows, strict=True)
        ]

    def _prediction(
        self,
        example: QuestionExample,
        windows: Sequence[QuestionFeature],
        outputs: Sequence[Any],
        options: FineTuningConfig,
    ) -> Prediction:
        spans = [
            one if isinstance(one, Candidates) else independent_candidates(one[0], one[1], options.n_best)
            for one in outputs
        ]
        best, null = choose_answers(
            example, windows, spans, n_best=options.n_best, max_answer_length=options.max_answer_length
        )
        found: Prediction = best[0] if best else {"answer": "", "probability": 0.0, "start": 0, "end": 0}
        given = {name: found[name] for name in ("answer", "probability", "start", "end")}
        if self.has_impossible:
            # The original's classifier of answerability is compared with nothing.
            is_joint = options.head == "original"
            odds = null if is_joint or not best else null - best[0]["start_logit"] - best[0]["end_logit"]
            default = _ORIGINAL if is_joint else _TRANSFORMERS
            threshold = default if options.null_threshold is None else options.null_threshold
            if odds > threshold:
                given |= {"answer": "", "start": 0, "end": 0}
            given |= {"null_odds": odds, "is_impossible": odds > threshold}
        return {"id": example.id, **given, "candidates": best}

    def score(self, predictions: Sequence[Prediction], examples: Sequence[QuestionExample]) -> dict[str, float]:
        """Return the figures of SQuAD 2.0 if a question may have no answer, otherwise those of SQuAD 1.1 and MRQA."""
        gold = {example.id: example.answers for example in examples}
        if not self.has_impossible:
            return score_v1({one["id"]: one["answer"] for one in predictions}, gold)
        best = {one["id"]: one["candidates"][0]["answer"] if one["candidates"] else "" for one in predictions}
        odds = {one["id"]: one["null_odds"] for one in predictions}
        # The scorer takes a threshold; this one separates the same questions.
        answered = [one["null_odds"] for one in predictions if not one["is_impossible"]]
        return score_v2(best, gold, odds, threshold=max(answered, default=-np.inf))

    def write(
        self, predictions: Sequence[Prediction], examples: Sequence[QuestionExample], folder: Path, split: str
    ) -> list[Path]:
        """Write the files that the official scorers read, and the best answers to each question.

        `answers-SPLIT.json` has the answer by the id of the question, `null-odds-SPLIT.json` what the scorer of SQuAD
        2.0 calls the probability of no answer, and `n-best-SPLIT.json` the best answers.
        """
        names = ("answer", "probability", "start_logit", "end_logit")
        contents = {
            "answers": {one["id"]: one["answer"] for one in predictions},
            "n-best": {
                one["id"]: [
                    {"text" if name == "answer" else name: best[name] for name in names} for best in one["candidates"]
                ]
                for one in predictions
            },
        }
        if self.has_impossible:
            contents["null-odds"] = {one["id"]: one["null_odds"] for one in predictions}
        paths = []
        for name, content in contents.items():
            paths.append(folder / f"{name}-{split}.json")
            write_whole(paths[-1], json.dumps(content, ensure_ascii=False, indent=1).encode() + b"\n")
        return paths


@dataclass(frozen=True)
class Squad(QuestionTask):
    """Read the files of SQuAD."""

    version: str = "v1.1"

    def splits(self) -> Mapping[str, Sequence[str]]:
        """Return the original's names of files, and those of SQuAD's own site."""
        return {
            split: [f"{name}.json{packed}" for name in (split, f"{split}-{self.version}") for packed in ("", ".gz")]
            for split in (TRAIN, DEV, TEST)
        }

    def read_file(self, path: str | os.PathLike[str], on_bad: OnBad, *, is_training: bool) -> Iterator[QuestionExample]:
        """Iterate over the questions of a file."""
        return read_squad(path, on_bad, is_training=is_training)


@dataclass(frozen=True)
class Mrqa(QuestionTask):
    """Read the files of MRQA 2019."""

    def splits(self) -> Mapping[str, Sequence[str]]:
        """Return the names of files."""
        return {split: [f"{split}.jsonl{packed}" for packed in ("", ".gz")] for split in (TRAIN, DEV, TEST)}

    def read_file(self, path: str | os.PathLike[str], on_bad: OnBad, *, is_training: bool) -> Iterator[QuestionExample]:
        """Iterate over the questions of a file."""
        return read_mrqa(path, on_bad, is_training=is_training)


_LONG = {"epochs": 2.0, "max_length": 512}

TASKS = [
    Squad("squad", defaults=_LONG, version="v2.0"),
    Squad("squadv1", defaults=_LONG, has_impossible=False),
    Mrqa("newsqa", defaults=_LONG, has_impossible=False),
    # The original chooses by the name, in which it looks for "squad" and "qa".
    Mrqa("naturalqs", has_impossible=False),
    Mrqa("triviaqa", defaults=_LONG, has_impossible=False),
    Mrqa("searchqa", defaults=_LONG, has_impossible=False),
    QuestionTask(defaults=_LONG),
]

__all__ = ["TASKS", "Mrqa", "QuestionTask", "Squad"]
