"""Test tools/walls.py: the checkout passes, and every kind of violation is reported."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location("walls", ROOT / "tools" / "walls.py")
assert _spec is not None and _spec.loader is not None
walls = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(walls)


def test_the_checkout_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert walls.main(ROOT) == 0, capsys.readouterr().err


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({"src/nn.rs": "use crate::pipelines::X;", "src/pipelines.rs": ""}, "nn imports pipelines, but a room may"),
        ({"src/attic.rs": ""}, "src/attic is not in ROOMS"),
        (
            # Through another room, and a name that its folder re-exports.
            {
                "src/models/mod.rs": "use crate::inputs::Y;",
                "src/inputs.rs": "use crate::{error::E, text::{batch::B, Tokenizer}};",
                "src/error.rs": "",
                "src/text/mod.rs": "mod batch;\nmod tokenizer;\npub use tokenizer::Tokenizer;",
                "src/text/batch.rs": "",
                "src/text/tokenizer.rs": "",
            },
            "models must not import text/tokenizer, even indirectly: models -> inputs -> text/tokenizer",
        ),
        (
            {
                "src/text/mod.rs": "mod one;\nmod other;\npub use other::Other;",
                "src/text/one.rs": "use super::Other;",
                "src/text/other.rs": "use super::one::One;",
            },
            "import cycle: text/one -> text/other -> text/one",
        ),
        (
            # Through the names that the crate's root re-exports.
            {
                "src/lib.rs": "pub use pretrained::{Pretrained, load};\npub use models::electra;",
                "src/weights.rs": "fn f() -> crate::Pretrained {}",
                "src/pretrained.rs": "",
                "src/models/mod.rs": "",
                "src/models/electra.rs": "",
            },
            "weights imports pretrained, but a room may import only rooms before it in ROOMS",
        ),
        ({"src/text.rs": "fn f(py: pyo3::Python) {}"}, "text uses the crate pyo3, which only bindings may use"),
        (
            {
                "python/oxbert/one.py": "from . import other",
                "python/oxbert/other.py": "def f():\n    from oxbert.one import x",
            },
            "import cycle: oxbert.one -> oxbert.other -> oxbert.one",
        ),
        (
            # Between folders, though no two of the files import each other.
            {
                "python/oxbert/hub/one.py": "from oxbert.cli import first",
                "python/oxbert/hub/two.py": "",
                "python/oxbert/cli/first.py": "",
                "python/oxbert/cli/second.py": "from oxbert.hub.two import x",
            },
            "import cycle: oxbert.cli -> oxbert.hub -> oxbert.cli",
        ),
        (
            {
                "src/nn.rs": "#[cfg(test)]\nmod tests {\n    fn f() {}\n}\n\nuse crate::pipelines::X;",
                "src/pipelines.rs": "",
            },
            "nn imports pipelines",
        ),
    ],
)
def test_violations_are_reported(
    files: dict[str, str], fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert walls.main(tmp_path) == 1
    assert fault in capsys.readouterr().err


def test_imports_in_comments_tests_and_type_checking_do_not_count(tmp_path: Path) -> None:
    code = "// crate::bindings\n#[cfg(test)]\n#[allow(x)]\nmod tests {\n    use crate::bindings::Y;\n}"
    checked = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from . import other\n"
    for name, text in {
        "src/error.rs": code,
        "src/bindings.rs": "use crate::error::E;",
        "python/oxbert/one.py": checked,
        "python/oxbert/other.py": "from . import one",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert walls.main(tmp_path) == 0
