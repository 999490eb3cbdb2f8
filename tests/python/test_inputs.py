"""Test that a model refuses bad arguments with a typed error and stays unchanged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import oxbert
from oxbert.errors import DtypeError, IdRangeError, InputError, OxbertError, ShapeError, TooLongError

from .reference import CLASSES, fresh, head_of


@pytest.fixture
def model(config: oxbert.ElectraConfig) -> oxbert.ElectraForMaskedLM:
    return oxbert.ElectraForMaskedLM(config, seed=0).eval()


ROW = np.array([[1, 2, 3]])


def array_kinds(values: Any) -> list[Any]:
    return [np.array(values).tolist(), np.array(values), torch.tensor(values)]


@pytest.mark.parametrize("kind", [0, 1, 2])
@pytest.mark.parametrize(
    ("what", "arguments", "value", "position", "limit"),
    [
        ("input_ids", {"input_ids": [[1, 50, 3]]}, 50, [0, 1], 50),
        ("input_ids", {"input_ids": [[1, 2], [3, -1]]}, -1, [1, 1], 50),
        ("token_type_ids", {"input_ids": [[1, 2]], "token_type_ids": [[0, 2]]}, 2, [0, 1], 2),
        ("position_ids", {"input_ids": [[1, 2]], "position_ids": [[16, 0]]}, 16, [0, 0], 16),
    ],
)
def test_ids_beyond_their_table_are_refused(
    model: Any, what: str, arguments: dict[str, Any], value: int, position: list[int], limit: int, kind: int
) -> None:
    with pytest.raises(IdRangeError) as caught:
        model(**{name: array_kinds(argument)[kind] for name, argument in arguments.items()})
    error = caught.value
    assert isinstance(error, IndexError)
    assert (error.what, error.value, error.position, error.limit) == (what, value, position, limit)
    assert what in str(error) and str(value) in str(error) and f"< {limit}" in str(error)


@pytest.mark.parametrize("kind", [0, 1, 2])
@pytest.mark.parametrize(
    ("what", "arguments", "expected", "got"),
    [
        ("input_ids", {"input_ids": [1, 2]}, None, None),
        ("input_ids", {"input_ids": [[[1, 2]]]}, None, None),
        ("attention_mask", {"input_ids": [[1, 2]], "attention_mask": [[1]]}, "[1, 2]", "[1, 1]"),
        ("attention_mask", {"input_ids": [[1], [2]], "attention_mask": [[1]]}, "[2, 1]", "[1, 1]"),
        ("token_type_ids", {"input_ids": [[1, 2]], "token_type_ids": [[0, 0, 0]]}, "[1, 2]", "[1, 3]"),
        ("position_ids", {"input_ids": [[1, 2]], "position_ids": [[0, 1], [0, 1]]}, "[1, 2]", "[2, 2]"),
        ("inputs_embeds", {"inputs_embeds": [[[0.0] * 11]]}, "E = 12", "[1, 1, 11]"),
        ("inputs_embeds", {"inputs_embeds": [[0.0] * 12]}, "E = 12", "[1, 12]"),
    ],
)
def test_wrong_shapes_are_refused(
    model: Any, what: str, arguments: dict[str, Any], expected: str | None, got: str | None, kind: int
) -> None:
    def convert(name: str, argument: Any) -> Any:
        array = array_kinds(argument)[kind]
        return array.astype(np.float32) if name == "inputs_embeds" and kind == 1 else array

    with pytest.raises(ShapeError) as caught:
        model(**{name: convert(name, argument) for name, argument in arguments.items()})
    error = caught.value
    assert isinstance(error, ValueError)
    assert error.what == what and what in str(error)
    assert expected is None or expected in error.expected
    assert got is None or got in error.got
    assert error.expected in str(error) and error.got in str(error)


@pytest.mark.parametrize(
    ("what", "arguments", "got"),
    [
        ("input_ids", {"input_ids": np.array([[1.0, 2.0]])}, "float64"),
        ("input_ids", {"input_ids": torch.tensor([[1.0, 2.0]])}, "float"),
        ("input_ids", {"input_ids": [[1.0, 2.0]]}, "float"),
        ("input_ids", {"input_ids": np.array([[True]])}, "bool"),
        ("input_ids", {"input_ids": [[True]]}, "bool"),
        ("input_ids", {"input_ids": "a text"}, "<U6"),
        ("input_ids", {"input_ids": [["a"]]}, "str"),
        ("input_ids", {"input_ids": torch.tensor([[1]], dtype=torch.uint16)}, "uint16"),
        ("token_type_ids", {"input_ids": ROW, "token_type_ids": np.zeros((1, 3))}, "float64"),
        ("position_ids", {"input_ids": ROW, "position_ids": torch.zeros(1, 3)}, "float"),
        ("attention_mask", {"input_ids": ROW, "attention_mask": np.array([["a", "b", "c"]])}, "<U1"),
        ("inputs_embeds", {"inputs_embeds": np.zeros((1, 2, 12))}, "float64"),
        ("inputs_embeds", {"inputs_embeds": torch.zeros(1, 2, 12, dtype=torch.float64)}, "float64"),
    ],
)
def test_wrong_dtypes_are_refused(model: Any, what: str, arguments: dict[str, Any], got: str) -> None:
    with pytest.raises(DtypeError) as caught:
        model(**arguments)
    assert isinstance(caught.value, TypeError)
    assert caught.value.what == what and got in caught.value.got
    assert what in str(caught.value) and got in str(caught.value) and caught.value.expected in str(caught.value)


@pytest.mark.parametrize(
    ("what", "arguments", "reason"),
    [
        ("input_ids and inputs_embeds", {}, "neither"),
        ("input_ids and inputs_embeds", {"input_ids": ROW, "inputs_embeds": np.zeros((1, 3, 12), "float32")}, "both"),
        ("input_ids", {"input_ids": []}, "at least one row"),
        ("input_ids", {"input_ids": np.zeros((0, 3), dtype=int)}, "at least one row"),
        ("input_ids", {"input_ids": np.zeros((2, 0), dtype=int)}, "row 0"),
        ("input_ids", {"input_ids": [[1], []]}, "row 1"),
        ("input_ids", {"input_ids": [[2**63]]}, "int64"),
        ("attention_mask", {"input_ids": ROW, "attention_mask": [[1, 2, 1]]}, r"2 at \[0, 1\]"),
        ("attention_mask", {"input_ids": ROW, "attention_mask": np.array([[1, -1, 1]])}, r"-1 at \[0, 1\]"),
        ("attention_mask", {"input_ids": ROW, "attention_mask": np.array([[1, 0.5, 1]])}, "fraction"),
        ("attention_mask", {"input_ids": ROW, "attention_mask": torch.tensor([[1, 0.5, 1]])}, "fraction"),
        ("attention_mask", {"input_ids": ROW, "attention_mask": torch.tensor([[1, float("nan"), 1]])}, "fraction"),
        ("inputs_embeds", {"inputs_embeds": [[[1.0], [2.0, 3.0]]]}, "array"),
        ("input_ids", {"input_ids": torch.tensor([[1, 2]]).to_sparse()}, "dense"),
        ("input_ids", {"input_ids": torch.ones(1, 2, dtype=torch.int64, device="meta")}, "meta"),
    ],
)
def test_impossible_values_are_refused(model: Any, what: str, arguments: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        model(**arguments)
    assert isinstance(caught.value, ValueError)
    assert caught.value.what == what and caught.value.reason in str(caught.value)


def test_rows_longer_than_the_positions_are_refused(model: Any) -> None:
    long = list(range(17))
    for ids in [[[1], long], np.array([long, long]), torch.tensor([long, long])]:
        with pytest.raises(TooLongError, match="17 tokens") as caught:
            model(ids)
        error = caught.value
        assert isinstance(error, ValueError)
        assert (error.what, error.length, error.maximum) == ("input_ids", 17, 16)
        assert error.row == (1 if isinstance(ids, list) else 0)
    # Padding takes no position, and given positions are checked instead of columns.
    mask = np.ones((1, 17), dtype=int)
    mask[0, 16] = 0
    assert model(np.array([long]), mask).logits.shape == (1, 17, 50)
    assert model(np.array([long]), position_ids=np.zeros((1, 17), dtype=int)).logits.shape == (1, 17, 50)


@pytest.mark.parametrize("name", CLASSES)
def test_every_model_has_the_limits_of_its_tables(name: str) -> None:
    model = fresh(name, "tiny-tables")
    width, wrap = model.get_input_embeddings().embedding_dim, head_of(name) == "MultipleChoice"

    def call(ids: Any, **arguments: Any) -> Any:
        return model([ids] if wrap else ids, **{key: [value] if wrap else value for key, value in arguments.items()})

    for arguments in ({"ids": [[1, 9]]}, {"ids": [[1, 2]], "position_ids": [[0, 7]]}):
        with pytest.raises(IdRangeError) as caught:
            call(**arguments)
        assert caught.value.limit == caught.value.value and caught.value.position == [0, 1]
    with pytest.raises(TooLongError) as long:
        call([[1], [2] * 8])
    assert (long.value.row, long.value.length, long.value.maximum) == (1, 8, 7)
    embeddings = np.zeros((1, 2, 3, width + 1) if wrap else (2, 3, width + 1), np.float32)
    with pytest.raises(ShapeError, match=f"E = {width}"):
        model(inputs_embeds=embeddings)
    assert np.isfinite(call([[1, 8]], position_ids=[[6, 0]])[0]).all()


@pytest.mark.parametrize("ids", [[[[1]], None], [[[1]], 5], [[[1]], "a"], [[[1]], []], [[1], None], [[1], {}]])
def test_lists_that_mix_rows_and_other_values_are_refused(ids: Any) -> None:
    for name in ("ElectraForMultipleChoice", "DistilBertForMaskedLM"):
        with pytest.raises(OxbertError, match="input_ids"):
            fresh(name)(ids)


def test_an_error_leaves_the_model_as_it_was(model: Any) -> None:
    before = model(ROW).logits
    for bad in [[[99]], [[]], [1], "x", None]:
        with pytest.raises(OxbertError):
            model(bad)
    np.testing.assert_array_equal(model(ROW).logits, before)


pytestmark = pytest.mark.filterwarnings(r"ignore:B?Complex\w* support")

# Any input returns an output or raises an OxbertError; no panic, crash or other exception.

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.binary(max_size=3),
    lambda children: st.lists(children, max_size=4) | st.tuples(children, children),
    max_leaves=12,
)
DTYPES = arrays.scalar_dtypes() | arrays.unicode_string_dtypes() | arrays.complex_number_dtypes()
ARRAYS = arrays.arrays(DTYPES, arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4))
TORCH_DTYPES = [value for value in vars(torch).values() if isinstance(value, torch.dtype)]
PLAIN = [
    dtype for dtype in TORCH_DTYPES if dtype.itemsize >= 1 and not str(dtype).startswith(("torch.q", "torch.bits"))
]


@st.composite
def tensors(draw: st.DrawFn) -> torch.Tensor:
    dtype = draw(st.sampled_from(PLAIN))
    shape = draw(st.lists(st.integers(0, 4), max_size=4))
    try:
        tensor = torch.ones(shape, dtype=torch.int64).to(dtype)
    except (RuntimeError, NotImplementedError):
        # Some dtypes of torch cannot be converted to.
        tensor = torch.ones(shape)
    return tensor.to("meta") if draw(st.integers(0, 9)) == 0 else tensor


WILD = ANYTHING | ARRAYS | tensors()
SMALL = oxbert.ElectraConfig(
    vocab_size=9, embedding_size=4, hidden_size=4, num_hidden_layers=1, num_attention_heads=2, intermediate_size=3
)
FUZZED = {name: fresh(name, "tiny-tables") for name in CLASSES}
HEAD = oxbert.ElectraGeneratorHead(SMALL, seed=0)


@examples(max_examples=60)
@given(data=st.data())
@pytest.mark.parametrize("name", CLASSES)
def test_any_argument_gives_an_output_or_an_oxbert_error(name: str, data: st.DataObject) -> None:
    model = FUZZED[name]
    arguments = data.draw(st.dictionaries(st.sampled_from(model.arguments), WILD, min_size=1))
    try:
        output = model(**arguments)
    except OxbertError as error:
        assert not isinstance(error, oxbert.errors.InternalError), error
        return
    assert len(output[0].shape) in (0, 1, 2, 3)


@examples(max_examples=60)
@given(data=st.data())
@pytest.mark.parametrize("name", CLASSES)
def test_any_argument_beside_good_ids_gives_an_output_or_an_oxbert_error(name: str, data: st.DataObject) -> None:
    model = FUZZED[name]
    good: dict[str, Any] = {"input_ids": [[[1, 2, 3]]] if head_of(name) == "MultipleChoice" else [[1, 2, 3]]}
    if head_of(name) == "QuestionAnswering":
        good |= {"start_positions": [0], "end_positions": [2]}
    # The first labels fix the problem type, so it is reset.
    model.config.problem_type = None
    try:
        model(**good | {data.draw(st.sampled_from(model.arguments[1:])): data.draw(WILD)})
    except OxbertError as error:
        assert not isinstance(error, oxbert.errors.InternalError), error


@examples(max_examples=150)
@given(WILD)
def test_any_hidden_states_give_an_output_or_an_oxbert_error(value: Any) -> None:
    try:
        HEAD(value)
    except OxbertError as error:
        assert not isinstance(error, oxbert.errors.InternalError), error


@examples(max_examples=100)
@given(st.dictionaries(st.text(max_size=3), ARRAYS | tensors(), max_size=3))
def test_tensors_round_trip_or_are_refused(tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any]) -> None:
    folder = tmp_path_factory.getbasetemp()
    for ending in ["ot", "safetensors"]:
        try:
            oxbert.save_weights(values, folder / f"any.{ending}")
        except OxbertError as error:
            assert not isinstance(error, oxbert.errors.InternalError), error
            continue
        found = oxbert.load_weights(folder / f"any.{ending}", "torch")
        assert found.keys() == values.keys()
        for name, value in values.items():
            assert tuple(found[name].shape) == tuple(value.shape)


@pytest.mark.parametrize("kind", [torch.nn.parameter.UninitializedParameter, torch.nn.parameter.UninitializedBuffer])
def test_the_tensors_of_lazy_layers_are_refused(model: oxbert.ElectraForMaskedLM, kind: Any) -> None:
    lazy, ids = kind(), torch.tensor(ROW)
    calls: list[Any] = [
        lambda: model(lazy),
        lambda: model(ids, attention_mask=lazy),
        lambda: model(ids, labels=lazy),
        lambda: model(inputs_embeds=lazy),
        lambda: model.load_state_dict({"weight": lazy}),
        lambda: model.set_input_embeddings(lazy),
        lambda: oxbert.save_weights({"weight": lazy}, "never.safetensors"),
        lambda: oxbert.Activation("gelu")(lazy),
    ]
    for call in calls:
        with pytest.raises(InputError, match=f"expected a dense tensor with values, got an {kind.__name__}"):
            call()


@pytest.mark.parametrize("of_torch", [False, True])
def test_views_that_claim_any_width_are_refused_before_they_are_copied(model: Any, of_torch: bool) -> None:
    # A copy would take an exabyte.
    width = 2**57
    view = torch.ones(1, dtype=torch.int64).expand(1, width) if of_torch else np.broadcast_to(np.int64(1), (1, width))
    with pytest.raises(TooLongError, match=f"^input_ids: {width} tokens at row 0 "):
        model(view)
    for what in ["attention_mask", "token_type_ids", "position_ids"]:
        with pytest.raises(ShapeError, match=rf"^{what}: expected shape \[B, S\] = \[1, 3\], got \[1, {width}\]"):
            model(ROW, **{what: view})
