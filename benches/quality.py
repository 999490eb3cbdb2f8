"""Measure how often each precision gives float32's answers, on docstrings: `python -m benches.quality [MODEL ...]`."""

from __future__ import annotations

import argparse

import oxbert
from benches.summary import print_rows
from benches.texts import docstrings


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benches.quality", description=__doc__)
    parser.add_argument(
        "models", nargs="*", default=["electra-tiny-generator", "electra-tiny-discriminator"], metavar="MODEL",
        help="folders, bundled models or repositories that `oxbert.quality` takes [the bundled models]",
    )  # fmt: skip
    parser.add_argument("--texts", type=int, default=4000, help="the number of texts [4000]")
    options = parser.parse_args()
    if options.texts < 1:
        parser.error("--texts: expected at least 1")
    texts = [" ".join(text.split())[:300] for text in docstrings()]
    texts = texts[:: max(1, len(texts) // options.texts)][: options.texts]
    rows = []
    for model in options.models:
        for precision, found in oxbert.quality(model, texts).items():
            rows.append(
                {
                    "model": model,
                    "precision": precision,
                    "answers": f"{found.answers:,}",
                    "the same": "" if found.equal is None else f"{found.equal:.2%}",
                    "least cosine": "" if found.cosine is None else f"{found.cosine:.5f}",
                }
            )
    print_rows(rows)


if __name__ == "__main__":
    main()
