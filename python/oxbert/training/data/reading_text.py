"""Read files as the sentences of documents, in blocks after each of which reading can resume later.

The result is lists of sentences, stripped of white space, in which an empty one ends a document.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from oxbert._files import arrow, damaged, translate_os_errors
from oxbert._types import Documents, InvalidText
from oxbert.errors import OxbertError
from oxbert.training.data.sources import TextFile

BLOCK = 1 << 20
"""How many bytes are read at once, and the longest sentence in bytes; a longer one is cut at a space."""
_LONGEST = 1 << 26
_ROWS = 256
# A text that spells a special token does not mean one. The tokenizer would accept it, and the model would learn a [SEP]
# in the middle of a segment; so it becomes the three tokens that google-research/electra makes of it.
_SPECIAL = re.compile(r"\[(PAD|UNK|CLS|SEP|MASK)\]")


@dataclass(frozen=True)
class Place:
    """Hold a position to resume reading from.

    Attributes:
        file: The number of the file.
        offset: The bytes of its text, or the rows of Parquet, that have been read.
        line: The lines that have been read.
        in_line: Whether the position is in the middle of a line.
    """

    file: int = 0
    offset: int = 0
    line: int = 0
    in_line: bool = False


@dataclass(frozen=True)
class Block:
    """Hold a block of text that was read.

    Attributes:
        lines: Sentences; an empty one ends a document.
        size: The approximate number of characters.
        place: The position after the block.
        bytes_read: The bytes of all files on the disk before that position.
    """

    lines: list[str]
    size: int
    place: Place
    bytes_read: int


@dataclass(frozen=True)
class Reader:
    """Split text into documents and sentences.

    Attributes:
        documents: What ends a document of a text file. A record of JSON or Parquet is a document, and its non-blank
            lines are its sentences.
        text_field: The field or column with the text.
        invalid_text: What to do with bytes that are not UTF-8, and with halves of surrogate pairs: raise an `error`, or
            `replace` them by U+FFFD, which the tokenizer drops.
        is_whole: Whether a sentence is never cut, however long it is.
    """

    documents: Documents = "blank-lines"
    text_field: str = "text"
    invalid_text: InvalidText = "error"
    is_whole: bool = False

    def read(self, files: Sequence[TextFile], place: Place | None = None) -> Iterator[Block]:
        """Iterate over all blocks, or those after a place.

        Raises:
            DataError: if a text is not UTF-8, a record has no text, or a file is truncated or has the wrong format;
                `path`, `line` or `record`, `reason`.
            FileError: if a file cannot be read.
        """
        place = place or Place()
        before = sum(file.size for file in files[: place.file])
        for number in range(place.file, len(files)):
            file = files[number]
            start = place if number == place.file else Place(number)
            with _reading(file.path):
                blocks = self._rows(file, start) if file.format == "parquet" else self._lines(file, start)
                for block in blocks:
                    yield replace(block, bytes_read=before + min(block.bytes_read, file.size))
            before += file.size
            # The end of a file ends its last document.
            yield Block([""], 0, Place(number + 1), before)

    def sentences(self, text: str) -> list[str]:
        """Split a document into its sentences, followed by an empty one."""
        lines = [line for line in map(str.strip, _plain(text).split("\n")) if line]
        if not self.is_whole and len(text) > BLOCK:
            lines = [piece for line in lines for piece in _cut(line)]
        return [*lines, ""]

    def _lines(self, file: TextFile, start: Place) -> Iterator[Block]:
        with open(file.path, "rb") as raw:
            stream: BinaryIO = gzip.GzipFile(fileobj=raw) if file.is_gzip else raw  # type: ignore[assignment]
            if start.offset:
                stream.seek(start.offset)
            place = start
            for data, is_unfinished in self._pieces(stream, file, start):
                text = self._decode(data, file.path, place.line)
                if not place.offset:
                    text = text.removeprefix("\ufeff")
                if file.format == "jsonl":
                    lines = self._records(_split(text), file.path, place.line)
                else:
                    lines = self._documents(_split(_plain(text)), place.in_line, is_unfinished)
                place = Place(start.file, place.offset + len(data), place.line + data.count(b"\n"), is_unfinished)
                yield Block(lines, len(text), place, raw.tell() if file.is_gzip else place.offset)

    def _pieces(self, stream: BinaryIO, file: TextFile, start: Place) -> Iterator[tuple[bytes, bool]]:
        """Iterate over pieces of about a block, and whether the last line of each continues in the next."""
        is_cut = file.format == "text" and not self.is_whole
        rest, line = b"", start.line
        while data := stream.read(BLOCK):
            data = rest + data
            end = data.rfind(b"\n") + 1
            is_unfinished = not end
            if is_unfinished and is_cut and len(data) >= BLOCK:
                end = _cut_bytes(data)
            elif is_unfinished and len(data) > _LONGEST:
                raise damaged(
                    file.path, f"expected lines of at most {_LONGEST >> 20} MiB, got a longer one", line=line + 1
                )
            if end:
                line += data.count(b"\n", 0, end)
                yield data[:end], is_unfinished
            rest = data[end:]
        if rest:
            yield rest, False

    def _decode(self, data: bytes, path: Path, line: int) -> str:
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError as error:
            if self.invalid_text == "replace":
                return data.decode("utf-8", "replace")
            line += 1 + data.count(b"\n", 0, error.start)
            reason = f"byte 0x{data[error.start]:02x} is not UTF-8 ({error.reason})"
            raise damaged(path, reason, line=line) from error

    def _documents(self, lines: list[str], in_line: bool, is_unfinished: bool) -> list[str]:
        """Return the lines of a piece of a text file, with an empty one after each document."""
        stripped = [line.strip() for line in lines]
        if self.documents == "line":
            ended = [part for line in stripped for part in (line, "")]
            return ended[:-1] if is_unfinished else ended
        if self.documents == "file":
            return [line for line in stripped if line]
        # A line that is blank only after the cut, and a piece of white space, end no document.
        if in_line and not stripped[0]:
            del stripped[0]
        if is_unfinished and stripped and not stripped[-1]:
            stripped.pop()
        return stripped

    def _records(self, lines: list[str], path: Path, before: int) -> list[str]:
        sentences = []
        for number, line in enumerate(lines, before + 1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise damaged(path, f"expected JSON: {error}", line=number) from error
            text = record.get(self.text_field) if isinstance(record, dict) else None
            if not isinstance(text, str):
                found = f"an object with {sorted(record)[:8]}" if isinstance(record, dict) else type(record).__name__
                reason = f"expected an object with a text in {self.text_field!r}, got {found}"
                raise damaged(path, reason, line=number)
            try:
                text.encode()
            except UnicodeEncodeError as error:
                if self.invalid_text == "error":
                    raise damaged(path, "the text contains half of a surrogate pair", line=number) from error
                text = text.encode("utf-8", "replace").decode()
            sentences += self.sentences(text)
        return sentences

    def _rows(self, file: TextFile, start: Place) -> Iterator[Block]:
        pa, parquet = arrow(), arrow("parquet")
        field = self.text_field
        with parquet.ParquetFile(file.path) as table:
            names = table.schema_arrow.names
            if field not in names:
                raise damaged(file.path, f"expected a column {field!r}, found {', '.join(names)}")
            kind = table.schema_arrow.field(field).type
            if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
                raise damaged(file.path, f"expected text in column {field!r}, got {kind}")
            total, row = max(1, table.metadata.num_rows), 0
            for group in range(table.num_row_groups):
                rows = table.metadata.row_group(group).num_rows
                if row + rows <= start.offset:
                    row += rows
                    continue
                for batch in table.iter_batches(_ROWS, row_groups=[group], columns=[field], use_threads=False):
                    texts = batch.column(0)[max(0, start.offset - row) :].to_pylist()
                    row += batch.num_rows
                    if not texts:
                        continue
                    if None in texts:
                        record = row - len(texts) + texts.index(None)
                        raise damaged(file.path, f"expected a text in column {field!r}, got none", record=record)
                    lines = [line for text in texts for line in self.sentences(text)]
                    yield Block(lines, sum(map(len, texts)), Place(start.file, row), file.size * row // total)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Translate the errors of readers into errors that name the file."""
    try:
        with translate_os_errors("read", path):
            yield
    except (EOFError, zlib.error) as error:
        raise damaged(path, f"is no complete gzip file: {error}") from error
    except OxbertError:
        raise
    except (ValueError, NotImplementedError) as error:
        raise damaged(path, f"cannot be read: {error}") from error


def _plain(text: str) -> str:
    return _SPECIAL.sub(r"[ \1 ]", text)


def _split(text: str) -> list[str]:
    """Return the lines of a text, whether or not the last one ends with a line break."""
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return lines


def _cut(line: str) -> list[str]:
    """Cut a line into pieces of at most a block each, at spaces if possible."""
    pieces = []
    while len(line) > BLOCK:
        end = line.rfind(" ", 1, BLOCK) + 1 or BLOCK
        pieces.append(line[:end].strip())
        line = line[end:].strip()
    return [piece for piece in [*pieces, line] if piece]


def _cut_bytes(data: bytes) -> int:
    """Return where to cut a line longer than a block: after its last space, otherwise before its last character."""
    end = data.rfind(b" ") + 1
    if not end:
        end = len(data) - 1
        # 10xxxxxx: not the first byte of a character.
        while end > 1 and len(data) - end < 4 and data[end] & 0xC0 == 0x80:
            end -= 1
    return end
