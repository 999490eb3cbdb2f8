"""Log the steps of a run as lines of JSON and for TensorBoard."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from typing_extensions import Self

from oxbert._checks import require
from oxbert._files import is_file, translate_os_errors

_LOG, _BOARD = "log.jsonl", "tensorboard"
CHANGES = "changes"
"""The entry that tells a line about a change of options from a line about a step."""
_STEP = re.compile(rb'\{"step": (\d+)[,}]')
_BLOCK = 1 << 16


class RunLog(AbstractContextManager["RunLog"]):
    """Write `log.jsonl` in the folder of a run, one line per step, and TensorBoard files if asked for.

    After an interruption the log continues after the step that the run resumes from: lines of later steps, which will
    be run again, are dropped. Infinity and NaN become null, since JSON has neither.

    Args:
        folder: The folder of the run.
        step: The number of steps that are done.
        tensorboard: Whether to write `tensorboard/` as well.

    Raises:
        MissingDependencyError: if `tensorboard` is not installed.
        FileError: if the log cannot be read or written.

    Attributes:
        last: The merged lines of the last step; empty if there is no line.
    """

    def __init__(self, folder: Path, step: int, *, tensorboard: bool = False) -> None:
        if tensorboard:
            require("tensorboard")
        path = folder / _LOG
        self.last: dict[str, Any] = {}
        with translate_os_errors("write", path):
            folder.mkdir(parents=True, exist_ok=True)
            if path.exists():
                for record in _cut(path, step):
                    self._remember(record)
            self._file = open(path, "a", encoding="utf-8", buffering=1)  # noqa: SIM115
        self._board: Any = None
        if tensorboard:
            writer = require("torch.utils.tensorboard").SummaryWriter
            self._board = writer(str(folder / _BOARD), purge_step=step + 1)

    def write(self, record: Mapping[str, Any]) -> None:
        """Write a line about a step; `step` is its number. A step may have several lines."""
        finite = replace_not_finite(record)
        print(json.dumps(finite), file=self._file)
        self._remember(finite)
        if self._board is not None:
            for name, value in finite.items():
                if name != "step" and value is not None:
                    self._board.add_scalar(name, value, record["step"])

    def note(self, event: Mapping[str, Any]) -> None:
        """Write a line about an event before a step, such as a change of options. Its `step` is that step."""
        print(json.dumps(dict(event)), file=self._file)

    def _remember(self, record: dict[str, Any]) -> None:
        if CHANGES in record:
            return
        self.last = self.last | record if self.last.get("step") == record["step"] else record

    def flush(self) -> None:
        """Sync the log to the disk, so that no checkpoint is ahead of the log."""
        self._file.flush()
        os.fsync(self._file.fileno())
        if self._board is not None:
            self._board.flush()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        if self._board is not None:
            self._board.close()

    def __enter__(self) -> Self:
        return self


def replace_not_finite(record: Mapping[str, float]) -> dict[str, Any]:
    """Return a record with None for infinity and NaN, which JSON lacks."""
    return {name: value if math.isfinite(value) else None for name, value in record.items()}


def has_log(folder: Path) -> bool:
    """Return whether the folder of a run has a log."""
    return is_file(folder / _LOG)


def read_log(folder: Path) -> Iterator[dict[str, Any]]:
    """Iterate over the lines of the log of a run, in order, without a truncated last line.

    Raises:
        FileError: if the log cannot be read.
    """
    with translate_os_errors("read", folder / _LOG), open(folder / _LOG, "rb") as file:
        for line in file:
            record = _parse(line)
            if record is not None:
                yield record


def _cut(path: Path, step: int) -> list[dict[str, Any]]:
    """Cut off the lines of later steps and a truncated line, and return the lines of the last step that is left.

    Only the end of the file is read, since the steps of a log rise.
    """
    found: list[dict[str, Any]] = []
    end = 0
    with open(path, "r+b") as file:
        for begin, line in _backwards(file):
            match = _STEP.match(line)
            is_later = match is not None and int(match[1]) > step
            record = None if is_later else _parse(line)
            if record is None or record["step"] > step:
                continue
            if not found:
                end = begin + len(line)
            elif record["step"] != found[0]["step"]:
                break
            found.insert(0, record)
        size = file.seek(0, os.SEEK_END)
        if size != end + bool(end):
            file.truncate(end)
            file.seek(end)
            file.write(b"\n" if end else b"")
    return found


def _backwards(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Iterate over the lines of a file from the last to the first, with the places they begin at; skip empty lines."""
    place, rest = file.seek(0, os.SEEK_END), b""
    while place:
        size = min(_BLOCK, place)
        place -= size
        file.seek(place)
        rest, *lines = (file.read(size) + rest).split(b"\n")
        begin = place + len(rest) + 1
        places = []
        for line in lines:
            places.append((begin, line))
            begin += len(line) + 1
        yield from ((begin, line) for begin, line in reversed(places) if line)
    if rest:
        yield 0, rest


def _parse(line: bytes) -> dict[str, Any] | None:
    """Return a line of the log; None if it is no such line, as when the process was killed while it wrote."""
    try:
        record = json.loads(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and type(record.get("step")) is int else None


__all__ = ["CHANGES", "RunLog", "has_log", "read_log", "replace_not_finite"]
