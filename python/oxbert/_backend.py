"""Build the tokenizer of the package `tokenizers` that gives the ids of a tokenizer of oxbert."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from oxbert._native import Tokenizer
from oxbert.errors import MissingDependencyError


def build(tokenizer: Tokenizer) -> Any:
    """Return a `tokenizers.Tokenizer` with the vocabulary and the pipeline of a tokenizer.

    Raises:
        MissingDependencyError: if the package is not installed.
    """
    try:
        import tokenizers
    except ImportError as error:
        command = "pip install tokenizers"
        message = f"this needs tokenizers; run: {command}"
        raise MissingDependencyError(message, name="tokenizers", command=command) from error
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        return tokenizers.Tokenizer.from_file(str(Path(folder, "tokenizer.json")))
