"""Read sentences of tagged words, one word per line: the files of CoNLL, and those of Universal Dependencies."""

from __future__ import annotations

import os
from collections.abc import Iterator

from oxbert._files import damaged
from oxbert._rows import OnBad, Row, read_file_lines
from oxbert.errors import DataError

Sentence = tuple[tuple[str, ...], tuple[str, ...], Row]
"""The words of a sentence, as many tags, and the place of its first line."""
_DOCUMENT = "-DOCSTART-"
_UNIVERSAL_TAG, _UNIVERSAL_WORD = 3, 1


def read_conll(path: str | os.PathLike[str], on_bad: OnBad, *, word: int = 0, tag: int = -1) -> Iterator[Sentence]:
    """Iterate over the sentences of a file with a word and its tags per line, and an empty line after each sentence.

    Lines that begin with `-DOCSTART-` are left out. A file whose name ends with `.conllu` has the columns of Universal
    Dependencies, of which the word and its universal part of speech are read.

    Args:
        path: The file.
        on_bad: Takes the error of each bad sentence: one with a line that has too few columns, or is not UTF-8.
        word: The column of the word, from 0; a negative one counts from the end.
        tag: The column of the tag.

    Raises:
        FileError: if the file cannot be read.
    """
    name = os.fspath(path)
    is_universal = name.lower().removesuffix(".gz").endswith(".conllu")
    if is_universal:
        word, tag = _UNIVERSAL_WORD, _UNIVERSAL_TAG
    least = max(place + 1 if place >= 0 else -place for place in (word, tag))
    words: list[str] = []
    tags: list[str] = []
    begin, is_bad = 0, False

    def note(error: DataError) -> None:
        # The sentence is bad, but the lines after this one still belong to it.
        nonlocal is_bad
        is_bad = True
        on_bad(error)

    def finish() -> Iterator[Sentence]:
        nonlocal is_bad
        if words and not is_bad:
            yield tuple(words), tuple(tags), Row((), name, begin, "line")
        words.clear()
        tags.clear()
        is_bad = False

    for number, line in read_file_lines(path, note):
        cells = line.strip("\r\n").split("\t") if is_universal else line.split()
        if not line.strip():
            yield from finish()
            continue
        if cells[0] == _DOCUMENT or (is_universal and _is_no_word(cells[0])):
            continue
        begin = begin if words else number
        if len(cells) < least or (tag != word and len(cells) < 2):
            note(damaged(name, f"expected a word and its tags, found {len(cells)} columns", line=number))
            continue
        words.append(cells[word])
        tags.append(cells[tag])
    yield from finish()


def _is_no_word(cell: str) -> bool:
    """Return whether a line of Universal Dependencies is a comment, a range of words, or an empty node."""
    return cell.startswith("#") or "-" in cell or "." in cell


__all__ = ["Sentence", "read_conll"]
