"""Write a corpus as a folder of examples to pre-train on: `write_examples`."""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict
from pathlib import Path

from oxbert import ElectraTokenizer, Tokenizer
from oxbert._checks import refused
from oxbert._files import arrow, is_file, translate_os_errors
from oxbert._lock import LOCK, alone
from oxbert._types import Documents, InvalidText
from oxbert.training.data.journal import compare
from oxbert.training.data.learning import ALPHABET, learn_vocabulary
from oxbert.training.data.manifest import NAME, UNFINISHED, Manifest, Vocabulary, save_tokenizer
from oxbert.training.data.packing import Packing
from oxbert.training.data.reading_text import Reader
from oxbert.training.data.sources import DOCUMENTS, Sources, TextFile, find_files
from oxbert.training.data.writing import HELD_OUT, Plan, Progress, Track, write

PART_TOKENS = 1 << 23
"""About how many tokens a part has, four bytes each. A part must fit into memory."""
_LARGEST_SEED = (1 << 62) - 1


def write_examples(
    sources: Sources,
    folder: str | os.PathLike[str],
    tokenizer: Tokenizer | None = None,
    *,
    vocab_size: int | None = None,
    do_lower_case: bool = True,
    strip_accents: bool | None = None,
    alphabet: int = ALPHABET,
    max_length: int = 128,
    documents: Documents = "blank-lines",
    text_field: str = "text",
    invalid_text: InvalidText = "error",
    exact: bool = False,
    keep_overflow: bool | None = None,
    contiguous: bool | None = None,
    single_segment: float = 0.1,
    short: float = 0.05,
    shuffle: bool = True,
    seed: int = 0,
    held_out: float = 0.0,
    limit: int | None = None,
    part_tokens: int = PART_TOKENS,
    overwrite: bool = False,
    track: Track = lambda progress: None,
) -> Manifest:
    r"""Pack a corpus into examples for ELECTRA's pre-training, by the rules of google-research/electra.

    The examples are shuffled as a whole. The result depends on the sources and the arguments alone, not on the machine.
    Memory stays bounded, whatever the size of the corpus. After a stop, even by `kill -9`, the same call resumes; if
    everything is written, it does nothing. `dataset.json` is written last: a folder without it is not finished.

    Defects of the original are corrected; `exact=True` reproduces them, bit for bit. The original

    - drops tokens that overflow an example (`keep_overflow`), so that a line that is a paragraph loses most of its text
      and never has a second segment;
    - puts short sentences into the first segment after the second has begun (`contiguous`);
    - stops gathering 5 % of the examples early, at 5 to `max_length` tokens, but trims them to `max_length` (`short`),
      and means 10 % to have one segment (`single_segment`): both are kept;
    - counts gathered tokens without special ones, so that every full example overflows: kept, since nothing is lost;
    - draws from one unseeded random stream, beginning with the shuffle of the files: here the stream is seeded, and
      files stay in their order, since examples are shuffled; with `exact` the stream is that of `random.seed(seed)`;
    - shuffles files, not examples (`shuffle`; `exact` with `shuffle=False` keeps the original's order);
    - reads any value of `--blanks-separate-docs` as true (`documents="file"` is its False), and splits its files over
      processes, each with its own random stream: here there is one stream;
    - stores padding, masks and segments in a thousand TFRecord files, which `TFRecordDataset` reads: here only ids
      and the length of the first segment are stored.

    The tokenizer of the original splits words of 101 to 200 characters, which are `[UNK]` here and in transformers.
    `[SEP]` and the like in a text are read as three tokens, as in the original.

    Args:
        sources: Text files, folders, or patterns; see `find_files`. Text has one sentence per line. Files ending in
            `.jsonl` or `.parquet` have one document per record, of one or several lines. All but Parquet may end in
            `.gz`.
        folder: The folder to write, which is made if it does not exist. The tokenizer is saved in it too.
        tokenizer: The tokenizer of the examples.
        vocab_size: The size of a vocabulary to learn first, instead of a tokenizer.
        do_lower_case: Whether the learnt vocabulary is lower-cased.
        strip_accents: Whether the learnt vocabulary has no accents; None follows `do_lower_case`.
        alphabet: The number of characters of the learnt vocabulary; see `learn_vocabulary`.
        max_length: The length of the longest example in tokens, with special tokens.
        documents: What ends a document of a text file: `blank-lines`, only the end of the `file`, or each `line`.
        text_field: The field or column with the text.
        invalid_text: Whether text that is not UTF-8 is an `error`, or is dropped (`replace`).
        exact: Whether to pack as the original does.
        keep_overflow: Whether tokens that do not fit begin the next example; None means yes unless `exact`. See
            `Packing`.
        contiguous: Whether each segment is one piece of text; None means yes unless `exact`. See `Packing`.
        single_segment: The share of examples that should have one segment.
        short: The share of examples that should be shorter.
        shuffle: Whether to shuffle the examples; otherwise they keep the order of the text.
        seed: The seed of everything that is drawn.
        held_out: The share of documents that go to the folder `held_out` instead, in the same format. The text of a
            document alone decides.
        limit: How many documents to read; None means all.
        part_tokens: About how many tokens a part has. They must fit into memory, four bytes each, twice.
        overwrite: Whether to delete existing examples in the folder first.
        track: Called now and then with the progress.

    Returns:
        The manifest of the folder.

    Raises:
        InputError: if an argument is impossible, there is no text, the folder holds other examples, or another process
            is writing to it.
        MissingFileError: if a source does not exist.
        DataError: if a text is not UTF-8, a record has no text, or a file is truncated: `path`, `line` or `record`,
            `reason`.
        FileError: if a file cannot be read or written, for example since the disk is full. The next call resumes.
        MissingDependencyError: if `pyarrow` or `tokenizers` is not installed.

    Example:
        >>> import oxbert, pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> _ = (folder / "corpus.txt").write_text("The graph has nodes.\nEach has edges.\n\nAnother document.\n")
        >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
        >>> manifest = write_examples(folder / "corpus.txt", folder / "examples", tokenizer, max_length=64)
        >>> manifest.documents, manifest.examples, manifest.tokens
        (2, 2, 16)
    """
    if (tokenizer is None) == (vocab_size is None):
        raise refused("tokenizer", "expected a tokenizer or a vocab_size, one of the two")
    _check(documents, invalid_text, seed, held_out, limit, part_tokens)
    if exact and (keep_overflow or contiguous):
        raise refused("exact", "expected neither keep_overflow nor contiguous with it: the original does neither")
    packing = Packing(
        max_length,
        keep_overflow=not exact if keep_overflow is None else keep_overflow,
        contiguous=not exact if contiguous is None else contiguous,
        single_segment=single_segment,
        short=short,
    )
    arrow()
    folder = Path(folder)
    files = find_files(sources, without=folder)
    reader = Reader(documents, text_field, invalid_text, is_whole=not packing.keep_overflow)
    with alone(folder / UNFINISHED):
        if overwrite:
            _delete(folder)
        _refuse_strangers(folder)
        if tokenizer is None:
            assert vocab_size is not None  # one of the two is there
            tokenizer = _learn(folder, files, reader, vocab_size, limit, do_lower_case, strip_accents, alphabet, track)
        given = [sources] if isinstance(sources, str | os.PathLike) else sources
        options = asdict(reader) | asdict(packing) | {"exact": exact, "shuffle": shuffle, "held_out": held_out}
        options |= {"limit": limit, "part_tokens": part_tokens}
        if vocab_size is not None:
            options["learned"] = {
                "vocab_size": vocab_size,
                "alphabet": alphabet,
                "do_lower_case": do_lower_case,
                "strip_accents": strip_accents,
            }
        del options["max_length"], options["is_whole"]
        plan = Plan(
            files=files,
            reader=reader,
            packing=packing,
            vocabulary=Vocabulary.of(tokenizer),
            seed=seed,
            is_exact=exact,
            is_shuffled=shuffle,
            held_out=held_out,
            limit=limit,
            part_tokens=part_tokens,
            options=options,
            sources={
                "given": [os.fspath(source) for source in given],
                "files": len(files),
                "bytes": sum(file.size for file in files),
            },
        )
        if is_file(folder / NAME):
            return _finished(folder, plan)
        return write(folder, plan, tokenizer, track)


