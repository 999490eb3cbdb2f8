"""Test runs of fine-tuning: resuming, trials, early stopping, several processes, what is written, the commands."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

import oxbert
from oxbert.cli import app
from oxbert.cli.finetune import EXAMPLE
from oxbert.errors import ConfigError, DataError, DtypeError, InputError, MissingDependencyError, TrainingWarning
from oxbert.training import TASKS, Distiller, FineTuner, Trainer, evaluate, finetune
from oxbert.training.finetuning.tasks.classification import Classification
from oxbert.training.finetuning.tasks.task import Feature
from oxbert.training.finetuning.trainer import Rows
from oxbert.training.loop.checkpoints import list_checkpoints
from oxbert.training.loop.options import RunOptions

from ..processes import run
from ..runs import assert_equal, assert_near, weights
from .runs import SETTINGS, log_of, sentences, texts, tuner, write_model, write_rows


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "model")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(tmp_path_factory.mktemp("data"), train=texts(30), dev=texts(20, 1), test=texts(7, 2))


def test_what_a_killed_run_was_writing_is_removed(model: Path, tmp_path: Path) -> None:
    ours = tuner("classification", model, {"train": texts(8)}, tmp_path / "run", train_steps=1)
    (tmp_path / "run" / "model").mkdir(parents=True)
    for folder in (".", "model"):
        (tmp_path / "run" / folder / ".oxbert-a1b2c3.tmp").write_bytes(b"half")
    ours.train(progress=False)
    assert not list(tmp_path.rglob(".oxbert-*"))


@pytest.mark.parametrize(("task", "kind"), [("classification", "Sequence"), ("tagging", "Token")])
def test_the_result_is_a_model_for_all(task: str, kind: str, model: Path, tmp_path: Path) -> None:
    rows = (texts if task == "classification" else sentences)(40)
    metrics = finetune(
        task, {"train": rows, "dev": rows, "test": rows[:3]}, tmp_path, model=model, progress=False, **SETTINGS
    )
    folder = tmp_path / "model"
    ours = getattr(oxbert, f"AutoModelFor{kind}Classification").from_pretrained(folder, strict=True)
    theirs = getattr(transformers, f"AutoModelFor{kind}Classification").from_pretrained(folder).eval()
    encoding = oxbert.AutoTokenizer.from_pretrained(folder)("return the list", return_tensors="pt")
    with torch.no_grad():
        assert (ours(**encoding).logits - theirs(**encoding).logits).abs().max() < 1e-5
    names = (
        ["raises", "returns"]
        if task == "classification"
        else TASKS["tagging"].labels([one for one in TASKS["tagging"].read(rows, "train", pytest.fail)])
    )
    assert list(theirs.config.id2label.values()) == names and ours.config.label2id == theirs.config.label2id
    assert (folder / "rust_model.ot").is_file()
    oxbert.load_weights(folder / "rust_model.ot")
    # The pipeline predicts what the run predicted.
    lines = [json.loads(line) for line in (tmp_path / "predictions-test.jsonl").read_text().splitlines()]
    if task == "classification":
        found = oxbert.pipeline("text-classification", str(folder))([row["text"] for row in rows[:3]])
        assert [one["label"] for one in found] == [line["label"] for line in lines]
        assert found[0]["score"] == pytest.approx(lines[0]["scores"][lines[0]["label"]], abs=1e-4)
    else:
        assert [line["words"] for line in lines] == [row["words"] for row in rows[:3]]
        assert metrics["dev"].keys() == {"loss", "precision", "recall", "f1", "accuracy"}
    assert json.loads((tmp_path / "metrics.json").read_text()) == metrics
    assert metrics["train_examples"] == 40 and metrics["train_steps"] == 30
    card = (folder / "README.md").read_text()
    assert "## Figures of dev" in card and str(tmp_path) not in card
    picture = np.asarray(Image.open(tmp_path / "results.png").convert("RGB"))
    assert picture.shape[0] > 400 and len(np.unique(picture.reshape(-1, 3), axis=0)) > 50
    # The stored model has the same figures, on any batch size.
    again = evaluate(folder, {"dev": rows, "test": rows[:3]}, output=tmp_path / "again", eval_batch_size=3)
    for split in ("dev", "test"):
        assert again[split] == pytest.approx(metrics[split], abs=1e-5)
        files = (path / f"predictions-{split}.jsonl" for path in (tmp_path, tmp_path / "again"))
        one, other = ([json.loads(line) for line in path.read_text().splitlines()] for path in files)
        assert [row.get("label", row.get("tags")) for row in one] == [
            row.get("label", row.get("tags")) for row in other
        ]


def test_regression_and_several_labels(model: Path, tmp_path: Path) -> None:
    kinds = texts(40)
    options = {**SETTINGS, "epochs": 20, "evaluate_every": 100, "progress": False}
    rows = [{"text": row["text"], "label": float(row["label"] == "returns")} for row in kinds]
    found = finetune("regression", {"train": rows, "dev": rows}, tmp_path / "numbers", model=model, **options)
    assert found["dev"]["pearson"] > 0.7 and found["dev"]["loss"] == pytest.approx(found["dev"]["mse"], rel=1e-4)
    value = oxbert.AutoModelForSequenceClassification.from_pretrained(tmp_path / "numbers" / "model")
    assert value.config.problem_type == "regression" and value.config.num_labels == 1
    several = [{"text": row["text"], "labels": [row["label"], *["now"] * (" now" in row["text"])]} for row in kinds]
    found = finetune("multi-label", {"train": several, "dev": several}, tmp_path / "labels", model=model, **options)
    assert found["dev"]["micro_f1"] > 0.7 and found["dev"]["micro_f1"] > found["dev"]["accuracy"]
    lines = [json.loads(line) for line in (tmp_path / "labels" / "predictions-dev.jsonl").read_text().splitlines()]
    assert all(row["labels"] == [name for name, share in row["scores"].items() if share >= 0.5] for row in lines)
    assert (tmp_path / "labels" / "results.png").is_file() and (tmp_path / "numbers" / "results.png").is_file()


@pytest.mark.parametrize(
    "options",
    [{}, {"optimizer": "muon", "reduction": "sum", "group_by_length": True}, {"precision": "float16", "save_every": 2}],
)
def test_an_interrupted_run_resumes_exactly(options: dict[str, Any], model: Path, data: Path, tmp_path: Path) -> None:
    whole = tuner("classification", model, data, tmp_path / "whole", **options)
    whole.train(progress=False)
    tuner("classification", model, data, tmp_path / "parts", **options).train(progress=False, stop=9)
    # After a kill the log may be ahead of the checkpoint.
    with open(tmp_path / "parts" / "log.jsonl", "a") as log:
        log.write('{"step": 10, "loss": 0.0}\n{"step": 16, "eval_accuracy": 2.0}\n{"step"')
    again = tuner("classification", model, data, tmp_path / "parts", **options)
    assert again.step == 9
    again.train(progress=False)
    assert_equal(weights(again), weights(whole))
    assert log_of(tmp_path / "parts") == log_of(tmp_path / "whole")
    assert {split: one.figures for split, one in again.results.items()} == {
        split: one.figures for split, one in whole.results.items()
    }
    # A run that is complete writes its results again.
    shutil.rmtree(tmp_path / "parts" / "model")
    done = tuner("classification", model, data, tmp_path / "parts", **options)
    done.train(progress=False)
    assert_equal(weights(done), weights(whole))
    for changed in ({"learning_rate": 1.0}, {"layerwise_decay": 0.5}):
        with pytest.raises(ConfigError, match=next(iter(changed))):
            tuner("classification", model, data, tmp_path / "parts", **options, **changed)
    # Another model, and other data, are no continuation either.
    with pytest.raises(ConfigError, match="examples"):
        tuner("classification", write_model(tmp_path / "other", layers=1), data, tmp_path / "parts", **options)


def test_the_best_evaluation_is_written_and_the_run_ends_early(model: Path, data: Path, tmp_path: Path) -> None:
    class Watched(Classification):
        """Have figures that rise and fall."""

        def score(self, predictions: Any, examples: Any) -> dict[str, float]:
            return {"accuracy": next(figures)}

    # At the steps 3, 6, 9, ...; later ones for the results of the best.
    figures = iter([0.2, 0.5, 0.9, 0.7, 0.9, 0.6, *[0.0] * 9])
    options = {"evaluate_every": 3, "patience": 3, "epochs": 9.0, "keep_checkpoints": 1}
    watched = tuner(Watched(), model, data, tmp_path, **options)
    seen: dict[int, Any] = {}
    noted = watched.note_figures

    def note(step: int, found: Any) -> None:
        seen[step] = weights(watched), found
        noted(step, found)

    watched.note_figures = note  # type: ignore[method-assign]
    watched.train(progress=False)
    # The second 0.9 has a lower loss, or else the first one stays the best.
    best = 15 if seen[15][1]["eval_loss"] < seen[9][1]["eval_loss"] else 9
    assert watched.written_step == best and watched.step == best + 9
    assert_equal(weights(watched), seen[best][0])
    assert best in [step for step, _ in list_checkpoints(tmp_path / "checkpoints")]
    stored = oxbert.load_weights(tmp_path / "model" / "model.safetensors", "torch")
    assert_equal({name: tensor for name, tensor in stored.items() if name in seen[best][0]}, seen[best][0])


def test_trials(model: Path, data: Path, tmp_path: Path) -> None:
    found = finetune("classification", data, tmp_path, model=model, progress=False, **SETTINGS, trials=3)
    figures = [trial["dev"]["accuracy"] for trial in found["trials"]]
    assert [trial["seed"] for trial in found["trials"]] == [3, 4, 5]
    assert found["best_trial"] == figures.index(max(figures)) + 1 and found["dev"]["accuracy"] == max(figures)
    assert found["median"]["accuracy"] == sorted(figures)[1]
    assert found["spread"]["accuracy"] == [min(figures), max(figures)]
    best = tmp_path / f"trial-{found['best_trial']}"
    for name in ("model/model.safetensors", "predictions-dev.jsonl", "results.png"):
        assert (tmp_path / name).read_bytes() == (best / name).read_bytes()
    assert json.loads((tmp_path / "metrics.json").read_text()) == found
    # Each trial is the run of its seed, and a second call changes nothing.
    alone = finetune("classification", data, tmp_path / "alone", model=model, progress=False, **SETTINGS | {"seed": 4})
    assert alone == found["trials"][1]
    assert finetune("classification", data, tmp_path, model=model, progress=False, **SETTINGS, trials=3) == found
    with pytest.raises(ConfigError, match="trials"):
        finetune("classification", data, tmp_path, model=model, trials=2, continue_from=tmp_path)


def test_the_reductions_and_parts_of_a_batch(model: Path, data: Path, tmp_path: Path) -> None:
    still = write_model(tmp_path / "still", dropout=0.0)
    options = {"train_steps": 6, "learning_rate": 1e-3, "max_gradient_norm": 1e6}
    runs = {}
    for name, more in {"whole": {}, "parts": {"accumulate": 3}, "sum": {"reduction": "sum"}}.items():
        runs[name] = tuner("classification", still, data, tmp_path / name, **options, **more)
        runs[name].train(progress=False)
    assert_near(weights(runs["whole"]), weights(runs["parts"]))
    # Adam's updates do not depend on the size of the gradients, but the logged loss does.
    first = {name: next(line["loss"] for line in log_of(tmp_path / name)) for name in runs}
    assert first["sum"] == pytest.approx(4 * first["whole"], rel=1e-5) and first["parts"] == pytest.approx(
        first["whole"]
    )


TOGETHER = """
import sys
from pathlib import Path
import torch
torch.set_num_threads(1)
sys.path.insert(0, sys.argv[4])
from tests.python.training.runs import tuner
model, data, folder = map(Path, sys.argv[1:4])
for batch_size in (4, 1):
    tuner("classification", model, data, folder / f"two-{batch_size}", batch_size=batch_size, train_steps=10, learning_rate=1e-3).train(progress=False)
