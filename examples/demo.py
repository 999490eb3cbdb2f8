"""What ELECTRA does, on the bundled model: fills masks, and finds replaced words.

    python examples/demo.py [--generator DIR] [--discriminator DIR] [TEXT ...]

A TEXT with [MASK] in it is filled; any other is searched for replaced words.
"""

from __future__ import annotations

import argparse
import os
import sys

import oxbert

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

# In pre-training about one token in nine was replaced: below that a probability says "probably the original".
BASE_RATE = 1 / 9


def shade(word: str, probability: float, colours: bool) -> str:
    """The word, the redder the likelier it was replaced; without colours the likely ones are marked."""
    if not colours:
        return f"{word} <{probability:.0%}>" if probability > 2 * BASE_RATE else word
    strength = min(1.0, max(0.0, probability - BASE_RATE) / (3 * BASE_RATE))
    if strength == 0.0:
        return word
    # From grey to red, which both dark and light terminals show.
    red, other = round(150 + 80 * strength), round(150 - 120 * strength)
    return f"\x1b[1;38;2;{red};{other};{other}m{word}\x1b[0m"


def show_masks(fill: oxbert.FillMask, text: str) -> None:
    """The text, and under it the likeliest words for each mask."""
    print(f"  {text}")
    for mask in fill([text], top_k=5)[0]:
        words = (f"{candidate['token_str']} {candidate['score']:.0%}" for candidate in mask["candidates"])
        print(f"      {'   '.join(words)}")


def show_replaced(detect: oxbert.ReplacedTokenDetection, text: str, colours: bool) -> None:
    """The text with its words shaded, and under it the likeliest one."""
    words: list[tuple[int, int, float]] = []
    for token in detect([text])[0]:
        start, end, probability = token["start"], token["end"], token["probability"]
        if words and words[-1][1] == start and token["token"].startswith("##"):
            # A word is as suspicious as its most suspicious piece.
            words[-1] = (words[-1][0], end, max(words[-1][2], probability))
        else:
            words.append((start, end, probability))
    line, position = "", 0
    for start, end, probability in words:
        line += text[position:start] + shade(text[start:end], probability, colours)
        position = end
    print(f"  {line}{text[position:]}")
    if not words:
        return
    start, end, probability = max(words, key=lambda word: word[2])
    print(f"      most likely replaced: {text[start:end]!r}, {probability:.0%}")


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
            print("What stands at [MASK]?")
            fill = oxbert.FillMask.from_pretrained(options.generator)
            for text in masked:
                show_masks(fill, text)
        if replaced:
            print("Which word was replaced?" + (" (the redder, the likelier)" if colours else ""))
            detect = oxbert.ReplacedTokenDetection.from_pretrained(options.discriminator)
            for text in replaced:
                show_replaced(detect, text, colours)
    except oxbert.OxbertError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
