"""Test pre-training runs: resuming, accumulation, several processes, and the models that they write."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow
import torch
import transformers
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import oxbert
from oxbert.errors import ConfigError, DataError, InputError, TrainingError
from oxbert.training import PretrainingConfig, pretrain
from oxbert.training.data import ExampleDataset, write_examples
from oxbert.training.loop.checkpoints import list_checkpoints

from .processes import run, start
from .runs import SETTINGS, TOKENIZER, assert_equal, assert_near, losses, trainer, weights

pytestmark = pytest.mark.filterwarnings("ignore::oxbert.errors.TrainingWarning")  # a dozen steps are no training


def test_a_run_learns_and_writes_models_that_load(data: Path, tmp_path: Path) -> None:
    run = trainer(data, tmp_path, train_steps=60, held_out=ExampleDataset(data), hidden_dropout_prob=0.0)
    record = run.train(progress=False)
    curve = [loss for _, loss in losses(tmp_path)]
    assert record["step"] == 60 and np.mean(curve[-10:]) < 0.9 * np.mean(curve[:10])
    figures = {
        "masked_lm_accuracy", "masked_lm_loss", "sampled_masked_lm_accuracy", "disc_loss", "disc_auc",
        "disc_accuracy", "disc_precision", "disc_recall",
    }  # fmt: skip
    assert {f"eval_{name}" for name in figures} <= record.keys() and 0 <= record["eval_disc_auc"] <= 1
    state = weights(run)
    words = state["discriminator.electra.embeddings.word_embeddings.weight"]
    for part, kind in [("generator", "ElectraForMaskedLM"), ("discriminator", "ElectraForPreTraining")]:
        ours = getattr(oxbert, kind).from_pretrained(tmp_path / part, strict=True)
        theirs = getattr(transformers, kind).from_pretrained(tmp_path / part).eval()
        assert torch.equal(ours.state_dict()["electra.embeddings.word_embeddings.weight"], words)
        encoding = oxbert.AutoTokenizer.from_pretrained(tmp_path / part)(["return the [MASK]"], return_tensors="pt")
        assert (ours(**encoding).logits - theirs(**encoding).logits).abs().max() < 1e-5
        assert (tmp_path / part / "rust_model.ot").is_file()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"optimizer": "adamw", "generator_steps": 4},
        {"optimizer": "muon", "untied_generator": False, "generator_steps": 6},
        {"objective": "electric"},
        {"precision": "float16"},
        {"short_steps": 6, "short_length": 8},
    ],
    ids=lambda options: " ".join(map(str, options.values())) or "the defaults",
)
def test_an_interrupted_run_resumes_exactly(options: dict[str, Any], data: Path, tmp_path: Path) -> None:
    whole = trainer(data, tmp_path / "whole", **options)
    whole.train(progress=False)
    parts = trainer(data, tmp_path / "parts", **options)
    parts.train(progress=False, stop=5)
    # After a kill the log may be ahead of the checkpoint.
    with open(tmp_path / "parts" / "log.jsonl", "a") as log:
        log.write('{"step": 6, "loss": 0.0}\n{"step"')
    again = trainer(data, tmp_path / "parts", **options)
    assert again.step == 5
    again.train(progress=False)
    assert_equal(weights(again), weights(whole))
    assert_equal(again.updates.tensors(), whole.updates.tensors())
    assert again.updates.state() == whole.updates.state()
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")
    # Only the newest checkpoints are kept.
    assert [step for step, _ in list_checkpoints(tmp_path / "whole" / "checkpoints")] == [9, 12]
    # A restarted run removes the later checkpoints of the old one.
    fresh = trainer(data, tmp_path / "parts", resume=False, **options)
    assert fresh.step == 0
    fresh.train(progress=False, stop=4)
    assert [step for step, _ in list_checkpoints(tmp_path / "parts" / "checkpoints")] == [3, 4]
    assert len(losses(tmp_path / "parts")) == 4
    with pytest.raises(ConfigError, match="learning_rate") as caught:
        trainer(data, tmp_path / "parts", **options, learning_rate=0.02)
    assert caught.value.field == "learning_rate"


def test_accumulation_matches_the_whole_batch(data: Path, tmp_path: Path) -> None:
    # Dropout depends on the example, not on its place in the batch.
    whole = trainer(data, tmp_path / "whole", learning_rate=1e-3)
    parts = trainer(data, tmp_path / "parts", accumulate=3, learning_rate=1e-3)
    whole.train(progress=False)
    parts.train(progress=False)
    assert_near(weights(whole), weights(parts))
    for (_, one), (_, other) in zip(losses(tmp_path / "whole"), losses(tmp_path / "parts"), strict=True):
        assert abs(one - other) < 1e-5 * max(1.0, one)


TOGETHER = """
import json, sys, torch
torch.set_num_threads(1)
import oxbert
from oxbert.training import PretrainingConfig, Trainer
from oxbert.training.data import ExampleDataset
data, *runs = sys.argv[1:]
tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
for output, settings in map(json.loads, runs):
    precision = settings.pop("precision", "float32")
    config = PretrainingConfig(**settings)
    Trainer(config, ExampleDataset(data), tokenizer, output, precision=precision).train(progress=False)