torch.distributed.destroy_process_group()
"""


@pytest.mark.slow
def test_two_processes_match_one(data: Path, tmp_path: Path) -> None:
    still = write_model(tmp_path / "still", dropout=0.0)
    (tmp_path / "run.py").write_text(TOGETHER)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", tmp_path / "run.py"]
    root = Path(__file__).parents[3]
    run([*command, still, data, tmp_path, root], env=os.environ | {"OMP_NUM_THREADS": "1"}, check=True)
    for size in (4, 1):
        one = tuner(
            "classification",
            still,
            data,
            tmp_path / "one",
            batch_size=size,
            train_steps=10,
            learning_rate=1e-3,
            resume=False,
        )
        one.train(progress=False)
        stored = oxbert.load_weights(tmp_path / f"two-{size}" / "model" / "model.safetensors", "torch")
        assert_near(weights(one), {name: stored[name] for name in weights(one)}, 1e-4)
        both = json.loads((tmp_path / f"two-{size}" / "metrics.json").read_text())
        assert both["dev"] == pytest.approx(one.results["dev"].figures, abs=1e-3)
        assert (tmp_path / f"two-{size}" / "predictions-test.jsonl").read_text().count("\n") == 7


def test_models_of_others_are_evaluated(model: Path, data: Path, tmp_path: Path) -> None:
    labels = {0: "ENTAILMENT", 1: "NEUTRAL", 2: "CONTRADICTION"}
    config = oxbert.ElectraConfig.from_pretrained(model, id2label=labels)
    oxbert.ElectraForSequenceClassification(config, seed=0).save_pretrained(tmp_path / "nli")
    oxbert.AutoTokenizer.from_pretrained(model).save_pretrained(tmp_path / "nli")
    rows = [
        {"premise": "a", "hypothesis": word, "label": label} for word, label in [("b", "neutral"), ("c", "entailment")]
    ]
    found = evaluate(
        tmp_path / "nli", {"dev": rows, "test": [{"premise": "a", "hypothesis": "b"}]}, "mnli", output=tmp_path
    )
    assert found["dev"].keys() == {"loss", "accuracy"} and found["test"] == {}
    predicted = [json.loads(line) for line in (tmp_path / "predictions-dev.jsonl").read_text().splitlines()]
    right = [row["label"] == line["label"] for row, line in zip(rows, predicted, strict=True)]
    assert found["dev"]["accuracy"] == sum(right) / 2 and set(predicted[0]["scores"]) == {
        "entailment",
        "neutral",
        "contradiction",
    }
    assert (tmp_path / "MNLI-m.tsv").is_file()
    with pytest.raises(InputError, match="does not say which task it is for"):
        evaluate(tmp_path / "nli", {"dev": rows})
    with pytest.raises(oxbert.errors.DataError, match="dev, row 1: expected one of the labels ENTAILMENT"):
        evaluate(tmp_path / "nli", {"dev": texts(2)}, "classification")
    with pytest.raises(InputError, match="expected a model of 4 labels"):
        evaluate(tmp_path / "nli", {"dev": [{"text": "a", "label": label} for label in "abcd"]}, "classification")


def test_bad_rows_are_counted(model: Path, tmp_path: Path) -> None:
    write_rows(tmp_path, train=[*texts(8), {"text": "", "label": "returns"}], dev=texts(4))
    with pytest.warns(TrainingWarning, match=r"data: 1 bad rows were left out; the first: .*train.jsonl, line 9: "):
        found = finetune(
            "classification", tmp_path, tmp_path / "run", model=model, bad_rows="skip", train_steps=1, progress=False
        )
    assert found["bad_rows"] == 1 and found["train_examples"] == 8
    rows = {"train": texts(8), "dev": texts(4), "test": texts(2)}
    options = {"model": model, "train_steps": 1, "progress": False}
    assert "test" in finetune("classification", rows, tmp_path / "all", **options)
    assert "test" not in finetune("classification", rows, tmp_path / "two", **options, predict_test=False)


def test_too_long_rows_and_missing_packages(
    model: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"text": "word " * 100, "label": label} for label in "ab"]
    short = [{"text": "word", "label": label} for label in "ab"]
    with pytest.raises(ConfigError, match="max_length: expected at most 64, the positions of the model, got 80"):
        finetune("classification", {"train": short}, tmp_path, model=model, max_length=80)
    with pytest.raises(InputError, match="expected examples of two labels at least, got a"):
        finetune("classification", {"train": rows[:1]}, tmp_path, model=model)
    for changes in ({"trials": 2}, {"patience": 1}):
        with pytest.raises(ConfigError, match="without a split dev with labels"):
            finetune("classification", {"train": rows, "test": rows}, tmp_path, model=model, **changes)
    monkeypatch.setitem(sys.modules, "seqeval", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "oxbert\[finetune\]"'):
        finetune("ner", {"train": sentences(3)}, tmp_path, model=model)


def test_labels_that_no_example_teaches_are_named(model: Path, tmp_path: Path) -> None:
    rows, options = texts(8), {"model": model, "progress": False, "train_steps": 1}
    write_rows(tmp_path, dev=[*texts(3), {"text": "x", "label": "retruns"}])
    expected = rf"these labels of dev, so they are not learnt: 'retruns'; the first: {tmp_path}/dev.jsonl, line 4"
    with pytest.warns(TrainingWarning, match=expected):
        finetune("classification", {"train": rows, "dev": tmp_path / "dev.jsonl"}, tmp_path / "run", **options)
    tagged = [{"words": ["a"], "tags": ["O"]}, {"words": ["b"], "tags": ["B-X"]}]
    with pytest.warns(TrainingWarning, match="labels of dev, so they are not learnt: 'B-X'; the first: dev, row 2"):
        finetune("tagging", {"train": tagged[:1], "dev": tagged}, tmp_path / "tags", **options)
    # The classes of a benchmark are known.
    glue = [{"sentence": "a", "label": one} for one in (0, 1)]
    finetune("sst", {"train": glue[:1], "dev": glue}, tmp_path / "sst", **options)
    with pytest.raises(InputError, match="data: expected examples with labels, but none has any"):
        finetune("multi-label", {"train": [{"text": "a", "labels": []}]}, tmp_path / "none", **options)


def test_an_evaluation_counts_rows_that_the_model_cannot_know(model: Path, tmp_path: Path) -> None:
    rows = texts(6)
    options: dict[str, Any] = {"model": model, "progress": False, "train_steps": 1}
    strange = [*rows[:4], {"text": "x", "label": "retruns"}]
    write_rows(tmp_path, dev=strange)
    data = {"dev": tmp_path / "dev.jsonl"}
    for task in ("classification", "linear"):
        finetune(task, {"train": rows, "dev": rows}, tmp_path / task, **options)
        with pytest.raises((DataError, InputError), match="labels"):
            evaluate(tmp_path / task / "model", data)
    with pytest.warns(
        TrainingWarning,
        match=r"data: 1 bad rows were left out; the first: .*dev.jsonl, line 5: expected one of the labels raises, returns, got 'retruns'",
    ):
        found = evaluate(tmp_path / "classification" / "model", data, bad_rows="skip", output=tmp_path / "out")
    assert "accuracy" in found["dev"]
    assert len((tmp_path / "out" / "predictions-dev.jsonl").read_text().splitlines()) == 4
    # Numbers have no names to know.
    numbers = [{"text": "a b", "label": 1}, {"text": "c", "label": 0.5}]
    finetune("regression", {"train": numbers, "dev": numbers}, tmp_path / "regression", **options)
    assert "mse" in evaluate(tmp_path / "regression" / "model", {"dev": numbers}, bad_rows="skip")["dev"]


def test_pictures_of_any_labels(model: Path, tmp_path: Path) -> None:
    """Neither a formula of matplotlib nor a script that its font lacks ends a run."""
    names = [r"$\frac$", "US$ and C$", "日本語", "two\nlines", "a" * 100]
    rows = [{"text": f"x {place}", "label": name} for place, name in enumerate(names)]
    options: dict[str, Any] = {"model": model, "progress": False, "train_steps": 1}
    for task in ("classification", "few-shot"):
        finetune(task, {"train": rows, "dev": rows}, tmp_path / task, **options)
        with Image.open(tmp_path / task / "results.png") as picture:
            assert picture.size[0] > 600


@given(count=st.integers(1, 700), size=st.integers(1, 12), seed=st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_grouping_by_length_trains_each_row_once_in_an_epoch(count: int, size: int, seed: int) -> None:
    lengths = np.random.default_rng(seed).permutation(count) + 1
    rows = Rows([Feature(example=0, input_ids=range(length)) for length in lengths], size, seed, group_by_length=True)
    # Batches that an epoch ends with begin the next one.
    steps = -(-3 * count // size)
    batches = [[len(row.input_ids) for row in rows.batch(step).features] for step in range(steps)]
    taken = [length for batch in batches for length in batch]
    for epoch in range(3):
        assert sorted(taken[epoch * count :][:count]) == sorted(lengths.tolist())
    # Lengths are all different. A batch has rows that are neighbours among those of its span, a share of all.
    spans = max(4, count / (50 * size))
    apart = sum(max(batch) - min(batch) for batch in batches)
    # Batches between two epochs are random.
    assert apart <= 2 * size * spans * len(batches) + 6 * count


def test_grouping_by_length_leaves_no_row_for_the_end_of_all_epochs() -> None:
    rows = Rows([Feature(example=0, input_ids=range(length)) for length in range(330)], 32, 0, group_by_length=True)
    ends = [rows.order(epoch)[-10:] for epoch in range(4)]
    assert all(end.mean() < 300 for end in ends) and len(np.unique(ends)) > 20


def test_grouping_by_length_is_refused_where_rows_are_compared(model: Path, data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="group_by_length: expected false, since the task few-shot"):
        finetune("few-shot", data, tmp_path / "run", model=model, group_by_length=True)


def test_max_train_examples_are_drawn_by_the_seed(model: Path, data: Path, tmp_path: Path) -> None:
    runs = [
        tuner("classification", model, data, tmp_path / str(seed), max_train_examples=9, seed=seed)
        for seed in (1, 1, 2)
    ]
    drawn = [[one.first for one in made.examples["train"]] for made in runs]
    assert len(drawn[0]) == 9 and drawn[0] == drawn[1] != drawn[2] and runs[0].config.train_steps == 7


def test_the_commands(model: Path, data: Path, tmp_path: Path) -> None:
    runner = CliRunner()
    common = ["finetune", "classification", "--model", str(model), "--output-dir", str(tmp_path / "run")]
    common += ["--epochs", "2", "--batch-size", "4", "--set", "evaluate_every=4", "--trials", "2"]
    done = runner.invoke(app, [*common, "--data-dir", str(data)])
    assert done.exit_code == 0, done.output
    for text in ("trial 1", "trial 2", "median", "highest - lowest", "best, dev", "best, test", "accuracy", "model in"):
        assert text in done.stdout
    again = runner.invoke(app, ["evaluate", str(tmp_path / "run" / "model"), "--dev", str(data / "dev.jsonl")])
    assert again.exit_code == 0 and "accuracy" in again.stdout
    figures = json.loads((tmp_path / "run" / "metrics.json").read_text())["dev"]
    assert f"{figures['accuracy']:.4f}" in again.stdout
    for arguments, message in [
        (["finetune", "mnli"], "--model: expected a value"),
        ([*common, "--data-dir", "x", "--train", "y"], "expected a folder or files"),
        ([*common, "--train", str(tmp_path / "none.csv")], "there is no file"),
        ([*common, "--data-dir", str(data), "--column", "text"], "expected what=name"),
        ([*common, "--data-dir", str(data), "--set", "epoch=1"], "did you mean epochs"),
        (["evaluate", str(model)], "expected a folder, or a file with --dev"),
    ]:
        failed = runner.invoke(app, arguments)
        assert failed.exit_code == 1 and message in failed.output, failed.output


@pytest.mark.slow
def test_the_printed_example_runs(tmp_path: Path) -> None:
    printed = CliRunner().invoke(app, ["finetune"]).stdout
    assert EXAMPLE in printed and all(name in printed for name in TASKS)
    (tmp_path / "oxbert").write_text(f'#!/bin/sh\nexec {sys.executable} -m oxbert.cli "$@"\n')
    (tmp_path / "oxbert").chmod(0o755)
    env = os.environ | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    done = run(["bash", "-c", printed], cwd=tmp_path, env=env, stderr=subprocess.STDOUT)
    assert done.returncode == 0 and "Raise an exception." in done.stdout, done.stdout
    assert done.stdout.count("raises") and (tmp_path / "example" / "run" / "metrics.json").is_file()


def test_the_rates_of_layers(model: Path, data: Path, tmp_path: Path) -> None:
    made = tuner("classification", model, data, tmp_path, layerwise_decay=0.5, learning_rate=1.0)
    names = {parameter: name for name, parameter in made.parameters.items()}
    made.updates.apply(0)
    rates = {names[one]: group["lr"] for group in made.updates.optimizers[0].param_groups for one in group["params"]}
    top = rates["classifier.out_proj.weight"]
    assert rates["electra.encoder.layer.1.output.dense.weight"] == top / 2
    assert rates["electra.embeddings.word_embeddings.weight"] == top / 8
    exact = replace(made.config, layerwise_rule="exact")
    assert (
        exact.layer_rates == {"layerwise_decay": 0.5, "exact": True}
        and replace(exact, layerwise_decay=1).layer_rates == {}
    )


@pytest.mark.parametrize("kind", [FineTuner, Distiller, Trainer])
def test_a_configuration_of_another_kind_is_refused(kind: type, tmp_path: Path) -> None:
    arguments: dict[type, tuple[Any, ...]] = {
        FineTuner: (TASKS["classification"], oxbert.ElectraConfig(), "model", {}, tmp_path),
        Distiller: (RunOptions(), [], tmp_path),
        Trainer: (oxbert.DistilBertConfig(), [], None, tmp_path),
    }
    options = {"teacher": "model"} if kind is Distiller else {}
    with pytest.raises(DtypeError, match="config: expected a "):
        kind(*arguments[kind], **options)
