"""A picture: a text with marks, and bars below it; and its two forms, HTML and a figure of matplotlib."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path

from oxbert.pictures._marks import Bar, Mark
from oxbert.pictures._style import SHADE, STYLE, TONES
from oxbert.pictures.words import visible


@dataclass(frozen=True)
class Picture:
    """Hold a text with marks, and groups of bars below it. Notebooks show the picture.

    Attributes:
        text: The text.
        marks: Marked parts, in their order, not overlapping.
        groups: Groups of bars, such as one for each mask.

    Example:
        >>> from oxbert.pictures import Mark, Picture
        >>> picture = Picture("<b> is shown", (Mark(0, 3, 0.5, note="50%"),))
        >>> "&lt;b&gt;" in picture.to_html(), "<b>" in picture.to_html()
        (True, False)
        >>> picture.save("picture.html")
    """

    text: str
    marks: tuple[Mark, ...] = ()
    groups: tuple[tuple[Bar, ...], ...] = ()

    def pieces(self) -> Iterator[tuple[str, Mark | None]]:
        """Iterate over the parts of the text with their marks; None for the text between marks."""
        place, text = 0, visible(self.text)
        for mark in sorted(self.marks, key=lambda mark: mark.start):
            start = max(place, mark.start)
            if start > place:
                yield text[place:start], None
            if mark.end > start:
                yield text[start : mark.end], mark
            place = max(start, mark.end)
        if place < len(text):
            yield text[place:], None

    def fragment(self) -> str:
        """Return the picture as a part of a page whose style is `STYLE`; texts are escaped."""
        parts = ['<div class="oxbert-picture"><p class="oxbert-text" dir="auto">']
        for piece, mark in self.pieces():
            if mark is None:
                parts.append(escape(piece))
                continue
            note = f'<span class="oxbert-note">{escape(visible(mark.note))}</span>' if mark.note else ""
            hint = f' title="{escape(visible(mark.hint))}"' if mark.hint else ""
            if not mark.strength:
                parts.append(f"<span{hint}>{escape(piece)}{note}</span>")
                continue
            colour = f"rgba({mark.colour},{SHADE * mark.strength:.2f})"
            parts.append(f'<mark class="oxbert-mark" style="background:{colour}"{hint}>{escape(piece)}{note}</mark>')
        parts.append("</p>")
        for bars in self.groups:
            parts.append('<table class="oxbert-bars">')
            for bar in bars:
                width = f"{100 * min(1.0, max(0.0, bar.value)):.1f}%"
                colour = f"rgba({TONES[1]},{SHADE})"
                parts.append(
                    f"<tr><th>{escape(visible(bar.label))}</th>"
                    f'<td class="oxbert-value">{bar.value:.0%}</td><td class="oxbert-track">'
                    f'<span class="oxbert-bar" style="width:{width};background:{colour}"></span></td></tr>'
                )
            parts.append("</table>")
        parts.append("</div>\n")
        return "".join(parts)

    def to_html(self) -> str:
        """Return the picture as HTML with its style, for a part of any page; texts are escaped."""
        return f"<div><style>{STYLE}</style>{self.fragment()}</div>"

    def _repr_html_(self) -> str:
        return self.to_html()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture as a page of HTML or as PNG, as the ending of the path says.

        Raises:
            InputError: if the ending is neither `.html` nor `.png`.
            FileError: if the file cannot be written.
            MissingDependencyError: if the file is a PNG and matplotlib is not installed.
        """
        from oxbert.pictures.page import open_page

        with open_page(Path(path)) as page:
            page.add(self)


__all__ = ["Picture"]
