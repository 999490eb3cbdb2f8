"""`ExampleDataset`: a folder of `write_examples`, mapped into memory."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np

from oxbert import Tokenizer
from oxbert.training.data.batching import Example, Examples
from oxbert.training.data.manifest import NAME, Manifest
from oxbert.training.data.parts import Rows, open_part


class ExampleDataset(Examples):
    r"""The examples of a folder that `write_examples` has written.

    Files are mapped: examples are read from the disk when they are asked for, and processes share what is in memory. It
    can be pickled, used by several threads, and used in processes that were forked.

    Args:
        folder: The folder.
        tokenizer: Is compared with the one that the examples were made with.
        verify: Read everything once and compare checksums (gigabytes a second); otherwise sizes and lengths alone are
            checked. Where several processes read the same folder, one of them is enough.

    Attributes:
        folder: The folder.
        manifest: What it holds.
        max_length: The longest example in tokens that the folder may have.

    Raises:
        MissingFileError: A file is missing, or the folder is not finished.
        DataError: A file is damaged, or the tokenizer is another one: `path`, `reason`.
        FileError: A file cannot be read.
        MissingDependencyError: `pyarrow` is not installed.

    Example:
        >>> import oxbert, pathlib, tempfile
        >>> from oxbert.training.data import write_examples
        >>> tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> _ = (folder / "corpus.txt").write_text("Return the value.\nRaise an error.\n")
        >>> _ = write_examples(folder / "corpus.txt", folder / "examples", tokenizer, max_length=12)
        >>> dataset = ExampleDataset(folder / "examples", tokenizer)
        >>> tokenizer.decode(dataset[0]["input_ids"]), dataset[0]["first_segment"]
        ('[CLS] return the value. [SEP] raise an error. [SEP]', 6)
    """

    def __init__(
        self, folder: str | os.PathLike[str], tokenizer: Tokenizer | None = None, *, verify: bool = True
    ) -> None:
        self.folder = Path(folder)
        self.manifest = Manifest.read(self.folder)
        if tokenizer is not None:
            self.manifest.check_tokenizer(tokenizer, self.folder / NAME)
        self.max_length = self.manifest.max_length
        self.pad_token_id = self.manifest.vocabulary.pad
        self._open(verify)

    def _open(self, verify: bool) -> None:
        self._rows: list[Rows] = []
        for part in self.manifest.parts:
            self._rows += open_part(self.folder / part.file, part, self.max_length, verify=verify)
        counts = [len(rows.first_segments) for rows in self._rows]
        # Where the examples of each piece begin, and where the last ones end.
        self._begins = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])

    def __len__(self) -> int:
        return int(self._begins[-1])

    @property
    def fingerprint(self) -> str:
        """Of the vocabulary, and of the sizes and checksums of the files."""
        parts = [(part.examples, part.tokens, part.crc32) for part in self.manifest.parts]
        return hashlib.sha256(repr((self.manifest.vocabulary.sha256, parts)).encode()).hexdigest()

    def _read(self, number: int) -> Example:
        piece = int(np.searchsorted(self._begins, number, side="right")) - 1
        rows, row = self._rows[piece], number - int(self._begins[piece])
        # A copy: it may be written to, and outlives the mapping.
        ids = rows.ids[rows.ends[row] : rows.ends[row + 1]].copy()
        return {"input_ids": ids, "first_segment": int(rows.first_segments[row])}

    def __repr__(self) -> str:
        return f"ExampleDataset({str(self.folder)!r}: {len(self)} examples, {self.manifest.tokens} tokens)"

    def __getstate__(self) -> dict[str, Any]:
        """The folder: what is mapped is mapped again."""
        return {name: value for name, value in super().__getstate__().items() if name not in ("_rows", "_begins")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open(verify=False)
