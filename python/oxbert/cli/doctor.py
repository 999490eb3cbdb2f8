"""Implement `oxbert doctor`: the machine and the installation -> versions, kernels, their rates, a self-test."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

import oxbert
from oxbert import _libtorch, _native
from oxbert._types import Precision
from oxbert.cli._shared import FAILED, describe_error, open_console
from oxbert.cli._showing import print_table

_OPTIONAL = ("huggingface_hub", "pyarrow", "matplotlib", "h5py", "tokenizers", "transformers", "tensorflow")
_SECONDS = 0.3
_MASKED = "Return the number of [MASK] in the graph."
_REPLACED = "Returns the number of elements because the list."
# The largest difference of a probability from that of libtorch's operators.
_TOLERANCES: dict[str, float] = {
    "float32": 1e-4,
    "float16": 0.01,
    "bfloat16": 0.05,
    "int8": 0.1,
    "int8_bfloat16": 0.1,
}
_VARIABLE = "OXBERT_KERNELS"


def doctor(
    device: Annotated[str, typer.Option(help="The device to examine, e.g. cuda:0.")] = "cpu",
) -> None:
    """Print versions, the processor, the kernels of each precision with their rates, and test the bundled model.

    The exit code is 1 if a test fails.
    """
    console = open_console()
    print_table(console, _versions())
    console.print()
    console.print("kernels, with the rate of products in a batch of 16 texts of 64 tokens:")
    failed = []
    rows: list[tuple[str, ...]] = []
    for precision, kernels, refusal in _native._kernels(device):
        if kernels is None:
            rows.append((f"  {precision}", "none", refusal or ""))
            continue
        try:
            rate = f"{measure(precision, device):.0f} GFLOP/s"  # type: ignore[arg-type]
            difference = test(precision, device)  # type: ignore[arg-type]
        except (oxbert.OxbertError, AssertionError) as error:
            rate, result = "", f"failed: {describe_error(error)}"
            failed.append(precision)
        else:
            result = f"passed: within {difference:.1g} of libtorch's operators"
        rows.append((f"  {precision}", kernels, rate, result))
    model = oxbert.ElectraModel.from_pretrained(
        "electra-tiny-generator", trainable=False, precision="auto", device=device
    )
    print_table(console, [*rows, ("  auto", model.precision)])
    _conclude(console, failed)


def _conclude(console: Console, failed: list[str]) -> None:
    if failed:
        console.print(f"[bold red]failed:[/] {', '.join(failed)}; please report this output")
        raise typer.Exit(FAILED)
    console.print("[bold green]all tests passed[/]")


def _versions() -> Iterator[tuple[str, str]]:
    yield "oxbert", f"{oxbert.__version__}, for torch {_native._TORCH_RELEASE}, in {Path(oxbert.__file__).parent}"
    yield "Python", f"{platform.python_version()} in {sys.prefix}"
    folder = _libtorch.find()
    yield "torch", f"{_libtorch.read_version(folder)} in {folder}"
    yield "CUDA", _cuda()
    yield "numpy", np.__version__
    for name in _OPTIONAL:
        yield name, _version(name)
    yield "system", platform.platform()
    has = [name for name, is_here in _native._features() if is_here]
    lacks = [name for name, is_here in _native._features() if not is_here]
    yield "processor", f"{_processor()}, {os.cpu_count()} cores, {_native._threads()} threads for a call"
    yield "features", " ".join(has) + (f" (lacks {' '.join(lacks)})" if lacks else "")
    if wanted := os.environ.get(_VARIABLE):
        yield _VARIABLE, wanted


def _version(name: str) -> str:
    for package in (name, f"{name}-cpu"):
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return "not installed"


def _cuda() -> str:
    import torch

    if torch.version.cuda is None:
        return "none: this torch is built for CPUs"
    if not torch.cuda.is_available():
        return f"built for {torch.version.cuda}, no device found"
    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return f"{torch.version.cuda}: {', '.join(names)}"


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def measure(precision: Precision, device: str) -> float:
    """Return the rate of the products of two layers of ELECTRA-base, in GFLOP/s.

    Raises:
        InputError: if the processor or the device lacks the precision.
    """
    config = oxbert.ElectraConfig(
        vocab_size=16, embedding_size=768, hidden_size=768, num_hidden_layers=2, num_attention_heads=12,
        intermediate_size=3072, max_position_embeddings=64,
    )  # fmt: skip
    ids = np.full((16, 64), 7)
    work = 2 * ids.size * 2 * (4 * 768 * 768 + 2 * 768 * 3072)
    with tempfile.TemporaryDirectory() as folder:
        oxbert.ElectraModel(config, seed=0).save_pretrained(folder)
        model = oxbert.ElectraModel.from_pretrained(folder, precision=precision, device=device, trainable=False)
    model(ids)
    best = float("inf")
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        start = time.perf_counter()
        model(ids)
        best = min(best, time.perf_counter() - start)
    return work / best / 1e9


def test(precision: Precision, device: str) -> float:
    """Answer with the bundled models, and return the largest difference from libtorch's operators.

    Raises:
        AssertionError: if an answer is wrong; the message says which.
    """
    found = _answers(precision, device)
    with _portable():
        expected = _answers("float32", device)
    difference = float(np.abs(found - expected).max())
    if not difference <= _TOLERANCES[precision]:
        raise AssertionError(f"expected a difference of at most {_TOLERANCES[precision]}, got {difference:.2g}")
    return difference


def _answers(precision: Precision, device: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    fill = oxbert.FillMask.from_pretrained("electra-tiny-generator", precision=precision, device=device)
    [[mask]] = fill([_MASKED], top_k=3)
    first = mask["candidates"][0]
    if first["token_str"] != "nodes":
        raise AssertionError(f"expected 'nodes' in {_MASKED!r}, got {first['token_str']!r}")
    detect = oxbert.ReplacedTokenDetection.from_pretrained(
        "electra-tiny-discriminator", precision=precision, device=device
    )
    [tokens] = detect([_REPLACED])
    worst = max(tokens, key=lambda token: token["probability"])
    if worst["token"] != "because":
        raise AssertionError(f"expected 'because' to be replaced in {_REPLACED!r}, got {worst['token']!r}")
    return np.array([first["score"], *(token["probability"] for token in tokens)])


@contextmanager
def _portable() -> Iterator[None]:
    before = os.environ.get(_VARIABLE)
    os.environ[_VARIABLE] = "portable"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_VARIABLE]
        else:
            os.environ[_VARIABLE] = before


__all__ = ["doctor", "measure", "test"]
