"""Train the uncased WordPiece vocabulary on the training text and write it in BERT's ``vocab.txt`` format."""

from __future__ import annotations

import argparse
from pathlib import Path

from tokenizers import BertWordPieceTokenizer

SPECIAL_TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def main() -> None:
    """Train on ``train.txt`` and write ``vocab.txt`` beside it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with train.txt; vocab.txt is written here")
    parser.add_argument("--size", type=int, default=8192)
    arguments = parser.parse_args()
    tokenizer = BertWordPieceTokenizer(lowercase=True, strip_accents=True, clean_text=True)
    tokenizer.train(
        files=[str(arguments.data / "train.txt")],
        vocab_size=arguments.size,
        min_frequency=2,
        limit_alphabet=100,
        special_tokens=SPECIAL_TOKENS,
        show_progress=False,
    )
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    (arguments.data / "vocab.txt").write_text("".join(f"{token}\n" for token, _ in vocabulary), encoding="utf-8")
    print(f"{len(vocabulary)} tokens, first {[token for token, _ in vocabulary[:5]]}")


if __name__ == "__main__":
    main()
