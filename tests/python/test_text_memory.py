"""Results that take more memory than there is: an error of ours, in a process that may not have more."""

from __future__ import annotations

import sys

import pytest

import oxbert

from . import processes
from .text_reference import VOCABULARY

resource = pytest.importorskip("resource", reason="memory is limited with Unix's setrlimit")

LIMITED = """
import resource, sys, oxbert
from oxbert.errors import OutOfMemory, OxbertError
t = oxbert.ElectraTokenizer(sys.argv[1])
t(["the word"] * 300, padding=True)
with open("/proc/self/statm") as statm:
    used = int(statm.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (int(sys.argv[2]) << 20),) * 2)
many = ["a"] * 20_000
long = "the word " * 60_000
pair = "a " * 3_000
try:
    {call}
except OxbertError as error:
    assert type(error).__name__ == "{kind}", repr(error)
    assert not isinstance(error, OutOfMemory) or isinstance(error, MemoryError) and error.what, repr(error)
    print(type(error).__name__, error)
else:
    raise SystemExit("there was memory")
# What came before is untouched, and all goes on.
assert t("the word").tokens() == ["[CLS]", "the", "word", "[SEP]"]
assert len(t(many[:100], padding="max_length", max_length=100)["input_ids"][0]) == 100
"""
WINDOWS = "truncation=True, return_overflowing_tokens=True"
CALLS = [
    ('t(many, padding="max_length", max_length=2**20)', "OutOfMemory"),
    ('t(many, padding="max_length", max_length=2**13, return_tensors="np")', "OutOfMemory"),
    ('t(many, padding="max_length", max_length=2**13, padding_side="left")', "OutOfMemory"),
    ("t(many, padding=True, pad_to_multiple_of=2**20)", "OutOfMemory"),
    ('t(["a"], padding=True, pad_to_multiple_of=2**40)', "InputError"),
    ('t(["a"], padding="max_length", max_length=2**40)', "InputError"),
    (f"t(long, max_length=60_000, stride=59_997, {WINDOWS})", "OutOfMemory"),
    (f"t(long, max_length=60_000, stride=59_997, {WINDOWS}, return_tensors='np')", "OutOfMemory"),
    (f"t(pair, pair, max_length=9, stride=2, {WINDOWS})", "OutOfMemory"),
    # A length is what an object says.
    ("t.build_inputs_with_special_tokens(range(10**12))", "OutOfMemory"),
    ("t.create_token_type_ids_from_sequences([1], range(10**12))", "OutOfMemory"),
    ("t.get_special_tokens_mask(range(10**12))", "OutOfMemory"),
    ("t.decode(range(10**12))", "OutOfMemory"),
    ("t.convert_ids_to_tokens(range(10**12))", "OutOfMemory"),
    ("t.convert_tokens_to_ids(range(10**12))", "OutOfMemory"),
    ("t.convert_tokens_to_string(range(10**12))", "OutOfMemory"),
]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the memory in use is read from Linux's /proc")
@pytest.mark.parametrize(("call", "kind"), CALLS)
@pytest.mark.parametrize("megabytes", [300, 12_000])
def test_a_size_that_is_too_large_is_an_error(call: str, kind: str, megabytes: int) -> None:
    # With much memory only the largest sizes are tried: the others would fit, and take long.
    if megabytes > 1000 and not ("2**20)" in call or "2**40" in call or "10**12" in call):
        return
    done = processes.run([sys.executable, "-c", LIMITED.format(call=call, kind=kind), VOCABULARY, megabytes])
    assert done.returncode == 0, f"{done.returncode}: {done.stdout}{done.stderr[-2000:]}"
    assert kind in done.stdout


PICKLED = """
import pickle, resource, sys, oxbert
from oxbert.errors import OutOfMemory
t = oxbert.ElectraTokenizer(sys.argv[1])
rows = t(["the word"] * 2000, padding="max_length", max_length=2000, return_tensors="np").encodings
with open("/proc/self/statm") as statm:
    used = int(statm.read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (20 << 20),) * 2)
try:
    pickle.dumps(rows)
except OutOfMemory as error:
    print("refused", error)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the memory in use is read from Linux's /proc")
def test_rows_that_are_too_large_to_pickle() -> None:
    done = processes.run([sys.executable, "-c", PICKLED, VOCABULARY])
    assert done.returncode == 0 and "refused" in done.stdout, f"{done.returncode}: {done.stdout}{done.stderr[-2000:]}"


@pytest.mark.parametrize("size", [1 << 20, 1 << 31, (1 << 32) - 2])
def test_a_learnt_vocabulary_takes_what_its_texts_need(size: int) -> None:
    tokenizer = oxbert.ElectraTokenizer(VOCABULARY)
    texts = ["the cat sat", "\ufdfa on the mats", "", "abc" * 30]
    learnt = tokenizer.train_new_from_iterator(texts, size)
    # The ids of pieces of equal rank are drawn anew each time.
    assert learnt.get_vocab().keys() == tokenizer.train_new_from_iterator(texts, 1000).get_vocab().keys()
