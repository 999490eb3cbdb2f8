"""Write a folder of shuffled examples from a plan: tokenise, pack, fill buckets, write parts, resume after a stop."""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from math import ceil
from pathlib import Path
from typing import Any

from oxbert import Tokenizer
from oxbert._checks import refused
from oxbert._files import translate_os_errors
from oxbert._types import Phase
from oxbert.errors import DataError, MissingFileError
from oxbert.training.data.buckets import Buckets
from oxbert.training.data.documents import SIDES, Batch, Divider, Point, batches, tokenized
from oxbert.training.data.journal import SOURCES, Journal
from oxbert.training.data.manifest import UNFINISHED, Manifest, Vocabulary, save_tokenizer
from oxbert.training.data.packing import Packer, Packing
from oxbert.training.data.parts import check_part, part_name, write_part
from oxbert.training.data.reading_text import Place, Reader
from oxbert.training.data.sources import TextFile

HELD_OUT = "held_out"
"""The folder of the held-out examples, in that of the examples."""
FLUSH = 1 << 22
"""How many ids are kept in memory before they are written to the buckets; four bytes each."""
# An estimate of the bytes of text per token, which gives the number of buckets, and of the ratio of compression.
_BYTES_PER_TOKEN = 4
_COMPRESSION = 3


@dataclass(frozen=True)
class Progress:
    """Report the progress of a run.

    Attributes:
        phase: `vocabulary` and `reading` count bytes of the sources, `writing` counts parts.
        done: How many are done.
        total: How many there are.
        documents: The documents read since the beginning.
        examples: The examples made.
        tokens: The tokens of the examples, with special tokens.
    """

    phase: Phase
    done: int
    total: int
    documents: int = 0
    examples: int = 0
    tokens: int = 0


Track = Callable[[Progress], object]


@dataclass(frozen=True)
class Plan:
    """Hold everything that decides what is written. `write_examples` documents the fields."""

    files: list[TextFile]
    reader: Reader
    packing: Packing
    vocabulary: Vocabulary
    seed: int
    is_exact: bool
    is_shuffled: bool
    held_out: float
    limit: int | None
    part_tokens: int
    options: dict[str, Any]
    sources: dict[str, Any]

    def manifest(self) -> Manifest:
        """Return the manifest without the counts, which are known only at the end."""
        return Manifest(self.vocabulary, self.packing.max_length, self.seed, self.options, self.sources, 0, ())

    def to_json(self) -> dict[str, Any]:
        """Return what must be the same for another run to resume."""
        state = hashlib.sha256()
        for file in self.files:
            state.update(f"{file.path.absolute()}\0{file.size}\0{file.changed}\n".encode("utf-8", "surrogateescape"))
        return asdict(self.manifest()) | {SOURCES: state.hexdigest()}

    def buckets(self, side: int) -> int:
        """Return the number of buckets, so that each has about `part_tokens` tokens."""
        size = sum(file.size * (_COMPRESSION if file.is_gzip or file.format == "parquet" else 1) for file in self.files)
        share = (1 - self.held_out, self.held_out)[side]
        return max(1, ceil(size / _BYTES_PER_TOKEN * share / self.part_tokens))


def write(folder: Path, plan: Plan, tokenizer: Tokenizer, track: Track) -> Manifest:
    """Write the examples of a plan, or those that an interrupted run has not written.

    Raises:
        InputError: if there is no text, or the folder was begun with another plan.
        DataError: if a text cannot be read.
        FileError: if a file cannot be read or written.
    """
    journal = Journal(folder / UNFINISHED, plan.to_json())
    state = journal.load()
    writer = _Writer(folder, plan, tokenizer, track, journal)
    if state and not writer.restore(state):
        # A file of the run before is lost or damaged, so start anew.
        writer, state = _Writer(folder, plan, tokenizer, track, journal), None
    if not state:
        journal.clear()
    return writer.write(state)


