"""Test faults while writing examples: kills, full disks, damaged files, invalid texts, and the use of memory."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import random
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from oxbert.errors import DataError, FileError, InputError, MissingDependencyError, MissingFileError
from oxbert.training.data import ExampleDataset, write_examples, writing
from oxbert.training.data.documents import Batch, Divider, batches, tokenized
from oxbert.training.data.reading_text import Block, Place

from .full_disk import small_files
from .pretrain_data_reference import VOCABULARY, content, corpus, rows, tokenizer
from .processes import run

OPTIONS: dict[str, Any] = {"max_length": 32, "part_tokens": 8_000, "held_out": 0.2, "seed": 7}
LINUX = pytest.mark.skipif(not os.path.exists("/proc/self/clear_refs"), reason="memory is measured with Linux's /proc")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write four files, so that batches end in several places."""
    folder = tmp_path_factory.mktemp("corpus")
    for number in range(4):
        (folder / f"{number}.txt").write_text(corpus(40, seed=number), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def expected(source: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("expected") / "out"
    write_examples(source, folder, tokenizer(), **OPTIONS)
    return content(folder)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make batches small and progress records frequent, so that a small corpus has many stopping points."""
    monkeypatch.setattr("oxbert.training.data.documents.BATCH", 3_000)
    monkeypatch.setattr("oxbert.training.data.reading_text.BLOCK", 4_000)
    monkeypatch.setattr(writing, "FLUSH", 5_000)


def assert_unfinished(folder: Path) -> None:
    """Check that the folder is not accepted as a finished one."""
    with pytest.raises(MissingFileError, match=r"is not finished|has no dataset.json"):
        ExampleDataset(folder)


# Interruptions.

KILLED = """
import json, os, random, signal, sys, time
import oxbert
from oxbert.training.data import ExampleDataset, documents, reading_text, writing, write_examples
documents.BATCH, reading_text.BLOCK, writing.FLUSH = 30_000, 40_000, 50_000
source, folder, options = sys.argv[1], sys.argv[2], json.loads(sys.argv[4])
tokenizer = oxbert.ElectraTokenizer(sys.argv[3])

def run(target):
    child = os.fork()
    if child == 0:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            write_examples(source, target, tokenizer, **options)
        except KeyboardInterrupt:
            os._exit(2)
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(1)
        os._exit(0)
    return child

begin = time.monotonic()
assert os.waitpid(run(f"{folder}/whole"), 0)[1] == 0
took = time.monotonic() - begin
chance, stopped = random.Random(int(sys.argv[5])), 0
for attempt in range(10):
    target = f"{folder}/{attempt}"
    for signal_number in (signal.SIGKILL, signal.SIGINT if attempt % 2 else signal.SIGKILL):
        child = run(target)
        time.sleep(chance.uniform(0, took))
        os.kill(child, signal_number)
        status = os.waitpid(child, 0)[1]
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) in (0, 2), status
        stopped += status != 0
    assert os.waitpid(run(target), 0)[1] == 0
# And examples are read in a forked child.
dataset = ExampleDataset(f"{folder}/whole")
child = os.fork()
if child == 0:
    os._exit(0 if sum(len(row["input_ids"]) for row in dataset) == dataset.manifest.tokens else 1)
assert os.waitpid(child, 0)[1] == 0
print(stopped)
"""


def test_killed_runs_resume_to_the_same_bytes(tmp_path: Path) -> None:
    source = tmp_path / "corpus.txt"
    source.write_text(corpus(700), encoding="utf-8")
    options = json.dumps(OPTIONS | {"part_tokens": 60_000})
    arguments = [source, tmp_path / "out", VOCABULARY, options, random.randrange(1000)]
    (tmp_path / "out").mkdir()
    done = run([sys.executable, "-W", "ignore", "-c", KILLED, *arguments])
    assert done.returncode == 0, f"chance {arguments[-1]}: {done.stdout}{done.stderr}"
    assert int(done.stdout) >= 5, "too few runs were stopped"
    whole = content(tmp_path / "out" / "whole")
    for attempt in range(10):
        assert content(tmp_path / "out" / str(attempt)) == whole, f"chance {arguments[-1]}, attempt {attempt}"


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
def test_runs_interrupted_at_any_file_resume(
    small: None, after: bool, shuffle: bool, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace, chance = os.replace, random.Random(3)
    is_now: Callable[[], bool]

    def stop(old: Path, new: Path) -> None:
        stopped = is_now()
        if not stopped or after:
            replace(old, new)
        if stopped:
            raise KeyboardInterrupt

    def run(folder: str) -> int:
        for stops in range(200):
            with suppress(KeyboardInterrupt):
                write_examples(source, tmp_path / folder, tokenizer(), shuffle=shuffle, **OPTIONS)
                return stops
        return 200

    assert run("whole") == 0
    monkeypatch.setattr(os, "replace", stop)
    is_now = lambda: chance.random() < 0.3  # noqa: E731
    assert run("often") > 5 and content(tmp_path / "often") == content(tmp_path / "whole")
    for nth in (1, 4, 9, 13):
        numbers = itertools.count()
        is_now = lambda: next(numbers) == nth  # noqa: B023, E731
        assert run(f"at {nth}") == 1 and content(tmp_path / f"at {nth}") == content(tmp_path / "whole")


def test_damaged_work_files_are_rebuilt(small: None, source: Path, expected: dict[str, bytes], tmp_path: Path) -> None:
    def stop_at(number: int) -> Callable[[writing.Progress], None]:
        def track(progress: writing.Progress) -> None:
            if progress.phase == "writing" and progress.done == number:
                raise KeyboardInterrupt

        return track

    for damage in ("bucket", "part", "short"):
        folder = tmp_path / damage
        with pytest.raises(KeyboardInterrupt):
            write_examples(source, folder, tokenizer(), track=stop_at(3), **OPTIONS)
        assert_unfinished(folder)
        pattern = "part-*.arrow" if damage == "part" else ".unfinished/train-*.bucket"
        path = sorted(folder.glob(pattern))[-1]
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data[: len(data) // 2] if damage == "short" else data)
        write_examples(source, folder, tokenizer(), **OPTIONS)
        assert content(folder) == expected


def test_resuming_with_other_arguments_or_sources_is_refused(source: Path, tmp_path: Path) -> None:
    def stop(progress: writing.Progress) -> None:
        if progress.phase == "writing":
            raise KeyboardInterrupt

    path = tmp_path / "corpus.txt"
    path.write_bytes((source / "0.txt").read_bytes())
    with pytest.raises(KeyboardInterrupt):
        write_examples(path, tmp_path / "out", tokenizer(), track=stop, **OPTIONS)
    with pytest.raises(InputError, match=r"seed was 7, is 8.*use another folder, or overwrite"):
        write_examples(path, tmp_path / "out", tokenizer(), **OPTIONS | {"seed": 8})
    path.write_bytes((source / "0.txt").read_bytes())
    os.utime(path, ns=(1, 1))
    with pytest.raises(InputError, match="the sources have changed"):
        write_examples(path, tmp_path / "out", tokenizer(), **OPTIONS)
    write_examples(path, tmp_path / "out", tokenizer(), overwrite=True, **OPTIONS)


def test_a_second_process_is_refused(source: Path, tmp_path: Path) -> None:
    seen = []

    def second(progress: writing.Progress) -> None:
        with pytest.raises(InputError, match="another process"):
            write_examples(source, tmp_path / "out", tokenizer(), **OPTIONS)
        seen.append(progress)

    write_examples(source, tmp_path / "out", tokenizer(), track=second, **OPTIONS)
    assert {progress.phase for progress in seen} == {"reading", "writing"}
    assert seen[-1].done == seen[-1].total and seen[-1].documents == 160


def test_a_full_disk_leaves_no_finished_folder(
    small: None, source: Path, expected: dict[str, bytes], tmp_path: Path
) -> None:
    for limit in (0, 10, 500, 9_000, 15_000, 20_000, 30_000):
        with small_files(limit), pytest.raises(FileError, match="cannot write") as caught:
            write_examples(source, tmp_path / "out", tokenizer(), **OPTIONS)
        assert caught.value.action == "write" and caught.value.errno  # type: ignore[attr-defined]
        assert_unfinished(tmp_path / "out")
        assert not list(tmp_path.rglob("*.new"))
    write_examples(source, tmp_path / "out", tokenizer(), **OPTIONS)
    assert content(tmp_path / "out") == expected


# Damage.


def test_damaged_folders_are_refused(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    write_examples(source / "0.txt", folder, tokenizer(), max_length=32)
    part, manifest = folder / "part-00000.arrow", folder / "dataset.json"
    whole, described = part.read_bytes(), manifest.read_bytes()
    chance = random.Random(0)
    for _ in range(300):
        data = bytearray(whole)
        data[chance.choice([chance.randrange(len(data)), chance.randrange(900), -1 - chance.randrange(900)])] ^= 1
        part.write_bytes(data)
        with pytest.raises(DataError, match="checksum") as caught:
            ExampleDataset(folder)
        assert caught.value.path == str(part)  # type: ignore[attr-defined]
        with suppress(DataError):
            assert len(list(ExampleDataset(folder, verify=False))) > 0
    for other in (b"", whole[:-1], whole + b"x"):
        part.write_bytes(other)
        with pytest.raises(DataError, match=f"expected {len(whole)} bytes, got {len(other)}"):
            ExampleDataset(folder)
    part.unlink()
    with pytest.raises(MissingFileError, match=r"part-00000.arrow"):
        ExampleDataset(folder)
    part.write_bytes(whole)
    table = json.loads(described)
    changes: list[dict[str, Any]] = [
        {"format": "x"}, {"version": 2}, {"examples": 3}, {"parts": 7}, {"parts": [{}]}, {"vocabulary": {}},
        {"parts": [table["parts"][0] | {"file": "../part-00000.arrow"}]}, {"parts": [table["parts"][0] | {"bytes": -1}]},
    ]  # fmt: skip
    for change in changes:
        manifest.write_text(json.dumps(table | change))
        with pytest.raises(DataError):
            ExampleDataset(folder)
    for other in (b"", b"[]", b"\xff", b"{" * 100_000, described[:-9]):
        manifest.write_bytes(other)
        with pytest.raises(DataError, match=r"dataset.json"):
            ExampleDataset(folder)
    manifest.write_bytes(described)
    assert len(ExampleDataset(folder))


def test_errors_name_the_place_of_bad_texts(tmp_path: Path) -> None:
    good = '{"text": "the word"}\n'
    packed = gzip.compress(b"the word\n" * 100)
    table = tmp_path / "good.parquet"
    pa.parquet.write_table(pa.table({"text": ["the", None], "number": [1, 2]}), table)
    cases: list[tuple[str, bytes, dict[str, Any], str]] = [
        ("a.txt", b"the\n\nword\nw\xffrd\n", {"line": 4}, "byte 0xff is not UTF-8"),
        ("b.jsonl", (good * 2 + "{").encode(), {"line": 3}, "expected JSON"),
        ("c.jsonl", b"[" * 200_000, {"line": 1}, "expected JSON"),
        ("d.jsonl", (good + '{"txt": 1}').encode(), {"line": 2}, "'text', got an object with \\['txt'\\]"),
        ("e.jsonl", (good + '{"text": 1}').encode(), {"line": 2}, "expected an object"),
        ("f.jsonl", b"[1]", {"line": 1}, "got list"),
        ("g.jsonl", b'{"text": "\\ud800"}', {"line": 1}, "surrogate"),
        ("h.txt.gz", packed[:-4], {}, "gzip"),
        ("i.txt.gz", packed[:20], {}, "gzip|cannot be read"),
        ("j.txt.gz", b"the word", {}, "cannot be read"),
        ("k.txt.gz", packed[:-8] + b"\0" * 8, {}, "cannot be read"),
        ("l.parquet", b"PAR1 no PAR1", {}, "cannot be read"),
        ("m.parquet", b"", {}, "cannot be read"),
        ("n.parquet", table.read_bytes()[:-40] + table.read_bytes()[-30:], {}, "cannot be read"),
        ("o.parquet", table.read_bytes(), {"record": 1}, "got none"),
    ]
    for name, data, place, reason in cases:
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(DataError, match=reason) as caught:
            write_examples(path, tmp_path / "out", tokenizer(), overwrite=True)
        details = caught.value.details
        assert details["path"] == str(path) and {"line", "record"} & details.keys() == place.keys(), name
        assert place.items() <= details.items() and "\n" not in str(caught.value), name
        assert_unfinished(tmp_path / "out")
    for field, reason in [("word", "expected a column 'word', found text, number"), ("number", "got int64")]:
        with pytest.raises(DataError, match=reason):
            write_examples(table, tmp_path / "out", tokenizer(), text_field=field, overwrite=True)
    for name in ("a.txt", "g.jsonl"):
        write_examples(tmp_path / name, tmp_path / f"{name} out", tokenizer(), invalid_text="replace", limit=3)
    texts = [tokenizer().decode(list(row), skip_special_tokens=True) for row, _ in rows(tmp_path / "a.txt out")]
    assert sorted(texts) == ["the", "word wrd"]
    for name in ("x.zst", "x.tar.gz", "x.parquet.gz"):
        (tmp_path / name).write_bytes(b"")
        with pytest.raises(InputError, match="expected text, JSON lines or Parquet"):
            write_examples(tmp_path / name, tmp_path / "out", tokenizer())
    for text in ("", "\n\n \n", "\u200b\n"):
        (tmp_path / "empty").write_text(text)
        with pytest.raises(InputError, match="found none"):
            write_examples(tmp_path / "empty", tmp_path / "none", tokenizer())
        assert_unfinished(tmp_path / "none")
    (tmp_path / "one").write_text("the word")
    with pytest.raises(InputError, match="all is held out"):
        write_examples(tmp_path / "one", tmp_path / "all", tokenizer(), held_out=1 - 1e-12)


def test_missing_packages_are_named(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, options in [("pyarrow", {}), ("tokenizers", {"vocab_size": 50})]:
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, name, None)
            with pytest.raises(MissingDependencyError, match=r'pip install "oxbert\[train\]"') as caught:
                write_examples(source, tmp_path / "out", None if options else tokenizer(), **options)
            assert caught.value.name == name  # type: ignore[attr-defined]


# Memory.

MEMORY = """
import re, sys
import oxbert
from oxbert.training.data import ExampleDataset, write_examples

def status(name):
    return int(re.search(rf"{name}:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024

tokenizer = oxbert.ElectraTokenizer(sys.argv[3])
write_examples(sys.argv[1], sys.argv[2] + "/warm", tokenizer, limit=50)
open("/proc/self/clear_refs", "w").write("5")
before = status("VmRSS")
manifest = write_examples(sys.argv[1], sys.argv[2] + "/out", tokenizer)
assert manifest.tokens > 10_000_000, manifest.tokens
print(status("VmHWM") - before)
"""


@LINUX
@pytest.mark.slow
def test_memory_is_bounded(tmp_path: Path) -> None:
    block = corpus(700)
    with open(tmp_path / "corpus.txt", "w", encoding="utf-8") as file:
        while file.tell() < 50_000_000:
            file.write(f"{file.tell()}\n{block}\n\n")
    done = run([sys.executable, "-c", MEMORY, tmp_path / "corpus.txt", tmp_path, VOCABULARY], check=True)
    assert float(done.stdout) < 200, f"{done.stdout} MiB"


def test_other_added_tokens_are_refused(source: Path, tmp_path: Path) -> None:
    """Use vocabularies of the same file and size that differ only in an added token."""
    one, other = tokenizer(), tokenizer()
    one.add_tokens(["[ONE]"])
    other.add_tokens(["[OTHER]"])
    write_examples(source / "0.txt", tmp_path / "out", one, limit=3)
    assert len(ExampleDataset(tmp_path / "out", one))
    with pytest.raises(DataError, match=r"\[ONE\].*the tokenizer has .*\[OTHER\]"):
        ExampleDataset(tmp_path / "out", other)


def test_a_refused_run_leaves_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(InputError, match="found none"):
        write_examples(tmp_path / "empty", tmp_path / "out", tokenizer())
    assert not list((tmp_path / "out").iterdir())
    for name in ("out", "nowhere"):
        with pytest.raises(MissingFileError, match=r"has no dataset\.json") as caught:
            ExampleDataset(tmp_path / name)
        assert caught.value.details == {"folder": str(tmp_path / name), "wanted": "dataset.json", "found": []}


def test_a_line_that_is_too_long_is_named(tmp_path: Path, small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oxbert.training.data.reading_text._LONGEST", 9_000)
    path = tmp_path / "texts.jsonl"
    lines = [{"text": corpus(1, seed=number)[:2_000]} for number in range(5)] + [{"text": "the word " * 2_000}]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    with pytest.raises(DataError, match="line 6: expected lines of at most") as raised:
        write_examples(path, tmp_path / "out", tokenizer(), **OPTIONS)
    assert raised.value.details["line"] == 6


def test_a_bad_line_of_a_later_block_is_named(tmp_path: Path, small: None) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(f"{json.dumps({'text': 'the word ' * 40})}\n" for _ in range(90)) + "{]\n")
    with pytest.raises(DataError, match="line 91: expected JSON"):
        write_examples(path, tmp_path / "out", tokenizer(), **OPTIONS)


@pytest.mark.parametrize("lengths", [[1], [7] * 20, [2_999, 1, 4_000], [100] * 95, [3_000, 3_000]])
def test_batches_are_of_a_bounded_size_and_one_is_read_ahead(small: None, lengths: list[int]) -> None:
    # Each block is a line of this length; a batch ends at 3,000 characters.
    blocks = [Block(["x" * length], length, Place(line=line), length) for line, length in enumerate(lengths, 1)]
    taken = 0

    def parts() -> Iterator[Batch]:
        nonlocal taken
        for batch in batches(blocks, Divider(0, None)):
            taken += 1
            yield batch

    sizes = []
    with ThreadPoolExecutor(1) as pool:
        for number, (batch, _) in enumerate(tokenized(parts(), tokenizer(), pool), 1):
            assert taken - number <= 1
            sizes.append(sum(map(len, batch.lines[0] + batch.lines[1])))
    assert sum(sizes) == sum(lengths)
    assert all(3_000 <= size < 3_000 + max(lengths) for size in sizes[:-1])
