"""Pack sentences into examples of one or two segments.

The rules are those of google-research/electra, `build_pretraining_dataset.py`. The tokens of a document are gathered
until there are `max_length` of them, without special tokens. The first sentences become the first segment, up to about
half of the example, the others the second.
"""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass
from typing import Any, TypedDict

from oxbert._checks import refused

# The limit of the first segment of an example with one segment: more tokens than a first segment ever has. A sentence
# longer than this can still open a second one, as in the original.
_NO_LIMIT = 100_000
SHORTEST = 5
"""The smallest target length of an example in tokens, and so the smallest `max_length`."""


@dataclass(frozen=True)
class Packing:
    """Say how sentences are packed. The defaults correct defects of the original; `exact` reproduces them.

    Attributes:
        max_length: The longest example in tokens, `[CLS]` and `[SEP]` included.
        keep_overflow: Whether tokens that do not fit begin the next example of the document; a sentence that fits no
            example is then cut into pieces of half an example. The original drops them: about a tenth of ordinary text,
            and nearly all text if a line is a paragraph; examples of such lines never have a second segment there.
        contiguous: Whether all sentences after the beginning of the second segment belong to it. In the original a
            short sentence still goes to the first segment if it fits, so that segments have gaps and sentences change
            their order.
        single_segment: The share of examples that should have one segment.
        short: The share of examples that should be shorter: 5 to `max_length` tokens, uniformly distributed. Only the
            gathering stops earlier: a long last sentence stays whole, up to `max_length`.

    Raises:
        InputError: if the length is below 5 or above 100000, or a share is not from 0 to 1.
    """

    max_length: int = 128
    keep_overflow: bool = True
    contiguous: bool = True
    single_segment: float = 0.1
    short: float = 0.05

    def __post_init__(self) -> None:
        if not SHORTEST <= self.max_length <= _NO_LIMIT:
            raise refused("max_length", f"expected {SHORTEST} to {_NO_LIMIT} tokens, got {self.max_length}")
        for name in ("single_segment", "short"):
            if not 0 <= getattr(self, name) <= 1:
                raise refused(name, f"expected a share from 0 to 1, got {getattr(self, name)}")

    @classmethod
    def exact(cls, max_length: int = 128) -> Packing:
        """Return the rules of google-research/electra.

        Example:
            >>> Packing.exact()
            Packing(max_length=128, keep_overflow=False, contiguous=False, single_segment=0.1, short=0.05)
        """
        return cls(max_length, keep_overflow=False, contiguous=False)


Example = tuple[list[int], list[int]]
"""The tokens of the first segment and of the second, which may be empty, without special tokens."""


class PackerState(TypedDict):
    """Hold the state of a `Packer` between two sentences, as JSON values."""

    random: list[Any]
    target: int
    sentences: list[list[int]]


class Packer:
    """Pack sentences, in the order of the text, into examples.

    Args:
        packing: The rules.
        rng: The source of randomness. With `Packing.exact` it is asked for the same numbers as Python's `random` in the
            original: for each example whether it has one segment, at most once whether a sentence goes to the first
            segment, whether the next example is short, and its length if so.

    Example:
        >>> packer = Packer(Packing(max_length=8, single_segment=0, short=0), random.Random(0))
        >>> packer.add([11, 12, 13])
        >>> packer.add([21, 22, 23, 24, 25])
        >>> packer.end_document()
        >>> packer.take()
        [([11, 12, 13], [21, 22]), ([23, 24, 25], [])]
    """

    def __init__(self, packing: Packing, rng: random.Random) -> None:
        self._packing = packing
        self._random = rng
        # An example of two segments also has [CLS] and two [SEP].
        self._longest = packing.max_length - 3 if packing.keep_overflow else sys.maxsize
        self._sentences: list[list[int]] = []
        self._length = 0
        self._target = packing.max_length
        self._made: list[Example] = []

    def add(self, sentence: list[int]) -> None:
        """Add the tokens of the next sentence of the document. A sentence without tokens changes nothing."""
        pieces = [sentence] if len(sentence) <= self._longest else self._cut(sentence)
        for piece in pieces:
            self._sentences.append(piece)
            self._length += len(piece)
            while self._length >= self._target:
                self._make()

    def end_document(self) -> None:
        """Finish the examples of the document, since no example has tokens of two documents."""
        while self._length:
            self._make()

    def take(self) -> list[Example]:
        """Return the examples made since the last call."""
        made, self._made = self._made, []
        return made

    def _cut(self, sentence: list[int]) -> list[list[int]]:
        half = self._longest // 2
        return [sentence[start : start + half] for start in range(0, len(sentence), half)]

    def _make(self) -> None:
        packing, chance = self._packing, self._random.random
        # 3: [CLS] and two [SEP].
        limit = _NO_LIMIT if chance() < packing.single_segment else (self._target - 3) // 2
        is_contiguous = packing.contiguous
        first: list[int] = []
        second: list[int] = []
        for sentence in self._sentences:
            if second and is_contiguous:
                second += sentence
            elif (
                not first
                or len(first) + len(sentence) < limit
                or (not second and len(first) < limit and chance() < 0.5)
            ):
                first += sentence
            else:
                second += sentence
        kept_first = first[: packing.max_length - 2]
        kept_second = second[: max(0, packing.max_length - 3 - len(kept_first))]
        self._made.append((kept_first, kept_second))
        self._sentences, self._length = [], 0
        if packing.keep_overflow:
            rest = (first[len(kept_first) :], second[len(kept_second) :])
            self._sentences = [tokens for tokens in rest if tokens]
            self._length = sum(map(len, self._sentences))
        self._target = packing.max_length
        if chance() < packing.short:
            self._target = self._random.randint(SHORTEST, packing.max_length)

    def state(self) -> PackerState:
        """Return the state to resume from; call `take` before."""
        version, numbers, spare = self._random.getstate()
        return {"random": [version, list(numbers), spare], "target": self._target, "sentences": self._sentences}

    def restore(self, state: PackerState) -> None:
        """Resume from a state."""
        version, numbers, spare = state["random"]
        self._random.setstate((version, tuple(numbers), spare))
        self._target, self._sentences = state["target"], [list(sentence) for sentence in state["sentences"]]
        self._length = sum(map(len, self._sentences))
        self._made = []
