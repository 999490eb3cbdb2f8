"""Draw the picture of the README: two sentences with words shaded by the bundled discriminator.

    python tools/readme_picture.py [--output docs/replaced-words.svg]

The red behind each word grows with the probability that the word was replaced, which is printed below.
"""

from __future__ import annotations

import argparse
from html import escape
from pathlib import Path

import oxbert
from oxbert.pictures import strength_of

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "docs" / "replaced-words.svg"
MODEL = "electra-tiny-discriminator"
LINES = {
    "original": "Returns the number of elements in the list.",
    "replaced": "Returns the number of elements because the list.",
}

# Pixels. Each word has a `textLength`, so that every glyph is `ADVANCE` wide in any monospace font.
ADVANCE, SIZE, ROW, MARGIN, LABEL = 12, 20, 84, 24, 92
STYLE = """
  .card { fill: #ffffff; stroke: #d0d7de; }
  .word { fill: #1f2328; font: 20px monospace; }
  .note { fill: #59636e; font: 13px sans-serif; }
  .shade { fill: #ff6b5e; }
  @media (prefers-color-scheme: dark) {
    .card { fill: #151b23; stroke: #3d444d; }
    .word { fill: #f0f6fc; }
    .note { fill: #9198a1; }
    .shade { fill: #da3633; }
  }
"""


def draw_word(word: str, x: int, y: int, probability: float) -> str:
    """Return a word whose first glyph begins at `x` on the baseline `y`, its shade and its probability."""
    width = ADVANCE * len(word)
    strength = strength_of(probability)
    lines = []
    if strength > 0:
        lines.append(
            f'<rect class="shade" x="{x - 4}" y="{y - SIZE}" width="{width + 8}" height="{SIZE + 8}" rx="5" '
            f'fill-opacity="{strength:.2f}"/>'
        )
    lines.append(f'<text class="word" x="{x}" y="{y}" textLength="{width}">{escape(word)}</text>')
    lines.append(
        f'<text class="note" x="{x + width / 2:.0f}" y="{y + 26}" text-anchor="middle">{probability:.0%}</text>'
    )
    return "\n".join(lines)


def draw() -> str:
    """Return the picture as an SVG."""
    detect = oxbert.pipeline("replaced-token-detection", MODEL, threshold=0)
    width = 2 * MARGIN + LABEL + ADVANCE * max(map(len, LINES.values()))
    height = MARGIN + ROW * len(LINES) + 14
    parts = []
    for row, (label, text) in enumerate(LINES.items()):
        y = MARGIN + ROW * row + 22
        parts.append(f'<text class="note" x="{MARGIN}" y="{y - 2}">{label}</text>')
        for found in detect(text):
            word, x = found["word"], MARGIN + LABEL + ADVANCE * found["start"]
            # A full stop is too narrow for its probability.
            mark = f'<text class="word" x="{x}" y="{y}">{escape(word)}</text>'
            parts.append(draw_word(word, x, y, found["probability"]) if word.isalnum() else mark)
    caption = f"Probability that a word was replaced, from {MODEL}"
    parts.append(f'<text class="note" x="{MARGIN}" y="{height - 16}">{caption}</text>')
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img">\n<title>{caption}</title>\n<style>{STYLE}</style>\n'
        f'<rect class="card" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>\n{body}\n</svg>\n'
    )


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=OUTPUT, metavar="FILE")
    parser.parse_args().output.write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    main()
