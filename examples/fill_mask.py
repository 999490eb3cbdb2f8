"""Fill a mask with the model and the tokenizer alone, in numpy: torch is not imported.

python examples/fill_mask.py [--model DIR] [TEXT]
"""

import argparse

import numpy as np

import oxbert

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--model", default="electra-tiny-generator", metavar="DIR")
parser.add_argument("text", nargs="?", default="Return the number of [MASK] in the graph.", metavar="TEXT")
options = parser.parse_args()

tokenizer = oxbert.ElectraTokenizer.from_pretrained(options.model)
model = oxbert.ElectraForMaskedLM.from_pretrained(options.model)

encoding = tokenizer([options.text], return_tensors="np")
logits = model(**encoding).logits  # [1, S, V]
for column in np.flatnonzero(encoding["input_ids"][0] == tokenizer.mask_token_id):
    scores = np.exp(logits[0, column] - logits[0, column].max())
    scores /= scores.sum()
    for token in np.argsort(scores)[: -5 - 1 : -1]:
        print(f"{scores[token]:6.1%}  {tokenizer.decode([token])}")
