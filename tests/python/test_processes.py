"""Test that processes started by tests outlive neither the test nor pytest."""

from __future__ import annotations

import ast
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .processes import run, start

HERE = Path(__file__).parent
# A process and its child write to the pipe and keep it open longer than any test may take.
PARENT = """
import os, subprocess, sys, time
pipe = os.open(sys.argv[1], os.O_WRONLY)
child = [sys.executable, "-c", f"import os, time; os.write({pipe}, b'c'); time.sleep(600)"]
subprocess.Popen(child, pass_fds=[pipe])
os.write(pipe, b"p")
time.sleep(600)
"""
# A test that starts these processes.
TEST = f"""
import importlib.util
spec = importlib.util.spec_from_file_location("processes", {str(HERE / "processes.py")!r})
processes = importlib.util.module_from_spec(spec)
spec.loader.exec_module(processes)
def test_it():
    processes.run([{sys.executable!r}, "-c", {PARENT!r}, FIFO], seconds=SECONDS)
"""


@pytest.fixture
def pipe(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """Create a named pipe and its read end, which reaches end of file when no process holds the pipe open."""
    os.mkfifo(tmp_path / "fifo")
    end = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    yield tmp_path / "fifo", end
    os.close(end)


def read(end: int, count: int) -> bytes:
    """Read `count` bytes, or less at the end of the pipe."""
    found, deadline = b"", time.monotonic() + 20
    while len(found) < count:
        ready, _, _ = select.select([end], [], [], deadline - time.monotonic())
        assert ready, f"the pipe is still open, after {found!r}"
        more = os.read(end, count - len(found))
        if not more:
            break
        found += more
    return found


@pytest.mark.parametrize("ending", ["SIGINT", "SIGTERM", "SIGKILL", "timeout-signal", "timeout-thread", "seconds"])
def test_processes_of_a_test_end_with_pytest(ending: str, pipe: tuple[Path, int], tmp_path: Path) -> None:
    fifo, end = pipe
    test = tmp_path / "test_it.py"
    test.write_text(TEST.replace("FIFO", repr(str(fifo))).replace("SECONDS", "1" if ending == "seconds" else "600"))
    command: list[object] = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", tmp_path, test]
    command += ["-p", "no:cacheprovider"]
    if ending.startswith("timeout"):
        command += ["--timeout", "1", "--timeout-method", ending.removeprefix("timeout-")]
    # Only pytest gets the signal, because its tests run in process groups of their own.
    with start(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as pytest_itself:
        assert sorted(read(end, 2)) == sorted(b"pc")
        if ending.startswith("SIG"):
            pytest_itself.send_signal(getattr(signal, ending))
        assert read(end, 1) == b""
        assert pytest_itself.wait(20) != 0


def test_leaving_the_block_kills_the_whole_group(pipe: tuple[Path, int]) -> None:
    fifo, end = pipe
    with pytest.raises(ZeroDivisionError), start([sys.executable, "-c", PARENT, fifo]) as process:
        assert sorted(read(end, 2)) == sorted(b"pc")
        raise ZeroDivisionError
    assert process.returncode == -signal.SIGKILL
    assert read(end, 1) == b""


def test_run_returns_the_outputs_and_checks_the_exit_code() -> None:
    script = "import sys; print('output'); print('error', file=sys.stderr); sys.exit(int(sys.argv[1]))"
    done = run([sys.executable, "-c", script, 3])
    assert (done.returncode, done.stdout, done.stderr) == (3, "output\n", "error\n")
    with pytest.raises(AssertionError, match="exit code 3: error"):
        run([sys.executable, "-c", script, 3], check=True)
    assert run([sys.executable, "-c", script, 0], check=True, stderr=subprocess.DEVNULL).stderr is None


@pytest.mark.parametrize("path", sorted(HERE.glob("*.py")), ids=lambda path: path.stem)
def test_only_processes_py_starts_processes(path: Path) -> None:
    """Check that no module starts processes directly, because those would outlive a pytest that is killed."""
    if path.name in ("processes.py", "hostile_cases.py"):
        pytest.skip("this module is the place that starts processes, or is itself started as a process")
    starts = {"subprocess": {"Popen", "run", "call", "check_call", "check_output"}, "os": {"fork", "system", "popen"}}
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            names = {(node.module, name.name) for name in node.names}
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names = {(node.value.id, node.attr)}
        else:
            continue
        for module, name in names:
            assert name not in starts.get(module or "", ()), f"line {node.lineno}: {module}.{name}"
