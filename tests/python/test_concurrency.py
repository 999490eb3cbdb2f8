"""Test models and tokenizers in threads and forked processes."""

from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch

import oxbert

from .processes import run
from .reference import fresh


def large() -> oxbert.ElectraForMaskedLM:
    """Return a model whose forward pass takes a good part of a second on long rows."""
    config = oxbert.ElectraConfig(vocab_size=2000, num_hidden_layers=6)
    return oxbert.ElectraForMaskedLM(config, seed=0).eval()


def test_other_threads_run_during_a_forward_pass() -> None:
    model, ids = large(), np.full((8, 256), 7)
    steps: list[float] = []
    started, finished = threading.Event(), threading.Event()

    def count() -> None:
        started.wait()
        while not finished.is_set():
            steps.append(time.perf_counter())
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    started.set()
    begin = time.perf_counter()
    model(ids)
    end = time.perf_counter()
    finished.set()
    thread.join()
    # Look at the middle half of the pass only, in which no Python code runs.
    quarter = (end - begin) / 4
    inside = sum(begin + quarter < step < end - quarter for step in steps)
    assert inside >= 3, f"{inside} steps of another thread in {end - begin:.2f} s"


@pytest.mark.parametrize("kind", ["numpy", "torch"])
@pytest.mark.parametrize("name", ["ElectraForPreTraining", "DistilBertForSequenceClassification"])
def test_many_threads_share_a_model(kind: str, name: str) -> None:
    model = fresh(name)
    rows: list[Any] = [np.random.default_rng(seed).integers(0, 50, (3, 8)) for seed in range(8)]
    if kind == "torch":
        rows = [torch.tensor(row) for row in rows]
    expected = [torch.as_tensor(model(row).logits).detach() for row in rows]

    def work(place: int) -> None:
        for _ in range(20):
            got = model(rows[place]).logits
            assert torch.equal(torch.as_tensor(got).detach(), expected[place])
            assert not isinstance(got, torch.Tensor) or got.requires_grad

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))


def test_threads_change_read_and_call_one_model(config: oxbert.ElectraConfig) -> None:
    model = oxbert.ElectraForTokenClassification(config, seed=0).eval()
    expected = model([[1, 2, 3]]).logits
    state = {name: value.clone() for name, value in model.state_dict().items()}

    def work(place: int) -> None:
        for _ in range(15):
            match place % 4:
                case 0:
                    np.testing.assert_array_equal(model([[1, 2, 3]]).logits, expected)
                case 1:
                    model.load_state_dict(state)
                case 2:
                    assert model.num_parameters() > 0 and "0-1 (2 times)" in repr(model)
                case 3:
                    assert model.config == config and len(model.named_parameters()) == len(state)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))


def test_threads_train_a_model_and_infer_its_problem_type() -> None:
    model = fresh("DistilBertForSequenceClassification", "three-labels")
    ids, labels = torch.tensor([[1, 2, 3], [4, 5, 6]]), torch.tensor([0, 2])
    parameters = model.parameters()

    def gradients() -> tuple[torch.Tensor, ...]:
        return torch.autograd.grad(model(ids, labels=labels).loss, parameters)

    def work(_: int) -> None:
        for _ in range(5):
            for got, expected in zip(gradients(), once, strict=True):
                torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-6)

    once = gradients()
    model.config.problem_type = None
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(8)))
    assert model.config.problem_type == "single_label_classification"


def test_threads_share_a_tokenizer() -> None:
    tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
    texts = ["A list of words, and another."] * 50
    expected = tokenizer(texts)
    with ThreadPoolExecutor(8) as pool:
        assert all(got == expected for got in pool.map(lambda _: tokenizer(texts), range(16)))


PREPARE = """
import os, signal, sys, tempfile
import numpy as np
import oxbert

config = oxbert.ElectraConfig(vocab_size=500, num_hidden_layers=2)
model = oxbert.ElectraForMaskedLM(config, seed=0).eval()
tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
ids = np.full((8, 128), 7)
expected = model(ids).logits
with tempfile.TemporaryDirectory() as folder:
    model.save_pretrained(folder)
    frozen = oxbert.ElectraForMaskedLM.from_pretrained(folder, trainable=False)
same = frozen(ids).logits
tokenizer(["a text"] * 100)

def check():
    tokenizer(["a text"] * 100)
    assert np.abs(model(ids).logits - expected).max() <= 1e-5
    assert (frozen(ids).logits == same).all()
"""
FORK = """
child = os.fork()
if child == 0:
    try:
        check()
    except BaseException as error:
        print(error, file=sys.stderr, flush=True)
        os._exit(1)
    os._exit(0)
_, status = os.waitpid(child, 0)
assert status == 0, status
check()
"""
POOL = """
import multiprocessing
import warnings
warnings.simplefilter("ignore", DeprecationWarning)
context = multiprocessing.get_context("fork")
processes = [context.Process(target=check) for _ in range(2)]
for process in processes:
    process.start()
for process in processes:
    process.join()
    assert process.exitcode == 0, process.exitcode
"""
TRAIN = """
import torch
loss = model(torch.from_numpy(ids)).logits.square().mean()
loss.backward()
"""


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="there is no fork on this system")
@pytest.mark.parametrize("script", [FORK, POOL, TRAIN + FORK], ids=["fork", "multiprocessing", "fork-after-backward"])
def test_a_forked_child_can_use_the_model(script: str) -> None:
    run([sys.executable, "-c", PREPARE + script], seconds=30, check=True)


BUSY = """
import threading, time
child = 0
stop = False
def work():
    while not stop:
        model(ids)
thread = threading.Thread(target=work)
thread.start()
time.sleep(0.2)
for _ in range(8):
    child = os.fork()
    if child == 0:
        # The thread that held the model is not in the child: expect the right result or a clear error, never a hang.
        try:
            check()
        except oxbert.OxbertError as error:
            os._exit(0 if "forked" in str(error) else 1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0, status
stop = True
thread.join()
"""


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="there is no fork on this system")
def test_a_fork_during_a_forward_pass_does_not_hang() -> None:
    script = PREPARE + "import warnings\nwarnings.simplefilter('ignore')\n" + BUSY
    run([sys.executable, "-c", script], seconds=60, check=True)


def test_calling_a_model_from_its_own_forward_pass_raises(config: oxbert.ElectraConfig) -> None:
    model = oxbert.ElectraModel(config, seed=0).eval()
    ids = torch.tensor([[1, 2, 3]])
    errors = []

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        try:
            model(ids)
        except oxbert.errors.InputError as error:
            errors.append(str(error))
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        model(ids)
    assert errors and all("own forward pass" in error for error in errors)
