"""Save results as pictures beside the output: `--html` and `--png`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from oxbert._checks import refused
from oxbert.cli._stream import Result, Sink
from oxbert.pictures import Page, Picture, Sheet
from oxbert.pictures.page import open_page


@dataclass(frozen=True)
class PictureOptions:
    """Hold the options that say where pictures of the results go."""

    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A page of HTML that shows the results.", show_default=False),
    ] = None
    png: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A picture of the results of a few texts.", show_default=False),
    ] = None


@dataclass(frozen=True)
class _Drawn:
    page: Page | Sheet
    draw: Callable[[Result], Picture]

    def add(self, result: Result) -> None:
        self.page.add(self.draw(result))


@contextmanager
def opened(options: PictureOptions, draw: Callable[[Result], Picture]) -> Iterator[list[Sink]]:
    """Return what draws results into the files of the options, which are complete at the end of the block.

    Args:
        options: The files.
        draw: Returns the picture of a result.

    Raises:
        InputError: if a file has another ending.
        MissingDependencyError: if there is a PNG to draw and matplotlib is not installed.
    """
    with ExitStack() as stack:
        sinks: list[Sink] = []
        for path, endings in ((options.html, (".html", ".htm")), (options.png, (".png",))):
            if path is not None:
                if path.suffix.lower() not in endings:
                    raise refused(f"--{endings[0][1:]}", f"expected {endings[0]} at the end, got {path}")
                sinks.append(_Drawn(stack.enter_context(open_page(path)), draw))
        yield sinks


__all__ = ["PictureOptions", "opened"]
