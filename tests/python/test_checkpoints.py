"""Which checkpoints are kept, which are good, and what becomes of runs that end otherwise than planned."""

from __future__ import annotations

import dataclasses
import json
import shutil
import tempfile
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import oxbert
from oxbert import Activation
from oxbert._types import Objective, Optimizer
from oxbert.errors import ConfigError, InputError, MissingFileError, TrainingError
from oxbert.training import PretrainingConfig, export_checkpoint, learning_rate, pretrain
from oxbert.training.data import ExampleDataset, write_examples
from oxbert.training.loop.checkpoints import list_checkpoints, read_state
from oxbert.training.loop.continuing import RESUMABLE_FIELDS, find_start
from oxbert.training.loop.loop import Loop
from oxbert.training.loop.options import LaunchOptions, RunOptions
from oxbert.training.pretraining.config import NETWORK_FIELDS

from .runs import SETTINGS, TOKENIZER, assert_equal, trainer, weights

pytestmark = pytest.mark.filterwarnings("ignore::oxbert.errors.TrainingWarning")


class Toy(Loop[Any]):
    """Train one number; the gradients of some steps are not finite."""

    def __init__(self, output: Path, bad: list[bool], **options: Any) -> None:
        config = RunOptions(train_steps=len(bad), warmup_steps=0, learning_rate=1e-2, **options)
        super().__init__(config, LaunchOptions(), output)
        self.bad = bad
        # How often the number has been updated when a checkpoint was written.
        self.versions: dict[int, int] = {}
        self.begin([("number", torch.ones(1, requires_grad=True))], lambda: None)

    def draw_batch(self, step: int) -> Any:
        return _ToyBatch(step)

    def loss_names(self) -> list[str]:
        return ["loss"]

    def compute_losses(self, batch: Any, places: list[int]) -> dict[str, Any]:
        return {"loss": self.parameters["number"].square().sum() * (float("nan") if self.bad[batch.step] else 1.0)}

    def evaluate(self) -> dict[str, float]:
        return {}

    def export(self) -> dict[str, Path]:
        return {}

    def data_fingerprint(self) -> str:
        return "toy"

    can_evaluate = False

    def save(self) -> Path | None:
        self.versions[self.step] = self.step - sum(self.bad[: self.step])
        return super().save()


class _ToyBatch(SimpleNamespace):
    tokens = 1

    def __init__(self, step: int) -> None:
        super().__init__(step=step)

    def __len__(self) -> int:
        return 1


STREAKS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 11)), min_size=1, max_size=4)


@given(STREAKS, st.integers(1, 4), st.integers(1, 3), st.lists(st.integers(1, 30), max_size=2))
def test_the_newest_good_checkpoint_stays_and_is_named(
    streaks: list[tuple[int, int]], every: int, keep: int, stops: list[int]
) -> None:
    bad = [is_bad for good, ruined in streaks for is_bad in [False] * good + [True] * ruined] or [False]
    with tempfile.TemporaryDirectory() as name:
        folder, versions, message = Path(name), dict[int, int](), None
        try:
            for stop in [*sorted(stops), len(bad)]:
                toy = Toy(folder, bad, save_every=every, keep_checkpoints=keep)
                toy.versions = versions
                toy.train(progress=False, stop=stop)
        except TrainingError as error:
            message = str(error)
        found = list_checkpoints(folder / "checkpoints")
        # A checkpoint is good if a later step began with its number and was finite.
        updates = toy.step - sum(bad[: toy.step])
        good = [step for step, version in versions.items() if version < updates]
        assert not good or max(good) in dict(found)
        assert len(found) <= max(keep, 1) + 1
        if message is None:
            assert toy.step == len(bad) and found[-1][0] == len(bad)
        else:
            assert toy.bad[toy.step - 1]
            assert all(step in good for step, _ in found)
            named = f"the last good checkpoint is {found[-1][1]}" if found else "no checkpoint is good yet"
            assert named in message


