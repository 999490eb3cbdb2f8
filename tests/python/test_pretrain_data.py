"""Test writing examples from text: google-research/electra's rules, completeness, determinism, and inputs."""

from __future__ import annotations

import collections
import gzip
import hashlib
import itertools
import json
import os
import random
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import oxbert
from oxbert.errors import DataError, FileError, InputError, MissingFileError
from oxbert.training.data import (
    ExampleDataset,
    Packer,
    Packing,
    TFRecordDataset,
    find_files,
    learn_vocabulary,
    write_examples,
)
from oxbert.training.data.buckets import mix
from oxbert.training.data.documents import Divider

from .pretrain_data_reference import TEXTS, VOCABULARY, Original, content, corpus, ids, rows, tokenizer, unpadded
from .processes import run

QUICK = settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def sentences(text: str) -> list[list[list[int]]]:
    """Return the tokens of a text by document and sentence."""
    documents = re.split(r"\n(?:\s*\n)+", "\n".join(line.strip() for line in text.split("\n")))
    found = [[ids(line) for line in document.split("\n") if line] for document in documents]
    return [document for document in found if any(document)]


# Packing.


@given(data=st.data(), max_length=st.integers(8, 64), seed=st.integers(0, 2**32))
def test_exact_packing_matches_the_original(data: st.DataObject, max_length: int, seed: int) -> None:
    lengths = st.one_of(st.integers(0, 12), st.integers(0, 150))
    documents = data.draw(st.lists(st.lists(lengths, max_size=30), max_size=8))
    counter = iter(range(10**9))
    tokens = [[[next(counter) + 5 for _ in range(length)] for length in document] for document in documents]
    lookup = {f"{one} {two}": row for one, document in enumerate(tokens) for two, row in enumerate(document)}
    reference, expected = Original(max_length, random.Random(seed), lambda text: lookup.get(text, [])), []
    packer, got = Packer(Packing.exact(max_length), random.Random(seed)), []
    for one, document in enumerate(tokens):
        for two, row in enumerate(document):
            expected += reference.line(f"{one} {two}")
            packer.add(row)
        expected += reference.line("")
        packer.end_document()
    for first, second in packer.take():
        got.append(((2, *first, 3, *second, 3) if second else (2, *first, 3), len(first) + 2))
    assert got == [unpadded(example) for example in expected]
    # Both have drawn the same number of random numbers.
    assert packer.state()["random"] == [3, list(reference.numbers.getstate()[1]), None]


@QUICK
@given(texts=st.lists(TEXTS, min_size=1, max_size=4), max_length=st.integers(8, 64), blanks=st.booleans())
def test_exact_folders_match_the_original(tmp_path: Path, texts: list[str], max_length: int, blanks: bool) -> None:
    folder = tmp_path / str(len(list(tmp_path.iterdir()))) / "corpus"
    folder.mkdir(parents=True)
    out = folder.parent
    named = {f"file {number}.txt": text for number, text in enumerate(texts)}
    for name, text in named.items():
        (folder / name).write_text(text, encoding="utf-8", newline="")
    expected = [unpadded(one) for one in Original(max_length, random.Random(3), ids).files(named, blanks)]
    documents: Any = "blank-lines" if blanks else "file"
    if not expected:
        with pytest.raises(InputError, match="found none"):
            write_examples(folder, out / "out", tokenizer(), exact=True, documents=documents)
        return
    options: dict[str, Any] = {"max_length": max_length, "documents": documents, "seed": 3, "exact": True}
    write_examples(folder, out / "out", tokenizer(), shuffle=False, **options)
    assert rows(out / "out") == expected
    write_examples(folder, out / "shuffled", tokenizer(), **options)
    assert sorted(rows(out / "shuffled")) == sorted(expected)


