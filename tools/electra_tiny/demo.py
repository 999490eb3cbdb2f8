"""Print the best fillers of ``[MASK]`` and the probabilities of being replaced for example sentences."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from transformers import ElectraForMaskedLM, ElectraForPreTraining

from common import MASK, discriminator_logits, generator_logits, load_tokenizer

MASKED = (
    "Returns [MASK] if the graph is connected.",
    "Return the number of [MASK] in the graph.",
    "Raises an [MASK] if the input is not valid.",
    "An error is [MASK] if the file does not exist.",
    "The algorithm stops when the maximum number of [MASK] is reached.",
    "If the argument is [MASK], the default value is used.",
    "Compute the [MASK] of a square matrix.",
    "The two arrays must have the same [MASK].",
    "For more [MASK], see the documentation.",
    "The loss is computed for each [MASK] in the batch.",
)
REPLACED = (
    "The algorithm stops when the maximum number of iterations is the.",
    "Returns the number of elements because the list.",
    "The matrix must be symmetric and positive file.",
    "This method is called when the object is kernel.",
    "The default weather is used if no argument is given.",
    "The key is not found in the purple dictionary.",
)


@torch.no_grad()
def main() -> None:
    """Print top-5 fillers and per-token probabilities of being replaced."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--generator", type=Path, required=True)
    parser.add_argument("--discriminator", type=Path, required=True)
    parser.add_argument("--masked", action="append", help="a sentence with one [MASK]; instead of the built-in ones")
    parser.add_argument("--replaced", action="append", help="a sentence to check; instead of the built-in ones")
    arguments = parser.parse_args()
    tokenizer = load_tokenizer(arguments.generator / "vocab.txt")
    generator = ElectraForMaskedLM.from_pretrained(arguments.generator).eval()
    discriminator = ElectraForPreTraining.from_pretrained(arguments.discriminator).eval()
    for sentence in arguments.masked or MASKED:
        ids = torch.tensor([tokenizer.encode(sentence).ids])
        probabilities, best = generator_logits(generator, ids, (ids[0] == MASK).nonzero()[:1, 0]).softmax(-1)[0].topk(5)
        fillers = [
            f"{tokenizer.id_to_token(i)} {p:.3f}" for i, p in zip(best.tolist(), probabilities.tolist(), strict=True)
        ]
        print(f"{sentence}\n    {', '.join(fillers)}")
    for sentence in arguments.replaced or REPLACED:
        encoding = tokenizer.encode(sentence)
        scores = discriminator_logits(discriminator, torch.tensor([encoding.ids])).sigmoid()[0].tolist()
        tokens = [f"{t}:{p:.2f}" for t, p in zip(encoding.tokens[1:-1], scores[1:-1], strict=True)]
        print(f"{sentence}\n    {' '.join(tokens)}")


if __name__ == "__main__":
    main()
