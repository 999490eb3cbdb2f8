"""Test loading weights that do not fit: failures leave the model unchanged, and odd values are reported."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import oxbert
from oxbert.errors import (
    DtypeError,
    InputError,
    NotFiniteWarning,
    OxbertError,
    UntrainedHeadWarning,
    WeightsFormatError,
    WeightsMismatchError,
)

from .processes import run
from .reference import state_of

WORDS = "electra.embeddings.word_embeddings.weight"
NORM = "electra.embeddings.LayerNorm.weight"
BIAS = "discriminator_predictions.dense.bias"
FILES = ["model.safetensors", "rust_model.ot", "pytorch_model.bin"]


def bits(model: Any) -> dict[str, bytes]:
    """Return the bytes of every parameter, which compare NaN as equal and tell -0 from 0."""
    return {name: value.detach().numpy().tobytes() for name, value in model.state_dict().items()}


def model_of(config: oxbert.ElectraConfig) -> Any:
    model = oxbert.ElectraForPreTraining(config, seed=1)
    model.state_dict()[NORM][0] = -0.0
    model.state_dict()[BIAS][1] = torch.nan
    return model


def write(folder: Path, name: str, state: dict[str, Any]) -> None:
    if name.endswith(".bin"):
        torch.save(state, folder / name)
    else:
        oxbert.save_weights(state, folder / name)


def row(value: torch.Tensor) -> torch.Tensor:
    return value[0].clone()


WRONG: dict[str, tuple[str, Callable[[torch.Tensor], Any]]] = {
    "a row for a matrix": (WORDS, row),
    "one row for a matrix": (WORDS, lambda value: value[:1].clone()),
    "one column for a matrix": (WORDS, lambda value: value[:, :1].clone()),
    "a number for a matrix": (WORDS, lambda value: torch.tensor(1.0)),
    "one number for a matrix": (WORDS, lambda value: torch.ones(1, 1)),
    "a number for a vector": (NORM, lambda value: torch.tensor(1.0)),
    "one number for a vector": (NORM, lambda value: torch.ones(1)),
    "a row for a vector": (NORM, lambda value: value[None].clone()),
    "a transposed matrix": (WORDS, lambda value: value.t().contiguous()),
    "a flat matrix": (WORDS, lambda value: value.flatten()),
    "nothing": (NORM, lambda value: torch.zeros(0)),
    "int64": (WORDS, lambda value: value.long()),
    "int32": (NORM, lambda value: value.int()),
    "int8": (NORM, lambda value: value.to(torch.int8)),
    "uint8": (NORM, lambda value: torch.ones_like(value, dtype=torch.uint8)),
    "bool": (NORM, lambda value: value > 0),
}


@pytest.mark.parametrize("kind", WRONG)
def test_wrong_shapes_and_dtypes_leave_the_model_unchanged(kind: str, config: oxbert.ElectraConfig) -> None:
    name, change = WRONG[kind]
    model = model_of(config)
    before, report = bits(model), model.load_report
    state = {key: torch.full_like(value, 7.0) for key, value in model.state_dict().items()}
    wrong = change(state[name])
    for value in [wrong, wrong.numpy()]:
        for strict in [True, False]:
            with pytest.raises(WeightsMismatchError) as caught:
                model.load_state_dict(state | {name: value}, strict=strict)
            ((mismatched, expected, got),) = caught.value.mismatched
            assert mismatched == name and caught.value.missing == caught.value.unexpected == []
            assert str(list(state[name].shape)) in expected and str(list(wrong.shape)) in got
            assert bits(model) == before and model.load_report == report


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("kind", WRONG)
def test_wrong_shapes_and_dtypes_of_files_are_refused(kind: str, file: str, folder: Path) -> None:
    name, change = WRONG[kind]
    state = state_of(oxbert.ElectraForPreTraining(oxbert.ElectraConfig.from_pretrained(folder), seed=1))
    wrong = change(state[name])
    write(folder, file, state | {name: wrong})
    for strict in [None, True, False]:
        with pytest.raises(WeightsMismatchError, match=file.replace(".", r"\.")) as caught:
            oxbert.ElectraForPreTraining.from_pretrained(folder, strict=strict)
        ((mismatched, _, got),) = caught.value.mismatched
        assert mismatched == name
        if not wrong.dtype.is_floating_point:
            assert f"{wrong.dtype}".removeprefix("torch.").replace("int32", "int") in got


def test_complex_weights_are_refused(config: oxbert.ElectraConfig, folder: Path) -> None:
    model = model_of(config)
    before, state = bits(model), dict(model.state_dict())
    with pytest.raises(WeightsMismatchError, match="complex"):
        model.load_state_dict(state | {WORDS: state[WORDS].to(torch.complex64)})
    with pytest.raises(DtypeError, match=f"{WORDS}.*complex64"):
        model.load_state_dict(state | {WORDS: state[WORDS].numpy().astype("complex64")})
    assert bits(model) == before
    torch.save(state | {WORDS: state[WORDS].to(torch.complex64)}, folder / "pytorch_model.bin")
    with pytest.raises(WeightsFormatError, match="ComplexFloatStorage"):
        oxbert.ElectraForPreTraining.from_pretrained(folder)


def released(value: torch.Tensor) -> torch.Tensor:
    value = value.clone()
    value.untyped_storage().resize_(0)
    return value


# torch warns once per process.
@pytest.mark.filterwarnings("ignore:Sparse invariant checks", "ignore:torch.ao", "ignore::DeprecationWarning")
def test_other_errors_leave_the_model_unchanged(config: oxbert.ElectraConfig) -> None:
    model = model_of(config)
    before, report = bits(model), model.load_report
    state: dict[Any, Any] = {key: torch.full_like(value, 7.0) for key, value in model.state_dict().items()}
    words = state[WORDS]
    without = {key: value for key, value in state.items() if key != WORDS}
    twice = state | {WORDS.replace("electra.", ""): words, "module." + WORDS: words}
    cases: list[tuple[Any, type[Exception]]] = [
        (without, WeightsMismatchError),
        ({}, WeightsMismatchError),
        (state | {"x": words}, WeightsMismatchError),
        (state | {WORDS: row(words), NORM: words}, WeightsMismatchError),
        (twice, WeightsFormatError),
        (state | {1: words}, DtypeError),
        (state | {b"x": words}, DtypeError),
        (state | {WORDS: None}, DtypeError),
        (state | {WORDS: "x"}, DtypeError),
        (state | {WORDS: np.array(["x"])}, DtypeError),
        (state | {WORDS: np.array([{}], dtype=object)}, DtypeError),
        (state | {WORDS: words.numpy().astype("complex128")}, DtypeError),
        (state | {WORDS: words.to_sparse()}, InputError),
        (state | {WORDS: words.to("meta")}, InputError),
        (state | {WORDS: released(words)}, InputError),
        (state | {WORDS: torch.quantize_per_tensor(words, 0.1, 0, torch.qint8)}, OxbertError),
        (state | {WORDS: words.to(torch.float8_e4m3fn)}, OxbertError),
        (None, TypeError),
        (list(state.items()), TypeError),
    ]
    for given, expected in cases:
        with pytest.raises(expected):
            model.load_state_dict(given)
        assert bits(model) == before and model.load_report == report
    # Good weights still load.
    model.load_state_dict(state)
    assert all((value == 7).all() for value in model.state_dict().values())


def test_a_lack_of_memory_leaves_the_model_unchanged() -> None:
    script = """
