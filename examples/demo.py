"""Fill masks and detect replaced words with the bundled models.

    python examples/demo.py [--generator DIR] [--discriminator DIR] [TEXT ...]

The generator fills a TEXT that contains [MASK]; the discriminator searches any other TEXT for replaced words.
"""

from __future__ import annotations

import argparse
import os
import sys

import oxbert
from oxbert.pictures import BASE_RATE, strength_of

MASKED = [
    "Return the number of [MASK] in the graph.",
    "Raises an [MASK] if the input is not valid.",
    "The algorithm stops when the maximum number of [MASK] is reached.",
]
REPLACED = [
    "The function returns the elephant of the list.",
    "The default weather is used if no argument is given.",
    "The matrix must be symmetric and positive file.",
    "Returns the number of elements because the list.",
]


def shade(word: str, probability: float, colours: bool) -> str:
    """Return the word in red if it was probably replaced; without colours, with its probability."""
    if not colours:
        return f"{word} <{probability:.0%}>" if probability > 2 * BASE_RATE else word
    strength = strength_of(probability)
    if strength == 0.0:
        return word
    # Between grey and red, which dark and light terminals both show.
    red, other = round(150 + 80 * strength), round(150 - 120 * strength)
    return f"\x1b[1;38;2;{red};{other};{other}m{word}\x1b[0m"


def show_masks(fill: oxbert.FillMask, text: str) -> None:
    """Print the text, and below it the most probable words for each mask."""
    print(f"  {text}")
    for mask in fill([text], top_k=5)[0]:
        words = (f"{candidate['token_str']} {candidate['score']:.0%}" for candidate in mask["candidates"])
        print(f"      {'   '.join(words)}")


def show_replaced(detect: oxbert.pipelines.Pipeline, text: str, colours: bool) -> None:
    """Print the text with its words shaded, and below it the word that was most probably replaced."""
    words = detect(text)
    line, position = "", 0
    for word in words:
        line += text[position : word["start"]] + shade(word["word"], word["probability"], colours)
        position = word["end"]
    print(f"  {line}{text[position:]}")
    if words:
        worst = max(words, key=lambda word: word["probability"])
        print(f"      most probably replaced: {worst['word']!r}, {worst['probability']:.0%}")


def main() -> int:
    """Run the demonstration."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--generator", default="electra-tiny-generator", metavar="DIR", help="a masked LM")
    parser.add_argument("--discriminator", default="electra-tiny-discriminator", metavar="DIR", help="a discriminator")
    parser.add_argument("text", nargs="*", metavar="TEXT")
    options = parser.parse_args()
    colours = "NO_COLOR" not in os.environ and (sys.stdout.isatty() or "FORCE_COLOR" in os.environ)

    masked = [text for text in options.text if "[MASK]" in text]
    replaced = [text for text in options.text if "[MASK]" not in text]
    if not options.text:
        masked, replaced = MASKED, REPLACED
    try:
        if masked:
            print("Predict the word at each [MASK]:")
            fill = oxbert.FillMask.from_pretrained(options.generator)
            for text in masked:
                show_masks(fill, text)
        if replaced:
            print("Detect the replaced word" + (" (the redder, the more probable):" if colours else ":"))
            detect = oxbert.pipeline("replaced-token-detection", options.discriminator, threshold=0)
            for text in replaced:
                show_replaced(detect, text, colours)
    except oxbert.OxbertError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
