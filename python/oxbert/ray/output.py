"""Plan the parts of an output, and know which of them are there.

An output is a folder of Parquet files. `_oxbert.json` in it says what the parts are made of, and is written first. A
part has the rows `start` to `stop` of one input file, so what is missing follows from the names of the files.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from oxbert._checks import refused, require
from oxbert._files import damaged, translate_os_errors
from oxbert._types import PathLike
from oxbert.ray.parts import Part
from oxbert.ray.places import Place, find_inputs, locate, opened, write_whole

MANIFEST = "_oxbert.json"
_FORMAT = "oxbert-predictions"
_PART, _BESIDE = re.compile(r"part-\d{6,}-\d{6,}\.parquet"), ".part-"
_READERS = 16
"""How many files are opened at once, since a store in the cloud answers slowly but many at a time."""


@dataclass(frozen=True)
class Report:
    """Say what an output has.

    Attributes:
        rows: The number of rows.
        bad_rows: How many of them have no answer.
        parts: The number of files.
        found: How many of the files were there before.
    """

    rows: int
    bad_rows: int
    parts: int
    found: int


class Output:
    """Know what an output consists of, and what is missing.

    Args:
        folder: The folder.
        inputs: The files of the input.
        settings: What decides the results, as JSON has it.
        rows_per_part: The largest number of rows of a part.
        overwrite: Whether to delete what an earlier call has written.

    Attributes:
        parts: The parts in the order of the input.

    Raises:
        InputError: if the folder has files of something else, or was written with another input or settings, or lies
            in the input.
        DataError: if a file of the input is damaged.
        FileError: if a file cannot be read or written.
    """

    def __init__(
        self,
        folder: PathLike,
        inputs: PathLike | Sequence[PathLike],
        settings: Mapping[str, Any],
        *,
        rows_per_part: int,
        overwrite: bool,
    ) -> None:
        self.folder = locate(folder)
        sources = find_inputs(inputs)
        for source in sources:
            if source.system == self.folder.system and source.path.startswith(f"{self.folder.path.rstrip('/')}/"):
                raise refused("output", f"expected a folder without the input, got {source.path} in {folder}")
        made: dict[str, Any] = {"format": _FORMAT, "settings": dict(settings), "rows_per_part": rows_per_part}
        # Tuples and paths are lists and strings in a file.
        made = json.loads(json.dumps(made, default=os.fspath))
        with translate_os_errors("read", self.folder.path):
            known = self._known(overwrite)
            files = [_stamp(source) for source in sources]
            if known is None:
                with ThreadPoolExecutor(_READERS) as pool:
                    counts = list(pool.map(_count_rows, sources))
                made["inputs"] = [{**file, "rows": count} for file, count in zip(files, counts, strict=True)]
            else:
                self._compare(known, made, files)
                made = known
        self.parts = _cut(sources, [file["rows"] for file in made["inputs"]], rows_per_part)
        if known is None:
            with translate_os_errors("write", self.folder.path):
                self.folder.system.create_dir(self.folder.path, recursive=True)
            write_whole(self.folder, MANIFEST, lambda sink: sink.write(json.dumps(made, indent=1).encode()))

    def missing(self) -> list[Part]:
        """Return the parts that are not there."""
        names = set(self._names())
        return [part for part in self.parts if part.name not in names]

    def count(self, parts: Iterable[Part], error: str | None) -> int:
        """Return how many rows of parts have no answer.

        Args:
            parts: Parts that are there.
            error: The column that says why a row has no answer, if there is one.

        Raises:
            DataError: if a part has another number of rows than it should.
        """
        with ThreadPoolExecutor(_READERS) as pool:
            return sum(pool.map(lambda part: self._count(part, error), parts))

    def clean(self) -> None:
        """Delete what stopped writers have left."""
        for name in self._names():
            if name.startswith(_BESIDE):
                with suppress(OSError):
                    self.folder.system.delete_file((self.folder / name).path)

    def _count(self, part: Part, error: str | None) -> int:
        with opened(self.folder / part.name) as file:
            found, wanted = file.metadata.num_rows, part.stop - part.start
            if found != wanted:
                place = (self.folder / part.name).path
                raise damaged(place, f"expected {wanted} rows, found {found}; delete the file and call again")
            if error is None:
                return 0
            column: Any = file.read(columns=[error]).column(0)
            return int(found - column.null_count)

    def _names(self) -> list[str]:
        fs = require("pyarrow", "fs", extra="ray")
        with translate_os_errors("read", self.folder.path):
            found = self.folder.system.get_file_info(fs.FileSelector(self.folder.path, allow_not_found=True))
        return [info.base_name for info in found]

    def _known(self, overwrite: bool) -> dict[str, Any] | None:
        """Return what the folder's own description says, None if there is nothing in the folder."""
        names = [name for name in self._names() if not name.startswith(_BESIDE)]
        strange = [name for name in names if name != MANIFEST and not _PART.fullmatch(name)]
        if strange or (names and MANIFEST not in names and not overwrite):
            raise refused("output", f"expected a new folder, found {(strange or names)[0]} in {self.folder.path}")
        if not names:
            return None
        if overwrite:
            # The description goes first, so that a stop leaves no description of parts that are gone.
            for name in sorted(names, key=lambda name: name != MANIFEST):
                self.folder.system.delete_file((self.folder / name).path)
            return None
        place = self.folder / MANIFEST
        with place.system.open_input_stream(place.path) as file:
            try:
                known: Any = json.loads(file.read())
            except ValueError as error:
                raise damaged(place.path, f"expected JSON: {error}") from error
        if not isinstance(known, dict) or known.get("format") != _FORMAT:
            raise damaged(place.path, f"expected the description of an output, of the format {_FORMAT}")
        return known

    def _compare(self, known: Mapping[str, Any], made: Mapping[str, Any], files: list[dict[str, Any]]) -> None:
        way = "; call with the same arguments, with overwrite=True, or with another output"
        for name, value in {**made["settings"], "rows_per_part": made["rows_per_part"]}.items():
            before = known["settings"].get(name) if name in made["settings"] else known[name]
            if before != value:
                reason = f"{self.folder.path} was written with {name} = {before!r}, got {value!r}"
                raise refused("output", reason + way)
        before = [{key: value for key, value in one.items() if key != "rows"} for one in known["inputs"]]
        if before != files:
            changed = next((one["path"] for one in files if one not in before), None)
            what = "lacks files that were there" if changed is None else f"has a new or changed file {changed}"
            raise refused("output", f"the input of {self.folder.path} {what}{way}")


def _cut(sources: Sequence[Place], counts: Sequence[int], rows: int) -> list[Part]:
    """Return the parts of an output. A file without rows has one too, with the columns alone."""
    return [
        Part(f"part-{number:06}-{start // rows:06}.parquet", source, start, min(start + rows, count))
        for number, (source, count) in enumerate(zip(sources, counts, strict=True))
        for start in range(0, max(count, 1), rows)
    ]


def _stamp(place: Place) -> dict[str, Any]:
    info = place.system.get_file_info(place.path)
    return {"path": info.path, "size": info.size, "mtime_ns": info.mtime_ns}


def _count_rows(place: Place) -> int:
    with opened(place) as file:
        return int(file.metadata.num_rows)


__all__ = ["MANIFEST", "Output", "Report"]
