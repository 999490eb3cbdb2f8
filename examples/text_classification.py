"""Label texts with the text-classification pipeline.

    python examples/text_classification.py [--model DIR] [TEXT ...]

The package bundles no classifier, so without `--model` the script first trains a small one on sentences made from
templates, which knows such sentences and no others.
"""

from __future__ import annotations

import argparse
import tempfile

from support.small_models import VOCABULARY, train_small

import oxbert

TEXTS = [
    "The printer is fast, and the manual is clear.",
    "This keyboard is broken.",
    "I found the library easy to use.",
]
THINGS = ["library", "manual", "printer", "browser", "keyboard", "tutorial"]
WORDS = {
    "negative": ["bad", "slow", "broken", "wrong", "poor", "hard to use"],
    "positive": ["good", "fast", "clear", "great", "useful", "easy to use"],
}
TEMPLATES = ["The {} is {}.", "I found this {} very {}.", "What a day: my {} was {}!"]


def train(folder: str) -> None:
    """Train a classifier on three quarters of the sentences, and print how many of the others it labels correctly."""
    seen: list[tuple[str, str]] = []
    unseen: list[tuple[str, str]] = []
    for label, words in WORDS.items():
        for row, word in enumerate(words):
            for column, thing in enumerate(THINGS):
                part = unseen if (row + column) % 4 == 0 else seen
                part.extend((template.format(thing, word), label) for template in TEMPLATES)
    names = list(WORDS)
    tokenizer = oxbert.DistilBertTokenizer.from_pretrained(VOCABULARY)
    rows = {
        "input_ids": tokenizer([text for text, _ in seen])["input_ids"],
        "labels": [names.index(label) for _, label in seen],
    }
    print(f"Training a small classifier on {len(seen)} sentences:")
    train_small(oxbert.DistilBertForSequenceClassification, names, rows, folder)
    answers = oxbert.pipeline("text-classification", folder)([text for text, _ in unseen])
    right = sum(answer["label"] == label for answer, (_, label) in zip(answers, unseen, strict=True))
    print(f"It labels {right} of {len(unseen)} other sentences correctly.\n")


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--model", metavar="DIR", help="a text classifier")
parser.add_argument("text", nargs="*", default=TEXTS, metavar="TEXT")
options = parser.parse_args()

with tempfile.TemporaryDirectory() as folder:
    if options.model is None:
        train(folder)
    classify = oxbert.pipeline("text-classification", options.model or folder)
    for text, answer in zip(options.text, classify(options.text), strict=True):
        print(f"{answer['score']:4.0%}  {answer['label']:10} {text}")
