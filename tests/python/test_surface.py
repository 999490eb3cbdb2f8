"""What is exported is documented, typed, and does what its examples say."""

from __future__ import annotations

import ast
import doctest
import importlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import oxbert
from oxbert import _native

ROOT = Path(__file__).parents[2]
STUBS = Path(oxbert.__file__).parent / "_native.pyi"
TREE = ast.parse(STUBS.read_text("utf-8"))
EXPORTED = {name for name in dir(_native) if not name.startswith("_")}
DEFINED = [node for node in TREE.body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
PUBLIC = [node for node in DEFINED if not node.name.startswith("_")]


def test_every_native_name_is_public() -> None:
    assert set(oxbert.__all__) >= EXPORTED
    for name in oxbert.__all__:
        assert hasattr(oxbert, name)
    assert len(oxbert.__all__) == len(set(oxbert.__all__))
    assert set(_native.__all__) == EXPORTED | {"__version__"}


def test_the_stubs_name_exactly_what_is_exported() -> None:
    assert {node.name for node in PUBLIC} == EXPORTED
    assigned = {ast.unparse(node.targets[0]): node.value for node in TREE.body if isinstance(node, ast.Assign)}
    assert set(ast.literal_eval(assigned["__all__"])) == set(_native.__all__)
    for node in PUBLIC:
        if isinstance(node, ast.ClassDef):
            stubbed = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
            found = {name for name in vars(getattr(_native, node.name)) if not name.startswith("_")}
            assert {name for name in stubbed if not name.startswith("_")} == found, node.name


def test_everything_has_a_docstring() -> None:
    for name in EXPORTED:
        thing = getattr(_native, name)
        assert thing.__doc__, name
        if isinstance(thing, type):
            assert thing.__module__ == "oxbert", name
            for member, value in vars(thing).items():
                if not member.startswith("_"):
                    assert value.__doc__, f"{name}.{member}"
    seen = set()
    for node in PUBLIC:
        for item in [node, *(node.body if isinstance(node, ast.ClassDef) else [])]:
            if not isinstance(item, ast.ClassDef | ast.FunctionDef) or item.name.startswith("__"):
                continue
            where = node.name if item is node else f"{node.name}.{item.name}"
            if where in seen:
                # A further overload; the first is the one that is documented.
                continue
            seen.add(where)
            text = ast.get_docstring(item)
            assert text, where
            assert text.splitlines()[0].endswith((".", "?")), where
    for module in [oxbert, oxbert.errors, oxbert.outputs]:
        assert module.__doc__
        for name in module.__all__:
            assert name == "__version__" or getattr(module, name).__doc__, name


def test_the_version_is_that_of_the_crate() -> None:
    (version,) = re.findall(r'^version = "(.+)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[:1]
    assert oxbert.__version__ == version


def examples() -> list[doctest.DocTest]:
    parser, found = doctest.DocTestParser(), []
    for node in [TREE, *(node for node in ast.walk(TREE) if isinstance(node, ast.ClassDef | ast.FunctionDef))]:
        text = ast.get_docstring(node) if hasattr(node, "body") else None
        if text and ">>>" in text:
            name = getattr(node, "name", "_native")
            found.append(parser.get_doctest(text, {}, name, str(STUBS), getattr(node, "lineno", 0)))
    return found


@pytest.mark.parametrize("example", examples(), ids=lambda example: f"{example.name}-{example.lineno}")
def test_the_examples_of_the_stubs_work(
    example: doctest.DocTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    example.globs = {"oxbert": oxbert, "np": np, "torch": torch}
    lines: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=lines.append)
    assert not lines, "".join(lines)


def test_every_class_and_function_has_an_example() -> None:
    for node in PUBLIC:
        if node.name == "Model":
            # The base: its examples are those of its methods and of the models.
            continue
        items = node.body if isinstance(node, ast.ClassDef) else []
        texts = [
            ast.get_docstring(item) or "" for item in [node, *items] if isinstance(item, ast.ClassDef | ast.FunctionDef)
        ]
        overloads = [other for other in PUBLIC if other.name == node.name]
        assert any(">>>" in text for text in texts) or len(overloads) > 1, node.name


def test_the_examples_of_the_package_work() -> None:
    attempted = 0
    for name in ["_folders", "_libtorch", "_pickles", "errors", "modelcard", "outputs"]:
        result = doctest.testmod(importlib.import_module(f"oxbert.{name}"))
        assert result.failed == 0, name
        attempted += result.attempted
    assert attempted > 0


def blocks(path: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", path.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def test_the_readme_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every block of Python, from top to bottom, in one namespace."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, block in enumerate(blocks(ROOT / "README.md")):
        exec(compile(block, f"README.md, block {number + 1}", "exec"), names)
