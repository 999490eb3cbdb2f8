"""Test threads, forks, Ctrl-C, and texts of 10 MB, in child processes if something might hang or use much memory."""

from __future__ import annotations

import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from . import processes
from .text_reference import VOCABULARY, WORDS, fresh

LINUX = pytest.mark.skipif(not os.path.exists("/proc/self/clear_refs"), reason="memory is measured with Linux's /proc")
FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system")


def run(script: str, *arguments: object) -> str:
    done = processes.run([sys.executable, "-c", script, VOCABULARY, *arguments])
    assert done.returncode == 0, f"{done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout


# Threads.


def test_threads_encode_while_others_add_tokens() -> None:
    ours, _ = fresh()
    size, count = len(WORDS), 40
    added = [f"<t{number}>" for number in range(count)]
    text = " ".join(["the", *added, "word"])
    finished = threading.Event()

    def encode(_: int) -> None:
        seen = 0
        while not finished.is_set():
            row = ours(text, return_offsets_mapping=True)
            # A row is encoded with one state of the tokenizer: a prefix of the added tokens is known.
            known = [identifier - size for identifier in row["input_ids"] if identifier >= size]
            assert known == list(range(len(known))) and len(known) >= seen
            seen = len(known)
            assert row.tokens()[1] == "the" and row.tokens()[-2] == "word"
            for token, (start, end) in zip(row.tokens(), row["offset_mapping"], strict=True):
                assert token[0] != "<" or text[start:end] == token
            assert len(ours([text] * 3, padding=True)["input_ids"]) == 3

    def add() -> None:
        for token in added:
            assert ours.add_tokens([token]) == 1
            ours.padding_side = "left" if token.endswith("0>") else "right"
        finished.set()

    with ThreadPoolExecutor(4) as pool:
        workers = [pool.submit(encode, number) for number in range(3)]
        pool.submit(add).result(timeout=60)
        for worker in workers:
            worker.result(timeout=60)
    assert ours.convert_tokens_to_ids(added) == list(range(size, size + count))


ADDERS = """
import sys, threading, oxbert
sys.setswitchinterval(1e-5)
for attempt in range(10):
    tokenizer = oxbert.ElectraTokenizer(sys.argv[1])
    size = len(tokenizer)
    def add(number):
        for token in range(10):
            assert tokenizer.add_tokens([f"<t{number}-{token}>"]) == 1
    def turn():
        for side in ["left", "right"] * 20 + ["left"]:
            tokenizer.padding_side = side
    threads = [threading.Thread(target=add, args=(number,)) for number in range(3)] + [threading.Thread(target=turn)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert len(tokenizer) == size + 30, f"{len(tokenizer) - size} of 30 tokens are there"
    assert sorted(tokenizer.get_vocab().values()) == list(range(size + 30))
    assert tokenizer.padding_side == "left"
"""


def test_threads_add_tokens_at_once() -> None:
    run(ADDERS)


# Forks.

FORK = """
import os, signal, sys, oxbert
tokenizer = oxbert.ElectraTokenizer(sys.argv[1])
texts = ["the word unaffable caf\u00e9 \u4e2d\u6587"] * 200
expected = tokenizer(texts)["input_ids"]
child = os.fork()
if child == 0:
    signal.alarm(30)
    same = tokenizer(texts)["input_ids"] == expected and tokenizer.add_tokens(["<x>"]) == 1
    same = same and oxbert.ElectraTokenizer(sys.argv[1])(texts, padding=True)["input_ids"] == expected
    os._exit(0 if same else 1)
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0, status
assert tokenizer(texts)["input_ids"] == expected and len(tokenizer) == tokenizer.vocab_size
"""
FORK_AFTER_A_STEP = """
import os, signal, sys, torch, oxbert
torch.set_num_threads(2)
tokenizer = oxbert.ElectraTokenizer(sys.argv[1])
config = oxbert.ElectraConfig(vocab_size=len(tokenizer), hidden_size=128, num_hidden_layers=1, intermediate_size=64)
networks = oxbert.PretrainingNetworks(
    None, config, special_ids=(2, 3, 4), max_predictions=3, seed=0, sharing="nothing"
)
# Dropout draws its numbers on the threads that tokenizers use too.
networks.step([[2, *[7] * 510, 3]] * 4, seed=0, step=0)
child = os.fork()
if child == 0:
    signal.alarm(30)
    os._exit(0 if len(tokenizer(["the word"] * 200)["input_ids"]) == 200 else 1)
_, status = os.waitpid(child, 0)
assert os.waitstatus_to_exitcode(status) == 0, status
"""
POOL = """
import multiprocessing, sys, oxbert
tokenizer = oxbert.DistilBertTokenizer(sys.argv[1])
tokenizer.add_tokens(["<x>"])
def encode(texts):
    return tokenizer(texts, return_offsets_mapping=True)["input_ids"]
def use(arguments):
    other, texts = arguments
    return other(texts)["input_ids"]
texts = ["the <x> word", "a", "caf\u00e9"] * 30
expected = encode(texts)
context = multiprocessing.get_context("fork")
with context.Pool(2) as pool:
    assert pool.map_async(encode, [texts] * 4).get(30) == [expected] * 4
    # Pickled on its way.
    assert pool.map_async(use, [(tokenizer, texts)] * 4).get(30) == [expected] * 4
"""


@FORKS
@pytest.mark.parametrize(
    "script", [FORK, FORK_AFTER_A_STEP, POOL], ids=["fork", "fork after a step", "multiprocessing"]
)
def test_a_forked_child_can_use_the_tokenizer(script: str) -> None:
    run(script)