def _check(documents: str, invalid_text: str, seed: int, held_out: float, limit: int | None, part_tokens: int) -> None:
    if documents not in DOCUMENTS:
        raise refused("documents", f"expected one of {', '.join(DOCUMENTS)}, got {documents!r}")
    if invalid_text not in ("error", "replace"):
        raise refused("invalid_text", f"expected error or replace, got {invalid_text!r}")
    if not 0 <= seed <= _LARGEST_SEED:
        raise refused("seed", f"expected a number from 0 to 2^62 - 1, got {seed}")
    if not 0 <= held_out < 1:
        raise refused("held_out", f"expected a share from 0 to less than 1, got {held_out}")
    if limit is not None and limit < 1:
        raise refused("limit", f"expected at least one document, got {limit}")
    if not 1 <= part_tokens < 1 << 29:
        raise refused("part_tokens", f"expected 1 to 2^29 - 1 tokens, got {part_tokens}")


def _learn(
    folder: Path,
    files: list[TextFile],
    reader: Reader,
    size: int,
    limit: int | None,
    do_lower_case: bool,
    strip_accents: bool | None,
    alphabet: int,
    track: Track,
) -> Tokenizer:
    """Return the tokenizer that an earlier run has learnt, or learn one."""
    if is_file(folder / UNFINISHED / "progress.json") or is_file(folder / NAME):
        return ElectraTokenizer.from_pretrained(folder)
    total = sum(file.size for file in files)
    tokenizer = learn_vocabulary(
        files,
        folder / "vocab.txt",
        size,
        reader=reader,
        limit=limit,
        alphabet=alphabet,
        do_lower_case=do_lower_case,
        strip_accents=strip_accents,
        track=lambda bytes_read: track(Progress("vocabulary", bytes_read, total)),
    )
    save_tokenizer(tokenizer, folder)
    return tokenizer


