"""The log of a run: cut at any place, however long; and the pictures and lines that are made of it."""

from __future__ import annotations

import io
import re
import sys
from typing import Any

import pytest

from oxbert.training.loop import progress

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