torch.distributed.destroy_process_group()
"""


@pytest.mark.slow
def test_two_processes_match_one(data: Path, tmp_path: Path) -> None:
    # The rate is low because Adam amplifies the rounding errors of gradients near 0.
    settings = SETTINGS | {"learning_rate": 1e-3}
    assert PretrainingConfig(**settings).hidden_dropout_prob == 0.1
    one = trainer(data, tmp_path / "one", learning_rate=1e-3)
    one.train(progress=False)
    # A batch of one row leaves one process without rows.
    half = SETTINGS | {"batch_size": 1, "train_steps": 3, "precision": "float16"}
    runs = [json.dumps([str(tmp_path / name), values]) for name, values in [("two", settings), ("half", half)]]
    (tmp_path / "run.py").write_text(TOGETHER)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", tmp_path / "run.py"]
    run([*command, data, *runs], env=os.environ | {"OMP_NUM_THREADS": "1"}, check=True)
    step, path = list_checkpoints(tmp_path / "two" / "checkpoints")[-1]
    assert step == 12
    assert_near(weights(one), oxbert.load_weights(path / "parameters.safetensors", "torch"))
    assert (tmp_path / "two" / "discriminator" / "config.json").is_file()
    assert len(losses(tmp_path / "half")) == 3


# Runs are forked, because importing torch takes longer than a run.
KILLED = """
import json, os, random, signal, sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
import oxbert
from oxbert.training import PretrainingConfig, Trainer
from oxbert.training.data import ExampleDataset
from oxbert.training.loop.checkpoints import list_checkpoints
data, folder, settings = sys.argv[1], Path(sys.argv[2]), json.loads(sys.argv[3])
tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")

def run(name):
    return Trainer(PretrainingConfig(**settings), ExampleDataset(data), tokenizer, folder / name)

def begin(name):
    child = os.fork()
    if child == 0:
        run(name).train(progress=False)
        os._exit(0)
    return child

def newest():
    return list_checkpoints(folder / "killed" / "checkpoints")[-1:]

# Import lazily loaded modules before forking.
import matplotlib.pyplot
run("never begun")
assert os.waitpid(begin("whole"), 0)[1] == 0
wait, kills, status = random.Random(1), 0, None
while kills < 22 and status != 0:
    before, child = newest(), begin("killed")
    # Wait for a new checkpoint, and then kill at a random moment.
    deadline = time.monotonic() + 60
    while newest() == before and os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    time.sleep(wait.random() * 0.05)
    os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL), status
    kills += status != 0
    for _, path in list_checkpoints(folder / "killed" / "checkpoints"):
        assert oxbert.load_weights(path / "parameters.safetensors")
if status != 0:
    assert os.waitpid(begin("killed"), 0)[1] == 0
