"""Define what drawings share that are not texts: they are shown by notebooks, and saved as HTML or PNG."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from oxbert._checks import refused, require
from oxbert.pictures._style import STYLE
from oxbert.pictures.page import Page, write_figure


class Drawing(ABC):
    """Be shown by notebooks, and saved as a page of HTML or as PNG."""

    @abstractmethod
    def fragment(self) -> str:
        """Return the drawing as a part of a page whose style is `STYLE`; texts are escaped."""

    @abstractmethod
    def _draw(self, figure: type[Any]) -> Any:
        """Draw a figure of matplotlib, of this class."""

    def to_html(self) -> str:
        """Return the drawing as HTML with its style, for a part of any page; texts are escaped."""
        return f"<div><style>{STYLE}</style>{self.fragment()}</div>"

    def _repr_html_(self) -> str:
        return self.to_html()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the drawing as a page of HTML or as PNG, as the ending of the path says.

        Raises:
            InputError: if the ending is neither `.html` nor `.png`.
            FileError: if the file cannot be written.
            MissingDependencyError: if the file is a PNG and matplotlib is not installed.
        """
        target = Path(path)
        if target.suffix.lower() == ".png":
            write_figure(self._draw(require("matplotlib", "figure", extra="pictures").Figure), target)
        elif target.suffix.lower() in (".html", ".htm"):
            page = Page(target)
            try:
                page.add(self)
            except BaseException:
                page.stop()
                raise
            page.close()
        else:
            raise refused("path", f"expected .html or .png at the end, got {target}")


__all__ = ["Drawing"]
