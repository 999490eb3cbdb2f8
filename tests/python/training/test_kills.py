"""Kill runs of each kind at random moments, and compare what is left with a run that was not killed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ..processes import run
from .runs import log_of

ROOT = Path(__file__).parents[3]
# Forks a child for each run, since imports would take longer than the runs. A kill comes at random after a checkpoint.
KILLED = """
import os, random, signal, sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
kind, folder = sys.argv[1], Path(sys.argv[2])
sys.path.insert(0, sys.argv[3])
import matplotlib.figure, sklearn.linear_model, sklearn.metrics, scipy.stats
import oxbert
from oxbert.training import DistillationConfig, Distiller, FineTuningConfig
from oxbert.training.data import ExampleDataset, write_examples
from oxbert.training.finetuning.few_shot import FewShotTuner
from oxbert.training.finetuning.sources import read_splits
from oxbert.training.finetuning.tasks.few_shot import FewShot
from oxbert.training.loop.checkpoints import list_checkpoints
from tests.python.training.runs import SETTINGS, TOKENIZER, texts, tuner, write_model

if kind == "distillation":
    text = [f"Return the {word} of the node, or raise an error. " * (1 + place % 3) for place, word in enumerate("abcdef" * 8)]
    (folder / "text").write_text("\\n".join(text))
    write_examples(folder / "text", folder / "examples", TOKENIZER, max_length=32)
    config = oxbert.ElectraConfig.from_pretrained(write_model(folder / "sizes"))
    oxbert.ElectraForMaskedLM(config, seed=1).save_pretrained(folder / "model")
    TOKENIZER.save_pretrained(folder / "model")
else:
    model = write_model(folder / "model")
rows = texts(12)
asked = [
    {"question": "what is it?", "context": f"It is {row['text']}.", "answers": row["text"] if place % 3 else []}
    for place, row in enumerate(rows)
]

def make(name, steps=16):
    options = {"train_steps": steps, "save_every": 1, "evaluate_every": 4, "batch_size": 4}
    if kind == "classification":
        return tuner(kind, model, {"train": rows, "dev": rows, "test": rows}, folder / name, **options)
    if kind == "question-answering":
        read = {"train": asked, "dev": asked, "test": asked}
        return tuner(kind, model, read, folder / name, max_length=24, doc_stride=8, **options)
    if kind == "few-shot":
        task = FewShot(rounds=5)
        config = FineTuningConfig(**{**SETTINGS, **task.defaults, **options})
        return FewShotTuner(task, config, model, read_splits(task, {"train": rows, "dev": rows}, "error").examples, folder / name)
    data = ExampleDataset(folder / "examples")
    config = DistillationConfig(warmup_steps=2, learning_rate=1e-3, seed=3, evaluation_batches=2, **options)
    return Distiller(config, data, folder / name, teacher=folder / "model", layers=1, held_out=data)

def begin(name):
    child = os.fork()
    if child == 0:
        make(name).train(progress=False)
        os._exit(0)
    return child

make("warm", 1).train(progress=False)
assert os.waitpid(begin("whole"), 0)[1] == 0
wait, kills, status = random.Random(1), 0, None
while kills < 8 and status != 0:
    place = folder / "killed" / "checkpoints"
    before, child = list_checkpoints(place)[-1:], begin("killed")
    deadline = time.monotonic() + 60
    while list_checkpoints(place)[-1:] == before and os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        assert time.monotonic() < deadline
        time.sleep(0.002)
    time.sleep(wait.random() * 0.02)
    os.kill(child, signal.SIGKILL)
    status = os.waitpid(child, 0)[1]
    assert status in (0, signal.SIGKILL), status
    kills += status != 0
if status != 0:
    assert os.waitpid(begin("killed"), 0)[1] == 0
print(kills)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["classification", "question-answering", "few-shot", "distillation"])
def test_kills_change_nothing(kind: str, tmp_path: Path) -> None:
    done = run([sys.executable, "-W", "ignore", "-c", KILLED, kind, tmp_path, ROOT], check=True)
    assert int(done.stdout.split()[-1]) >= 4
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert log_of(whole) == log_of(killed)

    def results(folder: Path) -> dict[str, bytes]:
        found = [path for path in folder.rglob("*") if path.is_file() and "checkpoints" not in path.parts]
        return {str(path.relative_to(folder)): path.read_bytes() for path in found if path.name != "log.jsonl"}

    assert results(whole).keys() == results(killed).keys() and "model/model.safetensors" in results(whole)
    for name, content in results(whole).items():
        assert content == results(killed)[name], name
