"""Processes that tests start: none outlives the block that started it, nor pytest itself.

Each process leads a group of its own, and leaving its block kills the group, so that what the process has started ends
too. pytest itself may be killed (SIGKILL, SIGTERM, a timeout that exits), and then leaves no block. Therefore a guard,
one small process for the whole run of pytest, knows all groups that are alive. Its standard input is a pipe that only
pytest writes to; at its end the guard kills the groups that are left.
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

# Lines are the numbers of groups: one that begins, or with a minus one that has ended.
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
    """Start the guard, and return the end of the pipe that tells it of groups."""
    theirs, ours = os.pipe()
    # In a session of its own, where no signal from a terminal reaches it.
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", GUARD],
        stdin=theirs, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    # A forked child would keep the pipe open.
    os.register_at_fork(after_in_child=lambda: os.close(ours))
    atexit.register(process.wait)
    atexit.register(os.close, ours)
    return ours


@contextmanager
def start(command: Sequence[object], **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """Start a process in a group of its own; on leaving, kill the group and wait for the process.

    Args:
        command: The program and its arguments; each is made a text.
        options: Those of `subprocess.Popen`.
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
    """Run a process to its end, and return its exit code and what it has written.

    Args:
        command: The program and its arguments; each is made a text.
        seconds: After so many, `subprocess.TimeoutExpired` is raised.
        check: Whether an exit code other than 0 fails the test.
        options: Those of `subprocess.Popen`; both outputs are read as text unless they say otherwise.
    """
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with start(command, **pipes | options) as process:
        said, complaint = process.communicate(timeout=seconds)
    assert process.returncode == 0 or not check, f"exit code {process.returncode}: {(complaint or '')[-3000:]}"
    return subprocess.CompletedProcess(process.args, process.returncode, said, complaint)