print(kills)
"""


@pytest.mark.slow
def test_kills_lose_nothing(data: Path, tmp_path: Path) -> None:
    settings = SETTINGS | {"save_every": 1, "train_steps": 90}
    done = run([sys.executable, "-W", "ignore", "-c", KILLED, data, tmp_path, json.dumps(settings)], check=True)
    assert int(done.stdout) >= 20
    ends = [list_checkpoints(tmp_path / name / "checkpoints")[-1][1] for name in ("whole", "killed")]
    one, other = (oxbert.load_weights(path / "parameters.safetensors", "torch") for path in ends)
    assert_equal(one, other)
    assert losses(tmp_path / "whole") == losses(tmp_path / "killed")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_stop_a_run_with_a_checkpoint(number: int, code: int, data: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.json").write_text(json.dumps(SETTINGS | {"train_steps": 100_000, "save_every": 100_000}))
    command = [sys.executable, "-m", "oxbert.cli", "pretrain", data, "--config", tmp_path / "tiny.json"]
    command += ["--output", tmp_path / "run", "--tokenizer", "electra-tiny-generator"]
    with start(command, stderr=subprocess.PIPE, text=True) as process:
        begin = time.monotonic()
        while not (tmp_path / "run" / "log.jsonl").is_file() or len(losses(tmp_path / "run")) < 3:
            assert time.monotonic() - begin < 60 and process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == code and "Traceback" not in errors, errors
    [(step, _)] = list_checkpoints(tmp_path / "run" / "checkpoints")
    assert step == losses(tmp_path / "run")[-1][0] >= 3


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("at", ["draw", "part"])
@pytest.mark.parametrize("first", [0, 3])
def test_a_signal_ends_a_long_step_before_its_update(
    number: int, at: str, first: int, data: Path, tmp_path: Path
) -> None:
    options = {"train_steps": 6, "save_every": 100, "accumulate": 2}
    whole = trainer(data, tmp_path / "whole", **options)
    whole.train(progress=False)
    run = trainer(data, tmp_path / "run", **options)
    draw, losses_of, ended = run.draw_batch, run.compute_losses, []

    def drawn(step: int) -> Any:
        batch = draw(step)
        if step == first and at == "draw":
            signal.raise_signal(number)
            ended.append("draw")
        return batch

    def computed(batch: Any, places: list[int]) -> Any:
        ended.append("part")
        if batch.step == first and at == "part":
            signal.raise_signal(number)
        return losses_of(batch, places)

    run.draw_batch, run.compute_losses = drawn, computed  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt if number == signal.SIGINT else SystemExit):
        run.train(progress=False)
    assert run.step == first and ended == ["part"] * (2 * first + (at == "part"))
    found = list_checkpoints(tmp_path / "run" / "checkpoints")
    assert [step for step, _ in found] == ([first] if first else [])
    again = trainer(data, tmp_path / "run", **options)
    again.train(progress=False)
    assert_equal(weights(whole), weights(again))
    assert losses(tmp_path / "whole") == losses(tmp_path / "run")


@pytest.mark.parametrize(("precision", "last"), [("float32", 10), ("float16", 12)])
def test_a_not_finite_loss_ends_the_run_without_an_update(
    precision: str, last: int, data: Path, tmp_path: Path
) -> None:
    run = trainer(data, tmp_path, precision=precision, train_steps=20)
    if precision == "float16":
        # The steps at 4 and at 2 do not count among the ten, since a smaller scale may still help.
        run.updates.load({}, run.updates.state() | {"scale": 8.0})
    before = weights(run)
    step = run._run

    def broken(*arguments: Any, **options: Any) -> Any:
        output = step(*arguments, **options)
        output["loss"] = output["loss"] * float("nan")
        return output

    run._run = broken  # type: ignore[method-assign]
    with pytest.raises(TrainingError, match=r"10 steps in a row were not finite.*(no checkpoint|last good)") as caught:
        run.train(progress=False)
    assert caught.value.step == last  # type: ignore[attr-defined]
    assert run.skipped == last
    assert_equal(weights(run), before)


def test_a_run_that_diverges_names_the_last_good_checkpoint(data: Path, tmp_path: Path) -> None:
    # The width of the last layer is no multiple of the blocks from which tokens are drawn.
    run = trainer(data, tmp_path, learning_rate=1e30, vocab_size=len(TOKENIZER) + 9, train_steps=20, save_every=1)
    with pytest.raises(TrainingError, match=r"10 steps in a row were not finite.*the last good checkpoint is"):
        run.train(progress=False)


def test_bad_options_and_arguments_are_refused(data: Path, tmp_path: Path) -> None:
    for options, match in [
        ({"vocab_size": 100}, "vocab_size"),
        ({"precision": "float8"}, "precision"),
        ({"accumulate": 0}, "accumulate"),
    ]:
        with pytest.raises(InputError, match=match):
            trainer(data, tmp_path, **options)
    with pytest.raises(InputError, match="held_out"):
        trainer(data, tmp_path).evaluate()
    with pytest.raises(InputError, match=r"examples: expected at most max_length = 12 tokens each, got up to 24"):
        trainer(data, tmp_path, max_length=12)
    for objective in ("mlm", "uniform"):
        with pytest.raises(ConfigError, match="generator_steps"):
            trainer(data, tmp_path, objective=objective, generator_steps=1)
    for arguments, options, error, match in [
        ((tmp_path / "nothing", tmp_path), {}, oxbert.errors.MissingFileError, "nothing"),
        ((data, tmp_path, "smal"), {}, InputError, "expected one of tiny, small, base, large or a file, got 'smal'"),
        ((data, tmp_path), {"preset": "large"}, InputError, "third argument"),
        ((data, tmp_path), {"hiden_size": 8}, ConfigError, "hiden_size"),
    ]:
        with pytest.raises(error, match=match):
            pretrain(*arguments, **options)


def test_damaged_checkpoints_are_refused(data: Path, tmp_path: Path) -> None:
    trainer(data, tmp_path).train(progress=False, stop=3)
    [(_, path)] = list_checkpoints(tmp_path / "checkpoints")
    good = {file.name: file.read_bytes() for file in path.iterdir()}
    state = json.loads(good["state.json"])
    for name, content, error in [
        ("state.json", b"[]", DataError),
        ("state.json", b"{", DataError),
        ("state.json", json.dumps(state | {"data": "other"}).encode(), ConfigError),
        ("parameters.safetensors", good["optimizer.safetensors"], DataError),
        ("parameters.safetensors", good["parameters.safetensors"][:-9], oxbert.errors.WeightsFormatError),
        ("optimizer.safetensors", b"", oxbert.errors.WeightsFormatError),
        ("optimizer.safetensors", None, oxbert.errors.MissingFileError),
    ]:
        (path / name).unlink() if content is None else (path / name).write_bytes(content)
        with pytest.raises(error):
            trainer(data, tmp_path)
        (path / name).write_bytes(good[name])
    # A checkpoint of an older release lacks newer fields.
    del state["config"]["optimizer"], state["scale"]
    (path / "state.json").write_text(json.dumps(state))
    assert trainer(data, tmp_path).step == 3


def test_the_discriminator_is_unchanged_during_generator_steps(data: Path, tmp_path: Path) -> None:
    for name, options in {"embeddings": {}, "all": {"untied_generator": False}}.items():
        run = trainer(data, tmp_path / name, generator_steps=6, weight_decay=0.1, **options)
        before = weights(run)
        run.train(progress=False, stop=6)
        same = {name for name, tensor in weights(run).items() if torch.equal(tensor, before[name])}
        # The first update has rate 0, and the others change every parameter of the generator.
        shared = "discriminator.electra." if options else "discriminator.electra.embeddings."
        assert same == {name for name in before if name.startswith("discriminator.") and not name.startswith(shared)}
        assert not any(name.split(".", 1)[1] in same for name in run.updates.tensors())
        run.train(progress=False, stop=9)
        assert not any(torch.equal(tensor, before[name]) for name, tensor in weights(run).items())


def test_a_missed_evaluation_is_repeated_on_resuming(data: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"held_out": ExampleDataset(data), "train_steps": 8}
    trainer(data, tmp_path / "whole", **options).train(progress=False)
    run = trainer(data, tmp_path / "killed", **options)
    run.evaluate = lambda: 1 / 0  # type: ignore[method-assign, return-value]
    with pytest.raises(ZeroDivisionError):
        run.train(progress=False)
    assert (
        list_checkpoints(tmp_path / "killed" / "checkpoints")[-1][0] == 6
        and not (tmp_path / "killed" / "generator").exists()
    )
    record = trainer(data, tmp_path / "killed", **options).train(progress=False)
    lines = [
        [json.loads(line) for line in (tmp_path / name / "log.jsonl").read_text().splitlines()]
        for name in ("whole", "killed")
    ]
    for line in lines[0] + lines[1]:
        line.pop("tokens_per_second", None)
    assert lines[0] == lines[1] and len(lines[0]) == 10
    # A finished run returns its last record again.
    again = trainer(data, tmp_path / "killed", **options).train(progress=False)
    assert again == record and again["step"] == 8 and "eval_disc_auc" in again and "loss" in again


@pytest.mark.parametrize("objective", ["mlm", "uniform", "electric"])
def test_other_objectives_write_one_model(objective: str, data: Path, tmp_path: Path) -> None:
    trainer(data, tmp_path, objective=objective, train_steps=2).train(progress=False)
    made = {path.name for path in tmp_path.iterdir() if path.is_dir()}
    assert made == {"checkpoints", "generator" if objective == "mlm" else "discriminator"}


def test_every_parameter_has_one_optimizer(data: Path, tmp_path: Path) -> None:
    run = trainer(data, tmp_path, optimizer="muon", hidden_size=64, adam_beta2=0.98)
    adamw, muon = run.updates.optimizers
    assert isinstance(adamw, torch.optim.AdamW) and isinstance(muon, torch.optim.Muon)
    assert adamw.param_groups[0]["betas"] == (0.9, 0.98) and adamw.param_groups[0]["eps"] == 1e-6
    names = {parameter: name for name, parameter in run.parameters.items()}
    of_muon = {names[parameter] for group in muon.param_groups for parameter in group["params"]}
    of_adamw = {names[parameter] for group in adamw.param_groups for parameter in group["params"]}
    assert of_muon.isdisjoint(of_adamw) and of_muon | of_adamw == run.parameters.keys()
    assert of_muon == {
        name for name in run.parameters if ".encoder.layer." in name and name.endswith("weight") and "Norm" not in name
    }


def test_adamw_matches_torch(data: Path, tmp_path: Path) -> None:
    run, other = (trainer(data, tmp_path, optimizer="adamw", max_gradient_norm=0.5) for _ in range(2))
    theirs = torch.optim.AdamW(
        [
            {"params": [one for name, one in other.parameters.items() if not re.search("LayerNorm|bias", name)]},
            {"params": [one for name, one in other.parameters.items() if re.search("LayerNorm|bias", name)],
             "weight_decay": 0.0},
        ],
        eps=1e-6, weight_decay=0.01,
    )  # fmt: skip
    gradients = torch.Generator().manual_seed(0)
    for step in range(8):
        for name, parameter in run.parameters.items():
            parameter.grad = torch.randn(parameter.shape, generator=gradients)
            other.parameters[name].grad = parameter.grad.clone()
        torch.nn.utils.clip_grad_norm_(other.parameters.values(), 0.5)
        for group in theirs.param_groups:
            group["lr"] = min(step / 4, 1) * 0.01 * (1 - step / 12)
        theirs.step()
        rate, _, is_skipped = run.updates.apply(step)
        assert abs(rate - theirs.param_groups[0]["lr"]) < 1e-9 and not is_skipped
    assert_near(weights(run), weights(other), 1e-6)


def test_the_loss_scale_falls_until_float16_is_finite(data: Path, tmp_path: Path) -> None:
    run = trainer(data, tmp_path, precision="float16")
    # The scale needs more halvings than the number of consecutive skipped steps after which a run fails.
    run.updates.load({}, run.updates.state() | {"scale": 2.0**40})
    run.train(progress=False, stop=40)
    assert run.skipped == 12 and run.updates.state()["scale"] == 2.0**28 and run.updates.can_rescale
    plain = trainer(data, tmp_path / "plain")
    plain.train(progress=False)
    scaled = trainer(data, tmp_path / "scaled", precision="float16")
    scaled.updates.load({}, scaled.updates.state() | {"scale": 2.0**8})
    scaled.train(progress=False)
    # Adam amplifies the rounding errors of float16, so only the losses are compared.
    assert scaled.skipped == 0
    for (_, one), (_, two) in zip(losses(tmp_path / "plain"), losses(tmp_path / "scaled"), strict=True):
        assert abs(one - two) < 0.02 * one


def test_short_steps_cut_the_same_text_into_short_rows(data: Path, tmp_path: Path) -> None:
    run = trainer(data, tmp_path, short_steps=1, short_length=8)
    seen: list[list[list[int]]] = []
    step = run.networks.step
    run._run = lambda examples, *rest, **more: (  # type: ignore[method-assign]
        seen.append([example["input_ids"].tolist() for example in examples]),
        step([example["input_ids"] for example in examples], seed=0, step=0),
    )[1]
    run.train(progress=False, stop=2)
    short, whole = seen
    assert max(map(len, short)) == 8 and all(row[0] == 2 and row[-1] == 3 for row in short)
    examples = ExampleDataset(data).take(run.examples.batch_indices(0, 6, 5))
    text = [token for example in examples for token in example["input_ids"].tolist() if token not in (2, 3)]
    assert [token for row in short for token in row if token not in (2, 3)] == text
    assert whole == [e["input_ids"].tolist() for e in ExampleDataset(data).take(run.examples.batch_indices(1, 6, 5))]


def test_a_run_starts_from_given_models(data: Path, tmp_path: Path) -> None:
    sizes = {
        "embedding_size": 128, "hidden_size": 192, "num_hidden_layers": 4, "num_attention_heads": 3,
        "generator_hidden_size": 2 / 3, "generator_layers": 0.75, "max_position_embeddings": 128,
    }  # fmt: skip
    names = {"generator": "electra-tiny-generator", "discriminator": "electra-tiny-discriminator"}
    run = trainer(data, tmp_path / "run", **names, **sizes, train_steps=1)
    generator = oxbert.ElectraForMaskedLM.from_pretrained(names["generator"]).state_dict()
    discriminator = oxbert.ElectraForPreTraining.from_pretrained(names["discriminator"]).state_dict()
    expected = {f"generator.{name}": tensor for name, tensor in generator.items() if ".embeddings." not in name}
    expected |= {f"discriminator.{name}": tensor for name, tensor in discriminator.items()}
    assert {name for name in run.parameters} <= expected.keys()
    assert_equal(weights(run), {name: expected[name] for name in run.parameters})
    # A masked LM lacks the head of a discriminator, which keeps its random initial values.
    small = sizes | {
        "hidden_size": 128, "num_hidden_layers": 3, "num_attention_heads": 2, "generator_hidden_size": 0.5,
    }  # fmt: skip
    with pytest.warns(oxbert.errors.UntrainedHeadWarning):
        alone = trainer(data, tmp_path / "mlm", discriminator=names["generator"], **small)
    fresh = trainer(data, tmp_path / "fresh", **small)
    for name, parameter in alone.parameters.items():
        is_taken = name.startswith("discriminator.electra.")
        expected_tensor = generator[name.removeprefix("discriminator.")] if is_taken else fresh.parameters[name]
        assert torch.equal(parameter, expected_tensor), name
    # A model with more layers than the generator is refused.
    with pytest.raises(ConfigError, match=r"layer\.2.*expected no such parameter"):
        trainer(data, tmp_path, generator=names["generator"], **small | {
            "generator_hidden_size": 1.0, "generator_layers": 2 / 3,
        })  # fmt: skip
    with pytest.raises(ConfigError, match="hidden_act: expected relu"):
        trainer(data, tmp_path, generator=names["generator"], **sizes, hidden_act="relu")
    # A resumed run uses its checkpoint instead.
    run.train(progress=False)
    assert_equal(weights(trainer(data, tmp_path / "run", **names, **sizes, train_steps=1)), weights(run))
    with pytest.raises(ConfigError, match=r"generator electra-tiny-generator: .*expected \[.*got \["):
        trainer(data, tmp_path, generator=names["generator"], **sizes | {"embedding_size": 64})
    with pytest.raises(InputError, match="trains no generator that could begin with a model"):
        trainer(data, tmp_path, generator=names["generator"], objective="electric")


def test_tensorboard_and_the_plot_match_the_log(data: Path, tmp_path: Path) -> None:
    trainer(data, tmp_path, tensorboard=True).train(progress=False, stop=5)
    run = trainer(data, tmp_path, tensorboard=True, held_out=ExampleDataset(data))
    run.train(progress=False)
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    records = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    for name in ("loss", "replaced_loss", "learning_rate", "eval_disc_auc"):
        written = [(event.step, event.value) for event in events.Scalars(name)]
        logged = [(record["step"], pytest.approx(record[name], rel=1e-6)) for record in records if name in record]
        assert written == logged and len(written) == (2 if name == "eval_disc_auc" else 12)
    picture = Image.open(tmp_path / "curves.png")
    assert picture.size == (1320, 480) and len(picture.convert("RGB").getcolors(1 << 20)) > 50


def test_tfrecord_files_train_like_examples(data: Path, tmp_path: Path) -> None:
    features = ("input_ids", "input_mask", "segment_ids")
    with tensorflow.io.TFRecordWriter(str(tmp_path / "pretrain_data.tfrecord-0-of-1")) as writer:
        for example in ExampleDataset(data):
            count, first = len(example["input_ids"]), example["first_segment"]
            rows = (example["input_ids"].tolist(), [1] * count, [0] * first + [1] * (count - first))
            lists = {name: row + [0] * (24 - count) for name, row in zip(features, rows, strict=True)}
            feature = {
                name: tensorflow.train.Feature(int64_list=tensorflow.train.Int64List(value=row))
                for name, row in lists.items()
            }
            whole = tensorflow.train.Example(features=tensorflow.train.Features(feature=feature))
            writer.write(whole.SerializeToString())
    config = PretrainingConfig(**SETTINGS)
    pretrain(tmp_path, tmp_path / "run", config, tokenizer=TOKENIZER, train_steps=3)
    pretrain(data, tmp_path / "arrow", config, train_steps=3)
    assert losses(tmp_path / "run") == losses(tmp_path / "arrow")
    with pytest.raises(InputError, match="has no tokenizer; pass tokenizer="):
        pretrain(tmp_path, tmp_path / "none", config)


def test_a_preset_takes_the_vocabulary_size_of_the_examples(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("return the value of the node\nraise an error\n" * 30)
    write_examples(tmp_path / "text", tmp_path / "examples", vocab_size=60, max_length=16)
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "embedding_size": 4}
    pretrain(tmp_path / "examples", tmp_path / "run", "tiny", **sizes, num_attention_heads=1, max_length=16,
             generator_steps=0, train_steps=1, batch_size=4)  # fmt: skip
    model = oxbert.ElectraForPreTraining.from_pretrained(tmp_path / "run" / "discriminator")
    assert model.config.vocab_size == len(oxbert.AutoTokenizer.from_pretrained(tmp_path / "examples")) < 8192


def test_a_first_run_provides_the_discriminator(data: Path, tmp_path: Path) -> None:
    before = PretrainingConfig(**SETTINGS | {"untied_generator": False, "train_steps": 3, "decay_steps": 12})
    run = {"tokenizer": TOKENIZER, "progress": False}
    pretrain(data, tmp_path / "alone", before, **run)
    pretrain(data, tmp_path / "after", PretrainingConfig(**SETTINGS), discriminator=tmp_path / "alone" / "discriminator",
             **run)  # fmt: skip
    for _ in range(2):  # the second call finds both runs finished
        pretrain(data, tmp_path / "both", PretrainingConfig(**SETTINGS), first=before, **run)
        assert losses(tmp_path / "both" / "first") == losses(tmp_path / "alone")
        assert losses(tmp_path / "both") == losses(tmp_path / "after")
    # With `decay_steps` the rate falls like that of a longer run.
    whole = dataclasses.replace(before, train_steps=12, decay_steps=None)
    pretrain(data, tmp_path / "whole", whole, **run)
    assert losses(tmp_path / "alone") == losses(tmp_path / "whole")[:3]


def test_bad_first_runs_are_refused(data: Path, tmp_path: Path) -> None:
    config = PretrainingConfig(**SETTINGS)
    for first, options, message in (
        (dataclasses.replace(config, hidden_size=16), {}, "first.*hidden_size = .*got 16"),
        (dataclasses.replace(config, objective="mlm"), {}, "first.*objective mlm"),
        (config, {"discriminator": "electra-tiny-discriminator"}, "discriminator.*None together with first"),
    ):
        with pytest.raises(InputError, match=message):
            pretrain(data, tmp_path / "run", config, tokenizer=TOKENIZER, first=first, **options)
    assert not (tmp_path / "run").exists()


def test_the_command_trains_and_reports_errors(data: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny.json").write_text(json.dumps(SETTINGS | {"train_steps": 2}))
    command = [sys.executable, "-m", "oxbert.cli", "pretrain", data, "--config", tmp_path / "tiny.json"]
    command += ["--output", tmp_path / "run", "--tokenizer", "electra-tiny-generator", "--held-out", data]
    done = run(command, check=True)
    assert "disc_auc" in done.stdout and (tmp_path / "run" / "generator" / "model.safetensors").is_file()
    done = run([*command, "--seed", 6])
    assert done.returncode == 1 and "seed" in done.stderr and "Traceback" not in done.stderr
