"""Answer questions about a text of any length with the question-answering pipeline.

    python examples/question_answering.py [--model DIR] [--context TEXT] [QUESTION ...]

The package bundles no model for question answering, so without `--model` the script first trains a small one on
sentences made from a template, which answers questions about such sentences and no others.
"""

from __future__ import annotations

import argparse
import tempfile

from support.facts import Fact, facts
from support.small_models import VOCABULARY, train_small

import oxbert

CONTEXT = "Amy lives in New York and works as an engineer."
QUESTIONS = ["Where does Amy live?", "What is the work of Amy?", "Who lives in New York?"]


def questions(fact: Fact) -> list[tuple[str, str]]:
    """Return the questions about a fact with their answers."""
    return [
        (f"Where does {fact.name} live?", fact.city),
        (f"What is the work of {fact.name}?", fact.work),
        (f"Who lives in {fact.city}?", fact.name),
    ]


def train(folder: str) -> None:
    """Train on the questions about most facts, and print how many about the others it answers correctly."""
    seen, unseen = facts()
    asked = [(fact, question, answer) for fact in seen for question, answer in questions(fact)]
    tokenizer = oxbert.DistilBertTokenizer.from_pretrained(VOCABULARY)
    encoding = tokenizer(
        [question for _, question, _ in asked], [fact.text for fact, _, _ in asked], return_offsets_mapping=True
    )
    rows = {"input_ids": encoding["input_ids"], "start_positions": [], "end_positions": []}
    for row, (fact, _, answer) in enumerate(asked):
        first, last = fact.span(answer)
        places = zip(encoding["offset_mapping"][row], encoding.sequence_ids(row), strict=True)
        inside = [
            column for column, ((begin, end), part) in enumerate(places) if part == 1 and first <= begin and end <= last
        ]
        rows["start_positions"].append(inside[0])
        rows["end_positions"].append(inside[-1])
    print(f"Training a small model on {len(asked)} questions:")
    train_small(oxbert.DistilBertForQuestionAnswering, ["start", "end"], rows, folder, steps=120, learning_rate=2e-3)
    ask = oxbert.pipeline("question-answering", folder)
    tests = [(fact, question, answer) for fact in unseen for question, answer in questions(fact)]
    found = ask(question=[question for _, question, _ in tests], context=[fact.text for fact, _, _ in tests])
    right = sum(one["answer"].rstrip(".") == answer for one, (_, _, answer) in zip(found, tests, strict=True))
    print(f"It answers {right} of {len(tests)} other questions correctly.\n")


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--model", metavar="DIR", help="a model for question answering")
parser.add_argument("--context", default=CONTEXT, metavar="TEXT", help="the text with the answers")
parser.add_argument("question", nargs="*", default=QUESTIONS, metavar="QUESTION")
options = parser.parse_args()

with tempfile.TemporaryDirectory() as folder:
    if options.model is None:
        train(folder)
    ask = oxbert.pipeline("question-answering", options.model or folder)
    print(options.context)
    for question, answer in zip(options.question, ask(question=options.question, context=options.context), strict=True):
        print(f"    {question:26} {answer['score']:4.0%}  {answer['answer']} ({answer['start']}-{answer['end']})")
