"""Modes of torch in which new tensors have no memory: work of oxbert computes with numbers there, or refuses."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils.flop_counter import FlopCounterMode

import oxbert
import oxbert.torch
from oxbert import errors

from .processes import run
from .torch_modes import MODES, members

# Names of the public surface that make no tensor and take none.
WITHOUT_TENSORS = {
    "AddedToken", "AutoConfig", "BatchEncoding", "Config", "DistilBertConfig", "ElectraConfig", "Encoding", "Encodings",
    "LocalResource", "RemoteResource", "Model", "Tokenizer", "OxbertError", "bundled", "canonical_name", "find_weights",
    "download_resource", "errors", "outputs", "WEIGHT_FILES", "Quality", "__version__",
    # The same as a member, under other names or behind other names.
    "ElectraPretrainer", *(name for name in oxbert.__all__ if name.endswith("Resources")),
    *(name for name in oxbert.__all__ if name.startswith("AutoModelFor")),
}  # fmt: skip
# Members that take tensors which the mode has made: most modes make tensors without numbers.
TAKES_TENSORS = ("of a tensor", "torch.Module", "PretrainerHeads")


def test_every_public_name_is_a_member(tmp_path: Path) -> None:
    assert set(oxbert.__all__) - WITHOUT_TENSORS <= members(tmp_path).keys()


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[list[str | None]]:
    """Run all members under all modes in one process: importing torch takes longer than most of them."""
    folder = tmp_path_factory.mktemp("modes")
    done = run([sys.executable, "-W", "ignore", "-m", "tests.python.torch_modes", folder, *MODES], seconds=200)
    lines: list[list[str | None]] = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]
    assert done.returncode == 0, f"{lines[-1:]}: {done.stderr[-2000:]}"
    return lines


@pytest.mark.parametrize("mode", MODES)
def test_no_mode_ends_the_process(mode: str, results: list[list[str | None]]) -> None:
    ended = {name or "": problem[0] for own, name, *problem in results if own == mode and problem}
    assert len(ended) > 30
    problems = {name: problem for name, problem in ended.items() if problem}
    assert not {name: problem for name, problem in problems.items() if problem.startswith("not ours")}
    unexpected = {name: problem for name, problem in problems.items() if not name.endswith(TAKES_TENSORS)}
    # A trace records all tensors, those of a state dict too.
    assert all(mode == "trace" and "torch.jit" in problem for problem in unexpected.values()), unexpected
    if mode in ("none", "counting", "inference", "no grad"):
        assert not problems


def test_a_model_from_within_a_mode_is_real() -> None:
    with FakeTensorMode():
        model = oxbert.ElectraForMaskedLM.from_pretrained("electra-tiny-generator")
        inside = model([[1, 2, 3]]).logits
        fake = torch.zeros(1)
    other = oxbert.ElectraForMaskedLM.from_pretrained("electra-tiny-generator")
    assert (inside == other([[1, 2, 3]]).logits).all() and (model([[1, 2, 3]]).logits == inside).all()
    # The mode was in force again after each call.
    assert type(fake) is not torch.Tensor


def test_a_mode_that_counts_still_counts(config: oxbert.ElectraConfig) -> None:
    with FlopCounterMode(display=False) as counter:
        oxbert.ElectraModel(config, seed=1)([[1, 2, 3]])
    assert counter.get_total_flops() > 0


@pytest.mark.filterwarnings("ignore:Sparse CSR:UserWarning", "ignore:The PyTorch API of nested:UserWarning")
def test_tensors_without_numbers_are_refused_with_their_kind(config: oxbert.ElectraConfig) -> None:
    model, relu = oxbert.ElectraModel(config, seed=1), oxbert.Activation("relu")
    ones = torch.ones(2, 3)
    with FakeTensorMode():
        fake = torch.ones(2, 3)
    for tensor, kind in [
        (ones.to("meta"), "on the device meta"),
        (fake, "FakeTensor"),
        (ones.to_sparse(), "torch.sparse_coo"),
        (ones.to_sparse_csr(), "torch.sparse_csr"),
        (torch.nested.nested_tensor([ones, ones]), "a nested tensor"),
        (torch.quantize_per_tensor(ones, 0.1, 0, torch.quint8), "a quantized tensor"),
    ]:
        for take in (relu, lambda tensor: model(inputs_embeds=tensor), lambda tensor: model(tensor)):
            with pytest.raises(errors.InputError, match=kind):
                take(tensor)
    for refused in (
        lambda: torch.func.grad(lambda x: relu(x).sum())(ones),
        lambda: torch.func.vmap(relu)(ones),
        lambda: torch.func.functional_call(
            oxbert.torch.Module(model), {"embeddings.LayerNorm.bias": torch.ones(config.embedding_size)}, ([[1, 2]],)
        ),
    ):
        with pytest.raises(errors.InputError, match=r"torch\.func"):
            refused()


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")  # Dynamo's own
def test_modules_cannot_be_recorded(config: oxbert.ElectraConfig) -> None:
    module = oxbert.torch.Module(oxbert.ElectraModel(config, seed=1)).eval()
    ids, floats = torch.tensor([[1, 2, 3]]), torch.ones(1, 3, config.embedding_size)
    expected = module(ids).last_hidden_state
    for refused, text in [
        (lambda: torch.export.export(module, (ids,)), r"torch\.export"),
        (lambda: torch.jit.trace(module, (ids,)), r"torch\.jit"),
        (lambda: torch.jit.script(module), r"torch\.jit"),
        (lambda: make_fx(lambda ids: module(ids).last_hidden_state)(ids), "make_fx"),
        (lambda: make_fx(lambda ids: module(ids).last_hidden_state, tracing_mode="symbolic")(ids), "expected"),
        (lambda: make_fx(lambda floats: module(inputs_embeds=floats).last_hidden_state)(floats), "make_fx"),
    ]:
        with pytest.raises(errors.InputError, match=text):
            refused()
        # Nothing of the module has changed.
        assert torch.equal(module(ids).last_hidden_state, expected)
    # Dynamo turns every exception into one of its own, and has the reason in its message.
    with pytest.raises(Exception, match=r"run in Rust: torch\.export cannot record them"):
        torch.export.export(module, (ids,), strict=True)
    compiled = torch.compile(lambda ids: 2 * module(ids + 0).last_hidden_state, backend="eager")
    assert torch.equal(compiled(ids), 2 * expected)
    calls: list[int] = []
    module.register_forward_hook(lambda *_: calls.append(1))
    module(ids)
    assert calls == [1]


def test_the_negative_bit_is_resolved(tmp_path: Path) -> None:
    numbers = torch.tensor([1.0, -2.0, 3.0])
    negative = torch.complex(numbers, numbers).conj().imag
    assert negative.is_neg()
    for ending in ("safetensors", "ot", "bin"):
        oxbert.save_weights({"a": negative}, tmp_path / f"one.{ending}")
        assert oxbert.load_weights(tmp_path / f"one.{ending}")["a"].tolist() == [-1.0, 2.0, -3.0]
    assert oxbert.Activation("linear")(negative).tolist() == [-1.0, 2.0, -3.0]
