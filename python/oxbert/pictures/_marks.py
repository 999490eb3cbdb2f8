"""Define what a picture consists of: marks of a text, and bars."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from oxbert.pictures._style import TONES

# Labels that often stand in one text, so that their colours differ.
_USUAL = ("PER", "LOC", "ORG", "MISC")


@dataclass(frozen=True)
class Mark:
    """Mark a part of a text.

    Attributes:
        start: The first character.
        end: One past the last character.
        strength: How strong the colour is, from 0 to 1.
        note: A text in small letters after the part; none by default.
        hint: What a browser shows under the pointer.
        tone: The name that decides the colour; an empty one is the shade.
    """

    start: int
    end: int
    strength: float
    note: str = ""
    hint: str = ""
    tone: str = ""

    @property
    def colour(self) -> str:
        """Return the colour as red, green, blue; a name has the same colour in every picture."""
        if not self.tone:
            return TONES[0]
        number = _USUAL.index(self.tone) if self.tone in _USUAL else zlib.crc32(self.tone.encode())
        return TONES[1 + number % (len(TONES) - 1)]


@dataclass(frozen=True)
class Bar:
    """Show a value from 0 to 1 as a bar.

    Attributes:
        label: What the value belongs to.
        value: The value.
    """

    label: str
    value: float


class Shown(Protocol):
    """Be shown on a page of HTML."""

    def fragment(self) -> str:
        """Return the HTML."""


class Drawn(Shown, Protocol):
    """Be drawn into a file, as a `Picture`."""

    @property
    def groups(self) -> tuple[tuple[Bar, ...], ...]:
        """Return the groups of bars."""

    def pieces(self) -> Iterator[tuple[str, Mark | None]]:
        """Iterate over the parts of the text with their marks."""


__all__ = ["Bar", "Drawn", "Mark", "Shown"]
