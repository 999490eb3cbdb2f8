"""Sentences -> batches of tokenised sentences, of documents to train with and of documents that are held out."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypedDict

from oxbert import Tokenizer
from oxbert.training.data.reading_text import BLOCK, Block, Place

SIDES = ("train", "held_out")
# How many characters of a document decide whether it is held out. They are kept until then.
_HEAD = 1 << 16
BATCH = BLOCK // 2
"""How many characters are tokenised together."""

Lines = tuple[list[str], list[str]]
"""Sentences for training, and held-out sentences; an empty one ends a document."""


class DividerState(TypedDict):
    """Hold the state of a `Divider` between two blocks, as JSON values."""

    side: int | None
    head: list[str]
    documents: int
    held_out: int


class Divider:
    """Decide for each document whether it is held out, and count documents.

    The first 65536 characters of a document decide, so that copies of it in other files or orders are treated alike.

    Args:
        held_out: The share of documents that are held out.
        limit: How many documents to read; None means all.

    Attributes:
        documents: How many documents were read.
        held_out: How many of them are held out.
    """

    def __init__(self, held_out: float = 0.0, limit: int | None = None) -> None:
        self._share, self._limit = held_out, limit
        self._side: int | None = None
        self._head: list[str] = []
        self._size = 0
        self.documents = 0
        self.held_out = 0

    @property
    def is_done(self) -> bool:
        """Return whether the limit is reached."""
        return self._limit is not None and self.documents >= self._limit

    def divide(self, lines: Iterable[str]) -> Lines:
        """Return the lines of each side. Those of a document that is not yet decided are returned later."""
        divided: Lines = ([], [])
        # If nothing is held out, the first line decides.
        head = _HEAD if self._share else 0
        for line in lines:
            if line and self._side is not None:
                divided[self._side].append(line)
            elif line:
                self._head.append(line)
                self._size += len(line)
                if self._size >= head:
                    self._decide(divided)
            elif self._head or self._side is not None:
                side = self._decide(divided) if self._side is None else self._side
                divided[side].append("")
                self._side = None
                self.documents += 1
                self.held_out += side
                if self.is_done:
                    break
        return divided

    def _decide(self, divided: Lines) -> int:
        side = 0
        if self._share:
            text = "\n".join(self._head)[:_HEAD]
            number = int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
            side = int(number < self._share * 2**64)
        divided[side].extend(self._head)
        self._side, self._head, self._size = side, [], 0
        return side

    def state(self) -> DividerState:
        """Return the state to resume from."""
        return {"side": self._side, "head": list(self._head), "documents": self.documents, "held_out": self.held_out}

    def restore(self, state: DividerState) -> None:
        """Resume from a state."""
        self._side, self._head = state["side"], list(state["head"])
        self.documents, self.held_out = state["documents"], state.get("held_out", 0)
        self._size = sum(map(len, self._head))


@dataclass(frozen=True)
class Point:
    """Hold a position to resume from: everything that was read before it has been handed on."""

    place: Place
    divider: DividerState
    bytes_read: int


@dataclass(frozen=True)
class Batch:
    """Hold sentences that are tokenised together, and the position after them if it can be resumed from."""

    lines: Lines
    point: Point | None


def batches(blocks: Iterable[Block], divider: Divider) -> Iterator[Batch]:
    """Regroup blocks of any size into batches of about the same size. The last batch ends with a point."""
    held: Lines = ([], [])
    size = 0
    last: Block | None = None
    for block in () if divider.is_done else blocks:
        last, portions = block, _portions(block)
        for number, portion in enumerate(portions, 1):
            for kept, new in zip(held, divider.divide(portion), strict=True):
                kept.extend(new)
            size += sum(map(len, portion))
            if size >= BATCH and number < len(portions) and not divider.is_done:
                yield Batch(held, None)
                held, size = ([], []), 0
        if divider.is_done:
            break
        if size >= BATCH:
            yield Batch(held, Point(block.place, divider.state(), block.bytes_read))
            held, size = ([], []), 0
    if last is not None:
        yield Batch(held, Point(last.place, divider.state(), last.bytes_read))


def _portions(block: Block) -> list[list[str]]:
    """Return the lines of a block in several portions if there are very many: a record may be a book."""
    if block.size <= 2 * BLOCK:  # the limit for a block of a text file
        return [block.lines]
    portions: list[list[str]] = [[]]
    size = 0
    for line in block.lines:
        if size >= BATCH:
            portions.append([])
            size = 0
        portions[-1].append(line)
        size += len(line)
    return portions


def tokenized(
    parts: Iterable[Batch], tokenizer: Tokenizer, pool: ThreadPoolExecutor
) -> Iterator[tuple[Batch, list[list[list[int]]]]]:
    """Iterate over batches and the ids of their sentences, per side; the next batch is tokenised meanwhile."""
    waiting: deque[tuple[Batch, Future[list[list[list[int]]]]]] = deque()
    for batch in parts:
        waiting.append((batch, pool.submit(_tokenize, tokenizer, batch.lines)))
        if len(waiting) > 1:
            done, future = waiting.popleft()
            yield done, future.result()
    for done, future in waiting:
        yield done, future.result()


def _tokenize(tokenizer: Tokenizer, lines: Lines) -> list[list[list[int]]]:
    texts = [[line for line in side if line] for side in lines]
    both = texts[0] + texts[1]
    if not both:
        return [[], []]
    rows: list[list[int]] = tokenizer(
        both, add_special_tokens=False, return_attention_mask=False, return_token_type_ids=False
    )["input_ids"]
    return [rows[: len(texts[0])], rows[len(texts[0]) :]]
