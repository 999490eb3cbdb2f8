"""Generated calls of everything that is public: a few of those of `make fuzz-python`, and the fuzzer itself."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fuzz.python import __main__ as fuzz
from fuzz.python.calls import Target, find_targets, make_case
from fuzz.python.worker import run
from tests.python import processes

import oxbert
import oxbert.conversion
import oxbert.training.data

ROOT = Path(__file__).parents[2]


def test_generated_calls_raise_errors_of_oxbert_only() -> None:
    done = processes.run([sys.executable, "-m", "fuzz.python", "--cases", "400", "--workers", "1"], cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("400 calls of ") and ": 0 findings" in done.stdout


def test_cases_depend_on_seed_and_number_alone() -> None:
    targets = find_targets()
    cases = [make_case(targets, 1, number)[1] for number in range(50)]
    assert cases == [make_case(targets, 1, number)[1] for number in range(50)]
    assert cases != [make_case(targets, 2, number)[1] for number in range(50)]
    # Every model, configuration, tokenizer and pipeline is among the targets.
    assert {target.name.split(".")[1] for target in targets} >= {"ElectraForMaskedLM", "DistilBertConfig", "FillMask"}


@pytest.mark.parametrize(
    ("case", "fault"),
    [
        ("1", None),
        ("int('a')", None),
        ("[][0]", "IndexError"),
        ("1 / 0", "ZeroDivisionError"),
        ("(_ for _ in ()).throw(KeyboardInterrupt)", "KeyboardInterrupt"),
        ("type('Unprintable', (), {'__repr__': lambda self: 1 / 0})()", "ZeroDivisionError"),
    ],
)
def test_other_exceptions_are_findings(case: str, fault: str | None) -> None:
    found = run(case, {})
    assert (found is None) == (fault is None) and (found or "").startswith(fault or "")


@pytest.mark.parametrize(
    ("case", "fault"),
    [("os.abort()", "the process ended with -6"), ("__import__('time').sleep(60)", "no end after 2 s")],
)
def test_crashes_and_hangs_are_findings(case: str, fault: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # A worker that has one bad case among good ones.
    planted = f"""
import os, sys
from fuzz.python import worker
worker.make_case = lambda targets, seed, number: (targets[0], {case!r} if number == 1 else "1")
worker.main(*map(int, sys.argv[1:]))
"""
    script = tmp_path / "planted.py"
    script.write_text(planted)
    popen = fuzz.subprocess.Popen

    def start(command: list[str], **options: Any) -> Any:
        return popen([command[0], str(script), *command[3:]], **options, cwd=ROOT, env={"PYTHONPATH": str(ROOT)})

    monkeypatch.setattr(fuzz.subprocess, "Popen", start)
    monkeypatch.setattr(fuzz, "HANGS_AFTER", 2.0)
    monkeypatch.setattr(fuzz, "make_case", lambda *_: (Target("planted", "", (), ()), case))
    findings = list(fuzz.run_chunk(seed=0, first=0, count=3))
    assert [(finding.number, finding.case) for finding in findings] == [(1, case)]
    assert findings[0].fault.startswith(fault)


NAMES = ["a" * 5000, "a/" * 5000, "\0", "a" * 300 + ".json", "[MASK]" * 60]


@pytest.mark.parametrize("name", NAMES, ids=["long", "deep", "null", "ending", "brackets"])
@pytest.mark.parametrize(
    "use",
    [
        oxbert.conversion.find_weights,
        lambda name: oxbert.conversion.find_target(name, name),
        oxbert.convert,
        oxbert.AutoModel.from_pretrained,
        oxbert.AutoTokenizer.from_pretrained,
        oxbert.ElectraTokenizer,
        lambda name: oxbert.training.export_checkpoint(name, "out"),
        lambda name: oxbert.training.pretrain(name, "out", "tiny"),
        oxbert.training.data.ExampleDataset,
        oxbert.training.data.TFRecordDataset,
        lambda name: oxbert.training.data.write_examples([name], "out", "electra-tiny-generator"),
    ],
)  # fmt: skip
def test_a_name_that_the_system_refuses_is_an_error_of_oxbert(
    use: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises((oxbert.OxbertError, ValueError)) as caught:
        use(name)
    assert isinstance(caught.value, oxbert.OxbertError) or "null" in str(caught.value)


@pytest.mark.parametrize("patterns", [[1], [Path("a")], [b"a"], np.broadcast_to(np.int64(1), (1, 10**12))])
def test_patterns_are_texts(patterns: Any) -> None:
    with pytest.raises(oxbert.errors.DtypeError, match="patterns: expected"):
        oxbert.conversion.find_sources(patterns)
