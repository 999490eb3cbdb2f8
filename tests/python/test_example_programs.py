"""Run the example programs as their docstrings say, and the notebook, and check what they print."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .processes import run

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOK = EXAMPLES / "find_and_mend_words.ipynb"

# Executes the code cells of a notebook, shows the last value of each as a notebook does, and prints the names in JSON.
EXECUTE = """
import ast, json, sys
names = {"__name__": "__main__"}
pictures = []
for number, cell in enumerate(json.load(open(sys.argv[1], encoding="utf-8"))["cells"]):
    if cell["cell_type"] == "code":
        tree = ast.parse("".join(cell["source"]))
        shown = ast.Expression(tree.body.pop().value) if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, f"cell {number}", "exec"), names)
        if shown is not None:
            value = eval(compile(shown, f"cell {number}", "eval"), names)
            if value is not None:
                pictures.append(value._repr_html_())
result = {name: names[name] for name in ("damaged", "original", "mended", "steps", "between")}
result["suspects"] = [word["word"] for word in names["suspects"]]
result["pictures"] = pictures
print(json.dumps(result))
"""


def printed(*command: object) -> str:
    """Return what a Python program prints, run in the folder of the examples."""
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "NO_COLOR": "1", "OMP_NUM_THREADS": "1"}
    done = run(
        [sys.executable, *command],
        cwd=EXAMPLES,
        env=environment,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        seconds=100,
    )
    assert done.returncode == 0, done.stdout
    return str(done.stdout)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fill_mask", "nodes"),
        ("replaced_tokens", "because (31-38): of, in"),
        ("feature_extraction", " 1.00 "),
        ("model_card", "fake"),
        ("demo", "most probably replaced: 'because'"),
    ],
)
def test_examples_of_bundled_models_answer(name: str, expected: str) -> None:
    output = printed(f"{name}.py")
    assert expected in output


@pytest.mark.parametrize(
    ("name", "result", "least", "expected"),
    [
        ("text_classification", "It labels ", 0.9, ["negative   This keyboard is broken."]),
        ("token_classification", "It finds name and city in ", 0.9, ["CITY  New York (13-21)", "CITY  S\u00e3o Paulo"]),
        ("question_answering", "It answers ", 0.8, ["New York (13-21)"]),
        ("zero_shot_classification", "The right topic comes first for ", 0.9, ["    network ", "    time "]),
    ],
)
def test_examples_that_train_a_small_model_answer(name: str, result: str, least: float, expected: list[str]) -> None:
    output = printed(f"{name}.py")
    line = next(line for line in output.splitlines() if line.startswith(result))
    right, _, total = line.removeprefix(result).split()[:3]
    assert int(right) >= least * int(total), output
    assert all(part in output for part in expected), output


def test_the_notebook_mends_the_text() -> None:
    output = printed("-c", EXECUTE, NOTEBOOK)
    result = json.loads(output.splitlines()[-1])
    assert result["suspects"] == ["by", "be", "are"] and len(result["steps"]) == 4
    assert result["mended"] == result["original"] != result["damaged"]
    wrong, right, original = result["between"].values()
    assert wrong > 0.5 > right > original
    # The words shaded twice, the candidates, the grid of heads, and two heads over the words.
    assert len(result["pictures"]) == 6 and sum("<svg" in picture for picture in result["pictures"]) == 1
    assert "This is the original text." in output


def test_the_notebook_is_stored_without_outputs() -> None:
    notebook = json.loads(NOTEBOOK.read_text("utf-8"))
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    identifiers = [cell["id"] for cell in notebook["cells"]]
    assert len(set(identifiers)) == len(identifiers)
    for cell in notebook["cells"]:
        assert cell["cell_type"] == "markdown" or (cell["outputs"] == [] and cell["execution_count"] is None)
