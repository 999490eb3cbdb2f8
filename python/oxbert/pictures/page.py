"""Write pictures into a file: any number of them as a page of HTML, or a few as PNG."""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from oxbert._checks import refused, require
from oxbert._files import settle, translate_os_errors
from oxbert.pictures._fonts import cover
from oxbert.pictures._marks import Drawn, Mark, Shown
from oxbert.pictures._style import SHADE, STYLE, TONES
from oxbert.pictures.words import visible

_HEAD = f"""<!doctype html>
<html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>oxbert</title><style>
:root {{ color-scheme: light dark; }}
body {{ max-width: 60em; margin: 2em auto; padding: 0 1em; background: #ffffff; color: #1f2328; }}
@media (prefers-color-scheme: dark) {{ body {{ background: #0d1117; color: #e6edf3; }} }}
{STYLE}</style></head><body>
"""
_TAIL = "</body></html>\n"
_MOST = 40
"""How many pictures fit into a PNG."""
_COLUMNS = 90
_INCH = 0.105
"""The width of a character in inches, for a monospace font of `_POINTS`."""
_POINTS, _SMALL = 12.6, 8.5
_LINE = 0.28


class Page:
    """Write pictures as a page of HTML that needs no other file and runs no script.

    The file appears under its name when it is complete.

    Args:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._beside = path.with_name(f".{path.name}.new")
        with translate_os_errors("write", path):
            self._file = open(self._beside, "w", encoding="utf-8", errors="replace")  # noqa: SIM115
            self._file.write(_HEAD)

    def add(self, picture: Shown) -> None:
        """Append a picture or a drawing."""
        with translate_os_errors("write", self._path):
            self._file.write(picture.fragment())

    def close(self) -> None:
        """Finish the file."""
        with translate_os_errors("write", self._path):
            self._file.write(_TAIL)
            self._file.close()
            settle(self._beside, self._path)

    def stop(self) -> None:
        """Remove what was written."""
        self._file.close()
        self._beside.unlink(missing_ok=True)


class Sheet:
    """Draw pictures below each other as PNG, with matplotlib.

    Args:
        path: The file.

    Raises:
        MissingDependencyError: if matplotlib is not installed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._figure = require("matplotlib", "figure", extra="pictures").Figure
        self._rectangle = require("matplotlib", "patches", extra="pictures").Rectangle
        self._pictures: list[Drawn] = []

    def add(self, picture: Drawn) -> None:
        """Append a picture.

        Raises:
            InputError: if the file holds the largest number of pictures already.
        """
        if len(self._pictures) == _MOST:
            raise refused("--png", f"expected at most {_MOST} texts; a page of HTML has room for any number")
        self._pictures.append(picture)

    def close(self) -> None:
        """Draw and write the file."""
        rows = [row for picture in self._pictures for row in [*_rows(picture), []]][:-1]
        columns = max((piece.column + max(piece.bar, _width(piece.text)) for row in rows for piece in row), default=0)
        width, height = max(30, columns) * _INCH + 0.6, max(1, len(rows)) * _LINE + 0.4
        figure = self._figure(figsize=(width, height), facecolor="white")
        for number, row in enumerate(rows):
            y = 1 - (0.2 + _LINE * (number + 0.5)) / height
            for piece in row:
                x = (0.3 + piece.column * _INCH) / width
                if piece.bar:
                    size = (piece.bar * _INCH / width, 0.5 * _LINE / height)
                    figure.add_artist(self._rectangle((x, y - size[1] / 2), *size, facecolor=piece.colour))
                    continue
                box = {"facecolor": piece.colour, "edgecolor": "none", "boxstyle": "round,pad=0.12"}
                figure.text(
                    x, y, piece.text, family="monospace", fontsize=piece.size, va="center", color="#1f2328",
                    bbox=box if piece.colour else None, parse_math=False,
                )  # fmt: skip
        write_figure(figure, self._path)

    def stop(self) -> None:
        """Write nothing."""


