"""Run the examples in the docstrings of every module."""

from __future__ import annotations

import doctest
import importlib
import inspect
from pathlib import Path

import numpy as np
import pytest
import torch

import oxbert

from .modules import MODULES


def test_every_module_is_listed() -> None:
    root = Path(oxbert.__file__).parent
    files = [path.relative_to(root.parent).with_suffix("") for path in root.rglob("*.py")]
    names = {".".join(path.parts).removesuffix(".__init__") for path in files if path.name != "__main__"}
    # `_isolated` contains scripts for child processes.
    expected = {name for name in names if not name.startswith("oxbert._isolated")} | {"oxbert._native"}
    assert set(MODULES) == expected


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_run(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "oxbert.tf":
        pytest.importorskip("tensorflow")
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    # The classes of the native module name `oxbert` as their module.
    is_native = name in ("oxbert", "oxbert._native")
    extra = {"oxbert": oxbert, "np": np, "torch": torch} if is_native else {}
    result = doctest.testmod(module, extraglobs=extra, optionflags=doctest.ELLIPSIS)
    assert result.failed == 0
    if not is_native:
        # doctest skips decorated and nested functions, whose examples would never run.
        lines = inspect.getsource(module).splitlines()
        assert result.attempted == sum(line.lstrip().startswith(">>> ") for line in lines)
