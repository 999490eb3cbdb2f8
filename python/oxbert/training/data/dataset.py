"""Define `ExampleDataset`, which maps a folder of `write_examples` into memory."""

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
    r"""Read the examples of a folder that `write_examples` has written.

    Files are mapped: examples are read from the disk when they are used, and processes share the memory. A dataset can
    be pickled, used by several threads, and used in forked processes.

    Args:
        folder: The folder.
        tokenizer: A tokenizer to compare with the one that the examples were made with.
        verify: Whether to read everything once and compare checksums (gigabytes per second); otherwise only sizes and
            lengths are checked. If several processes read the same folder, one of them is enough.

    Attributes:
        folder: The folder.
        manifest: The description of the folder.
        max_length: The length of the longest possible example in tokens.

    Raises:
        MissingFileError: if a file is missing, or the folder is not finished.
        DataError: if a file is damaged, or the tokenizer differs: `path`, `reason`.
        FileError: if a file cannot be read.
        MissingDependencyError: if `pyarrow` is not installed.

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
        # The number of the first example of each piece, and the number of examples.
        self._begins = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])

    def __len__(self) -> int:
        return int(self._begins[-1])

    @property
    def fingerprint(self) -> str:
        """Return a hash of the vocabulary, and of the sizes and checksums of the files."""
        parts = [(part.examples, part.tokens, part.crc32) for part in self.manifest.parts]
        return hashlib.sha256(repr((self.manifest.vocabulary.sha256, parts)).encode()).hexdigest()

    def describe(self) -> dict[str, int | str]:
        """Return what a reader of a model card wants to know of these examples, by name."""
        manifest = self.manifest
        return super().describe() | {
            "tokens": manifest.tokens,
            "documents": manifest.documents,
            "tokens of the vocabulary": manifest.vocabulary.size,
            "SHA-256 of the vocabulary": manifest.vocabulary.sha256,
        }

    def _read(self, number: int) -> Example:
        piece = int(np.searchsorted(self._begins, number, side="right")) - 1
        rows, row = self._rows[piece], number - int(self._begins[piece])
        # A copy, which can be written to and outlives the mapping.
        ids = rows.ids[rows.ends[row] : rows.ends[row + 1]].copy()
        return {"input_ids": ids, "first_segment": int(rows.first_segments[row])}

    def __repr__(self) -> str:
        return f"ExampleDataset({str(self.folder)!r}: {len(self)} examples, {self.manifest.tokens} tokens)"

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without the mapped files, which are mapped again."""
        return {name: value for name, value in super().__getstate__().items() if name not in ("_rows", "_begins")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open(verify=False)
