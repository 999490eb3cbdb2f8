"""Implement `oxbert pretrain-data`: text -> a folder of examples to pre-train ELECTRA on."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from oxbert import ElectraTokenizer, OxbertError, Tokenizer
from oxbert._files import is_file
from oxbert._types import Documents, InvalidText
from oxbert.cli._shared import INTERRUPTED, fail, open_bar, open_console, print_warning

if TYPE_CHECKING:
    from oxbert.training.data import Manifest, Progress


def pretrain_data(
    source: Annotated[
        list[str],
        typer.Argument(help="Text files (.txt, .jsonl, .parquet; .gz), folders, or patterns.", show_default=False),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="The folder for the examples.", show_default=False)
    ],
    vocab: Annotated[
        str | None, typer.Option(help="A vocab.txt, or the folder or name of a model.", show_default=False)
    ] = None,
    vocab_size: Annotated[
        int | None, typer.Option(help="The size of a vocabulary to learn, instead of --vocab.", show_default=False)
    ] = None,
    alphabet: Annotated[int, typer.Option(help="The number of characters of a learnt vocabulary.")] = 1000,
    lower_case: Annotated[
        bool | None,
        typer.Option("--lower-case/--no-lower-case", help="By default yes, or as for the model.", show_default=False),
    ] = None,
    strip_accents: Annotated[
        bool | None,
        typer.Option("--strip-accents/--no-strip-accents", help="By default as for lower-case.", show_default=False),
    ] = None,
    max_length: Annotated[int, typer.Option(help="The length of the longest example in tokens.")] = 128,
    short: Annotated[float, typer.Option(help="The share of examples that are shorter.")] = 0.05,
    single_segment: Annotated[float, typer.Option(help="The share of examples with one segment.")] = 0.1,
    documents: Annotated[Documents, typer.Option(help="What ends a document of a text file.")] = "blank-lines",
    text_field: Annotated[str, typer.Option(help="The field or column with the text.")] = "text",
    invalid_text: Annotated[InvalidText, typer.Option(help="What to do with text that is not UTF-8.")] = "error",
    held_out: Annotated[float, typer.Option(help="The share of documents for FOLDER/held_out.")] = 0.0,
    limit: Annotated[int | None, typer.Option(help="The number of documents to read.", show_default=False)] = None,
    seed: Annotated[int, typer.Option(help="The seed of everything that is drawn.")] = 0,
    shuffle: Annotated[bool, typer.Option("--shuffle/--no-shuffle", help="Whether to shuffle the examples.")] = True,
    exact: Annotated[
        bool, typer.Option("--exact", help="Pack as google-research/electra does, with its defects.")
    ] = False,
    keep_overflow: Annotated[
        bool | None,
        typer.Option(
            "--keep-overflow/--drop-overflow", help="What to do with text that does not fit.", show_default=False
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Delete existing examples first.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")] = False,
) -> None:
    """Tokenise, pack and shuffle a corpus for ELECTRA's pre-training.

    Text has one sentence per line and a blank line between documents. A record of JSON lines or Parquet is a document.
    After a stop the same command continues.
    """
    if (vocab is None) == (vocab_size is None):
        raise typer.BadParameter("expected one of --vocab and --vocab-size", param_hint="--vocab")
    begin = time.monotonic()
    bar = _Bar(quiet)
    try:
        # Imported here, so that other commands do not wait for it.
        from oxbert.training.data import write_examples

        manifest = write_examples(
            source,
            output,
            _tokenizer(vocab, lower_case, strip_accents) if vocab is not None else None,
            vocab_size=vocab_size,
            do_lower_case=lower_case is not False,
            strip_accents=strip_accents,
            alphabet=alphabet,
            max_length=max_length,
            short=short,
            single_segment=single_segment,
            documents=documents,
            text_field=text_field,
            invalid_text=invalid_text,
            exact=exact,
            keep_overflow=keep_overflow,
            shuffle=shuffle,
            seed=seed,
            held_out=held_out,
            limit=limit,
            overwrite=overwrite,
            track=bar.show,
        )
    except (OxbertError, OSError, MemoryError) as error:
        bar.close()
        raise fail(error) from error
    except KeyboardInterrupt as error:
        bar.close()
        open_console(stderr=True).print("stopped; the same command continues")
        raise typer.Exit(INTERRUPTED) from error
    bar.close()
    if not quiet:
        _describe(open_console(), manifest, output, time.monotonic() - begin)
        if reason := manifest.advise():
            print_warning(reason)


def _tokenizer(vocab: str, lower_case: bool | None, strip_accents: bool | None) -> Tokenizer:
    if is_file(vocab):
        return ElectraTokenizer(vocab, do_lower_case=lower_case is not False, strip_accents=strip_accents)
    return ElectraTokenizer.from_pretrained(vocab, do_lower_case=lower_case, strip_accents=strip_accents)


class _Bar:
    """Show progress on a terminal: bytes of the sources, then parts."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._phase = ""
        self._bar: Any = None
        self._first: tuple[float, int] = (0.0, 0)

    def show(self, progress: Progress) -> None:
        if progress.phase != self._phase:
            self.close()
            self._phase = progress.phase
            self._first = (time.monotonic(), progress.tokens)
            unit = " parts" if progress.phase == "writing" else "B"
            self._bar = open_bar(
                self._quiet,
                total=progress.total,
                initial=progress.done,
                desc=progress.phase,
                unit=unit,
                unit_scale=unit == "B",
            )
        if progress.documents:
            since, before = self._first
            rate = (progress.tokens - before) / max(time.monotonic() - since, 1e-3)
            speed = f", {rate / 1e6:.2f}M tokens/s" if progress.phase == "reading" else ""
            self._bar.set_postfix_str(f"{progress.documents} documents{speed}", refresh=False)
        self._bar.update(progress.done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _describe(console: Console, manifest: Manifest, folder: Path, seconds: float) -> None:
    from oxbert.training.data.writing import HELD_OUT

    def line(text: str) -> None:
        console.print(text, markup=False)

    count = f"{len(manifest.parts)} {'part' if len(manifest.parts) == 1 else 'parts'}"
    line(f"{folder}: {manifest.examples} examples, {manifest.tokens} tokens, {count}, {manifest.bytes / 1e6:.1f} MB")
    line(f"  rows of  {manifest.mean_length:.1f} tokens on average, at most {manifest.max_length}")
    share = manifest.options["held_out"]
    held_out = type(manifest).read(folder / HELD_OUT) if share else None
    documents = manifest.documents + (held_out.documents if held_out else 0)
    line(f"  read     {documents} documents, {manifest.sources['bytes'] / 1e6:.1f} MB, in {seconds:.1f} s")
    line(f"  ids of   {manifest.vocabulary.size} tokens, {folder / 'vocab.txt'}")
    if held_out:
        found = f"{held_out.documents} of {documents} documents ({held_out.documents / documents:.2%})"
        line(f"  held out {found}, {held_out.examples} examples, {held_out.tokens} tokens, in {folder / HELD_OUT}")
        if not held_out.documents:
            reason = f"nothing is held out: the text of each document decides, with a probability of {share:.2%}"
            print_warning(f"{reason}; pass a larger --held-out")
