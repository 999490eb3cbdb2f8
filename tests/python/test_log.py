"""The log of a run: cut at any place, however long; and the pictures and lines that are made of it."""

from __future__ import annotations

import io
import itertools
import json
import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.summary.writer import event_file_writer

from oxbert.training.loop import curves, log, progress
from oxbert.training.loop.log import RunLog, read_log

from .processes import run

LINES = st.lists(st.integers(1, 3), min_size=0, max_size=12)
TAIL = st.sampled_from(["", '{"step"', '{"step": 3', '{"step": 3, "loss": 1.0', "\0\0\0", "[]\n", "null\n", "\n\n"])


def content(counts: list[int]) -> list[dict[str, Any]]:
    """The lines of a log, with so many for each step."""
    return [
        {"step": step, "loss": float(step)} if number == 0 else {"step": step, f"eval_{number}": 0.5}
        for step, count in enumerate(counts, start=1)
        for number in range(count)
    ]


@given(LINES, TAIL, st.integers(0, 14), st.integers(1, 70))
def test_a_log_goes_on_after_a_step(
    tmp_path_factory: pytest.TempPathFactory, counts: list[int], tail: str, step: int, block: int
) -> None:
    folder = tmp_path_factory.mktemp("log")
    records = content(counts)
    text = "".join(f"{json.dumps(record)}\n" for record in records)
    (folder / "log.jsonl").write_text(text + tail)
    size, log._BLOCK = log._BLOCK, block
    try:
        with RunLog(folder, step) as opened:
            kept = [record for record in records if record["step"] <= step]
            last = kept[-1]["step"] if kept else None
            merged: dict[str, Any] = {}
            for record in kept:
                merged |= record if record["step"] == last else {}
            assert opened.last == merged
            opened.write({"step": step + 1, "loss": float("nan")})
    finally:
        log._BLOCK = size
    assert list(read_log(folder)) == [*kept, {"step": step + 1, "loss": None}]
    assert (folder / "log.jsonl").read_text().count("\n") == len(kept) + 1


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 90)), min_size=1, max_size=6))
def test_a_reopened_log_has_each_step_once(
    tmp_path_factory: pytest.TempPathFactory, parts: list[tuple[int, int, int]]
) -> None:
    """Kill a run several times: some steps after its newest checkpoint, of which the last bytes are lost."""
    folder, saved = tmp_path_factory.mktemp("log"), 0
    path = folder / "log.jsonl"
    for count, ahead, lost in parts:
        with RunLog(folder, saved) as opened:
            size = path.stat().st_size
            for step in range(saved + 1, saved + count + ahead + 1):
                opened.write({"step": step, "loss": step / 8})
                if step == saved + count:
                    opened.flush()
                    size = path.stat().st_size
        os.truncate(path, max(size, path.stat().st_size - lost))
        saved += count
    with RunLog(folder, saved):
        pass
    expected = [{"step": step, "loss": step / 8} for step in range(1, saved + 1)]
    assert list(map(json.loads, path.read_text().splitlines())) == expected == list(read_log(folder))


def test_reopened_tensorboard_files_have_each_step_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The names of the files begin with the second in which they were made, and are read in that order.
    clock = itertools.count(1_000_000_000)
    monkeypatch.setattr(event_file_writer, "time", SimpleNamespace(time=lambda: next(clock)))
    for done, last, scale in [(0, 5, 1), (3, 6, 10)]:
        with RunLog(tmp_path, done, tensorboard=True) as opened:
            for step in range(done + 1, last + 1):
                opened.write({"step": step, "loss": step * scale, "gradient_norm": float("inf")})
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert events.Tags()["scalars"] == ["loss"]
    found = [(event.step, event.value) for event in events.Scalars("loss")]
    assert found == [(1, 1), (2, 2), (3, 3), (4, 40), (5, 50), (6, 60)]


def test_a_change_is_noted_before_its_step(tmp_path: Path) -> None:
    for _ in range(2):
        with RunLog(tmp_path, 2) as opened:
            opened.note({"step": 3, "changes": {"seed": [1, 2]}})
            opened.write({"step": 3, "loss": 1.0})
            assert opened.last == {"step": 3, "loss": 1.0}
    with RunLog(tmp_path, 3) as opened:
        assert opened.last == {"step": 3, "loss": 1.0}
    assert [record["step"] for record in read_log(tmp_path)] == [3, 3]


@given(st.integers(1, 3000), st.integers(1, 20).map(lambda half: 2 * half))
def test_a_curve_keeps_the_mean_of_its_points(count: int, most: int) -> None:
    before, curves._MOST = curves._MOST, most
    try:
        curve = curves._Curve()
        values = np.sin(np.arange(count))
        for step, value in enumerate(values):
            curve.add(step, float(value))
    finally:
        curves._MOST = before
    steps, means = curve.means()
    assert min(count, most / 2) <= len(means) <= most and steps == sorted(steps)
    width = curve._width
    expected = [values[begin : begin + width].mean() for begin in range(0, count, width)]
    assert means == pytest.approx(expected) and curve.last == values[-1]


