"""Fine-tune the bundled model on texts that every machine has: which package does a docstring come from?

    pip install "oxbert[finetune]"
    python examples/finetune_docstrings.py [FOLDER]

The first lines of the docstrings of six packages of Python's standard library are the data. The output is a table of
what the model finds, and a picture. It takes about a minute on two cores.
"""

from __future__ import annotations

import ast
import random
import re
import sys
import sysconfig
from pathlib import Path

import oxbert
from oxbert.training import finetune

PACKAGES = ("asyncio", "email", "logging", "multiprocessing", "unittest", "xml")
SETTINGS = {
    "epochs": 10.0,
    "batch_size": 16,
    "learning_rate": 2e-4,
    "layerwise_decay": 0.9,
    "max_length": 48,
    "seed": 1,
}
SHORTEST = 12
QUESTIONS = (
    "Start a new worker of the pool.",
    "Wait until the task is done.",
    "Fail unless the two lists are equal.",
    "Parse a header of the message.",
)


def first_sentences(package: str) -> list[str]:
    """Return the first sentences of a package's docstrings, each once, without running its code."""
    found: dict[str, None] = {}
    for path in sorted((Path(sysconfig.get_path("stdlib")) / package).rglob("*.py")):
        if "test" in path.relative_to(path.parents[1]).parts or "idle_test" in path.parts:
            continue
        try:
            tree = ast.parse(path.read_text("utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                text = " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split())
                # The name of the package would give the answer away.
                if len(text) >= SHORTEST and not re.search(package, text, re.IGNORECASE):
                    found[text] = None
    return list(found)


def make_splits() -> dict[str, list[dict[str, str]]]:
    """Return rows of a text and its package; equally many of each package, of which a fifth is held out."""
    texts = {package: first_sentences(package) for package in PACKAGES}
    count = min(250, *map(len, texts.values()))
    draw = random.Random(0)
    splits: dict[str, list[dict[str, str]]] = {"train": [], "dev": []}
    for package, found in texts.items():
        for number, text in enumerate(draw.sample(found, count)):
            splits["dev" if number < count // 5 else "train"].append({"text": text, "label": package})
    return splits


def main(folder: Path) -> None:
    """Fine-tune, and print what was found."""
    splits = make_splits()
    metrics = finetune("classification", splits, folder, model="electra-tiny-discriminator", **SETTINGS)
    print(
        f"{len(splits['train'])} texts to learn from, {len(splits['dev'])} to check; chance is {1 / len(PACKAGES):.0%}"
    )
    print("".join(f"{name:>10}" for name in metrics["dev"]))
    print("".join(f"{value:10.3f}" for value in metrics["dev"].values()))
    classify = oxbert.pipeline("text-classification", str(folder / "model"))
    for text, answer in zip(QUESTIONS, classify(list(QUESTIONS)), strict=True):
        print(f"{answer['score']:4.0%} {answer['label']:<15} {text}")
    if (folder / "results.png").is_file():
        print(f"picture: {folder / 'results.png'}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "finetuned-docstrings"))