def write_figure(figure: Any, path: Path) -> None:
    """Write a figure of matplotlib as PNG. The file appears under its name when it is complete.

    Raises:
        FileError: if the file cannot be written.

    Warns:
        UserWarning: if no font of the machine has a character, which becomes a box.
    """
    beside = path.with_name(f".{path.name}.new")
    cover(figure)
    with translate_os_errors("write", path), warnings.catch_warnings():
        # `cover` has named the characters that become boxes.
        warnings.filterwarnings("ignore", message="Glyph ")
        try:
            figure.savefig(beside, dpi=150, format="png")
            settle(beside, path)
        finally:
            beside.unlink(missing_ok=True)


class _Piece(NamedTuple):
    """Hold a piece of a row: a text, or a bar `bar` columns wide."""

    column: float
    text: str
    colour: Any = None
    size: float = _POINTS
    bar: float = 0.0


def _rows(picture: Drawn) -> Iterator[list[_Piece]]:
    """Break a picture into rows of pieces, at spaces if possible."""
    row: list[_Piece] = []
    column = 0.0
    for text, mark in _words(picture):
        noted = 0.6 + _width(mark.note) * _SMALL / _POINTS if mark and mark.note else 0
        width = _width(text) + noted
        if text == "\n" or (column and column + width > _COLUMNS):
            yield row
            row, column = [], 0.0
            if text.isspace():
                continue
        while _width(text) > _COLUMNS:
            yield [_Piece(0, text[:_COLUMNS], _colour(mark))]
            text = text[_COLUMNS:]
        row.append(_Piece(column, text, _colour(mark)))
        if mark and mark.note:
            row.append(_Piece(column + _width(text) + 0.35, mark.note, size=_SMALL))
        column += _width(text) + noted
    if row:
        yield row
    for number, bars in enumerate(picture.groups):
        if number:
            yield []
        label = max((_width(bar.label) for bar in bars), default=0)
        for bar in bars:
            shown = _rgba(TONES[1], SHADE)
            yield [
                _Piece(2, visible(bar.label)),
                _Piece(4 + label, f"{bar.value:4.0%}"),
                _Piece(10 + label, "", shown, bar=max(0.1, 30 * bar.value)),
            ]


def _words(picture: Drawn) -> Iterator[tuple[str, Mark | None]]:
    """Yield marked parts whole and the rest by words, spaces and line breaks."""
    for piece, mark in picture.pieces():
        if mark is not None and "\n" not in piece:
            yield piece, mark
            continue
        word = ""
        for character in piece.replace("\t", " "):
            if character in " \n":
                if word:
                    yield word, mark
                yield character, None
                word = ""
            else:
                word += character
        if word:
            yield word, mark


def _width(text: str) -> int:
    return sum(
        0 if unicodedata.combining(one) else 2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text
    )


def _colour(mark: Mark | None) -> Any:
    return _rgba(mark.colour, SHADE * mark.strength) if mark and mark.strength else None


def _rgba(colour: str, strength: float) -> tuple[float, ...]:
    # Over white, so that the file needs no transparency.
    return tuple(1 - strength * (1 - int(part) / 255) for part in colour.split(","))


@contextmanager
def open_page(path: Path) -> Iterator[Page | Sheet]:
    """Return what writes pictures into a file, as its ending says, and finish the file at the end of the block.

    Raises:
        InputError: if the ending is neither `.html` nor `.png`.
        MissingDependencyError: if the file is a PNG and matplotlib is not installed.
    """
    if path.suffix.lower() not in (".html", ".htm", ".png"):
        raise refused("path", f"expected .html or .png at the end, got {path}")
    page: Page | Sheet = Sheet(path) if path.suffix.lower() == ".png" else Page(path)
    try:
        yield page
    except BaseException:
        page.stop()
        raise
    page.close()


__all__ = ["Page", "Sheet", "open_page", "write_figure"]
