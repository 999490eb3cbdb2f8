"""Test what all commands on texts share: every input and output format, stops, resumption, messages."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from rich.console import Console

from oxbert._fields import Vector
from oxbert.cli._fields import csv_row, json_line
from oxbert.cli._options import StreamOptions
from oxbert.cli._stream import Task, run, write_best
from oxbert.errors import DataError, FileError, InputError, MissingDependencyError, OxbertError

from . import processes

INPUTS = ["txt", "txt.gz", "csv", "csv.gz", "tsv", "jsonl", "jsonl.gz", "parquet", "arrow"]
OUTPUTS = ["jsonl", "csv", "parquet", "arrow"]
# Before Python 3.11, its csv refuses a null character.
PLAIN = st.characters(exclude_categories=["Cs"], exclude_characters="" if sys.version_info >= (3, 11) else "\0")
TEXTS = st.lists(st.text(PLAIN, max_size=12), min_size=1, max_size=9)
# A line of a text file has no line break, and is not blank.
LINES = st.lists(
    st.text(PLAIN, min_size=1, max_size=12).map(lambda text: f"x{text}".replace("\n", "").replace("\r", "")),
    min_size=1,
    max_size=9,
)
FIELDS = {"length": int, "flag": bool, "parts": [{"part": str, "share": float}], "vector": Vector(2)}


def answer(rows: Sequence[tuple[str, ...]]) -> list[dict[str, Any]]:
    """Return results that contain the text, so that none can be exchanged or lost."""
    return [
        {
            "length": len(text),
            "flag": not text,
            "parts": [{"part": part, "share": 1 / (place + 3)} for place, part in enumerate(text)],
            "vector": np.array([len(text), 0.125], np.float32),
        }
        for (text,) in rows
    ]


def show(console: Console, result: Any) -> None:
    console.print(f"shown {result['length']}")


TASK = Task(("text",), FIELDS, answer, show)


def write_input(path: Path, texts: Sequence[str]) -> Path:
    kind, _, packed = path.name.partition(".")[2].partition(".")
    content = io.StringIO(newline="")
    if kind in ("csv", "tsv"):
        writer = csv.writer(content, delimiter="," if kind == "csv" else "\t", lineterminator="\r\n")
        writer.writerows([["other", "text"], *(["o", text] for text in texts)])
    elif kind == "jsonl":
        content.writelines(
            json.dumps({"other": 1, "text": text}, ensure_ascii=len(texts) % 2 == 0) + "\n" for text in texts
        )
    else:
        # The last line has no line break.
        content.write("\n".join(texts))
    data = content.getvalue().encode()
    table = pa.table({"other": [1] * len(texts), "text": texts})
    if kind == "parquet":
        parquet.write_table(table, path)
    elif kind == "arrow":
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=3)
    else:
        path.write_bytes(gzip.compress(data) if packed else data)
    return path


def read_output(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_bytes().decode().split("\n")[:-1]]
    if path.suffix == ".csv":
        with open(path, newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file, strict=True)
        return [
            {
                name: cell if name in ("text", "error") else json.loads(cell or "null")
                for name, cell in zip(header, row, strict=True)
            }
            for row in rows
        ]
    table = parquet.read_table(path) if path.suffix == ".parquet" else pa.ipc.open_file(path).read_all()
    return table.to_pylist()


def expected(texts: Sequence[str]) -> list[dict[str, Any]]:
    rows = [{"text": text} | result for text, result in zip(texts, answer([(text,) for text in texts]), strict=True)]
    return [row | {"vector": row["vector"].tolist()} for row in rows]


def options(source: Path, target: Path | None = None, **more: Any) -> StreamOptions:
    return StreamOptions(**{"input": [str(source)], "output": target, "quiet": True} | more)


@pytest.mark.parametrize("target", OUTPUTS)
@pytest.mark.parametrize("source", INPUTS)
def test_every_input_gives_every_output(source: str, target: str) -> None:
    @settings(max_examples=12, deadline=None)
    @given(texts=LINES if source.startswith("txt") else TEXTS)
    def check(texts: list[str]) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            output = folder / f"out.{target}"
            run(TASK, [], options(write_input(folder / f"in.{source}", texts), output))
            assert read_output(output) == expected(texts)
            assert sorted(path.name for path in folder.iterdir()) == sorted([f"in.{source}", output.name])

    check()


@pytest.mark.parametrize("kind", OUTPUTS)
def test_a_file_that_was_cut_anywhere_is_completed(kind: str) -> None:
    @settings(max_examples=40, deadline=None)
    @given(texts=TEXTS, data=st.data())
    def check(texts: list[str], data: st.DataObject) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            source = write_input(folder / "in.jsonl", texts)
            whole, output = folder / f"whole.{kind}", folder / f"out.{kind}"
            run(TASK, [], options(source, whole))
            stop = data.draw(st.integers(0, len(texts)))
            done = iter(range(stop))

            def stopping(rows: Sequence[tuple[str, ...]]) -> list[dict[str, Any]]:
                if any(next(done, None) is None for _ in rows):
                    raise KeyboardInterrupt
                return answer(rows)

            try:
                run(Task(("text",), FIELDS, stopping, show), [], options(source, output))
            except KeyboardInterrupt:
                left = output if kind in ("jsonl", "csv") else folder / f"out.{kind}.part"
                if left.exists():
                    os.truncate(left, data.draw(st.integers(0, left.stat().st_size)))
            run(TASK, [], options(source, output, resume=True))
            assert read_output(output) == expected(texts)
            if kind in ("jsonl", "csv"):
                assert output.read_bytes() == whole.read_bytes()
            # Once more there is nothing to do, and rows that are appended to the input are added.
            write_input(source, [*texts, "more"])
            run(TASK, [], options(source, output, resume=True))
            assert read_output(output) == expected([*texts, "more"])

    check()


@pytest.mark.parametrize("kind", OUTPUTS)
def test_resuming_refuses_other_texts_other_results_and_other_fields(kind: str, tmp_path: Path) -> None:
    source, output = write_input(tmp_path / "in.jsonl", ["one", "two", "three"]), tmp_path / f"out.{kind}"
    run(TASK, [], options(source, output))
    before = output.read_bytes()
    for task, texts, reason in [
        (TASK, ["one", "2", "three"], r"row 2 of .* is not about the text of .*in.jsonl, line 2"),
        (TASK, ["one", "two"], "has more rows than the input"),
        (Task(("text",), FIELDS, lambda rows: answer([("",)] * len(rows)), show), ["one", "two", "three"], "row 3 of"),
        (Task(("text",), {"other": str}, lambda rows: [{"other": ""}], show), ["one", "two", "three"], "fields"),
    ]:
        write_input(source, texts)
        with pytest.raises((InputError, DataError), match=reason):
            run(task, [], options(source, output, resume=True))
        assert output.read_bytes() == before
    for more in ({}, {"format": "jsonl"}):
        with pytest.raises(InputError, match="exists; expected --resume"):
            run(TASK, [], options(source, output, **more))
    write_input(source, ["new"])
    run(TASK, [], options(source, output, overwrite=True))
    assert read_output(output) == expected(["new"])


def refusing(rows: Sequence[tuple[str, ...]]) -> list[dict[str, Any]]:
    if any(text == "bad" for (text,) in rows):
        raise OxbertError("this text has no answer")
    return answer(rows)


@pytest.mark.parametrize("kind", OUTPUTS)
def test_texts_without_an_answer_stop_or_are_written_with_their_error(kind: str, tmp_path: Path) -> None:
    task = Task(("text",), FIELDS, refusing, show)
    texts = ["a", "b", "c", "d", "bad", "f", "g", "bad", "i"]
    source, output = write_input(tmp_path / "in.txt", texts), tmp_path / f"out.{kind}"
    with pytest.raises(DataError, match=r"in.txt, line 5: this text has no answer"):
        run(task, [], options(source, output))
    if kind == "jsonl":
        assert read_output(output) == expected(texts[:4])
    run(task, [], options(source, output, overwrite=True, skip_errors=True))
    rows = read_output(output)
    assert [row["error"] or None for row in rows] == [
        "this text has no answer" if text == "bad" else None for text in texts
    ]
    assert [row["length"] for row in rows] == [None if text == "bad" else 1 for text in texts]
    # A result that is an error is compared and kept too.
    run(task, [], options(source, output, resume=True, skip_errors=True))


BAD: dict[str, tuple[str, bytes, str]] = {
    "utf-8": ("in.txt", b"one\ntw\xffo\n", r"in.txt, line 2: byte 3 of the line is not UTF-8 \(0xff\)"),
    "empty": ("in.txt", b"\n \n", "in.txt: expected texts, found none"),
    "empty csv": ("in.csv", b"text\n", "in.csv: expected texts, found none"),
    "empty parquet": ("in.parquet", b"", "in.parquet: expected texts, found none"),
    "column": ("in.csv", b"a,b\n1,2\n", "in.csv, line 1: expected a column 'text', found a, b; choose with --column"),
    "field": ("in.jsonl", b'{"a": 1}\n', "in.jsonl, line 1: expected a column 'text', found a;"),
    "type": ("in.jsonl", b'{"text": "a"}\n\n{"text": 1}\n', "in.jsonl, line 3: expected a text in 'text', got int"),
    "json": ("in.jsonl", b'{"text": "a"}\n{"text": \n', "in.jsonl, line 2: expected JSON"),
    "surrogate": ("in.jsonl", b'{"text": "\\ud800"}\n', "in.jsonl, line 1: 'text' has half of a surrogate pair"),
    "array": ("in.jsonl", b"[1]\n", "in.jsonl, line 1: expected a JSON object, got list"),
    "pretty json": (
        "in.jsonl",
        b'{\n"text": "a"}\n',
        "in.jsonl, line 1: .* at character 3; every line has to be an obj",
    ),
    "utf-16": ("in.txt", "one".encode("utf-16"), "in.txt, line 1: expected UTF-8, got UTF-16: iconv"),
    "cells": ("in.csv", b'text,b\n"x\ny",2\nz\n', "in.csv, line 4: expected 2 values, got 1"),
    "quote": ("in.csv", b'text\na\n"b\n', "in.csv, line 3: expected comma-separated values"),
    "gzip": ("in.txt.gz", gzip.compress(b"a\n" * 9999)[:-20], "in.txt.gz: is no complete gzip file"),
    "no gzip": ("in.txt.gz", b"text", "in.txt.gz: cannot be read"),
    "no parquet": ("in.parquet", b"text", "in.parquet: cannot be read"),
    "no arrow": ("in.arrow", b"text", "in.arrow: cannot be read"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_with_the_place(case: str, tmp_path: Path) -> None:
    name, content, reason = BAD[case]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=reason) as caught:
        run(TASK, [], options(tmp_path / name, tmp_path / "out.jsonl"))
    assert "\n" not in str(caught.value)


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
def test_lines_have_the_digits_of_float32(numbers: list[float]) -> None:
    vector = np.array(numbers, np.float32)
    for array in (vector, np.repeat(vector, 2)[::2]):
        line = json_line({"vector": array})
        assert (np.array(json.loads(line)["vector"]).astype(np.float32) == vector).all()
        assert csv_row({"vector": array}, {"vector": Vector(len(vector))}).strip().strip('"').encode() in line
    assert json_line({"vector": np.array([0.1], np.float32)}) == b'{"vector":[0.1]}\n'


BAD_LINES = {
    b'{"text": "tw\xffo"}': "is not UTF-8",
    b'{"a": "one"}': "expected a column 'text'",
    b'{"text": 1}': "expected a text in 'text', got int",
    b'{"text": null}': "expected a text in 'text', got none",
    b'{"text": "\\udc00"}': "half of a surrogate pair",
    b'{"text": "a", "text": "b"}': "comes twice",
    b'{"text": ': "expected JSON",
    b"[1]": "expected a JSON object",
}


@pytest.mark.parametrize("kind", OUTPUTS)
def test_bad_rows_are_written_with_their_error_if_asked(kind: str) -> None:
    @settings(max_examples=25, deadline=None)
    @given(
        lines=st.lists(st.sampled_from(["", "one", "two", *BAD_LINES]), min_size=1, max_size=9),
        cut=st.integers(0, 4000),
    )
    def check(lines: list[str | bytes], cut: int) -> None:
        with tempfile.TemporaryDirectory() as name:
            source, output = Path(name) / "in.jsonl", Path(name) / f"out.{kind}"
            written = (one if isinstance(one, bytes) else json.dumps({"text": one}).encode() for one in lines)
            source.write_bytes(b"".join(line + b"\n" for line in written))
            run(TASK, [], options(source, output, skip_errors=True))
            for number, (line, row) in enumerate(zip(lines, read_output(output), strict=True), 1):
                if isinstance(line, bytes):
                    assert BAD_LINES[line] in row["error"] and f"in.jsonl, line {number}: " in row["error"]
                    assert not row["text"] and row["length"] is None and row["vector"] is None
                else:
                    assert row | {"error": None} == expected([line])[0] | {"error": None} and not row["error"]
            before = read_output(output)
            if kind in ("jsonl", "csv"):
                os.truncate(output, min(cut, output.stat().st_size))
            run(TASK, [], options(source, output, skip_errors=True, resume=True))
            assert read_output(output) == before
            with pytest.raises(DataError) if any(isinstance(one, bytes) for one in lines) else nullcontext():
                run(TASK, [], options(source, output, overwrite=True))

    check()


def test_bad_rows_of_other_formats_are_written_too(tmp_path: Path) -> None:
    table = pa.table({"text": ["a", None, "b"]})
    parquet.write_table(table, tmp_path / "in.parquet")
    (tmp_path / "in.csv").write_bytes(b'text,n\na,1\nonly\nb,2\n"c\n')
    (tmp_path / "in.txt").write_bytes(b"a\n\xff\n")
    for name, errors in [
        ("in.parquet", [None, "record 2", None]),
        ("in.csv", [None, "line 3", None, "line 5"]),
        ("in.txt", [None, "line 2"]),
    ]:
        source, output = tmp_path / name, tmp_path / "out.jsonl"
        run(TASK, [], options(source, output, skip_errors=True, overwrite=True))
        found = [row["error"] for row in read_output(output)]
        assert [error and re.search(r"(record|line) \d", error)[0] for error in found] == errors, found


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    for path, reason in [(tmp_path / "none.txt", "No such file"), (tmp_path, "Is a directory")]:
        with pytest.raises(FileError, match=f"cannot read {path}: {reason}"):
            run(TASK, [], options(path, tmp_path / "out.jsonl"))


@pytest.mark.parametrize(("source", "target"), [("in.parquet", "out.jsonl"), ("in.txt", "out.arrow")])
def test_a_missing_pyarrow_says_what_to_install(
    source: str, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_input(tmp_path / source, ["a"])
    for name in [name for name in sys.modules if name.partition(".")[0] == "pyarrow"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingDependencyError, match=r'needs pyarrow; run: pip install "oxbert\[arrow\]"'):
        run(TASK, [], options(tmp_path / source, tmp_path / target))


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"resume": True}, "--resume: expected --output too"),
        ({"format": "parquet"}, "--format: expected --output FILE for parquet"),
        ({"output": Path("x.txt")}, "--output: expected one of .jsonl"),
        ({"column": ["a", "b"]}, r"--column: expected 1 \(text\), got 2"),
    ],
)
def test_options_that_contradict_each_other_are_refused(more: dict[str, Any], reason: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=reason):
        run(TASK, [], StreamOptions(**{"input": [str(write_input(tmp_path / "in.txt", ["a"]))]} | more))


@pytest.mark.parametrize("kind", OUTPUTS)
def test_an_output_that_is_the_input_is_refused(kind: str, tmp_path: Path) -> None:
    source = write_input(tmp_path / f"in.{kind}", ["a", "b"])
    content = source.read_bytes()
    other = tmp_path / f"other.{kind}"
    other.symlink_to(source)
    for output in (source, other):
        for way in ("overwrite", "resume"):
            with pytest.raises(InputError, match="--output: expected another file than the input"):
                run(TASK, [], options(source, output, **{way: True}))
        with pytest.raises(InputError, match="--output: expected another file than the input"):
            write_best(TASK, [], options(source, output, overwrite=True), "length", 1)
    assert source.read_bytes() == content


def test_an_output_that_is_standard_input_is_refused(tmp_path: Path) -> None:
    source = write_input(tmp_path / "in.jsonl", ["a", "b"])
    content = source.read_bytes()
    command = [sys.executable, "-m", "oxbert", "detect", "--input-format", "jsonl", "-o", source, "--overwrite"]
    with open(source, "rb") as stdin:
        done = processes.run(command, stdin=stdin)
    assert done.returncode == 1 and "expected another file than the input" in done.stderr
    assert source.read_bytes() == content


def test_a_folder_as_output_is_refused_before_the_first_text(tmp_path: Path) -> None:
    for kind in OUTPUTS:
        (tmp_path / f"out.{kind}").mkdir()
        with pytest.raises(InputError, match=r"--output: expected a file, got the folder .*out\."):
            run(TASK, [], options(tmp_path / "none.txt", tmp_path / f"out.{kind}", overwrite=True))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the devices of Linux")
def test_devices_take_lines_and_nothing_else(tmp_path: Path) -> None:
    source = write_input(tmp_path / "in.txt", ["a", "b"])
    run(TASK, [], options(source, Path("/dev/null"), format="jsonl"))
    with pytest.raises(FileError, match="cannot write /dev/full: No space left on device"):
        run(TASK, [], options(source, Path("/dev/full"), format="csv"))
    for kind in ("parquet", "arrow", "npy"):
        with pytest.raises(InputError, match=r"--output: expected a file for .* which is a device or a pipe"):
            run(TASK, [], options(source, Path("/dev/null"), format=kind, overwrite=True))
    with pytest.raises(InputError, match="--resume: expected an output that is a file"):
        run(TASK, [], options(source, Path("/dev/null"), format="jsonl", resume=True))
    # A pipe that gives its reader all rows.
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with processes.start(["cat", pipe], stdout=processes.subprocess.PIPE) as reader:
        run(TASK, [], options(source, pipe, format="jsonl"))
        lines, _ = reader.communicate(timeout=60)
    assert [json.loads(line) for line in lines.splitlines()] == expected(["a", "b"])


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_arrow_reads_without_python(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A thread of Arrow that needs Python's lock for a file of Python while Python exits ends the process with SIGABRT.
    opened: list[Any] = []
    for module, name in [(parquet, "ParquetFile"), (pa.ipc, "open_file")]:
        known = getattr(module, name)
        monkeypatch.setattr(module, name, lambda file, known=known: (opened.append(file), known(file))[1])
    output = tmp_path / f"out.{kind}"
    run(TASK, [], options(write_input(tmp_path / f"in.{kind}", ["a"]), output))
    run(TASK, [], options(tmp_path / f"in.{kind}", output, resume=True))
    assert len(opened) == 4 and all(isinstance(file, pa.NativeFile) for file in opened)
    assert not any(isinstance(file, pa.PythonFile) for file in opened)


def test_memory_does_not_grow_with_the_input(tmp_path: Path) -> None:
    import tracemalloc

    def peak(count: int, target: str) -> int:
        source = write_input(tmp_path / "in.jsonl", ["some words of a text"] * count)
        tracemalloc.start()
        run(TASK, [], options(source, tmp_path / target, overwrite=True))
        try:
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    for target in ("out.jsonl", "out.csv"):
        assert peak(6000, target) < 1.5 * peak(1500, target)


def test_progress_is_a_line_per_minute_without_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from oxbert.cli import _progress

    now = [0.0]
    monkeypatch.setattr(_progress.time, "monotonic", lambda: now[0])
    progress = _progress.Progress(quiet=False)
    for now[0], rows, done, size in [(30, 10, 1, 4), (61, 6100, 10, 40), (90, 7000, 11, 40), (130, 13000, 20, None)]:
        progress.update(rows, done, size)
    progress.close()
    assert capsys.readouterr().err.splitlines() == ["6,100 texts, 100/s, 3 min left", "13,000 texts, 100/s"]
    quiet = _progress.Progress(quiet=True)
    now[0] = 9999
    quiet.update(1, 1, 1)
    assert not capsys.readouterr().err


def test_progress_is_a_bar_after_two_seconds_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    from oxbert.cli import _progress

    class Terminal(io.StringIO):
        encoding = "utf-8"

        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    progress = _progress.Progress(quiet=False)
    progress.update(5, 1, 10)
    assert not terminal.getvalue()
    monkeypatch.setattr(_progress, "_DELAY", 0.0)
    progress.update(10, 5, 10)
    progress.close()
    assert "10 texts, " in terminal.getvalue() and " left" in terminal.getvalue()


# Processes.

SENTENCE = "Return the number of elements because the list of the nodes is sorted by the first key of each pair."


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    path = tmp_path / "corpus.txt"
    path.write_text("".join(f"{SENTENCE} Case {number}.\n" for number in range(3000)))
    return path


def stopped(arguments: Sequence[object], output: Path, stop: Callable[[Any], None]) -> tuple[int, str]:
    """Start a command, stop it when it has written something, and return its exit code and its messages."""
    command = [sys.executable, "-m", "oxbert", *arguments]
    with processes.start(command, stderr=processes.subprocess.PIPE, text=True) as process:
        end = time.monotonic() + 60
        while not (output.exists() and output.stat().st_size > 20000):
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.005)
        stop(process)
        _, errors = process.communicate(timeout=60)
    return process.returncode, errors


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_a_killed_process_is_completed(kind: str, corpus: Path, tmp_path: Path) -> None:
    output = tmp_path / f"out.{kind}"
    left = output if kind != "parquet" else tmp_path / "out.parquet.part"
    arguments = ["detect", "-i", corpus, "--threads", 1, "-q"]
    code, errors = stopped([*arguments, "-o", output], left, lambda process: process.kill())
    assert (code, errors) == (-signal.SIGKILL, "")
    whole = tmp_path / f"whole.{kind}"
    processes.run([sys.executable, "-m", "oxbert", *arguments, "-o", output, "--resume"], check=True)
    processes.run([sys.executable, "-m", "oxbert", *arguments, "-o", whole], check=True)
    assert output.read_bytes() == whole.read_bytes() if kind != "parquet" else read_output(output) == read_output(whole)
    assert len(read_output(output)) == 3000


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_ctrl_c_leaves_whole_lines_and_exits_with_130(kind: str, corpus: Path, tmp_path: Path) -> None:
    output = tmp_path / f"out.{kind}"
    code, errors = stopped(
        ["detect", "-i", corpus, "-o", output, "--threads", 1],
        output,
        lambda process: process.send_signal(signal.SIGINT),
    )
    count = len(read_output(output))
    assert 0 < count < 3000 and output.read_bytes().endswith(b"\n")
    assert (code, errors) == (130, f"stopped after {count} rows; the same command with --resume continues\n")
