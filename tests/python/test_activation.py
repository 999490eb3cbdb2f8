"""Test `oxbert.Activation` as a value and as a function. test_heads.py compares its numbers with transformers."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from transformers.activations import ACT2FN

import oxbert
from oxbert.errors import DtypeError, InputError, TorchError

NAMES = oxbert.Activation.names()
# These have parameters of their own, which no checkpoint of these families contains.
LEFT_OUT = {"prelu", "xielu"}


def test_names_match_transformers_except_for_identity() -> None:
    assert set(NAMES) == set(ACT2FN) - LEFT_OUT | {"identity"}
    assert len(NAMES) == len(set(NAMES))


@pytest.mark.parametrize("name", NAMES)
def test_configurations_accept_every_name(name: str) -> None:
    assert oxbert.ElectraConfig(hidden_act=name).hidden_act == oxbert.Activation(name).name
    assert oxbert.DistilBertConfig(activation=name).activation == oxbert.Activation(name).name


@pytest.mark.parametrize("name", NAMES)
def test_canonical_name_and_repr_round_trip(name: str) -> None:
    activation = oxbert.Activation(name)
    assert activation.name in NAMES
    assert oxbert.Activation(activation.name) == activation
    assert repr(activation) == f'Activation("{activation.name}")'
    assert eval(repr(activation), {"Activation": oxbert.Activation}) == activation


@pytest.mark.parametrize(
    ("one", "same"),
    [("swish", "silu"), ("gelu_python", "gelu"), ("gelu_accurate", "gelu_new"), ("identity", "linear")],
)
def test_aliases_equal_their_canonical_name(one: str, same: str) -> None:
    assert oxbert.Activation(one) == oxbert.Activation(same)
    assert oxbert.Activation(one).name == same


def test_distinct_activations_are_unequal() -> None:
    names = {oxbert.Activation(name).name for name in NAMES}
    assert len(names) == 18
    for name in names:
        for another in names - {name}:
            assert oxbert.Activation(name) != oxbert.Activation(another)
    assert oxbert.Activation("gelu") != "gelu"


@pytest.mark.parametrize("name", NAMES)
def test_copies_and_pickles_are_equal(name: str) -> None:
    activation = oxbert.Activation(name)
    for twin in [pickle.loads(pickle.dumps(activation)), copy.copy(activation), copy.deepcopy(activation)]:
        assert type(twin) is oxbert.Activation and twin == activation and twin.name == activation.name


def test_activations_are_immutable() -> None:
    with pytest.raises(AttributeError):
        oxbert.Activation("gelu").name = "relu"  # type: ignore[misc]


@pytest.mark.parametrize("name", NAMES)
def test_output_has_the_array_type_of_the_input(name: str) -> None:
    activation = oxbert.Activation(name)
    values = np.linspace(-3, 3, 24, dtype=np.float32).reshape(2, 3, 4)
    before = values.copy()
    array, tensor = activation(values), activation(torch.tensor(values))
    assert type(array) is np.ndarray and type(tensor) is torch.Tensor
    assert array.dtype == np.float32 and tensor.dtype == torch.float32 and array.shape == tensor.shape == (2, 3, 4)
    np.testing.assert_array_equal(array, tensor.numpy())
    np.testing.assert_array_equal(array, activation(values.tolist()))
    np.testing.assert_array_equal(activation(values.transpose(2, 0, 1)), array.transpose(2, 0, 1))
    # The input is unchanged, and the output does not share its memory.
    np.testing.assert_array_equal(values, before)
    array += 1
    np.testing.assert_array_equal(values, before)


@pytest.mark.parametrize("name", NAMES)
def test_a_tensor_keeps_its_dtype_and_its_graph(name: str) -> None:
    activation = oxbert.Activation(name)
    points = torch.tensor([-1.5, -0.5, 0.4, 1.7], dtype=torch.float64, requires_grad=True)
    assert activation(points).dtype == torch.float64
    torch.autograd.gradcheck(activation, (points,))
    with torch.no_grad():
        # The identity returns its input, as torch's own does.
        assert activation(points).requires_grad == (activation == oxbert.Activation("identity"))


@pytest.mark.parametrize("shape", [(), (0,), (1,), (2, 0, 3)])
def test_every_shape_is_accepted(shape: tuple[int, ...]) -> None:
    activation = oxbert.Activation("gelu")
    assert activation(np.ones(shape, np.float32)).shape == shape
    assert activation(torch.ones(shape)).shape == torch.Size(shape)


def test_python_numbers_are_accepted() -> None:
    relu = oxbert.Activation("relu")
    for numbers in [[-1.0, 2.0], (-1, 2), [np.float64(-1), 2]]:
        np.testing.assert_array_equal(relu(numbers), np.array([0, 2], dtype=np.float32))


@pytest.mark.parametrize("name", ["gellu", "", "GELU", "prelu"])
def test_unknown_names_are_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"expected one of gelu, .*, got") as caught:
        oxbert.Activation(name)
    assert caught.value.what == "name" and repr(name)[1:-1] in caught.value.reason


@pytest.mark.parametrize("values", [np.ones(2), np.ones(2, np.float16), np.ones(2, int)])
def test_arrays_of_other_dtypes_are_refused(values: Any) -> None:
    with pytest.raises(DtypeError, match="float32") as caught:
        oxbert.Activation("gelu")(values)
    assert caught.value.what == "input" and caught.value.got == str(values.dtype)


def test_inputs_that_are_not_float_arrays_are_refused() -> None:
    gelu = oxbert.Activation("gelu")
    for value in [["a"], [[1.0], [1.0, 2.0]]]:
        with pytest.raises(InputError):
            gelu(value)
    with pytest.raises(TorchError):
        gelu(torch.ones(2, dtype=torch.long))