@QUICK
@given(text=TEXTS, max_length=st.integers(8, 64), keep=st.booleans(), contiguous=st.booleans())
def test_examples_keep_all_tokens(tmp_path: Path, text: str, max_length: int, keep: bool, contiguous: bool) -> None:
    folder = tmp_path / str(len(list(tmp_path.iterdir())))
    folder.mkdir()
    (folder / "text").write_text(text, encoding="utf-8", newline="")
    documents = sentences(text)
    if not documents:
        return
    manifest = write_examples(
        folder / "text", folder / "out", tokenizer(), max_length=max_length, keep_overflow=keep, contiguous=contiguous,
        shuffle=False,
    )  # fmt: skip
    found = rows(folder / "out")
    bodies = []
    for row, first in found:
        assert 3 <= len(row) <= max_length and row[0] == 2 and row[-1] == 3 and 3 <= first <= len(row)
        # Each segment ends with [SEP] and contains no other; a [SEP] written in the text is plain text.
        assert [place for place, token in enumerate(row) if token == 3] == sorted({first - 1, len(row) - 1})
        assert first == len(row) or first < len(row) - 1
        assert not set(row[1:]) & {0, 2, 4}
        bodies.append([token for token in row[1:] if token != 3])
    flat = [[token for sentence in document for token in sentence] for document in documents]
    if keep and contiguous:
        # All tokens are kept in order, and no example mixes two documents.
        stream = iter(bodies)
        for document in flat:
            got: list[int] = []
            while len(got) < len(document):
                got += next(stream)
            assert got == document
        assert next(stream, None) is None
    counts = [collections.Counter(itertools.chain(*side)) for side in (bodies, flat)]
    assert counts[0] == counts[1] if keep else counts[0] <= counts[1]
    assert (manifest.examples, manifest.tokens) == (len(found), sum(len(row) for row, _ in found))
    assert ExampleDataset(folder / "out").manifest == manifest


@given(st.lists(st.one_of(st.integers(1, 9), st.integers(0, 200)), max_size=60), st.integers(5, 64), st.integers(0, 99))
def test_segments_joined_equal_the_text(lengths: list[int], max_length: int, seed: int) -> None:
    packer = Packer(Packing(max_length), random.Random(seed))
    for start, length in zip(itertools.accumulate([0, *lengths]), lengths, strict=False):
        packer.add(list(range(start, start + length)))
    packer.end_document()
    made = packer.take()
    assert [token for first, second in made for token in (*first, *second)] == list(range(sum(lengths)))
    assert all(first for first, _ in made)


def test_long_lines_fill_examples_of_two_segments() -> None:
    packer = Packer(Packing(max_length=128, short=0), random.Random(0))
    packer.add(list(range(5, 100_005)))
    packer.end_document()
    made = packer.take()
    two = sum(bool(second) for _, second in made) / len(made)
    assert 0.85 < two < 0.95
    assert all(len(first) + len(second) + (3 if second else 2) == 128 for first, second in made[:-1])
    original = Packer(Packing.exact(128), random.Random(0))
    original.add(list(range(5, 100_005)))
    original.end_document()
    assert [len(first) for first, _ in original.take()] == [126]  # the original drops the rest


def test_single_and_short_examples_have_the_configured_shares() -> None:
    packer = Packer(Packing(max_length=64), random.Random(1))
    for _ in range(20_000):
        packer.add([9] * 7)
    lengths = [(len(first), len(second)) for first, second in packer.take()]
    alone = sum(not second for _, second in lengths) / len(lengths)
    short = sum(first + second < 50 for first, second in lengths) / len(lengths)
    assert 0.08 < alone < 0.14 and 0.02 < short < 0.06
    assert Packing.exact(64) == Packing(64, keep_overflow=False, contiguous=False)


