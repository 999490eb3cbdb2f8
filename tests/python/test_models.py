"""Compare models with transformers on every kind of input, and check laws that hold for every model."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

import oxbert

from . import reference
from .reference import CLASSES, TEXTS, TOLERANCE, Pair, family_of, fresh, head_of, pairs


def nested(name: str, rows: Any) -> Any:
    """Return rows in the form that a model takes; for multiple choice, all rows become choices of one question."""
    if head_of(name) != "MultipleChoice":
        return rows
    return rows[None] if isinstance(rows, np.ndarray | torch.Tensor) else [rows]


def numbers(output: Any) -> np.ndarray:
    """Stack the default fields of an output: [B, S, ...], or [B, L] for heads of texts."""
    arrays = [torch.as_tensor(value).detach() for value in output.to_tuple()]
    return (arrays[0] if len(arrays) == 1 else torch.stack(arrays, -1)).numpy()


# Numbers.


@pairs(*CLASSES)
def test_outputs_match_transformers(pair: Pair) -> None:
    ours = pair.ours()
    options = {"output_hidden_states": True, "output_attentions": True}
    for label, case in reference.cases(pair.theirs.config).items():
        arguments = pair.arguments(case) | pair.targets(case)
        with torch.no_grad():
            expected = pair.expected(case, **options)
            tensors = ours(**arguments, **options)
        arrays = ours(**{name: value.numpy() for name, value in arguments.items()}, **options)
        assert type(tensors[0]) is torch.Tensor and type(arrays[0]) is np.ndarray
        # transformers also lists cross attentions, which are empty for an encoder.
        assert tensors.keys() == arrays.keys() == [name for name in expected if name != "cross_attentions"]
        layers = pair.theirs.config.num_hidden_layers
        assert len(arrays.hidden_states) == layers + 1 and len(arrays.attentions) == layers
        for got in (tensors, arrays):
            for name, difference in pair.differences(got, expected, case.kept):
                assert difference <= TOLERANCE, f"{label}: {name}"


@pairs(*CLASSES, configs=["small", "one-label"])
def test_positional_calls_match_transformers(pair: Pair) -> None:
    ours, theirs = pair.ours(), pair.theirs
    case = reference.cases(theirs.config)["positions"]
    arguments = {"token_type_ids": torch.zeros_like(case.kept, dtype=torch.int64)} | case.arguments
    case.arguments = {name: arguments[name] for name in ours.arguments if name in arguments}
    given = {name: pair.arguments(case).get(name) for name in ours.arguments} | pair.targets(case)
    with torch.no_grad():
        expected = pair.expected(case)
        got = ours(*given.values())
        again = ours(*given.values(), return_dict=False)
    for name, difference in pair.differences(got, expected, case.kept):
        assert difference <= TOLERANCE, name
    assert type(again) is tuple and len(again) == len(got) == len(expected)
    assert all(torch.equal(one, other) for one, other in zip(again, got.to_tuple(), strict=True))


@pytest.mark.parametrize("name", CLASSES)
def test_the_order_of_arguments_matches_transformers(name: str) -> None:
    signature = inspect.signature(getattr(transformers, name).forward).parameters
    # Arguments of decoders; `cache` was `past_key_values` before transformers 5.24.
    decoder = {
        "self",
        "encoder_hidden_states",
        "encoder_attention_mask",
        "past_key_values",
        "cache",
        "use_cache",
        "kwargs",
    }
    assert getattr(oxbert, name).arguments == tuple(key for key in signature if key not in decoder)


@pytest.mark.parametrize("name", CLASSES)
def test_the_names_and_order_of_parameters_match_transformers(name: str) -> None:
    """Compare names in order, because the state of an optimizer refers to parameters by order."""
    for key in ("small", "three-labels", "untied"):
        config = getattr(transformers, f"{family_of(name)}Config")(**reference.values_of(name, key))
        theirs = [name for name, _ in getattr(transformers, name)(config).named_parameters()]
        assert [name for name, _ in fresh(name, key).named_parameters()] == theirs


def test_distilbert_ignores_token_types() -> None:
    model = fresh("DistilBertForMaskedLM")
    expected = model([[1, 2, 3]]).logits
    np.testing.assert_array_equal(model([[1, 2, 3]], token_type_ids=[[0, 99, 1]]).logits, expected)
    with pytest.raises(TypeError, match="positional"):
        model([[1, 2, 3]], None, None, None, None, [[0, 1, 1]])
    with pytest.raises(TypeError, match="types"):
        model([[1, 2, 3]], types=[[0, 1, 1]])


WRONG = [
    ("Electra", "layer_norm_eps", 1e-12),
    ("Electra", "layer_norm_eps", 2e-3),
    ("Electra", "hidden_act", "gelu"),
    ("Electra", "hidden_act", "silu"),
    ("Electra", "num_attention_heads", 4),
    ("Electra", "num_hidden_layers", 1),
    ("DistilBert", "activation", "gelu"),
    ("DistilBert", "n_heads", 4),
    ("DistilBert", "n_layers", 1),
]


@pytest.mark.parametrize(("family", "key", "value"), WRONG)
def test_a_wrong_constant_exceeds_the_tolerance(family: str, key: str, value: Any, tmp_path: Path) -> None:
    """Check that ignoring a value of the configuration would exceed the tolerance."""
    for name in filter(lambda name: family_of(name) == family, CLASSES):
        values = reference.values_of(name, "E-is-H" if family == "Electra" else "relu")
        pair = reference.build(name, values, tmp_path / name)
        wrong = getattr(oxbert, f"{family}Config").from_pretrained(pair.folder)
        setattr(wrong, key, value)
        case = reference.cases(pair.theirs.config)["ids"]
        model = getattr(oxbert, name).from_pretrained(pair.folder, config=wrong, strict=False)
        with torch.no_grad():
            got, expected = model(**pair.arguments(case)), pair.theirs(**pair.arguments(case))
        assert max(difference for _, difference in pair.differences(got, expected, case.kept)) > 10 * TOLERANCE


# Laws.


@pytest.mark.parametrize("name", CLASSES)
def test_padded_ragged_and_single_rows_agree(name: str) -> None:
    model, of_texts = fresh(name), head_of(name) in TEXTS
    reference.scatter(model.named_parameters())
    rows = [[1, 2, 3, 4, 5], [6, 7], [8], [9, 10, 11]]
    padded = np.full((4, 5), 49)
    mask = np.zeros((4, 5), dtype=bool)
    for row, ids in enumerate(rows):
        padded[row, : len(ids)], mask[row, : len(ids)] = ids, True

    def call(rows: Any, mask: Any = None) -> np.ndarray:
        found = numbers(model(nested(name, rows), None if mask is None else nested(name, mask)))
        return found[0, :, None] if head_of(name) == "MultipleChoice" else found

    ragged, rectangular = call(rows), call(padded, mask)
    assert ragged.shape == rectangular.shape
    np.testing.assert_allclose(ragged, rectangular, rtol=0, atol=TOLERANCE)
    assert of_texts or not rectangular[~mask].any()
    garbage = np.where(mask, padded, -(10**12))
    np.testing.assert_array_equal(call(garbage, mask), rectangular)
    for row, ids in enumerate(rows):
        alone = call([ids])
        assert of_texts or alone.shape[:2] == (1, len(ids))
        np.testing.assert_allclose(
            alone[0], ragged[row] if of_texts else ragged[row, : len(ids)], rtol=0, atol=TOLERANCE
        )
    order = [2, 0, 3, 1]
    np.testing.assert_allclose(call([rows[row] for row in order]), ragged[order], rtol=0, atol=TOLERANCE)
    np.testing.assert_array_equal(call(rows), ragged)


@pytest.mark.parametrize("summary", ["first", "last", "mean", "cls_index"])
def test_summaries_ignore_padding(summary: str) -> None:
    model = fresh("ElectraForMultipleChoice", summary_type=summary)
    rows = [[[1, 2, 3, 4], [5, 6]]]
    ids, mask = (
        np.array([[[9, 1, 2, 3, 4, 9], [9, 5, 9, 6, 9, 9]]]),
        np.array([[[0, 1, 1, 1, 1, 0], [0, 1, 0, 1, 0, 0]]]),
    )
    positions = np.array([[[9, 0, 1, 2, 3, 9], [9, 0, 9, 1, 9, 9]]])
    np.testing.assert_allclose(
        model(ids, mask, position_ids=positions).logits, model(rows).logits, rtol=0, atol=TOLERANCE
    )


@pytest.mark.parametrize("name", CLASSES)
def test_a_row_without_kept_tokens_does_not_affect_others(name: str) -> None:
    model, of_texts = fresh(name), head_of(name) in TEXTS
    both = numbers(model(nested(name, [[1, 2], [3, 4]]), nested(name, [[0, 0], [1, 1]])))
    alone = numbers(model(nested(name, [[3, 4]])))
    nothing = numbers(model(nested(name, [[1, 2]]), nested(name, [[0, 0]])))
    if head_of(name) == "MultipleChoice":
        both, alone, nothing = both.T, alone.T, nothing.T
    np.testing.assert_allclose(both[1:], alone, rtol=0, atol=TOLERANCE)
    np.testing.assert_array_equal(both[:1], nothing)
    # An empty text is summarised as the zero vector, of which a head may return any finite number.
    assert np.isfinite(nothing).all() and (of_texts or not nothing.any())


@pytest.mark.parametrize("name", CLASSES)
def test_outputs_have_the_array_type_of_the_inputs(name: str) -> None:
    model = fresh(name)
    expected = numbers(model(nested(name, np.array([[1, 2, 3]]))))

    def check(ids: Any, kind: type, mask: Any = None) -> None:
        output = model(nested(name, ids), None if mask is None else nested(name, mask))
        assert type(output[0]) is kind
        np.testing.assert_array_equal(numbers(output), expected)

    for ids in [[[1, 2, 3]], [np.array([1, 2, 3])], [torch.tensor([1, 2, 3])], ((1, 2, 3),)]:
        check(ids, np.ndarray)
    for dtype in ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", ">i4", ">i8"]:
        check(np.array([[1, 2, 3]], dtype=dtype), np.ndarray)
    for dtype in [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64]:
        check(torch.tensor([[1, 2, 3]], dtype=dtype), torch.Tensor)
    for mask in [[[True, True, True]], np.ones((1, 3), bool), np.ones((1, 3), np.float32), torch.ones(1, 3)]:
        check([[1, 2, 3]], np.ndarray, mask)
    # Views that are not contiguous.
    wide = np.array([[1, 9, 2, 9, 3]])
    for view in [wide[:, ::2], np.asfortranarray(wide)[:, ::2]]:
        check(view, np.ndarray)
    check(torch.tensor(wide)[:, ::2], torch.Tensor)


@pytest.mark.parametrize("name", ["ElectraModel", "ElectraForMultipleChoice", "DistilBertForMaskedLM"])
def test_nested_lists_are_accepted_as_embeddings(name: str) -> None:
    model = fresh(name)
    width = model.get_input_embeddings().embedding_dim
    embeddings = nested(name, np.random.default_rng(0).normal(size=(2, 3, width)).astype(np.float32))
    expected = model(inputs_embeds=embeddings)[0]
    np.testing.assert_array_equal(model(inputs_embeds=embeddings.tolist())[0], expected)
    np.testing.assert_array_equal(model(inputs_embeds=np.asfortranarray(embeddings))[0], expected)


@pytest.mark.parametrize("name", ["ElectraForMultipleChoice", "DistilBertForMultipleChoice"])
def test_choices_may_be_ragged_and_of_any_array_type(name: str) -> None:
    model = fresh(name)
    reference.scatter(model.named_parameters())
    rows = [[[1, 2, 3], [4]], [[5, 6], [7, 8, 9, 10]], [[11], [12]]]
    expected = model(rows).logits
    assert expected.shape == (3, 2)
    padded, mask = np.zeros((3, 2, 4), int), np.zeros((3, 2, 4), int)
    for question, choices in enumerate(rows):
        for choice, ids in enumerate(choices):
            padded[question, choice, : len(ids)], mask[question, choice, : len(ids)] = ids, 1
    np.testing.assert_allclose(model(padded, mask).logits, expected, rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(model(list(padded), mask).logits, expected, rtol=0, atol=TOLERANCE)
    for question in range(3):
        np.testing.assert_allclose(
            model(rows[question : question + 1]).logits, expected[question : question + 1], rtol=0, atol=TOLERANCE
        )
    assert model([[[1]]]).logits.shape == (1, 1)
    with pytest.raises(oxbert.errors.ShapeError, match="2 choices"):
        model([[[1], [2]], [[3]]])
    for flat in ([[1, 2]], np.array([[1, 2]]), torch.tensor([[1, 2]])):
        with pytest.raises(oxbert.errors.ShapeError, match=r"\[B, C, S\]"):
            model(flat)
    with pytest.raises(oxbert.errors.ShapeError, match="input_ids"):
        fresh(name.replace("MultipleChoice", "SequenceClassification"))(rows)


def test_hidden_states_and_attentions_follow_the_configuration(config: oxbert.ElectraConfig) -> None:
    config.output_hidden_states = config.output_attentions = True
    model = oxbert.ElectraForMaskedLM(config, seed=0)
    assert model([[1, 2]]).keys() == ["logits", "hidden_states", "attentions"]
    assert model([[1, 2]], output_hidden_states=False, output_attentions=False).keys() == ["logits"]
    # `model.config` refers to the model's own configuration.
    model.config.output_hidden_states = False
    assert model([[1, 2]]).keys() == ["logits", "attentions"]


# Properties of models.


@pytest.mark.parametrize("name", CLASSES)
def test_attributes_of_a_new_model(name: str) -> None:
    config = reference.config_of(name)
    model = getattr(oxbert, name)(config, seed=0)
    assert (model.device, model.precision, model.training) == ("cpu", "float32", False)
    assert model.num_parameters() == sum(parameter.numel() for parameter in model.parameters())
    assert model.config == config and model.config is not config and model.config is model.config
    assert model.load_report["missing"] == []
    assert model.to("cpu") is model
    assert model.to(torch.device("cpu")) is model


def test_repr_shows_the_structure_of_a_model() -> None:
    model = fresh("DistilBertForTokenClassification", "three-labels", n_layers=12)
    assert (
        repr(model)
        == f"""DistilBertForTokenClassification: {model.num_parameters()} parameters, float32 on cpu
  distilbert
    embeddings
      word_embeddings: weight [50, 20]
      position_embeddings: weight [16, 20]
      LayerNorm: weight [20], bias [20]
    transformer
      layer
        0-11 (12 times)
          attention
            q_lin: weight [20, 20], bias [20]
            k_lin: weight [20, 20], bias [20]
            v_lin: weight [20, 20], bias [20]
            out_lin: weight [20, 20], bias [20]
          sa_layer_norm: weight [20], bias [20]
          ffn
            lin1: weight [28, 20], bias [28]
            lin2: weight [20, 28], bias [20]
          output_layer_norm: weight [20], bias [20]
  classifier: weight [3, 20], bias [3]"""
    )
    lines = repr(fresh("ElectraForMaskedLM", num_hidden_layers=1)).splitlines()
    for line in ["    embeddings_project: weight [20, 12], bias [20]", "        0", "  generator_lm_head: bias [50]"]:
        assert line in lines
    assert not any("times" in line for line in lines)


@pytest.mark.parametrize("name", CLASSES)
def test_parameters_are_the_models_own(name: str) -> None:
    model = fresh(name)
    for key, parameter in model.named_parameters():
        assert type(parameter) is torch.nn.Parameter and parameter.dtype == torch.float32, key
        assert parameter.is_leaf and parameter.requires_grad, key
    again = dict(model.named_parameters())
    for key, parameter in model.named_parameters():
        assert parameter is again[key] and parameter.data_ptr() == model.state_dict()[key].data_ptr()
    assert all(parameter is other for parameter, other in zip(model.parameters(), again.values(), strict=True))


def test_the_graph_outlives_the_last_reference_to_the_model(config: oxbert.ElectraConfig) -> None:
    model = oxbert.ElectraForMaskedLM(config, seed=0)
    parameter = dict(model.named_parameters())["electra.embeddings.word_embeddings.weight"]
    loss = model(torch.tensor([[1, 2, 3]])).logits.sum()
    del model
    loss.backward()
    assert parameter.grad is not None and parameter.grad.any()


def test_the_snippet_of_the_model_card_runs(capsys: pytest.CaptureFixture[str]) -> None:
    from oxbert.errors import ShapeError
    from oxbert.modelcard import ElectraForPreTraining, ElectraTokenizerFast

    discriminator = ElectraForPreTraining.from_pretrained("electra-tiny-discriminator")
    tokenizer = ElectraTokenizerFast.from_pretrained("electra-tiny-discriminator")
    fake = "The function fake a list"
    tokens = tokenizer.tokenize(fake)
    inputs = tokenizer.encode(fake, return_tensors="pt")
    outputs = discriminator(inputs)
    predictions = torch.round((torch.sign(outputs[0]) + 1) / 2)
    assert [int(prediction) for prediction in predictions.tolist()] == [
        int(value > 0.5) for value in outputs.probabilities.tolist()
    ]
    assert len(tokens) == len(predictions)
    with pytest.raises(ShapeError, match="one text"):
        discriminator(torch.ones(2, 4, dtype=torch.int64))


def test_configurations_of_other_families_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(oxbert.errors.ConfigError, match="bert") as caught:
        oxbert.ElectraModel.from_pretrained(tmp_path)
    assert caught.value.field == "model_type"
