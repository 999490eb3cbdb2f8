"""Ctrl-C ends long work as `KeyboardInterrupt`, soon, through every door. `tests/it/interrupt.rs` has each loop."""

from __future__ import annotations

import json
import sys

import pytest

from .processes import run

# Each call takes many times as long as an interrupt may.
PROGRAM = """
import json, os, signal, sys, threading, time
import oxbert
WORK = sys.argv[1]
signal.signal(signal.SIGINT, signal.default_int_handler)
sizes = {"vocab_size": 3000, "hidden_size": 256, "num_attention_heads": 4, "intermediate_size": 1024}
config = oxbert.ElectraConfig(num_hidden_layers=60, **sizes)
rows = [[7] * 512] * 8
if WORK == "lists, the first call":
    model = oxbert.ElectraModel(config, seed=0)
    call = lambda: model(rows)
elif WORK == "labels and hidden states":
    import torch
    model = oxbert.ElectraForMaskedLM(config, seed=0)
    ids = torch.tensor(rows)
    call = lambda: model(ids, labels=ids, output_hidden_states=True)
elif WORK == "a module":
    import torch, oxbert.torch
    module, ids = oxbert.torch.Module(oxbert.ElectraModel(config, seed=0)), torch.tensor(rows)
    call = lambda: module(ids)
elif WORK == "a pipeline":
    fill = oxbert.FillMask.from_pretrained("electra-tiny-generator")
    texts = [f"The {number} [MASK] returns a list of names and of numbers, and so on." for number in range(20000)]
    call = lambda: fill(texts)
elif WORK == "a step":
    networks = oxbert.PretrainingNetworks(
        None, config, special_ids=(2, 3, 4), max_predictions=19, seed=0, sharing="nothing"
    )
    call = lambda: networks.step(rows, seed=0, step=0)
elif WORK == "a fresh model":
    huge = oxbert.ElectraConfig(hidden_size=768, num_attention_heads=12, intermediate_size=3072, num_hidden_layers=100)
    call = lambda: oxbert.ElectraModel(huge, seed=0)
elif WORK == "a vocabulary":
    import tempfile
    folder = tempfile.TemporaryDirectory()
    path = folder.name + "/vocab.txt"
    with open(path, "w") as file:
        file.write("\\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{number}" for number in range(4000000))]))
    call = lambda: oxbert.ElectraTokenizer(path)
elif WORK in ("ids", "tokens", "a text", "a pair of rows"):
    tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
    call = {
        "ids": lambda tokens=["the"] * 30000000: tokenizer.convert_tokens_to_ids(tokens),
        "tokens": lambda ids=[7] * 30000000: tokenizer.convert_ids_to_tokens(ids),
        "a text": lambda tokens=["the"] * 20000000: tokenizer.convert_tokens_to_string(tokens),
        "a pair of rows": lambda ids=[[7] * 10000000] * 2: tokenizer.batch_decode(ids),
    }[WORK]
elif WORK == "nested lists":
    small = oxbert.ElectraConfig(num_hidden_layers=1, hidden_size=4, embedding_size=4, num_attention_heads=1)
    model, many = oxbert.ElectraModel(small, seed=0), [[7] * 512 for _ in range(20000)]
    call = lambda: model(many)
elif WORK == "candidates":
    fill = oxbert.FillMask.from_pretrained("electra-tiny-generator")
    call = lambda: fill(["a [MASK] b"] * 150, top_k=10**6)
elif WORK == "a pickle":
    import pickle
    large = oxbert.ElectraConfig(
        hidden_size=1024, embedding_size=1024, num_attention_heads=16, intermediate_size=4096, num_hidden_layers=16
    )
    model = oxbert.ElectraModel(large, seed=0)
    call = lambda: pickle.loads(pickle.dumps(model))
sent = []
def send():
    sent.append(time.monotonic())
    os.kill(os.getpid(), signal.SIGINT)
threading.Timer(float(sys.argv[2]), send).start()
begun = time.monotonic()
try:
    call()
    print(json.dumps(["finished", time.monotonic() - begun]))
except BaseException as error:
    print(json.dumps([type(error).__name__, time.monotonic() - sent[0]]))
# What was interrupted can be used again.
if WORK == "lists, the first call":
    assert model([[1, 2]]).last_hidden_state.shape == (1, 2, 256)
"""
WORKS = [
    *("lists, the first call", "labels and hidden states", "a module", "a pipeline", "a step", "a fresh model"),
    *("a vocabulary", "ids", "tokens", "a text", "a pair of rows", "nested lists", "candidates", "a pickle"),
]


@pytest.mark.parametrize("work", WORKS)
def test_control_c_ends_a_call(work: str) -> None:
    done = run([sys.executable, "-c", PROGRAM, work, "0.5"], seconds=100, check=True)
    raised, seconds = json.loads(done.stdout.splitlines()[-1])
    assert raised == "KeyboardInterrupt", (raised, seconds)
    # Half a second, or one operation, on machines that do other things too.
    assert seconds < 2