# The folder.


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    path.write_text(corpus(400), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("examples") / "out"
    write_examples(source, folder, tokenizer(), max_length=32, part_tokens=20_000, held_out=0.2, seed=7)
    return folder


def test_arrow_and_json_files_have_the_documented_content(source: Path, folder: Path) -> None:
    described = json.loads((folder / "dataset.json").read_bytes())
    assert described["format"] == "oxbert-examples" and described["version"] == 1
    assert len(described["parts"]) > 2 and not (folder / ".unfinished").exists()
    vocabulary = hashlib.sha256((folder / "vocab.txt").read_bytes()).hexdigest()
    assert described["vocabulary"]["sha256"] == vocabulary and described["max_length"] == 32
    assert described["sources"] == {"given": [str(source)], "files": 1, "bytes": source.stat().st_size}
    found = []
    for part in described["parts"]:
        with pa.memory_map(str(folder / part["file"])) as file:
            before = pa.total_allocated_bytes()
            table = pa.ipc.open_file(file).read_all()
            assert pa.total_allocated_bytes() == before  # nothing was copied
            assert table.schema.types == [pa.list_(pa.int32()), pa.int32()]
            found += table.to_pylist()
        assert len(found) and (folder / part["file"]).stat().st_size == part["bytes"]
    assert [tuple(row["input_ids"]) for row in found] == [row for row, _ in rows(folder)]
    loaded = oxbert.ElectraTokenizer.from_pretrained(folder)
    assert len(ExampleDataset(folder, loaded)) == len(found) == described["examples"]


def test_shuffling_permutes_all_examples(source: Path, folder: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"max_length": 32, "part_tokens": 20_000, "held_out": 0.2, "seed": 7}
    write_examples(source, tmp_path / "straight", tokenizer(), shuffle=False, **options)
    straight, shuffled = rows(tmp_path / "straight"), rows(folder)
    assert sorted(straight) == sorted(shuffled) and straight != shuffled
    # A random permutation moves an item by a third of the length on average.
    places = collections.defaultdict(list)
    for place, row in enumerate(straight):
        places[row].append(place)
    moved = [abs(place - places[row].pop()) for place, row in enumerate(shuffled)]
    assert abs(np.mean(moved) / len(moved) - 1 / 3) < 0.02
    write_examples(source, tmp_path / "other", tokenizer(), **options | {"seed": 8})
    assert sorted(rows(tmp_path / "other")) != sorted(shuffled)  # packed with another seed


def test_held_out_documents_depend_on_their_text_only(source: Path, folder: Path, tmp_path: Path) -> None:
    texts = source.read_text("utf-8").split("\n\n")
    turned = tmp_path / "turned.txt"
    turned.write_text("\n\n".join(reversed([*texts, *texts])), encoding="utf-8")
    write_examples(turned, tmp_path / "out", tokenizer(), max_length=32, held_out=0.2, seed=99)
    held, kept = ExampleDataset(folder / "held_out"), ExampleDataset(folder)
    assert 0.1 < len(held) / (len(held) + len(kept)) < 0.3
    tokens = [collections.Counter(np.concatenate([row["input_ids"] for row in side]).tolist()) for side in (held, kept)]
    twice = [ExampleDataset(tmp_path / "out" / name) for name in ("held_out", ".")]
    for once, side in zip(tokens, twice, strict=True):
        again = collections.Counter(np.concatenate([row["input_ids"] for row in side]).tolist())
        assert {token: 2 * count for token, count in once.items() if token > 4} == {
            token: count for token, count in again.items() if token > 4
        }


ONE_CORE = """
import os, sys
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
import oxbert
from oxbert.training.data import write_examples
write_examples(sys.argv[1], sys.argv[2], oxbert.ElectraTokenizer(sys.argv[3]), max_length=32, part_tokens=20_000,
               held_out=0.2, seed=7)
"""


def test_one_core_and_a_second_run_write_the_same_bytes(source: Path, folder: Path, tmp_path: Path) -> None:
    run([sys.executable, "-c", ONE_CORE, source, tmp_path / "one", VOCABULARY], check=True)
    assert content(tmp_path / "one") == content(folder)
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    # A second run finds everything done.
    write_examples(source, folder, tokenizer(), max_length=32, part_tokens=20_000, held_out=0.2, seed=7)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path != folder} == {
        path: time for path, time in times.items() if path != folder
    }
    with pytest.raises(InputError, match=r"max_length was 32, is 33.*overwrite"):
        write_examples(source, folder, tokenizer(), max_length=33, part_tokens=20_000, held_out=0.2, seed=7)