FORK_WHILE_ADDING = """
import os, signal, sys, threading, time, oxbert
tokenizer = oxbert.ElectraTokenizer(sys.argv[1])
many = [f"<token {number}>" for number in range(200_000)]
thread = threading.Thread(target=tokenizer.add_tokens, args=(many,))
thread.start()
while thread.is_alive():
    time.sleep(0.05)
    child = os.fork()
    if child == 0:
        signal.alarm(3)
        os._exit(0 if tokenizer("the word").tokens()[1] == "the" else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0, f"the child ended with {os.waitstatus_to_exitcode(status)}"
thread.join()
assert len(tokenizer) == tokenizer.vocab_size + len(many)
"""


@FORKS
def test_a_fork_while_another_thread_adds_tokens_does_not_hang() -> None:
    run(FORK_WHILE_ADDING)


# Ctrl-C. The interrupt comes soon after the start of work that would take long.

INTERRUPT = """
import json, os, signal, sys, threading, time, oxbert
tokenizer = oxbert.ElectraTokenizer(sys.argv[1])
kind = sys.argv[2]
if kind == "batch":
    texts, options = ["the word unaffable caf\u00e9 \u4e2d\u6587 " * 2000] * 20000, {}
elif kind == "pairs":
    texts, options = [("the word " * 2000, "a word " * 2000)] * 20000, {"truncation": True, "max_length": 64}
elif kind == "words":
    texts, options = [["the", "word unaffable"] * 5000] * 1000, {"is_split_into_words": True}
elif kind == "one":
    texts, options = "\U0001d165\U0001d16d" * 25_000_000, {}
elif kind == "added":
    tokenizer.add_tokens(["newtok"])
    texts, options = "caf\u00e9s " * 30_000_000, {"truncation": True, "max_length": 9}
elif kind.startswith("other"):
    # A pipeline that is not BERT's, which the crate tokenizers runs without asking whether to go on.
    folder = sys.argv[3]
    tokenizer.save_pretrained(folder)
    with open(folder + "/tokenizer.json", encoding="utf-8") as file:
        whole = json.load(file)
    whole["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "NFKC"}, {"type": "Lowercase"}]}
    whole["pre_tokenizer"] = {"type": "Whitespace"}
    with open(folder + "/tokenizer.json", "w", encoding="utf-8") as file:
        json.dump(whole, file)
    tokenizer = oxbert.ElectraTokenizer.from_pretrained(folder)
    # One text of 7 MB, or many of a fifth of that, each of which is too long to wait for too.
    long, options = "the word unaffable caf\u00e9 \u4e2d\u6587 " * 200_000, {}
    texts = long if kind == "other" else [long[: len(long) // 5]] * 20
sent = []
def interrupt():
    sent.append(time.monotonic())
    os.kill(os.getpid(), signal.SIGINT)
timer = threading.Timer(0.3, interrupt)
timer.start()
try:
    if kind == "other, learning":
        tokenizer.train_new_from_iterator(texts, 100)
    else:
        tokenizer(texts, **options)
except KeyboardInterrupt:
    assert sent, "interrupted before the signal"
    waited = time.monotonic() - sent[0]
    assert waited < 3, f"{waited} s after the signal"
    # And it still works.
    assert tokenizer("the word").tokens() == ["[CLS]", "the", "word", "[SEP]"]
    print("waited", round(waited, 3))
else:
    raise SystemExit("it was over before the signal, or did not care")
"""


KINDS = ["batch", "pairs", "words", "one", "added", "other", "other, many", "other, learning"]


@pytest.mark.parametrize("kind", KINDS)
def test_ctrl_c_interrupts_tokenization(kind: str, tmp_path: Path) -> None:
    assert "waited" in run(INTERRUPT, kind, tmp_path)


# Texts of 10 MB.

GROW = """
import sys, time, oxbert
sys.stdin = None
unit, mode = sys.argv[2].encode().decode("unicode_escape"), sys.argv[3]
text = unit * (10_000_000 // len(unit.encode()))
tokenizer = oxbert.ElectraTokenizer(sys.argv[1])
tokenizer("the [MASK] caf\u00e9")
options = {} if mode == "whole" else {"truncation": True, "max_length": 128}
if mode == "added":
    tokenizer.add_tokens(["newtok"])
def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
# Reset the recorded peak.
with open("/proc/self/clear_refs", "w") as clear:
    clear.write("5")
before, begin = peak(), time.monotonic()
row = tokenizer(text, **options)
print(peak() - before, time.monotonic() - begin, len(row["input_ids"]))
"""
UNITS = {
    "words": "the word unaffable ",
    "letters": "a",
    "chinese": "\u4e2d\u6587",
    "hangul": "\ud55c\uad6d",
    "marks": "e\u0301",
    "emoji": "\U0001f600",
    "stems": "\U0001d165\U0001d16d",
    "spaces": " ",
    "nothing": "\0",
    "brackets": "[",
    "masks": "[MASK] ",
}


def memory_for(unit: str, mode: str) -> float:
    megabytes, seconds, tokens = map(float, run(GROW, unit.encode("unicode_escape").decode(), mode).split())
    assert seconds < 30
    assert mode == "whole" or tokens <= 128
    return megabytes


@LINUX
@pytest.mark.parametrize("kind", UNITS)
def test_truncating_a_long_text_needs_little_memory(kind: str) -> None:
    # Of these, 10 MB are the UTF-8 form of the text, which Python creates.
    assert memory_for(UNITS[kind], "cut") < 60


@LINUX
@pytest.mark.parametrize("kind", ["words", "chinese", "hangul", "stems"])
def test_a_long_text_needs_a_small_multiple_of_its_memory(kind: str) -> None:
    # Added tokens are searched in the normalised text, so the whole text is normalised.
    assert memory_for(UNITS[kind], "added") < 250
    assert memory_for(UNITS[kind], "whole") < 400