# How a log of a million steps is resumed and drawn, with what it takes beyond a short one.
LONG = """
import re, sys, time
from pathlib import Path
from oxbert.training.loop.log import RunLog
from oxbert.training.loop.curves import draw_curves

def status(name):
    return int(re.search(rf"{name}:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024

folder, short = map(Path, sys.argv[1:])
draw_curves(short)
open("/proc/self/clear_refs", "w").write("5")
before = status("VmRSS")
begin = time.perf_counter()
for step in (1_000_000, 999_000):
    with RunLog(folder, step) as log:
        assert log.last["step"] == step
print(time.perf_counter() - begin)
draw_curves(folder)
print(status("VmHWM") - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self/clear_refs"), reason="memory is measured with Linux's /proc")
def test_a_million_steps(tmp_path: Path) -> None:
    for name, count in (("long", 1_000_000), ("short", 10)):
        (tmp_path / name).mkdir()
        with open(tmp_path / name / "log.jsonl", "w") as file:
            for step in range(1, count + 1):
                record = f'{{"step": {step}, "loss": 13.017, "masked_lm_loss": 6.31, "replaced_loss": 0.268, '
                file.write(f'{record}"learning_rate": 0.0021, "gradient_norm": 1.2, "skipped": false}}\n')
    done = run([sys.executable, "-c", LONG, tmp_path / "long", tmp_path / "short"], check=True)
    seconds, grown = map(float, done.stdout.split())
    assert seconds < 0.5 and grown < 30, done.stdout


def test_the_picture_has_every_figure_and_every_change(tmp_path: Path) -> None:
    names = [*curves._LOSSES, *curves._FIGURES]
    pictures = {}
    for missing in [None, *names, "changes"]:
        with RunLog(tmp_path, 0) as opened:
            for step in range(1, 60):
                if step == 30 and missing != "changes":
                    opened.note({"step": 30, "changes": {"seed": [1, 2]}})
                place = {name: 0.5 + number / 20 + step / 100 for number, name in enumerate(names) if name != missing}
                opened.write({"step": step, **place})
        pictures[missing] = np.asarray(Image.open(curves.draw_curves(tmp_path)).convert("RGB")).copy()
    assert all(picture.shape == (480, 1320, 3) for picture in pictures.values())
    for missing in [*names, "changes"]:
        assert (pictures[missing] != pictures[None]).any(), missing


# Lines of progress.


def lines_of(shown: bool | None, monkeypatch: pytest.MonkeyPatch, times: list[float], **options: Any) -> list[str]:
    """What progress says of steps that end at these seconds."""
    now, stream = [0.0], io.StringIO()
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(sys, "stderr", stream)
    arguments = {"step": 0, "total": 8700, "batch_size": 32, "epoch_size": 4000, "tokens": 0}
    with progress.Progress(shown, **arguments | options) as bar:
        first = (arguments | options)["step"]
        for step, seconds in enumerate(times, start=first + 1):
            now[0] = seconds
            losses = {"loss": 10.0 + step % 2, "masked_lm_loss": 5.0} | ({"replaced_loss": 0.25} if step % 2 else {})
            bar.update({"step": step, **losses, "learning_rate": 0.0021, "skipped": False}, 1000)
        bar.show_figures({"step": 3, "eval_disc_auc": 0.7512, "eval_disc_loss": 0.25})
    return stream.getvalue().splitlines()


def test_lines_of_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    found = lines_of(None, monkeypatch, [float(second) for second in range(1, 301)])
    places = [int(match[1].replace(",", "")) for line in found if (match := re.match(r"step ([\d,]+)/8,700 \(", line))]
    # After 5 seconds, then after twice the time, up to a minute.
    assert places == [5, 15, 35, 75, 135, 195, 255]
    assert found[0] == "step 0/8,700: 32 of 4,000 examples per step"
    assert found[4] == (
        "step 75/8,700 (1%): loss 10.5 (masked_lm 5, replaced 0.25), rate 0.0021; 2,400 examples, epoch 0.60,"
        " 75k tokens, 1k/s; 2 h 23 min left"
    )
    assert found[-1] == "step 300, held-out text: disc_auc 0.751, disc_loss 0.250"
    # The last step has a line, however soon it comes; a run that goes on counts what was before.
    found = lines_of(None, monkeypatch, [0.1, 0.2], step=8698, tokens=8_698_000, epoch_size=None)
    assert (
        found[1].startswith("step 8,700/8,700 (100%)") and "278,400 examples, 8.7M tokens, 10k/s; 0 s left" in found[1]
    )
    assert lines_of(False, monkeypatch, [float(second) for second in range(100)]) == []


def test_a_reader_that_is_gone_does_not_end_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    for stream in (Gone(), None):
        monkeypatch.setattr(sys, "stderr", stream)
        with progress.Progress(None, step=0, total=2, batch_size=1, epoch_size=1, tokens=0) as shown:
            for step in (1, 2):
                shown.update({"step": step, "loss": 1.0, "learning_rate": 0.1}, 1)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.6, "1 min 0 s"), (200, "3 min 20 s"), (18_720, "5 h 12 min"), (371_000, "4 d 7 h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert progress._duration(seconds) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (999, "999"), (999.6, "1k"), (12_345, "12.3k"), (4.56e6, "4.56M")]
)
def test_short_numbers(number: float, text: str) -> None:
    assert progress._short(number) == text
