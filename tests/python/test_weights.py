"""Test reading and writing files of named tensors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

import oxbert
from oxbert.errors import DtypeError, InputError, MissingFileError, WeightsFormatError

ARRAYS = ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool"]


@pytest.mark.parametrize("ending", ["ot", "safetensors"])
def test_arrays_round_trip(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"weights.{ending}"
    generator = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {}
    for dtype in ARRAYS:
        arrays[f"{dtype}.weight"] = (generator.normal(size=(2, 3)) * 50).astype(dtype)
        arrays[f"{dtype}.empty"] = np.zeros((0, 4), dtype=dtype)
        arrays[f"{dtype}.number"] = np.array(3, dtype=dtype)
        arrays[f"{dtype}.transposed"] = arrays[f"{dtype}.weight"].T
    arrays["swapped"] = np.arange(3, dtype=">f4")
    oxbert.save_weights(arrays, path)
    found = oxbert.load_weights(path)
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        expected = array.astype("float32") if array.dtype == np.float16 else array.astype(array.dtype.newbyteorder("="))
        assert found[name].dtype == expected.dtype, name
        np.testing.assert_array_equal(found[name], expected, err_msg=name)
        assert found[name].shape == array.shape, name
    for name, tensor in oxbert.load_weights(path, "torch").items():
        expected = torch.from_numpy(np.ascontiguousarray(arrays[name].astype(arrays[name].dtype.newbyteorder("="))))
        assert tensor.dtype == expected.dtype and torch.equal(tensor, expected.reshape(tensor.shape)), name


@pytest.mark.parametrize("ending", ["ot", "safetensors"])
def test_tensors_round_trip(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"weights.{ending}"
    tensors = {
        f"{dtype}".removeprefix("torch."): (torch.randn(3, 2, 2) * 50).to(dtype)
        for dtype in [torch.bfloat16, *(getattr(torch, name) for name in ARRAYS)]
    }
    tensors["view"] = torch.arange(12.0).reshape(3, 4).t()[1:]
    tensors["expanded"] = torch.tensor([1.0, 2.0]).expand(3, 2)
    tensors["number"] = torch.tensor(2.5)
    tensors["parameter"] = torch.nn.Parameter(torch.ones(2))
    oxbert.save_weights(tensors, path)
    found = oxbert.load_weights(path, "torch")
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].dtype == tensor.dtype and torch.equal(found[name], tensor), name
    assert oxbert.load_weights(path)["bfloat16"].dtype == np.float32
    if ending == "safetensors":
        assert all(torch.equal(value, found[name]) for name, value in safetensors.torch.load_file(path).items())
    else:
        module = torch.jit.load(path)
        states = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        assert {name.replace("|", ".") for name in states} == tensors.keys()


def test_unusual_names_round_trip(tmp_path: Path) -> None:
    arrays = {
        name: np.array([float(place)]) for place, name in enumerate(["a b", "ü.文", "0", "../x", "a.b.c", "A", "a"])
    }
    for ending in ["ot", "safetensors"]:
        oxbert.save_weights(arrays, tmp_path / f"weights.{ending}")
        assert oxbert.load_weights(tmp_path / f"weights.{ending}") == arrays


def test_pickles_of_torch_are_read_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    torch.save({"state_dict": {"a": torch.ones(2)}, "epoch": 3}, path)
    np.testing.assert_array_equal(oxbert.load_weights(path)["a"], [1, 1])
    for content in [{"a": 3}, [torch.ones(1)], {1: torch.ones(1)}]:
        torch.save(content, path)
        with pytest.raises(WeightsFormatError, match="expected"):
            oxbert.load_weights(path)
    with pytest.raises(MissingFileError):
        oxbert.load_weights(tmp_path / "none.bin")


def test_content_determines_the_format(tmp_path: Path) -> None:
    oxbert.save_weights({"a": np.ones(1)}, tmp_path / "x.ot")
    (tmp_path / "x.ot").rename(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(oxbert.load_weights(tmp_path / "model.safetensors")["a"], [1])


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("module.a.LayerNorm.gamma", "a.LayerNorm.weight"),
        ("a.LayerNorm.beta", "a.LayerNorm.bias"),
        ("a.beta", "a.beta"),
        ("electra.embeddings.position_ids", None),
        ("", ""),
    ],
)
def test_canonical_names_are_translated(name: str, expected: str | None) -> None:
    assert oxbert.canonical_name(name) == expected


# torch warns once per process.
@pytest.mark.filterwarnings("ignore:Sparse invariant checks")
def test_sparse_meta_and_complex_tensors_are_refused(tmp_path: Path) -> None:
    for tensor, kind in [(torch.eye(3).to_sparse(), "sparse"), (torch.eye(3, device="meta"), "meta")]:
        with pytest.raises(InputError, match="dense") as refused:
            oxbert.save_weights({"a.weight": tensor}, tmp_path / "weights.ot")
        assert refused.value.what == "a.weight"
        torch.save({"a.weight": tensor}, tmp_path / "weights.bin")
        with pytest.raises(WeightsFormatError, match="sparse" if kind == "sparse" else "without values") as caught:
            oxbert.load_weights(tmp_path / "weights.bin")
        assert str(tmp_path / "weights.bin") in str(caught.value)
    for value in [torch.zeros(2, dtype=torch.complex64), np.zeros(2, dtype=complex), np.array(["a"])]:
        with pytest.raises(DtypeError, match=r"a\.weight"):
            oxbert.save_weights({"a.weight": value}, tmp_path / "weights.safetensors")
    with pytest.raises(InputError, match=r"\.ot, \.safetensors or \.bin"):
        oxbert.save_weights({}, tmp_path / "weights.npz")
    with pytest.raises(InputError, match="jax"):
        oxbert.load_weights(tmp_path / "weights.bin", "jax")  # type: ignore[call-overload]
    assert {path.name for path in tmp_path.iterdir()} == {"weights.bin"}


def test_names_of_other_types_are_refused(config: oxbert.ElectraConfig, tmp_path: Path) -> None:
    with pytest.raises(DtypeError, match="names of tensors"):
        oxbert.save_weights({1: np.zeros(3)}, tmp_path / "model.ot")  # type: ignore[dict-item]


def test_tensors_without_memory_are_refused(config: oxbert.ElectraConfig, tmp_path: Path) -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        fake = torch.zeros(2, 3)
    released = torch.zeros(2, 3)
    released.untyped_storage().resize_(0)
    shrunk = torch.zeros(2, 3)
    shrunk.untyped_storage().resize_(8)
    for tensor in (fake, released, shrunk):
        with pytest.raises(InputError, match="without memory"):
            oxbert.save_weights({"a": tensor}, tmp_path / "model.ot")
    model = oxbert.ElectraModel(config, seed=1)
    embeddings = torch.zeros(1, 2, config.embedding_size)
    embeddings.untyped_storage().resize_(0)
    with pytest.raises(InputError, match="without memory"):
        model(inputs_embeds=embeddings)
