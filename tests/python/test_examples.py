"""The examples in docstrings, of every module that there is."""

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


def test_modules_are_found() -> None:
    root = Path(oxbert.__file__).parent
    files = [path.relative_to(root.parent).with_suffix("") for path in root.rglob("*.py")]
    names = {".".join(path.parts).removesuffix(".__init__") for path in files if path.name != "__main__"}
    # `_isolated` holds scripts that run in processes of their own.
    expected = {name for name in names if not name.startswith("oxbert._isolated")} | {"oxbert._native"}
    assert set(MODULES) == expected


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_work(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if name == "oxbert.tf":
        pytest.importorskip("tensorflow")
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    # The classes of the native module call `oxbert` their own.
    is_native = name in ("oxbert", "oxbert._native")
    extra = {"oxbert": oxbert, "np": np, "torch": torch} if is_native else {}
    result = doctest.testmod(module, extraglobs=extra, optionflags=doctest.ELLIPSIS)
    assert result.failed == 0
    if not is_native:
        # Less than all is where doctest does not look: at what is decorated, or defined inside of a function.
        lines = inspect.getsource(module).splitlines()
        assert result.attempted == sum(line.lstrip().startswith(">>> ") for line in lines)