def test_overwrite_is_required_for_unknown_parts_and_removes_old_ones(source: Path, tmp_path: Path) -> None:
    (tmp_path / "part-00000.arrow").write_bytes(b"somebody's")
    with pytest.raises(InputError, match="unknown origin"):
        write_examples(source, tmp_path, tokenizer())
    write_examples(source, tmp_path, tokenizer(), part_tokens=20_000, limit=100, overwrite=True)
    many = sorted(path.name for path in tmp_path.iterdir())
    manifest = write_examples(source, tmp_path, tokenizer(), limit=3, overwrite=True)
    assert manifest.documents == 3 and len(manifest.parts) == 1
    assert len(list(tmp_path.iterdir())) < len(many) and len(rows(tmp_path)) == manifest.examples


# Inputs.


def test_every_input_format_gives_the_same_examples(source: Path, tmp_path: Path) -> None:
    text = source.read_text("utf-8")
    documents = text.split("\n\n")
    records = "".join(json.dumps({"id": number, "body": one}) + "\n" for number, one in enumerate(documents))
    for name, data in [("a.txt", text), ("b.txt.gz", text), ("c.jsonl", f"\ufeff{records}"), ("d.json.gz", records)]:
        raw = data.replace("\n", "\r\n").encode() if name == "a.txt" else data.encode()
        (tmp_path / name).write_bytes(gzip.compress(raw) if name.endswith("gz") else raw)
    table = pa.table({"n": range(len(documents)), "body": pa.array(documents, pa.large_string())})
    pa.parquet.write_table(table, tmp_path / "e.parquet", row_group_size=90)
    files = tmp_path / "f"
    files.mkdir()
    for number, document in enumerate(documents):
        (files / f"{number:04}").write_text(document, encoding="utf-8")
        (files / ".hidden").write_text("not this one")
    options: dict[str, Any] = {"text_field": "body", "shuffle": False, "max_length": 48}
    expected = None
    for name in ["a.txt", "b.txt.gz", "c.jsonl", "d.json.gz", "e.parquet", "f"]:
        way: Any = "file" if name == "f" else "blank-lines"
        manifest = write_examples(tmp_path / name, tmp_path / f"{name} out", tokenizer(), documents=way, **options)
        assert manifest.documents == len(documents)
        found = rows(tmp_path / f"{name} out")
        assert found == (expected := expected or found), name
    # One document per line.
    lines = [line for line in text.split("\n") if line]
    manifest = write_examples(source, tmp_path / "lines", tokenizer(), documents="line", **options)
    assert manifest.documents == len(lines) and manifest.examples >= len(lines)


def test_limit_counts_documents(source: Path, tmp_path: Path) -> None:
    manifest = write_examples(source, tmp_path / "out", tokenizer(), limit=5, shuffle=False)
    (tmp_path / "five").write_text("\n\n".join(source.read_text("utf-8").split("\n\n")[:5]), encoding="utf-8")
    write_examples(tmp_path / "five", tmp_path / "five out", tokenizer(), shuffle=False)
    assert manifest.documents == 5 and rows(tmp_path / "out") == rows(tmp_path / "five out")


@pytest.mark.parametrize(
    ("before", "word", "count", "documents"),
    [("\n\nof ", "the ", 600_000, 3), ("\n\nof ", "\u4e2d", 800_000, 3), ("\n\nof", " ", 2_500_000, 3), ("\n", " ", 2_500_000, 2)],
)  # fmt: skip
def test_lines_of_megabytes_stay_one_line(tmp_path: Path, before: str, word: str, count: int, documents: int) -> None:
    """Check that a line longer than a block still counts as one line of one document."""
    path = tmp_path / "long"
    path.write_text(f"the{before}{word * count} of\n\nworld", encoding="utf-8")
    expected = count * len(ids(word)) + len(ids(f"the {before} of world"))
    for way in ("blank-lines", "line", "file"):
        manifest = write_examples(path, tmp_path / way, tokenizer(), documents=way)  # type: ignore[arg-type]
        assert manifest.documents == {"blank-lines": documents, "line": 3, "file": 1}[way]
        assert sum(len(row) - (2 if first == len(row) else 3) for row, first in rows(tmp_path / way)) == expected