def _finished(folder: Path, plan: Plan) -> Manifest:
    """Return the manifest of finished examples if they are those of the plan."""
    manifest = Manifest.read(folder)
    found = asdict(manifest) | {"documents": 0, "parts": ()}
    compare(found, asdict(plan.manifest()), folder)
    with translate_os_errors("write", folder):
        shutil.rmtree(folder / UNFINISHED, ignore_errors=True)
    return manifest


def _ours(folder: Path) -> list[Path]:
    return [*folder.glob("part-*.arrow"), *folder.glob(".part-*.arrow.new"), *folder.glob(".*.json.new")]


def _delete(folder: Path) -> None:
    """Delete examples, beginning with the manifests that say that they are finished."""
    for place in (folder, folder / HELD_OUT):
        with translate_os_errors("write", place):
            (place / NAME).unlink(missing_ok=True)
    with translate_os_errors("write", folder):
        for place in (folder, folder / HELD_OUT):
            for path in _ours(place):
                path.unlink(missing_ok=True)
        for path in (folder / UNFINISHED).iterdir():
            if path.name != LOCK:
                path.unlink()


def _refuse_strangers(folder: Path) -> None:
    known = is_file(folder / NAME) or is_file(folder / UNFINISHED / "progress.json")
    strangers = [] if known else sorted(folder.glob("part-*.arrow"))
    if strangers:
        raise refused(
            "folder", f"{folder} has parts of unknown origin, such as {strangers[0].name}; overwrite, or use another"
        )
