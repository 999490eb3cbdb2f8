"""Describe a folder of examples in `dataset.json`, which is written last: a folder without it is not finished."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from oxbert import Tokenizer
from oxbert._files import damaged, is_file, is_folder, translate_os_errors, write_whole
from oxbert.errors import DataError, MissingFileError

NAME = "dataset.json"
FORMAT = "oxbert-examples"
VERSION = 1
UNFINISHED = ".unfinished"
"""The folder with the state to resume from, until a folder of examples is finished."""
_ENOUGH = 100
"""How many examples are enough to judge their lengths."""
_ENDS = {"blank-lines": "a blank line", "line": "a line"}
"""What ends a document, by the option `documents`."""
_PART = re.compile(r"part-\d{5,}\.arrow")
# The settings in `tokenizer_config.json` that decide how a text is split.
_SETTINGS = ("do_lower_case", "strip_accents", "tokenize_chinese_chars")


@dataclass(frozen=True)
class Part:
    """Describe one file of examples.

    Attributes:
        file: The name of the file.
        examples: The number of examples.
        tokens: The number of tokens, with special tokens.
        bytes: The size of the file.
        crc32: The CRC-32 of the file.
    """

    file: str
    examples: int
    tokens: int
    bytes: int
    crc32: int


@dataclass(frozen=True)
class Vocabulary:
    """Identify the meaning of ids.

    Attributes:
        sha256: The SHA-256 of `vocab.txt`, as a tokenizer writes it.
        size: The number of ids, with those of added tokens.
        settings: The settings that decide how the tokenizer splits a text: `do_lower_case` and others, and the added
            tokens.
        pad: The id of `[PAD]`.
        cls: The id of `[CLS]`.
        sep: The id of `[SEP]`.
        mask: The id of `[MASK]`.
    """

    sha256: str
    size: int
    settings: dict[str, Any]
    pad: int
    cls: int
    sep: int
    mask: int

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> Vocabulary:
        """Return the vocabulary of a tokenizer."""
        files = tokenizer_files(tokenizer)
        config = json.loads(files["tokenizer_config.json"])
        settings = {name: config.get(name) for name in _SETTINGS}
        settings["added_tokens"] = {
            token: number
            for token, number in sorted(tokenizer.get_added_vocab().items())
            if number >= tokenizer.vocab_size
        }
        return cls(
            # A tokenizer with a pipeline of its own has one file.
            hashlib.sha256(files.get("vocab.txt", files["tokenizer.json"])).hexdigest(),
            len(tokenizer),
            settings,
            tokenizer.pad_token_id,
            tokenizer.cls_token_id,
            tokenizer.sep_token_id,
            tokenizer.mask_token_id,
        )


@dataclass(frozen=True)
class Manifest:
    """Describe a folder of examples.

    Attributes:
        vocabulary: The vocabulary of the ids.
        max_length: The largest length of an example in tokens, with special tokens.
        seed: The seed of everything that was drawn.
        options: All other arguments of `write_examples` that decide what is written.
        sources: The sources: those `given`, the number of `files`, and their `bytes`.
        documents: The number of documents that the examples are from.
        parts: The files of examples.
    """

    vocabulary: Vocabulary
    max_length: int
    seed: int
    options: dict[str, Any]
    sources: dict[str, Any]
    documents: int
    parts: tuple[Part, ...]

    @property
    def examples(self) -> int:
        """Return the number of examples."""
        return sum(part.examples for part in self.parts)

    @property
    def tokens(self) -> int:
        """Return the number of tokens of all examples, with special tokens."""
        return sum(part.tokens for part in self.parts)

    @property
    def bytes(self) -> int:
        """Return the size of all parts in bytes."""
        return sum(part.bytes for part in self.parts)

    @property
    def mean_length(self) -> float:
        """Return the mean length of the examples in tokens."""
        return self.tokens / max(1, self.examples)

    def advise(self) -> str | None:
        """Return what to change if the examples are mostly short; None if they are not, or too few to tell."""
        if self.examples < _ENOUGH or self.mean_length >= self.max_length / 2:
            return None
        reason = (
            f"rows have {self.mean_length:.1f} of {self.max_length} tokens on average, since no row contains text of"
        )
        ends = _ENDS.get(self.options.get("documents", ""))
        if ends is None:
            return f"{reason} two documents; pass a smaller max_length (--max-length) if documents are short"
        return (
            f"{reason} two documents, and {ends} ends a document of a text file; if a file is one document, write the"
            ' examples with documents="file" (--documents file)'
        )

    def write(self, folder: Path) -> None:
        """Write `dataset.json`.

        Raises:
            FileError: if the file cannot be written.
        """
        content = {"format": FORMAT, "version": VERSION, "examples": self.examples, "tokens": self.tokens} | asdict(
            self
        )
        write_whole(folder / NAME, (json.dumps(content, indent=1) + "\n").encode())

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read `dataset.json`.

        Raises:
            MissingFileError: if there is no such file: the folder is not finished, or holds no examples.
            DataError: if the file is damaged, or of a later version.
            FileError: if the file cannot be read.
        """
        path = folder / NAME
        if not is_file(path):
            reason = "is not finished: run what writes it again" if is_folder(folder / UNFINISHED) else f"has no {NAME}"
            found = sorted(entry.name for entry in folder.iterdir())[:20] if is_folder(folder) else []
            raise MissingFileError(f"{folder} {reason}", folder=str(folder), wanted=NAME, found=found)
        with translate_os_errors("read", path):
            content = path.read_bytes()
        try:
            return cls._parse(json.loads(content), path)
        except DataError:
            raise
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise damaged(path, f"is no description of examples: {error!r}") from error

    @classmethod
    def _parse(cls, content: dict[str, Any], path: Path) -> Manifest:
        if content.get("format") != FORMAT:
            raise damaged(path, f"expected the format {FORMAT}, got {content.get('format')!r}")
        if content["version"] != VERSION:
            raise damaged(path, f"expected version {VERSION}, got {content['version']!r}: a later oxbert wrote it")
        parts = tuple(Part(**part) for part in content["parts"])
        for part in parts:
            numbers = (part.examples, part.tokens, part.bytes, part.crc32)
            if not _PART.fullmatch(part.file) or not all(type(number) is int and number >= 0 for number in numbers):
                raise damaged(path, f"describes no part: {part}")
        names = ("max_length", "seed", "options", "sources", "documents")
        manifest = cls(Vocabulary(**content["vocabulary"]), **{name: content[name] for name in names}, parts=parts)
        if (content["examples"], content["tokens"]) != (manifest.examples, manifest.tokens):
            raise damaged(path, "its numbers of examples and tokens are not those of its parts")
        return manifest

    def check_tokenizer(self, tokenizer: Tokenizer, path: Path) -> None:
        """Refuse a tokenizer that differs from the one that the examples were made with.

        Raises:
            DataError: if the tokenizer has another vocabulary, or splits text differently.
        """
        other = Vocabulary.of(tokenizer)
        if other.sha256 != self.vocabulary.sha256:
            raise damaged(
                path,
                f"the examples are of a vocabulary of {self.vocabulary.size} tokens with the SHA-256 "
                f"{self.vocabulary.sha256}; the tokenizer has another one, of {other.size}, {other.sha256}",
            )
        if other != self.vocabulary:
            raise damaged(
                path, f"the examples were made with {self.vocabulary.settings}, the tokenizer has {other.settings}"
            )


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Write the files of a tokenizer, each atomically, so that a killed process leaves no partial file.

    Raises:
        FileError: if a file cannot be written.
    """
    for name, content in tokenizer_files(tokenizer).items():
        write_whole(folder / name, content)


def tokenizer_files(tokenizer: Tokenizer) -> dict[str, bytes]:
    """Return the files of a tokenizer by name."""
    with tempfile.TemporaryDirectory() as folder, translate_os_errors("read", folder):
        return {Path(path).name: Path(path).read_bytes() for path in tokenizer.save_pretrained(folder)}
