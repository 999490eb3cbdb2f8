"""Compare `oxbert.tf` with oxbert's own classes and with transformers 4's TensorFlow classes."""

from __future__ import annotations

import inspect
import os
import pickle
import re
import shutil
import sys
from pathlib import Path
from typing import Any

# TensorFlow reads these when it is loaded: no log, and no notice about rounding by oneDNN.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

import oxbert
from oxbert import errors, outputs

from .reference import BASE, CLASSES, DISTILBERT_BASE, TOLERANCE, family_of, head_of

tf = pytest.importorskip("tensorflow")
# TensorFlow would reserve all memory of a GPU.
tf.config.set_visible_devices([], "GPU")

import oxbert.tf as oxtf  # noqa: E402

from .processes import run  # noqa: E402

ROOT = Path(__file__).parents[2]
CHECKPOINTS = ROOT / "tests/data/checkpoints/transformers"

IDS = np.array([[2, 17, 5, 36, 9], [2, 30, 11, 0, 0]])
MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
TYPES = np.array([[0, 0, 0, 1, 1], [0, 1, 1, 0, 0]])
ALL = {"output_hidden_states": True, "output_attentions": True}


def tf_class(name: str) -> Any:
    return getattr(oxtf, f"TF{name}")


def configuration(name: str, **values: Any) -> oxbert.Config:
    base: dict[str, Any] = BASE if family_of(name) == "Electra" else DISTILBERT_BASE
    labels = 2 if name.endswith("QuestionAnswering") else 3
    return oxbert.Config.from_dict(
        {"model_type": family_of(name).lower(), "num_labels": labels, "layer_norm_eps": 1e-3} | base | values
    )


def pair(name: str, **values: Any) -> tuple[Any, Any]:
    """An ordinary model, and the same for TensorFlow."""
    model = getattr(oxbert, name)(configuration(name, **values), seed=0).eval()
    return model, tf_class(name)(model)


def inputs_of(name: str) -> dict[str, np.ndarray]:
    """Return ids [2, 5] or [2, 2, 5], a mask, and token types if the family has them."""
    inputs = {"input_ids": IDS, "attention_mask": MASK, "token_type_ids": TYPES}
    if family_of(name) == "DistilBert":
        del inputs["token_type_ids"]
    if head_of(name) == "MultipleChoice":
        inputs = {key: np.stack([value, value[::-1]], 1) for key, value in inputs.items()}
    return inputs


def labels_of(name: str) -> dict[str, list[Any]]:
    """Return labels for two rows of five tokens."""
    return {
        "": {},
        "PreTraining": {"labels": [[0, 1, 0, 1, 1], [1, 0, 0, 0, 0]]},
        "MaskedLM": {"labels": [[-100, 7, -100, 36, 1], [3, -100, -100, -100, -100]]},
        "TokenClassification": {"labels": [[-100, 0, 1, 2, -100], [1, -100, 0, -100, 2]]},
        "SequenceClassification": {"labels": [2, 0]},
        "QuestionAnswering": {"start_positions": [1, 0], "end_positions": [4, 2]},
        "MultipleChoice": {"labels": [1, 0]},
    }[head_of(name)]


def flat(output: Any) -> dict[str, Any]:
    """Return all tensors of an output by numbered names."""
    values = dict(output.items())
    if "probabilities" in output:
        values["probabilities"] = output.probabilities
    return {
        f"{name}{number}": item
        for name, value in values.items()
        for number, item in enumerate(value if isinstance(value, tuple) else [value])
    }


def assert_same(ours: Any, theirs: Any, tolerance: float = 0.0) -> None:
    """Check that both outputs have the same names, order and numbers, and that `ours` has tensors of TensorFlow."""
    mine, others = flat(ours), flat(theirs)
    assert list(mine) == list(others)
    for name, tensor in mine.items():
        assert tf.is_tensor(tensor) and tensor.dtype == tf.float32, name
        other = others[name].numpy() if hasattr(others[name], "numpy") else others[name]
        assert tensor.shape == other.shape, name
        assert np.abs(tensor.numpy() - other).max() <= tolerance, name


# Numbers.


@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize("name", CLASSES)
def test_outputs_match_the_torch_class(name: str, dtype: str) -> None:
    model, ours = pair(name)
    inputs = inputs_of(name)
    tensors = {key: tf.constant(value, dtype) for key, value in inputs.items()}
    tensors_of_torch = {key: torch.tensor(value) for key, value in inputs.items()}
    with torch.no_grad():
        assert_same(ours(**tensors), model(**tensors_of_torch))
        assert_same(ours(tensors, **ALL), model(**tensors_of_torch, **ALL))
        assert_same(ours(tensors["input_ids"]), model(tensors_of_torch["input_ids"]))
    assert not np.array_equal(ours(**tensors)[0], ours(tensors["input_ids"])[0])
    whole = {**tensors, "attention_mask": tf.ones_like(tensors["input_ids"])}
    assert_same(ours(**whole), ours(**{key: value for key, value in whole.items() if key != "attention_mask"}))


