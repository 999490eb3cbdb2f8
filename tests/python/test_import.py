"""Test the requirements, the effects and the errors of importing oxbert."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import oxbert
from oxbert import _native

from . import processes


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return processes.run([sys.executable, "-c", script, *arguments], seconds=60)


def test_torch_is_not_imported_for_numpy_and_lists(tmp_path: Path) -> None:
    script = """
import sys
import oxbert
assert "torch" not in sys.modules
import numpy as np
config = oxbert.ElectraConfig(vocab_size=9, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
model = oxbert.ElectraForPreTraining(config, seed=0)
assert type(model([[1, 2], [3]]).logits) is np.ndarray
assert type(model(np.array([[1, 2]]), np.array([[1, 0]])).logits) is np.ndarray
tokenizer = oxbert.ElectraTokenizer.from_pretrained("electra-tiny-generator")
tokenizer(["a text"], return_tensors="np")
oxbert.FillMask.from_pretrained("electra-tiny-generator")(["A [MASK]."])
model.save_pretrained(sys.argv[1])
model.save_pretrained(sys.argv[1], format="ot")
oxbert.ElectraForPreTraining.from_pretrained(sys.argv[1])
oxbert.load_weights(sys.argv[1] + "/rust_model.ot")
model.train()([[1]])
repr(model), model.config, model.num_parameters(), model.to("cpu"), model.device
assert "torch" not in sys.modules
parameters = model.named_parameters()
assert "torch" in sys.modules and parameters[0][1].requires_grad
"""
    done = run(script, str(tmp_path))
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize(
    "module",
    [
        "oxbert.cli",
        "oxbert.conversion.options",
        "oxbert.hub",
        "oxbert.training",
        "oxbert.training.loop.options",
        "oxbert.training.pretraining.config",
    ],
)
def test_options_are_imported_without_torch(module: str) -> None:
    done = run(f"import sys, {module}; assert 'torch' not in sys.modules")
    assert done.returncode == 0, done.stderr[-2000:]


def test_training_imports_torch_with_the_first_name_that_needs_it() -> None:
    done = run("""
import sys
import oxbert.training as training
training.PRESETS, training.PretrainingConfig, training.preset, training.Implementation
assert "torch" not in sys.modules
training.data.write_examples
training.Trainer
assert "torch" in sys.modules
""")
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("order", ["oxbert, torch", "torch, oxbert"])
def test_the_order_of_imports_does_not_matter(order: str) -> None:
    done = run(f"""
import {order}
config = oxbert.ElectraConfig(vocab_size=9, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
model = oxbert.ElectraForPreTraining(config, seed=0).eval()
ids = torch.tensor([[1, 2]])
assert abs(model(ids).logits.detach().numpy() - model(ids.numpy()).logits).max() == 0
model(ids).logits.sum().backward()
torch.nn.Linear(2, 2)(torch.ones(1, 2)).sum().backward()
""")
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_module_does_not_link_cuda_or_libpython() -> None:
    readelf = shutil.which("readelf")
    if readelf is None or not _native.__file__.endswith(".so"):
        pytest.skip("readelf is not installed")
    done = processes.run([readelf, "-d", _native.__file__], check=True)
    needed = [line for line in done.stdout.splitlines() if "(NEEDED)" in line]
    assert any("libtorch_cpu" in line for line in needed), needed
    assert not any("cuda" in line for line in needed), needed
    assert not any("libpython" in line for line in needed), needed


@pytest.mark.parametrize("version", ["2.10.0", "2.16.0+cu130", "3.0.0", "2.110.0"])
def test_other_versions_of_torch_are_refused_with_the_command_to_run(version: str, tmp_path: Path) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise RuntimeError('imported')")
    (tmp_path / "torch" / "version.py").write_text(f"__version__ = '{version}'\n")
    done = run("import sys; sys.path.insert(0, sys.argv[1]); import oxbert", str(tmp_path))
    assert done.returncode == 1
    assert f"torch {version} is installed in {tmp_path}" in done.stderr
    assert f'pip install "torch=={_native._TORCH_RELEASE}.*"' in done.stderr and "ImportError" in done.stderr


def test_a_missing_torch_is_an_import_error() -> None:
    done = run("""
import importlib.machinery, sys
class Blind(importlib.machinery.PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name == "torch" else super().find_spec(name, path, target)
sys.meta_path = [Blind if finder is importlib.machinery.PathFinder else finder for finder in sys.meta_path]
import oxbert
""")
    assert done.returncode == 1
    assert "which is not installed" in done.stderr and f'pip install "torch=={_native._TORCH_RELEASE}.*"' in done.stderr


def test_the_required_torch_matches_the_package_metadata() -> None:
    import importlib.metadata

    required = importlib.metadata.requires("oxbert") or []
    assert f"torch=={_native._TORCH_RELEASE}.*" in required
    assert oxbert.__version__ == importlib.metadata.version("oxbert")


@pytest.mark.parametrize("first", ["", "import oxbert"])
def test_a_subinterpreter_works_or_is_refused(first: str) -> None:
    code = """
try:
    import oxbert
except ImportError:
    print("refused", flush=True)
else:
    config = oxbert.ElectraConfig(vocab_size=9, hidden_size=8, num_hidden_layers=1, intermediate_size=4)
    assert oxbert.ElectraForPreTraining(config, seed=0)([[1, 2]]).logits.shape == (1, 2)
    print("works", flush=True)
"""
    script = f"""
import sys
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
{first}
assert interpreters.run_string(interpreters.create(), sys.argv[1]) is None
"""
    done = run(script, code)
    assert done.returncode == 0, done.stderr[-2000:]
    # numpy and the module are each for one interpreter of a process, which Python before 3.11 does not enforce.
    assert done.stdout.split() in (
        [["works"], ["refused"]] if not first or sys.version_info < (3, 11) else [["refused"]]
    )


def test_the_package_is_typed() -> None:
    folder = Path(oxbert.__file__).parent
    assert (folder / "py.typed").is_file() and (folder / "_native.pyi").is_file()
