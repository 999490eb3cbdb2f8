"""Find the words of a text that were probably replaced, and what may have stood there.

python examples/replaced_tokens.py [--model DIR] [--generator DIR] [TEXT ...]
"""

import argparse

import oxbert

TEXTS = [
    "Returns the number of elements because the list.",
    "Return the number of elements in the list.",
    "The matrix must be symmetric and positive file.",
]

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--model", default="electra-tiny-discriminator", metavar="DIR", help="a discriminator")
parser.add_argument("--generator", default="electra-tiny-generator", metavar="DIR", help="a masked LM")
parser.add_argument("text", nargs="*", default=TEXTS, metavar="TEXT")
options = parser.parse_args()

detect = oxbert.pipeline("replaced-token-detection", options.model, generator=options.generator, threshold=0.5, top_k=3)
for text, words in zip(options.text, detect(options.text), strict=True):
    print(text)
    for word in words:
        suggestions = ", ".join(one["token_str"] for one in word["suggestions"])
        print(f"    {word['probability']:4.0%}  {word['word']} ({word['start']}-{word['end']}): {suggestions}?")