@pytest.mark.parametrize("name", CLASSES)
def test_masks_may_be_floats_bools_or_integers(name: str) -> None:
    _, ours = pair(name)
    ids, mask = (tf.constant(inputs_of(name)[key]) for key in ["input_ids", "attention_mask"])
    for dtype in [tf.float32, tf.bool, tf.int32, tf.uint8]:
        assert_same(ours(ids, tf.cast(mask, dtype)), ours(ids, mask))


@pytest.mark.parametrize("name", CLASSES)
def test_embeddings_replace_ids(name: str) -> None:
    _, ours = pair(name)
    inputs = {key: tf.constant(value) for key, value in inputs_of(name).items()}
    table = ours.get_input_embeddings()
    config = ours.config
    assert table.shape == (config.vocab_size, getattr(config, "embedding_size", config.hidden_size))
    embeddings = tf.gather(table, inputs["input_ids"])
    rest = {key: value for key, value in inputs.items() if key != "input_ids"}
    assert_same(ours(inputs_embeds=embeddings, **rest), ours(inputs), TOLERANCE)
    assert_same(ours({"inputs_embeds": embeddings} | rest), ours(inputs), TOLERANCE)
    # In a list, embeddings have transformers' position.
    listed = [None, inputs["attention_mask"], *[None] * (3 if family_of(name) == "Electra" else 1), embeddings]
    listed[2] = rest.get("token_type_ids", listed[2])
    assert_same(ours(listed), ours(inputs), TOLERANCE)


def folder_of(name: str) -> str:
    """Return the folder of a class: ElectraForMaskedLM -> electra_masked_lm."""
    head = re.sub(r"(?<!^)(?=[A-Z])", "_", head_of(name).replace("LM", "Lm")).lower()
    return f"{family_of(name).lower()}_{head or 'base'}"


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a function that loads the checkpoint of transformers 4's TensorFlow class of the given name, once each."""
    known: dict[str, Any] = {}

    def load(name: str) -> Any:
        if name not in known:
            folder = tmp_path_factory.mktemp(name)
            for file in ["config.json", "tf_model.h5"]:
                shutil.copy(CHECKPOINTS / folder_of(name) / file, folder)
            known[name] = tf_class(name).from_pretrained(folder, strict=True)
        return known[name]

    return load


EXPECTED = load_file(CHECKPOINTS / "outputs_tensorflow.safetensors")


@pytest.mark.parametrize("name", CLASSES)
def test_outputs_match_transformers_4(name: str, checkpoints: Any) -> None:
    ours = checkpoints(name)
    assert type(ours) is tf_class(name)
    keys = ["input_ids", "attention_mask", *(["token_type_ids"] if family_of(name) == "Electra" else [])]
    inputs = {key: EXPECTED[key] for key in keys}
    kept = inputs["attention_mask"].astype(bool)
    if head_of(name) == "MultipleChoice":
        inputs = {key: value[None] for key, value in inputs.items()}
    output = ours({key: tf.constant(value) for key, value in inputs.items()})
    expected = {key: value for key, value in EXPECTED.items() if key.startswith(f"{folder_of(name)}.")}
    assert {f"{folder_of(name)}.{key}" for key in output.keys()} == set(expected)  # noqa: SIM118
    for key, value in output.items():
        theirs, value = expected[f"{folder_of(name)}.{key}"], value.numpy()
        assert value.shape == theirs.shape
        if value.shape[:2] == kept.shape:
            assert not value[~kept].any()
            value, theirs = value[kept], theirs[kept]
        assert np.abs(value - theirs).max() < TOLERANCE


