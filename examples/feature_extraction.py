"""Sentences to vectors: the mean of the discriminator's hidden states over each sentence's tokens.

    python examples/feature_extraction.py [--model DIR] [TEXT ...]

Prints how alike the sentences are (cosine). The rows stay ragged: nothing is padded.
"""

import argparse

import numpy as np

import oxbert

TEXTS = [
    "Raise an error if the file does not exist.",
    "An exception is raised when the file cannot be found.",
    "Return the eigenvalues of a square matrix.",
]

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--model", default="electra-tiny-discriminator", metavar="DIR")
parser.add_argument("text", nargs="*", default=TEXTS, metavar="TEXT")
options = parser.parse_args()

tokenizer = oxbert.ElectraTokenizer.from_pretrained(options.model)
model = oxbert.ElectraModel.from_pretrained(options.model)

ids = tokenizer(options.text)["input_ids"]
hidden = model(ids).last_hidden_state  # [B, S, H], zeros at padded positions
lengths = np.array([len(row) for row in ids])
vectors = hidden.sum(axis=1) / lengths[:, None]
vectors -= vectors.mean(axis=0)  # what all sentences share says nothing about any of them
vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)

for text, row in zip(options.text, vectors @ vectors.T, strict=True):
    print("  ".join(f"{cosine:6.2f}" for cosine in row), "", text)
