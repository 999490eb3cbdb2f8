"""Fine-tune models on questions: runs equal to transformers' Trainer, and the files and figures of the tasks."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pytest
import torch
import transformers

import oxbert
from oxbert._rows import refuse
from oxbert.errors import ConfigError, DataError
from oxbert.training import TASKS, evaluate, finetune
from oxbert.training.finetuning.config import FineTuningConfig
from oxbert.training.finetuning.data.examples import QuestionExample
from oxbert.training.finetuning.metrics.squad import score_v1, score_v2
from oxbert.training.finetuning.tasks.answers import Candidates
from oxbert.training.finetuning.tasks.registry import find_task
from oxbert.training.finetuning.trainer import FineTuner

NAMES = ["ada", "ben", "cleo", "dan", "eve", "finn", "gus", "hana"]
THINGS = ["apple", "bread", "coin", "drum", "egg", "flute", "grape", "hat"]
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "what", "has", "a", "and", ".", "?", *NAMES, *THINGS]
SIZES: dict[str, Any] = {
    "vocab_size": len(VOCABULARY),
    "embedding_size": 16,
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 32,
    "max_position_embeddings": 64,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "initializer_range": 0.2,
}
OPTIONS: dict[str, Any] = {
    "max_length": 24,
    "doc_stride": 6,
    "max_query_length": 6,
    "batch_size": 8,
    "optimizer": "adamw",
    "learning_rate": 3e-3,
    "layerwise_decay": 1.0,
    "warmup_share": 0.0,
}


@pytest.fixture(scope="module", params=["Electra", "DistilBert"])
def source(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small model of transformers with a tokenizer."""
    torch.manual_seed(3)
    folder = tmp_path_factory.mktemp("source")
    if request.param == "Electra":
        model: Any = transformers.ElectraForQuestionAnswering(transformers.ElectraConfig(**SIZES))
    else:
        sizes = {"dim": 24, "n_layers": 2, "n_heads": 4, "hidden_dim": 32, "dropout": 0.0, "attention_dropout": 0.0}
        shared = {name: SIZES[name] for name in ("vocab_size", "max_position_embeddings", "initializer_range")}
        config = transformers.DistilBertConfig(**sizes, **shared, qa_dropout=0.0)
        model = transformers.DistilBertForQuestionAnswering(config)
    model.save_pretrained(folder)
    kind = getattr(oxbert, f"{request.param}Tokenizer")
    kind({word: number for number, word in enumerate(VOCABULARY)}).save_pretrained(folder)
    return folder


def questions(
    count: int, seed: int, *, has_impossible: bool = True, facts_each: tuple[int, int] = (2, 7)
) -> list[dict[str, Any]]:
    """Return rows about who has what, in contexts of several windows; some have no answer."""
    draw = random.Random(seed)
    rows = []
    for number in range(count):
        names = draw.sample(NAMES, draw.randint(*facts_each))
        facts = [f"{name} has a {draw.choice(THINGS)}." for name in names]
        context = " ".join(facts)
        which = draw.randrange(len(names))
        row = {"id": f"{seed}-{number}", "question": f"what has {names[which]}?", "context": context}
        is_impossible = has_impossible and number % 4 == 3
        if is_impossible:
            row["question"] = f"what has {next(name for name in NAMES if name not in names)}?"
        thing = facts[which].split()[-1].rstrip(".")
        start = context.index(facts[which]) + len(facts[which]) - len(thing) - 1
        texts = [] if is_impossible else [thing]
        rows.append(row | {"answers": {"text": texts, "answer_start": [start] if texts else []}})
    return rows


def squad(rows: list[dict[str, Any]]) -> str:
    """Return rows as a file of SQuAD 2.0."""
    paragraphs = [
        {
            "context": row["context"],
            "qas": [
                {
                    "id": row["id"],
                    "question": row["question"],
                    "answers": [
                        {"text": text, "answer_start": start}
                        for text, start in zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True)
                    ],
                    "is_impossible": not row["answers"]["text"],
                }
            ],
        }
        for row in rows
    ]
    return json.dumps({"version": "v2.0", "data": [{"title": "things", "paragraphs": paragraphs}]})


