"""Start processes that outlive neither the block that started them nor pytest.

Each process leads a group of its own, and leaving its block kills the group with all descendants. If pytest itself is
killed (SIGKILL, SIGTERM, a timeout that exits), no block is left. For that case a guard, one small process per pytest
run, knows all living groups. Its standard input is a pipe that only pytest writes to; when the pipe closes, the guard
kills the remaining groups.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any

# Each line is the id of a group that has started, or the negated id of one that has ended.
GUARD = """
import os, signal, sys
alive = set()
for line in sys.stdin:
    group = int(line)
    alive.add(group) if group > 0 else alive.discard(-group)
for group in alive:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass
"""


@cache
def guard() -> int:
    """Start the guard, and return the write end of the pipe that reports groups to it."""
    theirs, ours = os.pipe()
    # A session of its own keeps signals of the terminal away.
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", GUARD],
        stdin=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    # A forked child that kept the pipe open would hide the death of pytest.
    os.register_at_fork(after_in_child=lambda: os.close(ours))
    atexit.register(process.wait)
    atexit.register(os.close, ours)
    return ours


@contextmanager
def start(command: Sequence[object], **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """Start a process in a group of its own; on leaving, kill the group and wait for the process.

    Args:
        command: The program and its arguments; each is made a text.
        options: Passed to `subprocess.Popen`.
    """
    pipe = guard()
    process = subprocess.Popen([str(word) for word in command], start_new_session=True, **options)
    try:
        os.write(pipe, b"%d\n" % process.pid)
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.write(pipe, b"-%d\n" % process.pid)
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def run(
    command: Sequence[object], *, seconds: float = 110, check: bool = False, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run a process to its end, and return its exit code and outputs.

    Args:
        command: The program and its arguments; each is made a text.
        seconds: The time limit, after which `subprocess.TimeoutExpired` is raised.
        check: Whether an exit code other than 0 fails the test.
        options: Passed to `subprocess.Popen`; by default both outputs are read as text.
    """
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with start(command, **pipes | options) as process:
        output, errors = process.communicate(timeout=seconds)
    assert process.returncode == 0 or not check, f"exit code {process.returncode}: {(errors or '')[-3000:]}"
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)