def test_vocabulary_learning_is_deterministic(source: Path, tmp_path: Path) -> None:
    first = learn_vocabulary(find_files(source), tmp_path / "vocab.txt", 50)
    assert len(first) == 50 and first.tokenize("[MASK]") == ["[MASK]"] and "hello" in first.get_vocab()
    again = (tmp_path / "vocab.txt").read_bytes()
    learn_vocabulary(find_files(source), tmp_path / "vocab.txt", 50)
    assert (tmp_path / "vocab.txt").read_bytes() == again
    manifest = write_examples(source, tmp_path / "out", vocab_size=50, do_lower_case=False)
    assert manifest == write_examples(source, tmp_path / "out", vocab_size=50, do_lower_case=False)
    assert (
        manifest.vocabulary.size == 50
        and not ExampleDataset(tmp_path / "out").manifest.vocabulary.settings["do_lower_case"]
    )
    with pytest.raises(InputError, match="vocab_size was 50, is 49"):
        write_examples(source, tmp_path / "out", vocab_size=49, do_lower_case=False)
    with pytest.raises(InputError, match="characters alone"):
        learn_vocabulary(find_files(source), tmp_path / "vocab.txt", 10)


def test_a_vocabulary_is_learnt_from_a_sample(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oxbert.training.data.reading_text.BLOCK", 4_000)
    seen: list[int] = []
    size = source.stat().st_size
    half = learn_vocabulary(find_files(source), tmp_path / "half", 50, sample=size // 2, track=seen.append)
    assert seen == sorted(seen) and seen[-1] == size
    learn_vocabulary(find_files(source), tmp_path / "again", 50, sample=size // 2)
    learn_vocabulary(find_files(source), tmp_path / "whole", 50)
    texts = [(tmp_path / name).read_bytes() for name in ("half", "again", "whole")]
    assert len(half) == 50 and texts[0] == texts[1] != texts[2]
    with monkeypatch.context() as patch:
        patch.setattr("oxbert.training.data.learning.mix", lambda number: 2**64)  # selects no sentence
        with pytest.raises(InputError, match="found none"):
            learn_vocabulary(find_files(source), tmp_path / "none", 50, sample=1)


def test_bad_arguments_are_refused(source: Path, tmp_path: Path) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"max_length": 4}, "max_length: expected 5"), ({"documents": "page"}, "documents: expected one of"),
        ({"seed": -1}, "seed"), ({"held_out": 1}, "held_out"), ({"limit": 0}, "limit"), ({"part_tokens": 0}, "part_tokens"),
        ({"short": 2}, "short"), ({"vocab_size": 9}, "one of the two"), ({"invalid_text": "no"}, "invalid_text"),
        ({"exact": True, "keep_overflow": True}, "exact"),
    ]  # fmt: skip
    for options, reason in cases:
        with pytest.raises(InputError, match=reason):
            write_examples(source, tmp_path / "out", tokenizer(), **options)
        assert not (tmp_path / "out").exists()
    with pytest.raises(MissingFileError, match="no such file"):
        write_examples(tmp_path / "none", tmp_path / "out", tokenizer())
    with pytest.raises(MissingFileError, match=r"has no dataset\.json"):
        ExampleDataset(tmp_path)
    with pytest.raises(DataError, match="SHA-256"):
        write_examples(source, tmp_path / "out", tokenizer())
        ExampleDataset(tmp_path / "out", oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator"))
    with pytest.raises(DataError, match="do_lower_case"):
        ExampleDataset(tmp_path / "out", tokenizer(do_lower_case=False))
    with pytest.raises(MissingFileError):
        TFRecordDataset(tmp_path / "none")


def test_files_of_folders_are_found_in_the_order_of_their_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["a/b/2.txt", "a/b/10.txt", "a/1.JSONL.gz", "a-b.parquet", ".hidden/3.txt", "a/.4.txt", "out/5.txt"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    found = find_files([tmp_path, tmp_path / "a" / "b" / "2.txt"], without=tmp_path / "out")
    assert [(str(file.path.relative_to(tmp_path)), file.format, file.is_gzip) for file in found] == [
        ("a/1.JSONL.gz", "jsonl", True), ("a/b/10.txt", "text", False), ("a/b/2.txt", "text", False),
        ("a-b.parquet", "parquet", False),
    ]  # fmt: skip
    assert [file.size for file in found] == [len(str(file.path.relative_to(tmp_path))) for file in found]
    scan = os.scandir

    def refuse(path: Any) -> Any:
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    # A folder that cannot be read does not count as empty.
    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(FileError, match="cannot read"):
        find_files(tmp_path)


def test_examples_beside_their_sources_are_no_sources(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.txt").write_text(corpus(4, seed=number), encoding="utf-8")
    seen: list[Any] = []
    manifest = write_examples(tmp_path, tmp_path / "out", tokenizer(), shuffle=False, track=seen.append)
    assert manifest == write_examples(tmp_path, tmp_path / "out", tokenizer(), shuffle=False)
    assert manifest.sources["files"] == 3 and len(manifest.parts) == 1
    read = [progress for progress in seen if progress.phase == "reading"]
    assert [one.done for one in read] == sorted(one.done for one in read)
    assert read[-1].done == read[-1].total == manifest.sources["bytes"]
    assert not (tmp_path / "out" / "held_out").exists()


def test_the_numbers_behind_a_shuffle_are_splitmix64() -> None:
    """Compare with the outputs of the generator's reference implementation for the seed 1234567."""
    step = 0x9E3779B97F4A7C15
    assert [mix(1234567 + count * step) for count in range(5)] == [
        6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821,
    ]  # fmt: skip


def test_the_beginning_of_a_document_decides_whether_it_is_held_out() -> None:
    def side_of(*lines: str) -> int:
        train, held = Divider(held_out=0.5).divide([*lines, ""])
        assert not (train and held) and (train or held) == [*lines, ""]
        return int(bool(held))

    sides = []
    for number in range(16):
        head = [f"{number} " * 1000] * (1 + (1 << 16) // len(f"{number} " * 1000))
        sides.append(side_of(*head))
        assert {side_of(*head, f"another end {end}") for end in range(8)} == {sides[-1]}
    assert set(sides) == {0, 1}


def test_a_sentence_is_cut_only_if_it_fits_no_example() -> None:
    for length, expected in [(13, [(13, 0)]), (14, [(6, 7), (1, 0)])]:
        packer = Packer(Packing(max_length=16, single_segment=0, short=0), random.Random(0))
        packer.add(list(range(5, 5 + length)))
        packer.end_document()
        assert [(len(first), len(second)) for first, second in packer.take()] == expected


def test_options_of_a_learnt_vocabulary(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("Caf\u00e9 caf\u00e9 abc abc b b c\n" * 9, encoding="utf-8")
    files = find_files(tmp_path / "text")

    def characters(size: int, **options: Any) -> set[str]:
        tokens = learn_vocabulary(files, tmp_path / "vocab.txt", size, **options).get_vocab()
        assert len(tokens) <= size
        return {token for token in tokens if len(token) == 1}

    assert characters(60) == set("abcef") and characters(60, do_lower_case=False) == set("Cabcf\u00e9")
    assert characters(60, strip_accents=False) == set("abcf\u00e9")
    assert characters(60, do_lower_case=False, strip_accents=True) == set("Cabcef")
    assert characters(60, alphabet=2) == set("ac")
    # Five special tokens, and each character alone and inside a word.
    assert characters(15) == set("abcef")
    with pytest.raises(InputError, match="expected at least 15 for 5 characters"):
        characters(14)
    for number, option in enumerate(({"strip_accents": False}, {"alphabet": 2})):
        write_examples(tmp_path / "text", tmp_path / str(number), vocab_size=60, **option)
        characters(60, **option)
        assert (tmp_path / str(number) / "vocab.txt").read_bytes() == (tmp_path / "vocab.txt").read_bytes()