def mrqa(rows: list[dict[str, Any]]) -> str:
    """Return rows as a file of MRQA."""
    records: list[Any] = [{"header": {"dataset": "NewsQA"}}]
    for row in rows:
        (text,), (start,) = row["answers"]["text"], row["answers"]["answer_start"]
        entry = {"qid": row["id"], "question": row["question"], "answers": [text]}
        entry["detected_answers"] = [{"text": text, "char_spans": [[start, start + len(text) - 1]]}]
        records.append({"context": row["context"], "qas": [entry]})
    return "".join(json.dumps(record) + "\n" for record in records)


class RecordingTrainer(transformers.Trainer):
    """Train in the order of the dataset, and keep the loss of each step."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.losses: list[float] = []

    def _get_train_sampler(self, *args: Any) -> Any:
        return torch.utils.data.SequentialSampler(self.train_dataset)  # type: ignore[arg-type]

    def compute_loss(self, *args: Any, **options: Any) -> Any:
        """Compute the loss of a step."""
        loss = super().compute_loss(*args, **options)
        self.losses.append(float(loss.detach()))
        return loss


def test_a_run_equals_that_of_the_trainer_of_transformers(source: Path, tmp_path: Path) -> None:
    steps = 100
    # Rows of equal length: transformers counts padding among the places of an answer, and oxbert does not.
    config = FineTuningConfig(**OPTIONS | {"doc_stride": 4}, train_steps=steps)
    task = find_task("question-answering")
    examples = {"train": list(task.read(questions(60, 0, facts_each=(5, 5)), "train", refuse))}
    run = FineTuner(task, config, source, examples, tmp_path / "run")
    batches = [run.draw_batch(step) for step in range(steps)]
    assert {len(row.input_ids) for batch in batches for row in batch.features} == {24}
    assert len({row.example for row in batches[0].features}) > 1 and len(run._rows) == 180
    run.train(progress=False)
    losses = [json.loads(line)["loss"] for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()[:steps]]

    model = getattr(transformers, f"{run.model.config.model_type.title().replace('bert', 'Bert')}ForQuestionAnswering")
    peer = model.from_pretrained(source)
    rows = [
        {
            "input_ids": list(row.input_ids),
            "attention_mask": [1] * len(row.input_ids),
            "start_positions": row.labels[0],
            "end_positions": row.labels[1],
        }
        | ({"token_type_ids": list(row.token_type_ids)} if run.model.config.model_type == "electra" else {})
        for batch in batches
        for row in batch.features
    ]
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path / "peer"),
        max_steps=steps,
        per_device_train_batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        adam_epsilon=config.adam_epsilon,
        max_grad_norm=config.max_gradient_norm,
        lr_scheduler_type="linear",
        warmup_steps=0,
        save_strategy="no",
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
    )
    tokenizer = transformers.BertTokenizer(vocab={word: number for number, word in enumerate(VOCABULARY)})
    trainer = RecordingTrainer(
        model=peer,
        args=arguments,
        train_dataset=datasets.Dataset.from_list(rows),
        data_collator=transformers.DataCollatorWithPadding(tokenizer),
    )
    trainer.train()
    assert len(losses) == len(trainer.losses) == steps
    np.testing.assert_allclose(losses, trainer.losses, atol=1e-4)
    # The run learns, so equal losses are no accident.
    assert np.mean(losses[-10:]) < 0.7 * np.mean(losses[:10])


def write_files(folder: Path, name: str, rows: dict[str, list[dict[str, Any]]]) -> Path:
    """Write the files of a task, in the form of its benchmark."""
    folder.mkdir()
    forms: dict[str, tuple[Callable[..., str], str]] = {
        "squad": (squad, "{}-v2.0.json"),
        "squadv1": (squad, "{}.json.gz"),
        "question-answering": (lambda rows: "".join(json.dumps(row) + "\n" for row in rows), "{}.jsonl"),
    }
    form, path = forms.get(name, (mrqa, "{}.jsonl.gz"))
    for split, found in rows.items():
        content = form(found).encode()
        target = folder / path.format(split)
        target.write_bytes(gzip.compress(content) if target.suffix == ".gz" else content)
    return folder


QUICK = OPTIONS | {"epochs": 60, "batch_size": 16, "learning_rate": 1e-2, "progress": False}


@pytest.mark.parametrize("head", ["transformers", "original"])
@pytest.mark.parametrize(
    "name", ["squad", "squadv1", "newsqa", "naturalqs", "triviaqa", "searchqa", "question-answering"]
)
def test_each_task_reads_its_files_and_writes_what_scorers_read(
    name: str, head: str, source: Path, tmp_path: Path
) -> None:
    has_impossible = TASKS[name].has_impossible  # type: ignore[attr-defined]
    rows = {
        "train": questions(40, 1, has_impossible=has_impossible),
        "dev": questions(16, 2, has_impossible=has_impossible),
    }
    data = write_files(tmp_path / "data", name, rows)
    options = QUICK | {"epochs": 2, "head": head}
    metrics = finetune(name, data, tmp_path / "run", model=source, **options)
    family = json.loads((source / "config.json").read_text())["model_type"]
    kind = "ForJointQuestionAnswering" if head == "original" else "ForQuestionAnswering"
    config = json.loads((tmp_path / "run" / "model" / "config.json").read_text())
    assert config["architectures"][0].lower() == f"{family}{kind}".lower()
    # The files have what the official scorers read.
    run = tmp_path / "run"
    answers = json.loads((run / "answers-dev.json").read_text())
    n_best = json.loads((run / "n-best-dev.json").read_text())
    gold = {row["id"]: row["answers"]["text"] for row in rows["dev"]}
    assert answers.keys() == n_best.keys() == gold.keys()
    if has_impossible:
        odds = json.loads((run / "null-odds-dev.json").read_text())
        best = {question: found[0]["text"] if found else "" for question, found in n_best.items()}
        threshold = -2.75 if head == "original" else 0.0
        expected = score_v2(best, gold, odds, threshold=threshold)
        assert expected["HasAns_total"] == 12 and expected["NoAns_total"] == 4
        assert answers == {name: "" if odds[name] > threshold else text for name, text in best.items()}
    else:
        assert not (run / "null-odds-dev.json").exists()
        expected = score_v1(answers, gold)
    assert metrics["dev"] == pytest.approx(expected)
    # Each answer is where the context has it.
    contexts = {row["id"]: row["context"] for row in rows["dev"]}
    for line in (run / "predictions-dev.jsonl").read_text().splitlines():
        found = json.loads(line)
        for one in [found, *found["candidates"]]:
            assert contexts[found["id"]][one["start"] : one["end"]] == one["answer"]
    assert evaluate(run / "model", data)["dev"] == pytest.approx(metrics["dev"])


@pytest.mark.parametrize("head", ["transformers", "original"])
def test_questions_are_learnt_and_pipelines_answer_them(head: str, source: Path, tmp_path: Path) -> None:
    rows = {"train": questions(120, 1), "dev": questions(24, 1)}
    options = QUICK | {"head": head, "max_length": 48, "doc_stride": 20, "evaluate_every": 1000}
    metrics = finetune("squad", {"train": rows["train"], "dev": rows["dev"]}, tmp_path, model=source, **options)
    assert metrics["dev"]["HasAns_f1"] > 60 and metrics["dev"]["best_f1"] > 70
    answer = oxbert.pipeline("question-answering", tmp_path / "model")
    lines = [json.loads(line) for line in (tmp_path / "predictions-dev.jsonl").read_text().splitlines()]
    inputs = [{"question": row["question"], "context": row["context"]} for row in rows["dev"]]
    # A pipeline multiplies probabilities where the task adds logits, so that a few answers may differ.
    found = answer(inputs, max_seq_len=48, align_to_words=False, max_answer_len=30)
    same = [one["answer"] == line["candidates"][0]["answer"] for one, line in zip(found, lines, strict=True)]
    assert np.mean(same) > 0.8
    if head == "transformers":
        kind = type(oxbert.AutoModelForQuestionAnswering.from_pretrained(tmp_path / "model")).__name__
        getattr(transformers, kind).from_pretrained(tmp_path / "model")


def test_a_model_of_the_original_says_so_itself(source: Path, tmp_path: Path) -> None:
    rows = questions(8, 1)
    finetune("squad", {"train": rows, "dev": rows}, tmp_path, model=source, **QUICK | {"epochs": 1, "head": "original"})
    (tmp_path / "model" / "task.json").unlink()
    options = {
        name: value for name, value in OPTIONS.items() if name in ("max_length", "doc_stride", "max_query_length")
    }
    again = evaluate(tmp_path / "model", {"dev": rows}, "squad", **options)["dev"]
    assert again == pytest.approx(json.loads((tmp_path / "metrics.json").read_text())["dev"])


def example(name: str, context: str = "ada has a coin. ben has a hat.") -> QuestionExample:
    """Return a question without a known answer."""
    return QuestionExample("here", name, "what has ada?", context)


def test_an_answer_is_none_above_the_threshold(source: Path) -> None:
    task = find_task("squad")
    examples = [example("one"), example("two")]
    tokenizer = oxbert.AutoTokenizer.from_pretrained(source)
    config = FineTuningConfig(**OPTIONS)
    features = task.features(examples, tokenizer, None, config, train=False)
    assert [feature.example for feature in features] == [0, 1] and features[0].labels is None
    size = len(features[0].input_ids)
    logits = np.zeros((2, 2, size), np.float32)
    first = features[0].column
    logits[0, :, 0], logits[0, :, first] = 1.0, 2.0
    logits[1, :, 0], logits[1, :, first] = 3.0, 2.0
    one, two = task.predictions(list(logits), features, examples, None, config)
    assert (one["null_odds"], one["is_impossible"], one["answer"]) == (-2.0, False, "ada")
    assert (two["null_odds"], two["is_impossible"], two["answer"], two["start"], two["end"]) == (2.0, True, "", 0, 0)
    assert two["candidates"][0]["answer"] == "ada"
    strict = FineTuningConfig(**OPTIONS, null_threshold=-3)
    assert [found["is_impossible"] for found in task.predictions(list(logits), features, examples, None, strict)] == [
        True
    ] * 2
    # The classifier of the original is compared with nothing.
    spans = Candidates(*(np.array([first]) for _ in range(2)), *(np.array([-0.5]) for _ in range(2)), null=-3.0)
    joint = FineTuningConfig(**OPTIONS, head="original")
    one, two = task.predictions([spans, spans._replace(null=-2.5)], features, examples, None, joint)
    assert (one["null_odds"], one["answer"], two["null_odds"], two["answer"]) == (-3.0, "ada", -2.5, "")
    plain = find_task("squadv1").predictions([spans, spans], features, examples, None, joint)
    assert all("null_odds" not in found and found["answer"] == "ada" for found in plain)


def test_a_context_without_tokens_has_no_answer(source: Path) -> None:
    tokenizer = oxbert.AutoTokenizer.from_pretrained(source)
    examples = [example("one", "\u200b\u00ad")]
    config = FineTuningConfig(**OPTIONS)
    for name in ("squad", "squadv1"):
        task = find_task(name)
        features = task.features(examples, tokenizer, None, config, train=False)
        outputs = [np.zeros((2, len(row.input_ids)), np.float32) for row in features]
        (found,) = task.predictions(outputs, features, examples, None, config)
        assert (found["answer"], found["start"], found["end"], found["candidates"]) == ("", 0, 0, [])


def test_unanswered_questions_are_bad_rows_of_tasks_whose_questions_have_answers() -> None:
    rows = questions(4, 1)
    with pytest.raises(DataError, match="train, row 4: expected an answer, got none: squadv1 has no impossible"):
        list(find_task("squadv1").read(rows, "train", refuse))
    bad: list[DataError] = []
    assert len(list(find_task("squadv1").read(rows, "train", bad.append))) == 3 and len(bad) == 1
    assert len(list(find_task("squad").read(rows, "train", refuse))) == 4


def test_only_tasks_of_questions_have_their_options(source: Path, tmp_path: Path) -> None:
    rows = [{"text": "ada", "label": "a"}, {"text": "ben", "label": "b"}]
    with pytest.raises(ConfigError, match="doc_stride"):
        finetune("classification", {"train": rows}, tmp_path, model=source, doc_stride=3)
    assert {task.name: (task.defaults.get("epochs", 3), task.defaults.get("max_length", 128)) for task in TASKS.values()
            if task.name.endswith(("qa", "qs", "squad", "squadv1"))} == {
        "squad": (2, 512), "squadv1": (2, 512), "newsqa": (2, 512), "triviaqa": (2, 512), "searchqa": (2, 512),
        "naturalqs": (3, 128),
    }  # fmt: skip
