"""Turn sentences into vectors: the mean of the discriminator's hidden states over the tokens of each sentence.

    python examples/feature_extraction.py [--model DIR] [TEXT ...]

Prints the cosine similarity of each pair of sentences. The rows stay ragged: nothing is padded.
"""

import argparse

import numpy as np

import oxbert

TEXTS = [
    "Raise an error if the file does not exist.",
    "An exception is raised when the file cannot be found.",
    "Return the eigenvalues of a square matrix.",
    "Compute the eigenvectors of a symmetric matrix.",
    "Sort the items of the list in place.",
    "The elements of the list are sorted.",
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
vectors -= vectors.mean(axis=0)  # the part that all sentences share distinguishes none
vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)

for text, row in zip(options.text, vectors @ vectors.T, strict=True):
    print("  ".join(f"{cosine:6.2f}" for cosine in row), "", text)