import resource
import torch
import oxbert

config = oxbert.ElectraConfig(vocab_size=200_000, embedding_size=64, hidden_size=8, num_hidden_layers=1,
                              num_attention_heads=2, intermediate_size=8, max_position_embeddings=16)
model = oxbert.ElectraModel(config, seed=1)
state = {name: torch.full_like(value, 7.0) for name, value in model.state_dict().items()}
before = {name: value.clone() for name, value in model.state_dict().items()}
with open("/proc/self/statm") as file:
    taken = int(file.read().split()[0]) * resource.getpagesize()
_, most = resource.getrlimit(resource.RLIMIT_AS)
# Less than the largest parameter needs.
resource.setrlimit(resource.RLIMIT_AS, (taken + (24 << 20), most))
try:
    model.load_state_dict(state)
    expected = state
except oxbert.errors.OutOfMemory:
    expected = before
resource.setrlimit(resource.RLIMIT_AS, (most, most))
other = [name for name, value in model.state_dict().items() if not torch.equal(value, expected[name])]
assert not other, f"{len(other)} of {len(expected)} parameters are neither all old nor all new: {other[:3]}"
"""
    run([sys.executable, "-c", script], check=True)


# Values that are not finite.


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_not_finite_values_are_loaded_and_warned_of(
    file: str, dtype: torch.dtype, folder: Path, recwarn: pytest.WarningsRecorder
) -> None:
    config = oxbert.ElectraConfig.from_pretrained(folder)
    state = {name: value.to(dtype) for name, value in oxbert.ElectraForPreTraining(config).state_dict().items()}
    write(folder, file, state)
    assert oxbert.ElectraForPreTraining.from_pretrained(folder).load_report["not_finite"] == []
    assert recwarn.list == []
    state[WORDS][-1, -1] = torch.nan
    state[BIAS][0] = -torch.inf
    write(folder, file, state)
    model = oxbert.ElectraForPreTraining.from_pretrained(folder)
    (warned,) = recwarn.list
    message = str(warned.message)
    assert warned.category is NotFiniteWarning and str(folder) in message
    assert WORDS in message and BIAS in message and NORM not in message
    assert sorted(model.load_report["not_finite"]) == sorted([BIAS, WORDS])
    # The values are loaded unchanged.
    assert all(torch.equal(value.isnan(), state[name].isnan()) for name, value in model.state_dict().items())
    assert model.state_dict()[BIAS][0] == -torch.inf


@pytest.mark.parametrize("file", ["flax_model.msgpack", "tf_model.h5"])
def test_not_finite_values_of_foreign_files_are_warned_of(
    file: str, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    source = Path(__file__).parents[1] / "data" / "checkpoints" / "transformers" / "electra_token_classification"
    data = bytearray((source / file).read_bytes())
    bias = oxbert.ElectraForTokenClassification.from_pretrained(source).state_dict()["classifier.bias"].numpy()
    assert data.count(bias.tobytes()) == 1
    place = data.index(bias.tobytes())
    data[place : place + 4] = np.float32(np.inf).tobytes()
    (tmp_path / file).write_bytes(data)
    (tmp_path / "config.json").write_bytes((source / "config.json").read_bytes())
    recwarn.clear()
    model = oxbert.ElectraForTokenClassification.from_pretrained(tmp_path)
    assert [warned.category for warned in recwarn.list] == [NotFiniteWarning]
    assert model.load_report["not_finite"] == ["classifier.bias"]


def test_every_load_report_lists_not_finite_parameters(config: oxbert.ElectraConfig, tmp_path: Path) -> None:
    model = oxbert.ElectraForPreTraining(config, seed=1)
    assert model.load_report["not_finite"] == []
    state = state_of(model)
    state[NORM][0] = torch.inf
    model.load_state_dict(state)
    assert model.load_report["not_finite"] == [NORM]
    # Each oddity has one warning.
    bare = oxbert.ElectraModel(config, seed=1)
    bare.state_dict()[NORM.removeprefix("electra.")][0] = torch.nan
    bare.save_pretrained(tmp_path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loaded = oxbert.ElectraForPreTraining.from_pretrained(tmp_path)
    assert [warned.category for warned in caught] == [UntrainedHeadWarning, NotFiniteWarning]
    assert loaded.load_report["not_finite"] == [NORM]


@pytest.mark.parametrize("wrapper", ["model.", "_orig_mod.", "module._orig_mod.", "anything.model."])
def test_names_behind_a_wrapper_are_understood(config: oxbert.ElectraConfig, wrapper: str, tmp_path: Path) -> None:
    model = oxbert.ElectraForPreTraining(config, seed=1)
    wrapped: dict[str, Any] = {f"{wrapper}{name}": value for name, value in model.state_dict().items()}
    other = oxbert.ElectraForPreTraining(config, seed=2)
    other.load_state_dict(wrapped)
    assert bits(other) == bits(model)
    config.save_pretrained(tmp_path)
    write(tmp_path, "model.safetensors", wrapped)
    assert bits(oxbert.ElectraForPreTraining.from_pretrained(tmp_path, strict=True)) == bits(model)
    # Not all names: the error shows the file's names, and what to remove.
    with pytest.raises(WeightsMismatchError) as caught:
        other.load_state_dict(wrapped | {"loss.weight": torch.ones(2)})
    assert f'remove "{wrapper}" from the beginning of the names' in str(caught.value)
    assert min(wrapped) in caught.value.unexpected and bits(other) == bits(model)


def test_names_of_another_family_are_shown(config: oxbert.ElectraConfig, tmp_path: Path) -> None:
    model = oxbert.ElectraModel(config, seed=1)
    config.save_pretrained(tmp_path)
    write(tmp_path, "model.safetensors", {f"bert.{name}": value for name, value in model.state_dict().items()})
    for strict in (None, True):
        with pytest.raises(WeightsMismatchError, match=r"unexpected: bert\.embeddings\.LayerNorm\.bias"):
            oxbert.ElectraModel.from_pretrained(tmp_path, strict=strict)


def test_a_pair_in_one_file_is_taken_apart(config: oxbert.ElectraConfig, tmp_path: Path) -> None:
    generator, discriminator = oxbert.ElectraForMaskedLM(config, seed=1), oxbert.ElectraForPreTraining(config, seed=2)
    pair = {
        f"{component}.{name}": value
        for component, model in [("generator", generator), ("discriminator", discriminator)]
        for name, value in model.state_dict().items()
    }
    config.save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    for name in FILES:
        write(tmp_path, name, pair)
        assert oxbert.load_weights(tmp_path / name).keys() == pair.keys()
        alone = oxbert.load_weights(tmp_path / name, component="discriminator")
        assert alone.keys() == discriminator.state_dict().keys()
    oxbert.convert(path, tmp_path / "x.bin", component="discriminator")
    assert oxbert.load_weights(tmp_path / "x.bin").keys() == discriminator.state_dict().keys()
    assert bits(oxbert.ElectraForMaskedLM.from_pretrained(tmp_path)) == bits(generator)
    assert bits(oxbert.ElectraForPreTraining.from_pretrained(tmp_path)) == bits(discriminator)
    with pytest.raises(InputError, match="expected discriminator, the only network in"):
        write(tmp_path, "x.safetensors", {f"discriminator.{name}": value for name, value in alone.items()})
        oxbert.load_weights(tmp_path / "x.safetensors", component="generator")


@pytest.mark.parametrize(
    ("key", "error", "text"),
    [
        ("dtype", InputError, 'expected "float32" or "auto"'),
        ("torch_dtype", InputError, 'expected "float32" or "auto"'),
        ("model_type", TypeError, "unexpected keyword argument .model_type"),
        ("transformers_version", TypeError, "unexpected keyword argument .transformers_version"),
    ],
)
def test_keys_that_describe_a_file_are_no_fields(
    config: oxbert.ElectraConfig, key: str, error: type[Exception], text: str, tmp_path: Path
) -> None:
    oxbert.ElectraModel(config, seed=1).save_pretrained(tmp_path)
    with pytest.raises(error, match=text):
        oxbert.ElectraModel.from_pretrained(tmp_path, **{key: "nonsense"})
    assert oxbert.ElectraModel.from_pretrained(tmp_path, layer_norm_eps=0.5).config.layer_norm_eps == 0.5
