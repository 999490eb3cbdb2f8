"""Learn a WordPiece vocabulary from text with the `tokenizers` library."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from oxbert import ElectraTokenizer
from oxbert._checks import refused, require
from oxbert._files import write_whole
from oxbert.training.data.buckets import mix
from oxbert.training.data.documents import Divider
from oxbert.training.data.reading_text import Reader
from oxbert.training.data.sources import TextFile

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ALPHABET = 1000
"""How many characters, the most frequent ones, become tokens; rarer characters are unknown."""
SAMPLE = 1 << 30
"""How many bytes of a corpus are enough to learn its words from."""


def learn_vocabulary(
    files: Sequence[TextFile],
    path: Path,
    size: int,
    *,
    reader: Reader | None = None,
    limit: int | None = None,
    alphabet: int = ALPHABET,
    sample: int = SAMPLE,
    do_lower_case: bool = True,
    strip_accents: bool | None = None,
    track: Callable[[int], object] = lambda bytes_read: None,
) -> ElectraTokenizer:
    """Learn the most useful word pieces of a corpus, and write them as `vocab.txt`.

    The WordPieceTrainer of `tokenizers` joins the pieces that are most often adjacent, and none that are adjacent less
    than twice. The same text gives the same vocabulary. The text is read twice, first for its characters; the words are
    counted in memory.

    Args:
        files: The corpus; see `find_files`.
        path: The file to write.
        size: The number of tokens, fewer if the text has no more. The first five are the special tokens.
        reader: How text is split into documents.
        limit: How many documents to read; None means all.
        alphabet: How many characters become tokens. Chinese needs about 6000, English 1000.
        sample: About how many bytes of a larger corpus are read, from places all over it.
        do_lower_case: Whether to lower-case the text.
        strip_accents: Whether to remove accents; None follows `do_lower_case`.
        track: Called with the number of bytes that have been read.

    Raises:
        InputError: if the size leaves no room for the characters, or there is no text.
        DataError: if a text cannot be read.
        FileError: if a file cannot be read or written.
        MissingDependencyError: if `tokenizers` is not installed.
    """
    tokenizers = require("tokenizers")
    reader = reader or Reader()
    if size < len(SPECIAL) + 2:
        raise refused("vocab_size", f"expected at least {len(SPECIAL) + 2}, got {size}")
    if alphabet < 1:
        raise refused("alphabet", f"expected at least one character, got {alphabet}")
    learner = tokenizers.Tokenizer(tokenizers.models.WordPiece(unk_token="[UNK]"))
    learner.normalizer = tokenizers.normalizers.BertNormalizer(
        clean_text=True, handle_chinese_chars=True, strip_accents=strip_accents, lowercase=do_lower_case
    )
    learner.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    total = sum(file.size for file in files)
    share = min(1.0, sample / max(1, total))
    counts = _count(_lines(files, reader, limit, share, lambda bytes_read: track(bytes_read // 2)))
    characters = _choose(counts, learner.normalizer, alphabet)
    if not characters:
        raise refused("sources", "expected text to learn a vocabulary from, found none")
    # The trainer numbers characters in the order of a hash table, which differs from run to run, and the numbers decide
    # between pairs of equal frequency. So characters get their numbers here, alone and inside a word.
    inside = [f"##{one}" for one in characters if len(learner.pre_tokenizer.pre_tokenize_str(f"a{one}")) == 1]
    needed_size = len(SPECIAL) + len(inside) + len(characters)
    if needed_size > size:
        reason = f"expected at least {needed_size} for {len(characters)} characters alone, or a smaller alphabet"
        raise refused("vocab_size", f"{reason}, got {size}")
    trainer = tokenizers.trainers.WordPieceTrainer(
        # The trainer makes room for all tokens before it learns one, and each token takes a byte of the text at least.
        vocab_size=min(size, needed_size + total),
        min_frequency=2,
        limit_alphabet=len(characters),
        initial_alphabet=characters,
        special_tokens=[*SPECIAL, *inside],
        continuing_subword_prefix="##",
        show_progress=False,
    )
    lines = _lines(files, reader, limit, share, lambda bytes_read: track((total + bytes_read) // 2))
    learner.train_from_iterator(lines, trainer)
    tokens = sorted(learner.get_vocab().items(), key=lambda token: token[1])
    write_whole(path, "".join(f"{token}\n" for token, _ in tokens).encode())
    return ElectraTokenizer(path, do_lower_case=do_lower_case, strip_accents=strip_accents)


def _count(blocks: Iterable[list[str]]) -> dict[str, int]:
    """Count the occurrences of each character."""
    counts = np.zeros(sys.maxunicode + 1, np.int64)
    for lines in blocks:
        codes = np.frombuffer("\n".join(lines).encode("utf-32-le"), np.uint32)
        found = np.bincount(codes)
        counts[: len(found)] += found
    return {chr(code): int(counts[code]) for code in np.flatnonzero(counts)}


def _choose(counts: dict[str, int], normalizer: Any, number: int) -> list[str]:
    """Return the most frequent characters of the normalised text, in the order of their code points."""
    normal: Counter[str] = Counter()
    for character, count in counts.items():
        for one in normalizer.normalize_str(character):
            if not one.isspace():
                normal[one] += count
    chosen = sorted(normal, key=lambda one: (-normal[one], one))[:number]
    return sorted(chosen)


def _lines(
    files: Sequence[TextFile], reader: Reader, limit: int | None, share: float, track: Callable[[int], object]
) -> Iterator[list[str]]:
    """Iterate over blocks of sentences, or a share of the blocks that is always the same."""
    divider = Divider(limit=limit)
    for number, block in enumerate(reader.read(files)):
        lines, _ = divider.divide(block.lines)
        if mix(number) < share * 2**64:
            yield lines
        track(block.bytes_read)
        if divider.is_done:
            return
