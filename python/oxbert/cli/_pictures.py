"""Save results as pictures beside the output: `--html` and `--png`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from oxbert._checks import refused
from oxbert.cli._options import StreamOptions
from oxbert.cli._reading import is_same_file
from oxbert.cli._shared import printed_warnings
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
def opened(options: PictureOptions, stream: StreamOptions, draw: Callable[[Result], Picture]) -> Iterator[list[Sink]]:
    """Return what draws results into the files of the options, which are complete at the end of the block.

    Args:
        options: The files.
        stream: The input, the output, and whether existing files are replaced.
        draw: Returns the picture of a result.

    Raises:
        InputError: if a file has another ending, exists, or is the input or the output.
        MissingDependencyError: if there is a PNG to draw and matplotlib is not installed.
    """
    with printed_warnings(), ExitStack() as stack:
        sinks: list[Sink] = []
        for path, endings in ((options.html, (".html", ".htm")), (options.png, (".png",))):
            if path is not None:
                name = f"--{endings[0][1:]}"
                if path.suffix.lower() not in endings:
                    raise refused(name, f"expected {endings[0]} at the end, got {path}")
                if path == stream.output or is_same_file(path, stream.input):
                    raise refused(name, f"expected a file of its own, got {path} for the input or the output too")
                if path.exists() and not stream.overwrite:
                    raise refused(name, f"{path} exists; expected --overwrite")
                if stream.resume:
                    # Results of the first run are not drawn again.
                    raise refused(name, "expected none with --resume: the picture would lack the rows of the first run")
                sinks.append(_Drawn(stack.enter_context(open_page(path)), draw))
        yield sinks


__all__ = ["PictureOptions", "opened"]
