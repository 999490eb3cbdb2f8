"""Text to ids: the docstrings of the standard library, cut at 128 tokens."""

from __future__ import annotations

import ast
import sysconfig
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tokenizers import BertWordPieceTokenizer

import oxbert
from benches.timing import Timing, take_turns

TEXTS = 20_000
MAX_LENGTH = 128
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
# Words and endings of the vocabulary, beside every character.
WORDS, ENDINGS = 20_000, 4_000


@dataclass(frozen=True)
class Tokenizing:
    """What one peer took for `texts` texts, and on how many of them the two agree."""

    peer: str
    timing: Timing
    texts: int
    equal: int


def docstrings() -> list[str]:
    """Paragraphs of docstrings; the same for one Python."""
    paragraphs: list[str] = []
    for path in sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")):
        if "site-packages" in path.parts or "test" in path.parts:
            continue
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (OSError, SyntaxError, UnicodeDecodeError, ValueError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                text = ast.get_docstring(node) or ""
                paragraphs.extend(part for part in text.split("\n\n") if part.strip())
        if len(paragraphs) >= TEXTS:
            break
    return paragraphs[:TEXTS]


def vocabulary(texts: list[str]) -> list[str]:
    """Every character, frequent words and frequent endings: about the size of a real one."""
    words = Counter(word for text in texts for word in text.lower().split())
    letters = sorted({letter for word in words for letter in word})
    endings = Counter(word[-length:] for word in words for length in (2, 3, 4) if len(word) > length)
    return list(
        dict.fromkeys(
            SPECIAL
            + letters
            + [f"##{letter}" for letter in letters]
            + [word for word, _ in words.most_common(WORDS)]
            + [f"##{ending}" for ending, _ in endings.most_common(ENDINGS)]
        )
    )


def measure(rounds: int) -> list[Tokenizing]:
    texts = docstrings()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vocab.txt"
        path.write_text("\n".join(vocabulary(texts)) + "\n", encoding="utf-8")
        ours = oxbert.ElectraTokenizer(path)
        theirs = BertWordPieceTokenizer(str(path))
    theirs.enable_truncation(MAX_LENGTH)

    def run_oxbert() -> list[list[int]]:
        return ours(texts, truncation=True, max_length=MAX_LENGTH)["input_ids"]

    def run_tokenizers() -> list[list[int]]:
        return [encoding.ids for encoding in theirs.encode_batch(texts)]

    equal = sum(one == other for one, other in zip(run_oxbert(), run_tokenizers(), strict=True))
    timings = take_turns({"oxbert": run_oxbert, "tokenizers": run_tokenizers}, rounds)
    return [Tokenizing(peer, timing, len(texts), equal) for peer, timing in timings.items()]
