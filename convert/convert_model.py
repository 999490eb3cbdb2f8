"""Any checkpoint -> `rust_model.ot`: `python convert/convert_model.py SOURCE...`; `--help` lists the options."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from tqdm import tqdm

from oxbert import OxbertError
from oxbert.conversion import DTYPES, Options, Report, convert, find_sources, find_weights, target_of

# Names that are listed of each kind before the rest is only counted.
SHOWN = 8


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 all converted, 1 something failed, 2 the command line is wrong."""
    parser = command_line()
    given = parser.parse_args(arguments)
    sources = find_sources(given.source)
    if given.output is not None and len(sources) != 1:
        parser.error(f"--output needs a single source, got {len(sources)}: {', '.join(sources)}")
    if given.output is not None and given.output.suffix != ".ot":
        parser.error(f"--output: expected a name that ends in .ot, got {given.output}")
    options = Options(
        prefix=given.prefix,
        suffix=given.suffix,
        skip_embeddings=given.skip_embeddings,
        skip_lm_head=given.skip_lm_head,
        dtype=given.dtype,
    )
    failed = []
    clashes = {} if given.output else find_clashes(sources)
    for source in sources:
        try:
            if source in clashes:
                raise OxbertError(clashes[source])
            report = convert(source, given.output, options=options, track=partial(bar, source, given.quiet))
        except (OxbertError, OSError, MemoryError) as error:
            failed.append(source)
            reason = str(error) or type(error).__name__
            print(f"error: {reason if source in reason else f'{source}: {reason}'}", file=sys.stderr)
        else:
            if not given.quiet:
                print("\n".join(describe(report, options, given.verbose)))
    if len(sources) > 1 and (failed or not given.quiet):
        print(f"{len(sources) - len(failed)} of {len(sources)} converted", file=sys.stderr if failed else sys.stdout)
        for source in failed:
            print(f"  failed: {source}", file=sys.stderr)
    return 1 if failed else 0


def command_line() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="convert_model.py",
        description="Writes the weights of checkpoints as rust_model.ot, for rust_bert, tch and oxbert.",
        epilog="An existing rust_model.ot is replaced once the new one is complete and has been compared.",
    )
    add = parser.add_argument
    add("source", nargs="+", help="a .bin, .pt, .safetensors or .ot file, a folder with one, or a pattern of them")
    add("--output", type=Path, metavar="FILE", help="the file to write, of a single source [rust_model.ot beside it]")
    names = parser.add_mutually_exclusive_group()
    names.add_argument("--prefix", help="put this before every name, e.g. electra or distilbert")
    names.add_argument("--suffix", action="store_true", help="keep only the last part of every name")
    add("--skip-embeddings", "--skip_embeddings", action="store_true", help="leave out copies of shared embeddings")
    add("--skip-lm-head", "--skip_lm_head", action="store_true", help="leave out the decoder of a language model")
    add("--dtype", type=str.lower, choices=DTYPES, help="convert float tensors [keep what they are]")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--quiet", action="store_true", help="print errors only")
    output.add_argument("--verbose", action="store_true", help="list every name that changes")
    return parser


def find_clashes(sources: Iterable[str]) -> dict[str, str]:
    """Sources that would write the same file: none of them can be converted, since only the last would be left."""
    targets: dict[Path, dict[Path, str]] = {}
    for source in sources:
        try:
            file = find_weights(source)
        except (OxbertError, OSError):
            continue  # What is wrong with it is told when its turn comes.
        targets.setdefault(target_of(file).resolve(), {})[file.absolute()] = source
    clashes = {}
    for target, files in targets.items():
        if len(files) > 1:
            reason = f"{' and '.join(map(str, files))} would both be written to {target}; use --output for each"
            clashes.update(dict.fromkeys(files.values(), reason))
    return clashes


def bar(source: str, quiet: bool, names: Sequence[str]) -> Iterable[str]:
    """A progress bar on a terminal."""
    # None: off where standard error is no terminal.
    return tqdm(names, desc=source, unit=" tensors", leave=False, disable=True if quiet else None)


def describe(report: Report, options: Options, verbose: bool) -> list[str]:
    lines = [f"{report.source} -> {report.target}"]

    def row(what: str, count: int, details: Sequence[str] = ()) -> None:
        lines.append(f"  {what:<8} {count:>5}")
        shown = details if verbose else details[:SHOWN]
        lines.extend(f"             {detail}" for detail in shown)
        if len(shown) < len(details):
            lines.append(f"             and {len(details) - len(shown)} more (--verbose lists all)")

    row("kept", report.kept)
    row("renamed", len(report.renamed), [f"{old} -> {new}" for old, new in report.renamed.items()])
    row("dropped", len(report.dropped), [f"{name}: {why}" for name, why in report.dropped.items()])
    row("added", len(report.added), [f"{name}: tied to {words}" for name, words in report.added.items()])
    changes = Counter({f"{old} -> {new}: {count}": count for (old, new), count in report.cast.items()})
    row("dtype", sum(changes.values()), list(changes))
    if report.flushed:
        lines.append(f"             {report.flushed} numbers are too small for {options.dtype} and became 0")
    lines.append(f"  written  {report.tensors:>5} tensors, {report.size / 1e6:.1f} MB")
    for name, skipped in [("embeddings", options.skip_embeddings), ("lm-head", options.skip_lm_head)]:
        if skipped and not any(f"--skip-{name}" in why for why in report.dropped.values()):
            lines.append(f"  note: --skip-{name} had nothing to leave out")
    return lines


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