# Losses of transformers 4.46.3 with TensorFlow 2.15.1 on the same files, for the ids and labels below.
LOSSES = {
    "ElectraForMaskedLM": [4.575762748718262],
    "ElectraForTokenClassification": [1.0547226667404175],
    "ElectraForSequenceClassification": [2.144303321838379, 0.3801761269569397],
    "ElectraForQuestionAnswering": [2.2932302951812744, 2.1941580772399902],
    "ElectraForMultipleChoice": [0.6901041269302368, 0.6765227317810059],
    "DistilBertForMaskedLM": [4.389494895935059],
    "DistilBertForTokenClassification": [2.2441227436065674],
    "DistilBertForSequenceClassification": [8.013267517089844, 0.16834120452404022],
    "DistilBertForQuestionAnswering": [1.7472095489501953, 1.7813787460327148],
    "DistilBertForMultipleChoice": [0.8605214953422546, 0.9029402136802673],
}
LOSS_IDS = np.array([[2, 17, 5, 36, 9, 21, 3], [2, 30, 11, 4, 3, 6, 7]])
LOSS_LABELS: dict[str, dict[str, Any]] = {
    "MaskedLM": {"labels": [[-100, 3, -100, 4, 5, -100, -100], [1, -100, -100, -100, -100, -100, 36]]},
    "TokenClassification": {"labels": [[-100, 0, 1, 2, -100, -100, 0], [1, -100, -100, 2, 2, 1, 0]]},
    "SequenceClassification": {"labels": [2, 0]},
    "QuestionAnswering": {"start_positions": [1, 0], "end_positions": [4, 6]},
    "MultipleChoice": {"labels": [1, 0]},
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_match_transformers_4(name: str, checkpoints: Any) -> None:
    """Compare the loss: one number for labels of tokens, one per text for labels of texts."""
    ours = checkpoints(name)
    ids = np.stack([LOSS_IDS, LOSS_IDS[:, ::-1]], 1) if head_of(name) == "MultipleChoice" else LOSS_IDS
    labels = {key: tf.constant(value) for key, value in LOSS_LABELS[head_of(name)].items()}
    output = ours(tf.constant(ids), **labels)
    assert output.loss is output[0] and output.loss.dtype == tf.float32
    assert output.loss.shape == (len(LOSSES[name]),)
    assert np.abs(output.loss - np.array(LOSSES[name])).max() < TOLERANCE
    assert_same(ours({"input_ids": ids, **labels}), output)
    assert np.array_equal(output[1], ours(ids)[0])


@pytest.mark.parametrize("name", [name for name in CLASSES if labels_of(name)])
def test_losses_match_the_torch_class(name: str) -> None:
    model, ours = pair(name)
    inputs, labels = inputs_of(name), labels_of(name)
    loss = ours(**inputs, **labels).loss
    assert abs(loss.numpy().mean() - model(**inputs, **labels).loss) < TOLERANCE
    # A single row of types is broadcast.
    if family_of(name) == "Electra" and head_of(name) != "MultipleChoice":
        single = {**inputs, "token_type_ids": TYPES[:1]}
        double = {**inputs, "token_type_ids": np.repeat(TYPES[:1], 2, 0)}
        assert_same(ours(**single, **labels), ours(**double, **labels))
    one = {key: value[:1] for key, value in (inputs | labels).items()}
    assert ours(**one).loss.shape == (1,)
    assert abs(ours(**one).loss.numpy()[0] - model(**one).loss) < TOLERANCE


def test_every_problem_type_gives_one_loss_per_text() -> None:
    for problem, count, labels in [
        ("multi_label_classification", 3, [[0.0, 1.0, 0.5], [1.0, 1.0, 0.0]]),
        ("regression", 1, [0.5, -2.0]),
        ("regression", 3, [[0.0, 1.0, 0.5], [1.0, 7.0, 0.0]]),
        ("single_label_classification", 3, [1, 2]),
    ]:
        model, ours = pair("ElectraForSequenceClassification", num_labels=count, problem_type=problem)
        losses = ours(IDS, MASK, labels=tf.constant(labels)).loss.numpy()
        assert losses.shape == (2,)
        for row in range(2):
            alone = model(IDS[row : row + 1], MASK[row : row + 1], labels=labels[row : row + 1]).loss
            assert abs(losses[row] - alone) < TOLERANCE
    losses = ours(IDS, MASK, labels=[1, -100]).loss.numpy()
    assert np.isfinite(losses[0]) and np.isnan(losses[1])


def test_the_number_and_range_of_labels_are_checked() -> None:
    _, ours = pair("ElectraForSequenceClassification")
    for labels in [[1, 0, 1], [1], [1, 3]]:
        with pytest.raises((errors.ShapeError, errors.IdRangeError)):
            ours(IDS, labels=labels)


# Calls.


@pytest.mark.parametrize("name", CLASSES)
def test_all_calling_conventions_agree(name: str) -> None:
    _, ours = pair(name)
    inputs = {key: tf.constant(value) for key, value in inputs_of(name).items()}
    ids, *rest = inputs.values()
    expected = ours(**inputs)
    for output in [
        ours(ids, *rest),
        ours([ids, *rest]),
        ours((ids, *rest)),
        ours(inputs=[ids, *rest]),
        ours(input_ids=[ids, *rest]),
        ours([ids], **dict(list(inputs.items())[1:])),
        ours(inputs),
        ours(inputs=inputs),
        ours(input_ids=inputs),
        ours({"input_ids": ids}, **dict(list(inputs.items())[1:])),
        ours(oxbert.BatchEncoding(inputs)),
        ours(**oxbert.BatchEncoding(inputs)),
        ours(inputs_of(name)),
        ours({key: value.tolist() for key, value in inputs_of(name).items()}),
        ours([value.tolist() for value in inputs_of(name).values()]),
        ours({key: tf.Variable(value) for key, value in inputs.items()}),
        ours({key: torch.tensor(value) for key, value in inputs_of(name).items()}),
        ours([torch.tensor(value) for value in inputs_of(name).values()]),
        ours(inputs, head_mask=None, **dict.fromkeys(labels_of(name))),
        ours.call(inputs),
        ours({**inputs, "training": False, "return_dict": True}),
    ]:
        assert type(output) is type(expected)
        assert_same(output, expected)


@pytest.mark.parametrize("name", CLASSES)
def test_ragged_rows_need_no_padding_and_no_mask(name: str) -> None:
    _, ours = pair(name)
    inputs = inputs_of(name)
    expected = ours({key: value for key, value in inputs.items() if key != "token_type_ids"})
    rows: Any = [[2, 17, 5, 36, 9], [2, 30, 11]]
    if head_of(name) == "MultipleChoice":
        rows = [[rows[0], rows[1]], [rows[1], rows[0]]]
        given = [rows, [list(map(tf.constant, question)) for question in rows], tf.ragged.constant(rows)]
    else:
        given = [rows, tuple(rows), list(map(tf.constant, rows)), list(map(np.array, rows)), tf.ragged.constant(rows)]
    for ids in given:
        assert_same(ours(ids), expected)
        assert_same(ours(input_ids=ids), expected)
    ragged = tf.ragged.constant(rows, row_splits_dtype="int32")
    assert_same(ours(ragged, tf.ones_like(ragged)), expected)
    # Labels of tokens are ragged too.
    labels = labels_of(name)
    if head_of(name) in ["PreTraining", "MaskedLM", "TokenClassification"]:
        labels = {"labels": [labels["labels"][0], labels["labels"][1][:3]]}
        tensors = {"labels": tf.ragged.constant(labels["labels"])}
    else:
        tensors = {key: tf.constant(value) for key, value in labels.items()}
    assert_same(ours(rows, **labels), ours(ragged, **tensors), TOLERANCE)


def test_the_rank_of_the_first_item_decides_how_a_list_is_read() -> None:
    _, ours = pair("ElectraModel")
    first, second = tf.constant([1, 2, 3]), tf.constant([4, 5, 6])
    # Rank-1 tensors are two rows of ids, not ids with a mask.
    assert ours([first, second])[0].shape == (2, 3, 20)
    assert ours([[1, 2, 3], [4, 5, 6]])[0].shape == (2, 3, 20)
    assert ours([tf.stack([first, second])])[0].shape == (2, 3, 20)
    assert ours([[[1, 2, 3]], [[1, 0, 0]]])[0].shape == (1, 3, 20)
    _, choices = pair("ElectraForMultipleChoice")
    question = tf.constant([[1, 2, 3], [4, 5, 6]])
    assert choices([question, question]).logits.shape == (2, 2)
    assert choices([question[None], tf.ones((1, 2, 3))]).logits.shape == (1, 2)


def test_the_order_of_arguments_matches_transformers() -> None:
    start = ["input_ids", "attention_mask", "token_type_ids", "position_ids", "head_mask", "inputs_embeds"]
    decoder = ["encoder_hidden_states", "encoder_attention_mask", "past_key_values", "use_cache"]
    options = ["output_attentions", "output_hidden_states", "return_dict"]
    for name in CLASSES:
        labels = list(labels_of(name))
        if family_of(name) == "Electra":
            expected = start + (decoder if name == "ElectraModel" else []) + options + [*labels, "training"]
        else:
            expected = [name for name in start if "_ids" not in name or name == "input_ids"]
            expected += [*options, *labels, "training", "token_type_ids", "position_ids"]
        assert list(tf_class(name)._signature.parameters) == expected
        parameters = inspect.signature(tf_class(name).call).parameters
        assert list(parameters) == ["self", *expected]
        assert {one.default for key, one in parameters.items() if key not in ("self", "training")} == {None}
        assert parameters["training"].default is False
    _, ours = pair("ElectraForTokenClassification")
    by_position = ours(
        IDS, MASK, TYPES, None, None, None, True, True, False, labels_of("ElectraForTokenClassification")["labels"]
    )
    named = ours(IDS, MASK, TYPES, **ALL, return_dict=False, **labels_of("ElectraForTokenClassification"))
    assert len(by_position) == len(named) == 4
    assert np.array_equal(by_position[0], named[0])


def test_positions_and_types_are_keywords() -> None:
    for name in ["ElectraModel", "DistilBertModel"]:
        model, ours = pair(name)
        positions = tf.constant([[4, 3, 2, 1, 0]])
        assert_same(ours(IDS, position_ids=positions), model(IDS, position_ids=positions.numpy()))
        assert not np.array_equal(ours(IDS, position_ids=positions)[0], ours(IDS)[0])
    # DistilBERT ignores token types, which a tokenizer may produce.
    assert_same(ours(IDS, token_type_ids=tf.constant(TYPES)), ours(IDS))


# Outputs.


@pytest.mark.parametrize("name", CLASSES)
def test_outputs_behave_like_those_of_the_torch_class(name: str) -> None:
    model, ours = pair(name)
    inputs = inputs_of(name)
    output, theirs = ours(**inputs, **ALL), model(**inputs, **ALL)
    assert isinstance(output, type(theirs)) and isinstance(output, outputs.ModelOutput)
    assert type(output).__name__ == f"TF{type(theirs).__name__}" and type(output).__module__ == "oxbert.tf"
    assert type(output) is getattr(oxtf, type(output).__name__)
    assert output.keys() == theirs.keys() and len(output) == len(theirs)
    first, *_ = output.to_tuple()
    assert first is output[0] is output[output.keys()[0]] is getattr(output, output.keys()[0])
    assert len(output.hidden_states) == 3 and len(output.attentions) == 2
    rows = 4 if head_of(name) == "MultipleChoice" else 2
    assert output.hidden_states[0].shape == (rows, 5, 20)
    assert output.attentions[0].shape == (rows, 5, 5, 5)
    assert output.hidden_states is output[-2]
    assert "EagerTensor" in repr(output)
    assert_same(pickle.loads(pickle.dumps(output)), output)
    plain = ours(**inputs)
    assert plain.hidden_states is None and plain.attentions is None
    values = ours(**inputs, **ALL, return_dict=False)
    assert type(values) is tuple and len(values) == len(output)
    assert [type(value) for value in values] == [type(value) for value in output.values()]
    assert ours(**inputs, return_dict=False)[0].shape == first.shape


def test_discriminators_return_probabilities() -> None:
    _, ours = pair("ElectraForPreTraining")
    output = ours(IDS[:1])
    assert output.keys() == ["logits"] and output.logits.shape == (1, 5)
    assert np.abs(tf.sigmoid(output.logits) - output.probabilities).max() < 1e-6
    assert output["probabilities"] is output.probabilities


def test_the_configuration_selects_the_fields_of_outputs() -> None:
    _, ours = pair("DistilBertModel", output_hidden_states=True)
    assert ours(IDS).keys() == ["last_hidden_state", "hidden_states"]
    assert ours(IDS, output_hidden_states=False).keys() == ["last_hidden_state"]
    ours.config.output_attentions = True
    assert ours(IDS).keys() == ["last_hidden_state", "hidden_states", "attentions"]


# Graphs.


@pytest.mark.parametrize("name", CLASSES)
def test_models_run_inside_tf_function(name: str) -> None:
    _, ours = pair(name)
    inputs = {key: tf.constant(value, "int32") for key, value in inputs_of(name).items()}
    labels = {key: tf.constant(value) for key, value in labels_of(name).items()}
    options = ALL | {"return_dict": False}
    function = tf.function(lambda given: ours(given, **options))
    expected = ours({**inputs, **labels}, **options)
    for found, value in zip(function({**inputs, **labels}), expected, strict=True):
        assert len(found) == len(value)
        for one, other in zip(tf.nest.flatten(found), tf.nest.flatten(value), strict=True):
            assert np.array_equal(one, other)
    specs = {key: tf.TensorSpec([None] * (value.ndim - 1) + [5], "int32") for key, value in inputs.items()}
    shapes = tf.nest.map_structure(
        lambda tensor: tensor.shape.as_list(), function.get_concrete_function(specs).structured_outputs
    )
    config = ours.config
    first = {
        "MaskedLM": [None, 5, config.vocab_size],
        "PreTraining": [None, 5],
        "TokenClassification": [None, 5, 3],
        "SequenceClassification": [None, 3],
        "QuestionAnswering": [None, 5],
        "MultipleChoice": [None, None],
    }.get(head_of(name), [None, 5, config.hidden_size])
    hidden, attentions = [None, 5, config.hidden_size], [None, config.num_attention_heads, 5, 5]
    second = (first,) if head_of(name) == "QuestionAnswering" else ()
    assert shapes == (first, *second, (hidden,) * 3, (attentions,) * 2)


def test_static_shapes_follow_from_the_inputs() -> None:
    _, ours = pair("ElectraForMultipleChoice")
    seen = []

    @tf.function
    def function(ids: Any, labels: Any) -> Any:
        output = ours(ids, labels=labels, output_hidden_states=True)
        seen.append({name: value.shape for name, value in flat(output).items()})
        return output.logits

    function(tf.constant(inputs_of("ElectraForMultipleChoice")["input_ids"]), tf.constant([0, 1]))
    assert seen[0] == {"loss0": [2], "logits0": [2, 2], **{f"hidden_states{layer}": [4, 5, 20] for layer in range(3)}}
    # Inputs of unknown rank.
    function.get_concrete_function(tf.TensorSpec(None, "int64"), tf.TensorSpec(None, "int64"))
    assert seen[1]["logits0"].as_list() == [None, None]
    _, encoder = pair("DistilBertModel", num_labels=3)
    embedded = tf.function(lambda embeddings: encoder(inputs_embeds=embeddings)[0])
    assert embedded.get_concrete_function(tf.TensorSpec([7, None, 20])).structured_outputs.shape.as_list() == [
        7,
        None,
        20,
    ]


def test_a_traced_graph_keeps_its_outputs() -> None:
    _, ours = pair("ElectraModel", output_attentions=True)
    function = tf.function(lambda ids: dict(ours(ids)))
    assert list(function(tf.constant(IDS))) == ["last_hidden_state", "attentions"]
    ours.config.output_attentions = False
    assert list(function(tf.constant(IDS))) == ["last_hidden_state", "attentions"]
    assert ours(IDS).keys() == ["last_hidden_state"]


def test_constants_can_be_captured_in_a_graph() -> None:
    _, ours = pair("ElectraModel")
    mask = tf.constant(MASK)
    for given in [MASK, MASK.tolist(), mask, tf.Variable(mask)]:
        function = tf.function(lambda ids, given=given: ours([ids, given])[0])
        assert np.array_equal(function(tf.constant(IDS)), ours(IDS, MASK)[0])
    # Without symbolic inputs the model still runs at every call.
    function = tf.function(lambda: ours(IDS, MASK)[0])
    before = function()
    ours.model.load_state_dict({name: value * 2 for name, value in ours.model.state_dict().items()})
    assert not np.array_equal(function(), before)
    assert np.array_equal(function(), ours(IDS, MASK)[0])


@pytest.mark.parametrize("parallel", [None, 3])
def test_models_run_in_a_dataset_pipeline(parallel: int | None) -> None:
    _, ours = pair("ElectraForTokenClassification")
    ids = np.arange(1, 36).reshape(7, 5)
    mask = np.ones_like(ids)
    mask[2:, 3:] = 0
    data = tf.data.Dataset.from_tensor_slices({"input_ids": ids, "attention_mask": mask}).batch(3)
    mapped = data.map(lambda batch: ours(batch).logits, num_parallel_calls=parallel)
    assert mapped.element_spec.shape.as_list() == [None, 5, 3]
    assert np.abs(np.concatenate(list(mapped)) - ours(ids, mask).logits).max() < TOLERANCE
    dictionaries = data.map(lambda batch: dict(ours(batch, **ALL)))
    assert [len(batch["hidden_states"]) for batch in dictionaries] == [3, 3, 3]


def test_ragged_tensors_run_in_a_graph() -> None:
    _, ours = pair("ElectraModel")
    ragged = tf.ragged.constant([[2, 17, 5, 36, 9], [2, 30, 11]])
    assert np.array_equal(tf.function(lambda ids: ours(ids)[0])(ragged), ours(ragged)[0])


def test_models_run_in_a_keras_lambda_layer() -> None:
    _, ours = pair("DistilBertForSequenceClassification")
    layers = [tf.keras.Input((5,), dtype="int32"), tf.keras.layers.Lambda(lambda ids: ours(ids).logits)]
    keras = tf.keras.Sequential(layers)
    assert keras.output_shape == (None, 3)
    assert np.abs(keras.predict(IDS, verbose=0) - ours(IDS).logits).max() < TOLERANCE


def test_errors_in_a_graph_keep_their_message() -> None:
    _, ours = pair("ElectraModel")
    function = tf.function(lambda ids: ours(ids)[0])
    with pytest.raises(
        tf.errors.InvalidArgumentError, match=r"ShapeError: input_ids: expected shape \[B, S\], got \[2\]"
    ):
        function(tf.constant([1, 2]))
    with pytest.raises(tf.errors.UnknownError, match=r"IdRangeError: input_ids: 99 at \[0, 1\]"):
        function(tf.constant([[1, 99]]))
    # AutoGraph wraps errors that occur during tracing.
    with pytest.raises(Exception, match="InputError: training: expected False"):
        tf.function(lambda ids: ours(ids, training=True)[0])(tf.constant(IDS))


def test_a_function_returns_tensors_or_a_dictionary() -> None:
    _, ours = pair("ElectraModel")
    with pytest.raises(errors.InputError, match=r"tf\.function cannot return an output.*dict\(output\)"):
        tf.function(ours)(tf.constant(IDS))
    assert len(tf.function(ours)(tf.constant(IDS), return_dict=False)) == 1


# Errors.


def test_training_and_decoder_arguments_are_refused() -> None:
    _, ours = pair("ElectraModel")
    with pytest.raises(errors.InputError, match=r"training: expected False.*oxbert\.torch") as caught:
        ours(IDS, training=True)
    assert caught.value.what == "training"
    for name in ["head_mask", "encoder_hidden_states", "encoder_attention_mask", "past_key_values", "use_cache"]:
        with pytest.raises(errors.InputError, match=f"{name}: expected None") as caught:
            ours(IDS, **{name: tf.ones((2, 5))})
        assert caught.value.what == name
    ours(IDS, head_mask=None, use_cache=False, training=None)
    with pytest.raises(errors.InputError, match="head_mask"):
        ours([IDS, MASK, TYPES, None, tf.ones(2)])
    ours.model.train()
    with pytest.raises(errors.InputError, match=r"training mode.*eval\(\)"):
        ours(IDS)
    ours.model.eval()
    with pytest.raises(errors.InputError, match=r"input_ids.*KerasTensor"):
        ours(tf.keras.Input((3,), dtype="int32"))


@pytest.mark.parametrize("name", CLASSES)
def test_unknown_and_doubled_arguments_are_refused(name: str) -> None:
    _, ours = pair(name)
    inputs = inputs_of(name)
    ids = inputs["input_ids"]
    cls = f"TF{name}"
    with pytest.raises(TypeError, match=f"{cls}.*unexpected keyword argument 'ids'"):
        ours(ids, ids=ids)
    with pytest.raises(TypeError, match=f"{cls}.*unexpected keyword argument 'offset_mapping'"):
        ours({"input_ids": ids, "offset_mapping": ids})
    if not labels_of(name):
        with pytest.raises(TypeError, match="labels"):
            ours(ids, labels=ids)
    with pytest.raises(TypeError, match=f"{cls}.*too many"):
        ours(*[None] * 20)
    with pytest.raises(TypeError, match=f"{cls}.*too many"):
        ours([ids] * 20)
    with pytest.raises(TypeError, match=f"{cls}.*multiple values.*input_ids"):
        ours(ids, input_ids=ids)
    with pytest.raises(TypeError, match=f"{cls}.*multiple values.*input_ids"):
        ours(inputs=ids, input_ids=ids)
    with pytest.raises(TypeError, match=f"{cls}.*multiple values.*attention_mask"):
        ours(inputs, attention_mask=ids)
    with pytest.raises(TypeError, match=f"{cls}.*multiple values.*attention_mask"):
        ours([ids, inputs["attention_mask"]], attention_mask=ids)
    with pytest.raises(errors.InputError, match="input_ids"):
        ours()
    with pytest.raises(errors.InputError, match="input_ids"):
        ours(None)
    with pytest.raises((errors.InputError, errors.ShapeError), match="input_ids"):
        ours([])
    with pytest.raises(errors.DtypeError, match="input_ids"):
        ours(tf.constant(ids, tf.float32))
    with pytest.raises(errors.ShapeError, match="input_ids"):
        ours(tf.constant(ids)[0, 0])
    with pytest.raises(errors.ShapeError, match="attention_mask"):
        ours(ids, inputs["attention_mask"][:, :1])
    with pytest.raises(errors.IdRangeError, match="input_ids"):
        ours(ids + 1000)


# Making, loading, saving.


@pytest.mark.parametrize("name", CLASSES)
def test_models_are_built_saved_and_loaded(name: str, tmp_path: Path) -> None:
    kind, config, inputs = tf_class(name), configuration(name), inputs_of(name)
    ours = kind.from_config(config, seed=3)
    assert type(ours) is kind and type(ours.model) is getattr(oxbert, name)
    assert ours.config is ours.model.config and ours.config == config
    assert ours.num_parameters() == ours.model.num_parameters() > 0
    assert repr(ours) == "TF" + repr(ours.model)
    expected = ours(inputs)
    assert_same(kind(config, seed=3)(inputs), expected)
    assert_same(kind(ours.model)(inputs), expected)
    assert_same(pickle.loads(pickle.dumps(ours))(inputs), expected)
    for format in ["safetensors", "ot", "bin"]:
        ours.save_pretrained(tmp_path / format, format=format)
        again = kind.from_pretrained(tmp_path / format, device="cpu", strict=True)
        assert_same(again(inputs), expected)
    ours.save_pretrained(tmp_path / "ot", format="ot", saved_model=False)
    with pytest.raises(errors.InputError, match=r"^saved_model: expected False"):
        ours.save_pretrained(tmp_path / "ot", saved_model=True)
    as_tuple = kind.from_pretrained(tmp_path / "ot", return_dict=False)
    assert type(as_tuple(inputs)) is tuple
    assert_same(as_tuple.call(inputs, return_dict=True), expected)
    for option in ["from_pt", "from_tf", "from_flax"]:
        assert_same(kind.from_pretrained(tmp_path / "ot", **{option: True})(inputs), expected)
    changed = kind.from_pretrained(tmp_path / "ot", output_hidden_states=True)
    assert "hidden_states" in changed(inputs)
    with pytest.raises(TypeError, match="no_such_field"):
        kind.from_pretrained(tmp_path / "ot", no_such_field=1)
    with pytest.raises(errors.MissingFileError):
        kind.from_pretrained(tmp_path / "nowhere")


def test_models_of_other_classes_are_refused() -> None:
    model = oxbert.ElectraModel(configuration("ElectraModel"))
    with pytest.raises(
        errors.DtypeError, match="expected a configuration or ElectraForMaskedLM, got ElectraModel"
    ) as caught:
        oxtf.TFElectraForMaskedLM(model)
    assert (caught.value.what, caught.value.got) == ("config", "ElectraModel")
    with pytest.raises(errors.DtypeError):
        oxtf.TFElectraModel("electra-tiny-discriminator")
    with pytest.raises(errors.ConfigError):
        oxtf.TFElectraModel(configuration("DistilBertModel"))


def test_input_embeddings_are_a_copy() -> None:
    model, ours = pair("ElectraModel")
    table = ours.get_input_embeddings()
    before = table.numpy().copy()
    with torch.no_grad():
        model.get_input_embeddings().weight += 1
    assert np.array_equal(table, before)
    assert np.array_equal(ours.get_input_embeddings(), before + 1)


def test_subclasses_are_models() -> None:
    class Mine(oxtf.TFElectraModel):
        def pooled(self, *arguments: Any) -> Any:
            return self(*arguments).last_hidden_state[:, 0]

    mine = Mine.from_pretrained("electra-tiny-discriminator")
    assert type(mine) is Mine and mine.pooled(IDS).shape == (2, mine.config.hidden_size)


# Tokenizers.

TEXTS = ["Return the value.", "It is.", "A longer text, of more than a few words."]


@pytest.mark.parametrize("name", [name for name in CLASSES if head_of(name) != "MultipleChoice"])
def test_models_take_encodings_of_tokenizers(name: str) -> None:
    kind = getattr(oxbert, f"{family_of(name)}Tokenizer")
    tokenizer = kind.from_pretrained("electra-tiny-discriminator")
    _, ours = pair(name, vocab_size=len(tokenizer))
    encoding = tokenizer(TEXTS, padding=True, return_tensors="tf")
    assert type(encoding) is oxbert.BatchEncoding and all(tf.is_tensor(column) for column in encoding.values())
    expected = ours(tokenizer(TEXTS)["input_ids"])
    rows = tokenizer(TEXTS)
    for given in [
        encoding,
        tokenizer(TEXTS, padding=True).convert_to_tensors("tf"),
        tokenizer.pad(rows, return_tensors="tf"),
        tokenizer.pad([tokenizer(text) for text in TEXTS], return_tensors="tf"),
        rows,
    ]:
        assert_same(ours(**given), expected)
        assert_same(ours(given), expected)
        assert_same(ours(dict(given)), expected)
    function = tf.function(lambda columns: ours(columns)[0])
    assert np.array_equal(function(dict(encoding)), expected[0])
    single = tokenizer(TEXTS[0]).convert_to_tensors("tf", prepend_batch_axis=True)
    assert np.abs(ours(single)[0] - ours([rows["input_ids"][0]])[0]).max() < TOLERANCE


# The module.

PROGRAM = """
import sys
import oxbert
assert "tensorflow" not in sys.modules
sys.modules["tensorflow"] = None
try:
    import oxbert.tf
except oxbert.errors.MissingDependencyError as error:
    assert isinstance(error, ImportError)
    print(error.name, "|", error.command, "|", error)
"""


def test_only_this_module_requires_tensorflow() -> None:
    done = run([sys.executable, "-W", "error", "-c", PROGRAM], check=True)
    command = 'pip install "oxbert[tf]"'
    assert done.stdout.strip() == f"tensorflow | {command} | oxbert.tf needs TensorFlow; run: {command}"


def test_everything_is_documented() -> None:
    assert {f"TF{name}" for name in CLASSES} <= set(oxtf.__all__)
    assert oxtf.__all__ == sorted(name for name in vars(oxtf) if name.startswith("TF"))
    for name in oxtf.__all__:
        kind = getattr(oxtf, name)
        assert kind.__doc__ and kind.__module__ == "oxbert.tf"
    for name, member in vars(oxtf.TFModel).items():
        assert name.startswith("_") or inspect.getdoc(member), name


def test_snippets_of_the_document_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run every Python block from top to bottom in one namespace."""
    monkeypatch.chdir(tmp_path)
    document = (ROOT / "docs/tensorflow.md").read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", document, re.DOTALL | re.MULTILINE)
    assert blocks
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, block in enumerate(blocks):
        exec(compile(block, f"docs/tensorflow.md, block {number + 1}", "exec"), names)


def test_torch_classes_return_tensorflow_tensors_for_tensorflow_inputs() -> None:
    config = oxbert.ElectraConfig(
        vocab_size=9, hidden_size=4, embedding_size=4, num_hidden_layers=1, intermediate_size=3
    )
    model = oxbert.ElectraForMaskedLM(config, seed=0).eval()
    ids, mask = [[2, 5, 3], [2, 3, 0]], [[1, 1, 1], [1, 1, 0]]
    expected = model(ids, mask, output_hidden_states=True)
    for dtype in (tf.int32, tf.int64):
        outputs = model(tf.constant(ids, dtype), tf.constant(mask, dtype), output_hidden_states=True)
        assert isinstance(outputs.logits, tf.Tensor) and isinstance(outputs.hidden_states[1], tf.Tensor)
        assert np.array_equal(outputs.logits.numpy(), expected.logits)
    states = tf.constant(expected.hidden_states[-1])
    assert isinstance(oxbert.ElectraDiscriminatorHead(config)(states), tf.Tensor)
    assert isinstance(oxbert.Activation("gelu")(states), tf.Tensor)
    embeddings = tf.random.stateless_normal((2, 3, 4), (0, 1))
    assert isinstance(model(inputs_embeds=embeddings).logits, tf.Tensor)
    assert isinstance(model(ids, tf.constant(mask)).logits, np.ndarray)
