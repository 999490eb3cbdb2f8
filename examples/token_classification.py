"""Find entities with the token-classification pipeline, in texts of any length.

    python examples/token_classification.py [--model DIR] [TEXT ...]

The package bundles no token classifier, so without `--model` the script first trains a small one on sentences made from
a template, which finds the names and the cities of such sentences and no others.
"""

from __future__ import annotations

import argparse
import tempfile

from support.facts import Fact, facts
from support.small_models import IGNORED, VOCABULARY, train_small

import oxbert

TEXTS = ["Amy lives in New York and works as an engineer.", "David lives in São Paulo and works as a writer."]
LABELS = ["O", "B-NAME", "I-NAME", "B-CITY", "I-CITY"]


def token_labels(fact: Fact, offsets: list[tuple[int, int]]) -> list[int]:
    """Return the label of each token of a fact."""
    labels = [LABELS.index("O") if begin < end else IGNORED for begin, end in offsets]
    for entity, part in [("NAME", fact.name), ("CITY", fact.city)]:
        first, last = fact.span(part)
        inside = [column for column, (begin, end) in enumerate(offsets) if first <= begin < end <= last]
        for column in inside:
            labels[column] = LABELS.index(f"{'B' if column == inside[0] else 'I'}-{entity}")
    return labels


def train(folder: str) -> None:
    """Train a token classifier on most facts, and print how many entities of the others it finds."""
    seen, unseen = facts()
    tokenizer = oxbert.DistilBertTokenizer.from_pretrained(VOCABULARY)
    encoding = tokenizer([fact.text for fact in seen], return_offsets_mapping=True)
    labels = [token_labels(fact, offsets) for fact, offsets in zip(seen, encoding["offset_mapping"], strict=True)]
    print(f"Training a small token classifier on {len(seen)} sentences:")
    rows = {"input_ids": encoding["input_ids"], "labels": labels}
    train_small(oxbert.DistilBertForTokenClassification, LABELS, rows, folder)
    ner = oxbert.pipeline("ner", folder, aggregation_strategy="first")
    right = 0
    for fact, entities in zip(unseen, ner([fact.text for fact in unseen]), strict=True):
        found = [(entity["entity_group"], entity["start"], entity["end"]) for entity in entities]
        right += found == [("NAME", *fact.span(fact.name)), ("CITY", *fact.span(fact.city))]
    print(f"It finds name and city in {right} of {len(unseen)} other sentences.\n")


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--model", metavar="DIR", help="a token classifier")
parser.add_argument("text", nargs="*", default=TEXTS, metavar="TEXT")
options = parser.parse_args()

with tempfile.TemporaryDirectory() as folder:
    if options.model is None:
        train(folder)
    ner = oxbert.pipeline("ner", options.model or folder, aggregation_strategy="first")
    for text, entities in zip(options.text, ner(options.text), strict=True):
        print(text)
        for entity in entities:
            span = text[entity["start"] : entity["end"]]
            print(f"    {entity['score']:4.0%}  {entity['entity_group']:5} {span} ({entity['start']}-{entity['end']})")