class _Writer:
    """Run a plan. Side 0 is the training data, side 1 the held-out data."""

    def __init__(self, folder: Path, plan: Plan, tokenizer: Tokenizer, track: Track, journal: Journal) -> None:
        self._folder, self._plan, self._tokenizer = folder, plan, tokenizer
        self._track, self._journal = track, journal
        self._divider = Divider(plan.held_out, plan.limit)
        self._files = list(plan.files)
        sides = range(2 if plan.held_out else 1)
        # A string seeds Python's generator in the same way in every release. The original has no seed; exact mode uses
        # the number itself, so that the original after `random.seed(seed)` does the same, shuffling the files first.
        chance = [random.Random(plan.seed if plan.is_exact and not side else f"{plan.seed}/{side}") for side in sides]
        if plan.is_exact:
            chance[0].shuffle(self._files)
        self._packers = [Packer(plan.packing, rng) for rng in chance]
        self._buckets = [self._make_buckets(side) for side in sides]
        self._total = sum(file.size for file in plan.files)

    def _make_buckets(self, side: int) -> Buckets:
        plan = self._plan
        return Buckets(
            self._folder / UNFINISHED,
            SIDES[side],
            count=plan.buckets(side),
            seed=plan.seed * 2 + side,
            is_shuffled=plan.is_shuffled,
            tokens=plan.part_tokens,
            cls=plan.vocabulary.cls,
            sep=plan.vocabulary.sep,
        )

    def restore(self, state: dict[str, Any]) -> bool:
        """Resume from a state; return False if a file of the run before is lost or damaged."""
        try:
            for side, buckets in enumerate(self._buckets):
                parts = self._journal.parts[side]
                for part in parts:
                    check_part(self._place(side) / part.file, part, verify=True)
                buckets.restore(state["buckets"][side], done=len(parts))
        except (DataError, MissingFileError):
            return False
        self._divider.restore(state["divider"])
        for packer, packed in zip(self._packers, state["packers"], strict=True):
            packer.restore(packed)
        return True

    def write(self, state: dict[str, Any] | None) -> Manifest:
        """Write what the state does not have yet."""
        if not state or not state["is_read"]:
            self._read(Place(**state["place"]) if state else Place())
        if not self._buckets[0].examples:
            self._journal.clear()
            given = ", ".join(self._plan.sources["given"])
            is_held = any(buckets.examples for buckets in self._buckets)
            reason = f"expected text to train with in {given}, {'but all is held out' if is_held else 'found none'}"
            raise refused("sources", reason)
        return self._write_parts()

    def _place(self, side: int) -> Path:
        return self._folder / HELD_OUT if side else self._folder

    def _read(self, place: Place) -> None:
        point = Point(place, self._divider.state(), 0)
        parts = batches(self._plan.reader.read(self._files, place), self._divider)
        with _pool() as pool:
            for batch, rows in tokenized(parts, self._tokenizer, pool):
                self._pack(batch, rows)
                if batch.point:
                    point = batch.point
                    if sum(buckets.waiting for buckets in self._buckets) >= FLUSH:
                        self._save(point, is_read=False)
                    self._tell(point)
        self._save(point, is_read=True)

    def _pack(self, batch: Batch, rows: list[list[list[int]]]) -> None:
        for side, (packer, buckets) in enumerate(zip(self._packers, self._buckets, strict=True)):
            tokens = iter(rows[side])
            for line in batch.lines[side]:
                if line:
                    packer.add(next(tokens))
                else:
                    packer.end_document()
            buckets.add(packer.take())

    def _tell(self, point: Point) -> None:
        examples, tokens = (sum(getattr(side, name) for side in self._buckets) for name in ("examples", "tokens"))
        documents = point.divider["documents"]
        self._track(Progress("reading", point.bytes_read, self._total, documents, examples, tokens))

    def _save(self, point: Point, *, is_read: bool) -> None:
        for buckets in self._buckets:
            buckets.flush()
        self._journal.save(
            {
                "is_read": is_read,
                "place": asdict(point.place),
                "divider": point.divider,
                "packers": [packer.state() for packer in self._packers],
                "buckets": [buckets.state() for buckets in self._buckets],
            }
        )

    def _write_parts(self) -> Manifest:
        total = sum(map(len, self._buckets))
        manifest = self._plan.manifest()
        # Held-out data come first, so that they are finished when the folder is.
        for side in reversed(range(len(self._buckets))):
            buckets, place, parts = self._buckets[side], self._place(side), self._journal.parts[side]
            with translate_os_errors("write", place):
                place.mkdir(exist_ok=True)
            for number in range(len(buckets)):
                if number >= len(parts):
                    keys = (self._plan.seed, side, number) if self._plan.is_shuffled else None
                    self._journal.add(side, write_part(place / part_name(number), buckets.load(number), keys))
                buckets.remove(number)
                self._tell_parts(total)
            save_tokenizer(self._tokenizer, place)
            held_out = self._divider.held_out
            documents = held_out if side else self._divider.documents - held_out
            manifest = replace(manifest, documents=documents, parts=tuple(parts))
            manifest.write(place)
        with translate_os_errors("write", self._folder):
            shutil.rmtree(self._folder / UNFINISHED)
        return manifest

    def _tell_parts(self, total: int) -> None:
        parts = [part for side in self._journal.parts for part in side]
        examples, tokens = (sum(getattr(part, name) for part in parts) for name in ("examples", "tokens"))
        self._track(Progress("writing", len(parts), total, self._divider.documents, examples, tokens))


@contextmanager
def _pool() -> Iterator[ThreadPoolExecutor]:
    """Open a pool of one thread beside the one that reads and packs; Ctrl-C waits only for the current batch."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="oxbert-tokenizer")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
