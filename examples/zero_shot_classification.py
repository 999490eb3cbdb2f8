"""Rank labels that the caller names with the zero-shot-classification pipeline.

    python examples/zero_shot_classification.py [--model DIR] [--labels LABEL,LABEL,...] [TEXT ...]

The pipeline asks a classifier for natural language inference whether a text entails "This example is LABEL." The
package bundles none, so without `--model` the script first trains a small one on sentences made from a template. It
knows the four topics of the template and no others; a real one ranks any labels.
"""

from __future__ import annotations

import argparse
import tempfile

from support.small_models import VOCABULARY, train_small

import oxbert

TEXTS = ["There is a packet in the server.", "The hour comes after the minute."]
TOPICS = {
    "network": ["server", "client", "request", "packet"],
    "time": ["date", "hour", "minute", "calendar"],
    "files": ["file", "directory", "disk", "archive"],
    "mathematics": ["matrix", "vector", "integral", "equation"],
}
TEMPLATES = ["The {} comes after the {}.", "There is a {} in the {}."]


def train(folder: str) -> None:
    """Train on the sentences about most pairs of words, and print for how many of the others the topic comes first."""
    seen: list[tuple[str, str]] = []
    unseen: list[tuple[str, str]] = []
    for topic, words in TOPICS.items():
        for row, one in enumerate(words):
            for column, other in enumerate(words):
                part = unseen if (row + column) % 4 == 0 else seen
                part.extend((template.format(one, other), topic) for template in TEMPLATES if one != other)
    pairs = [(text, topic, other) for text, topic in seen for other in TOPICS]
    tokenizer = oxbert.DistilBertTokenizer.from_pretrained(VOCABULARY)
    encoding = tokenizer([text for text, _, _ in pairs], [f"This example is {other}." for _, _, other in pairs])
    names = ["contradiction", "entailment"]
    rows = {
        "input_ids": encoding["input_ids"],
        "labels": [int(topic == other) for _, topic, other in pairs],
    }
    print(f"Training a small classifier on {len(pairs)} pairs of sentences:")
    train_small(oxbert.DistilBertForSequenceClassification, names, rows, folder, steps=200, learning_rate=2e-3)
    classify = oxbert.pipeline("zero-shot-classification", folder)
    answers = classify([text for text, _ in unseen], candidate_labels=list(TOPICS))
    right = sum(answer["labels"][0] == topic for answer, (_, topic) in zip(answers, unseen, strict=True))
    print(f"The right topic comes first for {right} of {len(unseen)} other sentences.\n")


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--model", metavar="DIR", help="a classifier for natural language inference")
parser.add_argument("--labels", default=",".join(TOPICS), metavar="LABEL,LABEL,...")
parser.add_argument("text", nargs="*", default=TEXTS, metavar="TEXT")
options = parser.parse_args()

with tempfile.TemporaryDirectory() as folder:
    if options.model is None:
        train(folder)
    classify = oxbert.pipeline("zero-shot-classification", options.model or folder)
    for answer in classify(options.text, candidate_labels=options.labels.split(",")):
        ranked = zip(answer["labels"], answer["scores"], strict=True)
        print(answer["sequence"])
        print("    " + ", ".join(f"{label} {score:.0%}" for label, score in ranked))
