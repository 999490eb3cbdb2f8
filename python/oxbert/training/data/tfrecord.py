"""Define `TFRecordDataset`, which reads the examples of google-research/electra's `build_pretraining_dataset.py`.

A TFRecord file is a sequence of records. A record is the length of the data (uint64), its checksum (uint32), the data
and their checksum (uint32). The data are a `tf.train.Example` with three lists of `max_length` integers: `input_ids` (0
at padded places), `input_mask` (1 at the others) and `segment_ids`. The files are read in Rust (`src/records/`),
without TensorFlow.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

import numpy as np

from oxbert._checks import refused
from oxbert._files import exists, is_folder, translate_os_errors
from oxbert._native import _TFRecordFile
from oxbert._paths import find_sources
from oxbert.errors import MissingFileError
from oxbert.training.data.batching import Example, Examples
from oxbert.training.data.sources import Sources

_NUMBERED = re.compile(r"(.*\.tfrecord)-(\d+)-of-(\d+)$")


class TFRecordDataset(Examples):
    """Read the examples of TFRecord files of google-research/electra, without their padding.

    Files are mapped into memory, and must not change while they are open. Opening a file finds the place of each
    record, about a million records per second. A record is checked when it is read.

    Args:
        sources: Files, folders or patterns. Of a folder, the files with `.tfrecord` in their names are read.
        vocab_size: Refuse ids of at least this number; None means no limit.
        pad_token_id: The id that batches are padded with; the original pads with 0.

    Attributes:
        paths: The files, source by source; those of a folder in order of name, `NAME.tfrecord-N-of-M` in order of N.
        max_length: The length of the padded rows.

    Raises:
        MissingFileError: if a source does not exist.
        InputError: if no source has a TFRecord file.
        DataError: if a file is truncated or damaged: `path`, `record` (from 0), `byte` (where the record begins),
            `reason`. Reading an example may raise this error too.
        FileError: if a file cannot be read.
    """

    def __init__(self, sources: Sources, *, vocab_size: int | None = None, pad_token_id: int = 0) -> None:
        self.paths = _find(sources)
        self.pad_token_id = pad_token_id
        self._vocab_size = vocab_size or None
        self._files = [_TFRecordFile(path) for path in self.paths]
        self._begins = np.concatenate([[0], np.cumsum([len(file) for file in self._files], dtype=np.int64)])
        self.max_length = 0
        if len(self):
            file, record = self._locate(0)
            self.max_length = file.row_length(record)

    def __len__(self) -> int:
        return int(self._begins[-1])

    @property
    def fingerprint(self) -> str:
        """Return the SHA-256 of the places and the lengths of all records."""
        found = hashlib.sha256()
        places, lengths = zip(*(file.places() for file in self._files), strict=True)
        for column in (*places, *lengths):
            found.update(column)
        return found.hexdigest()

    def _read(self, number: int) -> Example:
        file, record = self._locate(number)
        ids, first_segment = file.read(record, self._vocab_size)
        return {"input_ids": ids, "first_segment": first_segment}

    def _locate(self, number: int) -> tuple[_TFRecordFile, int]:
        """Return the file that holds an example, and the number of its record there."""
        file = int(np.searchsorted(self._begins, number, side="right")) - 1
        return self._files[file], number - int(self._begins[file])

    def __repr__(self) -> str:
        return f"TFRecordDataset({len(self.paths)} files, {len(self)} examples)"


def _find(sources: Sources) -> list[Path]:
    given = [sources] if isinstance(sources, str | os.PathLike) else list(sources)
    found: dict[Path, None] = {}
    for source in find_sources([os.fspath(source) for source in given]):
        path = Path(source)
        if not exists(path):
            raise MissingFileError(f"cannot open {path}: there is no such file", path=str(path))
        with translate_os_errors("read", path):
            below = [file for file in path.iterdir() if ".tfrecord" in file.name] if is_folder(path) else [path]
        found.update(dict.fromkeys(sorted(below, key=_in_order)))
    if not found:
        raise refused("sources", f"expected TFRecord files, found none in {', '.join(map(str, given)) or 'no source'}")
    return list(found)


def _in_order(path: Path) -> tuple[str, int, str]:
    numbered = _NUMBERED.fullmatch(path.name)
    return (numbered[1], int(numbered[2]), numbered[3]) if numbered else (path.name, 0, "")