def test_a_rate_that_ruins_the_weights_leaves_good_checkpoints(data: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"warmup_steps": 0, "train_steps": 40, "save_every": 2, "keep_checkpoints": 2}
    trainer(data, tmp_path, **options).train(progress=False, stop=6)
    run = trainer(data, tmp_path, **options, learning_rate=1e30, continue_from=tmp_path)
    with pytest.raises(TrainingError, match="last good checkpoint is") as caught:
        run.train(progress=False)
    found = list_checkpoints(tmp_path / "checkpoints")
    assert str(found[-1][1]) in str(caught.value)
    for _, path in found:
        parameters = oxbert.load_weights(path / "parameters.safetensors", "torch")
        assert all(tensor.isfinite().all() for tensor in parameters.values())
    # It goes on from there with the rate of before.
    again = trainer(data, tmp_path, **options, continue_from=tmp_path)
    assert again.step == found[-1][0]


# Changes.


def log_of(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


NUMBERS = [0, 1, 2, 3, 5, 7, 24, 64, 0.1, 0.5, 0.9, 30522]


@given(st.data())
def test_a_change_of_any_field_is_free_or_refused_or_recorded(chance: st.DataObject) -> None:
    before = PretrainingConfig(**SETTINGS)
    field = chance.draw(st.sampled_from(dataclasses.fields(PretrainingConfig))).name
    values = [True, False, None, *Activation.names(), *get_args(Objective), *get_args(Optimizer), *NUMBERS]
    try:
        after = dataclasses.replace(before, **{field: chance.draw(st.sampled_from(values))})
    except ConfigError:
        return
    changes = {field: (getattr(before, field), getattr(after, field))} if after != before else {}
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "checkpoints" / "step-00000006"
        path.mkdir(parents=True)
        state = {"step": 6, "skipped": 0, "config": before.to_dict(), "data": "text"}
        (path / "state.json").write_text(json.dumps(state))

        def start(continue_from: Path | None) -> Any:
            options = {"resume": True, "config": after, "data": "text", "fixed": NETWORK_FIELDS}
            return find_start(Path(name), continue_from, **options)

        if not changes or field in RESUMABLE_FIELDS:
            for source in (None, Path(name), path):
                found = start(source)
                assert found.path == path and found.is_own and not found.changes
            return
        with pytest.raises(ConfigError, match="--continue-from") as caught:
            start(None)
        assert caught.value.field == field
        for source in (Path(name), path):
            if field in NETWORK_FIELDS or after.train_steps < 6:
                with pytest.raises(ConfigError) as caught:
                    start(source)
                assert caught.value.field == field
            else:
                assert start(source).changes == changes


def test_a_finished_run_gets_more_steps(data: Path, tmp_path: Path) -> None:
    trainer(data, tmp_path).train(progress=False)
    with pytest.raises(ConfigError, match=r"train_steps: .* made with 12, got 18; .*--continue-from") as caught:
        trainer(data, tmp_path, train_steps=18)
    assert caught.value.field == "train_steps"
    run = trainer(data, tmp_path, train_steps=18, continue_from=tmp_path)
    assert run.step == 12
    run.train(progress=False, stop=15)
    # The same call resumes, and the changes are noted once.
    again = trainer(data, tmp_path, train_steps=18, continue_from=tmp_path)
    assert again.step == 15
    again.train(progress=False)
    lines = log_of(tmp_path)
    [note] = [line for line in lines if "changes" in line]
    assert note["step"] == 13 and note["changes"] == {"train_steps": [12, 18]}
    assert [line["step"] for line in lines if "loss" in line] == list(range(1, 19))
    # The rate is that of the step in a run of 18.
    [rate] = [line["learning_rate"] for line in lines if line["step"] == 13 and "loss" in line]
    assert rate == pytest.approx(learning_rate(12, peak=0.01, total_steps=18, warmup_steps=4))
    state = read_state(list_checkpoints(tmp_path / "checkpoints")[-1][1])
    assert [change["changes"] for change in state["continued"]] == [{"train_steps": [12, 18]}]
    assert trainer(data, tmp_path, train_steps=18).step == 18


@pytest.mark.parametrize(
    "changes",
    [
        {"learning_rate": 0.02},
        {"optimizer": "adamw"},
        {"optimizer": "muon", "weight_decay": 0.1},
        {"batch_size": 4, "mask_probability": 0.3},
        {"train_steps": 20, "decay_steps": 30},
    ],
    ids=lambda changes: " ".join(changes),
)
def test_a_run_goes_on_from_any_checkpoint(changes: dict[str, Any], data: Path, tmp_path: Path) -> None:
    first = trainer(data, tmp_path / "run", keep_checkpoints=0)
    first.train(progress=False)
    for where in ("run", "other"):
        path = tmp_path / "run" / "checkpoints" / "step-00000006"
        options: dict[str, Any] = SETTINGS | {"keep_checkpoints": 0} | changes
        run = trainer(data, tmp_path / where, **options, continue_from=path)
        assert run.step == 6
        assert_equal(weights(run), oxbert.load_weights(path / "parameters.safetensors", "torch"))
        run.train(progress=False, stop=8)
        run = trainer(data, tmp_path / where, **options, continue_from=path)
        assert run.step == 8
        run.train(progress=False)
        steps = [step for step, _ in list_checkpoints(tmp_path / where / "checkpoints")]
        assert steps[-1] == options["train_steps"] and 8 in steps
        # What was after the checkpoint is gone, and what was before it is as it was.
        assert (3 in steps) == (where == "run")
        [note] = [line for line in log_of(tmp_path / where) if "changes" in line]
        assert note["step"] == 7 and note["changes"].keys() == changes.keys()
        shutil.rmtree(tmp_path / "run")
        trainer(data, tmp_path / "run", keep_checkpoints=0).train(progress=False)


def test_other_examples_are_a_change(data: Path, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("return the value\nraise an error\n" * 40)
    write_examples(tmp_path / "text", tmp_path / "examples", TOKENIZER, max_length=24)
    trainer(data, tmp_path / "run").train(progress=False)
    with pytest.raises(ConfigError, match=r"other examples.*--continue-from"):
        trainer(tmp_path / "examples", tmp_path / "run")
    run = trainer(tmp_path / "examples", tmp_path / "new", train_steps=14, continue_from=tmp_path / "run")
    run.train(progress=False)
    [note] = [line for line in log_of(tmp_path / "new") if "changes" in line]
    assert note["changes"].keys() == {"train_steps", "examples"}


def test_changes_that_cannot_be(data: Path, tmp_path: Path) -> None:
    trainer(data, tmp_path / "run").train(progress=False, stop=9)
    trainer(data, tmp_path / "other").train(progress=False, stop=3)
    newest = tmp_path / "run" / "checkpoints" / "step-00000009"
    for options, error, match in [
        ({"hidden_size": 16}, ConfigError, "hidden_size: .*made with 8, got 16; .*pretrain export"),
        ({"objective": "mlm"}, ConfigError, "objective"),
        ({"train_steps": 8}, ConfigError, "train_steps: expected at least 9"),
        ({"continue_from": tmp_path}, MissingFileError, "is no checkpoint, and no folder of a run"),
        ({"continue_from": tmp_path / "nothing"}, MissingFileError, "nothing is no checkpoint"),
        ({"continue_from": tmp_path / "other"}, InputError, r"has a run of its own, up to step-00000009.*--no-resume"),
    ]:
        with pytest.raises(error, match=match):
            trainer(data, tmp_path / "run", **{"continue_from": newest} | options)
    for source in (newest, tmp_path / "run"):
        with pytest.raises(InputError, match=r"is a checkpoint or a run; .*--continue-from.*pretrain export"):
            pretrain(data, tmp_path / "new", tokenizer=TOKENIZER, discriminator=source, warmup_steps=0)
    # A run is replaced on request.
    run = trainer(data, tmp_path / "run", continue_from=tmp_path / "other", resume=False)
    assert run.step == 3
    run.train(progress=False, stop=4)
    assert [step for step, _ in list_checkpoints(tmp_path / "run" / "checkpoints")] == [4]


def test_the_configuration_is_that_of_the_checkpoint(data: Path, tmp_path: Path) -> None:
    config, run = PretrainingConfig(**SETTINGS), {"tokenizer": TOKENIZER, "progress": False}
    pretrain(data, tmp_path / "run", config, **run, train_steps=6)
    for _ in range(2):
        record = pretrain(data, tmp_path / "run", continue_from=tmp_path / "run", train_steps=9, **run)
        assert record["step"] == 9
    model = oxbert.ElectraForPreTraining.from_pretrained(tmp_path / "run" / "discriminator")
    assert model.config.hidden_size == 8


# One run in a folder.


def test_a_second_run_in_the_folder_is_refused(data: Path, tmp_path: Path) -> None:
    first, second = (trainer(data, tmp_path, train_steps=60) for _ in range(2))
    inside, done = threading.Event(), threading.Event()
    step = first._run

    def slow(*arguments: Any, **options: Any) -> Any:
        inside.set()
        done.wait(60)
        return step(*arguments, **options)

    first._run = slow  # type: ignore[method-assign]
    thread = threading.Thread(target=lambda: first.train(progress=False, stop=2))
    thread.start()
    try:
        assert inside.wait(60)
        with pytest.raises(InputError, match="another process is writing to") as caught:
            second.train(progress=False, stop=1)
        assert str(tmp_path) in str(caught.value) and not list_checkpoints(tmp_path / "checkpoints")
    finally:
        done.set()
        thread.join()
    # Nothing is left of the lock.
    assert {path.name for path in tmp_path.iterdir()} == {"checkpoints", "log.jsonl"}
    # The second has not seen what the first has done meanwhile.
    with pytest.raises(InputError, match=r"has trained in .* meanwhile"):
        second.train(progress=False, stop=1)
    trainer(data, tmp_path, train_steps=60).train(progress=False, stop=3)


# Models of checkpoints.


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"untied_generator": False},
        {"untied_generator_embeddings": True, "generator_embedding_size": 5},
        {"objective": "mlm"},
        {"objective": "uniform"},
        {"objective": "electric"},
    ],
    ids=lambda options: " ".join(map(str, options.values())) or "the defaults",
)
def test_the_models_of_a_checkpoint_are_those_of_the_run(options: dict[str, Any], data: Path, tmp_path: Path) -> None:
    run = trainer(data, tmp_path / "run", **options, held_out=ExampleDataset(data))
    run.train(progress=False)
    folders = export_checkpoint(tmp_path / "run", tmp_path / "models")
    assert folders == {part: tmp_path / "models" / part for part in folders}
    for part, folder in folders.items():
        for name in ("model.safetensors", "config.json", "vocab.txt", "tokenizer_config.json"):
            assert (folder / name).read_bytes() == (tmp_path / "run" / part / name).read_bytes(), name
        tokenizer = oxbert.AutoTokenizer.from_pretrained(folder)
        assert tokenizer.model_max_length == 24
        assert json.loads((folder / "tokenizer_config.json").read_text())["model_max_length"] == 24
        card = (tmp_path / "run" / part / "README.md").read_text()
        kind = oxbert.ElectraForMaskedLM if part == "generator" else oxbert.ElectraForPreTraining
        for text in (
            f"# ELECTRA {part}", "| steps | 12 of 12 |", f"| examples | {len(ExampleDataset(data)):,} |", "| tokens seen |",
            f"| parameters | {kind.from_pretrained(folder).num_parameters():,} |", "| loss |", "after step 12",
        ):  # fmt: skip
            assert text in card, text
    parts = {path.name for path in (tmp_path / "run").iterdir() if path.is_dir()} - {"checkpoints"}
    assert parts == folders.keys()
    assert TOKENIZER.model_max_length != 24


def test_a_checkpoint_of_an_earlier_release_needs_the_tokenizer(data: Path, tmp_path: Path) -> None:
    trainer(data, tmp_path / "run").train(progress=False, stop=3)
    [(_, path)] = list_checkpoints(tmp_path / "run" / "checkpoints")
    (path / "vocab.txt").unlink()
    state = read_state(path)
    for name in ("tokens", "record", "figures", "described_data", "continued", "good"):
        del state[name]
    (path / "state.json").write_text(json.dumps(state))
    with pytest.raises(InputError, match=r"earlier release; pass tokenizer= \(--tokenizer\)"):
        export_checkpoint(path, tmp_path / "models")
    folders = export_checkpoint(path, tmp_path / "models", tokenizer="electra-tiny-generator")
    assert "| steps | 3 of 12 |" in (folders["generator"] / "README.md").read_text()
    with pytest.raises(MissingFileError, match="is no checkpoint"):
        export_checkpoint(tmp_path / "models", tmp_path / "more")
    assert trainer(data, tmp_path / "run").step == 3
