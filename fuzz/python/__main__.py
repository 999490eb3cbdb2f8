"""Run generated calls in worker processes, and print each kind of finding once: `python -m fuzz.python --cases N`."""

from __future__ import annotations

import argparse
import json
import queue
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from fuzz.python.calls import find_targets, make_case

CHUNK = 500
"""Cases per process."""

HANGS_AFTER = 30.0
"""Seconds after which a case counts as hanging."""

STARTS_WITHIN = 120.0
"""Seconds that a worker may take to import and to make its models."""


@dataclass(frozen=True)
class Finding:
    """Hold one case that ended in a way that is not allowed."""

    number: int
    target: str
    case: str
    fault: str

    @property
    def kind(self) -> tuple[str, str]:
        """Return what findings with one cause share: the callable, and the fault without its numbers."""
        return self.target, re.sub(r"\d+|'[^']*'", "_", self.fault)[:120]


def run_chunk(seed: int, first: int, count: int) -> Iterator[Finding]:
    """Run cases in a process of their own. A case that ends or hangs it is a finding, and a new process goes on."""
    while count > 0:
        number, end = first - 1, ""
        with tempfile.TemporaryFile("w+", errors="replace") as errors:
            command = [sys.executable, "-m", "fuzz.python.worker", str(seed), str(first), str(count)]
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, text=True, errors="replace"
            )
            try:
                for report in _read(process):
                    if "begins" in report:
                        number = report["begins"]
                    elif "done" in report:
                        return
                    else:
                        yield Finding(**report)
                process.wait()
                errors.seek(0)
                last = ([line for line in errors if line.strip()] or ["nothing on standard error"])[-1]
                end = f"the process ended with {process.returncode}: {last.strip()[:200]}"
            except TimeoutError:
                end = f"no end after {HANGS_AFTER:.0f} s"
            finally:
                process.kill()
                process.wait()
        if number < first:
            raise SystemExit(f"a worker did not start: {end}")
        target, case = make_case(find_targets(), seed, number)
        yield Finding(number, target.name, case, end)
        count -= number + 1 - first
        first = number + 1


def _read(process: subprocess.Popen[str]) -> Iterator[dict[str, Any]]:
    """Return the reports of a worker as they come.

    Raises:
        TimeoutError: if none comes for too long.
    """
    reports: queue.Queue[dict[str, Any] | None] = queue.Queue()

    def read() -> None:
        for line in process.stdout or ():
            reports.put(json.loads(line))
        reports.put(None)

    threading.Thread(target=read, daemon=True).start()
    patience = STARTS_WITHIN
    while True:
        try:
            report = reports.get(timeout=patience)
        except queue.Empty:
            raise TimeoutError from None
        if report is None:
            return
        yield report
        patience = HANGS_AFTER


def main() -> int:
    """Run the command and return its exit code: 1 if there is a finding."""
    parser = argparse.ArgumentParser(prog="fuzz.python", description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000, help="number of calls [%(default)s]")
    parser.add_argument("--seed", type=int, default=0, help="from which the calls are made [%(default)s]")
    parser.add_argument("--first", type=int, default=0, help="number of the first case [%(default)s]")
    parser.add_argument("--workers", type=int, default=2, help="processes at a time [%(default)s]")
    given = parser.parse_args()
    chunks: queue.Queue[tuple[int, int]] = queue.Queue()
    end = given.first + given.cases
    for first in range(given.first, end, CHUNK):
        chunks.put((first, min(CHUNK, end - first)))
    kinds: dict[tuple[str, str], list[Finding]] = {}
    guard, failures = threading.Lock(), list[BaseException]()

    def work() -> None:
        try:
            while not failures:
                first, count = chunks.get_nowait()
                for finding in run_chunk(given.seed, first, count):
                    with guard:
                        kinds.setdefault(finding.kind, []).append(finding)
                        if len(kinds[finding.kind]) == 1:
                            print(f"{finding.number}: {finding.fault}\n    {finding.case[:400]}", flush=True)
        except queue.Empty:
            return
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(given.workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    count = sum(map(len, kinds.values()))
    print(f"{given.cases} calls of {len(find_targets())} callables: {count} findings of {len(kinds)} kinds")
    return min(len(kinds), 1)


if __name__ == "__main__":
    sys.exit(main())
