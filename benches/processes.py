"""Run peers in processes of their own, which take orders from the measuring process and time their own calls.

So no library disturbs another's threads, and the memory of each can be read off its process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class Failed(RuntimeError):
    """Say why a peer cannot run."""


class Process:
    """Hold the process of a peer; every method asks it and waits for the answer.

    `arguments` are those of Python, `log` is the file for what the process prints, and `environment` is added to this
    process's.
    """

    def __init__(self, arguments: list[str], log: Path, environment: Mapping[str, str]) -> None:
        self.log = log.open("w+b")
        self.process = subprocess.Popen(
            [sys.executable, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
            env={**os.environ, **environment}, cwd=Path(__file__).parents[1],
        )  # fmt: skip

    def ask(self, order: str, **details: object) -> Any:
        assert self.process.stdin and self.process.stdout
        try:
            self.process.stdin.write(json.dumps({"order": order, **details}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        answer = self.process.stdout.readline()
        if not answer:
            self.log.seek(0)
            lines = self.log.read().decode(errors="replace").strip().splitlines()
            raise Failed(f"the process ended with {self.process.wait()}: {lines[-1] if lines else 'no message'}")
        found = json.loads(answer)
        if "failed" in found:
            raise Failed(found["failed"])
        return found["found"]

    def close(self) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.log.close()


def serve(server: object) -> None:
    """Answer orders from standard input by the methods of an object, until there are no more."""
    # What libraries print must not stand among the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"found": getattr(server, request.pop("order"))(**request)}
        except Exception as error:
            message = (str(error).strip() or "no message").splitlines()[0]
            answer = {"failed": f"{type(error).__name__}: {message}"}
        print(json.dumps(answer), file=answers, flush=True)
