"""Print results for people: shaded words, bars, highlighted parts, on terminals of any width, and without colours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from oxbert.pictures import Mark, Picture, visible

_BAR = 24
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def has_colours(console: Console) -> bool:
    """Return whether a console shows colours."""
    return console.color_system is not None and not console.no_color


def print_picture(console: Console, picture: Picture, *, is_plain_noted: bool = True) -> None:
    """Print a text with its marks, and its bars below.

    With colours a mark is shaded; without, its note stands behind it in angle brackets.

    Args:
        console: Where to print.
        picture: The picture.
        is_plain_noted: Whether notes are printed if there are no colours.
    """
    line = Text()
    for piece, mark in picture.pieces():
        if mark is None:
            line.append(piece)
        elif has_colours(console):
            line.append(piece, _style(mark))
        else:
            line.append(f"{piece} <{mark.note}>" if mark.note and is_plain_noted else piece)
    # A terminal breaks lines at spaces; a file gets them whole.
    console.print(line, soft_wrap=not console.is_terminal)
    print_bars(console, [[(bar.label, bar.value) for bar in bars] for bars in picture.groups])


def print_bars(console: Console, groups: Sequence[Sequence[tuple[str, float]]]) -> None:
    """Print values from 0 to 1 as bars, a line each; a narrow terminal has shorter bars, or none.

    Several groups are numbered, such as those of the masks of a text.
    """
    bars = [
        ("" if place else str(number), visible(label), value)
        for number, group in enumerate(groups, 1)
        for place, (label, value) in enumerate(group)
    ]
    if not bars:
        return
    indent = 2 if len(groups) == 1 else 4 + len(str(len(groups)))
    widest = max(cell_len(label) for _, label, _ in bars)
    room = min(_BAR, console.width - indent - widest - 8) if console.is_terminal else _BAR
    for number, label, value in bars:
        line = Text(f"  {number}".ljust(indent) if len(groups) > 1 else " " * indent)
        line.append(label).append(" " * (widest - cell_len(label)))
        line.append(f"  {value:4.0%}")
        if room >= 4:
            line.append(" ").append(_bar(value, room, console.encoding), "cyan" if has_colours(console) else "")
        line.rstrip()
        console.print(line)


def print_table(console: Console, rows: Iterable[Sequence[str]]) -> None:
    """Print rows as columns without lines. A terminal has the last column wrapped at its width."""
    cells = [[visible(cell) for cell in row] for row in rows]
    if not console.is_terminal:
        widths = [max(map(cell_len, column)) for column in zip_longest(*cells, fillvalue="")]
        for row in cells:
            padded = (cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=False))
            console.print("  ".join(padded).rstrip(), markup=False)
        return
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for row in cells:
        while len(table.columns) < len(row):
            table.add_column(overflow="fold", no_wrap=len(table.columns) < len(row) - 1)
        table.add_row(*map(Text, row))
    console.print(table, soft_wrap=False)


def _bar(value: float, width: int, encoding: str) -> str:
    eighths = round(8 * width * min(1.0, max(0.0, value)))
    if "utf" not in encoding.lower():
        return "#" * round(eighths / 8)
    return ("█" * (eighths // 8) + _EIGHTHS[eighths % 8]).rstrip()


def _style(mark: Mark) -> str:
    """Return the style of a mark, which terminals with a dark and with a light background show."""
    if not mark.strength:
        return ""
    colour = [int(part) for part in mark.colour.split(",")]
    # From grey to the colour, as both kinds of background show grey.
    red, green, blue = (round(150 + (part - 150) * mark.strength) for part in colour)
    return f"bold rgb({red},{green},{blue})"


__all__ = ["has_colours", "print_bars", "print_picture", "print_table"]
