"""Find fonts of the machine for characters that matplotlib's own font lacks."""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

from oxbert._checks import require

_SHOWN = 8
_INVISIBLE = {"Cc", "Cf", "Cn", "Cs", "Zl", "Zp", "Zs"}


def cover(figure: Any) -> None:
    """Let the texts of a figure of matplotlib use other fonts for characters that their own lacks.

    Warns:
        UserWarning: if no font of the machine has a character, which becomes a box.
    """
    fonts = require("matplotlib", "font_manager", extra="pictures")
    texts = figure.findobj(require("matplotlib", "text", extra="pictures").Text)
    characters = {one for text in texts for one in text.get_text() if _is_visible(one)}
    own = {fonts.findfont(text.get_fontproperties()) for text in texts}
    missing = {one for one in characters if any(ord(one) not in _glyphs(fonts, path) for path in own)}
    if not missing:
        return
    found = _choose({name: _glyphs(fonts, path) for name, path in _families(fonts).items()}, missing)
    for text in texts:
        text.set_fontfamily([*text.get_fontfamily(), *found])
    boxes = sorted(missing.difference(*found.values()))
    if boxes:
        shown = " ".join(boxes[:_SHOWN]) + (" ..." if len(boxes) > _SHOWN else "")
        warnings.warn(
            f"no font of this machine has {shown}, drawn as boxes: install one that has, such as Noto Sans CJK, or "
            "save the picture as HTML",
            UserWarning,
            stacklevel=4,
        )


def _is_visible(character: str) -> bool:
    return not character.isascii() and unicodedata.category(character) not in _INVISIBLE


def _families(fonts: Any) -> dict[str, str]:
    """Return the file of the plainest font of each family."""
    entries = sorted(fonts.fontManager.ttflist, key=lambda one: (one.style != "normal", one.weight != 400, one.fname))
    found: dict[str, str] = {}
    for entry in entries:
        # matplotlib's last font has a sign for every kind of letter, and no letter.
        if not entry.name.startswith("Last Resort"):
            found.setdefault(entry.name, entry.fname)
    return found


def _glyphs(fonts: Any, path: str) -> Mapping[int, int]:
    """Return the glyphs of a font by the numbers of their characters."""
    try:
        found: Mapping[int, int] = fonts.get_font(path).get_charmap()
    except (OSError, RuntimeError):
        # Among them fonts of bitmaps, such as those of coloured emoji.
        return {}
    return found


def _choose(fonts: Mapping[str, Iterable[int]], missing: set[str]) -> dict[str, set[str]]:
    """Return fonts that together have as many of some characters as there are, those with the most first."""
    found: dict[str, set[str]] = {}
    left = {ord(one) for one in missing}
    known = {name: left & set(characters) for name, characters in fonts.items()}
    while left and (best := max(known, key=lambda name: len(known[name] & left), default=None)) and known[best] & left:
        found[best] = {chr(one) for one in known[best] & left}
        left -= known[best]
    return found


__all__ = ["cover"]
